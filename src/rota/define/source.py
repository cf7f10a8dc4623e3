"""A `rota.toml` as read: its values, and the place of each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rota.define import locate
from rota.errors import DefinitionError, DefinitionErrors

__all__ = ["Source", "read"]


@dataclass(frozen=True, slots=True)
class Source:
    """The values of a file, with the line of each key."""

    file: str
    raw: Mapping[str, Any]
    lines: Mapping[locate.Path, int]

    def line(self, path: locate.Path) -> int:
        """Where a key stands; one that is missing would stand in the nearest table that is there."""
        for length in range(len(path), 0, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1

    def place(self, path: locate.Path) -> tuple[str, int, str | None]:
        """File, line and task of a key."""
        return self.file, self.line(path), self._task(path)

    def tasks(self) -> list[dict[str, Any]]:
        """The tables of ``[[task]]``; what is no table is left to the model to refuse."""
        tasks = self.raw.get("task")
        return [task if isinstance(task, dict) else {} for task in tasks] if isinstance(tasks, list) else []

    def defaults(self) -> dict[str, Any]:
        defaults = self.raw.get("defaults")
        return defaults if isinstance(defaults, dict) else {}

    def is_of_defaults(self, path: locate.Path) -> bool:
        """Whether a task's key is filled in by ``[defaults]``, so that what is wrong with it is told there."""
        if len(path) < 3 or path[0] != "task" or not isinstance(path[1], int):
            return False
        return path[2] in self.defaults() and path[2] not in self.tasks()[path[1]]

    def _task(self, path: locate.Path) -> str | None:
        if len(path) < 2 or path[0] != "task" or not isinstance(path[1], int):
            return None
        name = self.tasks()[path[1]].get("name")
        return name if isinstance(name, str) and name else f"number {path[1] + 1}"


def read(path: Path) -> Source:
    """Read a TOML file. Raises `DefinitionErrors`: it is missing, cannot be read, or is not TOML."""
    file = str(path)
    text = _text(path, file)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionErrors([_syntax(file, text, str(error))]) from None
    return Source(file, raw, locate.locate(text))


def _text(path: Path, file: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # editors on Windows begin a file with a mark
    except FileNotFoundError:
        problem = DefinitionError(
            "there is no rota here",
            file=file,
            expected="a file that holds the rota",
            found="no such file",
            next=("rota init",),
        )
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = DefinitionError(
            "the file is not UTF-8",
            file=file,
            line=line,
            expected="a text in UTF-8, as TOML asks for",
            found=f"the byte {error.object[error.start]:#04x}",
        )
    except OSError as error:
        found = "a folder" if path.is_dir() else error.strerror or type(error).__name__
        problem = DefinitionError(
            "the rota cannot be read", file=file, expected="a readable file", found=found
        )
    raise DefinitionErrors([problem])


def _syntax(file: str, text: str, message: str) -> DefinitionError:
    """What `tomllib` says, with its line; it stops at the first fault, so there is only ever one."""
    at = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)", message)
    lines = text.splitlines() or [""]
    line = int(at[1]) if at and at[1] else len(lines)
    said = message[: at.start()] if at else message
    return DefinitionError(
        f"the file is not valid TOML: {said[:1].lower()}{said[1:]}",
        file=file,
        line=line,
        expected=_valid_toml(said),
        found=repr(lines[min(line, len(lines)) - 1].strip()[:80]),
    )


def _valid_toml(said: str) -> str:
    if "Invalid value" in said:
        return 'a value: a text in "quotes", a number, true, false, a list in [] or a table in {}'
    if "Cannot overwrite" in said or "twice" in said or "Cannot declare" in said:
        return "each key and each table once"
    if "Illegal character" in said or "Unterminated" in said or "Expected '\"" in said:
        return "a text that ends on its line, with the quotes it began with"
    return "TOML: key = value, [table] or [[task]] on each line"
