"""Whether a mail may bring a code to sign in with. By its shape, in any language: nothing is decided by it, somebody is
only told sooner that it waits."""

import re

LONGEST = 1500  # letters of text: such mails are short
VERY_SHORT = 350
MOST_NUMBERS = 3
YEARS = range(1990, 2101)
# Digits in a row or in two groups, or two groups of letters and digits: with nothing around them that makes a price, a
# date, a telephone number or a part of an address of it.
_CODE = re.compile(
    r"(?<![\w.,:/+#@$€£-])(?<!\d )(?:G-)?"
    r"(\d{4,8}|\d{3}[ -]\d{3}|(?=[A-Z0-9-]*\d)[A-Z0-9]{3,4}-[A-Z0-9]{3,4})"
    r"(?![\w/@%€$£+-]|[.,: ]\d)"
)


def may_hold_code(subject: str, text: str) -> bool:
    """`text`: what a reader sees of it."""
    seen = text.strip()
    if not seen or len(seen) > LONGEST:
        return False
    found = codes(seen)
    if not 1 <= len(found) <= MOST_NUMBERS:
        return False
    alone = any(line.strip() in found for line in seen.splitlines())
    return alone or bool(codes(subject) & found) or len(seen) <= VERY_SHORT


def codes(text: str) -> set[str]:
    return {one for one in _CODE.findall(text) if not (len(one) == 4 and one.isdecimal() and int(one) in YEARS)}
