"""A purge from beginning to end: look up, derive, warm, send, prove, and say what it came to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rota.clock import Clock, SystemClock
from rota.errors import Retriable, UsageError
from rota.execute.references import looked_up
from rota_site.addresses import addresses, route_of
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply, Where
from rota_site.finding import Finding, RouteResult, as_result
from rota_site.headers.rules import RULES as OF_HEADERS
from rota_site.model import Site
from rota_site.purge.affected import Change, Place, affected
from rota_site.purge.prove import Kept, Proof, controls_of, judged, probe, probe_targets, warm
from rota_site.purge.rules import RULES
from rota_site.purge.send import Sent, send

__all__ = ["Planned", "carry_out", "plan"]

SHOWN = 100
"""Places and names that a result keeps; the rest is counted."""
OBSERVED = 300
"""Addresses whose surrogate keys are looked at."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a purge would do: the places with their reasons, the addresses that prove it, and those that must stay."""

    change: Change
    places: tuple[Place, ...]
    targets: tuple[str, ...]
    controls: tuple[str, ...]
    disagreeing: tuple[str, ...] = ()


async def plan(site: Site, fetcher: Fetcher, change: Change) -> Planned:
    """The places that a change affects. Nothing is purged. Raises `UsageError` where the content cannot be looked up."""
    if change.after is None and not change.is_whole:
        change = replace(change, after=await _looked_up(site, fetcher, change))
    places = affected(site.contents, change)
    known = _known(site, await addresses(site, fetcher))
    paths = [place.path for place in places if place.path is not None]
    keys = {place.key for place in places if place.key is not None}
    carrying = await _carrying(fetcher, known, keys) if keys else []
    targets = list(dict.fromkeys([*paths, *carrying]))
    disagreeing = [path for path in carrying if path not in paths] if paths else []
    controls = controls_of(targets, [path for path in known if path not in targets])
    return Planned(change, tuple(places), tuple(targets), tuple(controls), tuple(disagreeing))


async def carry_out(
    site: Site, fetcher: Fetcher, change: Change, *, confirmed: int | None = None, clock: Clock | None = None
) -> dict[str, Any]:
    """Purge what a change affects, and prove it; the result as a run keeps it. Safe to repeat."""
    clock = clock or SystemClock()
    begun = clock.monotonic()
    planned = await plan(site, fetcher, change)
    if not planned.places:
        return _result(planned, [], [], None, clock.monotonic() - begun)
    targets = await warm(fetcher, planned.targets)
    controls = await warm(fetcher, planned.controls)
    variants: dict[str, list[Mapping[str, str]]] = {}
    for kept in targets:
        variants.setdefault(kept.path, []).append(kept.headers)
    sent = await send(site.infrastructure, planned.places, confirmed=confirmed, variants=variants)
    stayed = await probe(fetcher, controls)
    gone = await probe_targets(fetcher, targets)
    proof = judged(list(zip(targets, gone, strict=True)), list(zip(controls, stayed, strict=True)))
    return _result(
        planned, sent, _routes(site, planned, sent, proof, targets), proof, clock.monotonic() - begun
    )


async def _looked_up(site: Site, fetcher: Fetcher, change: Change) -> Mapping[str, Any]:
    """The content as the site describes it now, at the path that ``lookup`` names."""
    lookup = next(
        (content.lookup for content in site.contents if content.kind == change.kind and content.lookup), None
    )
    if lookup is None:
        kinds = ", ".join(content.kind for content in site.contents if content.lookup) or "none has one"
        raise _unknown(
            change, f"a [[content]] of the kind {change.kind} with a lookup", f"kinds with a lookup: {kinds}"
        )
    where: Where = "cache" if site.infrastructure.origin is None else "origin"
    headers = {"Accept": "application/json"}
    if site.infrastructure.token is not None:
        headers["Authorization"] = f"Bearer {looked_up(site.infrastructure.token, os.environ)}"
    path = lookup.replace("{id}", change.id)
    try:
        reply = await fetcher.fetch(Ask(path, where, headers=headers))
        value = json.loads(reply.text) if reply.status == 200 else None
    except (FetchFailed, ValueError) as error:
        raise _unknown(change, f"JSON from {path}", str(error)) from None
    if not isinstance(value, dict):
        raise _unknown(change, f"status 200 and a JSON object from {path}", f"status {reply.status}")
    return value


