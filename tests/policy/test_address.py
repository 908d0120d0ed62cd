"""Envelope addresses: what is taken, what is refused, and what is remembered of a sender."""

import random
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Address, MailParameters
from gateway.policy.address import BadAddress, Role, domain_key, normalise_sender, parse_address, parse_path
from gateway.policy.parameters import (
    UnknownParameter,
    parse_mail_parameters,
    parse_parameters,
    parse_rcpt_parameters,
)

LOCAL = "our.dom"


def sender(data: bytes, smtputf8: bool = False) -> Address | None:
    address, rest = parse_path(data, smtputf8=smtputf8, role="sender")
    assert rest == b""
    return address


def recipient(data: bytes, smtputf8: bool = False) -> Address | None:
    address, rest = parse_path(data, smtputf8=smtputf8, role="recipient")
    assert rest == b""
    return address


SENDERS = {
    "plain": (b"<ann@example.com>", "ann", "example.com"),
    "spaces before the bracket": (b"   <ann@example.com>", "ann", "example.com"),
    "case kept in raw only": (b"<Ann@Example.COM>", "Ann", "example.com"),
    "all of atext": (b"<!#$%&'*+-/=?^_`{|}~a@example.com>", "!#$%&'*+-/=?^_`{|}~a", "example.com"),
    "doubled dot": (b"<a..b@docomo.example>", "a..b", "docomo.example"),
    "dots at the ends": (b"<.a.@docomo.example>", ".a.", "docomo.example"),
    "quoted space": (b'<"a b"@example.com>', '"a b"', "example.com"),
    "quoted bracket": (b'<"a>b"@example.com>', '"a>b"', "example.com"),
    "quoted at-sign": (b'<"a@b.example"@example.com>', '"a@b.example"', "example.com"),
    "quoted quote": (b'<"a\\"b"@example.com>', '"a\\"b"', "example.com"),
    "quoted for nothing": (b'<"ann"@example.com>', "ann", "example.com"),
    "quoted pair for nothing": (b'<"a\\nn"@example.com>', "ann", "example.com"),
    "underscore": (b"<a@my_host.example.com>", "a", "my_host.example.com"),
    "single label": (b"<root@localhost>", "root", "localhost"),
    "IPv4 literal": (b"<a@[192.0.2.1]>", "a", "[192.0.2.1]"),
    "IPv6 literal": (b"<a@[IPv6:2001:DB8:0::1]>", "a", "[ipv6:2001:db8::1]"),
    "A-label": (b"<a@XN--BCHER-KVA.example>", "a", "xn--bcher-kva.example"),
}


@pytest.mark.parametrize(("data", "local", "domain"), SENDERS.values(), ids=SENDERS.keys())
def test_senders_taken(data: bytes, local: str, domain: str) -> None:
    assert sender(data) == Address(data.strip(b" ")[1:-1].decode(), local, domain)


def test_null_reverse_path_is_for_senders_only() -> None:
    assert sender(b"<>") is None
    with pytest.raises(BadAddress):
        recipient(b"<>")


BAD_SENDERS = {
    "no brackets": b"ann@example.com",
    "no closing bracket": b"<ann@example.com",
    "nothing": b"",
    "text before": b"Ann <ann@example.com>",
    "text behind": b"<ann@example.com>SIZE=1",
    "space inside": b"<ann @example.com>",
    "space at the end": b"<ann@example.com >",
    "tab before": b"\t<ann@example.com>",
    "source route": b"<@relay.example:ann@example.com>",
    "no domain": b"<ann>",
    "no local part": b"<@example.com>",
    "two at-signs": b"<a@b@example.com>",
    "comment": b"<ann(comment)@example.com>",
    "trailing dot": b"<ann@example.com.>",
    "empty label": b"<ann@example..com>",
    "hyphen first": b"<ann@-example.com>",
    "label of 64": b"<ann@" + b"a" * 64 + b".com>",
    "domain of 256": b"<ann@" + b"a." * 126 + b"abcd>",
    "path of 513": b"<" + b"a" * 499 + b"@example.com>",
    "8 bit": b"<\xe4nn@example.com>",
    "bad IPv4 literal": b"<a@[192.0.2.256]>",
    "bad IPv6 literal": b"<a@[IPv6:2001:db8::1::2]>",
    "IPv6 zone": b"<a@[IPv6:fe80::1%eth0]>",
    "literal of a name": b"<a@[example.com]>",
    "open quote": b'<"a@example.com>',
    "half quoted": b'<"a"b@example.com>',
    "control behind": b"<ann@example.com> SIZE=1\x00",
}


