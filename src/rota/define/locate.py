"""Where each key of a TOML file stands: its line, which `tomllib` does not tell.

A path is what leads to a value in what `tomllib` returns: ``("task", 0, "retry", "attempts")``. The text is
taken to be valid TOML (`tomllib` read it first), so that this scanner need only find its way, not judge.
A key's line is where its own name stands; an array's item, where the item begins; a table that is only
implied by a deeper header or a dotted key, where it is first named.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Path", "locate"]

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}'  # up to two quotes may stand before the closing three
    r"|'''.*?''''{0,2}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")  # a number, true, false, or a date, which may hold a space
# The common line, `key = value`, in one step: about five times as quick as by its parts.
_LINE = re.compile(
    r"""([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"(?!"")(?:[^"\\\n]|\\.)*"|'(?!'')[^'\n]*'|[A-Za-z0-9+-][^,\]}#"'\n]*)"""
    r"""[ \t]*(?:#[^\n]*)?\r?(?:\n|$)"""
)


def locate(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every key, table and array item of a TOML text.

    >>> locate('[[task]]\\nname = "a"\\n\\n[task.retry]\\nattempts = 3\\n')[("task", 0, "retry", "attempts")]
    5
    """
    scan = _Scan(text)
    scan.document()
    return scan.lines


@dataclass(slots=True)
class _Scan:
    text: str
    lines: dict[Path, int] = field(default_factory=dict)
    sizes: dict[Path, int] = field(default_factory=dict)  # of arrays of tables: how many there are so far
    at: int = 0
    counted: int = 0  # newlines are counted up to here
    line: int = 1

    def document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: returns the path of the table that it opens."""
        line = self._line()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        self._skip_blank()
        path: Path = ()
        names = self._names()
        for name in names[:-1]:
            path = self._inside((*path, name), line)
        path = (*path, names[-1])
        self.lines.setdefault(path, line)
        if is_array:
            count = self.sizes[path] = self.sizes.get(path, 0) + 1
            path = (*path, count - 1)
            self.lines[path] = line
        self.at = self.text.index("]", self.at) + (2 if is_array else 1)
        return path

    def _inside(self, path: Path, line: int) -> Path:
        """The table that a header's name leads through: of an array of tables, its latest."""
        self.lines.setdefault(path, line)
        return (*path, self.sizes[path] - 1) if path in self.sizes else path

    def _pair(self, table: Path) -> None:
        quick = _LINE.match(self.text, self.at)
        if quick is not None:
            self.lines[(*table, quick[1])] = self._line()
            self.at = quick.end()
            return
        line = self._line()
        path = table
        for name in self._names():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.at = self.text.index("=", self.at) + 1
        self._value(path)

    def _names(self) -> list[str]:
        """A key, bare, quoted or dotted, as its parts."""
        names = []
        while True:
            found = _KEY.match(self.text, self.at)
            assert found is not None, f"no key at {self.at}: the text is not valid TOML"
            names.append(_plain(found[0]))
            self.at = found.end()
            dot = _DOT.match(self.text, self.at)
            if dot is None:
                return names
            self.at = dot.end()

    def _value(self, path: Path) -> None:
        self._skip_blank()
        match self.text[self.at]:
            case '"' | "'":
                self._step_over(_STRING)
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                self._step_over(_SCALAR)

    def _array(self, path: Path) -> None:
        self.at += 1
        count = 0
        while self._skip_blank() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            item = (*path, count)
            self.lines[item] = self._line()
            self._value(item)
            count += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self._pair(path)
        self.at += 1

    def _step_over(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        assert found is not None, f"no value at {self.at}: the text is not valid TOML"
        self.at = found.end()

    def _skip_blank(self) -> bool:
        """Step over blanks, line ends and comments; False at the end of the text."""
        found = _BLANK.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return self.at < len(self.text)

    def _line(self) -> int:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line


def _plain(token: str) -> str:
    """A key without its quotes and escapes."""
    if token[0] == "'":
        return token[1:-1]
    if token[0] != '"':
        return token
    if "\\" not in token:
        return token[1:-1]
    decoded: dict[str, Any] = tomllib.loads(f"key = {token}")
    return str(decoded["key"])
