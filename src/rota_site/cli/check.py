"""Checks by hand, told on the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rota.cli.output import Output
from rota_site.checks import CHECKS, run_check
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher
from rota_site.model import Site

__all__ = ["carry_out"]


def carry_out(file: str, names: Sequence[str], output: Output) -> bool:
    """Carry out the checks and tell what they found; returns whether there was anything."""
    site = load_site(file)
    results = asyncio.run(_results(site, names or [each.name for each in CHECKS]))
    if output.json:
        output.document({"checks": results})
    else:
        for result in results:
            _tell(result, output)
    return any(result["verdict"] != "ok" for result in results)


async def _results(site: Site, names: Sequence[str]) -> list[dict[str, Any]]:
    async with Fetcher(site.infrastructure) as fetcher:
        return [await run_check(name, site, fetcher) for name in names]


def _tell(result: dict[str, Any], output: Output) -> None:
    output.line(
        f"{result['check']}: {result['verdict']}; {result['asked']} requests, {result['findings']} findings"
    )
    rows = [
        (
            finding["rule"],
            finding["severity"],
            route["route"],
            finding["what"],
            finding["expected"],
            finding["found"],
        )
        for route in result["routes"]
        for finding in route["findings"]
    ]
    if rows:
        output.table(("rule", "severity", "route", "what", "expected", "found"), rows)
    for route in result["routes"]:
        for word in ("failed", "unsure"):
            if route.get(word):
                output.line(f"{route['route']}: {route[word]}")
