"""What every peer's file needs: be called, measure, and say what was measured."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["main", "rate_of"]


def rate_of(count: int, work: Callable[[], Any]) -> float:
    """How many a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def main(package: str, kinds: dict[str, Callable[[str, int], float]], settings: str) -> None:
    """Answer ``WHAT URL COUNT`` with one line of JSON: the rate (or, of ``lag``, the lags), versions and settings."""
    what, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if what not in kinds:
        print(json.dumps({"missing": f"{package} has no such thing, or none that is recommended"}))
        return
    found = {
        what: kinds[what](url, count), "version": importlib.metadata.version(package),
        "python": ".".join(map(str, sys.version_info[:3])), "settings": settings,
    }  # fmt: skip
    print(json.dumps(found))
