"""What systemd hands over is used, what it wants to hear is said, and the units of contrib/systemd are sound."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import activation
from tests.activation import listening
from tests.conftest import need
from tests.gate import PROGRAM, Gate, free_port, until
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
OPEN = {"protection": {"overrides": {"example.com": "off"}}}
UNITS = Path(__file__).parents[2] / "contrib" / "systemd"
EXPOSED = 20  # tenths; systemd-analyze calls up to 2.0 "OK"


@dataclass
class Ear:
    """Listens where a process tells how it fares, as systemd does: always."""

    path: str
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        while said := self.socket.recv(4096):
            self.heard += said.decode().split("\n")

    def until(self, wanted: str) -> list[str]:
        """What was told up to this and was not asked for before."""
        until(lambda: wanted in self.heard)
        end = self.heard.index(wanted) + 1
        told = self.heard[:end]
        del self.heard[:end]
        return told


@pytest.fixture
def ear(tmp_path: Path) -> Ear:
    return Ear(str(tmp_path / "notify"))


# ---- sockets -------------------------------------------------------------------------------------------------------


def test_a_full_restart_on_sockets_of_systemd_refuses_nobody(start: Callable[..., Gate], sink: Sink) -> None:
    port = free_port()
    with listening("127.0.0.1", port) as passed:
        gate = start(OPEN, port=port, handed_over=[passed])
        assert deliver(port, ANN, [BO], message("Before")).code == 250
        assert gate.stop() == 0
        with socket.create_connection(("127.0.0.1", port), 60) as between:
            gate.start()
            assert between.recv(100).startswith(b"220 ")
        assert deliver(port, ANN, [BO], message("After")).code == 250
    assert gate.stop() == 0
    assert len(sink.mails) == 2


def test_a_worker_alone_takes_them_too(start: Callable[..., Gate], sink: Sink, ear: Ear) -> None:
    gate = start(OPEN)
    gate.stop()
    with listening("127.0.0.1", gate.port) as passed:
        command = activation.command([*PROGRAM, "smtpd", "--config", str(gate.config)], [passed])
        alone = subprocess.Popen(command, pass_fds=[passed.fileno()], env={**os.environ, "NOTIFY_SOCKET": ear.path})
        ear.until("READY=1")
        assert deliver(gate.port, ANN, [BO], message()).code == 250
        alone.terminate()
        ear.until("STOPPING=1")
        assert alone.wait(60) == 0


HERE = ("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("passed", "about"),
    [
        (
            [("127.0.0.1", 1)],
            "names 127.0.0.1:{port}, and no socket of that address was handed over (smtp on 127.0.0.1:",
        ),
        ([("127.0.0.1", 0), ("127.0.0.1", 1)], "that [smtp] listen does not name (smtp on 127.0.0.1:"),
        ([("::", 0)], "takes IPv4 over IPv6; set BindIPv6Only=ipv6-only"),
        ([("udp", 0)], "the socket smtp is not one of TCP"),
        ([("deaf", 0)], "the socket smtp does not listen (Accept= must be no)"),
    ],
    ids=["missing", "too many", "dual", "udp", "not listening"],
)
@pytest.mark.parametrize("command", ["up", "smtpd"])
def test_sockets_that_do_not_fit_are_named(
    command: str, passed: list[tuple[str, int]], about: str, sink: Sink, tmp_path: Path
) -> None:
    """Address and 0 for the port of the settings, 1 for another."""
    gate = Gate(tmp_path, sink.url)
    gate.configure()
    sockets = [made(address, (gate.port, free_port())[other]) for address, other in passed]
    told = subprocess.run(
        activation.command([*PROGRAM, command, "--config", str(gate.config)], sockets),
        pass_fds=[one.fileno() for one in sockets],
        capture_output=True,
        text=True,
        timeout=120,
    )
    for one in sockets:
        one.close()
    assert told.returncode == 1
    assert about.format(port=gate.port) in told.stderr
    assert "Traceback" not in told.stderr


def made(address: str, port: int) -> socket.socket:
    if address in ("udp", "deaf"):
        found = socket.socket(type=socket.SOCK_DGRAM if address == "udp" else socket.SOCK_STREAM)
        found.bind(("127.0.0.1", port))
        return found
    return listening(address, port, dual=address == "::")


def test_sockets_of_another_process_are_not_ours(start: Callable[..., Gate], sink: Sink) -> None:
    """LISTEN_PID says whose they are: what a shell between left behind is nothing to us."""
    gate = start(OPEN, environment={"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "smtp"})
    assert deliver(gate.port, ANN, [BO], message()).code == 250


def test_ipv4_and_ipv6_are_told_apart(start: Callable[..., Gate], sink: Sink) -> None:
    port = free_port()
    with listening("::1", port) as six, listening("127.0.0.1", port) as four:
        settings = {**OPEN, "smtp": {"listen": [f"127.0.0.1:{port}", f"[::1]:{port}"]}}
        start(settings, port=port, handed_over=[six, four])
        assert deliver(port, ANN, [BO], message()).code == 250
        with socket.create_connection(("::1", port), 60) as talk:
            assert talk.recv(100).startswith(b"220 ")


# ---- words ---------------------------------------------------------------------------------------------------------


def test_systemd_hears_of_start_reload_stop_and_life(start: Callable[..., Gate], sink: Sink, ear: Ear) -> None:
    gate = start(OPEN, environment={"NOTIFY_SOCKET": ear.path, "WATCHDOG_USEC": "400000"})
    ear.until("READY=1")
    ear.until("WATCHDOG=1")
    assert gate.process is not None
    gate.process.send_signal(1)
    ear.until("RELOADING=1")
    heard = ear.until("READY=1")
    assert "WATCHDOG=1" in heard, "it lives while it reloads"
    until(lambda: "event=reloaded" in gate.log)
    with Talk(gate.port) as within_a_mail:
        within_a_mail.envelope(ANN, [BO])
        gate.process.terminate()
        ear.until("STOPPING=1")
        ear.until("WATCHDOG=1")
    assert gate.stop() == 0


@pytest.mark.parametrize("metrics", [{}, {"listen": "192.0.2.1:9325"}], ids=["all", "all that carry mail"])
def test_it_is_ready_only_when_every_process_is(sink: Sink, tmp_path: Path, ear: Ear, metrics: dict[str, str]) -> None:
    gate = Gate(tmp_path, sink.url, {**OPEN, "metrics": metrics}, environment={"NOTIFY_SOCKET": ear.path})
    gate.configure()
    try:
        gate.start()
        ear.until("READY=1")
        assert {name for name in ("smtpd", "courier", "sweep") if gate.children(name)} == {"smtpd", "courier", "sweep"}
        assert deliver(gate.port, ANN, [BO], message()).code == 250
    finally:
        gate.stop()


# ---- units ---------------------------------------------------------------------------------------------------------


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    need(shutil.which("systemd-analyze") is not None, "systemd-analyze (apt-get install systemd)")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def test_the_service_is_locked_up() -> None:
    found = analyzed(
        "security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager", str(UNITS / "greygate.service")
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """With a program that exists: ours may not be installed where the test runs."""
    for unit in UNITS.glob("greygate.*"):
        text = unit.read_text().replace("/opt/greygate/bin/greygate", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    found = analyzed("verify", "--man=no", *(str(path) for path in sorted(tmp_path.glob("greygate.*"))))
    assert "greygate" not in found.stderr, found.stderr
    assert found.returncode == 0, found.stderr
