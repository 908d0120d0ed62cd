"""The play: one function for each scene, in the order of the day. Comments of the narrator follow what happened."""

from collections.abc import Callable

from gateway.demo import company
from gateway.demo.company import BILLS, BO, INES, NOBODY, OLGA, Letter
from gateway.demo.day import Day, expect
from gateway.demo.sender import Attempt
from gateway.model import ReasonCode

ALLOW = ("known", "allow", company.BRASSWORKS.address, "--comment", "Brassworks: our springs come from there")


def prologue(day: Day, allowed: str) -> None:
    day.screen.title("A day at Tock & Daughters, clockmakers")
    day.screen.says(
        "Greygate stands before a company's mail server and asks one thing of senders it has never met: come back "
        "in a few minutes. Every real mail server does that by itself, for the rules of mail ask it to keep a mail "
        "that was answered 4xx and try again. Most spam programs never return, for they have no time to lose. This "
        "is called greylisting, and clockmakers know what waiting is worth."
    )
    day.screen.says(
        "What you will see is real: a gate, a mail server behind it, and mail over SMTP, all on this machine. A minute "
        f"of the story takes {day.minute:.3g} seconds, and between the scenes the clock jumps. Only the people and "
        "their addresses are made up."
    )
    day.screen.says("Green is yes (2xx), yellow is later (4xx), red is no (5xx). Yesterday evening the admin typed:")
    day.screen.command(ALLOW, allowed)


def friend_of_the_house(day: Day) -> None:
    day.scene("08:05", "A friend of the house")
    day.screen.says(
        "Rosa of Brassworks has sent springs here since before there was e-mail. She writes to Ines in the workshop."
    )
    mail = day.writes(
        "rosa@brassworks.example", "Rosa Brand", (INES,), "Mainsprings, as ordered",
        "Dear Ines,\n\ntwelve mainsprings left us this morning. Please do not open the box near the face.\n\nRosa",
    )  # fmt: skip
    attempt, decisions = day.sends(company.BRASSWORKS, mail, all_of_it=True)
    expect(accepted(attempt, INES), "a friend of the house was not let in at once")
    expect(decisions[0].code == ReasonCode.LIST_ALLOWED, f"the reason is {decisions[0].code}")
    receipt = day.wait_for_arrival(mail, INES)
    day.screen.says(
        f"Whom you name never waits: {receipt.at - attempt.began:.1f} seconds after Rosa's server connected, the mail "
        "was in the mail server behind the gate. The gate said 250 only after that server had."
    )


def new_face(day: Day) -> Letter:
    day.scene("09:10", "A new face")
    day.screen.says("The town museum has never written before. Its tower clock has a problem.")
    mail = day.writes(
        "curator@museum.example", "Hilda Uhrmann", (BO,), "Our tower clock strikes thirteen",
        "Good morning,\n\nsince the storm the tower strikes thirteen at noon. Visitors like it; the mayor does not.\n"
        "Could somebody come and look?\n\nHilda Uhrmann, curator",
    )  # fmt: skip
    first, decisions = day.sends(company.MUSEUM, mail)
    expect(deferred(first, BO), "a stranger was not asked to come back")
    day.until(1, first.began, "a minute passes; the museum's server is a nervous one …")
    second, again = day.sends(company.MUSEUM, mail)
    if again[0].code == ReasonCode.GREYLIST_EARLY:  # else this machine was so slow that the wait was over
        expect(deferred(second, BO), "a retry before the wait was over was not deferred")
        explain_451(day, decisions[0].id)
        day.until(5, first.began, "five minutes after its first try it comes again …")
        second, again = day.sends(company.MUSEUM, mail)
    expect(accepted(second, BO), "a stranger came back after the wait and was not let in")
    expect(again[0].code == ReasonCode.GREYLIST_PASSED, f"the reason is {again[0].code}")
    receipt = day.wait_for_arrival(mail, BO)
    day.screen.says(
        f"It came back, so it is let in: {(receipt.at - first.began) / day.minute:.0f} minutes late, once. From now on "
        "the gate remembers that this sender writes to Bo from there."
    )
    return mail


def explain_451(day: Day, reply_id: str) -> None:
    day.screen.says(
        "451 means: not now, try again. The second try came too early; so would a bot's in a hurry. Nothing is lost: "
        "the museum's server has the mail, and the gate keeps a copy. The id in brackets leads to the reason:"
    )
    day.admin("queue", "why", reply_id)


