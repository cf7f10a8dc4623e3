"""Before and after a deploy: all checks as one snapshot, and how two snapshots differ. The comparison is pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rota.clock import Clock, SystemClock, from_instant
from rota_site.checks import CHECKS, run_check
from rota_site.fetch import Fetcher
from rota_site.model import Site
from rota_site.response.judge import slower
from rota_site.response.measure import How

__all__ = ["Difference", "compared", "snapshot"]

LEFT_OUT = ("backup", "certificate")
"""What a deploy of the site does not change; named, they are taken as well."""
WORSE = {"ok": 0, "inconclusive": 1, "finding": 2, "failing": 3}


@dataclass(frozen=True, slots=True)
class Difference:
    """One route by one check, before and after. ``is_worse``: somebody should look."""

    check: str
    route: str
    before: str
    after: str
    what: str
    is_worse: bool


async def snapshot(
    site: Site, fetcher: Fetcher, names: Sequence[str] = (), clock: Clock | None = None
) -> dict[str, Any]:
    """The results of the named checks, or of all that a deploy may change, with the times themselves for the test of noise."""
    wanted = names or [each.name for each in CHECKS if each.name not in LEFT_OUT]
    results = [
        await run_check(name, site, fetcher, How(baseline=None, keep=True) if name == "response" else None)
        for name in wanted
    ]
    at = from_instant((clock or SystemClock()).now())
    return {"schema": 1, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "url": site.infrastructure.url, "checks": results}


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every route by every check that both snapshots have; what only one of them has is told as such."""
    old, new = _by_route(before), _by_route(after)
    return [_difference(key, old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]


def _by_route(taken: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(check["check"], route["route"]): route for check in taken["checks"] for route in check["routes"]}


def _difference(
    key: tuple[str, str], old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Difference:
    check, route = key
    if old is None or new is None:
        gone = new is None
        verdict = (old or new or {})["verdict"]
        return Difference(
            check, route, "" if old is None else verdict, "" if gone else verdict, "is gone" if gone else "is new",
            gone or WORSE[verdict] > 1,
        )  # fmt: skip
    words = list(_words(old, new))
    times = list(_times(old, new))
    is_worse = WORSE[new["verdict"]] > WORSE[old["verdict"]] or any(new["rules"].keys() - old["rules"].keys())
    slow = [said for said, is_slow in times if is_slow]
    return Difference(
        check,
        route,
        old["verdict"],
        new["verdict"],
        "; ".join([*words, *(said for said, _ in times)]),
        is_worse or bool(slow),
    )


def _words(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for rule in sorted(new["rules"].keys() - old["rules"].keys()):
        first: Mapping[str, Any] = next((each for each in new["findings"] if each["rule"] == rule), {})
        yield f"new {rule}: {first.get('what', '')}"
    for rule in sorted(old["rules"].keys() - new["rules"].keys()):
        yield f"{rule} is gone"


def _times(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Each way of a route's response time, and whether it grew by more than noise."""
    for way, facts in new.get("facts", {}).items():
        was = old.get("facts", {}).get(way)
        if (
            not isinstance(facts, Mapping)
            or not isinstance(was, Mapping)
            or not was.get("times")
            or not facts.get("times")
        ):
            continue
        grown = slower(was["times"], facts["times"])
        said = f"{way} p95 {was.get('p95', 0):.1f} ms, then {facts.get('p95', 0):.1f} ms"
        yield f"{said}: {grown or 'no more than noise'}", grown is not None
