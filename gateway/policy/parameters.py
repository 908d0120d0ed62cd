"""The parameters of MAIL and RCPT (RFC 5321 4.1.2, RFC 1870, RFC 3461, RFC 6152, RFC 6531)."""

import re
from collections.abc import Mapping

from gateway.model import MailParameters
from gateway.policy.address import BadAddress

Parameters = Mapping[str, str | None]

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
_SIZE = re.compile(r"[0-9]{1,20}")
_BODY = re.compile(r"7BIT|8BITMIME", re.IGNORECASE)
_RET = re.compile(r"FULL|HDRS", re.IGNORECASE)
_ENVID = re.compile(rf"(?=.{{1,100}}\Z){_XTEXT}")
_EVENT = r"(?:SUCCESS|FAILURE|DELAY)"
_NOTIFY = re.compile(rf"NEVER|{_EVENT}(?:,{_EVENT})*", re.IGNORECASE)
_ORCPT = re.compile(rf"(?=.{{1,500}}\Z)[A-Za-z0-9-]+;{_XTEXT}")


class UnknownParameter(BadAddress):
    """A parameter that we do not implement or did not offer (RFC 5321 4.1.1.11: 555)."""


def parse_parameters(rest: bytes) -> dict[str, str | None]:
    """Upper-case keywords and their values, None where there is none. Raises BadAddress."""
    try:
        words = rest.decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadAddress("parameter has characters that are not permitted") from None
    parameters: dict[str, str | None] = {}
    for word in filter(None, words):
        keyword, value = _parameter(word)
        if keyword in parameters:
            raise BadAddress("parameter given twice")
        parameters[keyword] = value
    return parameters


def _parameter(word: str) -> tuple[str, str | None]:
    found = _PARAMETER.fullmatch(word)
    if not found:
        raise BadAddress("parameter is not valid")
    return found[1].upper(), found[2]


def parse_mail_parameters(params: Parameters, *, smtputf8_offered: bool, dsn_offered: bool) -> MailParameters:
    """The parameters of MAIL FROM. Raises UnknownParameter (also for what was not offered) or BadAddress."""
    offered = {"SIZE", "BODY"} | ({"SMTPUTF8"} if smtputf8_offered else set())
    _refuse_unknown(params, offered | ({"RET", "ENVID"} if dsn_offered else set()))
    if params.get("SMTPUTF8") is not None:
        raise BadAddress("SMTPUTF8 takes no value")
    size = _checked(params, "SIZE", _SIZE)
    return MailParameters(
        size=None if size is None else int(size),
        body_8bit=_upper(_checked(params, "BODY", _BODY)) == "8BITMIME",
        smtputf8="SMTPUTF8" in params,
        ret=_upper(_checked(params, "RET", _RET)),
        envid=_checked(params, "ENVID", _ENVID),
    )


def parse_rcpt_parameters(params: Parameters, *, dsn_offered: bool) -> tuple[str | None, str | None]:
    """NOTIFY (upper-case) and ORCPT (as given) of RCPT TO. Raises UnknownParameter or BadAddress."""
    _refuse_unknown(params, {"NOTIFY", "ORCPT"} if dsn_offered else set())
    return _upper(_checked(params, "NOTIFY", _NOTIFY)), _checked(params, "ORCPT", _ORCPT)


def _refuse_unknown(params: Parameters, offered: set[str]) -> None:
    if not params.keys() <= offered:
        raise UnknownParameter("parameter is not known here")


def _checked(params: Parameters, keyword: str, form: re.Pattern[str]) -> str | None:
    if keyword not in params:
        return None
    value = params[keyword]
    if value is None or not form.fullmatch(value):
        raise BadAddress(f"{keyword} is not valid")
    return value


def _upper(value: str | None) -> str | None:
    return value and value.upper()
