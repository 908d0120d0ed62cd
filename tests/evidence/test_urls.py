"""Links as they are written to be overlooked, and the one form that each of them has."""

import random
import re
import sys
from collections.abc import Callable
from time import process_time
from urllib.parse import quote

import pytest

from gateway.evidence import urls
from gateway.evidence.urls.canonical import canonical as one_form
from gateway.evidence.urls.finding import in_html, in_text
from gateway.evidence.urls.hosts import host_of, registrable


def hosts_of(text: str, html: str = "") -> list[str]:
    return [link.host for link in urls.links(text, html)]


# ---- in text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see http://shop.test/a.", ["http://shop.test/a"]),
        ("see (http://shop.test/a_(b)).", ["http://shop.test/a_(b)"]),
        ("see shop.com/a?b=c, or not", ["http://shop.com/a?b=c"]),
        ("WWW.Shop.com", ["http://WWW.Shop.com"]),
        ("files.shop.com:8080/x", ["http://files.shop.com:8080/x"]),
        ("ftp.shop.com", ["ftp://ftp.shop.com"]),
        ("glued-to-wordshttp://shop.com", ["http://shop.com"]),
        ("sh\u00adop\u200b.com", ["http://shop.com"]),
        ("shop。com", ["http://shop.com"]),
        ("ann@shop.com", ["mailto:ann@shop.com"]),
        ("ann@shop.com, bo.shop.com", ["mailto:ann@shop.com", "http://bo.shop.com"]),
        ("www.ann:secret@shop.com", ["http://www.ann:secret@shop.com", "mailto:secret@shop.com"]),
        ("http://2130706433/", ["http://2130706433/"]),
    ],
)
def test_a_link_in_a_text_is_found_as_it_was_written(text, found):
    assert in_text(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "run setup.py and read README.md",
        "I saw it.So did Ann",
        "version 1.2.3.4 of it",
        "192.0.2.1 is an address",
        "cmd.exe",
        "com.vendor.app is a package",
        "word.word",
        "http://-bad-.com",
        "http://nodots",
        "e.g. this",
        "",
    ],
)
def test_what_is_no_link_is_not_found(text):
    assert in_text(text) == []


# ---- in HTML -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="http://shop.com/x">y</a>', ["http://shop.com/x"]),
        ("<a href='http://shop.com/x'>y</a>", ["http://shop.com/x"]),
        ("<a href=http://shop.com/x>y</a>", ["http://shop.com/x"]),
        ('<a href="http://shop.com/x', ["http://shop.com/x"]),
        ('<a/href="&#104;ttp&colon;//sh&#x6f;p.com/">', ["http://shop.com/"]),
        ('<a href="ht\ntp://shop.com/">', ["http://shop.com/"]),
        ('<form action="//shop.com/f">', ["http://shop.com/f"]),
        ('<base href="http://shop.com/d/"><a href="page">', ["http://shop.com/d/", "http://shop.com/d/page"]),
        ('<meta http-equiv=refresh content="0; url=http://shop.com/">', ["http://shop.com/"]),
        ('<meta content="width=device-width">', []),
        ("sh<b>op</b>.co<i>m</i>", ["http://shop.com"]),
        ("<!-- http://comment.com -->see shop.com", ["http://shop.com"]),
        ("<script>var a='http://script.com'</script>see shop.com", ["http://shop.com"]),
        ("<p>end</p><p>shop.com</p>", ["http://shop.com"]),
        ("see shop.com<!-- never ends", ["http://shop.com"]),
        ("&#99999999999999999999; shop.com", ["http://shop.com"]),
    ],
)
def test_a_link_in_html_is_found_as_a_browser_would_take_it(html, found):
    assert in_html(html) == found


