"""What others wrote, as it may be printed: what cannot be seen is written out."""


def visible(text: str) -> str:
    """The text with what cannot be seen written out, such as <U+202E>; spaces of all kinds are spaces."""
    return "".join(map(shown, text.replace("\r\n", "\n").replace("\r", "\n")))


def shown(letter: str) -> str:
    if letter == "\n" or letter.isprintable():
        return letter
    return (
        " " if letter.isspace() and letter not in "\x1c\x1d\x1e\x1f\x85\u2028\u2029\v\f" else f"<U+{ord(letter):04X}>"
    )


def one_line(text: str) -> str:
    return visible(text).replace("\n", " ")
