"""What browsers fetch once: packed, kept for good under an address that changes with it, and never a page."""

import gzip

import pytest
from flask import Flask

from tests.webui.conftest import Office
from webui import assets

PACKED = {"Accept-Encoding": "br, gzip"}
STYLE = "/static/greygate.css"


def address(app: Flask, name: str) -> str:
    with app.test_request_context():
        return assets.asset(name)


def test_a_file_is_packed_for_whoever_takes_it_so(office: Office) -> None:
    plain, packed = office.browser().get(STYLE), office.browser().get(STYLE, PACKED)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.mimetype == packed.mimetype == "text/css"


def test_an_address_with_the_digest_of_the_file_may_be_kept_for_good_and_no_other(office: Office) -> None:
    said = office.browser().get(address(office.app, "greygate.css"))
    assert said.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in (STYLE, f"{STYLE}?v=0000000000"):
        assert office.browser().get(other).headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("headers", [{}, PACKED])
def test_what_a_browser_has_is_not_sent_again(office: Office, headers: dict[str, str]) -> None:
    etag = office.browser().get(STYLE, headers).headers["ETag"]
    again = office.browser().get(STYLE, {**headers, "If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert office.browser().get(STYLE, {"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["../app.py", "nothing.css", "vendor", "", "a\0b", "/etc/hostname"])
def test_nothing_else_is_served(office: Office, name: str) -> None:
    assert office.browser().get(f"/static/{name}").status_code in (308, 404)


@pytest.mark.parametrize("path", ["/", "/held", "/find?q=bo@example.com", "/sign-in"])
def test_a_page_is_never_packed_or_kept(office: Office, path: str) -> None:
    """Its length would tell what is in it, to whoever can make a browser ask and count what comes."""
    said = office.as_("bo").ask("GET", path, PACKED)
    assert "Content-Encoding" not in said.headers
    assert said.headers["Cache-Control"] == "no-store"


def test_a_file_that_is_not_there_is_no_address(office: Office) -> None:
    with pytest.raises(FileNotFoundError):
        address(office.app, "nothing.css")
