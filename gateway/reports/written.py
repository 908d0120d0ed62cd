"""A DMARC report as it is sent: XML in the form of RFC 7489 (Appendix C), packed, and the mail that brings it.

Whoever reads reports reads that form; RFC 9990 has another, which adds a namespace, drops pct and needs newer readers.
"""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from xml.etree import ElementTree as ET

from gateway.digest.written import Stamp, signed
from gateway.model import DmarcPolicy
from gateway.reports.counted import Row, Seen

DAY = timedelta(days=1)
LONGEST = 255  # characters of what others wrote
ALIGNMENT = {True: "s", False: "r"}
RESULT = {True: "pass", False: "fail"}
TEXT = """\
This is an aggregate report about mail in the name of {domain}, as its DMARC
record asks for: what {organisation} saw on {day:%Y-%m-%d} (UTC).

The report is attached. It was made by a program; nobody reads answers.
"""


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports. `domain` is that of the sender."""

    stamp: Stamp
    organisation: str
    contact: str

    @property
    def domain(self) -> str:
        return self.stamp.sender.rpartition("@")[2]

    def report_id(self, number: str) -> str:
        return f"{number}@{self.domain}"


def last_second(day: datetime) -> datetime:
    return day + DAY - timedelta(seconds=1)


# ---- the document --------------------------------------------------------------------------------------------------


def document(seen: Seen, day: datetime, number: str, reporter: Reporter) -> bytes:
    """The report as it is attached: XML under gzip (RFC 1952)."""
    root = ET.Element("feedback")
    put(root, "version", "1.0")
    metadata(ET.SubElement(root, "report_metadata"), seen, day, number, reporter)
    policy(ET.SubElement(root, "policy_published"), seen)
    for row, count in sorted(seen.rows.items(), key=lambda one: (-one[1], one[0].source, one[0].header_from)):
        record(ET.SubElement(root, "record"), row, count)
    ET.indent(root)
    return gzip.compress(ET.tostring(root, encoding="UTF-8", xml_declaration=True), mtime=0)


def metadata(at: ET.Element, seen: Seen, day: datetime, number: str, reporter: Reporter) -> None:
    put(at, "org_name", reporter.organisation)
    put(at, "email", reporter.stamp.sender)
    if reporter.contact:
        put(at, "extra_contact_info", reporter.contact)
    put(at, "report_id", reporter.report_id(number))
    span = ET.SubElement(at, "date_range")
    put(span, "begin", int(day.timestamp()))
    put(span, "end", int(last_second(day).timestamp()))
    if seen.left_out:
        put(at, "error", f"{seen.left_out} messages are in no row: there were too many rows")


def policy(at: ET.Element, seen: Seen) -> None:
    published = seen.published
    put(at, "domain", published.domain)
    put(at, "adkim", ALIGNMENT[published.strict_dkim])
    put(at, "aspf", ALIGNMENT[published.strict_spf])
    put(at, "p", published.policy)
    put(at, "sp", published.for_subdomains)
    put(at, "pct", 100)  # it is no more (RFC 9989 A.6), and nobody is left out by it here
    put(at, "fo", published.failures)


def record(at: ET.Element, row: Row, count: int) -> None:
    counted = ET.SubElement(at, "row")
    put(counted, "source_ip", row.source)
    put(counted, "count", count)
    evaluated = ET.SubElement(counted, "policy_evaluated")
    put(evaluated, "disposition", row.disposition)
    put(evaluated, "dkim", RESULT[row.dkim])
    put(evaluated, "spf", RESULT[row.spf])
    if row.override is not None:
        reason = ET.SubElement(evaluated, "reason")
        put(reason, "type", row.override.type)
        if row.override.comment:
            put(reason, "comment", row.override.comment)
    identifiers = ET.SubElement(at, "identifiers")
    put(identifiers, "envelope_from", row.envelope_from)
    put(identifiers, "header_from", row.header_from)
    results = ET.SubElement(at, "auth_results")
    for domain, selector, result in row.signatures:
        put_all(ET.SubElement(results, "dkim"), (("domain", domain), ("selector", selector), ("result", result)))
    domain, scope, result = row.path
    put_all(ET.SubElement(results, "spf"), (("domain", domain), ("scope", scope), ("result", result)))


def put_all(at: ET.Element, fields: Iterable[tuple[str, str]]) -> None:
    for name, value in fields:
        put(at, name, value)


def put(at: ET.Element, name: str, value: str | int | DmarcPolicy) -> None:
    """What XML cannot hold becomes a question mark."""
    text = str(value)[:LONGEST]
    ET.SubElement(at, name).text = "".join(one if one.isprintable() else "?" for one in text)


# ---- the mail ------------------------------------------------------------------------------------------------------


def mail(
    packed: bytes, domain: str, day: datetime, number: str, to: Sequence[str], reporter: Reporter, now: datetime
) -> bytes:
    """The whole mail with CRLF line ends (RFC 7489 7.2.1.1). Sent again, it has the same names."""
    identity = reporter.report_id(number)
    made = EmailMessage(policy=SMTP.clone(max_line_length=78))
    made["From"] = formataddr((reporter.organisation, reporter.stamp.sender))
    made["To"] = ", ".join(to)
    made["Subject"] = f"Report Domain: {domain} Submitter: {reporter.domain} Report-ID: <{identity}>"
    made["Date"] = format_datetime(now.astimezone(UTC))
    made["Message-ID"] = f"<{identity}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(TEXT.format(domain=domain, organisation=reporter.organisation, day=day))
    made.add_attachment(packed, "application", "gzip", filename=filename(domain, day, reporter))
    return signed(made.as_bytes(), reporter.stamp)


def filename(domain: str, day: datetime, reporter: Reporter) -> str:
    begin, end = int(day.timestamp()), int(last_second(day).timestamp())
    return f"{reporter.domain}!{domain}!{begin}!{end}.xml.gz"
