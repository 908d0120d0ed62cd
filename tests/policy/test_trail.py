"""The hop before a relay: what each mail server's Received field says, and what a sender cannot make it say."""

import random
from ipaddress import ip_address, ip_network

import pytest

from gateway.model import Envelope, Peer
from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.header import received
from gateway.policy.trail import MOST_CHARACTERS, MOST_FIELDS, Hop, hop_before, read_hop
from tests.policy.stranger import NOW

RELAYS = (ip_network("198.51.100.7/32"), ip_network("203.0.113.0/28"), ip_network("2001:db8:7::/64"))
DATE = "Sun, 1 Mar 2026 12:00:00 +0000"
POSTFIX = f"by mx2.example.com (Postfix) with ESMTPS id 4fQ2xY5zTqz9s; {DATE} (UTC)"
EVIL = f"from mail.evil.example (mail.evil.example [192.0.2.66]) {POSTFIX}"
FRIEND = f"from mail.friend.example (mail.friend.example [192.0.2.7]) {POSTFIX}"


def hop(address, helo="mail.a.example"):
    return Hop(ip_address(address), helo)


def field(peer, **differs):
    """Our own, as it is written."""
    return " ".join(received(peer, Envelope(None, ()), "gate.example.com", "m7z2gedtse9s6", NOW).split()[1:])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            "from mail.a.example (mail.a.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384"
            " (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256)"
            f" (No client certificate requested) {POSTFIX}",
            hop("192.0.2.1"),
            id="Postfix, over TLS",
        ),
        pytest.param(f"from mail.a.example (unknown [192.0.2.1]) {POSTFIX}", hop("192.0.2.1"), id="Postfix, no name"),
        pytest.param(
            f"from mail.a.example (a.example [IPv6:2001:db8::1]) {POSTFIX}", hop("2001:db8::1"), id="Postfix, IPv6"
        ),
        pytest.param(f"from [192.0.2.9] (unknown [192.0.2.1]) {POSTFIX}", hop("192.0.2.1", "[192.0.2.9]"), id="HELO"),
        pytest.param(
            "from mail.a.example ([192.0.2.1]) by mx2.example.com with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384"
            f" (Exim 4.96) (envelope-from <ann@a.example>) id 1rkQ2x-0000Ab-1C for bo@example.com; {DATE}",
            hop("192.0.2.1"),
            id="Exim",
        ),
        pytest.param(
            f"from h1.a.example ([192.0.2.1]:40112 helo=mail.a.example) by mx2 with esmtp (Exim 4.97); {DATE}",
            hop("192.0.2.1"),
            id="Exim, another HELO",
        ),
        pytest.param(
            f"from [192.0.2.1] (port=40112 helo=mail.a.example) by mx2.example.com with smtp (Exim 4.96) id 1; {DATE}",
            hop("192.0.2.1"),
            id="Exim, no name",
        ),
        pytest.param(
            f"from [2001:db8::1] (helo=mail.a.example) by mx2.example.com with esmtp (Exim 4.96) id 1; {DATE}",
            hop("2001:db8::1"),
            id="Exim, no name, IPv6",
        ),
        pytest.param(
            f"from [192.0.2.1] (helo=[192.0.2.9]) by mx2.example.com with esmtp (Exim 4.96) id 1; {DATE}",
            hop("192.0.2.1", "[192.0.2.9]"),
            id="Exim, a HELO that is another address",
        ),
        pytest.param(
            f"from [192.0.2.1] by mx2.example.com with smtp (Exim 4.96) id 1; {DATE}",
            hop("192.0.2.1", "[192.0.2.1]"),
            id="Exim, no HELO",
        ),
        pytest.param(
            "from mail.a.example (mail.a.example [192.0.2.1]) by mx2.example.com (8.17.1/8.17.1) with ESMTPS id 4210"
            f" (version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO) for <bo@example.com>; {DATE} (GMT)",
            hop("192.0.2.1"),
            id="Sendmail",
        ),
        pytest.param(
            f"from mail.a.example (h1.a.example [192.0.2.1] (may be forged)) by mx2 (8.17.1/8.17.1) with SMTP; {DATE}",
            hop("192.0.2.1"),
            id="Sendmail, a name that does not resolve back",
        ),
        pytest.param(
            f"from mail.a.example (IDENT:root@h1.a.example [192.0.2.1]) by mx2 (8.17.1/8.17.1) with SMTP id 4; {DATE}",
            hop("192.0.2.1"),
            id="Sendmail, with a user",
        ),
        pytest.param(
            "from mail.a.example (192.0.2.1) by EX1.example.com (198.51.100.30) with Microsoft SMTP Server"
            f" (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.2.1544.9; {DATE}",
            hop("192.0.2.1"),
            id="Exchange",
        ),
        pytest.param(
            "from mail.a.example (2001:db8::1) by EX1.example.com (2001:db8:9::2) with Microsoft SMTP Server"
            f" (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.8400.21; {DATE}",
            hop("2001:db8::1"),
            id="Exchange Online",
        ),
        pytest.param(
            f"from unknown (HELO mail.a.example) (192.0.2.1) by 0 with SMTP; {DATE}", hop("192.0.2.1"), id="qmail"
        ),
        pytest.param(
            f"from h1.a.example (HELO mail.a.example) (ann@192.0.2.1) by mx2.example.com with SMTP; {DATE}",
            hop("192.0.2.1"),
            id="qmail, with a user",
        ),
        pytest.param(
            f"from mail.a.example (192.0.2.1) by mx2.example.com with (AES256-SHA encrypted) SMTP; {DATE}",
            hop("192.0.2.1"),
            id="qmail, the same HELO",
        ),
        pytest.param(
            f"from unknown (HELO mail.a.example) ([192.0.2.1]) (from <x@[192.0.2.9]>) by mx2 with SMTP; {DATE}",
            hop("192.0.2.1"),
            id="qmail with patches",
        ),
        pytest.param(
            f"from mail.a.example (mail.a.example [192.0.2.1]) by mx2.example.com (Haraka/3.0.3) with ESMTPS"
            f" id 5C11.1 envelope-from <ann@a.example> tls TLS_AES_256_GCM_SHA384; {DATE}",
            hop("192.0.2.1"),
            id="Haraka",
        ),
        pytest.param(
            f"from mail.a.example (a.example [192.0.2.1]) by mx2.example.com (OpenSMTPD) with ESMTPS id 3a; {DATE}",
            hop("192.0.2.1"),
            id="OpenSMTPD",
        ),
        pytest.param(
            f"from mail.a.example (a.example [::ffff:192.0.2.1]) by mx2.example.com with ESMTP; {DATE}",
            hop("192.0.2.1"),
            id="Courier, IPv4 written as IPv6",
        ),
        pytest.param(
            f"from mail.a.example (a.example. [192.0.2.1]) by mx.google.com with ESMTPS id a1; {DATE}",
            hop("192.0.2.1"),
            id="Google",
        ),
        pytest.param(field(Peer(ip_address("192.0.2.1"), "mail.a.example", "a.example")), hop("192.0.2.1"), id="ours"),
        pytest.param(field(Peer(ip_address("2001:db8::1"), "mail.a.example")), hop("2001:db8::1"), id="ours, IPv6"),
    ],
)
def test_who_gave_the_mail_to_the_server_that_wrote_the_field(value, expected):
    assert read_hop(value) == expected


