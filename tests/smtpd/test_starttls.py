"""STARTTLS (RFC 3207): nothing said in plain counts afterwards, and nothing said afterwards is believed in plain."""

import contextlib
import socket
import ssl
import struct
import time
import warnings
from pathlib import Path

import pytest

from tests.smtpd.house import (
    OPEN,
    House,
    Houses,
    Witness,
    WitnessConversation,
    certificate,
    client_tls,
    generous,
    is_closed,
    push,
    seated,
)
from tests.talk import Closed, Talk, deliver, message

ANN, BO = "ann@elsewhere.example", f"bo@{OPEN}"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def secured(talk: Talk, version: ssl.TLSVersion | None = None, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    """Go on in TLS after the 220."""
    made = client_tls(version).wrap_socket(talk.sock, session=session)
    talk.sock = made
    return made


def lost_after(talk: Talk) -> bool:
    """True when not one more reply comes."""
    try:
        talk.answer()
    except (Closed, OSError):
        return True
    return False


def reset(talk: Talk) -> None:
    """Close with RST."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


# ---- (a), (b): words put in before TLS -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "injected",
    [
        b"NOOP\r\n",
        b"EHLO evil.example\r\n",
        b"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\n",
        b"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<bo@example.com>\r\nDATA\r\n",
        b"MAIL FROM:<evil@evil.example",
        b"RSET\n",
        b"\r\n",
    ],
    ids=repr,
)
def test_what_comes_with_starttls_in_one_segment_is_never_obeyed(house: House, injected: bytes) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.send(b"STARTTLS\r\n" + injected)
        assert talk.answer().code == 220
        secured(talk)
        assert talk.held == b""
        answer = talk.say("MAIL FROM:<ann@elsewhere.example>")
        assert (answer.code, answer.text) == (503, "5.5.1 Say EHLO or HELO first")
        assert talk.say("EHLO peer.example.net").code == 250
        assert talk.say(f"RCPT TO:<{BO}>").code == 503
    assert house.sink.heard == []


def test_much_that_comes_with_starttls_is_never_obeyed_either(house: House) -> None:
    """More than is read at once: it may break the handshake, but that is all."""
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.send(b"STARTTLS\r\n" + b"NOOP\r\n" * 20000)
        assert talk.answer().code == 220
        try:
            secured(talk)
            assert talk.say("MAIL FROM:<ann@elsewhere.example>").code == 503
        except OSError:
            pass


@pytest.mark.parametrize("words", [b"EHLO evil.example\r\n", b"NOOP\r\nQUIT\r\n", b"\r\n", b"\x16"], ids=repr)
def test_words_between_the_220_and_the_handshake_end_the_connection(house: House, words: bytes) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say("STARTTLS").code == 220
        talk.send(words)
        with pytest.raises(ssl.SSLError):
            secured(talk)
    assert deliver(house.port, ANN, [BO], message()).code == 250


# ---- (c), (d), (g): what is said before does not count after -------------------------------------------------------


def test_a_mail_begun_in_plain_is_forgotten(house: House) -> None:
    with house.talk() as talk:
        assert [one.code for one in talk.envelope(ANN, [BO])] == [250, 250]
        assert talk.starttls().code == 220
        assert talk.say(f"RCPT TO:<{BO}>").code == 503
        assert talk.say("DATA").code == 503
    assert house.sink.heard == []


def test_a_greeting_in_plain_is_forgotten(house: House) -> None:
    with house.talk() as talk:
        talk.say("EHLO plain.example.net")
        talk.starttls()
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 503
        talk.say("EHLO secret.example.net")
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 250
        assert talk.say(f"RCPT TO:<{BO}>").code == 250
        assert talk.data(message()).code == 250
    assert b"Received: from secret.example.net " in house.sink.mails[0].data
    assert b" with ESMTPS id " in house.sink.mails[0].data
    assert b"plain.example.net" not in house.sink.mails[0].data


def test_starttls_is_offered_once(house: House) -> None:
    with house.talk() as talk:
        assert "STARTTLS" in talk.say("EHLO peer.example.net").text.split("\n")
        talk.starttls()
        assert "STARTTLS" not in talk.say("EHLO peer.example.net").text
        assert str(talk.say("STARTTLS")) == "503 5.5.1 TLS is on already"
        assert talk.say("NOOP").code == 250


def test_starttls_takes_no_argument(house: House) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say("STARTTLS now").code == 501
        assert talk.say("NOOP").code == 250
        assert talk.starttls().code == 220


def test_without_a_certificate_there_is_no_tls(houses: Houses) -> None:
    house = generous(houses)
    with house.talk() as talk:
        assert "STARTTLS" not in talk.say("EHLO peer.example.net").text
        assert talk.say("STARTTLS").code == 502
        assert talk.say("NOOP").code == 250


# ---- (e): the end of TLS -------------------------------------------------------------------------------------------


def halfway(house: House, version: ssl.TLSVersion) -> Talk:
    """A connection in TLS, in the middle of its data."""
    talk = house.talk()
    talk.answer()
    talk.say("EHLO peer.example.net")
    talk.say("STARTTLS")
    secured(talk, version)
    talk.envelope(ANN, [BO])
    assert talk.say("DATA").code == 354
    talk.send(b"Subject: half\r\n\r\nOne half\r\n")
    return talk


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_data_that_tls_ends_in_the_middle_of_are_not_a_mail(house: House, version: ssl.TLSVersion) -> None:
    talk = halfway(house, version)
    plain = talk.sock.unwrap()  # type: ignore[attr-defined]
    with contextlib.suppress(OSError):
        plain.sendall(b"The other half, in plain\r\n.\r\nNOOP\r\n")
    plain.settimeout(60)
    with contextlib.suppress(ConnectionError):
        assert plain.recv(1000) == b""
    plain.close()
    assert house.sink.heard == []


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_plain_bytes_within_tls_end_the_connection(house: House, version: ssl.TLSVersion) -> None:
    talk = halfway(house, version)
    plain = socket.socket(fileno=socket.dup(talk.sock.fileno()))
    plain.sendall(b"The other half, in plain\r\n.\r\n")
    plain.close()
    assert lost_after(talk)
    talk.close()
    assert house.sink.heard == []


def test_data_cut_off_without_a_goodbye_are_not_a_mail(house: House) -> None:
    """A man in the middle may end a connection where he likes."""
    talk = halfway(house, ssl.TLSVersion.TLSv1_3)
    socket.socket.shutdown(talk.sock, socket.SHUT_WR)
    assert lost_after(talk)
    talk.close()
    assert house.sink.heard == []


def test_after_tls_nothing_is_answered_in_plain(house: House) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.starttls()
        talk.say("EHLO peer.example.net")
        talk.sock = talk.sock.unwrap()  # type: ignore[attr-defined]
        push(talk, b"NOOP\r\n")
        assert lost_after(talk)


# ---- handshakes that fail ------------------------------------------------------------------------------------------


GARBAGE = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x16\x03\x01\xff\xff" + b"A" * 2000,
    b"\x80\x2e\x01\x00\x02" + b"\0" * 60,
    b"\0" * 5000,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda one: repr(one[:8]))
def test_a_handshake_of_garbage_ends_the_connection_and_no_other(hasty: House, garbage: bytes) -> None:
    with hasty.talk() as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say("STARTTLS").code == 220
        talk.send(garbage)
        assert is_closed(talk)
    assert deliver(hasty.port, ANN, [BO], message()).code == 250


def test_a_handshake_that_never_comes_is_cut_in_time(hasty: House) -> None:
    with hasty.talk() as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say("STARTTLS").code == 220
        began = time.monotonic()
        assert is_closed(talk)
        assert time.monotonic() - began > 0.5


def hello_of_a_client() -> bytes:
    """A ClientHello as OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client_tls().wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("part", [1, 5, 100, None], ids=["one byte", "the record head", "a part", "all of it"])
def test_half_a_handshake_gives_its_place_back(hasty: House, part: int | None) -> None:
    """Twice as many as one address may have, each cut off by the peer; then there is room for a mail."""
    source = f"127.0.6.{part or 200}"
    for _ in range(10):
        with seated(hasty, source) as talk:
            talk.say("EHLO peer.example.net")
            assert talk.say("STARTTLS").code == 220
            talk.send(hello_of_a_client()[:part])
            time.sleep(0.02)
            reset(talk)
    with seated(hasty, source) as talk:
        talk.envelope(ANN, [BO])
        assert talk.data(message()).code == 250


def test_a_handshake_ended_by_fin_gives_its_place_back(hasty: House) -> None:
    for _ in range(10):
        with seated(hasty, "127.0.6.201") as talk:
            talk.say("EHLO peer.example.net")
            assert talk.say("STARTTLS").code == 220
            talk.sock.shutdown(socket.SHUT_WR)
            is_closed(talk)
    with seated(hasty, "127.0.6.201") as talk:
        talk.envelope(ANN, [BO])
        assert talk.data(message()).code == 250


def test_handshakes_that_time_out_give_their_places_back(hasty: House) -> None:
    held = [hasty.talk("127.0.6.202") for _ in range(5)]
    for talk in held:
        assert talk.answer().code == 220
        assert talk.say("STARTTLS").code == 220
    assert all(is_closed(talk) for talk in held)
    for talk in held:
        talk.close()
    with seated(hasty, "127.0.6.202") as talk:
        talk.envelope(ANN, [BO])
        assert talk.data(message()).code == 250


@pytest.mark.parametrize("goodbye", ["reset", "fin", "close_notify"])
def test_a_peer_that_leaves_tls_after_its_mail_gives_its_place_back(hasty: House, goodbye: str) -> None:
    """Below TLS the socket is gone before anybody can ask it what became of our 250."""
    source = f"127.0.6.21{len(goodbye) % 10}"
    for _ in range(7):
        with seated(hasty, source) as talk:
            talk.say("EHLO peer.example.net")
            talk.starttls()
            talk.envelope(ANN, [BO])
            assert talk.data(message()).code == 250
            if goodbye == "reset":
                reset(talk)
            elif goodbye == "close_notify":
                with contextlib.suppress(OSError):
                    talk.sock.unwrap()  # type: ignore[attr-defined]
    with seated(hasty, source) as talk:
        talk.envelope(ANN, [BO])
        assert talk.data(message()).code == 250
    assert len(hasty.sink.mails) == 8
    assert "Traceback" not in hasty.gate.log


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=str)
def test_versions_before_1_2_are_refused(house: House, version: ssl.TLSVersion) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = client_tls()
        context.minimum_version, context.maximum_version = version, version
        context.set_ciphers("ALL:@SECLEVEL=0")
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say("STARTTLS").code == 220
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(talk.sock)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_versions_from_1_2_on_are_taken_with_forward_secrecy(house: House, version: ssl.TLSVersion) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.say("STARTTLS")
        tls = secured(talk, version)
        cipher = tls.cipher()
        assert cipher is not None
        assert cipher[0].startswith("ECDHE-" if version is ssl.TLSVersion.TLSv1_2 else "TLS_")
        assert tls.compression() is None
        assert talk.say("EHLO peer.example.net").code == 250


