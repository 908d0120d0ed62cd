"""The private lists as a file: CSV, one entry a line."""

import csv
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

from gateway.i18n import _, tell
from gateway.model import Binds, ListEntry, ListKind, ListVerb
from gateway.policy.parties import BadParty, read_domain, read_network, read_party, read_scope, why
from gateway.store.lists import NewEntry

COLUMNS = ("verb", "kind", "value", "network", "scope", "expires", "author", "comment", "signature", "binds")


def written(entry: ListEntry) -> dict[str, str]:
    """An entry as a line of the export."""
    network = str(entry.network) if entry.network and entry.kind is not ListKind.NETWORK else ""
    expires = entry.expires.isoformat() if entry.expires else ""
    values = (
        entry.verb, entry.kind, entry.value, network, entry.scope or "", expires, entry.author, entry.comment,
        entry.signature or "", entry.binds,
    )  # fmt: skip
    return dict(zip(COLUMNS, map(str, values), strict=True))


def write(entries: Iterable[ListEntry], file: TextIO) -> None:
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(written(entry) for entry in entries)


def nothing_wrong(entry: NewEntry) -> str:
    return ""


def read_entries(
    file: TextIO, author: str, check: Callable[[NewEntry], str] = nothing_wrong
) -> tuple[list[NewEntry], list[str]]:
    """The entries of a file, and what is wrong with its lines. `author`: of lines that name none; `check` says what
    else is wrong with an entry, "" for nothing."""
    entries, problems = [], []
    reader = csv.DictReader(file)
    try:
        if not {"verb", "kind", "value"} <= set(reader.fieldnames or ()):
            return [], [in_line(1, _("the columns are %(columns)s") % {"columns": ", ".join(COLUMNS)})]
        for row in reader:
            try:
                entry = entry_of(row, author)
                if wrong := check(entry):
                    raise BadParty(wrong)
                entries.append(entry)
            except (ValueError, TypeError) as error:
                problems.append(in_line(reader.line_num, tell(why(error))))
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(no_csv(reader.line_num, error))
    return entries, problems


def in_line(line: int, problem: str) -> str:
    return _("line %(line)d: %(problem)s") % {"line": line, "problem": problem}


def no_csv(line: int, error: Exception) -> str:
    return _("behind line %(line)d: no CSV in UTF-8: %(problem)s") % {"line": line, "problem": error}


def entry_of(row: dict[str, str], author: str) -> NewEntry:
    """Raises ValueError or TypeError with what is wrong."""
    missing = {"verb", "kind", "value"} - {name for name, value in row.items() if value}
    if missing:
        told = {"missing": ", ".join(sorted(missing)), "columns": ", ".join(COLUMNS)}
        raise ValueError(_("%(missing)s missing; the columns are %(columns)s") % told)
    kind, value = read_party(row["value"])
    wanted = ListKind(row["kind"])
    also = {ListKind.RECIPIENT: (ListKind.ADDRESS, ListKind.DOMAIN), ListKind.SIGNATURE: (ListKind.DOMAIN,)}
    if wanted is not kind and kind not in also.get(wanted, ()):
        raise BadParty(_("%(value)s is no %(kind)s") % {"value": row["value"], "kind": wanted})
    verb, network, scope, signer = ListVerb(row["verb"]), row.get("network"), row.get("scope"), row.get("signature")
    expires = datetime.fromisoformat(row["expires"]) if row.get("expires") else None
    return NewEntry(
        verb,
        wanted,
        value,
        read_network(network) if network else None,
        read_scope(scope) if scope else None,
        expires.replace(tzinfo=UTC) if expires and expires.tzinfo is None else expires,
        row.get("author") or author,
        row.get("comment") or "",
        read_domain(signer) if signer else None,
        Binds(row.get("binds") or Binds.EVERYTHING),
    )