# ---- one form ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("HTTP://Shop.COM:80/A/../B?utm_source=x&q=1#top", "http://shop.com/B?q=1"),
        ("https://shop.com:8443", "https://shop.com:8443/"),
        ("http://user:secret@shop.com/", "http://shop.com/"),
        ("http://bank.com@shop.com/", "http://shop.com/"),
        ("http:\\\\shop.com\\x", "http://shop.com/x"),
        ("http:/shop.com", "http://shop.com/"),
        ("http://%73hop.com/", "http://shop.com/"),
        ("http://shop.com./", "http://shop.com/"),
        ("http://shop。com/", "http://shop.com/"),
        ("http://\uff53\uff48\uff4f\uff50.com/", "http://shop.com/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://3221226050/", "http://192.0.2.66/"),
        ("http://0300.0.2.0x42/", "http://192.0.2.66/"),
        ("http://192.578/", "http://192.0.2.66/"),
        ("http://[::ffff:192.0.2.66]/", "http://192.0.2.66/"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("http://shop.com/%7Eann", "http://shop.com/~ann"),
        ("javascript:alert(1)", "None"),
        ("mailto:ann@shop.com", "None"),
        ("/just/a/path", "None"),
        ("http://999.1.1.1/", "None"),
        ("http://09.1/", "None"),
        ("http://a..b.com/", "None"),
        ("http:///", "None"),
    ],
)
def test_a_link_has_one_form_however_it_is_written(written, form):
    assert str(one_form(written)) == form


LANDING = "https://landing.test/win/now?id=5"


@pytest.mark.parametrize(
    "wrapper",
    [
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Flanding.test%2Fwin%2Fnow%3Fid%3D5&data=05",
        "https://www.google.com/url?q=https://landing.test/win/now%3Fid%3D5&sa=D",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__landing.test_win_now-3Fid-3D5&d=DwMF",
        "https://urldefense.com/v3/__https://landing.test/win/now?id=5__;!!abc",
        "https://l.facebook.com/l.php?u=https%253A%252F%252Flanding.test%252Fwin%252Fnow%253Fid%253D5",
        "https://www.bing.com/ck/a?u=a1aHR0cHM6Ly9sYW5kaW5nLnRlc3Qvd2luL25vdz9pZD01&ntb=1",
        "https://secure-web.cisco.com/1abc/https%3A%2F%2Flanding.test%2Fwin%2Fnow%3Fid%3D5",
        "https://web.archive.org/web/2020/https://landing.test/win/now?id=5",
        "https://protect2.fireeye.com/url?k=1&u=68747470733a2f2f6c616e64696e672e746573742f77696e2f6e6f773f69643d35",
    ],
)
def test_a_wrapped_link_stands_for_what_it_leads_to(wrapper):
    assert [link.page for link in urls.links(wrapper)] == ["landing.test/win/now"]


def test_three_wrappers_around_a_link_are_undone():
    once = "https://x.safelinks.protection.outlook.com/?url=" + quote(LANDING, safe="")
    twice = "https://www.google.com/url?q=" + quote(once, safe="")
    thrice = "https://vk.com/away.php?to=" + quote(twice, safe="")
    assert hosts_of("", f'<a href="{thrice}">') == ["landing.test"]


def test_a_redirect_of_anybody_else_counts_with_what_it_leads_to():
    found = urls.links("http://counter.test/go?to=landing.com/x http://counter.test/r/http://other.test/y")
    assert [link.page for link in found] == ["counter.test/go", "landing.com/x", "counter.test/r/http://other.test/y",
                                             "other.test/y"]  # fmt: skip


def test_wrappers_without_end_and_links_without_number_cost_little():
    nested = "http://a.test/?u=" * 200 + "http://b.test/"
    many = " ".join(f"http://host{number}.test/" for number in range(1000))
    assert len(urls.links(nested)) <= urls.MOST_LINKS
    assert len(urls.links(many)) == urls.MOST_LINKS


