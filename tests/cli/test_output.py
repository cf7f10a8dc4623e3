"""What is printed where: tables on a terminal, tab-separated text when piped, colours only where they are wanted."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.cli.desk import TOML

from rota.cli.output import Cell, Output, printable, wants_color


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("asked", "terminal", "environment", "colours"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),  # empty is as if it were not there (no-color.org)
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_as_asked(
    asked: str, terminal: bool, environment: dict[str, str], colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if terminal else io.StringIO()
    assert wants_color(asked, stream) is colours  # type: ignore[arg-type]  # a parametrized literal


def test_what_would_steer_the_terminal_is_escaped() -> None:
    assert printable("a\x1b]0;title\x07b\rc\x9b1m\u202ed") == "a\\x1b]0;title\\x07b\\rc\\x9b1m\\u202ed"
    assert printable("Grüße, 世界 🎉\t.") == "Grüße, 世界 🎉\t."
    assert printable("\ud800") == "\ufffd"


def drawn(width: int, monkeypatch: pytest.MonkeyPatch, *, color: bool = False) -> list[str]:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [
        (
            "1",
            Cell("failed", "bold red"),
            "12:00",
            "its code ended with an error that is told at some length",
        ),
        ("200", Cell("succeeded", "green"), "13:00", "on time"),
    ]
    Output(color=color).table(("RUN", "STATE", "DUE", "WHAT"), rows, spare=("DUE",))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_table_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(100, monkeypatch)
    assert lines[0].split() == ["RUN", "STATE", "DUE", "WHAT"]
    assert lines[1].endswith("its code ended with an error that is told at some length")
    assert len(lines) == 3


def test_a_narrow_terminal_loses_what_it_can_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(40, monkeypatch)
    assert lines[0].split() == ["RUN", "STATE", "WHAT"]
    assert all(len(line) <= 40 for line in lines)
    assert lines[1].startswith("1    failed     its code ended with an")
    assert [line for line in lines if line.startswith("200")] == ["200  succeeded  on time"]


def test_colours_stand_beside_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[1;31mfailed" in "\n".join(drawn(100, monkeypatch, color=True))
    assert "\x1b" not in "\n".join(drawn(100, monkeypatch, color=False))


def test_piped_fields_hold_no_tabs_and_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("A", "B"), [("one\ttwo\nthree", "four")])
    assert capsys.readouterr().out == "A\tB\none two three\tfour\n"


def test_an_empty_table_is_said_beside_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("A",), [], empty="no runs")
    assert tuple(capsys.readouterr()) == ("", "no runs\n")


def on_a_terminal(folder: Path, *argv: str, environment: Mapping[str, str]) -> str:
    """What a command prints on a real terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "rota", *argv], cwd=folder, stdout=theirs, stderr=theirs, stdin=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment},
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed: all is read
                break
            if not part:
                break
            said += part
        process.wait(30)
    os.close(ours)
    return said.decode()


@pytest.mark.parametrize(
    ("environment", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_on_a_real_terminal(tmp_path: Path, environment: dict[str, str], colours: bool) -> None:
    (tmp_path / "rota.toml").write_text(TOML)
    said = on_a_terminal(tmp_path, "next", environment=environment)
    assert "publish" in said
    assert "\t" not in said
    assert ("\x1b[" in said) is colours