# ---- in TLS all is as it was ---------------------------------------------------------------------------------------


def test_in_tls_commands_may_be_pipelined(house: House) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.starttls()
        talk.say("EHLO peer.example.net")
        envelope = f"MAIL FROM:<{ANN}>\r\nRCPT TO:<{BO}>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\n".encode()
        talk.send(envelope)
        assert [talk.answer().code for _ in range(4)] == [250, 250, 550, 354]
        talk.send(message("one") + b".\r\n" + envelope)
        assert [talk.answer().code for _ in range(5)] == [250, 250, 250, 550, 354]
        talk.send(message("two") + b".\r\nQUIT\r\n")
        assert [talk.answer().code for _ in range(2)] == [250, 221]
    assert house.sink.subjects() == ["one", "two"]


def test_in_tls_a_large_mail_arrives_as_it_was_sent(house: House) -> None:
    mail = message("large", body="".join(f"{number} {'x' * 900}\r\n" for number in range(120)))
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.starttls()
        talk.envelope(ANN, [BO])
        assert talk.data(mail).code == 250
    assert house.sink.mails[0].below() == mail


# ---- (h): sessions -------------------------------------------------------------------------------------------------


def session_at(
    port: int, version: ssl.TLSVersion, session: ssl.SSLSession | None, context: ssl.SSLContext
) -> ssl.SSLSocket:
    """A TLS connection that has said EHLO, so that tickets were read."""
    talk = Talk(port)
    talk.answer()
    talk.say("EHLO peer.example.net")
    talk.say("STARTTLS")
    tls = context.wrap_socket(talk.sock, session=session)
    talk.sock = tls
    talk.say("EHLO peer.example.net")
    return tls


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_session_of_one_gate_is_no_good_at_another(house: House, hasty: House, version: ssl.TLSVersion) -> None:
    """The same certificate, other settings: nobody may skip a handshake there because of one here."""
    context = client_tls(version)
    with session_at(house.port, version, None, context) as first:
        session = first.session
    with session_at(hasty.port, version, session, context) as second:
        assert not second.session_reused


