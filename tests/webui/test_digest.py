"""Digests: who gets one and when, what stands in it, and what its links do and do not do."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError

from gateway.digest.job import Digests, Habits
from gateway.digest.links import TRIES
from gateway.digest.written import Stamp
from gateway.i18n import CHOICE
from gateway.model import DigestWish, ReasonCode, Role, Tells, Told
from gateway.store import digests, persons
from gateway.vitals.letters import Letters, letters
from sql.tables import delivery, digest, digest_link, link_key, message, metadata
from sql.tables import event as happening
from tests.store.making import BO, CY, STRONG, copied, held, keep, mail, owned_mail
from tests.webui.conftest import BOS, BOTH, DEE, DEES, PASSWORD, Browser, Office, listed
from tests.webui.reading import read
from tests.webui.said import unsaid

URL = "http://localhost"
LINK = re.compile(
    r"^ +(Release|Refuse|Ask an approver for it)( \(after signing in\))?:\n +http://localhost(\S+)$", re.M
)


def job(office: Office, *, tells: Tells = Tells.EVERYBODY, stamp: Stamp | None = None, **more: Any) -> Digests:
    """As the sweep's process runs it; a digest is due right now."""
    habits: dict[str, Any] = {
        "tells": tells,
        "times": (office.now.time().replace(second=0, microsecond=0),),
        "zone": UTC,
        "most": 100,
        "codes": True,
        "links_for": timedelta(days=7),
        "only_approvers": office.house.terms.only_approvers,
    }
    made = stamp or Stamp("postmaster@example.com", "gate.example.com", URL, UTC)
    return Digests(
        office.engine, office.house.bodies, Habits(**habits | more), made, frozenset({"example.com", "other.example"})
    )


def sent(office: Office) -> dict[str, EmailMessage]:
    """The digests that were handed to the courier, by recipient; the latest of each."""
    with office.house.reading() as conn:
        mine = delivery.c.reason == str(ReasonCode.NOTICE_DIGEST)
        rows = conn.execute(select(delivery.c.message, delivery.c.recipient).where(mine).order_by(delivery.c.id)).all()
        raw = {row.recipient: b"".join(office.house.bodies.read(conn, row.message)) for row in rows}
    return {to: message_from_bytes(one, policy=default) for to, one in raw.items()}  # type: ignore[misc]


def how_many(office: Office) -> int:
    with office.house.reading() as conn:
        mine = delivery.c.reason == str(ReasonCode.NOTICE_DIGEST)
        return int(conn.execute(select(func.count()).select_from(delivery).where(mine)).scalar_one())


def part(mail: EmailMessage, kind: str = "plain") -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def links_in(mail: EmailMessage) -> list[tuple[str, str, bool]]:
    """What each link does, its path, and whether a code is enough for it."""
    return [(does, path, not signs) for does, signs, path in LINK.findall(part(mail))]


def link_to(office: Office, does: str, to: str = BO) -> str:
    return next(path for said, path, _ in links_in(sent(office)[to]) if said == does)


def code_of(office: Office, path: str, to: str = BO) -> str:
    """The code that stands above a link."""
    before = part(sent(office)[to]).partition(path)[0]
    return re.findall(r"Code: +(\d+)", before)[-1]


def told(office: Office, to: str = BO) -> str:
    return part(sent(office)[to])


def held_for(office: Office, why: ReasonCode) -> None:
    """Everything waits for another reason."""
    with office.begin() as conn:
        conn.execute(update(delivery).values(reason=str(why)))


def wish(office: Office, name: str, **more: Any) -> None:
    with office.begin() as conn:
        digests.wish(conn, office.number(name), DigestWish(**more), office.now)


# ---- when, and to whom ---------------------------------------------------------------------------------------------


def test_everybody_for_whom_something_waits_is_told_once(either: Office) -> None:
    assert job(either).turn(either.now) == 2
    assert set(sent(either)) == {BO, CY}
    either.later(timedelta(minutes=5))
    assert job(either).turn(either.now) == 0
    assert how_many(either) == 2


