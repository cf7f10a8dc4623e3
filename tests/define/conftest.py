"""A folder with a rota.toml and the code it names, which leaves no trace in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rota.define.load import load_file
from rota.define.loaded import LoadedRota
from rota.errors import DefinitionError, DefinitionErrors

DUTY = """
owner = "web@example.org"
expects = "every article is public"
rollback = "rota trigger unpublish-article"
"""


class Folder:
    """Writes files, and loads the rota among them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        return file

    def load(self, text: str, *, import_code: bool = False) -> LoadedRota:
        return load_file(self.write("rota.toml", text), import_code=import_code)

    def problems(self, text: str, *, import_code: bool = False) -> list[DefinitionError]:
        with pytest.raises(DefinitionErrors) as caught:
            self.load(text, import_code=import_code)
        return list(caught.value.problems)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield Folder(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def duty() -> str:
    """The three keys that every task must have, four lines of TOML with the blank one before."""
    return DUTY


@pytest.fixture
def places() -> Callable[
    [list[DefinitionError]], list[tuple[int | None, str | None, str | None, str | None]]
]:
    """Problems as (line, task, key, hint)."""
    return lambda problems: [(one.line, one.task, one.key, one.hint) for one in problems]
