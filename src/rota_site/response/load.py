"""Open-model load: each request has its instant, whether or not the one before has been answered.

A closed loop waits while the site stalls, and so does not measure the stall ("coordinated omission", Gil Tene). Here the
time to answer counts from the instant at which the request was to be sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rota.clock import Clock, SystemClock
from rota.errors import Refused, Retriable
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply

__all__ = ["Sample", "load"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of a load. ``took`` is in seconds since its intended instant, ``served`` since it was really sent.

    ``reply`` is None where there was none; ``failed`` says why.
    """

    ask: Ask
    took: float
    served: float
    reply: Reply | None
    failed: str = ""


async def load(
    fetcher: Fetcher, asks: Sequence[Ask], rate: float, clock: Clock | None = None
) -> list[Sample]:
    """Send ``asks`` in their order, ``rate`` a second, and measure each. Results are in the same order.

    Raises `Refused` for a rate above the limit of ``site.toml``, before anything is sent.
    """
    most = fetcher.infrastructure.limits.rate
    if rate > most:
        raise Refused(
            "the load is more than the site's limits allow",
            expected=f"at most {most:g} requests a second, as [limits] says",
            found=f"{rate:g}",
            where="site.toml",
            retry=Retriable(True, "nothing was sent"),
        )
    clock = clock or SystemClock()
    begun = clock.monotonic()
    sending = [
        asyncio.create_task(_send(fetcher, ask, begun + number / rate, clock))
        for number, ask in enumerate(asks)
    ]
    try:
        return list(await asyncio.gather(*sending))
    finally:
        for each in sending:
            each.cancel()


async def _send(fetcher: Fetcher, ask: Ask, due: float, clock: Clock) -> Sample:
    wait = due - clock.monotonic()
    if wait > 0:
        await asyncio.sleep(wait)  # its instant has not come
    try:
        reply = await fetcher.fetch(ask, paced=False)
    except FetchFailed as failed:
        return Sample(ask, clock.monotonic() - due, 0.0, None, str(failed))
    return Sample(ask, clock.monotonic() - due, reply.took, reply)