def test_two_nodes_send_one(either: Office) -> None:
    jobs = [job(either), job(either)]
    try:
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda one: one.turn(either.now), jobs))
    except OperationalError:  # the database let one of them wait too long: it looks again
        done = [job(either).turn(either.now)]
    assert sum(done) <= 2
    assert how_many(either) == 2
    with either.house.reading() as conn:
        assert conn.execute(select(func.count()).select_from(digest)).scalar_one() >= 2


def test_who_is_second_leaves_nothing_behind_and_takes_nothing_away(office: Office) -> None:
    """Two processes of one node, with one folder: as the old one leaves and the new one is there."""
    first, second, before = job(office), job(office), files(office)

    class Slow(Digests):
        """The other one sends the digest while this one has just written it down."""

        def letter(self, *given: Any) -> Any:
            found = super().letter(*given)
            first.turn(office.now)
            return found

    late = Slow(second.engine, second.bodies, second.habits, second.stamp, second.local)
    assert late.turn(office.now) == 0
    assert how_many(office) == 2
    assert [links_in(one) != [] for one in sent(office).values()] == [True, True], "their bytes are there"
    with office.house.reading() as conn:
        sent_ones = set(conn.execute(select(digest.c.message).where(digest.c.message.is_not(None))).scalars())
    assert files(office) - before == sent_ones


def files(office: Office) -> set[str]:
    """The names of all bodies that are kept."""
    return {path.stem for path in (office.house.settings.storage.path / "bodies").rglob("*") if path.is_file()}


def test_nothing_new_is_not_told_again_until_it_is_about_to_expire(office: Office) -> None:
    assert job(office).turn(office.now) == 2
    office.later(timedelta(days=1))
    assert job(office).turn(office.now) == 0
    office.later(timedelta(days=27, hours=2))  # of thirty
    assert job(office).turn(office.now) == 2
    assert "within 1 day" in told(office)
    office.later(timedelta(days=1))
    assert job(office).turn(office.now) == 0


def test_nothing_held_sends_nothing(office: Office) -> None:
    with office.begin() as conn:
        conn.execute(update(delivery).values(state="refused"))
    assert job(office).turn(office.now) == 0
    assert how_many(office) == 0


def test_where_people_choose_only_they_are_told_and_not_of_times_before(office: Office) -> None:
    assert job(office, tells=Tells.CHOSEN).turn(office.now) == 0
    wish(office, "bo")
    assert job(office, tells=Tells.CHOSEN).turn(office.now) == 0  # it was due before they chose
    office.later(timedelta(days=1))
    assert job(office, tells=Tells.CHOSEN).turn(office.now) == 1
    wish(office, "bo", wanted=False)
    office.later(timedelta(days=1))
    assert job(office, tells=Tells.CHOSEN).turn(office.now) == 0


def test_whoever_may_not_sign_in_gets_none(office: Office) -> None:
    office.change("bo", disabled_at=office.now)
    assert job(office).turn(office.now) == 1
    assert set(sent(office)) == {CY}


def test_what_cannot_be_written_for_one_is_written_for_the_next(office: Office) -> None:
    class Broken(Digests):
        """Nothing can be written for Bo."""

        def letter(self, *given: Any) -> Any:
            if given[1].name == "bo":
                raise ValueError("a fault of ours")
            return super().letter(*given)

    usual = job(office)
    assert Broken(usual.engine, usual.bodies, usual.habits, usual.stamp, usual.local).turn(office.now) == 1
    assert set(sent(office)) == {CY}


def test_an_address_elsewhere_gets_none(office: Office) -> None:
    usual = job(office)
    usual.local = frozenset({"other.example"})
    assert usual.turn(office.now) == 0


def test_what_nobody_has_is_told_to_whoever_approves_the_domain(office: Office) -> None:
    with office.begin() as conn:
        persons.give_roles(conn, office.number("cy"), {(Role.APPROVER, "other.example")})
    wish(office, "cy", kinds=frozenset({Told.HELD, Told.NOBODYS}))
    office.later(timedelta(days=1))
    job(office).turn(office.now)
    assert "addresses that are nobody" in told(office, CY)
    assert [row.message for row in rows(office, digest_link, recipient=DEE)] == [DEES, DEES]


