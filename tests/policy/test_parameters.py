"""The parameters of MAIL and RCPT."""

import pytest

from gateway.model import MailParameters
from gateway.policy.address import BadAddress
from gateway.policy.parameters import (
    UnknownParameter,
    parse_mail_parameters,
    parse_parameters,
    parse_rcpt_parameters,
)


def mail(text: bytes, *, smtputf8: bool = True, dsn: bool = True) -> MailParameters:
    return parse_mail_parameters(parse_parameters(text), smtputf8_offered=smtputf8, dsn_offered=dsn)


def rcpt(text: bytes, *, dsn: bool = True) -> tuple[str | None, str | None]:
    return parse_rcpt_parameters(parse_parameters(text), dsn_offered=dsn)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", MailParameters()),
        (b"SIZE=1000", MailParameters(size=1000)),
        (b"size=0  body=7bit", MailParameters(size=0)),
        (b"BODY=8BITMIME SMTPUTF8", MailParameters(body_8bit=True, smtputf8=True)),
        (b"RET=hdrs ENVID=a+2Bb", MailParameters(ret="HDRS", envid="a+2Bb")),
    ],
)
def test_what_mail_from_may_say(text, expected):
    assert mail(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"SIZE",
        b"SIZE=",
        b"SIZE=-1",
        b"SIZE=1e3",
        b"SIZE=" + b"9" * 21,
        b"SIZE=1 size=2",
        b"BODY=BINARYMIME",
        b"SMTPUTF8=yes",
        b"RET=ALL",
        b"ENVID=" + b"a" * 101,
        b"ENVID=a+2b",
        b"=1",
        b"SI\xffZE=1",
        b"SIZE=1\x00",
    ],
)
def test_what_is_malformed_is_refused(text):
    with pytest.raises(BadAddress) as refused:
        mail(text)
    assert not isinstance(refused.value, UnknownParameter)


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        (b"AUTH=<>", {}),
        (b"MT-PRIORITY=4", {}),
        (b"SMTPUTF8", {"smtputf8": False}),
        (b"RET=FULL", {"dsn": False}),
        (b"ENVID=x", {"dsn": False}),
    ],
)
def test_what_was_not_offered_is_unknown(text, offers):
    with pytest.raises(UnknownParameter):
        mail(text, **offers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", (None, None)),
        (b"NOTIFY=never", ("NEVER", None)),
        (b"NOTIFY=SUCCESS,failure", ("SUCCESS,FAILURE", None)),
        (b"ORCPT=rfc822;Bo+40home@example.com", (None, "rfc822;Bo+40home@example.com")),
    ],
)
def test_what_rcpt_to_may_say(text, expected):
    assert rcpt(text) == expected


@pytest.mark.parametrize("text", [b"NOTIFY=NEVER,DELAY", b"NOTIFY=", b"ORCPT=bo@example.com", b"NOTIFY=a NOTIFY=b"])
def test_what_rcpt_to_may_not_say(text):
    with pytest.raises(BadAddress):
        rcpt(text)


@pytest.mark.parametrize(("text", "dsn"), [(b"SIZE=1", True), (b"NOTIFY=NEVER", False)])
def test_a_recipient_has_no_other_parameters(text, dsn):
    with pytest.raises(UnknownParameter):
        rcpt(text, dsn=dsn)
