"""Runs the benchmarks that are named, or all, and prints a table each."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "timing_occurrences",
    "ledger_floor",
    "durable",
    "nodes",
    "scale",
    "start_lag",
    "burst",
    "registered",
    "start_up",
    "verdicts",
    "rehearsal",
    "site",
    "rollback",
)


WITH_OPTIONS = ("durable", "nodes", "scale", "verdicts")
"""Benchmarks that can be asked for a part of themselves; see their own text."""


def main(words: list[str]) -> int:
    """Names of benchmarks; what begins with a dash is for the one that is named before it."""
    names = [word for word in words if word in ALL]
    options = words[words.index(names[-1]) + 1 :] if names else words
    if len(names) + len(options) != len(words) or (options and not options[0].startswith("--")):
        print(f"no benchmark {words[0]!r}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    for name in names or ALL:
        print(f"\n== {name} ==", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        module.main(options) if name in WITH_OPTIONS else module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