def test_what_is_listed_is_told_of_where_somebody_wants_that(office: Office) -> None:
    wish(office, "bo", kinds=frozenset({Told.LISTED}))
    office.later(timedelta(days=1))
    listed(office, "0000000000031")
    job(office).turn(office.now)
    assert f"{URL}/review" in told(office)
    assert sent(office)[BO]["Subject"] == "1 mail to look at"
    assert not links_in(sent(office)[BO])


def rows(office: Office, table: Any, **which: Any) -> list[Any]:
    with office.house.reading() as conn:
        return list(conn.execute(select(table).where(*(table.c[name] == one for name, one in which.items()))))


# ---- what stands in it ---------------------------------------------------------------------------------------------


def test_a_mail_that_nothing_answers_and_every_program_knows(office: Office) -> None:
    job(office).turn(office.now)
    mail = sent(office)[BO]
    assert mail["Subject"] == "2 mails wait for you"
    assert (mail["From"], mail["To"]) == ("Greygate <postmaster@example.com>", BO)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Mail that waits for you <digest.gate.example.com>"
    assert mail["List-Unsubscribe"] == f"<{URL}/protection>"
    assert [part.get_content_type() for part in mail.walk()][1:] == ["text/plain", "text/html"]
    (made,) = rows(office, digest, person_id=office.number("bo"))
    (row,) = rows(office, message, id=made.message)
    assert row.sender == ""


def test_text_and_html_say_the_same(office: Office) -> None:
    job(office).turn(office.now)
    mail = sent(office)[BO]
    html = part(mail, "html")
    for does, path, _ in links_in(mail):
        assert f'href="{URL}{path}"' in html
        assert does in html
    assert code_of(office, link_to(office, "Release")) in html
    assert "prefers-color-scheme: dark" in html


def test_what_strangers_wrote_does_nothing_there(office: Office) -> None:
    with office.begin() as conn:
        said = {"subject": "<b>x</b>\u202e http://evil.test/ {{ 7*7 }}\r\nBcc: all@example.com", "author": "<i>\x00@x"}
        conn.execute(update(message).values(**said))
    job(office).turn(office.now)
    mail = sent(office)[BO]
    html, text = part(mail, "html"), part(mail)
    assert mail["Bcc"] is None
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;<U+202E>".replace("<U", "&lt;U").replace("E>", "E&gt;") in html
    assert "http://evil.test" not in html + text
    assert "49" not in re.sub(r"/d/\S+|Code: +\d+|\d\d:\d\d", "", text)
    assert "\u202e" not in html + text


def test_it_is_signed_so_that_others_can_see(office: Office) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    stamp = Stamp("post@example.com", "gate.example.com", URL, UTC, key.private_bytes(*form), "greygate")
    job(office, stamp=stamp).turn(office.now)
    with office.house.reading() as conn:
        number = rows(office, digest, person_id=office.number("bo"))[0].message
        raw = b"".join(office.house.bodies.read(conn, number))
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        from base64 import b64encode

        asked.append(name)
        return b"v=DKIM1; k=rsa; p=" + b64encode(public)

    assert dkim.verify(raw, dnsfunc=dns)
    assert asked == [b"greygate._domainkey.example.com."]
    assert not dkim.verify(raw.replace(b"2 mails wait", b"9 mails wait"), dnsfunc=dns)


def test_more_than_it_lists_is_said(office: Office) -> None:
    job(office, most=1).turn(office.now)
    assert "There is more than this mail lists." in told(office)
    assert sent(office)[BO]["Subject"] == "More than 1 mails wait for you"


# ---- in the language of its reader ---------------------------------------------------------------------------------


def speaks(office: Office, name: str, code: str) -> None:
    with office.begin() as conn:
        persons.wish(conn, office.number(name), CHOICE, code)


def test_each_is_written_to_in_the_language_that_they_chose(either: Office) -> None:
    speaks(either, "bo", "en-XA")
    job(either, language="ar").turn(either.now)
    bos, cys = sent(either)[BO], sent(either)[CY]
    assert (bos["Content-Language"], cys["Content-Language"]) == ("en-XA", "ar")
    assert '<html lang="en-XA" dir="ltr">' in part(bos, "html")
    assert '<html lang="ar" dir="rtl">' in part(cys, "html")


