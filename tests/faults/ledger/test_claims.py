"""Two at once: a rescue, a claim or a fire that was decided a moment ago must not undo what came in between."""

from __future__ import annotations

import random
import threading
from functools import partial

import pytest
from tests.faults.ledger.props import Halt, beside
from tests.faults.ledger.stage import Stage, StagedNode
from tests.ledger.house import LEASE

from rota.clock import SECOND
from rota.engine.rescuer import decide
from rota.ledger.work import Orphan
from rota.model.lifecycle import Move
from rota.model.run import State

RETRY = {"attempts": 3, "backoff": "1s", "jitter": 0.0}


def one_held(stage: Stage) -> tuple[StagedNode, StagedNode, int]:
    """A run that a node holds, beside another node; each with connections of its own."""
    holder, other = stage.node(own=True), stage.node(own=True)
    run = stage.house.enqueue("work")
    assert [one.id for one in holder.claim()] == [run]
    return holder, other, run


def test_17_stale_rescue_race(stage: Stage) -> None:
    """River #1302: a rescue that had chosen its victim overwrote what the worker completed meanwhile."""
    stage.rota({"work": {"retry": RETRY}})
    holder, other, run = one_held(stage)
    stage.clock.move(seconds=LEASE / SECOND + 1)
    other.beat()
    halt = Halt()

    def decide_slowly(orphan: Orphan) -> Move:
        halt.here()
        return decide(orphan)

    rescuing = beside(lambda: other.ledger.rescue([holder.id], decide_slowly))
    assert halt.reached.wait(10)
    finishing = beside(holder.finish)  # the holder lives, and is done just now
    halt.let_go()
    assert rescuing.result(20) == 1
    assert finishing.result(20) == [run]  # it came too late, and was told so
    assert stage.house.state(run) is State.WAITING
    stage.clock.move(seconds=5)
    again = other.claim()
    assert [(one.id, one.attempt) for one in again] == [(run, 2)]
    assert other.finish() == []
    assert "late answer" in (stage.ledger.attempts(run)[0].note or "")
    stage.audit()


def test_17_a_stale_choice_leaves_the_fresh_attempt_alone(stage: Stage) -> None:
    """The victim was chosen; before the update it ended, and another node began the next attempt."""
    stage.rota({"work": {"retry": RETRY}})
    holder, other, run = one_held(stage)
    stage.clock.move(seconds=LEASE / SECOND + 1)
    assert holder.fail() == []  # its lease has run out, but nobody took over: the outcome counts
    other.beat()
    stage.clock.move(seconds=2)
    (fresh,) = other.claim()
    assert stage.ledger.rescue([holder.id], decide) == 0
    found = stage.house.run(run)
    assert (found.state, found.node, found.token, found.attempt) == (State.RUNNING, other.id, fresh.token, 2)
    assert other.finish() == []
    assert stage.house.state(run) is State.SUCCEEDED
    stage.audit()


@pytest.mark.parametrize("rounds", [40, pytest.param(500, marks=pytest.mark.long)])
def test_17_of_rescue_and_finish_one_wins(stage: Stage, rounds: int, seed: int) -> None:
    stage.rota({"work": {"retry": RETRY}})
    chance, wins = random.Random(seed), {"rescue": 0, "finish": 0}
    rescuer = stage.node(own=True)
    for _ in range(rounds):
        holder, run = stage.node(), stage.house.enqueue("work")
        assert [one.id for one in holder.claim()] == [run]
        stage.clock.move(seconds=LEASE / SECOND + 1)
        rescuer.beat()
        start, first, second = threading.Barrier(2), chance.uniform(0, 0.003), chance.uniform(0, 0.003)

        def rescue(holder: StagedNode, start: threading.Barrier, after: float) -> int:
            start.wait()
            threading.Event().wait(after)  # the moment is what is tried
            return rescuer.ledger.rescue([holder.id], decide)

        rescuing = beside(partial(rescue, holder, start, first))
        start.wait()
        threading.Event().wait(second)
        refused, moved = holder.finish(), rescuing.result(20)
        assert (refused, moved) in (([], 0), ([run], 1))
        wins["rescue" if moved else "finish"] += 1
        assert stage.house.state(run) is (State.WAITING if moved else State.SUCCEEDED)
        stage.clock.move(seconds=2)
        assert len(rescuer.claim()) == moved
        rescuer.finish()
    assert not stage.open_runs()
    stage.audit(seed=seed, rounds=rounds, **wins)
