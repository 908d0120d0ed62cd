"""A call with an Idempotency-Key happens once (draft-ietf-httpapi-idempotency-key-header).

The answer is written in the transaction that does what was asked, so either both are there or neither is, on whatever
node the call comes again. It is sealed with the token, of which nothing but a digest is kept: whoever reads the
database learns nothing from it, not even an invitation.
"""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from flask import Response, g, request
from sqlalchemy import Connection
from werkzeug.exceptions import HTTPException

from gateway import clock, ids
from gateway.store import answers
from gateway.store.keys import digest
from webui.api.answers import made_of
from webui.api.asked import Asked
from webui.api.problems import Problem, of_http
from webui.guard import house

if TYPE_CHECKING:
    from webui.api.calls import Call

GOOD_FOR = timedelta(hours=24)
GONE_AFTER = timedelta(minutes=5)  # whoever began to answer and has not ended by then was killed
KEPT = ("Content-Type", "ETag", "Location", "Content-Disposition")


@dataclass(slots=True)
class Running:
    """A call that changes something while it is answered; `key` None: it may happen twice."""

    call: "Call"
    key: bytes | None
    asked: str
    claim: str
    seal: bytes

    def keep(self, conn: Connection, response: Response) -> None:
        """Raises Problem where another one answers it by now: then nothing of this may be done."""
        if self.key is None:
            return
        told: dict[str, Any] = {"headers": {one: response.headers[one] for one in KEPT if one in response.headers}}
        told["body"] = base64.b64encode(response.get_data()).decode()
        sealed = Fernet(self.seal).encrypt(json.dumps(told).encode()).decode()
        if not answers.keep(conn, self.key, self.claim, response.status_code, sealed):
            raise running()

    def again(self, row: dict[str, Any]) -> Response:
        told = json.loads(Fernet(self.seal).decrypt(row["sealed"].encode()))
        made = Response(base64.b64decode(told["body"]), row["status"], told["headers"])
        made.headers["Idempotent-Replayed"] = "true"
        return made


def running() -> Problem:
    return Problem("still-running", headers={"Retry-After": "1"})


def of(call: "Call", asked: Asked) -> Running:
    """The token is the secret of its answers; the key of the answer is that of the token and the call's."""
    secret = g.secret.encode()
    if asked.key is None:
        return Running(call, None, "", "", b"")
    what = [request.method, request.path, request.query_string.decode("latin-1"), asked.if_match or ""]
    whole = json.dumps(what).encode() + b"\n" + asked.octets
    return Running(
        call,
        digest("answer", str(g.token_row["id"]), asked.key),
        hmac.digest(secret, b"asked" + whole, "sha256").hex(),
        ids.new_id(clock.now()),
        base64.urlsafe_b64encode(hmac.digest(secret, b"answer" + asked.key.encode(), "sha256")),
    )


def answered(call: "Call", asked: Asked, view: Callable[[], Any]) -> Response:
    """What `view` answers, which ends in `carry_out`; or what was answered the first time. Raises Problem."""
    mine = g.running = of(call, asked)
    if mine.key is None:
        return made_of(call, view())
    if (before := claimed(mine)) is not None:
        return before
    try:
        return made_of(call, view())
    except (Problem, HTTPException) as error:
        problem = error if isinstance(error, Problem) else of_http(error)
        response = problem.response()
        with house().writing() as conn:
            if problem.kind != "still-running":
                mine.keep(conn, response)
        return response
    except BaseException:
        with house().writing() as conn:
            answers.let_go(conn, mine.key, mine.claim)
        raise


def claimed(mine: Running) -> Response | None:
    """None where it is ours to answer; else what was answered before. Raises Problem."""
    assert mine.key is not None
    now = clock.now()
    with house().writing() as conn:
        if answers.claim(conn, mine.key, mine.asked, mine.claim, now):
            return None
        row = answers.load(conn, mine.key)
        if row is None:
            raise running()  # it was let go in between
        age = now - row["created"]
        if age > GOOD_FOR or (row["status"] is None and age > GONE_AFTER):
            if answers.take_over(conn, mine.key, row["claim"], mine.asked, mine.claim, now):
                return None
            raise running()
    if not hmac.compare_digest(row["asked"], mine.asked):
        raise Problem("key-used")
    if row["status"] is None:
        raise running()
    return mine.again(row)


def carry_out(work: Callable[[Connection], Any]) -> Response:
    """Do what was asked and note the answer, in one transaction."""
    mine: Running = g.running
    with house().writing() as conn:
        response = made_of(mine.call, work(conn))
        mine.keep(conn, response)
    return response
