"""The simulation finds what it is for: each planted bug, within a few seeds of which none is broken without it."""

from __future__ import annotations

import pytest

from tests.simulation.planted import PLANTED, LeavesAtOnce
from tests.simulation.scenario import play
from tests.simulation.world import Broken

WITHIN = 60  # seeds


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


def test_there_are_more_than_ten() -> None:
    assert len(PLANTED) > 10


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    planted = PLANTED[bug]
    with planted.patches():
        for seed in range(planted.first, planted.first + WITHIN):
            try:
                play(seed, **planted.options())
            except Broken as broken:
                print(f"{bug}: seed {seed}: {str(broken).splitlines()[0]}")
                break
        else:
            pytest.fail(f"not found within {WITHIN} seeds")
    play(seed)  # it is the bug that was found, not the seed


@pytest.mark.parametrize("seed", range(10))
def test_a_node_that_leaves_in_the_middle_loses_nothing(seed: int) -> None:
    play(seed, node=LeavesAtOnce)
