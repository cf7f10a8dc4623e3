"""Every key of a TOML file has its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.define import locate

Path = locate.Path


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every key path that `tomllib` yields, tables and array items included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def test_an_array_of_tables_with_all_its_kinds_of_keys() -> None:
    text = '''\
# a comment with [[task]] in it
service = "web"  # and = here

[[task]]
name = "first"
note = """
[[task]]
name = "not a key"
""""
args.deep.er = 1
args.deep.est = 2

  [task.retry]
  attempts = 3 # [x]
  waits = [
    1,  # one ]
    2,
    { a = "}", b = [ "]" ] },
  ]

[ "quoted.key" . 'x' ]
"é\\u0041" = 1979-05-27 07:32:00

[[task]]
name = 'second'
command = { argv = ["a", "b"], env = { A = "env:A" } }
'''
    assert locate.locate(text) == {
        ("service",): 2,
        ("task",): 4,
        ("task", 0): 4,
        ("task", 0, "name"): 5,
        ("task", 0, "note"): 6,
        ("task", 0, "args"): 10,
        ("task", 0, "args", "deep"): 10,
        ("task", 0, "args", "deep", "er"): 10,
        ("task", 0, "args", "deep", "est"): 11,
        ("task", 0, "retry"): 13,
        ("task", 0, "retry", "attempts"): 14,
        ("task", 0, "retry", "waits"): 15,
        ("task", 0, "retry", "waits", 0): 16,
        ("task", 0, "retry", "waits", 1): 17,
        ("task", 0, "retry", "waits", 2): 18,
        ("task", 0, "retry", "waits", 2, "a"): 18,
        ("task", 0, "retry", "waits", 2, "b"): 18,
        ("task", 0, "retry", "waits", 2, "b", 0): 18,
        ("quoted.key",): 21,
        ("quoted.key", "x"): 21,
        ("quoted.key", "x", "éA"): 22,
        ("task", 1): 24,
        ("task", 1, "name"): 25,
        ("task", 1, "command"): 26,
        ("task", 1, "command", "argv"): 26,
        ("task", 1, "command", "argv", 0): 26,
        ("task", 1, "command", "argv", 1): 26,
        ("task", 1, "command", "env"): 26,
        ("task", 1, "command", "env", "A"): 26,
    }
    assert set(paths(tomllib.loads(text))) == set(locate.locate(text))


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_line_ends_and_the_last_line(end: str) -> None:
    text = end.join(['a = "x"', "b = 2"]) if end else "\nb = 2"
    assert locate.locate(text)[("b",)] == 2


def test_nested_arrays_of_tables() -> None:
    text = "[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\nx = 2\n[[a]]\n[[a.b]]\nx = 3\n"
    lines = locate.locate(text)
    assert [lines["a", 0, "b", 0, "x"], lines["a", 0, "b", 1, "x"], lines["a", 1, "b", 0, "x"]] == [3, 5, 8]
    assert set(lines) == set(paths(tomllib.loads(text)))


# ---- any file: a writer that knows where it put each key ----------------------------------------

bare = st.from_regex(r"[a-z0-9_-]{1,6}", fullmatch=True)
odd = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
keys = st.one_of(bare, bare, odd)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
scalars = st.sampled_from(
    [
        *('1', '-1.5e3', 'true', 'inf', '0xFF', '1979-05-27', '1979-05-27 07:32:00Z', '07:32:00', '""', "''"),
        *('"a # b"', "'c = [d'", '"\\"]"', '"""one"""', "'''x = 'y' ]'''", '""""quoted" """', '"""a\n[[b]]\nc = 1"""'),
        *("'''\n[t]\nk = '''", '"""\\\n   """', '"""end""""', '"""end"""""', "'''end''''"),
    ]
) | texts.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')  # fmt: skip


def key_text(key: str, quote: str) -> str:
    if quote == "bare" and key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key):
        return key
    if quote == "literal" and "'" not in key:
        return f"'{key}'"
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Writer:
    """Writes TOML as hypothesis draws it, and notes the line of each key."""

    def __init__(self, draw: Any) -> None:
        self.draw, self.text, self.lines = draw, "", {}

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def write(self, text: str) -> None:
        self.text += text

    def blank(self) -> None:
        self.write(self.draw(st.sampled_from(["", " ", "\t", "  "])))

    def gap(self) -> None:
        """Where a line may end: in arrays and between statements."""
        self.write(self.draw(st.sampled_from(["", " ", "\n", " # note = [1]\n", "\n\n", "#'\"\n"])))

    def end(self) -> None:
        self.write(self.draw(st.sampled_from(["\n", "\r\n", " # it's [x] = \"\n", "\n\n# [[task]]\n"])))

    def key(self, names: list[str], table: Path) -> Path:
        path = table
        for number, name in enumerate(names):
            path = (*path, name)
            self.lines.setdefault(path, self.line)
            if number:
                self.blank(), self.write("."), self.blank()
            self.write(key_text(name, self.draw(st.sampled_from(["bare", "literal", "basic"]))))
        return path

    def value(self, path: Path, depth: int) -> None:
        kind = self.draw(st.sampled_from(["scalar", "scalar", "array", "table"])) if depth else "scalar"
        if kind == "scalar":
            self.write(self.draw(scalars))
        elif kind == "array":
            self.write("[")
            for number in range(self.draw(st.integers(0, 3))):
                self.gap()
                self.lines[(*path, number)] = self.line
                self.value((*path, number), depth - 1)
                self.gap(), self.write(",")
            self.gap(), self.write("]")
        else:
            self.write("{")
            for number, names in enumerate(self.unique_keys(3)):
                self.write("," if number else ""), self.blank()
                self.pair(names, path, depth - 1)
                self.blank()
            self.write("}")

    def pair(self, names: list[str], table: Path, depth: int) -> None:
        path = self.key(names, table)
        self.blank(), self.write("="), self.blank()
        self.value(path, depth)

    def unique_keys(self, most: int) -> list[list[str]]:
        """Keys of one table, plain or dotted, none of which is in another's way."""
        first = self.draw(st.lists(keys, max_size=most, unique=True))
        return [[name, *self.draw(st.lists(keys, max_size=2))] for name in first]

    def table(self, table: Path) -> None:
        for names in self.unique_keys(4):
            self.blank()
            self.pair(names, table, 2)
            self.end()

    def document(self) -> None:
        self.gap()
        for number, top in enumerate(self.draw(st.lists(keys, max_size=4, unique=True))):
            top = f"t{number}{top}"
            kind = self.draw(st.sampled_from(["table", "array", "deep"]))
            if kind == "array":
                self.array(top)
            else:
                names = [top, *self.draw(st.lists(keys, min_size=1, max_size=2))] if kind == "deep" else [top]
                self.write("["), self.blank()
                path = self.key(names, ())
                self.blank(), self.write("]"), self.end()
                self.table(path)

    def array(self, top: str) -> None:
        for number in range(self.draw(st.integers(1, 3))):
            self.write("[["), self.blank()
            path = (*self.key([top], ()), number)
            self.lines[path] = self.line
            self.write("]]"), self.end()
            self.table(path)
            if self.draw(st.booleans()):
                line = self.line
                self.write("["), self.key([top, "sub table"], ()), self.write("]"), self.end()
                self.lines.pop((top, "sub table"), None)
                self.lines[(*path, "sub table")] = line
                self.table((*path, "sub table"))


@st.composite
def documents(draw: Any) -> tuple[str, dict[Path, int]]:
    writer = Writer(draw)
    writer.table(())
    writer.document()
    return writer.text, writer.lines


@given(documents())
def test_every_key_that_tomllib_yields_has_the_line_on_which_it_was_written(
    document: tuple[str, dict[Path, int]],
) -> None:
    text, written = document
    yielded = set(paths(tomllib.loads(text)))  # the writer writes TOML only, or this test fails here
    found = locate.locate(text)
    assert set(found) == yielded
    assert {path: found[path] for path in yielded} == {path: written[path] for path in yielded}
