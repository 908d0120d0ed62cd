"""The SMTP words of every verdict."""

import pytest

from gateway.model import Action, Reason, ReasonCode, Reply, Verdict
from gateway.policy import reply as words
from gateway.policy.reply import (
    ACCEPTED,
    DEFERRALS,
    FAILED,
    MAX_LINE,
    REFUSALS,
    Wording,
    deferral,
    reply_to,
    with_id,
)
from tests.policy.stranger import REFUSAL

ID = "m7z18zskzj468"
CONFIGURED = Wording(450, "4.2.0", "x" * 200)

# Every code, by what it can decide. Whoever adds one has to say here what it does.
DEFERS = {
    ReasonCode.HOSTER_WAIT,
    ReasonCode.RECIPIENT_UNVERIFIED,
    ReasonCode.RECIPIENT_HARVEST,
    ReasonCode.RECIPIENT_OTHER_CLASS,
    ReasonCode.TRAP_NETWORK,
    ReasonCode.GREYLIST_NEW,
    ReasonCode.GREYLIST_EARLY,
    ReasonCode.GREYLIST_LARGE,
    ReasonCode.GREYLIST_OTHER_CONTENT,
    ReasonCode.RETRY_IN_FLIGHT,
    ReasonCode.BACKEND_DEFERRED,
    ReasonCode.BACKEND_DOWN,
    ReasonCode.BACKEND_SLOW,
    ReasonCode.STORE_UNAVAILABLE,
    ReasonCode.STORAGE_FULL,
    ReasonCode.INTERNAL_FAILURE,
}
REJECTS = {
    ReasonCode.AUTH_FORGED,
    ReasonCode.RELAY_DENIED,
    ReasonCode.RECIPIENT_UNKNOWN,
    ReasonCode.TRAP_HIT,
    ReasonCode.TARPIT_EARLY_TALKER,
    ReasonCode.LIST_BLOCKED,
    ReasonCode.RETRY_REFUSED,
    ReasonCode.RETRY_UNDELIVERABLE,
    ReasonCode.MESSAGE_LOOP,
    ReasonCode.MESSAGE_DEFECT,
    ReasonCode.BACKEND_REFUSED,
}
LETS_IN = {
    ReasonCode.RECIPIENT_EXEMPT,
    ReasonCode.RELAY_DECLARED,
    ReasonCode.RELAY_SPARED,
    ReasonCode.LIST_ALLOWED,
    ReasonCode.SWITCH_BYPASS,
    ReasonCode.SWITCH_GREYLIST_OFF,
    ReasonCode.OBSERVE_LET_IN,
    ReasonCode.LEVEL_OFF,
    ReasonCode.LEVEL_WATCH,
    ReasonCode.LEVEL_REVIEW_BEFORE,
    ReasonCode.LEVEL_KNOWN_ONLY,
    ReasonCode.PARTY_KNOWN,
    ReasonCode.AUDIT_SAMPLED,
    ReasonCode.EXPECTED_MAIL,
    ReasonCode.HELO_FORGED,
    ReasonCode.SENDER_LOOKALIKE,
    ReasonCode.SENDER_HIDDEN,
    ReasonCode.PARTY_REMEMBERED,
    ReasonCode.GREYLIST_DATA,
    ReasonCode.GREYLIST_PASSED,
    ReasonCode.GREYLIST_PATIENT,
    ReasonCode.GREYLIST_CARRIED,
    ReasonCode.GREYLIST_COMPANY,
    ReasonCode.HOSTER_HOLD,
    ReasonCode.TAKEOVER_DUE,
    ReasonCode.BOUNCE_OURS,
    ReasonCode.BOUNCE_FOREIGN,
    ReasonCode.RETRY_DELIVERED,
    *(code for code in ReasonCode if code.startswith(("campaign.", "content.", "structure.", "attachment.", "score."))),
    ReasonCode.NOTICE_DIGEST,
    ReasonCode.NOTICE_EXPIRED,
}


def worded(action: Action, code: ReasonCode, wording: Wording = CONFIGURED, *, at_rcpt: bool = False) -> Reply:
    return reply_to(Verdict(action, (Reason(code),)), wording, ID, at_rcpt=at_rcpt)


def test_every_code_either_defers_rejects_or_lets_in():
    assert set(ReasonCode) == DEFERS | REJECTS | LETS_IN
    assert not DEFERS & REJECTS
    assert not (DEFERS | REJECTS) & LETS_IN


def test_every_refusal_has_words_and_nothing_else_has():
    assert set(REFUSALS) == REJECTS


