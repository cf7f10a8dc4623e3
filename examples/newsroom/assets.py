"""The site's own style sheet, script and icon, under addresses that hold a hash of their content."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

__all__ = ["Asset", "address", "asset"]

_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    name: str  # with its hash: site.3f2a91c0.css
    data: bytes
    media_type: str


@functools.cache
def _assets() -> dict[str, Asset]:
    """Every asset, by its plain name and by its hashed one."""
    found: dict[str, Asset] = {}
    for file in resources.files("newsroom").joinpath("static").iterdir():
        stem, _, ending = file.name.rpartition(".")
        if ending in _KINDS:
            data = file.read_bytes()
            each = Asset(f"{stem}.{hashlib.sha256(data).hexdigest()[:8]}.{ending}", data, _KINDS[ending])
            found[file.name] = found[each.name] = each
    return found


def address(name: str) -> str:
    """The address of an asset, for templates. Raises KeyError for a name that is none."""
    return f"/static/{_assets()[name].name}"


def asset(hashed: str) -> Asset | None:
    """The asset at an address, or None when its content is another by now."""
    found = _assets().get(hashed)
    return found if found and found.name == hashed else None
