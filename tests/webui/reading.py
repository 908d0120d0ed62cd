"""What somebody reads on a page: names that others wrote are set apart in it, and are read like all other words."""

import re

APART = re.compile(r"</?bdi[^>]*>")


def read(page: str) -> str:
    return APART.sub("", page)