def never_returns(day: Day) -> None:
    day.scene("10:02", "The one who never returns")
    day.screen.says("A hired computer somewhere has a list of addresses, some of them guessed, and little time.")
    mail = day.writes(
        "prize-office@lucky-clock.example", "Prize Office", (INES, BO, NOBODY), "Your clock has been SELECTED",
        "Congratulations! To claim the timepiece you already own,\nsend a small fee to the usual address.",
    )  # fmt: skip
    attempt, _ = day.sends(company.BOT, mail)
    expect(attempt.answers[NOBODY].code == 550, "an address that does not exist was not refused")
    expect(deferred(attempt, INES) and deferred(attempt, BO), "the bot was not asked to come back")
    expect(not day.arrived(mail, INES) and not day.arrived(mail, BO), "the bot's mail got through")
    day.screen.says(
        "Nobody has the third address, so it is refused for good (550). For the other two the bot is asked to come "
        "back like everybody else. It does not: it has a million other addresses to try today. Nobody had to read "
        "the mail to find that out, neither a person nor a filter."
    )


def talks_first(day: Day) -> None:
    day.scene("10:45", "The one who talks first")
    day.screen.says(
        "In SMTP the server speaks first: a caller waits for its 220. This one recites everything at once, before "
        "it was greeted."
    )
    mail = day.writes(
        "billing@parcel-fees.example", "Parcel Servcie", (INES,), "RE: RE: FINAL notice of you're parcel",
        "Dear costumer,\n\nyour parcel is waiting. Kindly pay the waiting.",
    )  # fmt: skip
    attempt, decisions = day.babbles(company.BABBLER, mail)
    expect(not accepted(attempt, INES), "somebody who talks first was let in")
    codes = {decision.code for decision in decisions}
    if any(code.startswith("tarpit.") for code in codes):
        day.screen.says(
            "That gave it away. The gate lets strangers wait a moment for the greeting; mail servers wait minutes if "
            "they must, and only a program that does not listen talks into the silence. This gate is set to refuse "
            "such a network for a day; by default it only has to wait longer."
        )
    else:
        expect(ReasonCode.GREYLIST_NEW in codes, f"the reasons are {', '.join(sorted(codes)) or 'missing'}")
        day.screen.says(
            "Rude, but rudeness alone decided nothing here: it is a stranger, and it is asked to come back. Who "
            "does not even listen to the first line will not remember the last one. It never returned."
        )


def two_desks(day: Day) -> None:
    day.scene("11:30", "One letter for two desks")
    day.screen.says(
        "The joinery, a new supplier, sends its bill and copies the workshop. Each address may have a level of its "
        "own: bills@ is set to “off”, for bills are not to wait; the workshop has the usual “greylist”."
    )
    mail = day.writes(
        "office@joinery.example", "Joinery Ash & Oak", (BILLS, INES), "Bill for one clock case, and a question",
        "Dear all,\n\nthe bill is 400 for the case. The question is for Ines: which way does the cuckoo face?",
    )  # fmt: skip
    first, _ = day.sends(company.JOINERY, mail)
    expect(accepted(first, BILLS), "level off did not let a stranger in")
    expect(deferred(first, INES), "level greylist let a stranger in")
    day.wait_for_arrival(mail, BILLS)
    day.screen.says(
        "bills@ has it already. SMTP has one answer for the whole mail, so the workshop's part was sent back on its "
        "own (452); mail servers return with the rest by themselves."
    )
    day.until(5, first.began, "five minutes later …")
    second, _ = day.sends(company.JOINERY, mail, (INES,))
    expect(accepted(second, INES), "the second half of a mail came back after the wait and was not let in")
    day.wait_for_arrival(mail, INES)
    day.screen.says("Each desk got one letter.")