@pytest.mark.parametrize(
    ("written", "domain", "page"),
    [
        ("http://www.shop.co.uk/a/b12/c", "shop.co.uk", "www.shop.co.uk/a/b0/c"),
        ("http://ann.blogspot.com/", "ann.blogspot.com", "ann.blogspot.com/"),
        ("http://bucket.s3.amazonaws.com/x", "bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com/x"),
        ("http://192.0.2.1/x", "192.0.2.1", "192.0.2.1/x"),
        ("http://shop.com/c/9f8e7d6c5b4a3f2e/Track", "shop.com", "shop.com/c/X/track"),
        ("http://shop.com/c/dGhpcyBpcyBhIFRlc3QgbGluaw", "shop.com", "shop.com/c/X"),
        ("http://shop.com/a-long-title-of-an-article", "shop.com", "shop.com/a-long-title-of-an-article"),
    ],
)
def test_campaigns_share_domain_and_shape_of_the_path(written, domain, page):
    (link,) = urls.links(written)
    assert (link.domain, link.page) == (domain, page)


@pytest.mark.parametrize(
    ("name", "registered"),
    [("com", None), (".shop.com", None), ("a.shop.com", "shop.com"), ("a.b.kobe.jp", "a.b.kobe.jp"),
     ("xn--fiqs8s", None), ("shop.xn--fiqs8s", "shop.xn--fiqs8s")],
)  # fmt: skip
def test_the_registered_name_is_the_public_suffix_and_one_label(name, registered):
    assert registrable(name) == registered


# ---- enemies -------------------------------------------------------------------------------------------------------

SIZE = 100_000
BITS = [
    "a",
    "a.",
    ".",
    "-",
    "@",
    "a@",
    "a.b@",
    "http://",
    "http:",
    "www.",
    "www.a:",
    "%25",
    "%",
    "/",
    "//",
    "?u=",
    "=",
    "<",
    "<a ",
    "<!--",
    "<script>",
    "</script",
    "<base ",
    "href=",
    'href="',
    "href='",
    "href ",
    'content="0;url=',
    "&#9",
    "&#",
    "&",
    "a1aHR0c",
    "68747470",
    "1",
    "0x",
    "0",
    "(",
    ")",
    ".,;",
    " ",
    "\t",
    "é",
    "\u200b",
    "。",
    "A1b2",
    "a-",
    ";",
]
ENEMIES = [bit * (SIZE // len(bit)) for bit in BITS]
CHOSEN = random.Random(5)
PAIRS = [CHOSEN.choice(BITS) + CHOSEN.choice(BITS) for _ in range(40)]
ENEMIES += [pair * (SIZE // len(pair)) for pair in PAIRS]
ALLOWED = 0.05  # seconds for each expression


def expressions() -> dict[str, re.Pattern[str]]:
    found = {}
    for name, module in sys.modules.items():
        if name.startswith("gateway.evidence.urls."):
            found |= {f"{name[22:]}.{key}": one for key, one in vars(module).items() if isinstance(one, re.Pattern)}
    return found


def seconds(work: Callable[[], object]) -> float:
    """The least of two: what else the machine does is no fault of ours."""
    taken = []
    for _ in range(2):
        began = process_time()
        work()
        taken.append(process_time() - began)
        if taken[0] < ALLOWED / 2:
            break
    return min(taken)


@pytest.mark.parametrize("name", sorted(expressions()))
def test_no_expression_is_slow_on_any_input(name):
    expression = expressions()[name]
    slow = {enemy[:12]: seconds(lambda enemy=enemy: expression.sub("", enemy)) for enemy in ENEMIES}
    assert {enemy: taken for enemy, taken in slow.items() if taken > ALLOWED} == {}


def test_no_text_and_no_html_is_slow_to_read():
    slow = {enemy[:12]: seconds(lambda enemy=enemy: urls.links(enemy, enemy)) for enemy in ENEMIES[::2]}
    assert {enemy: taken for enemy, taken in slow.items() if taken > 1.0} == {}


def test_a_host_is_never_longer_than_a_name_may_be():
    assert host_of("a" * 300 + ".com") is None
    assert host_of("é" * 300 + ".com") is None
