"""What is measured of each route: from the cache, made by the site, and for a logged-in reader; never mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, zip_longest
from typing import Literal

from rota_site.fetch import Ask
from rota_site.model import Route, Site

__all__ = ["Phase", "Way", "interleaved", "phases_of"]

Way = Literal["warm", "cold", "logged-in"]


@dataclass(frozen=True, slots=True)
class Phase:
    """One route in one way: what is asked, in turn, and the budget of its 95th percentile."""

    route: str
    way: Way
    asks: tuple[Ask, ...]
    budget: timedelta | None


def phases_of(
    site: Site, paths: Mapping[str, Sequence[str]], count: int, reader: Mapping[str, str] | None
) -> list[Phase]:
    """The phases of every route that states a budget: ``count`` requests each, over the route's ``paths`` in turn.

    *warm* asks through the cache, *cold* at the origin, so that measuring puts nothing into the cache and takes nothing
    out of it; a route that is a reader's own is asked with the headers ``reader``, and left out where there are none.
    """
    found = (_of(site, route, paths.get(route.name, route.samples), count, reader) for route in site.routes)
    return [phase for phases in found for phase in phases]


def _of(
    site: Site, route: Route, paths: Sequence[str], count: int, reader: Mapping[str, str] | None
) -> list[Phase]:
    if not paths:
        return []
    if route.seen_by == "reader":
        if route.budget.cold is None or reader is None:
            return []
        asks = _asks([Ask(path, headers=reader) for path in paths], count)
        return [Phase(route.name, "logged-in", asks, route.budget.cold)]
    phases = []
    if route.budget.warm is not None and route.seen_by == "everyone":
        asks = _asks([Ask(path) for path in paths], count)
        phases.append(Phase(route.name, "warm", asks, route.budget.warm))
    if route.budget.cold is not None and site.infrastructure.origin is not None:
        asks = _asks([Ask(path, where="origin") for path in paths], count)
        phases.append(Phase(route.name, "cold", asks, route.budget.cold))
    return phases


def _asks(asks: Sequence[Ask], count: int) -> tuple[Ask, ...]:
    return tuple(asks[number % len(asks)] for number in range(count))


def interleaved(phases: Sequence[Phase]) -> list[tuple[Phase, Ask]]:
    """All requests, one of each phase in turn, so that a noisy minute of the machine falls on all of them alike.

    >>> one = Phase("home", "warm", (Ask("/"), Ask("/")), None)
    >>> two = Phase("feed", "warm", (Ask("/feed"), Ask("/feed")), None)
    >>> [ask.path for _, ask in interleaved([one, two])]
    ['/', '/feed', '/', '/feed']
    """
    columns = zip_longest(*([(phase, ask) for ask in phase.asks] for phase in phases))
    return [pair for pair in chain.from_iterable(columns) if pair is not None]
