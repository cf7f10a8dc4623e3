"""A desk to work at: a folder of its own, and an environment without settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.desk import Desk


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings but the tests' own, and nothing imported from a test's folder is left behind."""
    for name in [*os.environ]:
        if name.startswith("ROTA_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ROTA_ACTOR", "ann")
    monkeypatch.chdir(tmp_path)
    path = [*sys.path]
    yield
    sys.path[:] = path
    sys.modules.pop("desk_duties", None)


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder with nothing in it. What needs no ledger goes by the desk's clock as well."""
    desk = Desk(tmp_path, capsys)
    monkeypatch.setattr("rota.clock.SystemClock", lambda: desk.clock)
    return desk


@pytest.fixture
def desk(empty: Desk) -> Desk:
    """A rota and its ledger, to which it has been applied; nothing has fallen due yet."""
    empty.write()
    with empty.house():
        return empty
