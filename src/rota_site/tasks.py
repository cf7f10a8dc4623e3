"""The checks as tasks: what ``run`` in rota.toml names. Each returns its result, which its expectation judges."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rota_site.checks import run_check
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher
from rota_site.response.measure import BASELINE, SAMPLES, How

__all__ = ["inspect_headers", "measure_response", "nothing_found"]


def inspect_headers(site: str = "site.toml") -> dict[str, Any]:
    """Inspect the cache headers of every route that the file ``site`` describes."""
    return _carried_out("headers", site)


def measure_response(
    site: str = "site.toml",
    samples: int = SAMPLES,
    rate: float | None = None,
    baseline: str | None = str(BASELINE),
) -> dict[str, Any]:
    """Measure the time to answer of every route with a budget: ``samples`` of each, ``rate`` requests a second.

    What is good is noted in the file ``baseline``, and later measurements are held against it.
    """
    return _carried_out("response", site, How(samples, rate, Path(baseline) if baseline else None))


def nothing_found(result: dict[str, Any]) -> None:
    """The verification of every check: it found nothing, and could tell. Raises AssertionError with the first findings."""
    if result["verdict"] == "ok":
        return
    told = [
        f"{finding['rule']} on {route['route']}: {finding['what']}; expected {finding['expected']}, found {finding['found']}"
        for route in result["routes"]
        for finding in route["findings"]
    ]
    told += [f"{route['route']}: {route['failed']}" for route in result["routes"] if route.get("failed")]
    told += [
        f"{route['route']}: cannot tell: {route['unsure']}"
        for route in result["routes"]
        if route.get("unsure")
    ]
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    raise AssertionError(f"expected no finding, found {result['findings']}: {'; '.join(told[:5])}{more}")


def _carried_out(check: str, file: str, how: object = None) -> dict[str, Any]:
    async def carry() -> dict[str, Any]:
        site = load_site(file)
        async with Fetcher(site.infrastructure) as fetcher:
            return await run_check(check, site, fetcher, how)

    return asyncio.run(carry())
