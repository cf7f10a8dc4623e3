"""Where a revision comes from: the commit of the code that it is read from, and the tool that read it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from rota.model.revision import Origin

__all__ = ["origin_of"]

PATIENCE = 10.0
"""Seconds that git is given."""


def origin_of(folder: Path, assumptions: Sequence[str] = ()) -> Origin:
    """What is known of a rota that is read from a folder. Where git is not, or keeps nothing there, its facts are None."""
    from rota import __version__

    commit = _git(folder, "rev-parse", "HEAD")
    status = None if commit is None else _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Origin(tuple(assumptions), commit, None if status is None else bool(status), __version__)


def _git(folder: Path, *words: str) -> str | None:
    """What git answers; None where it cannot."""
    try:
        done = subprocess.run(
            ("git", "-C", str(folder), *words), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
