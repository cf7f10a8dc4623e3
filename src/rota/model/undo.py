"""What a run of kind undo does, as it was confirmed: it stands in the ledger as that run's arguments."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Undo", "command_line"]


@dataclass(frozen=True, slots=True)
class Undo:
    """A task's rollback command, the run that it is to undo, and the arguments which that run had."""

    argv: tuple[str, ...]
    run: int | None  # None: no run of the task is known
    args: Mapping[str, Any]

    def as_json(self) -> str:
        """The arguments of the run that does it.

        >>> Undo(("restore", "--last"), 42, {"id": 7}).as_json()
        '{"args":{"id":7},"command":["restore","--last"],"run":42}'
        """
        said = {"command": list(self.argv), "run": self.run, "args": dict(self.args)}
        return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Undo:
        """The inverse of `as_json`."""
        said = json.loads(text)
        return cls(tuple(said["command"]), said["run"], said["args"])


def command_line(argv: Sequence[str]) -> str:
    """A command as one would type it.

    >>> command_line(["restore", "the last one"])
    "restore 'the last one'"
    """
    return shlex.join(argv)