@pytest.mark.parametrize("data", BAD_SENDERS.values(), ids=BAD_SENDERS.keys())
def test_senders_refused_without_an_echo(data: bytes) -> None:
    with pytest.raises(BadAddress) as refusal:
        sender(data)
    assert re.fullmatch("[A-Za-z ]+", refusal.value.args[0])


def test_longest_path_and_label_are_taken() -> None:
    assert sender(b"<" + b"a" * 498 + b"@example.com>")
    assert sender(b"<a@" + b"b" * 63 + b".com>")


def test_utf8_only_where_it_was_asked_for() -> None:
    data = "<jürgen@Bücher.example>".encode()
    assert sender(data, smtputf8=True) == Address("jürgen@Bücher.example", "jürgen", "xn--bcher-kva.example")
    assert recipient(data, smtputf8=True) == sender(data, smtputf8=True)
    for take in (sender, recipient):
        with pytest.raises(BadAddress):
            take(data)


@pytest.mark.parametrize("inside", ["\u0085", "\u2028", "\u202e", "\u00a0", "\u200b"])
def test_invisible_characters_are_refused(inside: str) -> None:
    with pytest.raises(BadAddress):
        sender(f"<a{inside}b@example.com>".encode(), smtputf8=True)


@pytest.mark.parametrize("data", [b"<\xff@example.com>", b"<\xc0\xaf@example.com>", b"<\xed\xa0\x80@example.com>"])
def test_what_is_no_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(BadAddress):
        sender(data, smtputf8=True)


def test_parameters_are_what_follows() -> None:
    path = b"<ann@example.com>  SIZE=10 BODY=8BITMIME "
    assert parse_path(path, smtputf8=False, role="sender")[1] == b"SIZE=10 BODY=8BITMIME"


@pytest.mark.parametrize("name", ["postmaster", "Postmaster", "POSTMASTER"])
def test_bare_postmaster_is_a_recipient(name: str) -> None:
    assert recipient(f"<{name}>".encode()) == Address(name, name, "")
    with pytest.raises(BadAddress):
        sender(f"<{name}>".encode())


