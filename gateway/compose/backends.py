"""Where mail goes, and who exists there."""

from collections.abc import Mapping

from gateway.compose.places import recipients_file
from gateway.evidence.recipients import CallOut, Directory, Everybody, Listed
from gateway.measured import Measured
from gateway.model import Address
from gateway.relay.factory import make_route
from gateway.relay.nexthop import NextHop
from gateway.relay.wire import TimeLimits
from gateway.settings import Settings


def next_hops(settings: Settings, by: str) -> dict[str, NextHop]:
    """One route per local domain, measured as used by a process; domains with the same backends share it."""

    def measured(hop: NextHop, url: str) -> NextHop:
        return Measured(hop, by, url)

    backend = settings.backend
    times = relay_times(settings)
    made: dict[tuple[str, ...], NextHop] = {}
    hops = {}
    for domain in settings.domains.local:
        urls = tuple(str(url) for url in settings.backends(domain))
        if urls not in made:
            made[urls] = make_route(
                urls,
                hostname=settings.smtp.name,
                tls=backend.tls,
                parallel=backend.parallel,
                times=times,
                around=measured,
            )
        hops[domain] = made[urls]
    return hops


def directory(settings: Settings, hops: Mapping[str, NextHop]) -> Directory:
    recipients = settings.recipients
    if recipients.verify == "list":
        return Listed(recipients.list, recipients.file)
    if recipients.verify == "directory":
        return Listed(recipients.list, recipients_file(settings))
    if recipients.verify == "backend":

        async def ask(address: Address) -> bool | None:
            return await hops[address.domain].recipient_exists(address)

        return CallOut(ask, recipients.positive, recipients.negative)
    return Everybody()


def relay_times(settings: Settings) -> TimeLimits:
    backend = settings.backend
    return TimeLimits(connect=backend.connect_timeout.total_seconds(), final=backend.final_timeout.total_seconds())
