"""Files that are built aside and swapped in as a whole: sitemaps and feeds.

``var/<kind>/<build>/`` holds the files of one build and ``var/<kind>/current`` is a link to the one that is
served. A reader sees all of the old build or all of the new one; the last few are kept to go back to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["current", "publish", "restore"]

KEPT = 5


def publish(folder: Path, name: str, files: Sequence[tuple[str, bytes]]) -> bool:
    """Write a build and swap it in; False, and nothing is written, when it is what is served already.

    ``name`` must sort after the names before it.
    """
    if _is_current(folder, files):
        return False
    while (folder / name).exists():
        name += "x"  # a second build in the same second
    aside = folder / f".{name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for file, data in files:
        (aside / file).write_bytes(data)
    os.replace(aside, folder / name)
    _swap(folder, name)
    for old in _names(folder)[:-KEPT]:
        shutil.rmtree(folder / old, ignore_errors=True)
    return True


def _is_current(folder: Path, files: Sequence[tuple[str, bytes]]) -> bool:
    build = current(folder)
    if build is None or {entry.name for entry in build.iterdir()} != {file for file, _ in files}:
        return False
    return all((build / file).read_bytes() == data for file, data in files)


def _swap(folder: Path, name: str) -> None:
    link = folder / f".current.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(name)
    os.replace(link, folder / "current")


def _names(folder: Path) -> list[str]:
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.is_symlink() and entry.name[0] != "."
    )


def current(folder: Path) -> Path | None:
    """The build that is served, or None when there has been none yet."""
    link = folder / "current"
    return link.resolve() if link.exists() else None


def restore(folder: Path) -> str:
    """Serve the build before the one that is served now; its name. Raises LookupError when there is none."""
    now = current(folder)
    before = [name for name in (_names(folder) if folder.is_dir() else []) if now is None or name < now.name]
    if not before:
        raise LookupError(
            f"expected an earlier build in {folder}, found none; retry: no use, rebuild instead"
        )
    _swap(folder, before[-1])
    return before[-1]
