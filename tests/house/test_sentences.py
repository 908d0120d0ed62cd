"""Whatever a page or a mail says is said in the language of its reader: no sentence stands in a template as it is."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

from tests.house.source import modules, tree

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("webui/templates", "gateway/digest/templates")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".html", ".txt")
)
TECHNICAL = {"code", "kbd", "script", "style", "pre"}  # what is in them is for machines
SAID = {"title", "aria-label", "alt", "placeholder"}  # attributes that people read or hear
NAMES = re.compile(r"\b(Greygate|CSV|API|([a-z]+@)?example\.com)\b")  # nobody translates them
FILLED = "\x00"  # stands where something is filled in
LETTERS = re.compile(r"[^\W\d_]{2,}")
SENTENCE = re.compile(r"^[A-Z][a-z]+|[a-z]+ [a-z]+")  # as against the name of a class, a page or a key
SAYS = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
TELLS = {"flash": 0, "abort": 1}  # which argument of theirs people read
ENV = Environment(extensions=["jinja2.ext.i18n"])


class Words(HTMLParser):
    """What people read in a page, as far as it stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.within: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in TECHNICAL:
            self.within.append(tag)
        self.found += [value for name, value in attrs if name in SAID and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.within:
            self.within.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.within:
            self.found.append(data)


def plain_words(source: str) -> list[str]:
    """The words of a template that nobody says in another language."""
    text, strings = [], []
    for kind, value in outside_of_trans(source):
        if kind == "data":
            text.append(value)
        elif kind == "filled":
            text.append(FILLED)
        else:
            strings.append(value)
    words = Words()
    words.feed("".join(text))
    words.close()
    left = [one.strip() for one in FILLED.join(words.found).split(FILLED)]
    return [one for one in left if LETTERS.search(NAMES.sub("", one))] + [
        one for one in strings if SENTENCE.search(one)
    ]


def outside_of_trans(source: str) -> Iterator[tuple[str, str]]:
    """Data, a mark where something is filled in, and the strings in expressions that nothing says."""
    is_said, block, depths = False, "", []
    before = ""
    for _, token, value in ENV.lex(source):
        if token in ("variable_begin", "block_begin"):
            block, depths = "", []
        elif token == "data" and not is_said:
            yield "data", value
        elif token == "variable_end" and not is_said:
            yield "filled", ""
        elif token == "name" and not block:
            block = value
            is_said = value == "trans" or (is_said and value not in ("endtrans",))
        if token == "operator" and value in ("(", "[", "{"):
            depths.append(before)
        elif token == "operator" and value in (")", "]", "}") and depths:
            depths.pop()
        elif token == "string" and block not in ("extends", "include", "from", "import") and not SAYS & set(depths):
            yield "string", value[1:-1]
        if token != "whitespace":
            before = value


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_said_in_english_alone(name):
    assert plain_words((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", modules("webui"))
def test_what_a_page_answers_is_said_in_a_language(name):
    found = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TELLS:
            told = node.args[TELLS[node.func.id] : TELLS[node.func.id] + 1]
            found += [ast.unparse(one) for one in told if isinstance(one, ast.Constant | ast.JoinedStr | ast.BinOp)]
    assert [one for one in found if LETTERS.search(one) and not one.startswith("_(")] == []


@pytest.mark.parametrize("name", modules("gateway", "webui"))
def test_nothing_else_is_called_like_what_says_sentences(name):
    module = tree(name)
    if not any(
        isinstance(node, ast.ImportFrom) and "_" in [one.name for one in node.names] for node in ast.walk(module)
    ):
        return
    found = [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and node.id == "_" and not isinstance(node.ctx, ast.Load)
    ]
    assert found == [], "a variable that nobody reads is __ here"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Nothing waits.</p>", ["Nothing waits."]),
        ("<p>{{ _('Nothing waits.') }}</p>", []),
        ("<p>{% trans count=n %}{{ count }} wait{% pluralize %}all wait{% endtrans %}</p>", []),
        ('<a title="Go there" href="{{ url_for(\'held.show\') }}">{{ name }}</a>', ["Go there"]),
        ("<b>{{ 'mail waits' if n == 1 else 'mails wait' }}</b>", ["mail waits", "mails wait"]),
        ("<b class=\"{{ 'good' if x else 'bad' }}\"><code>smtp relay</code> Greygate</b>", []),
        ("{{ say(_('One'), 'Two things') }}", ["Two things"]),
        ("{{ ngettext('%(num)d mail', '%(num)d mails', n) }} of {{ name }}", ["of"]),
    ],
)
def test_the_check_sees_what_is_plain(source, found):
    assert plain_words(source) == found
