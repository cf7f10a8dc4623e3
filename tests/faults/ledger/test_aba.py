"""Between a look and the write that follows it, everything may happen: a claim, an end, the next occurrence, a person."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.faults.ledger.props import Halt, beside
from tests.faults.ledger.stage import Stage, StagedNode
from tests.faults.scene import wait_for

from rota.clock import Instant
from rota.ledger.work import DueSchedule, FirePlan
from rota.model.lifecycle import Errored
from rota.model.run import State

EVERY = {"schedule": {"every": "10s"}, "overlap": "allow", "catch_up": "all"}
RETRY = {"attempts": 5, "backoff": "1s", "jitter": 0.0}


def after_its_look(node: StagedNode, then: Callable[[], None]) -> None:
    """Have something happen between the look for candidates and the claim of them."""
    claims: Any = node.ledger._claims  # type: ignore[attr-defined]  # of every SQL ledger
    looked = claims._candidates

    def look(*words: Any) -> Any:
        found = looked(*words)
        then()
        return found

    claims._candidates = look


def test_18_claim_aba(stage: Stage) -> None:
    """Quartz #107: B looks, A fires and ends what B saw, the next is due, and B's stale update succeeds."""
    stage.rota({"tick": EVERY})
    ours, slow = stage.node(own=True), stage.node(own=True)
    stage.clock.move(seconds=10)
    assert ours.fire() == 1
    halt = Halt()
    after_its_look(slow, halt.here)
    claiming = beside(slow.claim)
    assert halt.reached.wait(10)

    def all_of_it() -> int:
        """What A does meanwhile, if the ledger lets it."""
        ended = len(ours.claim())
        ours.finish()
        stage.clock.move(seconds=10)
        return ended + len([1 for _ in range(ours.fire()) for _ in ours.claim()])

    meanwhile = beside(all_of_it)
    halt.let_go()
    got = claiming.result(20)
    taken = meanwhile.result(20)
    assert len(got) + taken == 2
    slow.finish()
    ours.finish()
    runs = stage.runs()
    assert [(run.state, run.attempt) for run in runs] == [(State.SUCCEEDED, 1)] * 2
    assert len({run.token for run in runs}) == 2
    stage.audit()


def test_18_a_stale_look_takes_nothing_even_if_the_state_is_the_same_again(stage: Stage) -> None:
    """A, B, A: waiting, running, and waiting again for a retry. What was read of the first must not start the second."""
    stage.rota({"work": {"retry": RETRY}})
    ours, slow = stage.node(), stage.node(own=True)
    run = stage.house.enqueue("work")
    seen: list[Any] = []
    claims: Any = slow.ledger._claims  # type: ignore[attr-defined]  # of every SQL ledger
    looked = claims._candidates
    claims._candidates = lambda *words: seen.append(looked(*words)) or []
    assert slow.claim() == []  # it looked, and was then interrupted
    ours.claim()
    assert ours.finish(event=Errored(after=timedelta(0))) == []  # it waits at the very same instant again
    claims._candidates = lambda *words: seen.pop(0) if seen else []
    assert slow.claim() == []
    assert (stage.house.state(run), stage.house.run(run).attempt) == (State.WAITING, 1)
    claims._candidates = looked
    assert [(one.attempt, one.spent) for one in slow.claim()] == [(2, 1)]
    slow.finish()
    stage.audit()


@pytest.mark.parametrize("later", [0, 60])
def test_18_a_key_that_is_moved_while_it_is_claimed_keeps_its_word(stage: Stage, later: int) -> None:
    """What `enqueue` answered holds: the run was moved before it began, or it had begun and there is a new one."""
    stage.rota({"work": {}})
    slow = stage.node(own=True)
    first = stage.house.enqueue("work", key="article:1", args='{"version": 1}')
    halt = Halt()
    after_its_look(slow, halt.here)
    claiming = beside(slow.claim)
    assert halt.reached.wait(10)
    new = stage.house.new("work", after=later, key="article:1", args='{"version": 2}')
    moving = beside(lambda: stage.house.open().enqueue([new])[0])
    threading.Event().wait(0.2)  # where the ledger lets it in between, it is in between now
    halt.let_go()
    got, answer = claiming.result(20), moving.result(20)
    for claimed in got:  # a node starts what it was handed: that must be what the ledger says
        assert claimed.args == stage.house.run(claimed.id).args
        assert claimed.run_at == stage.house.run(claimed.id).run_at
    begun = {claimed.args for claimed in got}
    slow.finish()
    stage.clock.move(seconds=later + 1)
    begun |= {claimed.args for claimed in slow.claim()}
    slow.finish()
    assert '{"version": 2}' in begun, "what was acknowledged never ran"
    assert answer.created == (answer.id != first)
    assert len(stage.runs()) == len(begun)
    stage.audit()