# ---- (f), (g): as the client of a backend --------------------------------------------------------------------------


class TlsBackend(Witness):
    """A backend with STARTTLS. `extra` is put behind its 220; `secret_extensions` are offered once TLS is on."""

    context: ssl.SSLContext
    extra = b""
    secret_extensions: tuple[str, ...] = ("8BITMIME", "SIZE 700000")

    def serve(self, connection: socket.socket) -> None:
        conversation = TlsConversation(self, connection)
        try:
            conversation.run()
        except OSError:
            pass
        finally:
            conversation.connection.close()

    def hang_up(self) -> None:
        for connection in self.open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self.open.clear()


class TlsConversation(WitnessConversation):
    def obey(self, verb: str, argument: str) -> None:
        sink = self.sink
        assert isinstance(sink, TlsBackend)
        if verb == "STARTTLS":
            sink.heard.append("STARTTLS")
            self.connection.sendall(b"220 go ahead\r\n" + sink.extra)
            self.connection = sink.context.wrap_socket(self.connection, server_side=True)
            sink.open.append(self.connection)
            self.held = b""
        elif verb == "EHLO" and isinstance(self.connection, ssl.SSLSocket):
            lines = ["sink.example", *sink.secret_extensions]
            sink.heard.append("EHLO in TLS")
            self.say(b"\r\n".join(f"250{'-' if one != lines[-1] else ' '}{one}".encode() for one in lines))
        else:
            super().obey(verb, argument)