def test_a_deferral_has_words_of_its_own_unless_it_is_a_wait():
    assert {code for code in DEFERS if code not in DEFERRALS} == {
        ReasonCode.HOSTER_WAIT,
        ReasonCode.GREYLIST_NEW,
        ReasonCode.GREYLIST_EARLY,
        ReasonCode.GREYLIST_LARGE,
        ReasonCode.GREYLIST_OTHER_CONTENT,
        ReasonCode.TRAP_NETWORK,
    }
    assert set(DEFERRALS) <= DEFERS


SPOKEN = (
    [worded(Action.DEFER, code, at_rcpt=at_rcpt) for code in sorted(DEFERS) for at_rcpt in (True, False)]
    + [worded(Action.REJECT, code, at_rcpt=at_rcpt) for code in sorted(REJECTS) for at_rcpt in (True, False)]
    + [worded(action, ReasonCode.LEVEL_OFF) for action in (Action.ACCEPT, Action.HOLD, Action.DISCARD)]
)


STANDING = [value for value in vars(words).values() if isinstance(value, Reply)]


@pytest.mark.parametrize("reply", [*SPOKEN, *STANDING], ids=str)
def test_every_reply_is_one_line_of_smtp(reply):
    line = f"{reply}\r\n"
    assert reply.enhanced[0] == line[0], "the first digits of both codes agree"
    assert line[:-2].isascii()
    assert line[:-2].isprintable()
    assert len(line) <= MAX_LINE


@pytest.mark.parametrize("reply", SPOKEN, ids=str)
def test_every_reply_to_a_mail_ends_with_the_id_of_its_decision(reply):
    assert str(reply).endswith(f" [{ID}]")


@pytest.mark.parametrize("code", sorted(DEFERS))
def test_a_deferral_is_4xx(code):
    assert worded(Action.DEFER, code).is_transient


@pytest.mark.parametrize("code", sorted(REJECTS))
def test_a_refusal_is_5xx(code):
    assert worded(Action.REJECT, code).is_permanent


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.HOLD, Action.DISCARD])
def test_what_is_let_in_held_or_dropped_sounds_alike(action):
    assert worded(action, ReasonCode.PARTY_KNOWN, at_rcpt=True) == ACCEPTED
    assert str(worded(action, ReasonCode.PARTY_KNOWN)) == f"250 2.0.0 Accepted [{ID}]"


def test_a_wait_is_worded_as_configured():
    assert str(worded(Action.DEFER, ReasonCode.GREYLIST_NEW, Wording())) == f"451 4.7.0 Greylisted, retry later [{ID}]"
    assert deferral(ReasonCode.GREYLIST_EARLY, CONFIGURED).code == 450
    assert deferral(ReasonCode.STORE_UNAVAILABLE, CONFIGURED) is FAILED


def test_our_own_fault_tells_nothing_of_our_inside():
    words = {worded(Action.DEFER, code).text for code in (ReasonCode.STORE_UNAVAILABLE, ReasonCode.INTERNAL_FAILURE)}
    assert words == {f"Temporary failure on our side, please send it again [{ID}]"}


@pytest.mark.parametrize("action", [Action.DEFER, Action.REJECT])
def test_the_backends_own_words_are_passed_on(action):
    verdict = Verdict(action, (Reason(ReasonCode.RETRY_UNDELIVERABLE),), reply=REFUSAL)
    assert str(reply_to(verdict, Wording(), ID, at_rcpt=False)) == f"{REFUSAL} [{ID}]"


@pytest.mark.parametrize("enhanced", ["5.2.2", ""])
def test_long_words_of_a_backend_are_cut_but_the_id_is_whole(enhanced):
    line = f"{with_id(Reply(554, enhanced, 'w' * 4000), ID)}\r\n"
    assert len(line) == MAX_LINE
    assert line.endswith(f"w [{ID}]\r\n")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(250, "2.0.0", "Ok"), (True, False, False)),
        (Reply(299, "", "Ok"), (True, False, False)),
        (Reply(354, "", "Go on"), (False, False, False)),
        (Reply(450, "", "Later"), (False, True, False)),
        (Reply(500, "", "No"), (False, False, True)),
    ],
)
def test_the_kind_of_a_reply_is_its_first_digit(reply, expected):
    assert (reply.is_positive, reply.is_transient, reply.is_permanent) == expected


def test_a_reply_without_an_enhanced_code_has_no_gap():
    assert str(Reply(250, "", "Ok")) == "250 Ok"
