"""SQL as text: named statements read from .sql files, so that a reader can paste and EXPLAIN them."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

__all__ = ["migrations", "statements"]

_NAME = re.compile(r"^-- name: ([a-z_]+)\s*$", re.MULTILINE)
_MIGRATION = re.compile(r"^(\d{4})_\w+\.(up|down)\.sql$")


@lru_cache(maxsize=8)
def statements(package: str) -> dict[str, str]:
    """All statements of a package's ``sql`` folder, by name. A name that stands twice is an error."""
    found: dict[str, str] = {}
    for file in sorted(resources.files(package).joinpath("sql").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        parts = _NAME.split(file.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"the statement {name} stands twice in {package}")
            found[name] = text.strip().rstrip(";")
    return found


@lru_cache(maxsize=8)
def migrations(package: str) -> dict[int, tuple[str, str]]:
    """The migrations of a package's ``migrations`` folder: version -> (up, down)."""
    found: dict[int, dict[str, str]] = {}
    for file in resources.files(package).joinpath("migrations").iterdir():
        match = _MIGRATION.match(file.name)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = file.read_text("utf-8")
    return {version: (texts["up"], texts["down"]) for version, texts in sorted(found.items())}
