"""The little that the nouns can say of themselves."""

from gateway.model import Envelope, ReasonCode, Recipient, RungKind
from tests.policy.stranger import ANN, BO, MINUTE, seen, uploaded


def test_addresses_are_compared_in_lower_case_and_sent_as_they_came():
    assert (ANN.key, ANN.raw) == ("ann@elsewhere.example", "Ann@elsewhere.example")


def test_the_null_sender_has_an_empty_key():
    assert Envelope(None, (Recipient(BO),)).sender_key == ""
    assert Envelope(ANN, (Recipient(BO),)).sender_key == ANN.key


def test_rungs_are_ordered_by_strength():
    names = ["SPF_WIDE", "NETWORK", "FCRDNS", "SPF", "DKIM"]
    assert [kind.name for kind in sorted(RungKind)] == names


def test_a_reason_is_named_by_its_topic_and_what_happened():
    for code in ReasonCode:
        topic, dot, happened = code.value.partition(".")
        assert topic.isalpha()
        assert dot
        assert happened.replace("_", "").isalpha()
        assert code.name == code.value.upper().replace(".", "_")


def test_a_sighting_knows_whether_it_saw_the_data():
    assert uploaded(MINUTE).saw_data
    assert not seen(MINUTE).saw_data
