"""``rota site purge``: by hand, with the reason for each place."""

from __future__ import annotations

import asyncio
from typing import Any

from rota.cli.output import Output
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher
from rota_site.model import Site
from rota_site.purge.affected import Change
from rota_site.purge.purge import Planned, carry_out, plan

__all__ = ["purge_now", "show_plan"]


def show_plan(file: str, kind: str, id: str, output: Output) -> None:
    """List the places, with the reason for each. Nothing is purged."""
    site = load_site(file)
    planned = asyncio.run(_planned(site, _by_hand(kind, id)))
    if output.json:
        places = [
            {"path": place.path, "key": place.key, "because": place.because} for place in planned.places
        ]
        output.document({"places": places, "targets": planned.targets, "controls": planned.controls})
        return
    output.table(
        ("place", "because"),
        [(place.path or f"key {place.key}", place.because) for place in planned.places],
        empty=f"nothing shows {kind} {id}",
    )
    output.line(f"must stay: {', '.join(planned.controls) or 'nothing is known that could prove it'}")


def purge_now(file: str, kind: str, id: str, confirmed: int | None, output: Output) -> bool:
    """Purge and prove; returns whether that was anything but a pass."""
    site = load_site(file)
    result = asyncio.run(_carried_out(site, _by_hand(kind, id), confirmed))
    if output.json:
        output.document({"purge": result})
        return bool(result["verdict"] != "ok")
    _tell(result, output)
    return bool(result["verdict"] != "ok")


def _tell(result: dict[str, Any], output: Output) -> None:
    output.table(("place", "because"), [(each["place"], each["because"]) for each in result["places"]])
    proof = result.get("proof")
    if proof is None:
        output.line("nothing to purge")
        return
    output.line(
        f"{proof['verdict']}: {len(proof['purged'])} purged, {len(proof['still'])} still there, "
        f"{len(proof['stayed']) - len(proof['lost'])} stayed, {len(proof['lost'])} lost; {result['took_ms']} ms"
    )
    for route in result["routes"]:
        for finding in route["findings"]:
            output.line(
                f"{finding['rule']} {finding['url']}: {finding['what']}; expected {finding['expected']}, found {finding['found']}"
            )
        if route.get("unsure"):
            output.line(f"{route['route']}: {route['unsure']}")
    output.line(f"retry: {result['retry']}")


def _by_hand(kind: str, id: str) -> Change:
    return Change(kind, id, None, None, is_whole=False)


async def _planned(site: Site, change: Change) -> Planned:
    async with Fetcher(site.infrastructure) as fetcher:
        return await plan(site, fetcher, change)


async def _carried_out(site: Site, change: Change, confirmed: int | None) -> dict[str, Any]:
    async with Fetcher(site.infrastructure) as fetcher:
        return await carry_out(site, fetcher, change, confirmed=confirmed)