def in_a_hurry(day: Day) -> None:
    day.scene("13:15", "Somebody cannot wait")
    day.screen.says("Bo's telephone rings. It is the theatre: “Did you get our mail?” He did not, not yet.")
    mail = day.writes(
        "stage@theatre.example", "Theatre on the Quay", (BO,), "The cuckoo must sing at eight tonight",
        "Dear clockmakers,\n\nour cuckoo has lost its voice, and the curtain rises at eight.\nWe can bring it by taxi.",
    )  # fmt: skip
    first, _ = day.sends(company.THEATRE, mail)
    expect(deferred(first, BO), "a stranger was not asked to come back")
    day.screen.says("The theatre's server will be back in five minutes. The admin need not wait for it:")
    release(day, mail)
    receipt = day.wait_for_arrival(mail, BO)
    day.screen.says(
        f"The gate's copy was delivered at {day.at(receipt.at)}. But the theatre's server was told “later”, and knows "
        "nothing of this: it still has the mail, and tries again."
    )
    day.until(5, first.began, "five minutes after its first try …")
    second, decisions = day.sends(company.THEATRE, mail)
    expect(accepted(second, BO), "the retry of a released mail was not answered 250")
    expect(decisions[0].code == ReasonCode.RETRY_DELIVERED, f"the reason is {decisions[0].code}")
    expect(len(day.arrived(mail, BO)) == 1, f"the mail arrived {len(day.arrived(mail, BO))} times")
    day.screen.says(
        "The gate says 250, so that the theatre's server is content, and drops the second copy: Bo has one mail and "
        "not two. It does so only when sender, recipient, origin, date, id and every byte of the text agree."
    )


def the_owners_door(day: Day) -> None:
    day.scene("15:20", "The owner's own door")
    day.screen.says(
        "Olga Tock wants no stranger's mail before somebody has looked at it: her level is “review-before”. Such "
        "mail is not sent back, it is taken in and held."
    )
    mail = day.writes(
        "heir@manor.example", "A. Manor", (OLGA,), "About your grandfather",
        "Dear Mrs Tock,\n\nyour grandfather stands in our hall. He is seven feet tall and has not moved since 1931.\n"
        "Would you buy him back?",
    )  # fmt: skip
    first, decisions = day.sends(company.MANOR, mail)
    expect(accepted(first, OLGA), "mail for a person's review was not taken in")
    expect(decisions[0].action == "hold", f"it was not held: {decisions[0].action}")
    expect(not day.arrived(mail, OLGA), "held mail was delivered")
    day.screen.says("250: the mail is ours now, safe on disk, and in nobody's mailbox. Her daughter looks at it:")
    release(day, mail, look=("queue", "show"))
    day.wait_for_arrival(mail, OLGA)
    day.screen.says("Releasing was an act of a person, so the gate knows this sender from now on. An hour later:")
    day.jump("16:20")
    again = day.writes(
        "heir@manor.example", "A. Manor", (OLGA,), "Also about your grandmother",
        "Dear Mrs Tock,\n\nshe is smaller, stands in the kitchen, and is seven minutes fast.",
    )  # fmt: skip
    second, decisions = day.sends(company.MANOR, again)
    expect(accepted(second, OLGA), "a known sender was not let in")
    expect(decisions[0].code == ReasonCode.PARTY_KNOWN, f"the reason is {decisions[0].code}")
    day.wait_for_arrival(again, OLGA)


def no_stranger_any_more(day: Day) -> None:
    day.scene("16:40", "No stranger any more")
    day.screen.says("The museum writes to Bo again.")
    mail = day.writes(
        "curator@museum.example", "Hilda Uhrmann", (BO,), "Fourteen now",
        "Dear Bo,\n\nthank you for coming so quickly. It is fourteen now.\n\nHilda",
    )  # fmt: skip
    attempt, decisions = day.sends(company.MUSEUM, mail)
    expect(accepted(attempt, BO), "a remembered sender was not let in")
    expect(decisions[0].code == ReasonCode.PARTY_REMEMBERED, f"the reason is {decisions[0].code}")
    day.wait_for_arrival(mail, BO)
    day.screen.says("At once. Nobody typed anything for that: who came back once never waits again.")


SCENES: tuple[Callable[[Day], object], ...] = (
    friend_of_the_house,
    new_face,
    never_returns,
    talks_first,
    two_desks,
    in_a_hurry,
    the_owners_door,
    no_stranger_any_more,
)


def release(day: Day, mail: Letter, look: tuple[str, ...] = ()) -> None:
    """What somebody at the desk types: look at the list or at the mail, then release."""
    kept = day.records.kept_as(mail)
    expect(kept, f"{mail.title} is not kept")
    seen = day.admin(*look, kept) if look else day.admin("queue", "list")
    expect((mail.subject if look else kept) in seen, f"{kept} is not shown")
    day.admin("queue", "release", kept)


def accepted(attempt: Attempt, recipient: str) -> bool:
    answer = attempt.answers.get(recipient)
    return answer is not None and answer.is_positive


def deferred(attempt: Attempt, recipient: str) -> bool:
    answer = attempt.answers.get(recipient)
    return answer is not None and 400 <= answer.code < 500
