"""Every rule of the policy can be read aloud."""

from gateway.policy import inbound
from gateway.policy.aloud import SENTENCES, WHEN_NAMED, WHEN_THERE


def test_every_rule_has_a_sentence_and_none_that_is_gone() -> None:
    assert set(SENTENCES) == {*inbound.RCPT_RULES, *inbound.DATA_RULES}
    assert (len(WHEN_NAMED), len(WHEN_THERE)) == (len(inbound.RCPT_RULES), len(inbound.DATA_RULES))


def test_sentences_end_as_sentences_do_and_none_is_told_twice() -> None:
    assert all(one[0].isupper() and one.endswith(".") for one in SENTENCES.values())
    assert len(set(SENTENCES.values())) == len(SENTENCES)
