"""Two thousand peers that cost time and bring nothing, and the twenty for whom all this is."""

from contextlib import ExitStack, closing
from pathlib import Path

from tests.smtpd.house import House, Houses, push
from tests.smtpd.visitors import ANN, BO, eventually, has_heard_nothing, mail, visit, watched
from tests.talk import deliver, message

WAITING, TRICKLING = 1500, 500
EACH = 20  # KiB that one of them may cost


def crowd_house(houses: Houses) -> House:
    return watched(
        houses,
        {
            "protection": {"level": "off"},
            "tarpit": {"greet_pause": "10s", "share": 80},
            "limits": {"connections": 4000, "stress_on": 45, "stress_off": 20},
        },
    )


def files(house: House) -> int:
    (pid,) = house.gate.children("smtpd")
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_two_thousand_slow_peers_keep_nobody_waiting_and_cost_little(houses: Houses) -> None:
    """The last of them bring stress, which ends with them."""
    house = crowd_house(houses)
    for number in range(20):
        assert deliver(house.port, ANN, [BO], message(f"warm up {number}")).code == 250
    memory, open_files = house.gate.rss_kib(), files(house)
    with ExitStack() as stack:
        for number in range(TRICKLING):  # private addresses: greeted at once
            talk = stack.enter_context(closing(visit(house.port, f"10.{number // 40}.0.{number % 40 // 4}")))
            push(talk, b"EHLO tri")
        strangers = [
            stack.enter_context(closing(visit(house.port, f"198.{number // 10}.7.{number % 10}")))
            for number in range(WAITING)
        ]
        for number in range(20):
            assert deliver(house.port, ANN, [BO], message(f"mail {number}")).code == 250
        assert files(house) - open_files >= WAITING
        assert house.gate.rss_kib() - memory <= EACH * (WAITING + TRICKLING)
        assert has_heard_nothing(strangers[-1]) or strangers[-1].answer().code == 220
    assert house.sink.subjects()[20:] == [f"mail {number}" for number in range(20)]
    assert house.gate.log.count("stress began") == 1
    assert eventually(lambda: house.gate.log.count("stress ended") == 1)
    assert eventually(lambda: files(house) <= open_files + 5)
    assert mail(house.port, "198.51.100.1").code == 250