def test_nothing_in_it_is_said_in_english_alone(office: Office) -> None:
    speaks(office, "bo", "en-XA")
    job(office, most=1).turn(office.now)
    mail = sent(office)[BO]
    assert mail["Subject"].startswith("⟦")
    assert unsaid(part(mail, "html")) == []
    text = part(mail)
    for others in re.findall(r"http://\S+|\S+@\S+|elsewhere.example|Hello", text):
        text = text.replace(others, "")
    assert unsaid(text) == []


def test_what_is_read_from_the_right_begins_there_and_keeps_others_words_apart(office: Office) -> None:
    speaks(office, "bo", "ar")
    job(office).turn(office.now)
    mail = sent(office)[BO]
    html, text = part(mail, "html"), part(mail)
    assert 'align="left"' not in html
    assert "text-align:left" not in html
    assert 'align="right" dir="rtl"' in html
    assert '<bdi translate="no">ann@elsewhere.example</bdi>' in html
    assert "\u2068ann@elsewhere.example\u2069" in text
    assert "\u2068" not in told(office, CY)


# ---- links: to look ------------------------------------------------------------------------------------------------


def everything(office: Office) -> dict[str, list[Any]]:
    with office.house.reading() as conn:
        return {table.name: sorted(map(repr, conn.execute(select(table)))) for table in metadata.sorted_tables}


def test_looking_changes_nothing_and_signs_nobody_in(either: Office) -> None:
    job(either).turn(either.now)
    before = everything(either)
    for _, path, _ in links_in(sent(either)[BO]) + links_in(sent(either)[CY]):
        for method in ("HEAD", "GET", "GET", "OPTIONS"):
            browser = either.browser()
            assert browser.ask(method, path).status_code == 200
            assert not browser.client.get_cookie("greygate", "localhost")
    assert everything(either) == before


def test_a_form_that_is_none_of_ours_does_nothing(office: Office) -> None:
    job(office).turn(office.now)
    before = everything(office)
    for does, path, _ in links_in(sent(office)[BO]):
        code = code_of(office, path)
        assert office.browser().ask("POST", path, data={"code": code}).status_code == 400, does
        foreign = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
        assert office.browser().ask("POST", path, foreign, data={"code": code}).status_code == 403
        assert office.browser().ask("POST", path, {"Origin": URL}).status_code == 403  # no code
    assert {name for name, found in everything(office).items() if found != before[name]} <= {
        "digest_link",
        "audit",
        "audit_head",
    }
    assert either_state(office) == {BO: "held", CY: "held"}


def test_a_thousand_links_fetched_by_programs_release_nothing(office: Office) -> None:
    with office.begin() as conn:
        for place in range(498):  # and the two that are there
            number = f"1{place:012}"
            text = b"Subject: Offer\r\n\r\n" + number.encode()
            made = owned_mail(mail(number, text=text, rungs=STRONG))
            held(conn, keep(conn, office.house.bodies, made, text))
    job(office, most=500).turn(office.now)
    paths = [path for _, path, _ in links_in(sent(office)[BO])]
    assert len(paths) == 1000
    program = office.browser()
    codes = {(how, program.ask(how, path).status_code) for path in paths for how in ("HEAD", "GET", "POST")}
    assert codes == {("HEAD", 200), ("GET", 200), ("POST", 400)}
    with office.house.reading() as conn:
        mine = (delivery.c.recipient == BO, delivery.c.reason != str(ReasonCode.NOTICE_DIGEST))
        assert conn.execute(select(delivery.c.state).where(*mine)).scalars().all() == ["held"] * 500


def either_state(office: Office, number: str = BOTH) -> dict[str, str]:
    return office.states(number)


def test_it_shows_whose_mail_it_is_and_why_it_waits(office: Office) -> None:
    job(office).turn(office.now)
    page = office.browser().get(link_to(office, "Release"))
    assert page.headers["Cache-Control"] == "no-store"
    assert "Release this mail?" in page.text
    assert "its content looks suspicious" in page.text
    assert 'name="code"' in page.text


