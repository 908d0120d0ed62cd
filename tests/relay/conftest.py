"""Network hops for tests: on asyncio's own loop and on uvloop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop

from gateway.relay.connection import Endpoint
from gateway.relay.pool import PoolLimits, SmtpHop
from gateway.relay.wire import TimeLimits
from tests.relay.scripted import ScriptedHop, self_signed

PATIENT = TimeLimits(connect=60, command=60, write=60, final=60)  # a test that waits for these has failed
MakeHop = Callable[..., SmtpHop]


@pytest.fixture
async def hop_to() -> AsyncIterator[MakeHop]:
    """Makes a SmtpHop towards a ScriptedHop."""
    async with AsyncExitStack() as stack:

        def make(
            server: ScriptedHop, *, times: TimeLimits = PATIENT, limits: PoolLimits | None = None, **more: object
        ) -> SmtpHop:
            endpoint = Endpoint("gate.example", "127.0.0.1", server.port, **more)  # type: ignore[arg-type]
            hop = SmtpHop(endpoint, limits, times)
            stack.push_async_callback(hop.close)
            return hop

        yield make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
