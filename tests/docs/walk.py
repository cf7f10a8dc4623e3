"""Walking through a page as a reader does: its files written, its commands typed, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROTA = [sys.executable, "-m", "rota"]


def exit_codes(text: str) -> dict[str, int]:
    """Which commands of a page say that they exit with another code than 0, in the comment behind them."""
    found = re.findall(r"(?m)^\$ (.*?)\s+# exits with (\d+)", text)
    return {command: int(code) for command, code in found}


@dataclass(frozen=True)
class Walk:
    """A reader's folder; ``url`` is the ledger, if not the usual one."""

    folder: Path
    url: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROTA_")}
        own = {} if self.url is None else {"ROTA_DATABASE_URL": self.url}
        return kept | own | {"ROTA_PORT": "0", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}

    def typed(self, command: str, code: int = 0) -> str:
        words = shlex.split(command)
        assert words[0] == "rota", command
        done = subprocess.run(
            [*ROTA, *words[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == code, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on until it is stopped, as in a terminal of its own."""
        with (self.folder / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [*ROTA, *shlex.split(command)[1:]],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "run.log").read_text()
