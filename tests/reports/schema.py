"""RFC 7489, Appendix C, as it is written there: which elements stand where, how often, and what they may say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

MANY = 1 << 30
TEXT = r"(?s:.*)"
INTEGER = r"[+-]?[0-9]+"
POLICY = "none|quarantine|reject"
V4 = r"((1?[0-9]?[0-9]|2[0-4][0-9]|25[0-5])\.){3}(1?[0-9]?[0-9]|2[0-4][0-9]|25[0-5])"
V6 = r"[A-Fa-f0-9:.]{2,45}"  # the schema's own pattern admits no "::"; RFC 4291 does
DKIM = "none|pass|fail|policy|neutral|temperror|permerror"
SPF = "none|neutral|pass|fail|softfail|temperror|permerror"
OVERRIDE = "forwarded|sampled_out|trusted_forwarder|mailing_list|local_policy|other"


@dataclass(frozen=True)
class Child:
    """What an element holds: a pattern of its text, or elements of its own."""

    holds: "str | Group"
    least: int = 1
    most: int = 1


@dataclass(frozen=True)
class Group:
    """Elements by name: in this order (xs:sequence), or in any (xs:all)."""

    children: Mapping[str, Child]
    ordered: bool = True


FEEDBACK = Group(
    {
        "version": Child(r"[0-9]+\.[0-9]+"),
        "report_metadata": Child(
            Group(
                {
                    "org_name": Child(TEXT),
                    "email": Child(TEXT),
                    "extra_contact_info": Child(TEXT, 0),
                    "report_id": Child(TEXT),
                    "date_range": Child(Group({"begin": Child(INTEGER), "end": Child(INTEGER)}, ordered=False)),
                    "error": Child(TEXT, 0, MANY),
                }
            )
        ),
        "policy_published": Child(
            Group(
                {
                    "domain": Child(TEXT),
                    "adkim": Child("r|s", 0),
                    "aspf": Child("r|s", 0),
                    "p": Child(POLICY),
                    "sp": Child(POLICY),
                    "pct": Child(INTEGER),
                    "fo": Child(TEXT),
                },
                ordered=False,
            )
        ),
        "record": Child(
            Group(
                {
                    "row": Child(
                        Group(
                            {
                                "source_ip": Child(f"{V4}|{V6}"),
                                "count": Child(INTEGER),
                                "policy_evaluated": Child(
                                    Group(
                                        {
                                            "disposition": Child(POLICY),
                                            "dkim": Child("pass|fail"),
                                            "spf": Child("pass|fail"),
                                            "reason": Child(
                                                Group(
                                                    {"type": Child(OVERRIDE), "comment": Child(TEXT, 0)}, ordered=False
                                                ),
                                                0,
                                                MANY,
                                            ),
                                        }
                                    )
                                ),
                            },
                            ordered=False,
                        )
                    ),
                    "identifiers": Child(
                        Group(
                            {"envelope_to": Child(TEXT, 0), "envelope_from": Child(TEXT), "header_from": Child(TEXT)},
                            ordered=False,
                        )
                    ),
                    "auth_results": Child(
                        Group(
                            {
                                "dkim": Child(
                                    Group(
                                        {
                                            "domain": Child(TEXT),
                                            "selector": Child(TEXT, 0),
                                            "result": Child(DKIM),
                                            "human_result": Child(TEXT, 0),
                                        },
                                        ordered=False,
                                    ),
                                    0,
                                    MANY,
                                ),
                                "spf": Child(
                                    Group(
                                        {"domain": Child(TEXT), "scope": Child("helo|mfrom"), "result": Child(SPF)},
                                        ordered=False,
                                    ),
                                    1,
                                    MANY,
                                ),
                            }
                        )
                    ),
                }
            ),
            1,
            MANY,
        ),
    }
)


def flaws(document: bytes) -> list[str]:
    """What is wrong with a report; nothing, where it is valid."""
    root = ET.fromstring(document)
    return [f"the root is {root.tag}"] if root.tag != "feedback" else [*inside(root, FEEDBACK, "feedback")]


def inside(element: ET.Element, group: Group, path: str) -> list[str]:
    found = []
    names = [child.tag for child in element]
    known = list(group.children)
    found += [f"{path} holds {name}" for name in names if name not in known]
    if group.ordered and names != sorted(names, key=lambda one: known.index(one) if one in known else -1):
        found.append(f"{path} is out of order: {names}")
    for name, child in group.children.items():
        if not child.least <= names.count(name) <= child.most:
            found.append(f"{path} has {names.count(name)} of {name}")
    for child in element:
        if child.tag in known:
            found += of(child, group.children[child.tag].holds, f"{path}/{child.tag}")
    return found


def of(element: ET.Element, holds: str | Group, path: str) -> list[str]:
    if isinstance(holds, Group):
        return inside(element, holds, path)
    if len(element):
        return [f"{path} holds elements"]
    return [] if re.fullmatch(holds, element.text or "") else [f"{path} says {element.text!r}"]
