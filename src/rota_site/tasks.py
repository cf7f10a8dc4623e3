"""The checks as tasks: what ``run`` in rota.toml names. Each returns its result, which its expectation judges."""

from __future__ import annotations

import asyncio
from typing import Any

from rota_site.checks import run_check
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher

__all__ = ["inspect_headers", "nothing_found"]


def inspect_headers(site: str = "site.toml") -> dict[str, Any]:
    """Inspect the cache headers of every route that the file ``site`` describes."""
    return _carried_out("headers", site)


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


def _carried_out(check: str, file: str) -> dict[str, Any]:
    async def carry() -> dict[str, Any]:
        site = load_site(file)
        async with Fetcher(site.infrastructure) as fetcher:
            return await run_check(check, site, fetcher)

    return asyncio.run(carry())
