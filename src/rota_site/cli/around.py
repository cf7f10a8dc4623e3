"""``rota site snapshot`` and ``rota site compare``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rota.cli.output import Output
from rota.errors import UsageError
from rota.read.shape import as_json
from rota_site.around import compared, snapshot
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher
from rota_site.model import Site

__all__ = ["compare_now", "take"]


def take(file: str, names: Sequence[str], out: str, output: Output) -> None:
    """Measure, and write what was found."""
    taken = asyncio.run(_taken(load_site(file), names))
    Path(out).write_text(json.dumps(taken, ensure_ascii=False), "utf-8")
    told = ", ".join(f"{check['check']} {check['verdict']}" for check in taken["checks"])
    if output.json:
        output.document(
            {"file": out, "checks": {check["check"]: check["verdict"] for check in taken["checks"]}}
        )
    else:
        output.line(f"wrote {out}: {told}")


def compare_now(file: str, before: str, after: str | None, output: Output) -> bool:
    """Tell how two snapshots differ, or one and what is now; returns whether something is worse."""
    old = _read(before)
    names = [check["check"] for check in old["checks"]]
    new = _read(after) if after else asyncio.run(_taken(load_site(file), names))
    found = compared(old, new)
    if output.json:
        output.document({"before": old["at"], "after": new["at"], "differences": as_json(found)})
    else:
        output.table(
            ("check", "route", "before", "after", "what"),
            [(each.check, each.route, each.before, each.after, each.what) for each in found],
            empty="neither snapshot has a route",
        )
        worse = sum(each.is_worse for each in found)
        output.line(f"{old['at']} to {new['at']}: {f'{worse} worse' if worse else 'nothing is worse'}")
    return any(each.is_worse for each in found)


async def _taken(site: Site, names: Sequence[str]) -> dict[str, Any]:
    async with Fetcher(site.infrastructure) as fetcher:
        return await snapshot(site, fetcher, names)


def _read(path: str) -> dict[str, Any]:
    try:
        value = json.loads(Path(path).read_text("utf-8"))
        if value["schema"] != 1 or not isinstance(value["checks"], list):
            raise ValueError("it has another form")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "the snapshot cannot be read",
            expected="a file that rota site snapshot has written",
            found=str(error) or type(error).__name__,
            where=path,
            next=("rota site snapshot FILE",),
        ) from None
    return dict(value)