@pytest.fixture(scope="module")
def before_tls(houses: Houses, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A gate whose backend offers much in plain, and little once TLS is on."""
    folder: Path = tmp_path_factory.mktemp("backend")
    files = certificate(folder)["tls"]
    backend = TlsBackend(extensions=("PIPELINING", "DSN", "SMTPUTF8", "SIZE 999999", "STARTTLS"))
    backend.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    backend.context.load_cert_chain(files["certificate"], files["key"])
    return houses.get({"protection": {"overrides": {OPEN: "off"}}}, sink=backend)


def backend_of(house: House) -> TlsBackend:
    assert isinstance(house.sink, TlsBackend)
    return house.sink


def test_what_a_backend_offers_is_read_again_in_tls(before_tls: House) -> None:
    with before_tls.talk() as talk:
        offered = talk.say("EHLO peer.example.net").text.split("\n")
    assert "SIZE 700000" in offered
    assert "DSN" not in offered
    assert "SMTPUTF8" not in offered
    assert deliver(before_tls.port, ANN, [BO], message("secret")).code == 250
    assert before_tls.sink.subjects() == ["secret"]


@pytest.mark.parametrize("extra", [b"250 injected\r\n", b"250-sink.example\r\n250 DSN\r\n", b"x"], ids=repr)
def test_words_of_a_backend_behind_its_220_end_the_connection(before_tls: House, extra: bytes) -> None:
    before_tls.fresh()
    backend = backend_of(before_tls)
    backend.hang_up()
    backend.extra = extra
    answer = deliver(before_tls.port, ANN, [BO], message("injected"))
    assert answer.code == 451
    assert answer.id
    assert "injected" not in answer.text
    assert backend.mails == []
    assert "EHLO in TLS" not in backend.heard
    backend.extra = b""
    assert deliver(before_tls.port, ANN, [BO], message("clean")).code == 250
    assert backend.subjects() == ["clean"]
