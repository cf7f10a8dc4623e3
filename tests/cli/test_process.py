"""The command as a process of its own, with the wiring that users have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROTA = [sys.executable, "-m", "rota"]

TOML = """\
service = "web"

[[task]]
name = "count"
run = "duties:count"
owner = "Ann <ann@example.org>"
expects = "a number"
rollback = "count it back"
rollback_command = ["sh", "-c", "echo counting back; test -z \\"$ROTA_UNDO_RUN\\""]

[[task]]
name = "hang"
run = "duties:hang"
owner = "Ann <ann@example.org>"
expects = "that it is stopped"
rollback = "nothing to undo"
"""

DUTIES = """\
import asyncio

from rota import Run


async def count(run: Run, upto: int = 2, fail: bool = False):
    for number in range(upto):
        run.log(f"number {number}")
    if fail:
        raise ValueError("no such number")
    return {"upto": upto}


async def hang(run: Run):
    run.log("hanging")
    await asyncio.sleep(3600)
"""


def rota(folder: Path, *argv: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ROTA, *argv], cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a node is running."""
    (tmp_path / "rota.toml").write_text(TOML)
    (tmp_path / "duties.py").write_text(DUTIES)
    quick = {**os.environ, "ROTA_HEARTBEAT": "0.5", "ROTA_POLL": "0.1"}
    with subprocess.Popen(
        [*ROTA, "run", "--no-pages"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=quick
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "serves 2 tasks" in line:
                break
        else:
            raise AssertionError("the node did not start")
        drained = threading.Thread(target=process.stderr.read, daemon=True)
        drained.start()
        yield tmp_path
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        drained.join(10)


def test_a_triggered_run_from_start_to_result(node: Path) -> None:
    done = rota(node, "trigger", "count", "--arg", "upto=3", "--wait")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"upto": 3})
    log = rota(node, "log", "1")
    assert [line.split()[-1] for line in log.stdout.splitlines()] == ["0", "1", "2"]
    assert "succeeded" in rota(node, "runs").stdout


def test_a_failing_run_and_its_exit_code(node: Path) -> None:
    done = rota(node, "trigger", "count", "--arg", "fail=true", "--wait")
    assert done.returncode == 1
    assert "ValueError: no such number" in done.stderr
    assert "see: rota log 1" in done.stderr


def test_an_undo_from_start_to_end_and_its_exit_codes(node: Path) -> None:
    first = rota(node, "undo", "count", "-m", "a try", "--yes")
    assert (first.returncode, first.stdout.split()[-2:]) == (0, ["counting", "back"]), first.stderr
    rota(node, "trigger", "count", "--wait")
    second = rota(node, "undo", "count", "-m", "another", "--yes")
    assert (second.returncode, second.stdout.split()[-2:]) == (1, ["counting", "back"])
    assert "expected exit status 0, found exit status 1" in second.stderr


def test_arguments_are_refused_before_anything_is_recorded(node: Path) -> None:
    done = rota(node, "trigger", "count", "--arg", "upto=many")
    assert done.returncode == 1
    assert "upto" in done.stderr
    assert json.loads(rota(node, "runs", "--json").stdout)["runs"] == []


def test_following_a_run_that_is_cancelled_meanwhile(node: Path) -> None:
    assert rota(node, "trigger", "hang").returncode == 0
    with subprocess.Popen(
        [*ROTA, "log", "1", "--follow"], cwd=node, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline().endswith("hanging\n")
        assert "asked to stop" in rota(node, "cancel", "1", "-m", "enough").stdout
        _, said = following.communicate(timeout=30)
    assert following.returncode == 0
    assert "run 1 of hang cancelled" in said


def test_interrupting_a_wait_is_130(node: Path) -> None:
    with subprocess.Popen(
        [*ROTA, "trigger", "hang", "--wait"],
        cwd=node,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        _until(lambda: '"running"' in rota(node, "runs", "--json").stdout)
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "run 1 goes on" in said
    assert "Traceback" not in said
    rota(node, "cancel", "1")


def _until(true: object, timeout: float = 30.0) -> None:
    """Wait for a condition; each look is a process, so the looks pace themselves."""
    assert callable(true)
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not become true"


def test_a_reader_who_had_enough(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*ROTA, "explain", "* * * * *", "--count", "10000"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, "")


def test_without_utf8_nothing_breaks(tmp_path: Path) -> None:
    (tmp_path / "rota.toml").write_text(
        TOML.replace("count", "zähle").replace("Ann", "Änn"), encoding="utf-8"
    )
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(
        [*ROTA, "check"], cwd=tmp_path, capture_output=True, env=environment, timeout=30, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1


def seconds(folder: Path, *argv: str) -> float:
    """The quickest of five: what the machine does besides is not ours."""
    found = []
    for _ in range(5):
        begun = time.perf_counter()
        done = rota(folder, *argv)
        found.append(time.perf_counter() - begun)
        assert done.returncode == 0, done.stderr
    return min(found)


def test_help_and_next_are_quick(tmp_path: Path) -> None:
    (tmp_path / "rota.toml").write_text(
        TOML.replace('name = "count"', 'name = "count"\nschedule = "*/5 * * * *"')
    )
    assert seconds(tmp_path, "--help") < 0.30  # 0.15 on an idle machine, which a test's seldom is
    assert seconds(tmp_path, "next") < 0.60  # 0.3


@pytest.mark.parametrize("argv", [["--help"], ["next"], ["explain", "0 8 * * *"]])
def test_quick_commands_import_nothing_heavy(tmp_path: Path, argv: list[str]) -> None:
    """What keeps them quick, in a form that no load of the machine can blur."""
    (tmp_path / "rota.toml").write_text(
        TOML.replace('name = "count"', 'name = "count"\nschedule = "*/5 * * * *"')
    )
    code = (
        "import sys\nfrom rota.command import AppWiring\nfrom rota.cli.main import main\n"
        f"assert main(AppWiring(), {argv!r}) == 0\n"
        "heavy = {'pydantic', 'fastapi', 'uvicorn', 'rich', 'apsw', 'asyncio', 'holidays', 'jinja2', 'httpx2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rota pau", "pause"),
        ("rota pause ho", "house-keeping"),
        ("rota --con", "--config"),
        ("rota trigger --wa", "--wait"),
    ],
)
def test_the_shell_completes(tmp_path: Path, words: str, expected: str) -> None:
    (tmp_path / "rota.toml").write_text(TOML.replace('"count"', '"house-keeping"'))
    environment = {
        **os.environ, "_ROTA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))
    }  # fmt: skip
    done = subprocess.run(
        ROTA, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=30, check=False
    )
    assert expected in done.stdout.splitlines(), done.stderr