def test_18_a_deadline_that_was_moved_is_not_missed(stage: Stage) -> None:
    stage.rota({"work": {}})
    slow = stage.node(own=True)
    first = stage.house.enqueue("work", key="article:1", expires_at=Instant(stage.now + 1))
    stage.clock.move(seconds=1)
    halt = Halt()
    after_its_look(slow, halt.here)
    claiming = beside(slow.claim)
    assert halt.reached.wait(10)
    moving = beside(lambda: stage.house.open().enqueue([stage.house.new("work", key="article:1")])[0])
    threading.Event().wait(0.2)  # as above
    halt.let_go()
    claiming.result(20)
    answer = moving.result(20)
    slow.claim()
    slow.finish()
    assert stage.house.state(answer.id) is State.SUCCEEDED
    assert answer.id == first or stage.house.state(first) is State.MISSED
    stage.audit()


def test_18_a_plan_that_comes_late_changes_nothing(stage: Stage) -> None:
    """A fire whose plan was made from a cursor that another has moved since."""
    stage.rota({"tick": EVERY})
    ours, slow = stage.node(), stage.node(own=True)
    kept: list[FirePlan] = []
    real = slow.planner._plans

    def keep(due: Sequence[DueSchedule], now: Instant, until: Instant) -> Iterator[FirePlan]:
        kept.extend(real(due, now, until))
        raise RuntimeError("cut off just now")

    slow.planner._plans = keep  # type: ignore[method-assign]  # the cut
    stage.clock.move(seconds=10)
    with pytest.raises(RuntimeError, match="cut off"):
        slow.fire()
    # Its connection is closed, and PostgreSQL lets go of the row once it has noticed; the one occurrence is fired then.
    wait_for(lambda: ours.fire() == 1, 10, "the cut-off node's lock is still there")
    ours.claim()
    ours.finish()
    stage.clock.move(seconds=10)
    assert len(kept) == 1
    assert slow.ledger.fire(stage.now, 10, lambda due, now: kept).runs == 0
    before = stage.ledger.schedules()[0].next_at
    assert ours.fire() == (1 if before is not None and before <= stage.now else 0)
    ours.claim()
    ours.finish()
    assert [run.state for run in stage.runs()] == [State.SUCCEEDED] * 2
    stage.audit()


@pytest.mark.parametrize("rounds", [25, pytest.param(250, marks=pytest.mark.long)])
def test_18_many_at_once_start_each_occurrence_once(stage: Stage, rounds: int, seed: int) -> None:
    """Four nodes fire, claim and finish side by side, each at a moment of its own."""
    stage.rota({f"tick-{number}": {**EVERY, "schedule": {"every": "1s"}} for number in range(8)})
    nodes = [stage.node(own=True) for _ in range(4)]
    chance = random.Random(seed)
    started: list[tuple[int, int]] = []
    for _ in range(rounds):
        stage.clock.move(seconds=1)
        start = threading.Barrier(4)

        def turn(node: StagedNode, after: float, start: threading.Barrier = start) -> list[tuple[int, int]]:
            start.wait()
            threading.Event().wait(after)  # the moment is what is tried
            node.beat()
            node.fire()
            got = node.claim(3)
            assert node.finish() == []
            return [(one.id, one.attempt) for one in got]

        turns = [beside(lambda n=node, a=chance.uniform(0, 0.004): turn(n, a)) for node in nodes]
        for one in turns:
            started += one.result(30)
    while got := nodes[0].claim():
        started += [(one.id, one.attempt) for one in got]
        nodes[0].finish()
    assert len(started) == len(set(started)) == 8 * rounds
    assert {attempt for _, attempt in started} == {1}
    found = stage.audit(seed=seed, rounds=rounds)
    assert found.by_run >= 8 * (rounds - 1)
