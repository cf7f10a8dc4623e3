"""The times of the last good measurement of each version of the site, from this machine: what later ones are held against.

A file, since times to answer depend on where they are measured from: each machine has its own, and a file that is lost
costs one comparison. Of a phase it keeps the present version and the one before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Baseline", "read", "write"]

SAMPLES = 1_000
"""Times that are kept of a phase: more would make the test no sharper for what a site can notice."""

Times = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Good times by version of the site, oldest version first, and by phase such as ``home warm``."""

    versions: tuple[tuple[str, Mapping[str, Times]], ...] = ()

    def before(self, version: str, phase: str) -> Times | None:
        """The times of the last good version before this one; where there is none, of the first good run of this one.

        >>> baseline = Baseline().with_good("1", {"home warm": [9.0]})
        >>> baseline.before("2", "home warm"), baseline.before("1", "home warm"), baseline.before("1", "feed warm")
        ((9.0,), (9.0,), None)
        """
        others = [phases for name, phases in self.versions if name != version]
        own = [phases for name, phases in self.versions if name == version]
        return next((phases[phase] for phases in (*reversed(others), *own) if phase in phases), None)

    def with_good(self, version: str, phases: Mapping[str, Sequence[float]]) -> Baseline:
        """With the times of a good measurement; of a version the first good one of a phase stays, so that a slow drift shows."""
        kept = {phase: tuple(times[:SAMPLES]) for phase, times in phases.items()}
        versions = dict(self.versions)
        versions[version] = {**kept, **versions.pop(version, {})}
        return Baseline(tuple(versions.items())[-2:])


def read(path: Path) -> Baseline:
    """The baseline of a file; an empty one where there is no file, or none that can be read."""
    try:
        raw = json.loads(path.read_text())
        return Baseline(
            tuple((name, {phase: tuple(times) for phase, times in phases.items()}) for name, phases in raw)
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return Baseline()


def write(path: Path, baseline: Baseline) -> None:
    """Replace the file as a whole: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps([[name, dict(phases)] for name, phases in baseline.versions]))
    beside.replace(path)
