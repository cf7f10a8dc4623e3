"""How long the command line takes from start to end, as whole processes: medians of eleven runs after a warm-up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rota_side import median, table

RUNS = 11
COMMANDS = (
    ("python -c pass", ["-c", "pass"]),
    ("rota --help", ["-m", "rota", "--help"]),
    ("rota next", ["-m", "rota", "next"]),
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        subprocess.run([sys.executable, "-m", "rota", "init"], cwd=folder, check=True, capture_output=True)
        times: dict[str, list[float]] = {name: [] for name, _ in COMMANDS}
        for round_ in range(RUNS + 1):
            for name, args in COMMANDS:
                took = _timed([sys.executable, *args], Path(folder))
                if round_:
                    times[name].append(took * 1000)
    table(
        ["whole process, ms", "min", "median", "max"],
        [[name, f"{min(t):.0f}", f"{median(t):.0f}", f"{max(t):.0f}"] for name, t in times.items()],
    )


def _timed(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