def _unknown(change: Change, expected: str, found: str) -> UsageError:
    return UsageError(
        f"{change.kind} {change.id} cannot be looked up",
        expected=expected,
        found=found,
        where="site.toml, [[content]]",
        retry=Retriable(True, "nothing was purged"),
    )


def _known(site: Site, paths: Mapping[str, Sequence[str]]) -> list[str]:
    public = [
        route
        for route in site.routes
        if route.seen_by == "everyone" and route.kind not in ("error", "redirect")
    ]
    return [path for route in public for path in paths[route.name]]


async def _carrying(fetcher: Fetcher, known: Sequence[str], keys: set[str]) -> list[str]:
    """Addresses whose replies at the origin carry one of the keys: what the site itself says, beside the rules."""
    if fetcher.infrastructure.origin is None:
        return []
    replies = await fetcher.fetch_all([Ask(path, "origin", "HEAD") for path in known[:OBSERVED]])
    return [
        reply.ask.path
        for reply in replies
        if isinstance(reply, Reply) and keys & set((reply.get("surrogate-key") or "").split())
    ]


def _routes(
    site: Site, planned: Planned, sent: Sequence[Sent], proof: Proof, targets: Sequence[Kept]
) -> list[RouteResult]:
    """The findings, by the route that they are about."""
    findings: dict[str, list[Finding]] = {route_of(site, path): [] for path in planned.targets}
    reasons = {place.path: place.because for place in planned.places}

    def add(rule: str, path: str, expected: str, found: str) -> None:
        known = RULES.get(rule) or OF_HEADERS[rule]
        one = Finding(
            rule, known.severity, route_of(site, path), path, known.title, expected, found, known.section, known.fix,
            "cache", evidence=(reasons[path],) if path in reasons else (),
        )  # fmt: skip
        findings.setdefault(one.route, []).append(one)

    for name in proof.still:
        path = name.partition(" ")[0]
        some = any(each.path == path and each.name in proof.passed for each in targets)
        add("C21" if some else "U01", path, "a new reply", f"{name} still out of the cache")
    for name in proof.lost:
        add("U02", name.partition(" ")[0], "the reply that the cache had", f"{name} made anew")
    for each in sent:
        if not each.is_done:
            for place in each.places[:SHOWN]:
                add(
                    "U03",
                    place.path or "/",
                    "a purge that is done",
                    f"{place.path or place.key}: {each.said}",
                )
    for path in planned.disagreeing:
        add("U04", path, "the same places by rules and by keys", f"{path} carries a key and no rule names it")
    unsure = None
    if proof.verdict == "cannot tell":
        unsure = f"cannot tell: the cache did not say that it had {', '.join(proof.unknown[:5]) or 'anything that must stay'}"
    counts = {name: sum(route_of(site, path) == name for path in planned.targets) for name in findings}
    return [
        RouteResult(name, counts.get(name, 0), tuple(found), unsure=unsure if not found else None)
        for name, found in findings.items()
    ]


def _result(
    planned: Planned, sent: Sequence[Sent], routes: Sequence[RouteResult], proof: Proof | None, took: float
) -> dict[str, Any]:
    change = planned.change
    facts: dict[str, Any] = {
        "change": {"kind": change.kind, "id": change.id, "changed": sorted(change.changed)[:SHOWN]},
        "places": [
            {"place": place.path or place.key, "because": place.because} for place in planned.places[:SHOWN]
        ],
        "count": len(planned.places),
        "sent": {
            "done": sum(each.is_done for each in sent),
            "failed": sum(not each.is_done for each in sent),
        },
        "retry": "safe: to forget what is forgotten does nothing",
        "took_ms": round(took * 1000),
    }
    if proof is not None:
        facts["proof"] = {
            "verdict": proof.verdict,
            "purged": list(proof.passed[:SHOWN]),
            "still": list(proof.still[:SHOWN]),
            "stayed": list(planned.controls),
            "lost": list(proof.lost[:SHOWN]),
            **proof.facts,
        }
    return as_result("purge", routes, **facts)
