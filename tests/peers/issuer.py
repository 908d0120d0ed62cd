"""OpenID Connect issuers for tests: a real program in a process of its own, and one that lies where a test wants it."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.gate import free_port

UP_WITHIN = 60.0


@contextmanager
def provider(*people: dict[str, Any]) -> Iterator[str]:
    """oidc-provider-mock, which is no mock of ours; its address."""
    port = free_port()
    known = [word for one in people for word in ("--user-claims", json.dumps(one))]
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "oidc_provider_mock",
        "-p",
        str(port),
        "-H",
        "127.0.0.1",
        "-n",
        "true",
    ]
    with subprocess.Popen([*command, *known], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + UP_WITHIN
        try:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(f"{address}/.well-known/openid-configuration", trust_env=False)
                    break
                assert process.poll() is None, "the provider ended"
                assert time.monotonic() < deadline, "the provider did not begin"
                time.sleep(0.05)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def consent(address: str, **form: str) -> str:
    """What somebody does there: the address that their browser is sent back to."""
    said = httpx.post(address, data=form, trust_env=False)
    assert said.status_code in (302, 303), said.text
    return str(said.headers["Location"])


def key(name: str = "one") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass
class Liar:
    """An issuer that says what a test wants. `claims` are laid over a good token's, `header` over its header; `raw` is
    said instead of a token; `answers` replaces what a path says: a status, headers and a body."""

    keys: list[RSAKey] = field(default_factory=lambda: [key()])
    signs_with: Any = None
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    raw: str | None = None
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    posted: list[dict[str, str]] = field(default_factory=list)
    nonce: str = ""
    address: str = ""

    def said(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            ends = {f"{one}_endpoint": f"{self.address}/{one}" for one in ("authorization", "token", "end_session")}
            return {
                "issuer": self.address,
                **ends,
                "jwks_uri": f"{self.address}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.metadata,
            }
        if path == "/jwks":
            return KeySet(list(self.keys)).as_dict(private=False)
        if path == "/token":
            return {"access_token": "x", "token_type": "Bearer", "id_token": self.token()}
        return {"sub": "somebody", "email": "bo@example.com", "email_verified": True}

    def token(self) -> str:
        if self.raw is not None:
            return self.raw
        now = int(time.time())
        usual = {"iss": self.address, "aud": "gate", "sub": "bo-1", "iat": now, "exp": now + 300, "nonce": self.nonce}
        told = usual | {"email": "bo@example.com", "email_verified": True} | self.claims
        header = {"alg": "RS256", "kid": self.keys[0].kid, **self.header}
        return jwt.encode(header, {k: v for k, v in told.items() if v is not None}, self.signs_with or self.keys[0])


@contextmanager
def running(liar: Liar) -> Iterator[Liar]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            liar.asked.append(path)
            status, headers, body = liar.answers.get(path) or (200, {}, json.dumps(liar.said(path)).encode())
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(said).items()}
            liar.posted.append(form | {"authorization": self.headers.get("Authorization", "")})
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing: it is asked much."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    liar.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