# Each tries to look local and to go elsewhere, here or in a server behind us that reads it another way.
RELAY_ATTEMPTS = {
    "percent hack": b"<victim%ext.org@our.dom>",
    "bang path": b"<ext.org!victim@our.dom>",
    "mixed hack": b"<ext.org!victim%third.org@our.dom>",
    "two at-signs": b"<victim@ext.org@our.dom>",
    "quoted at-sign": b'<"victim@ext.org"@our.dom>',
    "quoted address": b'<"victim@ext.org">',
    "quoted brackets": b'<"a <v@ext.org>"@our.dom>',
    "quoted CR and brackets": b'<"a\r<v@ext.org>"@our.dom>',
    "quoted CRLF": b'<"a\r\nRCPT TO:<v@ext.org>"@our.dom>',
    "escaped at-sign": b"<victim\\@ext.org@our.dom>",
    "source route": b"<@our.dom:victim@ext.org>",
    "long source route": b"<@our.dom,@ext.org:victim@our.dom>",
    "colon": b"<our.dom:victim@our.dom>",
    "CR": b"<a@our.dom\r>",
    "LF": b"<a@our.dom\n>",
    "CRLF and a command": b"<a@our.dom>\r\nRCPT TO:<v@ext.org>",
    "NUL": b"<v@ext.org\0@our.dom>",
    "DEL": b"<a\x7f@our.dom>",
    "nested brackets": b"<<v@ext.org>@our.dom>",
    "nested the other way": b"<a@our.dom<v@ext.org>>",
    "two paths": b"<a@our.dom><v@ext.org>",
    "comma": b"<v@ext.org,a@our.dom>",
    "semicolon": b"<v@ext.org;a@our.dom>",
    "comment": b"<victim(@our.dom)@ext.org>",
    "comment behind": b"<v@ext.org(@our.dom>",
    "group": b"<x:v@ext.org;@our.dom>",
    "spaces": b"<v@ext.org @our.dom>",
    "trailing dot": b"<victim@our.dom.>",
    "single label": b"<victim@our>",
    "underscore": b"<victim@my_host.our.dom>",
    "fullwidth at-sign": "<victim\uff20ext.org@our.dom>".encode(),
    "small at-sign": "<victim\ufe6bext.org@our.dom>".encode(),
    "fullwidth percent": "<victim\uff05ext.org@our.dom>".encode(),
    "fullwidth bang": "<ext.org\uff01victim@our.dom>".encode(),
    "fullwidth colon": "<our.dom\uff1avictim@our.dom>".encode(),
    "fullwidth at-sign only": "<victim\uff20our.dom>".encode(),
    "ideographic stop": "<victim@our\u3002dom>".encode(),
    "fullwidth stop": "<victim@our\uff0edom>".encode(),
    "halfwidth stop": "<victim@our\uff61dom>".encode(),
    "one dot leader": "<victim@our\u2024dom>".encode(),
    "fullwidth letters": "<victim@\uff4f\uff55\uff52.dom>".encode(),
    "soft hyphen": "<victim@o\u00adur.dom>".encode(),
    "zero width joiner": "<victim@o\u200dur.dom>".encode(),
}


@pytest.mark.parametrize("data", RELAY_ATTEMPTS.values(), ids=RELAY_ATTEMPTS.keys())
@pytest.mark.parametrize("smtputf8", [False, True], ids=["ascii", "utf8"])
def test_relay_attempts_are_refused(data: bytes, smtputf8: bool) -> None:
    with pytest.raises(BadAddress):
        parse_path(data, smtputf8=smtputf8, role="recipient")


def test_second_path_is_no_parameter() -> None:
    address, rest = parse_path(b"<v@ext.org> <a@our.dom>", smtputf8=False, role="recipient")
    assert address == Address("v@ext.org", "v", "ext.org")
    with pytest.raises(BadAddress):
        parse_parameters(rest)


ELSEWHERE = {
    "our domain below theirs": (b"<victim@our.dom.ext.org>", "our.dom.ext.org"),
    "Cyrillic o": ("<victim@\u043eur.dom>".encode(), "xn--ur-emc.dom"),
    "literal": (b"<victim@[192.0.2.1]>", "[192.0.2.1]"),
    "our domain as local part": (b"<our.dom@ext.org>", "ext.org"),
}


