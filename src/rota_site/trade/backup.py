"""Backup restorable: the newest is of late, as large as the others, and restores into something whole."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rota.clock import Clock, SystemClock, from_instant
from rota_site.fetch import Fetcher
from rota_site.finding import Finding, RouteResult
from rota_site.model import Backup, Site
from rota_site.trade.rules import finding

__all__ = ["check"]

SHARE = 0.8
"""Of the median size of the earlier ones: a smaller copy has lost something."""
WITHIN = 3_600.0


async def check(site: Site, fetcher: Fetcher, clock: Clock | None = None) -> list[RouteResult]:
    """Restore the newest backup into an empty folder, and look at it there. The backup itself is only read."""
    backup = site.infrastructure.backup
    if backup is None:
        return [RouteResult("backup", 0, unsure="site.toml has no [backup]")]
    now = from_instant((clock or SystemClock()).now())
    folder = Path(site.file).resolve().parent
    files = sorted(folder.glob(backup.files), key=lambda file: file.stat().st_mtime)
    if not files:
        found = finding("D01", "backup", backup.files, "a backup", "no file of that name")
        return [RouteResult("backup", 1, (found,))]
    newest = files[-1]
    findings = _by_looks(backup, files, now)
    restored, facts = await _restored(backup, newest)
    findings += [finding("D02", "backup", newest.name, *restored)] if restored else []
    facts = {"file": newest.name, "bytes": newest.stat().st_size, "kept": len(files), **facts}
    return [RouteResult("backup", 1, tuple(findings), url=newest.name, facts=facts)]


def _by_looks(backup: Backup, files: Sequence[Path], now: datetime) -> list[Finding]:
    found = []
    newest = files[-1]
    age = now - datetime.fromtimestamp(newest.stat().st_mtime, UTC)
    if age > backup.newest_within:
        found.append(
            finding("D01", "backup", newest.name, f"one of the last {backup.newest_within}", f"one {age} old")
        )
    earlier = [file.stat().st_size for file in files[-8:-1]]
    if earlier and newest.stat().st_size < SHARE * median(earlier):
        expected = f"at least {SHARE * median(earlier):.0f} bytes, four fifths of the median of the last {len(earlier)}"
        found.append(finding("D01", "backup", newest.name, expected, f"{newest.stat().st_size} bytes"))
    return found


async def _restored(backup: Backup, file: Path) -> tuple[tuple[str, str] | None, dict[str, object]]:
    """What is wrong with what it restores to (expected, found), and what was seen of it."""
    with tempfile.TemporaryDirectory(prefix="rota-restore-") as into:
        if backup.restore:
            return await _by_command(backup, file, into), {}
        copy = Path(into) / "restored.db"
        await asyncio.to_thread(shutil.copyfile, file, copy)
        return await asyncio.to_thread(_sqlite, copy)


async def _by_command(backup: Backup, file: Path, into: str) -> tuple[str, str] | None:
    argv = [part.replace("{file}", str(file)).replace("{into}", into) for part in backup.restore]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return "a command that restores it", f"{argv[0]}: {error.strerror}"
    try:
        said, _ = await asyncio.wait_for(process.communicate(), WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"an end within {WITHIN:g} s", "none"
    if process.returncode:
        return "exit status 0", f"{process.returncode}: {said[-300:].decode('utf-8', 'replace').strip()}"
    return None


def _sqlite(copy: Path) -> tuple[tuple[str, str] | None, dict[str, object]]:
    connection = sqlite3.connect(copy)
    try:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        if said != ["ok"]:
            return ("a database that is whole", "; ".join(said)[:300]), {}
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {}
        for name in names:
            quoted = '"' + name.replace('"', '""') + '"'
            rows[name] = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]  # noqa: S608  # a name out of the copy's own catalogue, quoted
        if not any(rows.values()):
            return ("a table with rows", f"{len(rows)} tables, all empty"), {}
        return None, {"tables": len(rows), "rows": sum(rows.values())}
    except sqlite3.DatabaseError as error:
        return ("a SQLite database", str(error)), {}
    finally:
        connection.close()