# ---- links: to act -------------------------------------------------------------------------------------------------


def test_the_code_releases_it_for_its_recipient_alone(either: Office) -> None:
    job(either).turn(either.now)
    path = next(one for does, one, _ in links_in(sent(either)[CY]) if does == "Release")
    browser = either.browser()
    said = browser.post(path, code=code_of(either, path, CY))
    assert said.status_code == 303
    assert either.states(BOTH) == {BO: "held", CY: "releasing"}
    assert "Released by you" in browser.get(path).text
    (used,) = either.record("used a link")
    assert (used["who"], used["about"], used["detail"]["by"]) == ("cy", BOTH, "a code")
    (entry,) = either.record("released")
    assert entry["who"] == "cy"


def test_the_code_refuses_it(office: Office) -> None:
    job(office).turn(office.now)
    path = link_to(office, "Refuse")
    assert office.browser().post(path, code=code_of(office, path)).status_code == 303
    assert "refused" in {office.states(BOTH)[BO], office.states(BOS)[BO]}


def test_three_wrong_codes_and_one_has_to_sign_in(office: Office) -> None:
    job(office).turn(office.now)
    path = link_to(office, "Release")
    code = code_of(office, path)
    wrong = f"{(int(code) + 1) % 1000:03}"
    for turn in range(TRIES):
        page = office.browser().post(path, code=wrong)
        assert page.status_code == 403
        assert ("That was not the code" in page.text) == (turn < TRIES - 1)
    page = office.browser().post(path, code=code)
    assert page.status_code == 403
    assert "Sign in to decide" in page.text
    assert len(office.record("wrong code of a link")) == TRIES
    assert either_state(office) == {BO: "held", CY: "held"}


def test_whoever_is_signed_in_needs_no_code(office: Office) -> None:
    job(office).turn(office.now)
    browser, path = office.as_("bo"), link_to(office, "Release")
    assert 'name="code"' not in browser.get(path).text
    assert browser.post(path).status_code == 303
    assert "releasing" in {office.states(BOTH)[BO], office.states(BOS)[BO]}


def test_a_browser_that_is_theirs_needs_no_code_either(office: Office) -> None:
    job(office).turn(office.now)
    (first, second) = [one for does, one, _ in links_in(sent(office)[BO]) if does == "Release"]
    browser = office.browser()
    browser.post(first, code=code_of(office, first), remember="1")
    assert 'name="code"' not in browser.get(second).text
    assert browser.post(second).status_code == 303
    assert office.states(BOS)[BO] == office.states(BOTH)[BO] == "releasing"
    assert browser.get("/held").status_code == 302  # it is signed in nowhere
    assert [one["detail"]["by"] for one in office.record("used a link")] == ["a code", "a browser of theirs"]


def test_a_browser_is_theirs_for_a_while_and_until_they_say_no(office: Office) -> None:
    job(office).turn(office.now)
    (first, second) = [one for does, one, _ in links_in(sent(office)[BO]) if does == "Refuse"]
    browser = office.browser()
    browser.post(first, code=code_of(office, first), remember="1")
    other = next(one for does, one, _ in links_in(sent(office)[CY]) if does == "Release")
    assert browser.post(other).status_code == 403  # not Cy's
    assert office.as_("bo").post("/protection/devices").status_code == 302
    assert browser.post(second).status_code == 403


@pytest.mark.parametrize("how", ["another password", "signed out elsewhere", "locked out and invited again"])
def test_who_is_signed_out_everywhere_is_asked_for_codes_again(office: Office, how: str) -> None:
    job(office).turn(office.now)
    (first, second) = [one for does, one, _ in links_in(sent(office)[BO]) if does == "Refuse"]
    browser, bo = office.browser(), office.as_("bo")
    browser.post(first, code=code_of(office, first), remember="1")
    if how == "another password":
        words = "four green bicycles"
        assert bo.post("/security/password", old=PASSWORD, password=words, again=words).status_code == 302
    elif how == "signed out elsewhere":
        bo.post("/security/elsewhere")
    else:
        office.as_("admin").post("/people/bo/lock")
        office.change("bo", disabled_at=None)
    assert browser.post(second).status_code == 403
    assert 'name="code"' in browser.get(second).text


