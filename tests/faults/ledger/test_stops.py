"""A node that is asked to stop while a hundred runs are under way, and one that is asked twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.faults.ledger.props import Place, told
from tests.faults.report import Row
from tests.faults.scene import Scene, scene, wait_for

from rota.clock import SECOND, Instant
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, Reason, State
from rota.read.audit import audit

TOML = "\n".join(
    ['service = "faults"', *(
        f'[[task]]\nname = "{name}"\nrun = "tests.faults.ledger.duties:{body}"\n{more}\nowner = "faults@example.org"\n'
        'expects = "nothing is lost by a stop"\nrollback = "nothing to put back"\noverlap = "allow"'
        for name, body, more in (
            ("long", "wait_for_word", 'grace = "1s"'),
            ("short", "short", ""),
            ("tick", "quick", 'schedule = { every = "500ms" }\ncatch_up = "all"'),
        )
    )]
)  # fmt: skip


def hand_in(made: Scene, name: str, count: int) -> None:
    task = next(task.id for task in made.ledger.tasks("faults") if task.name == name)
    now = made.ledger.now()
    made.ledger.enqueue(
        [NewRun(task_id=task, kind=Kind.ENQUEUED, scheduled_at=now, run_at=now) for _ in range(count)]
    )


def in_state(made: Scene, task: str, *states: State) -> int:
    return len(made.ledger.runs(RunFilter(task=task, states=states, limit=1000)))


def under_way(made: Scene, longs: int, shorts: int) -> None:
    """A hundred runs on one node."""
    hand_in(made, "long", longs)
    wait_for(lambda: in_state(made, "long", State.RUNNING) == longs, 40, made.log)
    hand_in(made, "short", shorts)
    wait_for(lambda: in_state(made, "short", State.RUNNING, State.SUCCEEDED) == shorts, 40, made.log)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["postgresql", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)
def test_35_graceful_stop(place: Place, tmp_path: Path, row: Row, seed: int) -> None:
    """What can end within the drain ends; the rest is handed back at once and counts as no try: nobody has to wait for a
    lease. A second signal does not wait for the drain. What is left ends on the next node."""
    word = tmp_path / "word"
    with scene(
        tmp_path, place.url, seed, TOML, ROTA_TEST_WORD=str(word), ROTA_LEASE="30", ROTA_SLOTS="110"
    ) as made:
        first = made.start(ROTA_DRAIN="3")
        wait_for(made.ledger.nodes, 40, made.log)
        under_way(made, 60, 40)
        assert made.stop(first) == 0, made.log()
        assert in_state(made, "short", State.SUCCEEDED) == 40
        handed_back = made.ledger.runs(RunFilter(task="long", limit=1000))
        assert {(run.state, run.reason, run.spent) for run in handed_back} == {
            (State.WAITING, Reason.HANDED_BACK, 0)
        }

        second = made.start(ROTA_DRAIN="600")
        wait_for(lambda: in_state(made, "long", State.RUNNING) == 60, 40, made.log)
        second.send_signal(signal.SIGTERM)
        wait_for(lambda: made.log(100_000).count("draining: ") == 2, 20, made.log)
        assert made.stop(second) == 0, made.log()  # had it waited, it would be for ten minutes
        assert "second signal" in made.log(100_000)

        word.touch()
        made.start()
        recovery = wait_for(lambda: in_state(made, "long", State.SUCCEEDED) == 60, 40, made.log)
        made.calm()
        made.settle()
        assert {node.state for node in made.ledger.nodes(live=False)} == {"left"}
        found = audit(made.ledger, made.since, Instant(made.until - SECOND // 2))
        assert found.attempts["lost"] == 0
        assert found.attempts["handed-back"] >= 120  # twice each, and what was held for its instant
        told(place.kind, found, {"seed": seed, "recovery": recovery}, row)
