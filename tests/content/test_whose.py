"""Whose mail is looked at."""

from pathlib import Path

import pytest

from gateway.model import Action, Reason, ReasonCode, Recipient, Verdict
from gateway.smtpd.admission import Admitted
from gateway.smtpd.contents import FILES_COUNT, FILES_MAY_COUNT, is_worth_a_look, letter
from gateway.spool import Spool
from tests.content.letters import plain, with_file
from tests.policy.stranger import BO, rcpt


def spooled(data: bytes, folder: Path) -> Spool:
    spool = Spool(folder)
    spool.write(data)
    return spool


def admitted(code: ReasonCode) -> Admitted:
    return Admitted(Recipient(BO), rcpt(), Verdict(Action.ACCEPT, (Reason(code),)), carried=False)


@pytest.mark.parametrize(
    ("code", "words", "file"),
    [
        (ReasonCode.GREYLIST_DATA, True, True),
        (ReasonCode.LEVEL_REVIEW_BEFORE, True, True),
        (ReasonCode.LEVEL_WATCH, True, True),
        (ReasonCode.RELAY_DECLARED, True, True),
        (ReasonCode.PARTY_REMEMBERED, True, True),
        (ReasonCode.PARTY_KNOWN, False, True),
        (ReasonCode.LIST_ALLOWED, False, True),
        (ReasonCode.LEVEL_OFF, False, False),
        (ReasonCode.SWITCH_BYPASS, False, False),
        (ReasonCode.RECIPIENT_EXEMPT, False, False),
    ],
)
def test_strangers_always_known_ones_for_their_files_and_some_never(code, words, file, tmp_path):
    assert is_worth_a_look(admitted(code), spooled(plain(), tmp_path), FILES_COUNT) is words
    assert is_worth_a_look(admitted(code), spooled(with_file("a.pdf", b"x"), tmp_path), FILES_COUNT) is file


def test_remembered_ones_go_past_where_the_settings_say_so(tmp_path):
    one = admitted(ReasonCode.PARTY_REMEMBERED)
    assert not is_worth_a_look(one, spooled(plain(), tmp_path), FILES_MAY_COUNT)
    assert is_worth_a_look(one, spooled(with_file("a.pdf", b"x"), tmp_path), FILES_MAY_COUNT)


def test_a_large_mail_goes_by_its_file_and_a_small_one_by_its_bytes(tmp_path):
    small, large = spooled(plain(), tmp_path), spooled(plain("x" * 200_000), tmp_path)
    assert letter(small).data == plain()
    assert Path(letter(large).path).read_bytes() == plain("x" * 200_000)
    assert is_worth_a_look(admitted(ReasonCode.PARTY_KNOWN), large, FILES_COUNT), (
        "what is not in memory is not searched"
    )
