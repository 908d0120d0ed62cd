"""A renewed certificate is used without a restart, and no session fails for it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography import x509

from tests.gate import Gate, until
from tests.smtpd.house import certificate, write_certificate
from tests.talk import Talk, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
OPEN = {"protection": {"overrides": {"example.com": "off"}}}
RELOADS = 20
CLIENTS = 3


def serial(talk: Talk) -> int:
    """The serial number of the certificate that we are shown."""
    talk.say("EHLO peer.example.net")
    assert talk.starttls().code == 220
    return x509.load_der_x509_certificate(talk.sock.getpeercert(binary_form=True)).serial_number  # type: ignore[attr-defined]


def shown(gate: Gate) -> int:
    with Talk(gate.port) as talk:
        return serial(talk)


def test_renewing_again_and_again_under_load_fails_no_session(start: Callable[..., Gate], tmp_path: Path) -> None:
    gate = start({**OPEN, **certificate(tmp_path), "smtp": {"workers": 2}})
    over = threading.Event()
    seen: set[int] = set()

    def load() -> int:
        sent = 0
        while not over.is_set():
            with Talk(gate.port, timeout=60) as talk:
                seen.add(serial(talk))
                assert [one.code for one in talk.envelope(ANN, [BO])] == [250, 250]
                assert talk.data(message()).code == 250
                sent += 1
        return sent

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load) for _ in range(CLIENTS)]
        try:
            for number in range(2, RELOADS + 2):
                write_certificate(tmp_path, number)
                until(lambda number=number: gate.log.count("new certificate") == 2 * (number - 1))  # type: ignore[misc]
                assert shown(gate) == number
                until(lambda number=number: number in seen)  # type: ignore[misc]
        finally:
            over.set()
        sent = sum(client.result() for client in clients)
    assert sent >= RELOADS
    assert seen >= set(range(2, RELOADS + 2))
    print(f"{RELOADS} reloads, {sent} sessions, 0 failed")


def test_a_pair_that_does_not_fit_leaves_the_old_one(start: Callable[..., Gate], tmp_path: Path) -> None:
    gate = start({**OPEN, **certificate(tmp_path)})
    renewed = tmp_path / "renewed"
    renewed.mkdir()
    write_certificate(renewed, 2)
    with Talk(gate.port) as talk:
        assert serial(talk) == 1
        (renewed / "cert.pem").rename(tmp_path / "cert.pem")
        until(lambda: "the new certificate cannot be used" in gate.log)
        assert shown(gate) == 1
        (tmp_path / "key.pem").unlink()
        until(lambda: gate.log.count("the new certificate cannot be used") == 2)
        assert shown(gate) == 1
        (renewed / "key.pem").rename(tmp_path / "key.pem")
        until(lambda: 'event="new certificate"' in gate.log)
        assert shown(gate) == 2
        assert talk.say("EHLO peer.example.net").code == 250, "the old session goes on"
