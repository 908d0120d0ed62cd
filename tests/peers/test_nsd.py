"""What a mail proves, with a real name server: records as a zone file has them, large answers, and no answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from gateway.evidence.gather import Evidence, Message
from gateway.evidence.resolver import DnsResolver, Records
from gateway.model import Address, Authentication, AuthResult, Dmarc, DmarcPolicy, Spf, SpfResult
from tests.conftest import need
from tests.evidence.dnsserver import DnsServer
from tests.evidence.signing import DOMAIN, MAIL, ed25519_signer, forwarded, rsa_signer, signed
from tests.gate import free_port
from tests.peers import nsd
from tests.peers.nsd import Nsd, quoted

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE, V6 = "192.0.2.7", "2001:db8::7"
PASS, FAIL, TEMPERROR, PERMERROR = AuthResult.PASS, AuthResult.FAIL, AuthResult.TEMPERROR, AuthResult.PERMERROR
LARGE = "v=spf1 " + " ".join(f"ip4:198.51.{net}.{host}" for net in range(4) for host in range(40)) + f" ip4:{HERE} -all"

TABLE: dict[tuple[str, str], list[str]] = {
    ("ok.example", "TXT"): [quoted("unrelated"), quoted(f"v=spf1 ip4:{HERE} -all")],
    ("joined.example", "TXT"): ['"v=spf1 ip4:192.0" ".2.7 -all"'],
    ("two.example", "TXT"): [quoted("v=spf1 +all"), quoted("v=spf1 -all")],
    ("mx.example", "TXT"): [quoted("v=spf1 mx -all")],
    ("mx.example", "MX"): ["10 one.mx.example.", "20 two.mx.example."],
    ("one.mx.example", "A"): ["198.51.100.1"],
    ("two.mx.example", "A"): [HERE],
    ("two.mx.example", "AAAA"): [V6],
    ("alias.example", "CNAME"): ["ok.example."],
    ("includes.example", "TXT"): [quoted("v=spf1 include:alias.example -all")],
    ("loop.example", "CNAME"): ["loop.example."],
    ("exists.example", "TXT"): [quoted("v=spf1 exists:%{ir}.%{v}._list.exists.example -all")],
    ("7.2.0.192.in-addr._list.exists.example", "A"): ["127.0.0.2"],
    ("wild.example", "TXT"): [quoted("v=spf1 a:x.y.wild.example -all")],
    ("*.wild.example", "A"): [HERE],
    ("large.example", "TXT"): [quoted(LARGE)],
    ("asks.broken.example", "TXT"): [quoted("v=spf1 include:dead.broken.example -all")],
    ("passes.broken.example", "TXT"): [quoted(f"v=spf1 ip4:{HERE} include:dead.broken.example -all")],
    (f"sel._domainkey.{DOMAIN}", "TXT"): [quoted(rsa_signer(4096).record())],
    (f"ed._domainkey.{DOMAIN}", "TXT"): [quoted(ed25519_signer().record())],
    (f"large._domainkey.{DOMAIN}", "TXT"): [quoted(rsa_signer().record(f"n={'x' * 2000}; "))],
    (f"aliased._domainkey.{DOMAIN}", "CNAME"): ["key.provider.example."],
    ("key.provider.example", "TXT"): [quoted(rsa_signer().record())],
    (f"revoked._domainkey.{DOMAIN}", "TXT"): [quoted("v=DKIM1; p=")],
    ("sel._domainkey.list.example", "TXT"): [quoted(rsa_signer().record())],
    (f"_dmarc.{DOMAIN}", "TXT"): [
        quoted("v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:d@elsewhere.example")
    ],
    (f"news.{DOMAIN}", "A"): ["192.0.2.1"],
    ("_dmarc.many.example", "TXT"): [quoted("v=DMARC1; p=none"), quoted("v=DMARC1; p=reject")],
    ("_dmarc.psd.example", "TXT"): [quoted("v=DMARC1; p=quarantine; psd=y")],
}


@pytest.fixture(scope="module")
def server() -> Iterator[Nsd]:
    need(nsd.is_installed(), "NSD (apt-get install nsd, and run as root)")
    server = Nsd(TABLE, broken=("broken.example", "_dmarc.broken.test"))
    try:
        yield server.start()
    finally:
        server.remove()


async def spf_of(resolver: DnsResolver, domain: str, peer: str = HERE) -> Spf:
    evidence = Evidence(resolver, own_servers=True, within=60)
    found = await evidence.spf_of(ip_address(peer), Address(f"ann@{domain}", "ann", domain), "helo.example")
    assert found is not None
    return found


async def proof(resolver: DnsResolver, mail: bytes, author: str = DOMAIN) -> Authentication:
    evidence = Evidence(resolver, own_servers=True, within=60)
    nobody = Spf(SpfResult.NONE, "")
    return await evidence.authentication_of(Message(lambda: [mail], len(mail)), author, nobody, NOW)


@pytest.mark.parametrize(
    ("domain", "peer", "result"),
    [
        ("ok.example", HERE, "pass"),
        ("ok.example", "192.0.2.8", "fail"),
        ("joined.example", HERE, "pass"),
        ("two.example", HERE, "permerror"),
        ("mx.example", HERE, "pass"),
        ("mx.example", V6, "pass"),
        ("mx.example", "192.0.2.8", "fail"),
        ("alias.example", HERE, "pass"),
        ("includes.example", HERE, "pass"),
        ("exists.example", HERE, "pass"),
        ("exists.example", "192.0.2.8", "fail"),
        ("wild.example", HERE, "pass"),
        ("large.example", HERE, "pass"),
        ("nothing.example", HERE, "none"),
        ("one.mx.example", HERE, "none"),
        ("dead.broken.example", HERE, "temperror"),
        ("asks.broken.example", HERE, "temperror"),
        ("passes.broken.example", HERE, "pass"),
        ("loop.example", HERE, "temperror"),
    ],
)
async def test_spf(server: Nsd, domain: str, peer: str, result: str) -> None:
    assert (await spf_of(server.resolver(), domain, peer)).result == result


@pytest.mark.parametrize(
    ("mail", "result"),
    [
        (signed(signer=rsa_signer(4096)), PASS),
        (signed(signer=ed25519_signer(), s="ed"), PASS),
        (signed(s="large"), PASS),
        (signed(s="aliased"), PASS),
        (signed(s="revoked"), PERMERROR),
        (signed(s="nothing"), PERMERROR),
        (signed(d="sub.broken.example"), TEMPERROR),
    ],
)
async def test_dkim(server: Nsd, mail: bytes, result: AuthResult) -> None:
    (found,) = (await proof(server.resolver(), mail)).signatures
    assert found.result is result


REPORTS = ("mailto:d@elsewhere.example",)


@pytest.mark.parametrize(
    ("author", "found"),
    [
        (DOMAIN, Dmarc(FAIL, DOMAIN, DmarcPolicy.REJECT, REPORTS)),
        (f"news.{DOMAIN}", Dmarc(FAIL, DOMAIN, DmarcPolicy.QUARANTINE, REPORTS)),
        (f"there-is.none.{DOMAIN}", Dmarc(FAIL, DOMAIN, DmarcPolicy.REJECT, REPORTS)),
        ("many.example", Dmarc(AuthResult.NONE, "many.example")),
        ("a.psd.example", Dmarc(FAIL, "a.psd.example", DmarcPolicy.QUARANTINE)),
        ("broken.test", Dmarc(TEMPERROR, "broken.test")),
        ("a.broken.test", Dmarc(TEMPERROR, "broken.test")),
    ],
)
async def test_dmarc(server: Nsd, author: str, found: Dmarc) -> None:
    assert (await proof(server.resolver(), MAIL, author)).dmarc == found


async def test_a_whole_mail(server: Nsd) -> None:
    mail = forwarded(signed(signer=rsa_signer(4096)), rsa_signer(), "list.example", "dmarc=pass")
    found = await proof(server.resolver(), mail, f"news.{DOMAIN}")
    assert found.arc is not None
    assert (found.arc.result, found.arc.sealers) == (PASS, ("list.example",))
    assert found.dmarc == Dmarc(PASS, DOMAIN, DmarcPolicy.QUARANTINE, REPORTS)
    assert found.aligned == (DOMAIN,)


async def test_an_answer_that_is_too_large_for_a_datagram_comes_over_tcp(server: Nsd) -> None:
    assert len(LARGE) > 2000
    assert await server.resolver().lookup("large.example", "TXT") == Records((LARGE,))


async def test_what_does_not_exist_is_told_from_what_nobody_tells(server: Nsd) -> None:
    resolver = server.resolver()
    assert await resolver.lookup("nothing.example", "TXT") == Records()
    assert await resolver.lookup("ok.example", "MX") == Records()
    assert await resolver.lookup("dead.broken.example", "TXT") is None


# ---- servers that are not there, or are no good --------------------------------------------------------------------


def unknown(found: Authentication, spf: Spf) -> bool:
    assert found.dmarc is not None
    assert found.arc is not None
    results = [*(one.result for one in found.signatures), found.dmarc.result, found.arc.result, AuthResult(spf.result)]
    return set(results) == {TEMPERROR}


async def check_unknown(resolver: DnsResolver) -> None:
    mail = forwarded(signed(), rsa_signer(), "list.example", "dmarc=pass")
    assert unknown(await proof(resolver, mail), await spf_of(resolver, "ok.example"))


async def test_a_dead_server_makes_everything_unknown() -> None:
    await check_unknown(DnsResolver([("127.0.0.1", free_port())], 0.5))


@pytest.mark.parametrize(
    "lies", ["id", "question", "truncated", "garbage", "cut", "nothing", "no answer", "silent", "failing"]
)
async def test_a_server_that_lies_makes_everything_unknown(dns_server: DnsServer, lies: str) -> None:
    for (name, kind), records in TABLE.items():
        dns_server.zone[name.lower(), kind] = records
    if lies in ("silent", "failing"):
        setattr(dns_server, lies, True)
    else:
        dns_server.lies = lies
    await check_unknown(DnsResolver([("127.0.0.1", dns_server.port)], 0.5))


@pytest.mark.parametrize("lies", ["name", "type"])
async def test_an_answer_about_something_else_is_none(dns_server: DnsServer, lies: str) -> None:
    """A server may say so: then there is nothing under this name, and nobody passes by another's records."""
    dns_server.zone["ok.example", "TXT"] = TABLE["ok.example", "TXT"]
    dns_server.lies = lies
    resolver = DnsResolver([("127.0.0.1", dns_server.port)], 0.5)
    assert not (await resolver.lookup("ok.example", "TXT") or Records()).values
    assert (await spf_of(resolver, "ok.example")).result in (SpfResult.NONE, SpfResult.TEMPERROR)
