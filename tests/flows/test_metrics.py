"""The numbers of a running Greygate: summed over its processes, kept when one dies, and never in the way of mail."""

import re
import signal
import socket
import time
import urllib.request
from collections.abc import Callable

from tests.gate import Gate, free_port, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


def scraped(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(number) for name, _, number in (line.rpartition(" ") for line in lines if line[0] != "#")}


def scraped_until(port: int, true: Callable[[dict[str, float]], bool], within: float = 60) -> dict[str, float]:
    """The numbers, once something is true of them."""
    deadline = time.monotonic() + within
    while True:
        found: dict[str, float] = {}
        try:
            found = scraped(port)
        except OSError:
            assert time.monotonic() < deadline, "nothing is served"
        if found and true(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def processes(found: dict[str, float]) -> list[str]:
    kinds = (re.fullmatch(r'greygate_process_start_time_seconds{pid="\d+",process="(\w+)"}', name) for name in found)
    return sorted(kind[1] for kind in kinds if kind)


def test_every_part_is_counted_and_the_processes_are_added_up(start: Callable[..., Gate], sink: Sink) -> None:
    port = free_port()
    gate = start({"metrics": {"listen": f"127.0.0.1:{port}"}, "smtp": {"workers": 2}})
    mails = [message(f"{number}") for number in range(6)]
    for wanted in (451, 250):
        codes = [deliver(gate.port, f"{n}@elsewhere.example", [BO], mail).code for n, mail in enumerate(mails)]
        assert codes == [wanted] * 6
        rest(1.1)
    assert deliver(gate.port, ANN, ["x@elsewhere.example"], mails[0]).code == 550
    decided = "greygate_decisions_total{{action={},reason={},stage={}}}"
    last = decided.format('"reject"', '"relay.denied"', '"rcpt"')
    found = scraped_until(
        port,
        lambda found: (
            (found.get("greygate_database_up"), found.get(last)) == (1, 1)
            and found.get('greygate_event_loop_lag_seconds_count{process="courier"}', 0) > 0
            and len(processes(found)) == 5
        ),
    )
    assert found[decided.format('"defer"', '"greylist.new"', '"data"')] == 6
    assert found[decided.format('"accept"', '"greylist.passed"', '"data"')] == 6
    assert found[decided.format('"reject"', '"relay.denied"', '"rcpt"')] == 1
    assert found["greygate_sessions_total"] == 13
    assert found['greygate_replies_total{class="4xx"}'] == 6
    assert found['greygate_replies_total{class="3xx"}'] == 12
    assert found["greygate_data_reply_seconds_count"] == 12
    assert found['greygate_deliveries_total{by="smtpd",outcome="delivered"}'] == 6
    assert found[f'greygate_backend_up{{backend="{sink.url}"}}'] == 1
    assert found[f'greygate_backend_seconds_count{{backend="{sink.url}"}}'] == 6
    assert found['greygate_event_loop_lag_seconds_count{process="courier"}'] > 0
    assert found["greygate_disk_free_bytes"] > 0
    assert found["greygate_observing"] == 0
    assert processes(found) == ["courier", "pupil", "smtpd", "smtpd", "sweep"]


def test_what_a_killed_worker_counted_stays_and_what_it_had_open_goes(start: Callable[..., Gate], sink: Sink) -> None:
    port = free_port()
    gate = start({"metrics": {"listen": f"127.0.0.1:{port}"}})
    deferred = 'greygate_decisions_total{action="defer",reason="greylist.new",stage="data"}'
    deliver(gate.port, ANN, [BO], message())
    scraped_until(port, lambda found: found.get(deferred) == 1)
    (old,) = gate.kill("smtpd")
    gate.wait_until_ready()
    deliver(gate.port, "cy@elsewhere.example", [BO], message())
    found = scraped_until(
        port,
        lambda found: found.get(deferred) == 2 and processes(found) == ["courier", "pupil", "smtpd", "sweep"],
    )
    assert not any(f'pid="{old}"' in name for name in found)
    assert found["greygate_sessions_total"] == 2
    assert found[deferred] == 2


def test_sighup_replaces_the_process_that_serves_them(start: Callable[..., Gate], sink: Sink) -> None:
    port = free_port()
    gate = start({"metrics": {"listen": f"127.0.0.1:{port}"}})
    everybody = ["courier", "pupil", "smtpd", "sweep"]
    scraped_until(port, lambda found: processes(found) == everybody)
    (old,) = gate.children("metrics")
    assert gate.process is not None
    gate.process.send_signal(signal.SIGHUP)
    until(lambda: "event=reloaded" in gate.log)
    until(lambda: old not in gate.children("metrics"))
    scraped_until(port, lambda found: set(processes(found)) >= set(everybody))
    assert "a process ended" not in gate.log


def test_mail_flows_where_the_address_of_the_metrics_is_taken(start: Callable[..., Gate], sink: Sink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gate = start({"metrics": {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}})
        until(lambda: "Address already in use" in gate.log)
        assert deliver(gate.port, ANN, [BO], message()).code == 451
        until(lambda: 'event="a process did not start" name=metrics' in gate.log)


def test_a_backend_that_cannot_be_reached_is_seen(start: Callable[..., Gate]) -> None:
    port, nobody = free_port(), f"smtp://127.0.0.1:{free_port()}"
    gate = start({"metrics": {"listen": f"127.0.0.1:{port}"}, "protection": {"level": "off"}}, nobody)
    assert deliver(gate.port, ANN, [BO], message()).code == 451
    found = scraped_until(port, lambda found: 'greygate_deliveries_total{by="smtpd",outcome="unreachable"}' in found)
    assert found[f'greygate_backend_up{{backend="{nobody}"}}'] == 0


def test_mail_flows_where_nothing_can_be_counted(start: Callable[..., Gate], sink: Sink, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("storage")
    (folder / "metrics").write_text("in the way")
    gate = start({"storage": {"path": str(folder)}})
    assert deliver(gate.port, ANN, [BO], message()).code == 451
    assert 'event="nothing is counted"' in gate.log
