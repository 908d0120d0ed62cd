"""Accounts and their protection: levels, and mail that is expected."""

from sqlalchemy import Connection

from gateway import clock, expecting
from gateway.expecting import NotAllowed
from gateway.expecting import Offer as Offered
from gateway.model import Act, Expectation, Level, Scope
from gateway.policy.address import parse_address
from gateway.policy.rights import can, domains
from gateway.store import changes, levels, persons
from gateway.store import expecting as windows
from gateway.store.shelves import View
from webui import places
from webui.api import cursors
from webui.api.answers import Answer
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.nouns import Account, Listing, Offer, OpenedWindow, Window
from webui.api.once import carry_out
from webui.api.problems import Problem, invalid
from webui.api.wanted import LevelChosen, NewWindow, PeopleWanted, WindowsWanted
from webui.guard import actor, ensure, house
from webui.noted import me, note
from webui.pages.protection import account_named, otherwise

PROTECTION = "Protection"


@call("GET", "/accounts", Scope.READ, PROTECTION, query=PeopleWanted, answer=Listing[Account])
def accounts(asked: Asked) -> Listing[Account]:
    """Accounts and their levels

    Addresses that are somebody's or have a level of their own, and domains, as far as the owner chooses their level;
    by name.
    """
    query: PeopleWanted = asked.query
    after, given = cursors.text("accounts", query.after), domains(actor(), Act.LEVEL)
    local = house().settings.domains.local if "" in given else given
    with house().reading() as conn:
        mine, most = View(actor().addresses, given), query.limit + 1
        found = persons.addresses(conn, mine, after, query.q.strip(), most)
        found += levels.accounts(conn, mine, after, query.q.strip(), most)
        whole = [one for one in local if one > after and query.q.strip().lower() in one]
        names = sorted({*found, *whole})[:most]
        rows = [described(conn, one) for one in names[: query.limit]]
    more = len(names) > query.limit
    return Listing[Account](items=rows, next=cursors.written("accounts", names[query.limit - 1]) if more else None)


def described(conn: Connection, account: str) -> Account:
    chosen = levels.of(conn, account)
    if chosen is None:
        return Account(account=account, level=otherwise(conn, account), chosen=False, by=None, since=None)
    level = Level(chosen["level"])
    return Account(account=account, level=level, chosen=True, by=chosen["author"], since=chosen["since"])


def named(said: str) -> str:
    """An account or a domain of ours whose level the owner chooses. Raises Problem."""
    account = account_named(said)
    if not account or account.rpartition("@")[2] not in house().settings.domains.local:
        raise Problem("not-found")
    ensure(Act.LEVEL, account)
    return account


@call("GET", "/accounts/<path:account>", Scope.READ, PROTECTION, answer=Account, tagged=True, also=("not-yours",))
def account(asked: Asked, account: str) -> Account:
    """One account, and its level"""
    name = named(account)
    with house().reading() as conn:
        return described(conn, name)


@call(
    "PUT", "/accounts/<path:account>", Scope.PROTECTION, PROTECTION, body=LevelChosen, answer=Account,
    tagged=True, matched=True, also=("not-yours",),
)  # fmt: skip
def account_level(asked: Asked, account: str) -> object:
    """Choose the level of an account or a domain

    It counts from the next second on. With `If-Match` only where nobody has changed it meanwhile.
    """
    name, chosen = named(account), asked.body.level

    def work(conn: Connection) -> Account:
        levels.lock(conn, name)
        asked.must_be(described(conn, name))
        levels.choose(conn, name, chosen, actor().name, clock.now())
        note(conn, "level chosen", name, level=str(chosen) if chosen else "as the settings say")
        changes.announce(conn, house().node)
        return described(conn, name)

    return carry_out(work)


# ---- mail that is expected -----------------------------------------------------------------------------------------


@call("GET", "/expecting", Scope.READ, PROTECTION, query=WindowsWanted, answer=Listing[Window])
def expected(asked: Asked) -> Listing[Window]:
    """What is expected just now

    The newest first; of accounts for which the owner may say so.
    """
    query: WindowsWanted = asked.query
    before = cursors.number("expecting", query.after)
    wanted = None if query.account is None else account_named(query.account)
    with house().reading() as conn:
        found = [
            one
            for one in windows.open_now(conn, clock.now())
            if can(actor(), Act.EXPECT, one.recipient)
            and wanted in (None, one.recipient)
            and (before is None or one.id < before)
        ]
    rows = found[: query.limit]
    more = len(found) > query.limit
    return Listing[Window](
        items=[window_of(one) for one in rows], next=cursors.written("expecting", rows[-1].id) if more else None
    )


def window_of(one: Expectation) -> Window:
    return Window(
        id=one.id, account=one.recipient, domain=one.domain, opened=one.opened_at, until=one.until, by=one.who
    )


@call(
    "POST", "/expecting", Scope.PROTECTION, PROTECTION, body=NewWindow, answer=OpenedWindow, status=201,
    also=("impossible", "not-found"), headers={"Location": "Where it is closed."},
)  # fmt: skip
def expect(asked: Asked) -> object:
    """Expect mail

    For some minutes mail comes in at once, if its sender proves who it is. What came shortly before, waits and fits is
    offered: release it by itself.
    """
    wanted: NewWindow = asked.body
    account = account_named(wanted.account)
    if "@" not in account:
        raise invalid([{"pointer": "#/account", "detail": "That is no address."}])
    ensure(Act.EXPECT, account)
    life = None if wanted.minutes is None else places.MINUTE * wanted.minutes

    def work(conn: Connection) -> Answer:
        now, allowed = clock.now(), house().expecting
        made = expecting.open_for(conn, parse_address(account), wanted.domain, life, me(), allowed, now)
        note(conn, "expects mail", account, domain=wanted.domain or "")
        offers = [offer_of(one) for one in expecting.offers(conn, made, now)]
        told = OpenedWindow(window=window_of(made), offers=offers)
        return Answer(told, {"Location": f"/api/v1/expecting/{made.id}"})

    try:
        return carry_out(work)
    except NotAllowed as error:
        said = str(error)
        raise Problem("impossible", f"{said[:1].upper()}{said[1:]}.") from None


def offer_of(one: Offered) -> Offer:
    names = ("sender", "author", "subject", "received_at", "state")
    told = {name: getattr(one, name) for name in names}
    return Offer(mail=one.message, **told, proved=list(one.proved), suspicious=list(one.suspicious))


@call(
    "DELETE", "/expecting/<int:window>", Scope.PROTECTION, PROTECTION, status=204, also=("not-yours", "somebody-first")
)
def expect_no_more(asked: Asked, window: int) -> object:
    """Expect mail no more"""

    def work(conn: Connection) -> None:
        found = windows.load(conn, window) if window <= places.LARGEST else None
        if found is None:
            raise Problem("not-found")
        ensure(Act.EXPECT, found.recipient)
        if not expecting.close(conn, window, me(), clock.now()):
            raise Problem("somebody-first", "It has ended already.")
        note(conn, "expects mail no more", found.recipient)

    return carry_out(work)
