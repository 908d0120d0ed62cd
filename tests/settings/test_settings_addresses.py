"""Listeners, domains, addresses and URLs."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.addresses import Endpoint, account, address, domain, endpoint, network, recipient, server
from gateway.settings.urls import BackendUrl, DatabaseUrl, backend_url, database_url

READERS = (endpoint, server, network, domain, address, recipient, account, backend_url, database_url)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("127.0.0.1:25", Endpoint("127.0.0.1", 25)),
        ("[::]:25", Endpoint("::", 25)),
        ("MX.example.com:2525", Endpoint("mx.example.com", 2525)),
    ],
)
def test_endpoints(text, value):
    assert endpoint(text) == value
    assert str(value) == text.lower()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("192.0.2.53", Endpoint("192.0.2.53", 53)),
        ("192.0.2.53:5353", Endpoint("192.0.2.53", 5353)),
        ("::1", Endpoint("::1", 53)),
        ("[::1]:54", Endpoint("::1", 54)),
    ],
)
def test_servers(text, value):
    assert server(text) == value
    assert server(str(value)) == value


def test_networks():
    assert network("192.0.2.0/24") == ip_network("192.0.2.0/24")
    assert network("2001:DB8::1") == ip_network("2001:db8::1/128")


@pytest.mark.parametrize(
    ("text", "value"),
    [("Example.COM", "example.com"), ("example.com.", "example.com"), ("bücher.example", "xn--bcher-kva.example")],
)
def test_domains(text, value):
    assert domain(text) == value


def test_accounts_and_recipients():
    assert address("Boss@Bücher.example") == "boss@xn--bcher-kva.example"
    assert recipient("@Example.com") == "@example.com"
    assert account("Example.com") == "example.com"
    assert account("Boss+x@example.com") == "boss+x@example.com"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("smtp://mail.example.com:2525", BackendUrl("smtp", "mail.example.com", 2525)),
        ("smtp://mail.example.com", BackendUrl("smtp", "mail.example.com", 25)),
        ("smtp://[2001:db8::1]:25", BackendUrl("smtp", "2001:db8::1", 25)),
        ("lmtp://127.0.0.1:24", BackendUrl("lmtp", "127.0.0.1", 24)),
        ("lmtp:///run/dovecot/lmtp", BackendUrl("lmtp", path=Path("/run/dovecot/lmtp"))),
        ("maildir:///var/mail/with%20space", BackendUrl("maildir", path=Path("/var/mail/with space"))),
    ],
)
def test_backends(text, value):
    assert backend_url(text) == value
    assert backend_url(str(value)) == value


@pytest.mark.parametrize("text", ["sqlite:///var/lib/g.db", "sqlite:////var/lib/g.db"])
def test_sqlite_paths_are_absolute(text):
    assert database_url(text) == DatabaseUrl("sqlite", path=Path("/var/lib/g.db"))


def test_mysql_decodes_user_and_password():
    url = database_url("mysql://grey%40gate:p%2Fa%3As%25s@[::1]/greygate")
    assert (url.user, url.password, url.host, url.port, url.name) == ("grey@gate", "p/a:s%s", "::1", 3306, "greygate")


def test_the_database_never_shows_its_password():
    url = database_url("mysql://greygate:hunter2@db:3307/mail")
    assert str(url) == "mysql://greygate:***@db:3307/mail"
    assert "hunter2" not in repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "mysql://me:hunter2@db:x/n",
        "mysql://me:hunter2@db",
        "mysql://me:hunter2",
        "mysql//me:hunter2@db/n",
        "mysql://me@db:hunter2/n",
        "hunter2",
        "mysql://me:hunter2@[db/n",
        "mysql://me:hunter2#@db/n",
        "mysql://me:hunter2/@db/n",
    ],
)
def test_a_bad_database_url_is_not_shown(text):
    with pytest.raises(ValueError, match="URL") as caught:
        database_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@given(
    value=st.one_of(
        st.text(), st.integers(), st.none(), st.lists(st.text()), st.from_regex(r"[a-z]{1,4}://\S+@?\S*:?\S*/?\S*")
    )
)
def test_readers_answer_or_say_what_is_wrong(reader, value):
    try:
        result = reader(value)
    except ValueError as error:
        result, said = None, str(error)
    assert said.isprintable() if result is None else reader(result) == result
