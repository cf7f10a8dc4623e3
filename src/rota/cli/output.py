"""What commands print: tables on a terminal, tab-separated text when piped, JSON when asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal, NamedTuple

__all__ = ["SCHEMA", "Cell", "Output", "printable", "talk", "wants_color"]

SCHEMA = 1
"""The version of the shapes that ``--json`` prints. Members may be added within a version, never changed."""


class Cell(NamedTuple):
    """A text of a table, and how it is to look where there are colours."""

    text: str
    style: str = ""


def wants_color(asked: Literal["auto", "always", "never"], stream: IO[str] | None = None) -> bool:
    """Whether to write colours: as asked, else as NO_COLOR and FORCE_COLOR say, else on a terminal only."""
    out = stream or sys.stdout
    if asked != "auto":
        return asked == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return out.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """Text without control characters: what a task wrote must not steer the terminal.

    >>> printable("done" + chr(27) + "[2J" + chr(9) + "é")
    'done\\\\x1b[2J\\té'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii") if not 0xD800 <= ord(char) <= 0xDFFF else "\ufffd"


def talk(text: str) -> None:
    """Say something to the person, beside the data: on stderr."""
    print(printable(text), file=sys.stderr, flush=True)


class Output:
    """Where a command's data goes."""

    def __init__(self, *, json: bool = False, color: bool = False) -> None:
        self.json = json
        self.color = color
        self.terminal = sys.stdout.isatty()

    def document(self, members: Mapping[str, Any]) -> None:
        """One JSON document, with the version of its shape first."""
        import json

        print(json.dumps({"schema": SCHEMA, **members}, indent=2, ensure_ascii=False, allow_nan=False))

    def line(self, text: str = "", style: str = "") -> None:
        """A line of data."""
        if style and self.color:
            print(f"\x1b[{_ANSI[style]}m{printable(text)}\x1b[0m")
        else:
            print(printable(text))

    def pairs(self, pairs: Sequence[tuple[str, str | Cell]]) -> None:
        """Names and values, a line each; what is empty is left out."""
        known = [(name, _cell(value)) for name, value in pairs if _cell(value).text]
        width = max((len(name) for name, _ in known), default=0)
        for name, cell in known:
            if not self.terminal and not self.color:
                print(f"{name}\t{_flat(cell.text)}")
                continue
            for index, part in enumerate(cell.text.splitlines()):
                label = f"{name if index == 0 else '':<{width}}  "
                text = printable(part)
                styled = f"\x1b[{_ANSI[cell.style]}m{text}\x1b[0m" if cell.style and self.color else text
                print((f"\x1b[2m{label}\x1b[0m" if self.color else label) + styled)

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[str | Cell]],
        *,
        empty: str = "",
        spare: Sequence[str] = (),
    ) -> None:
        """Rows under their heads; ``empty`` is said on stderr where there are none.

        On a terminal that is too narrow, the columns named in ``spare`` are left out, the first named first, and
        the last column is wrapped. Piped, every column is there.
        """
        if not rows:
            talk(empty)
            return
        cells = [[_cell(value) for value in row] for row in rows]
        if self.terminal or self.color:
            self._draw(heads, cells, spare)
        else:
            for texts in (heads, *([cell.text for cell in row] for row in cells)):
                print("\t".join(_flat(text) for text in texts))

    def _draw(self, heads: Sequence[str], rows: Sequence[Sequence[Cell]], spare: Sequence[str]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        width = None if self.terminal else _WIDTH
        console = Console(force_terminal=self.color, no_color=not self.color, highlight=False, width=width)
        shown = _fitting(heads, rows, console.width, spare)
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for index in shown:
            if index == shown[-1]:
                table.add_column(
                    heads[index], overflow="fold", min_width=min(_LEAST, _width(index, heads, rows))
                )
            else:
                table.add_column(heads[index], no_wrap=True)
        for row in rows:
            table.add_row(*(Text(printable(row[index].text), style=row[index].style) for index in shown))
        console.print(table)


_WIDTH = 120  # of colours that are asked for where there is no terminal
_GAP = 2  # between columns
_LEAST = 20  # of a last column that is wrapped


def _fitting(
    heads: Sequence[str], rows: Sequence[Sequence[Cell]], width: int, spare: Sequence[str]
) -> list[int]:
    """The columns that fit, by index."""
    shown = list(range(len(heads)))
    for name in spare:
        fixed = sum(_width(index, heads, rows) + _GAP for index in shown[:-1])
        if fixed + min(_LEAST, _width(shown[-1], heads, rows)) <= width:
            break
        shown = [index for index in shown if heads[index] != name]
    return shown


def _width(index: int, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> int:
    return max(len(heads[index]), *(len(row[index].text) for row in rows))


_ANSI: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "bold red": "1;31",
}


def _cell(value: str | Cell) -> Cell:
    return value if isinstance(value, Cell) else Cell(value)


def _flat(text: str) -> str:
    """A text that fits into one field of one line."""
    return printable(" ".join(text.split()) if any(char in text for char in "\t\r\n") else text)