@pytest.mark.parametrize(("data", "domain"), ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_only_resembles_our_domain_keeps_its_own(data: bytes, domain: str) -> None:
    address = recipient(data, smtputf8=True)
    assert address
    assert address.domain == domain != LOCAL


PIECES = [
    *'<>@@@"\\().,;:[]!%+=-_ \t\r\n\0\x7f',
    *["our.dom", "our.dom", "ext.org", "victim", "a", "b.c", "..", '"a b"', "[192.0.2.1]", "[IPv6:::1]", "postmaster"],
    *["\uff20", "\u3002", "\u00e9", "\u202e", "b\u00fccher.example", " SIZE=1", "x" * 60],
]


def fuzzed(dice: random.Random) -> bytes:
    """Something between a proper address and noise."""
    shape = dice.choices(["proper", "bent", "noise"], [1, 4, 2])[0]
    some = "".join(dice.choices(PIECES, k=dice.randrange(1, 7)))
    if shape == "noise":
        return some.encode()
    domain = dice.choice(["our.dom", "ext.org", "[192.0.2.1]", "b\u00fccher.example"])
    text = f"<{''.join(dice.choices(string.ascii_letters + '.+-', k=6))}@{domain}>"
    if shape == "bent":
        place = dice.randrange(1, len(text))
        text = text[:place] + some[:3] + text[place:]
    return text.encode()


def check(data: bytes, smtputf8: bool, role: Role) -> bool:
    """Whether `data` is taken; then it must be sent and read as it was validated."""
    try:
        address, rest = parse_path(data, smtputf8=smtputf8, role=role)
    except BadAddress:
        return False
    path = data.lstrip(b" ")
    raw = address.raw.encode() if address else b""
    assert path.startswith(b"<" + raw + b">")
    assert path[len(raw) + 2 :].strip(b" ") == rest
    unquoted = re.sub(rb'"(?:[^"\\]|\\.)*"', b"q", raw)
    assert not re.search(rb"[\x00-\x20\x7f<>()\[\],;:\\\"]", unquoted.partition(b"@")[0])
    assert not re.search(rb"[\x00-\x1f\x7f]", data)
    if address and address.domain:
        domain = raw.rpartition(b"@")[2].decode()
        assert address.domain == (domain.lower() if domain.startswith("[") else domain_key(domain))
        assert address.domain.isascii()
        assert role == "sender" or raw.count(b"@") == 1
    return True


def test_hundred_thousand_addresses_are_sent_as_validated_or_refused() -> None:
    dice = random.Random(20260105)
    taken = sum(
        check(fuzzed(dice), smtputf8=dice.random() < 0.5, role=dice.choice(["sender", "recipient"]))
        for _ in range(100_000)
    )
    assert 10_000 < taken < 70_000  # else the generator tests only one side


@given(st.binary(max_size=60), st.booleans(), st.sampled_from(["sender", "recipient"]))
def test_any_bytes_are_taken_soundly_or_refused(inside: bytes, smtputf8: bool, role: Role) -> None:
    check(b"<" + inside + b">", smtputf8, role)
    check(b"<" + inside + b"@our.dom>", smtputf8, role)


@pytest.mark.parametrize("piece", ['"', '"\\', "\\", "a.", "=", "-", "+a=", "prvs=01234567=", "srs0=a=bc=", "bounce-"])
def test_pathological_addresses_do_not_take_long(piece: str) -> None:
    local = (piece * 500)[:500]
    started = time.perf_counter()
    check(f"<{local}@a.b>".encode(), False, "sender")
    check(f"<{local}@a.b>".encode(), False, "recipient")
    normalise_sender(f"{local}@a.b")
    assert time.perf_counter() - started < 60


def test_addresses_as_people_write_them() -> None:
    assert parse_address("Ann@Example.com") == Address("Ann@Example.com", "Ann", "example.com")
    for text in ("", "<a@b.example>", "a@b.example> SIZE=1", "a", "a@b.example\n", "\ud800@b.example", "a b@c.example"):
        with pytest.raises(BadAddress):
            parse_address(text)
    with pytest.raises(BadAddress):
        parse_address("jürgen@example.com", smtputf8=False)


def test_domain_keys() -> None:
    assert domain_key("Example.COM") == "example.com"
    assert domain_key("BÜCHER.example") == domain_key("xn--bcher-kva.example") == "xn--bcher-kva.example"
    assert domain_key("例え。テスト") == "xn--r8jz45g.xn--zckzah"
    for name in (
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a@b",
        "-a",
        "a" * 64,
        "a." * 130,
        "☃\u0000",
        "[192.0.2.1]",
        "ü" * 63,
    ):
        with pytest.raises(BadAddress):
            domain_key(name)


@given(
    st.lists(st.sampled_from(["A", "b1", "-", "_", ".", "ü", "İ", "ß", "例", "。", "\uff21", "Σ", "xn--"])).map("".join)
)
def test_domain_key_of_a_key_is_itself(name: str) -> None:
    try:
        key = domain_key(name)
    except BadAddress:
        return
    assert domain_key(key) == key
    assert key.isascii()


MEMORY = {
    "plain": ("Ann@Example.com", "ann@example.com"),
    "null": ("", ""),
    "tag": ("ann+shop@example.com", "ann@example.com"),
    "telephone number": ("+4915123456@carrier.example", "+4915123456@carrier.example"),
    "number as a name": ("13812345678@139.example", "13812345678@139.example"),
    "year in a name": ("john1985@example.com", "john1985@example.com"),
    "hexadecimal as a name": ("deadbeef@example.com", "deadbeef@example.com"),
    "quoted": ('"a+b c"@example.com', '"a+b c"@example.com'),
    "VERP": ("list-bounces+user=example.com@lists.example", "list-bounces+#@lists.example"),
    "VERP with hyphens": ("bounce-123-jean-luc=dom@n.example", "bounce-#@n.example"),
    "VERP of a newsletter": ("news-8ab3-user=example.com@n.example", "news-#@n.example"),
    "PRVS": ("prvs=0123abcdef=user@dom.example", "user@dom.example"),
    "PRVS with a slash": ("prvs=user/0123abcdef@dom.example", "user@dom.example"),
    "BTV1": ("btv1==0123ab==user@dom.example", "user@dom.example"),
    "PRVS around a tag": ("prvs=0123abcdef=user+x@dom.example", "user@dom.example"),
    "SRS0": ("SRS0=hAs/=tT=dom.example=user@fwd.example", "srs0=#=dom.example=user@fwd.example"),
    "SRS0 plus": ("SRS0+hAsh=tT=dom.example=user@fwd.example", "srs0=#=dom.example=user@fwd.example"),
    "SRS1": (
        "SRS1=hh=f1.example==hAsh=tT=dom.example=user@f2.example",
        "srs1=#=f1.example==#=dom.example=user@f2.example",
    ),
    "SRS0 around VERP": (
        "SRS0=hAsh=tT=l.example=l-bounces+u=x.example@fwd.example",
        "srs0=#=l.example=l-bounces+#@fwd.example",
    ),
    "numbered bounce": ("bounces+12345-ab3f@x.example", "bounces+#@x.example"),
    "numbered bounce, hyphen": ("bounce-98765-12@x.example", "bounce-#-12@x.example"),
    "bounce with a word": ("bounce-deadbeef@x.example", "bounce-deadbeef@x.example"),
    "bounce with hexadecimal": ("bounce-deadbee7@x.example", "bounce-#@x.example"),
    "bounce domain": ("4711-0815a@bounces.x.example", "#-#a@bounces.x.example"),
    "SES": (
        "0100018f2c3a4b5c-1234abcd-56ef-7890-abcd-1234567890ab-000000@amazonses.example",
        "#-#-#@amazonses.example",
    ),
    "UUID": ("m-1234abcd-56ef-7890-abcd-1234567890ab@x.example", "m-#@x.example"),
}


@pytest.mark.parametrize(("key", "remembered"), MEMORY.values(), ids=MEMORY.keys())
def test_what_is_remembered_of_a_sender(key: str, remembered: str) -> None:
    assert normalise_sender(key) == remembered


sender_pieces = st.sampled_from(
    [
        *"+-=_./#a1",
        *["prvs=", "0123abcdef", "btv1==", "==", "srs0=", "srs1=", "hash=tt=", "bounces", "bounce-", "example.com"],
        *["user", "12345", "msprvs1=", "1234abcd-56ef-7890-abcd-1234567890ab", "0100018f2c3a4b5c", '"', "@"],
    ]
)


@settings(max_examples=1000)
@given(st.lists(sender_pieces, max_size=14).map("".join), st.sampled_from(["x.example", "Bounces.x.example", ""]))
def test_remembering_twice_changes_nothing_and_the_domain_never(local: str, domain: str) -> None:
    once = normalise_sender(f"{local}@{domain}")
    assert normalise_sender(once) == once
    assert once.rpartition("@")[2] == domain.lower()
    assert bool(once.rpartition("@")[0]) == bool(local)


@given(st.text(max_size=30))
def test_remembering_any_text_twice_changes_nothing(text: str) -> None:
    assert normalise_sender(normalise_sender(text)) == normalise_sender(text)


plain_locals = st.from_regex(r"[a-z][a-z0-9_.-]{0,14}", fullmatch=True).filter(
    lambda local: not re.search("bounce|return|verp", local)
)


@given(plain_locals, plain_locals)
def test_plain_addresses_stay_apart(one: str, other: str) -> None:
    assert normalise_sender(f"{one}@x.example") == f"{one}@x.example"
    assert (normalise_sender(f"{one}@x") == normalise_sender(f"{other}@x")) == (one == other)


def test_parameters_in_upper_case() -> None:
    assert parse_parameters(b"size=10  Body=8bitmime SMTPUTF8") == {"SIZE": "10", "BODY": "8bitmime", "SMTPUTF8": None}
    assert parse_parameters(b"") == {}


@pytest.mark.parametrize(
    "rest", [b"SIZE=1 size=2", b"SIZE=", b"=1", b"-A=1", b"A=b=c", b"A=\x01", b"A=\xc3\xa4", b"A_B", b"A\tB", b"<x>"]
)
def test_parameters_that_are_none(rest: bytes) -> None:
    with pytest.raises(BadAddress):
        parse_parameters(rest)


def mail(rest: bytes, offered: bool = True) -> MailParameters:
    return parse_mail_parameters(parse_parameters(rest), smtputf8_offered=offered, dsn_offered=offered)


def test_mail_parameters() -> None:
    assert mail(b"") == MailParameters()
    full = mail(b"SIZE=12345 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb")
    assert full == MailParameters(size=12345, body_8bit=True, smtputf8=True, ret="HDRS", envid="a+2Bb")
    assert mail(b"BODY=7BIT", offered=False) == MailParameters()
    assert mail(b"SIZE=" + b"9" * 20).size == 10**20 - 1


@pytest.mark.parametrize(
    "rest",
    [
        b"SIZE",
        b"SIZE=-1",
        b"SIZE=1e3",
        b"SIZE=" + b"9" * 21,
        b"BODY=BINARYMIME",
        b"BODY",
        b"SMTPUTF8=yes",
        b"RET=ALL",
        b"ENVID",
        b"ENVID=a+2b",
        b"ENVID=a+",
        b"ENVID=" + b"a" * 101,
    ],
)
def test_mail_parameters_that_are_not_valid(rest: bytes) -> None:
    with pytest.raises(BadAddress) as refusal:
        mail(rest)
    assert not isinstance(refusal.value, UnknownParameter)


@pytest.mark.parametrize("rest", [b"SMTPUTF8", b"RET=FULL", b"ENVID=a", b"AUTH=<>", b"X-OTHER"])
def test_what_was_not_offered_is_unknown(rest: bytes) -> None:
    with pytest.raises(UnknownParameter):
        mail(rest, offered=False)


def rcpt(rest: bytes, offered: bool = True) -> tuple[str | None, str | None]:
    return parse_rcpt_parameters(parse_parameters(rest), dsn_offered=offered)


def test_rcpt_parameters() -> None:
    assert rcpt(b"") == (None, None)
    assert rcpt(b"NOTIFY=never") == ("NEVER", None)
    assert rcpt(b"NOTIFY=success,DELAY ORCPT=rfc822;Bob+2Bx@b.example") == ("SUCCESS,DELAY", "rfc822;Bob+2Bx@b.example")


@pytest.mark.parametrize(
    "rest",
    [
        b"NOTIFY",
        b"NOTIFY=NEVER,DELAY",
        b"NOTIFY=DELAY,",
        b"NOTIFY=ALWAYS",
        b"ORCPT=bob@b.example",
        b"ORCPT=rfc822;",
        b"ORCPT=rfc822;a+0d",
        b"ORCPT=;a",
        b"ORCPT=rfc822;" + b"a" * 500,
    ],
)
def test_rcpt_parameters_that_are_not_valid(rest: bytes) -> None:
    with pytest.raises(BadAddress) as refusal:
        rcpt(rest)
    assert not isinstance(refusal.value, UnknownParameter)


def test_rcpt_parameters_that_are_unknown() -> None:
    for rest, offered in ((b"NOTIFY=NEVER", False), (b"SIZE=1", True)):
        with pytest.raises(UnknownParameter):
            rcpt(rest, offered)