UNREADABLE = [
    pytest.param("", id="nothing"),
    pytest.param(f"by mx2.example.com (Postfix, from userid 1000) id 4fQ2; {DATE}", id="submitted there (Postfix)"),
    pytest.param(f"from ann by mx2.example.com with local (Exim 4.96) id 1; {DATE}", id="submitted there (Exim)"),
    pytest.param(f"(qmail 4711 invoked by uid 33); {DATE}", id="submitted there (qmail)"),
    pytest.param(
        f"from mail.a.example by mx2.example.com with LMTP id x (envelope-from <a@b>); {DATE}", id="no address"
    ),
    pytest.param(f"from [192.0.2.9] by mx2.example.com with SMTP; {DATE}", id="only a HELO, which may be any address"),
    pytest.param(f"from a (a [192.0.2.1]); {DATE}", id="no by"),
    pytest.param(f"from a (a [192.0.2.300]) {POSTFIX}", id="no address after all"),
    pytest.param(f"from a (a [fe80::1%eth0]) {POSTFIX}", id="an address with a zone"),
    pytest.param(f"from a b (a [192.0.2.1]) {POSTFIX}", id="two names"),
    pytest.param(f"(c) from a (a [192.0.2.1]) {POSTFIX}", id="a comment first"),
    pytest.param(f"from a (b [192.0.2.9]) (unknown [192.0.2.66]) {POSTFIX}", id="HELO a (b [..]): two addresses"),
    pytest.param(f"from a (192.0.2.9) (unknown [192.0.2.66]) {POSTFIX}", id="HELO a (192.0.2.9)"),
    pytest.param(f"from a (b [192.0.2.9]) by c (unknown [192.0.2.66]) {POSTFIX}", id="HELO a (b [..]) by c"),
    pytest.param(f"from a (b [192.0.2.9]) by c; ( (unknown [192.0.2.66]) {POSTFIX}", id="HELO with an open ("),
    pytest.param(f"from a (b [192.0.2.9]) by c) (unknown [192.0.2.66]) {POSTFIX}", id="HELO with a )"),
    pytest.param(f"from a (b [192.0.2.9]) by c \\( (unknown [192.0.2.66]) {POSTFIX}", id="HELO with a backslash"),
    pytest.param(f"from a (b ( (unknown [192.0.2.66]) {POSTFIX}", id="parentheses out of order"),
    pytest.param(f"from a (HELO [192.0.2.9]) by mx2 with SMTP; {DATE}", id="an address that is a HELO"),
]


