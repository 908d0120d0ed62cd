"""What looks like a code to sign in with, whatever the language."""

import pytest

from gateway.policy.onetime import LONGEST, may_hold_code

MANY_WORDS = "Wir haben viel zu erzählen und tun es hier in aller Ausführlichkeit. " * 8


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Your code", "Your verification code is 482913. It expires in 10 minutes."),
        ("482913 is your code", "Use it to sign in.\n\n" + MANY_WORDS + "\n482913 works once."),
        ("Anmeldung", MANY_WORDS + "\n\n  7731  \n\n" + "Nicht weitergeben."),
        ("確認コード", "確認コード: 903 218 を入力してください"),
        ("رمز", "رمز التحقق الخاص بك هو 55012"),
        ("Sign in", MANY_WORDS + "\nABC-9XK\nThanks"),
        ("Sign in", "G-882211 is your code."),
    ],
)
def test_a_short_mail_with_a_number_that_stands_for_itself(subject: str, text: str) -> None:
    assert may_hold_code(subject, text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Hello", ""),
        ("Invoice 20391", "Please pay 1,200.50 EUR until 2026-12-01. Invoice number #20391."),
        ("Meeting", "See you on 12/11/2026 at 14:30, or call +49 221 123456."),
        ("Anniversary", "Founded in 1998, and still here in 2026."),
        ("News", MANY_WORDS + " We counted 4821 visitors. " + MANY_WORDS),
        ("Many", "1234 5678 9012 3456 7890"),
        ("Long", "482913\n" + "x " * LONGEST),
        ("Link", "https://shop.example/order/482913"),
        ("Price", "Only 1999$ or 2999€"),
    ],
)
def test_other_numbers_are_no_codes(subject: str, text: str) -> None:
    assert not may_hold_code(subject, text)
