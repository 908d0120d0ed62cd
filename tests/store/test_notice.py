"""What we write to whom a mail expired."""

import re
from email import message_from_bytes, policy

import pytest

from gateway.i18n import LANGUAGES, speaking
from gateway.i18n.languages import PSEUDO
from gateway.notice import Expired, one_line, to_recipient
from tests.policy.stranger import DAY, NOW

MAIL = Expired("m7z1azr54tcga", "ann@elsewhere.example", "Ann <ann@elsewhere.example>", "An offer", NOW - 30 * DAY)


def written(expired: Expired):
    raw = to_recipient(expired, "bo@example.com", "gate.example.com", "postmaster@example.com", NOW)
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    return message_from_bytes(raw, policy=policy.default)


def test_it_says_which_mail_and_who_can_still_release_it():
    text = written(MAIL).get_content()
    for told in ("Ann <ann@elsewhere.example>", "An offer", "2026-01-30 12:00 UTC", "m7z1azr54tcga"):
        assert told in text


def test_it_asks_for_no_answer():
    mail = written(MAIL)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["To"] == "bo@example.com"
    assert mail["Message-ID"] == "<expired-m7z1azr54tcga-1772366400@gate.example.com>"


def test_a_mail_that_says_nothing_of_itself_is_described_as_such():
    text = written(Expired("m1", "", "", "", NOW)).get_content()
    assert "(no sender)" in text
    assert "<>" in text
    assert "(none)" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("two\r\nlines", "two  lines"),
        ("see https://evil.example/", "see https: //evil.example/"),
        ("a\u202eb\x00c", "a b c"),
        ("x" * 300, "x" * 200),
        ("größer", "größer"),
    ],
    ids=["line ends", "a link", "invisible characters", "too long", "other letters"],
)
def test_a_strangers_words_are_one_line_with_nothing_to_click(words, told):
    assert one_line(words) == told


def test_a_subject_cannot_add_a_field_or_a_second_part():
    evil = Expired("m1", "a@b.example", "A\r\nBcc: all@example.com", "S\r\n\r\n--x\r\nContent-Type: text/html", NOW)
    mail = written(evil)
    assert "Bcc" not in mail
    assert not mail.is_multipart()
    assert "Bcc: all@example.com" in mail.get_content()


@pytest.mark.parametrize("code", ["en-XA", "ar"])
def test_it_is_said_in_the_language_that_is_spoken(code):
    language = LANGUAGES.get(code, PSEUDO)
    with speaking(language):
        mail = written(MAIL)
    assert mail["Content-Language"] == code
    text = mail.get_content()
    assert ("\u2068An offer\u2069" in text) == language.is_rtl
    if language is PSEUDO:
        assert mail["Subject"].startswith("⟦")
        assert mail["From"].addresses[0].display_name.startswith("⟦")
        assert (
            re.findall("[a-z]{2,}", re.sub("⟦.*?⟧|Ann <.*>|ann@.*|An offer|m7z1azr54tcga", "", text, flags=re.S)) == []
        )
