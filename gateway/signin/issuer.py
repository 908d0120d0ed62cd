"""To an OpenID Connect issuer and back: authorization code with PKCE (RFC 7636), state and nonce.

What comes back is believed only if it answers what this browser asked: the state, once; the issuer by its name, in the
answer too where it says so (RFC 9207); an ID token signed by a key of the issuer's with an algorithm that it announces
(OpenID Connect Core 1.0, 3.1.3.7), for us, for this nonce, and not expired.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.marked import N_, Said
from gateway.policy.address import BadAddress, parse_address
from gateway.settings.signin import Oidc
from gateway.signin.fetching import Fetcher, is_safe
from gateway.signin.nouns import AGAIN, NO_GROUP, NoAnswer, NotIn, Proven, is_member

log = structlog.get_logger()

# Signatures that only the issuer can make: a secret shared with us (HS…) or none at all signs nothing.
SIGNED = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
KNOWN_FOR = timedelta(hours=1)  # what the issuer says of itself
KEYS_AFTER = timedelta(seconds=30)  # between two questions for its keys because of a key that is not known
LEEWAY = 60  # seconds that clocks may differ
NOT_PROVEN = N_(
    "What came back from there could not be verified, so nobody was let in. It is in the log; tell your admin."
)


@dataclass
class Issuer:
    """One issuer, by the settings; what it says of itself is remembered for a time."""

    settings: Oidc
    fetcher: Fetcher
    lock: Lock = field(default_factory=Lock)
    said: dict[str, Any] = field(default_factory=dict)
    said_at: datetime | None = None
    keys: KeySet | None = None
    keys_at: datetime | None = None

    # ---- there -----------------------------------------------------------------------------------------------------

    def begin(self, back: str, now: datetime) -> tuple[str, dict[str, str]]:
        """Where to send a browser, and what to remember of it until it comes back. Raises NoAnswer."""
        journey = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")} | {"back": back}
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": " ".join(self.settings.scopes),
            "state": journey["state"],
            "nonce": journey["nonce"],
            "code_challenge": create_s256_code_challenge(journey["verifier"]),
            "code_challenge_method": "S256",
        }
        if self.settings.acr:
            asked["acr_values"] = " ".join(self.settings.acr)
        return with_query(self.endpoint("authorization_endpoint", now), asked), journey

    def farewell(self, token: str, back: str, now: datetime) -> str:
        """Where a browser is signed out there (RP-Initiated Logout 1.0); "" where that is not offered."""
        try:
            there = self.metadata(now).get("end_session_endpoint", "")
        except NoAnswer as error:
            log.warning("the issuer does not answer", why=error.args[1])
            return ""
        asked = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back, "id_token_hint": token}
        return with_query(there, asked) if isinstance(there, str) and is_safe(there) else ""

    # ---- and back --------------------------------------------------------------------------------------------------

    def arrive(self, journey: Mapping[str, str], answer: Mapping[str, str], now: datetime) -> Proven:
        """Who came back. Raises NoAnswer, and NotIn for whoever may not come in or whose answer proves nothing."""
        if not secrets.compare_digest(answer.get("state", "").encode(), journey["state"].encode()):
            raise NotIn(AGAIN)
        told = answer.get("iss")
        offers_iss = self.metadata(now).get("authorization_response_iss_parameter_supported") is True
        if told != self.settings.issuer and (told is not None or offers_iss):
            log.warning("an answer came from another issuer", issuer=str(told)[:200])
            raise NotIn(NOT_PROVEN)
        if answer.get("error"):
            log.info(
                "the issuer let nobody in", error=answer["error"][:100], why=answer.get("error_description", "")[:300]
            )
            who = f"{self.fetcher.who[:1].upper()}{self.fetcher.who[1:]}"
            raise NotIn(Said(N_("%(who)s did not let you in."), {"who": who}))
        tokens = self.exchange(answer.get("code", ""), journey, now)
        claims = self.proven(tokens, journey, now)
        return self.judged(claims, str(tokens["id_token"]))

    def exchange(self, code: str, journey: Mapping[str, str], now: datetime) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": journey["back"],
            "code_verifier": journey["verifier"],
        }
        secret, client = self.secret(), self.settings.client_id
        methods = self.metadata(now).get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        is_basic = bool(secret) and "client_secret_basic" in methods
        if not is_basic:
            form |= {"client_id": client, **({"client_secret": secret} if secret else {})}
        auth = (urlencode({"": client})[1:], urlencode({"": secret})[1:]) if is_basic else None  # RFC 6749, 2.3.1
        status, tokens = self.fetcher.post(self.endpoint("token_endpoint", now), form, auth)
        if status != 200 or not isinstance(tokens, dict) or not isinstance(tokens.get("id_token"), str):
            error = str(tokens.get("error"))[:100] if isinstance(tokens, dict) else ""
            log.warning("the issuer gave no token", status=status, error=error)
            raise NotIn(NOT_PROVEN)
        return tokens

    def secret(self) -> str:
        file = self.settings.secret_file
        if file is None:
            return ""
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].strip()
        except OSError as error:
            raise NoAnswer(self.fetcher.who, f"{file} cannot be read: {error.strerror}") from error

    def proven(self, tokens: Mapping[str, Any], journey: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """What a token says, if it is to be believed. Raises NotIn and NoAnswer."""
        try:
            header, claims = self.decoded(str(tokens["id_token"]), now)
            must = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": journey["nonce"]},
            }
            about = {"nonce": journey["nonce"], "client_id": self.settings.client_id}
            about |= {"access_token": tokens["access_token"]} if isinstance(tokens.get("access_token"), str) else {}
            CodeIDToken(claims, header, must, about).validate(now=int(now.timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("a token proves nothing", why=f"{type(error).__name__}: {error}"[:300])
            raise NotIn(NOT_PROVEN) from error
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise NotIn(NOT_PROVEN)
        return {**self.more(claims, tokens, now), **claims}

    def decoded(self, token: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """By the keys of the issuer, which may have others since we asked."""
        algorithms = self.algorithms(now)
        if not algorithms:  # none would be taken for any
            raise ValueError("it announces no signature that only it can make")
        try:
            found = jwt.decode(token, self.key_set(now), algorithms=algorithms)
        except (JoseError, ValueError):
            if self.keys_at is None or now - self.keys_at < KEYS_AFTER:
                raise
            found = jwt.decode(token, self.key_set(now, again=True), algorithms=algorithms)
        return dict(found.header), dict(found.claims)

    def algorithms(self, now: datetime) -> list[str]:
        said = self.metadata(now).get("id_token_signing_alg_values_supported")
        return sorted(SIGNED.intersection(said)) if isinstance(said, list) else ["RS256"]

    def more(self, claims: Mapping[str, Any], tokens: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """What some issuers tell only whoever asks (OpenID Connect Core 1.0, 5.3), of the same person."""
        there, token = self.metadata(now).get("userinfo_endpoint"), tokens.get("access_token")
        if self.settings.address in claims or not isinstance(there, str) or not isinstance(token, str):
            return {}
        said = self.fetcher.get(there, token)
        return said if isinstance(said, dict) and said.get("sub") == claims["sub"] else {}

    def judged(self, claims: Mapping[str, Any], token: str) -> Proven:
        """Raises NotIn."""
        groups, chosen = texts(claims.get(self.settings.groups_claim)), self.settings
        if not is_member(groups, chosen.groups):
            raise NotIn(NO_GROUP)
        how = texts(claims.get("acr")) | texts(claims.get("amr"))
        if chosen.acr and how.isdisjoint(chosen.acr):
            raise NotIn(N_("Sign in there with a second factor, please; this time it was not asked for."))
        address, is_sure = claims.get(chosen.address), claims.get("email_verified")
        sure = chosen.verified == "issuer" or is_sure is True or is_sure == "true"
        return Proven(
            issuer=chosen.issuer,
            subject=str(claims["sub"]),
            address=read_address(address) if sure else "",
            groups=groups,
            factor=chosen.second_factor == "provider",
            token=token if chosen.logout else "",
        )

    # ---- what it says of itself ------------------------------------------------------------------------------------

    def endpoint(self, name: str, now: datetime) -> str:
        found = self.metadata(now).get(name)
        if not isinstance(found, str) or not is_safe(found):
            raise NoAnswer(self.fetcher.who, f"it says no {name} that is encrypted")
        return found

    def metadata(self, now: datetime) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, 4. Raises NoAnswer."""
        with self.lock:
            if self.said_at is None or now - self.said_at > KNOWN_FOR:
                found = self.fetcher.get(self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if not isinstance(found, dict) or found.get("issuer") != self.settings.issuer:
                    told = found.get("issuer") if isinstance(found, dict) else found
                    raise NoAnswer(
                        self.fetcher.who, f"it calls itself {str(told)[:200]!r}, not {self.settings.issuer!r}"
                    )
                self.said, self.said_at, self.keys = found, now, None
            return self.said

    def key_set(self, now: datetime, *, again: bool = False) -> KeySet:
        """Raises NoAnswer, and JoseError or ValueError for what are no keys."""
        there = self.endpoint("jwks_uri", now)
        with self.lock:
            if self.keys is None or again:
                self.keys, self.keys_at = KeySet.import_key_set(usable(self.fetcher.get(there))), now
            return self.keys


def usable(said: Any) -> Any:
    """Without keys of kinds that we do not know, and those that are not for signatures."""
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list):
        raise ValueError("it says no keys")
    kinds = ("RSA", "EC", "OKP")
    return {
        "keys": [one for one in keys if isinstance(one, dict) and one.get("kty") in kinds and one.get("use") != "enc"]
    }


def texts(said: Any) -> frozenset[str]:
    many = said if isinstance(said, list) else [said]
    return frozenset(one for one in many if isinstance(one, str))


def read_address(said: Any) -> str:
    try:
        return parse_address(said).key if isinstance(said, str) else ""
    except BadAddress:
        return ""


def with_query(url: str, more: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode({name: one for name, one in more.items() if one})}"
