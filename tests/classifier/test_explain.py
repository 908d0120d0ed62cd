"""What is said about a score is all of it, and where it comes from."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.explain import Explanation, explain
from classifier.mail import parse
from classifier.prior import beginning
from classifier.state import Memory, State
from classifier.tokens import BODY, LINKS, PATH, SENDER, SOURCES, SUBJECT
from tests.classifier.making import NOW, entry, letter, mail

ACCOUNT = "bo@example.org"


@pytest.fixture(scope="module")
def state() -> State:
    taught = beginning(cold=True)
    memory = Memory()
    for seed in range(120):
        taught.learn(entry(seed, account=ACCOUNT if seed % 3 else ""), memory)
    return taught


def adds_up(found: Explanation) -> bool:
    return sum(found.sources.values()) == pytest.approx(found.score.z, abs=1e-6)


@pytest.mark.parametrize("account", ["", ACCOUNT, "stranger@example.org"])
@pytest.mark.parametrize("is_spam", [True, False])
def test_the_sources_add_up_to_the_score(state: State, account: str, is_spam: bool) -> None:
    found = explain(mail(1001, is_spam=is_spam), state, account)
    assert adds_up(found)
    assert (found.score.z > 0) is is_spam
    assert tuple(found.sources) == SOURCES


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_whatever_a_mail_is_its_sources_add_up(state: State, data: bytes) -> None:
    assert adds_up(explain(parse(data), state))
    assert adds_up(explain(parse(letter(7, is_spam=True) + data), state, ACCOUNT))


def test_an_explanation_is_plain_data_too(state: State) -> None:
    found = explain(mail(1001, is_spam=True), state)
    facts = json.loads(json.dumps(found.facts()))
    assert facts["sources"] == found.sources
    assert facts["score"]["labels"] == {"spam": 60, "ham": 60}


def test_before_anything_was_learnt_nothing_is_said() -> None:
    found = explain(mail(1, is_spam=True), beginning(cold=True))
    assert found.score.z == 0
    assert adds_up(found)
    assert found.words == ()


def test_the_strongest_words_are_those_that_were_in_spam(state: State) -> None:
    found = explain(mail(1001, is_spam=True), state)
    body = [word for word in found.words if word.source == BODY]
    assert body
    assert all(word.adds > 0 and word.spamicity > 0.9 for word in body[:2])


def test_words_are_shown_where_they_stand(state: State) -> None:
    letter_ = mail(1001, is_spam=True)
    spans = [(word, span) for word in explain(letter_, state).words for span in word.spans]
    assert spans
    assert all(letter_.text[begin:end].lower() == word.text for word, (begin, end) in spans)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (SUBJECT, "Subject: zyzzyva zyzzyva quux"),
        (PATH, "Received: from zyzzyva.quux by here"),
        (SENDER, "From: zyzzyva@quux.example"),
        (BODY, "\r\nzyzzyva quux zyzzyva"),
        (LINKS, "\r\n<http://zyzzyva.quux/zz>"),
    ],
)
def test_each_part_of_a_mail_is_told_by_its_name(source: str, line: str) -> None:
    """Spams and hams differ in one place only, which then has most to say."""
    taught, memory = beginning(cold=True), Memory()
    common = "To: bo@example.org" if line.startswith("\r\n") else "To: bo@example.org\r\n\r\nhello there"
    spam = parse(f"{common}\r\n{line}".encode() if line.startswith("\r\n") else f"{line}\r\n{common}".encode())
    ham = parse(f"{common}\r\n\r\n".encode())
    for turn in range(20):
        for one, is_spam in ((spam, True), (ham, False)):
            made = entry(2 * turn + is_spam)
            taught.learn(type(made)(made.id, is_spam, type(made.features).of(one), NOW), memory)
    found = explain(spam, taught)
    others = {name: adds for name, adds in found.sources.items() if name not in (source, "structure", BODY)}
    assert found.sources[source] > 0.1
    assert all(found.sources[source] > adds for adds in others.values())