def test_what_was_decided_says_by_whom_and_nothing_happens_twice(office: Office) -> None:
    job(office).turn(office.now)
    path = next(one for does, one, _ in links_in(sent(office)[CY]) if does == "Release")
    approver = office.as_("approver")
    approver.post(f"/mail/{BOTH}/decide", verb="refuse", sure="1")
    page = office.browser().get(path)
    assert "Refused by approver" in page.text
    assert office.browser().post(path, code=code_of(office, path, CY)).status_code == 303
    assert office.states(BOTH)[CY] == "refused"
    assert office.record("used a link") == []


# ---- links: not valid ----------------------------------------------------------------------------------------------


def altered(path: str) -> Iterator[str]:
    head, token = path[:3], path[3:]
    for place, letter in enumerate(token):
        yield f"{head}{token[:place]}{'A' if letter != 'A' else 'B'}{token[place + 1 :]}"
    yield head + token[:-1]
    yield head + token.partition(".")[0]
    yield head + token.partition(".")[0] + "."
    yield f"{head}{token}A"
    yield head + "x" * 5000
    yield head + "%C3%A4.%C3%A4"


def test_altered_expired_and_foreign_links_are_refused_alike(either: Office) -> None:
    job(either).turn(either.now)
    path, other = link_to(either, "Release"), next(one for _, one, _ in links_in(sent(either)[CY]))
    mixed = f"{path.partition('.')[0]}.{other.partition('.')[2]}"
    browser = either.browser()
    pages = {(browser.get(one).status_code, browser.get(one).text) for one in [*altered(path), mixed]}
    foreign = either.as_("cy").get(path)
    either.change("bo", disabled_at=either.now)
    disabled = browser.get(path)
    either.change("bo", disabled_at=None)
    assert browser.get(path).status_code == 200
    either.later(timedelta(days=7))
    pages.add((browser.get(path).status_code, browser.get(path).text))
    pages.add((disabled.status_code, disabled.text))
    assert len(pages) == 1
    ((code, text),) = pages
    assert code == foreign.status_code == 403
    assert "This link is over, or it is not yours" in text
    assert "This link is over, or it is not yours" in foreign.text


