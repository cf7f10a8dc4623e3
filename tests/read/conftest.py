"""Houses to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.read.house import House, build


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The usual tasks, and no history."""
    built = build(tmp_path)
    yield built
    built.ledger.close()
