"""Many recipients, one reply: who may share a transaction, and every row of the table in docs/flow.md."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Action, Reason, ReasonCode, RecipientClass, Reply, Verdict
from gateway.policy.recipients import After, Disposition, Transaction, admit, join, join_replies
from gateway.policy.reply import Wording, reply_to

PASS, WAIT, HOLD = RecipientClass.PASS, RecipientClass.WAIT, RecipientClass.HOLD
PAUSE = timedelta(minutes=3)


def verdict(action: Action, code: ReasonCode, recipient_class: RecipientClass | None = None) -> Verdict:
    return Verdict(action, (Reason(code),), recipient_class)


def admitted(code: ReasonCode, recipient_class: RecipientClass) -> Verdict:
    return verdict(Action.ACCEPT, code, recipient_class)


EXEMPT = admitted(ReasonCode.LEVEL_OFF, PASS)
KNOWN = admitted(ReasonCode.PARTY_KNOWN, PASS)
REMEMBERED = admitted(ReasonCode.PARTY_REMEMBERED, PASS)
WAITING = admitted(ReasonCode.GREYLIST_DATA, WAIT)
HOLDING = admitted(ReasonCode.LEVEL_REVIEW_BEFORE, HOLD)

# ---- who may join --------------------------------------------------------------------------------------------------


def play(*verdicts: Verdict) -> str:
    """What each recipient in turn was told: in, carried, 452, or out for reasons of its own."""
    transaction, told = Transaction(), []
    for one in verdicts:
        transaction, answer, carried = admit(transaction, one)
        if answer.action is Action.ACCEPT:
            told.append("carried" if carried else "in")
        else:
            told.append("452" if answer.code is ReasonCode.RECIPIENT_OTHER_CLASS else "out")
    return " ".join(told)


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        pytest.param((WAITING,), "in", id="the first sets the class"),
        pytest.param((WAITING, WAITING), "in in", id="strangers wait together"),
        pytest.param((EXEMPT, KNOWN, REMEMBERED), "in in in", id="who passes passes together"),
        pytest.param((HOLDING, HOLDING), "in in", id="what is held is held together"),
        pytest.param((EXEMPT, WAITING), "in 452", id="an exempt level carries nobody"),
        pytest.param((REMEMBERED, WAITING), "in 452", id="silence carries nobody"),
        pytest.param((KNOWN, WAITING), "in carried", id="a known sender carries who would wait"),
        pytest.param((EXEMPT, KNOWN, WAITING), "in in carried", id="known for one of those who pass is enough"),
        pytest.param((KNOWN, EXEMPT, WAITING), "in in carried", id="who joins later does not make it unknown"),
        pytest.param((EXEMPT, WAITING, KNOWN, WAITING), "in 452 in carried", id="it carries from then on"),
        pytest.param((KNOWN, HOLDING), "in 452", id="a known sender carries nobody past a holding level"),
        pytest.param((WAITING, KNOWN), "in 452", id="who waits came first"),
        pytest.param((WAITING, EXEMPT), "in 452", id="an exempt recipient does not end the wait of another"),
        pytest.param((HOLDING, WAITING), "in 452", id="held and waiting do not mix"),
        pytest.param((HOLDING, KNOWN), "in 452", id="held and passing do not mix"),
        pytest.param((KNOWN, WAITING, WAITING), "in carried carried", id="it carries several"),
        pytest.param((KNOWN, WAITING, HOLDING), "in carried 452", id="carrying does not change the class"),
        pytest.param(
            (verdict(Action.REJECT, ReasonCode.RECIPIENT_UNKNOWN), WAITING), "out in", id="who is refused sets no class"
        ),
        pytest.param(
            (verdict(Action.DEFER, ReasonCode.GREYLIST_LARGE), EXEMPT), "out in", id="who is deferred sets no class"
        ),
    ],
)
def test_the_first_recipient_sets_the_class_of_a_transaction(verdicts, told):
    assert play(*verdicts) == told


def test_who_comes_in_company_is_told_so_and_why():
    _, answer, _ = admit(Transaction(PASS), WAITING)
    assert [reason.code for reason in answer.reasons] == [
        ReasonCode.RECIPIENT_OTHER_CLASS,
        ReasonCode.GREYLIST_DATA,
    ]
    assert reply_to(answer, Wording(), "x", at_rcpt=True).code == 452


@given(st.lists(st.sampled_from([EXEMPT, KNOWN, REMEMBERED, WAITING, HOLDING]), max_size=8))
def test_only_a_known_sender_ever_carries(verdicts):
    transaction, known = Transaction(), False
    for one in verdicts:
        before = transaction
        transaction, answer, carried = admit(transaction, one)
        if carried:
            assert known
            assert one.recipient_class is WAIT
            assert transaction == before
        if answer.action is Action.ACCEPT and not carried:
            assert one.recipient_class is transaction.recipient_class
            known = known or one is KNOWN


# ---- one plan for all ----------------------------------------------------------------------------------------------

LET_IN = verdict(Action.ACCEPT, ReasonCode.GREYLIST_PASSED)
HELD = verdict(Action.HOLD, ReasonCode.CONTENT_SUSPICIOUS)
TAKEN = verdict(Action.HOLD, ReasonCode.TAKEOVER_DUE)
TAKEN_IN = verdict(Action.ACCEPT, ReasonCode.TAKEOVER_DUE)
DEFERRED = verdict(Action.DEFER, ReasonCode.GREYLIST_NEW)
EARLY = verdict(Action.DEFER, ReasonCode.GREYLIST_EARLY)
IN_FLIGHT = verdict(Action.DEFER, ReasonCode.RETRY_IN_FLIGHT)
NO_STORE = verdict(Action.DEFER, ReasonCode.STORE_UNAVAILABLE)
REFUSED = verdict(Action.REJECT, ReasonCode.RETRY_REFUSED)
DROPPED = verdict(Action.DISCARD, ReasonCode.RETRY_DELIVERED)


def planned(*verdicts: Verdict, known: bool = False) -> str:
    """The reply and what is done for each, as one line; "backend" leaves the words to it."""
    plan = join(verdicts, sender_known=known, wait=PAUSE)
    reply = "backend" if plan.reply is None else str(reply_to(plan.reply, Wording(), "x", at_rcpt=False).code)
    return " ".join([reply, *(disposition.value for disposition in plan.dispositions)])


@pytest.mark.parametrize(
    ("verdicts", "known", "expected"),
    [
        pytest.param((LET_IN, LET_IN), False, "backend inline inline", id="all pass"),
        pytest.param((DEFERRED, EARLY), False, "451 copy copy", id="all are deferred"),
        pytest.param((DEFERRED, EARLY), True, "451 copy copy", id="all are deferred, of a known sender"),
        pytest.param((LET_IN, DEFERRED), False, "451 copy copy", id="some deferred, some pass"),
        pytest.param((HELD, DEFERRED), False, "451 copy copy", id="some deferred, some held"),
        pytest.param((LET_IN, DEFERRED), True, "250 courier hold", id="some deferred, some pass, sender known"),
        pytest.param((HELD, DEFERRED), True, "250 hold hold", id="some deferred, some held, sender known"),
        pytest.param((TAKEN, DEFERRED), False, "250 hold hold", id="some deferred, one taken over and held"),
        pytest.param((TAKEN_IN, DEFERRED), False, "250 courier hold", id="some deferred, one taken over and let in"),
        pytest.param((REFUSED, REFUSED), False, "550 nothing nothing", id="all are refused"),
        pytest.param((LET_IN, HELD), False, "250 courier hold", id="some pass, some are held"),
        pytest.param((HELD, HELD), False, "250 hold hold", id="all are held"),
        pytest.param((TAKEN_IN,), False, "backend inline", id="taken over and let in"),
        pytest.param((REFUSED, LET_IN), False, "backend nothing inline", id="some refused, the rest passes"),
        pytest.param((REFUSED, HELD), False, "250 nothing hold", id="some refused, the rest is held"),
        pytest.param((REFUSED, DEFERRED), False, "451 nothing copy", id="some refused, the rest waits"),
        pytest.param((REFUSED, DEFERRED), True, "451 nothing copy", id="some refused, the rest waits, sender known"),
        pytest.param((DROPPED, DROPPED), False, "250 discard discard", id="all were delivered before"),
        pytest.param((DROPPED, REFUSED), False, "250 discard nothing", id="delivered before for one, refused for one"),
        pytest.param((DROPPED, LET_IN), False, "backend discard inline", id="delivered before for some, others pass"),
        pytest.param((DROPPED, HELD), False, "250 discard hold", id="delivered before for some, others are held"),
        pytest.param((DROPPED, DEFERRED), False, "451 nothing copy", id="delivered before for some, others wait"),
        pytest.param((DROPPED, DEFERRED), True, "250 discard hold", id="delivered before for some, sender known"),
        pytest.param((IN_FLIGHT, LET_IN), True, "451 nothing copy", id="on its way for one: not taken twice"),
        pytest.param((IN_FLIGHT, TAKEN), False, "451 nothing copy", id="on its way for one, taken over for another"),
        pytest.param((NO_STORE, LET_IN), True, "451 nothing copy", id="the store is away: nothing becomes ours"),
        pytest.param((NO_STORE, REFUSED), False, "451 nothing nothing", id="the store is away, the rest is refused"),
    ],
)
def test_every_row_of_the_table(verdicts, known, expected):
    assert planned(*verdicts, known=known) == expected


def test_who_waits_in_company_gets_the_mail_after_the_wait():
    plan = join([LET_IN, EARLY], sender_known=True, wait=PAUSE)
    assert [reason.code for reason in plan.verdicts[1].reasons] == [
        ReasonCode.GREYLIST_COMPANY,
        ReasonCode.GREYLIST_EARLY,
    ]
    assert plan.verdicts[1].release_after == PAUSE
    assert plan.verdicts[0] is LET_IN


@pytest.mark.parametrize(
    ("verdicts", "owns"),
    [
        ((LET_IN, HELD), True),
        ((HELD,), True),
        ((LET_IN,), False),
        ((DEFERRED,), False),
        ((REFUSED,), False),
        ((DROPPED,), False),
        ((DROPPED, LET_IN), False),
    ],
)
def test_a_plan_owns_only_what_is_held_or_left_to_the_courier(verdicts, owns):
    assert join(verdicts, sender_known=True, wait=PAUSE).owns is owns


ANY = [LET_IN, HELD, TAKEN, TAKEN_IN, DEFERRED, EARLY, IN_FLIGHT, NO_STORE, REFUSED, DROPPED]
NEVER_TAKEN = {IN_FLIGHT.code, NO_STORE.code}
mails = st.lists(st.sampled_from(ANY), min_size=1, max_size=6)
ANSWERED_FOR = {Disposition.INLINE, Disposition.COURIER, Disposition.HOLD, Disposition.DISCARD}


@given(mails)
def test_one_deferral_of_a_stranger_defers_all_and_delivers_nobody(verdicts):
    plan = join(verdicts, sender_known=False, wait=PAUSE)
    taken_over = any(one.code is ReasonCode.TAKEOVER_DUE for one in verdicts)
    if any(one.action is Action.DEFER for one in verdicts) and not taken_over:
        assert plan.reply is not None
        assert plan.reply.action is Action.DEFER
        assert set(plan.dispositions) <= {Disposition.COPY, Disposition.NOTHING}


@given(mails, st.booleans())
def test_a_refusal_is_answered_only_when_everybody_is_refused(verdicts, known):
    plan = join(verdicts, sender_known=known, wait=PAUSE)
    refused = plan.reply is not None and plan.reply.action is Action.REJECT
    assert refused == all(one.action is Action.REJECT for one in verdicts)


@given(mails, st.booleans())
def test_whoever_is_answered_250_is_delivered_owned_dropped_or_refused(verdicts, known):
    plan = join(verdicts, sender_known=known, wait=PAUSE)
    if plan.reply is not None and plan.reply.action in (Action.DEFER, Action.REJECT):
        return
    for one, made, disposition in zip(verdicts, plan.verdicts, plan.dispositions, strict=True):
        if one.action is Action.REJECT:
            assert disposition is Disposition.NOTHING
        else:
            assert disposition in ANSWERED_FOR
            assert made.action is not Action.DEFER


@given(mails, st.booleans())
def test_inline_and_owned_never_mix_and_the_backends_words_need_somebody_inline(verdicts, known):
    plan = join(verdicts, sender_known=known, wait=PAUSE)
    inline = Disposition.INLINE in plan.dispositions
    assert inline == (plan.reply is None)
    assert not (inline and plan.owns)
    assert len(plan.verdicts) == len(plan.dispositions) == len(verdicts)


@given(mails, st.booleans())
def test_a_mail_that_is_on_its_way_or_unknowable_never_becomes_ours(verdicts, known):
    plan = join(verdicts, sender_known=known, wait=PAUSE)
    if any(one.code in NEVER_TAKEN for one in verdicts):
        assert not plan.owns
        assert not {Disposition.INLINE, Disposition.DISCARD} & set(plan.dispositions)
        for one, disposition in zip(verdicts, plan.dispositions, strict=True):
            assert one.code not in NEVER_TAKEN or disposition is Disposition.NOTHING


# ---- one answer out of the backend's -------------------------------------------------------------------------------

OK, OK_TOO = Reply(250, "2.0.0", "queued as 1"), Reply(250, "2.0.0", "queued as 2")
LATER, FULL = Reply(451, "4.2.1", "busy"), Reply(452, "4.2.2", "over quota")
NO, NEVER = Reply(550, "5.1.1", "no such user"), Reply(554, "5.7.1", "never")
DELIVERED, COURIER, UNDELIVERABLE, SENDER = After.DELIVERED, After.COURIER, After.UNDELIVERABLE, After.SENDER


@pytest.mark.parametrize(
    ("replies", "reply", "after"),
    [
        pytest.param([OK], OK, [DELIVERED], id="it was taken"),
        pytest.param([OK, OK_TOO], OK, [DELIVERED, DELIVERED], id="it was taken for both"),
        pytest.param([LATER, OK], OK, [COURIER, DELIVERED], id="one has to be tried again"),
        pytest.param([NO, OK], OK, [UNDELIVERABLE, DELIVERED], id="one was refused"),
        pytest.param([NO, LATER, OK], OK, [UNDELIVERABLE, COURIER, DELIVERED], id="of each kind"),
        pytest.param([LATER, FULL], LATER, [SENDER, SENDER], id="nobody has it, both may later"),
        pytest.param([NO, FULL], FULL, [SENDER, SENDER], id="nobody has it, one may later"),
        pytest.param([NO, NEVER], NO, [SENDER, SENDER], id="nobody ever gets it"),
    ],
)
def test_one_answer_out_of_the_backends_answers(replies, reply, after):
    outcome = join_replies(replies)
    assert (outcome.reply, list(outcome.after)) == (reply, after)


def test_a_backend_that_closes_does_not_close_us():
    outcome = join_replies([Reply(421, "4.3.2", "going down"), NO])
    assert outcome.reply == Reply(451, "4.3.2", "going down")


@given(st.lists(st.sampled_from([OK, OK_TOO, LATER, FULL, NO, NEVER]), min_size=1, max_size=6))
def test_the_sender_keeps_the_mail_exactly_when_we_do_not_say_250(replies):
    outcome = join_replies(replies)
    assert outcome.reply.is_positive == (SENDER not in outcome.after)
    assert outcome.reply.is_permanent == all(reply.is_permanent for reply in replies)
