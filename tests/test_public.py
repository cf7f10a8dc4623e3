"""The public names: what they are, that each says what it promises, and that importing them costs little."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import rota

PARAMETERS = {
    "GiveUp": ["reason"],
    "Retry": ["after", "why"],
    "Run": None,
    "Rota": None,
    "RotaError": None,
    "occurrences": ["expression", "timezone", "after", "count", "seconds"],
}
METHODS = {
    "enqueue", "enqueue_sync", "schedule", "schedule_sync", "unschedule", "unschedule_sync", "task", "install",
    "running",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert sorted(rota.__all__) == sorted([*PARAMETERS, "__version__"])


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_each_says_what_it_promises(name: str) -> None:
    assert len(inspect.getdoc(getattr(rota, name)) or "") > 40


@pytest.mark.parametrize("name", sorted(name for name, given in PARAMETERS.items() if given))
def test_the_parameters_are_these(name: str) -> None:
    assert list(inspect.signature(getattr(rota, name)).parameters) == PARAMETERS[name]


def test_a_rota_can_do_these() -> None:
    public = {name for name in dir(rota.Rota) if not name.startswith("_")}
    assert public >= METHODS
    for name in public:
        assert inspect.getdoc(getattr(rota.Rota, name)), name


def test_a_name_that_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'enqueu'"):
        rota.enqueu  # noqa: B018  # the access is what is tested


@pytest.mark.parametrize(
    ("statement", "unloaded"),
    [
        ("import rota", "pydantic fastapi uvicorn apsw sqlite3 rich typer asyncio zoneinfo"),
        ("from rota import Run, Retry, GiveUp", "fastapi uvicorn apsw rich typer jinja2"),
        ("from rota import occurrences", "fastapi uvicorn apsw rich typer pydantic asyncio"),
        ("from rota import Rota", "uvicorn rich typer jinja2 apsw"),
    ],
)
def test_importing_loads_no_more_than_is_needed(statement: str, unloaded: str) -> None:
    code = f"{statement}\nimport sys\nprint(*(name for name in {unloaded.split()!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
