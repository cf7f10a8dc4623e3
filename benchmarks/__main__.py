"""Runs the benchmarks that are named, or all, and prints a table each."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "timing_occurrences",
    "ledger_floor",
    "throughput",
    "start_lag",
    "burst",
    "registered",
    "start_up",
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    for name in names or ALL:
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
