"""Passkeys (W3C Web Authentication, level 2): keys that live in a device and work at one host name only.

The person must be verified by the device each time, so a passkey is both what somebody has and what they are or know.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

MOST = 10  # of one person
LONGEST = 16 * 1024  # characters of what a browser says
LONGEST_ID = 1023  # bytes (level 3, 5.1)
LONGEST_NAME = 60  # characters
SURELY = UserVerificationRequirement.REQUIRED


class BadPasskey(Exception):
    """What a browser said is not what was asked for. args[0] says why, for the log."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where keys are good: the host name that they are bound to, and the origin that pages have."""

    name: str
    origin: str


def site(url: str, here: str) -> Site | None:
    """That of the pages: as the settings say, else at this machine as the browser says; None where no key can be made.

    Browsers make keys for host names only, over TLS or on localhost.
    """
    parts = urlsplit(url or here)
    name = parts.hostname or ""
    if not is_name(name) or (name != "localhost" and (parts.scheme != "https" or not url)):
        return None
    return Site(name, f"{parts.scheme}://{parts.netloc}")


def is_name(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return bool(text)
    return False


def handle_of(number: int) -> bytes:
    """What a device keeps somebody's key under: nothing that tells who it is."""
    return number.to_bytes(8, "big")


def offer(where: Site, number: int, name: str, known: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """What a browser needs to make a key, as JSON, and the challenge in it. Not with a device that has one already."""
    options = webauthn.generate_registration_options(
        rp_id=where.name,
        rp_name="Greygate",
        user_id=handle_of(number),
        user_name=name,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one["credential"]) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=SURELY
        ),
    )
    return webauthn.options_to_json(options), bytes_to_base64url(options.challenge)


def taken(where: Site, challenge: str, said: str) -> dict[str, Any]:
    """The key that a browser made, as it is kept. Raises BadPasskey."""
    try:
        made = webauthn.verify_registration_response(
            credential=read(said),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=where.name,
            expected_origin=where.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise BadPasskey(str(error)) from error
    if len(made.credential_id) > LONGEST_ID:
        raise BadPasskey("its id is too long")
    return {
        "credential": made.credential_id,
        "public_key": made.credential_public_key,
        "uses": made.sign_count,
        "site": where.name,
        "synced": made.credential_backed_up,
    }


def ask(where: Site, known: Sequence[dict[str, Any]] = ()) -> tuple[str, str]:
    """What a browser needs to use a key, as JSON, and the challenge in it: one of these, else whichever it has."""
    options = webauthn.generate_authentication_options(
        rp_id=where.name,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one["credential"]) for one in known],
        user_verification=SURELY,
    )
    return webauthn.options_to_json(options), bytes_to_base64url(options.challenge)


def read(said: str) -> dict[str, Any]:
    """Raises BadPasskey."""
    try:
        found = json.loads(said) if len(said) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadPasskey("it is no answer of a browser")
    return found


def credential_of(said: str) -> bytes:
    """The id of the key that an answer is made with. Raises BadPasskey."""
    try:
        return base64url_to_bytes(str(read(said)["rawId"]))
    except (ValueError, KeyError) as error:
        raise BadPasskey("it names no key") from error


def used(where: Site, challenge: str, said: str, key: dict[str, Any]) -> int:
    """How often a key says that it was used, by an answer that only that key can give. Raises BadPasskey.

    The count is compared by whoever keeps it: only a signed count says anything.
    """
    answer = read(said)
    try:
        handle = (answer.get("response") or {}).get("userHandle")
        if handle and base64url_to_bytes(handle) != handle_of(key["person_id"]):
            raise BadPasskey("the key is somebody else's")
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=where.name,
            expected_origin=where.origin,
            credential_public_key=key["public_key"],
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPasskey(str(error)) from error
    return found.new_sign_count
