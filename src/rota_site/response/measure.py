"""Measures each route that states a budget, judges it, and notes what was good as the baseline of later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rota_site.addresses import addresses
from rota_site.fetch import Ask, Fetcher, FetchFailed
from rota_site.finding import Finding, RouteResult
from rota_site.model import Route, Site
from rota_site.readers.identity import LogInFailed, log_in
from rota_site.response.baseline import Baseline, read, write
from rota_site.response.judge import Measured, findings_of, measured, power_of, unsure_of
from rota_site.response.load import Sample, load
from rota_site.response.phases import Phase, interleaved, phases_of

__all__ = ["BASELINE", "SAMPLES", "How", "measure"]

SAMPLES = 100
BASELINE = Path("var/site-response.json")


@dataclass(frozen=True, slots=True)
class How:
    """How it is measured: samples of each phase, requests a second (none: half of what the limits allow), the file of the
    baseline (none: nothing is compared), the headers of a logged-in reader, and whether the times themselves are kept."""

    samples: int = SAMPLES
    rate: float | None = None
    baseline: Path | None = BASELINE
    reader: Mapping[str, str] | None = None
    keep: bool = False


async def measure(site: Site, fetcher: Fetcher, how: How | None = None) -> list[RouteResult]:
    """What each route's time to answer is found to be; a route without a budget is left out."""
    how = how or How()
    paths = await addresses(site, fetcher)
    reader, why = (how.reader, None) if how.reader else await _logged_in(site, fetcher)
    phases = phases_of(site, paths, how.samples, reader)
    await _warm(fetcher, phases)
    samples = await _sampled(fetcher, phases, how.rate or fetcher.infrastructure.limits.rate / 2)
    found = [measured(phase, samples[phase.route, phase.way]) for phase in phases]
    version = await _version(site, fetcher)
    baseline = read(how.baseline) if how.baseline else Baseline()
    judged = [(one, findings_of(one, baseline.before(version, _key(one.phase)))) for one in found]
    if how.baseline:
        good = {_key(one.phase): one.times for one, findings in judged if not findings and not unsure_of(one)}
        write(how.baseline, baseline.with_good(version, good))
    left_out = [RouteResult(route.name, 0, unsure=why) for route in site.routes if why and _is_readers(route)]
    return [*_by_route(site, judged, version, keep=how.keep), *left_out]


async def _logged_in(site: Site, fetcher: Fetcher) -> tuple[Mapping[str, str] | None, str | None]:
    """The headers of the first test reader, where a route of readers states a budget; or why there are none."""
    if not any(_is_readers(route) for route in site.routes):
        return None, None
    if not site.infrastructure.identities:
        return None, "site.toml names no [identities] to ask as a logged-in reader"
    try:
        reader = await log_in(replace(site.infrastructure.identities[0], marker=None), fetcher)
    except LogInFailed as failed:
        return None, str(failed)
    return reader.cookie or reader.bearer, None


def _is_readers(route: Route) -> bool:
    return route.seen_by == "reader" and route.budget.cold is not None


async def _warm(fetcher: Fetcher, phases: Sequence[Phase]) -> None:
    """Ask each warm address twice, so that a cache that may keep it has it."""
    asks = dict.fromkeys(ask.path for phase in phases if phase.way == "warm" for ask in phase.asks)
    for _ in range(2):
        await fetcher.fetch_all([Ask(path) for path in asks])


async def _sampled(
    fetcher: Fetcher, phases: Sequence[Phase], rate: float
) -> dict[tuple[str, str], list[Sample]]:
    order = interleaved(phases)
    found: dict[tuple[str, str], list[Sample]] = {(phase.route, phase.way): [] for phase in phases}
    for (phase, _), sample in zip(order, await load(fetcher, [ask for _, ask in order], rate), strict=True):
        found[phase.route, phase.way].append(sample)
    return found


async def _version(site: Site, fetcher: Fetcher) -> str:
    """What the site says that it is, where ``site.toml`` says how to ask; the first 200 characters."""
    if site.infrastructure.version is None:
        return ""
    try:
        reply = await fetcher.fetch(Ask(site.infrastructure.version))
    except FetchFailed:
        return ""
    return reply.text[:200] if reply.status == 200 else ""


def _by_route(
    site: Site, judged: Sequence[tuple[Measured, Sequence[Finding]]], version: str, *, keep: bool
) -> list[RouteResult]:
    results = []
    for route in site.routes:
        own = [(one, findings) for one, findings in judged if one.phase.route == route.name]
        if own:
            results.append(_result(route.name, own, version, keep=keep))
    return results


def _result(
    name: str, own: Sequence[tuple[Measured, Sequence[Finding]]], version: str, *, keep: bool
) -> RouteResult:
    facts: dict[str, Any] = {}
    for one, _ in own:
        facts[one.phase.way] = {**one.as_facts(), "samples_for_a_tenth": power_of(one.times)}
        if keep:
            facts[one.phase.way] |= {"times": [round(each, 2) for each in one.times]}
    if version:
        facts["version"] = version
    return RouteResult(
        name,
        sum(len(one.phase.asks) for one, _ in own),
        tuple(finding for _, findings in own for finding in findings),
        unsure="; ".join(why for one, _ in own if (why := unsure_of(one))) or None,
        url=own[0][0].phase.asks[0].path,
        facts=facts,
    )


def _key(phase: Phase) -> str:
    return f"{phase.route} {phase.way}"