@pytest.mark.parametrize("value", UNREADABLE)
def test_what_cannot_be_read_or_can_be_read_in_two_ways_names_nobody(value):
    assert read_hop(value) is None


def test_no_bytes_make_it_fail_or_slow():
    draw = random.Random(7)
    pieces = [
        "from",
        "by",
        " ",
        " ",
        "(",
        ")",
        "[",
        "]",
        "192.0.2.9",
        "helo=",
        "HELO ",
        "IPv6:",
        ":",
        "::",
        ";",
        "\\",
        "\xff",
    ]
    for _ in range(5_000):
        value = "".join(draw.choice(pieces) for _ in range(draw.randint(0, 40)))
        found = hop_before([f"from {value} (unknown [192.0.2.66]) {POSTFIX}"], RELAYS)
        assert found is None or found.address == ip_address("192.0.2.66"), value
    for nasty in ("(" * 1900, "() " * 600, "a@" * 900, "from " + "[1" * 900, "from a " + "(helo=a " * 200 + ")" * 200):
        assert hop_before([nasty], RELAYS) is None


# ---- the walk ------------------------------------------------------------------------------------------------------


def by(inner, address, name="mx9.example.com"):
    return f"from {name} ({name} [{address}]) by {inner} (Postfix) with ESMTPS id 4fQ; {DATE}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([], None, id="no field at all"),
        pytest.param([EVIL], "192.0.2.66", id="the relay's field names the hop"),
        pytest.param([EVIL, FRIEND], "192.0.2.66", id="what the sender wrote below does not count"),
        pytest.param([by("mx1", "203.0.113.5"), EVIL, FRIEND], "192.0.2.66", id="relays in a row are skipped"),
        pytest.param([by("mx1", "203.0.113.5"), by("mx3", "198.51.100.7"), EVIL], "192.0.2.66", id="three in a row"),
        pytest.param([by("mx1", "IPv6:2001:db8:7::25"), EVIL], "192.0.2.66", id="a relay with IPv6"),
        pytest.param([by("mx1", "203.0.113.5")], None, id="relays all the way down"),
        pytest.param([by("mx2", "127.0.0.1"), EVIL], None, id="a filter on an undeclared loopback hides the hop"),
        pytest.param([by("mx2", "10.1.2.3"), FRIEND], None, id="so does the relay's inner network"),
        pytest.param([by("mx2", "IPv6:::1"), FRIEND], None, id="and its loopback in IPv6"),
        pytest.param([by("mx2", "203.0.113.77"), FRIEND], "203.0.113.77", id="a neighbour of the relay is no relay"),
        pytest.param(
            [f"by mx2.example.com (Postfix) id 4fQ; {DATE} (UTC)", EVIL], "192.0.2.66", id="forwarded within Postfix"
        ),
        pytest.param([f"(qmail 4711 invoked from network); {DATE}", EVIL], "192.0.2.66", id="taken in by qmail"),
        pytest.param(
            [f"by mx2.example.com (Postfix, from userid 33) id 4fQ; {DATE} (UTC)", FRIEND],
            None,
            id="submitted on the relay itself: the rest is its author's word",
        ),
        pytest.param([f"(qmail 4711 invoked by uid 33); {DATE}", FRIEND], None, id="the same with qmail"),
        pytest.param(["from nowhere in particular", FRIEND], None, id="an unreadable field ends the search"),
        pytest.param([EVIL + " " * MOST_CHARACTERS], None, id="a field that is too long"),
        pytest.param([by("mx1", "203.0.113.5")] * MOST_FIELDS + [EVIL], None, id="more relays than anybody has"),
    ],
)
def test_the_walk_ends_where_the_relays_words_end(fields, expected):
    found = hop_before(fields, RELAYS)
    assert (str(found.address) if found else None) == expected


def test_a_declared_loopback_is_walked_through():
    assert hop_before([by("mx2", "127.0.0.1"), EVIL], (*RELAYS, ip_network("127.0.0.0/8"))).helo == "mail.evil.example"


def test_the_fields_are_read_from_the_mail_as_it_streams_by():
    reader = Fingerprinter("gate.example.com", "Greygate-Verdict")
    folded = EVIL.replace(" by ", "\r\n\tby ")
    mail = f"Return-Path: <>\r\nreceived: {folded}\r\nSubject: x\r\nReceived: second\r\n\r\nReceived: body\r\n"
    for byte in mail.encode():
        reader.feed(bytes([byte]))
    reader.finish()
    assert reader.received_fields() == (EVIL, "second")
