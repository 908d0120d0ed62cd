"""The settings written out: as a commented file, and as a page of tables."""

from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings.schema import REPEATED, Settings
from gateway.settings.shapes import Shape, toml_text

_EXAMPLES = {
    ("domains", "local"): '["example.com"]',
    ("backend", "url"): '"smtp://mail.example.com:25"',
    ("recipients", "file"): '"recipients.txt"',
    ("hosters", "asn_file"): '"asn.tsv"',
    ("database", "password_file"): '"database.password"',
    ("shadow", "settings"): '"draft.toml"',
    ("tls", "certificate"): '"fullchain.pem"',
    ("tls", "key"): '"privkey.pem"',
    ("metrics", "listen"): '"127.0.0.1:9325"',
    ("oidc", "secret_file"): '"oidc.secret"',
    ("oidc", "ca_file"): '"ca.pem"',
    ("directory", "url"): '"ldaps://ldap.example.com"',
    ("directory", "password_file"): '"directory.password"',
    ("directory", "ca_file"): '"ca.pem"',
    ("imap", "ca_file"): '"ca.pem"',
    ("alerts", "hook_secret"): '"hook.secret"',
    ("reports", "sender"): '"dmarc-reports@example.com"',
    ("digest", "sender"): '"post@example.com"',
    ("digest", "dkim_key"): '"dkim.pem"',
    ("submission", "smarthost"): '"smtp://relay.example.com:25"',
    ("hook", "name"): '"siem"',
    ("hook", "address"): '"https://siem.example.com/greygate"',
    ("hook", "secret_file"): '"siem.secret"',
    ("hook", "domains"): '["example.com"]',
    ("route", "domains"): '["lists.example.com"]',
    ("route", "url"): '"lmtp://127.0.0.1:24"',
}
_REQUIRED = (("domains", "local"), ("backend", "url"))
_FORMS = (
    'A duration is written "500ms", "90s", "1h30m" or "4d"; a size "64KiB", "50MiB" or "2GB", or as a number of bytes.'
)
_REPLACE = "Every key stands at its default; only [domains] local and [backend] url are examples to replace."


def allowed(field: FieldInfo) -> str:
    """What a key may be set to, in words."""
    annotation = _bare(field.annotation)
    if choices := _choices(annotation):
        return "one of " + ", ".join(choices)
    if own := shape_of(field.metadata):
        return own.one + _bounds(field)
    shape = shape_of(nested(field.annotation))
    assert shape, "every type of a setting has a shape"
    return f"a list of {shape.many}" if get_origin(annotation) is tuple else shape.one


def _bare(annotation: Any) -> Any:
    """A type without its None and its metadata."""
    options = [option for option in get_args(annotation) if option is not NoneType]
    if NoneType in get_args(annotation):
        annotation = options[0]
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def nested(annotation: Any) -> tuple[Any, ...]:
    """The metadata of the first type within another."""
    inner = get_args(annotation)[0] if get_args(annotation) else None
    metadata: tuple[Any, ...] = getattr(inner, "__metadata__", ())
    return metadata


def shape_of(metadata: Any) -> Shape | None:
    return next((item for item in metadata if isinstance(item, Shape)), None)


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [_plain(value) for value in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [_plain(value) for value in annotation]
    return []


def _bounds(field: FieldInfo) -> str:
    low = [f"at least {written(item.ge, field)}" for item in field.metadata if isinstance(item, Ge)]
    high = [f"at most {written(item.le, field)}" for item in field.metadata if isinstance(item, Le)]
    return "".join(f", {bound}" for bound in low + high)


def written(value: Any, field: FieldInfo) -> str:
    """A value of a field as the file would write it, without quotes."""
    shape = shape_of(field.metadata) or shape_of(nested(field.annotation))
    return shape.write(value) if shape and not isinstance(value, bool | list | dict) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else toml_text(value)


def toml_value(value: Any, field: FieldInfo) -> str:
    """A value of a field in TOML."""
    if isinstance(value, tuple):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    if isinstance(value, dict):
        return "{}"
    shape = shape_of(field.metadata)
    return toml_text(shape.write(value)) if shape and shape.write is not str else _plain(value)


def sections() -> list[tuple[str, type[BaseModel]]]:
    models = {name: type(field.default) for name, field in Settings.model_fields.items()}
    return list((models | dict(REPEATED)).items())


def purpose(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip()


def defaults_toml() -> str:
    """The commented file: it reads as the defaults, with examples for what is required."""
    parts = [_section_toml(name, model) for name, model in sections()]
    return "\n".join(["# The settings of Greygate.", f"# {_REPLACE}", f"# {_FORMS}", *parts, ""])


def _section_toml(name: str, model: type[BaseModel]) -> str:
    head = ["", f"# {purpose(model)}", f"# [[{name}]]" if name in REPEATED else f"[{name}]"]
    return "\n".join(head + [_key_toml(name, key, field) for key, field in model.model_fields.items()])


def _key_toml(section: str, key: str, field: FieldInfo) -> str:
    example = _EXAMPLES.get((section, key))
    off = "# " if section in REPEATED or (example and (section, key) not in _REQUIRED) else ""
    return f"# {field.description} ({allowed(field)})\n{off}{key} = {example or toml_value(field.default, field)}"


def defaults_markdown() -> str:
    """The page of settings: a heading and a table for each section."""
    preface = (
        "# Settings\n\nGreygate reads one TOML file. Every key may be left out except `local` in `[domains]` and,\n"
        f"where routes do not cover every domain, `url` in `[backend]`.\n{_FORMS}\nRelative paths start at the "
        "folder of the file. `greygate check` names every problem in it at once.\n\n"
        "This page is generated by `make docs`.\n"
    )
    return "\n".join([preface, *(_section_markdown(name, model) for name, model in sections())])


def _section_markdown(name: str, model: type[BaseModel]) -> str:
    head = f"## {f'`[[{name}]]`' if name in REPEATED else f'`[{name}]`'}\n\n{purpose(model)}\n"
    rows = [_row(name, key, field) for key, field in model.model_fields.items()]
    return "\n".join([head, "| key | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _row(section: str, key: str, field: FieldInfo) -> str:
    required = (section in REPEATED and field.is_required()) or (section, key) in _REQUIRED
    default = "—" if required or field.default is None else f"`{toml_value(field.default, field)}`"
    cells = [cell.replace("|", "\\|") for cell in (default, f"{field.description}<br>{allowed(field)}")]
    return f"| `{key}` | {' | '.join(cells)} |"
