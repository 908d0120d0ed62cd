"""The document says what the schema of RFC 7489 allows, and the mail around it is what a reader looks for."""

import gzip
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from xml.etree import ElementTree as ET

import dkim
import pytest

from gateway.digest.written import Stamp
from gateway.model import AuthResult, DmarcPolicy, Published
from gateway.reports import written
from gateway.reports.counted import Override, Row, Seen
from gateway.reports.written import Reporter
from tests.evidence.signing import rsa_signer
from tests.reports.making import DAY_BEGINS, DOMAIN, RUA
from tests.reports.schema import flaws
from tests.store.making import NOW

SENDER = "dmarc-reports@example.com"
STAMP = Stamp(SENDER, "gate.example.com", "", UTC)
REPORTER = Reporter(STAMP, "Example & Co", "https://example.com/mail")
ROW = Row(
    source="192.0.2.7",
    header_from=DOMAIN,
    envelope_from=f"bounces.{DOMAIN}",
    disposition=DmarcPolicy.QUARANTINE,
    dkim=False,
    spf=True,
    override=Override("local_policy", "set aside by local rules"),
    signatures=((DOMAIN, "sel", "fail"), ("other.example", "s2", "pass")),
    path=(f"bounces.{DOMAIN}", "mfrom", "pass"),
)
BARE = replace(
    ROW, source="2001:db8::7", override=None, signatures=(), envelope_from="", path=("\x00[x]", "helo", "none")
)
PUBLISHED = Published(DOMAIN, DmarcPolicy.REJECT, DmarcPolicy.QUARANTINE, strict_spf=True, failures="1:d")


def seen(**rows: int) -> Seen:
    return Seen(PUBLISHED, RUA, Counter({ROW: 3, BARE: 1}))


def made(told: Seen | None = None, reporter: Reporter = REPORTER) -> bytes:
    return gzip.decompress(written.document(told or seen(), DAY_BEGINS, "06c2m5h8k1v3r", reporter))


def mail(*to: str, reporter: Reporter = REPORTER) -> EmailMessage:
    packed = written.document(seen(), DAY_BEGINS, "06c2m5h8k1v3r", reporter)
    text = written.mail(packed, DOMAIN, DAY_BEGINS, "06c2m5h8k1v3r", to or (f"reports@{DOMAIN}",), reporter, NOW)
    found = message_from_bytes(text, policy=default)
    assert isinstance(found, EmailMessage)
    return found


# ---- the document --------------------------------------------------------------------------------------------------


def test_it_is_valid() -> None:
    assert flaws(made()) == []
    assert flaws(made(replace(seen(), left_out=7), replace(REPORTER, contact=""))) == []


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (rb"<sp>.*</sp>", b""),
        (rb"<count>3", b"<count>many"),
        (rb"<disposition>quarantine", b"<disposition>hold"),
        (rb"(<policy_published>.*</policy_published>)(.*)</feedback>", rb"\2\1</feedback>"),
        (rb"<spf>\s*<domain>.*?</spf>", b""),
        (rb"<scope>", b"<scope/><scope>"),
    ],
)
def test_the_check_of_the_schema_sees_what_is_wrong(pattern: bytes, instead: bytes) -> None:
    broken = re.sub(pattern, instead, made(), count=1, flags=re.DOTALL)
    assert flaws(broken) != []


def test_every_result_that_we_know_is_in_the_schema() -> None:
    for result in AuthResult:
        row = replace(ROW, signatures=((DOMAIN, "sel", str(result)),), path=(DOMAIN, "mfrom", str(result)))
        assert flaws(made(Seen(PUBLISHED, RUA, Counter([row])))) == []


def test_it_says_who_and_when_and_what_was_asked_for() -> None:
    root = ET.fromstring(made())
    assert {one.tag: one.text for one in root.find("policy_published") or ()} == {
        "domain": DOMAIN, "adkim": "r", "aspf": "s", "p": "reject", "sp": "quarantine", "pct": "100", "fo": "1:d",
    }  # fmt: skip
    assert root.findtext("report_metadata/org_name") == "Example & Co"
    assert root.findtext("report_metadata/email") == SENDER
    assert root.findtext("report_metadata/extra_contact_info") == "https://example.com/mail"
    assert root.findtext("report_metadata/report_id") == "06c2m5h8k1v3r@example.com"
    begin, end = (int(root.findtext(f"report_metadata/date_range/{name}") or 0) for name in ("begin", "end"))
    assert (begin % 86400, end - begin) == (0, 86399)


def test_a_row_says_what_was_found_of_how_many() -> None:
    first, second = ET.fromstring(made()).findall("record")
    assert (first.findtext("row/count"), second.findtext("row/count")) == ("3", "1")
    assert first.findtext("row/policy_evaluated/disposition") == "quarantine"
    assert (first.findtext("row/policy_evaluated/dkim"), first.findtext("row/policy_evaluated/spf")) == ("fail", "pass")
    assert first.findtext("row/policy_evaluated/reason/type") == "local_policy"
    assert [one.findtext("selector") for one in first.findall("auth_results/dkim")] == ["sel", "s2"]
    assert first.findtext("auth_results/spf/scope") == "mfrom"
    assert second.find("row/policy_evaluated/reason") is None
    assert second.findtext("identifiers/envelope_from") == ""
    assert second.findtext("auth_results/spf/domain") == "?[x]", "what XML cannot hold"
    assert b"envelope_to" not in made()


# ---- the mail ------------------------------------------------------------------------------------------------------


def test_the_mail_brings_the_document() -> None:
    found = mail(f"reports@{DOMAIN}", "dmarc@reader.example")
    assert found["To"] == f"reports@{DOMAIN}, dmarc@reader.example"
    assert found["Subject"] == f"Report Domain: {DOMAIN} Submitter: example.com Report-ID: <06c2m5h8k1v3r@example.com>"
    assert found["Message-ID"] == "<06c2m5h8k1v3r@example.com>"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["From"].addresses[0].addr_spec == SENDER
    (attached,) = found.iter_attachments()
    assert attached.get_content_type() == "application/gzip"
    assert attached.get_filename() == f"example.com!{DOMAIN}!1772582400!1772668799.xml.gz"
    assert gzip.decompress(attached.get_content()) == made()


def test_no_line_is_longer_than_a_line_may_be() -> None:
    packed = written.document(seen(), DAY_BEGINS, "06c2m5h8k1v3r", REPORTER)
    long = ".".join(["a" * 60] * 4)
    text = written.mail(packed, long, DAY_BEGINS, "06c2m5h8k1v3r", [f"{'b' * 60}@{long}"] * 9, REPORTER, NOW)
    assert max(map(len, text.split(b"\r\n"))) <= 998
    assert b"\n" not in text.replace(b"\r\n", b"")
    subject = message_from_bytes(text, policy=default)["Subject"]
    assert subject == f"Report Domain: {long} Submitter: example.com Report-ID: <06c2m5h8k1v3r@example.com>"


def test_it_is_signed_for_the_domain_of_its_sender() -> None:
    stamp = replace(STAMP, key=rsa_signer().private, selector="greygate")
    packed = written.document(seen(), DAY_BEGINS, "n", REPORTER)
    text = written.mail(packed, DOMAIN, DAY_BEGINS, "n", ["a@b.example"], Reporter(stamp, "Example", ""), NOW)
    asked = []

    def key(name: bytes, timeout: float = 0) -> bytes:
        asked.append(name)
        return rsa_signer().record().encode()

    assert dkim.verify(text, dnsfunc=key)
    assert asked == [b"greygate._domainkey.example.com."]
