"""A scratch ledger is a SQLite ledger like any other, but that nobody else sees it and nothing is left of it."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest

from rota.app import open_scratch
from rota.errors import Conflict
from rota.ledger.records import NewRevision
from rota.testing import ManualClock


def revision(base: int = 0, name: str = "first") -> NewRevision:
    return NewRevision("web", name, "{}", "ann", "tried", tasks=(), base=base)


def test_each_is_its_own_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, other = open_scratch(ManualClock()), open_scratch(ManualClock())
    one.apply(revision())
    assert (one.current("web"), other.current("web")) == (1, 0)
    assert len(list(tmp_path.iterdir())) == 2
    one.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_leaves_nothing_half_done() -> None:
    ledger = open_scratch(ManualClock())
    ledger.apply(revision())
    with pytest.raises(Conflict):
        ledger.apply(revision(7, "second"))
    assert [one.number for one in ledger.revisions("web")] == [1]
    ledger.close()


def test_threads_take_turns() -> None:
    ledger = open_scratch(ManualClock())
    refused = []

    def write(name: str) -> None:
        for number in range(20):
            try:
                ledger.apply(revision(ledger.current("web"), f"{name}-{number}"))
            except Conflict:
                refused.append(1)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.current("web") == 80 - len(refused)
    ledger.close()