def test_all_links_cost_the_same_questions(office: Office) -> None:
    """So that how long an answer takes tells nobody which part of a link was right."""
    job(office).turn(office.now)
    path = link_to(office, "Release")
    asked: list[str] = []
    event.listen(office.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def questions(one: str) -> list[str]:
        asked.clear()
        assert office.browser().get(one).status_code == 403
        return list(asked)

    found = [questions(one) for one in altered(path)]
    office.later(timedelta(days=8))
    found.append(questions(path))
    assert [one for one in found if one != found[0]] == []
    assert len(found[0]) == 3


def test_links_of_the_month_before_are_valid_and_older_keys_are_gone(office: Office) -> None:
    job(office, links_for=timedelta(days=90)).turn(office.now)
    path = link_to(office, "Release")
    office.later(timedelta(days=31))
    assert job(office).turn(office.now) == 0
    assert office.browser().get(path).status_code == 200  # April: the key of March is the one before
    with office.house.reading() as conn:
        old = dict(conn.execute(select(link_key.c.month, link_key.c.secret)).all())  # type: ignore[arg-type]
    office.later(timedelta(days=31))
    assert office.browser().get(path).status_code == 403
    with office.begin() as conn:  # a key from a backup is put where a valid one is
        conn.execute(link_key.delete())
        digests.make_seal_key(conn, "2026-03", bytes.fromhex(old["2026-03"]))
    assert office.browser().get(path).status_code == 403


def test_whoever_lost_the_address_loses_the_links(office: Office) -> None:
    job(office).turn(office.now)
    path = link_to(office, "Release")
    with office.begin() as conn:
        persons.take_address(conn, office.number("bo"), BO)
    assert office.browser().post(path, code=code_of(office, path)).status_code == 403
    assert office.states(BOS) == {BO: "held"}


def test_over_plain_http_nobody_acts_from_elsewhere(office: Office) -> None:
    job(office).turn(office.now)
    path = link_to(office, "Release")
    far = office.browser(peer="192.0.2.7")
    assert "came without encryption" in far.get(path).text
    assert far.post(path, code=code_of(office, path)).status_code == 403
    near = office.browser(peer="192.0.2.7", secure=True)
    assert near.post(path, code=code_of(office, path)).status_code == 303


# ---- what may do harm ----------------------------------------------------------------------------------------------


def test_dangerous_mail_is_released_by_nobody_who_is_not_signed_in(office: Office) -> None:
    held_for(office, ReasonCode.ATTACHMENT_PROGRAM)
    job(office).turn(office.now)
    path = link_to(office, "Release")
    assert {(does, by_code) for does, _, by_code in links_in(sent(office)[BO])} == {
        ("Release", False),
        ("Refuse", True),
    }
    browser = office.browser()
    assert "Sign in to decide" in browser.get(path).text
    for code in ("", *re.findall(r"Code: +(\d+)", told(office))):
        assert browser.post(path, code=code).status_code == 403
    refuse = link_to(office, "Refuse")
    browser.post(refuse, code=code_of(office, refuse), remember="1")
    (_, left) = [one for does, one, _ in links_in(sent(office)[BO]) if does == "Release"]
    assert browser.post(left).status_code == 403  # nor by a browser that is theirs
    bo = office.as_("bo")
    assert "It may do harm" in bo.get(left).text
    assert bo.post(left).status_code == 303
    assert {office.states(BOTH)[BO], office.states(BOS)[BO]} == {"refused", "releasing"}


@pytest.fixture
def strict(office: Office) -> Office:
    """[hold] dangerous = "approvers"."""
    from dataclasses import replace

    terms = replace(office.house.terms, only_approvers=True)
    hold = office.house.settings.hold.model_copy(update={"dangerous": "approvers"})
    settings = office.house.settings.model_copy(update={"hold": hold})
    office.house = replace(office.house, terms=terms, settings=settings)
    office.app.extensions["house"] = office.house
    held_for(office, ReasonCode.ATTACHMENT_VIRUS)
    return office


def test_where_approvers_release_it_others_ask_them(strict: Office) -> None:
    job(strict).turn(strict.now)
    assert {does for does, _, _ in links_in(sent(strict)[BO])} == {"Ask an approver for it", "Refuse"}
    path = link_to(strict, "Ask an approver for it")
    browser = strict.browser()
    assert browser.post(path, code=code_of(strict, path), words="It is <b>mine</b>").status_code == 303
    assert "Asked for" in browser.get(path).text
    approver: Browser = strict.as_("approver")
    assert "bo, of" in read(approver.get("/").text)
    number = next(one for one in (BOS, BOTH) if "asked for it" in approver.get(f"/mail/{one}").text)
    assert "It is &lt;b&gt;mine&lt;/b&gt;" in approver.get(f"/mail/{number}").text
    approver.post(f"/mail/{number}/decide", verb="release", sure="1")
    assert strict.states(number)[BO] == "releasing"
    assert "bo, of" not in approver.get("/").text


def test_the_desk_asks_too_and_no_way_leads_around_it(strict: Office) -> None:
    bo = strict.as_("bo")
    page = bo.get(f"/mail/{BOS}").text
    assert "Ask an approver for it" in page
    assert 'value="release"' not in page
    assert bo.post(f"/mail/{BOS}/decide", verb="release", sure="1").status_code == 302
    assert bo.post(f"/mail/{BOS}/decide", verb="trust", sure="1", choice="0").status_code == 302
    assert strict.states(BOS) == {BO: "held"}
    assert bo.post(f"/mail/{BOS}/ask", words="please").status_code == 302
    (entry,) = strict.record("asked for a mail")
    assert (entry["who"], entry["about"]) == ("bo", BOS)
    assert bo.post(f"/mail/{BOS}/decide", verb="refuse", sure="1").status_code == 302
    assert strict.states(BOS) == {BO: "refused"}
    assert bo.post(f"/mail/{BOS}/ask").status_code == 409


def test_an_approver_of_another_domain_asks_as_well(strict: Office) -> None:
    with strict.begin() as conn:
        persons.give_roles(conn, strict.number("bo"), {(Role.APPROVER, "other.example")})
    strict.as_("bo").post(f"/mail/{BOS}/decide", verb="release", sure="1")
    assert strict.states(BOS) == {BO: "held"}


# ---- what people choose --------------------------------------------------------------------------------------------


def test_people_choose_on_their_page(office: Office) -> None:
    bo = office.as_("bo")
    assert "No mails about what waits are sent here" in bo.get("/protection").text
    said = bo.post("/protection/digest", wanted="yes", times="7:00", kinds="held")
    assert said.status_code == 400
    assert "08:00" in said.text
    assert bo.post("/protection/digest", wanted="yes", address=CY).status_code == 400
    assert bo.post("/protection/digest", wanted="yes", kinds="nobodys").status_code == 403
    assert (
        bo.post("/protection/digest", wanted="yes", times="16:30, 07:00", kinds=["held", "listed"]).status_code == 302
    )
    with office.house.reading() as conn:
        wish = digests.wish_of(conn, office.number("bo"))
    assert wish is not None
    assert [f"{one:%H:%M}" for one in wish.times] == ["07:00", "16:30"]
    assert wish.kinds == {Told.HELD, Told.LISTED}
    assert not wish.weekends
    assert office.record("digest chosen")[0]["who"] == "bo"


# ---- the watchdog --------------------------------------------------------------------------------------------------


def test_digests_that_were_not_made_or_did_not_come_are_noticed(either: Office) -> None:
    given = either.house.settings
    settings = given.model_copy(
        update={
            "web": given.web.model_copy(update={"url": URL}),
            "digest": given.digest.model_copy(
                update={"send": "everybody", "times": (f"{either.now:%H:%M}",), "zone": "UTC"}
            ),
        }
    )

    def found() -> Letters:
        with either.house.reading() as conn:
            return letters(conn, settings, either.now)

    with either.house.reading() as conn:
        assert letters(conn, given, either.now) == Letters(), "nobody gets any here"
    either.later(timedelta(days=1))
    assert found() == Letters(), "there is some time to make them"
    either.later(timedelta(minutes=31))
    assert found() == Letters(missing=10)
    assert job(either, times=settings.digest.moments).turn(either.now) == 2
    assert found() == Letters()
    either.later(timedelta(hours=2))
    assert found() == Letters(undelivered=2)
    with either.begin() as conn:
        conn.execute(update(delivery).where(delivery.c.recipient == BO).values(state="delivered"))
    assert found() == Letters(undelivered=1)


# ---- in a hurry ----------------------------------------------------------------------------------------------------


def test_what_may_hold_a_code_is_told_at_once_and_once(either: Office) -> None:
    wish(either, "bo", wanted=False, instant=True)
    number = "0000000000041"
    text = b"From: <noreply@shop.example>\r\nSubject: Sign in\r\n\r\nYour code is 482913.\r\n"
    either.later(timedelta(minutes=1))
    with either.begin() as conn:
        made = mail(number, text=text, subject="Sign in", received_at=either.now, rungs=STRONG)
        copied(conn, keep(conn, either.house.bodies, made, text), now=either.now)
    jobs = job(either)
    assert jobs.turn(either.now) == 2  # Cy's digest, and the word to Bo
    assert jobs.turn(either.now + timedelta(seconds=20)) == 0
    told_of = sent(either)[BO]
    assert told_of["Subject"] == "It may hold a code: a mail of elsewhere.example waits"
    assert "482913" not in str(told_of)
    (noted,) = rows(either, happening, kind="code")
    assert (noted.message, noted.recipient) == (number, BO)
    assert "Told at once: it looks like a code to sign in, for bo" in either.as_("bo").get(f"/mail/{number}/story").text
    ((does, path, by_code),) = links_in(told_of)
    assert (does, by_code) == ("Release", True)
    assert either.browser().post(path, code=code_of(either, path)).status_code == 303
    assert either.states(number)[BO] in ("released", "releasing")
    either.later(timedelta(minutes=11))
    assert jobs.turn(either.now) == 0
