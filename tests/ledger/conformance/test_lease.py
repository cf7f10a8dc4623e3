"""Promise 3: one holder. Every write of a node is under its token; a lost node can do no harm."""

from __future__ import annotations

import threading

import pytest
from tests.ledger.house import LEASE, House, decide

from rota.clock import SECOND, Instant
from rota.model.lifecycle import Errored, HandedBack
from rota.model.run import State
from rota.model.task import Retries


@pytest.fixture
def held(house: House) -> House:
    """A node ``n1`` that holds one run of ``tidy``; another one, ``n2``, that holds nothing."""
    house.rota(house.task())
    house.enqueue()
    house.held = house.claim_one()
    house.node("n2", lease=3600 * SECOND)
    return house


def test_a_success_is_recorded_with_all_its_measures(held: House) -> None:
    started, ended = Instant(held.now + 5), Instant(held.now + 25)
    one = held.outcome(held.held, started_at=started, finished_at=ended, result='{"n": 1}', note="fine")
    assert held.finish("n1", one) == []
    run = held.run(held.held.id)
    assert (run.state, run.reason, run.result, run.note, run.node) == (
        State.SUCCEEDED,
        None,
        '{"n": 1}',
        "fine",
        None,
    )
    assert (run.started_at, run.finished_at, run.spent, run.attempt) == (started, ended, 1, 1)
    (told,) = held.ledger.attempts(run.id)
    assert (told.attempt, told.token, told.state, told.started_at, told.finished_at) == (
        1, held.held.token, "succeeded", started, ended,
    )  # fmt: skip
    assert held.ledger.durations("web", "tidy") == [20]


def test_a_retry_waits_for_its_delay_and_is_a_numbered_attempt(held: House) -> None:
    again = held.outcome(held.held, Errored(), retries=Retries(attempts=2, jitter=0), error='{"type": "E"}')
    assert held.finish("n1", again) == []
    run = held.run(held.held.id)
    assert (run.state.value, run.reason, run.run_at) == ("waiting", "retry", held.now + 10 * SECOND)
    assert held.claim() == []
    held.clock.move(seconds=10)
    second = held.claim_one()
    assert (second.attempt, second.spent, second.token > held.held.token) == (2, 1, True)
    held.succeed(second)
    assert [(one.attempt, one.state, one.node) for one in held.ledger.attempts(run.id)] == [
        (1, "error", "n1"), (2, "succeeded", "n1"),
    ]  # fmt: skip
    assert held.ledger.attempts(run.id)[0].error == '{"type": "E"}'


def test_what_is_handed_back_does_not_count_as_a_try(held: House) -> None:
    back = held.outcome(held.held, HandedBack(), started_at=None)
    assert held.finish("n1", back) == []
    assert held.told(held.held.id) == ("waiting", "handed-back")
    again = held.claim_one("n2")
    assert (again.attempt, again.spent) == (2, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: ("n2", one),  # another node
        lambda one: ("n1", one._replace(token=one.token + 1)),
        lambda one: ("n1", one._replace(token=one.token - 1)),
        lambda one: ("n1", one._replace(id=one.id + 1)),
    ],
)
def test_only_the_holder_of_the_token_can_record_an_outcome(held: House, wrong) -> None:
    node, finish = wrong(held.outcome(held.held))
    assert held.finish(node, finish) == [finish.id]
    assert held.state(held.held.id) is State.RUNNING
    held.succeed(held.held)
    assert held.state(held.held.id) is State.SUCCEEDED
    assert held.ledger.attempts(held.held.id)[-1].state == "succeeded"


def test_a_batch_records_what_holds_and_refuses_the_rest(held: House) -> None:
    runs = [held.enqueue() for _ in range(3)]
    claimed = held.claim()
    stale = held.outcome(claimed[1])._replace(token=0)
    refused = held.finish("n1", held.outcome(claimed[0]), stale, held.outcome(claimed[2]))
    assert refused == [runs[1]]
    assert [held.state(run).value for run in runs] == ["succeeded", "running", "succeeded"]


def test_an_outcome_told_twice_is_recorded_once_and_is_no_late_answer(held: House) -> None:
    """The commit came through but its answer did not: the node writes the same batch again."""
    for finish in (held.outcome(held.held),):
        assert held.finish("n1", finish) == []
        assert held.finish("n1", finish) == []
    assert [one.state for one in held.ledger.attempts(held.held.id)] == ["succeeded"]
    held.enqueue()
    retry = held.outcome(held.claim_one(), Errored(), retries=Retries(attempts=2))
    assert held.finish("n1", retry) == held.finish("n1", retry) == []
    (told,) = held.ledger.attempts(retry.id)
    assert (told.state, told.note) == ("error", None)


def test_a_lost_node_can_neither_renew_nor_record_and_its_answer_is_a_note(held: House) -> None:
    assert held.lose() == 1
    run = held.run(held.held.id)
    assert (run.state.value, run.reason, run.crashes, run.node) == ("waiting", "retry", 1, None)
    assert not held.beat().alive
    assert held.claim() == []
    held.clock.move(minutes=1)
    taken_over = held.claim_one("n2")
    late = held.outcome(held.held, result='"the answer"')
    assert held.finish("n1", late) == [late.id]
    held.succeed(taken_over, node="n2")
    run = held.run(held.held.id)
    assert (run.state, run.result, run.attempt) == (State.SUCCEEDED, None, 2)
    lost, succeeded = held.ledger.attempts(run.id)
    assert (lost.state, lost.node, succeeded.state) == ("lost", "n1", "succeeded")
    assert "late answer" in (lost.note or "")
    assert "the answer" in (lost.note or "")


def test_a_run_that_has_no_tries_left_fails_as_lost(held: House) -> None:
    held.clock.move(seconds=LEASE / SECOND + 1)
    assert held.ledger.rescue(["n1"], decide(Retries(attempts=1))) == 1
    assert held.told(held.held.id) == ("failed", "lost")
    assert held.ledger.tasks("web")[0].failures == 1


def test_what_was_to_be_stopped_is_not_tried_again_when_its_node_is_lost(held: House) -> None:
    held.ledger.cancel(held.held.id, held.change("cancel"))
    held.lose()
    assert held.told(held.held.id) == ("cancelled", "operator")


def test_a_lease_that_has_not_run_out_is_not_taken(held: House) -> None:
    held.clock.move(seconds=LEASE / SECOND - 1)
    assert held.ledger.rescue(["n1", "n2", "nobody"], decide()) == 0
    assert held.beat().alive
    held.clock.move(seconds=LEASE / SECOND - 1)
    assert held.ledger.rescue(["n1"], decide()) == 0
    held.succeed(held.held)


def test_a_lease_that_ran_out_holds_until_somebody_takes_over(held: House) -> None:
    held.clock.move(hours=1)
    held.succeed(held.held)
    assert held.beat().alive


def test_one_heartbeat_renews_whatever_the_node_holds(held: House) -> None:
    for _ in range(50):
        held.enqueue()
    held.claim()
    for _ in range(5):
        held.clock.move(seconds=10)
        reply = held.beat()
        assert (reply.alive, reply.now) == (True, held.now)
        assert held.ledger.rescue(["n1"], decide()) == 0
    node = next(one for one in held.ledger.nodes() if one.id == "n1")
    assert (node.beats, node.beat_at, node.lease_until) == (5, held.now, held.now + LEASE)


def test_a_rescue_takes_what_one_node_held_and_nothing_else(held: House) -> None:
    held.enqueue()
    other = held.claim_one("n2")
    assert held.lose("n1") == 1
    assert held.state(other.id) is State.RUNNING
    assert held.ledger.rescue(["n1"], decide()) == 0
    assert [node.id for node in held.ledger.nodes()] == ["n2"]
    assert {node.id: node.state for node in held.ledger.nodes(live=False)} == {"n1": "lost", "n2": "live"}


@pytest.mark.parametrize("first", ["rescue", "finish"])
def test_rescue_and_finish_in_either_order_leave_one_outcome(held: House, first: str) -> None:
    held.clock.move(hours=1)
    late = held.outcome(held.held)
    if first == "rescue":
        assert held.ledger.rescue(["n1"], decide()) == 1
        assert held.finish("n1", late) == [late.id]
        assert held.state(late.id) is State.WAITING
    else:
        assert held.finish("n1", late) == []
        assert held.ledger.rescue(["n1"], decide()) == 0
        assert held.state(late.id) is State.SUCCEEDED


def test_rescuers_and_finishers_at_once_leave_one_outcome_each(held: House) -> None:
    """The race of a rescue against late outcomes, twenty times: each run is either recorded or taken over."""
    for round_ in range(20):
        name = held.node(f"racer-{round_}")
        for _ in range(5):
            held.enqueue()
        claimed = held.claim(name)
        held.clock.move(hours=1)
        held.beat("n1"), held.beat("n2")
        rescuer, finisher = held.open(), held.open()
        start, answers = threading.Barrier(2), {}

        def rescue(rescuer=rescuer, start=start, answers=answers, name=name) -> None:
            start.wait(10)
            answers["moved"] = rescuer.rescue([name], decide())

        def finish(finisher=finisher, start=start, answers=answers, name=name, claimed=claimed) -> None:
            start.wait(10)
            answers["refused"] = finisher.finish(name, [held.outcome(one) for one in claimed])

        threads = [threading.Thread(target=rescue), threading.Thread(target=finish)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        rescuer.close(), finisher.close()
        states = [held.state(one.id) for one in claimed]
        assert (answers["moved"], len(answers["refused"])) in ((0, 0), (5, 5))
        assert set(states) == ({State.SUCCEEDED} if answers["moved"] == 0 else {State.WAITING})
        held.clock.move(hours=1)
        held.beat("n1")
        held.succeed(*held.claim())


def test_a_run_claimed_by_one_finished_and_taken_again_refuses_the_first_token(held: House) -> None:
    """ABA: the same run, running again, under the same node; only the token tells them apart."""
    back = held.outcome(held.held, HandedBack())
    held.finish("n1", back)
    again = held.claim_one("n1")
    assert held.finish("n1", held.outcome(held.held)) == [again.id]
    assert (held.state(again.id), held.run(again.id).token) == (State.RUNNING, again.token)


def test_a_node_that_leaves_holding_nothing_is_gone(held: House) -> None:
    held.succeed(held.held)
    held.ledger.leave("n1")
    assert [node.id for node in held.ledger.nodes()] == ["n2"]
    assert not held.beat().alive


def test_a_node_that_leaves_while_it_holds_something_is_taken_over(held: House) -> None:
    held.ledger.leave("n1")
    held.clock.move(seconds=1)
    assert held.ledger.rescue(["n1"], decide()) == 1
    assert held.state(held.held.id) is State.WAITING


def test_failures_in_a_row_are_counted_and_pause_the_task_that_says_so(house: House) -> None:
    house.rota(house.task(pause_on_failure=3), house.task("other"))
    for _ in range(2):
        house.enqueue()
        house.fail(house.claim_one())
    assert house.ledger.tasks("web")[1].failures == 2
    house.enqueue()
    house.succeed(house.claim_one())
    assert house.ledger.tasks("web")[1].failures == 0
    for _ in range(3):
        house.enqueue()
        house.fail(house.claim_one())
    task = next(one for one in house.ledger.tasks("web") if one.name == "tidy")
    assert (task.failures, task.paused_at, task.paused_by) == (3, house.now, "rota")
    assert "3 failed runs" in (task.paused_reason or "")
    assert [line.action for line in house.ledger.changes(subject="web/tidy")] == ["pause"]
    run = house.enqueue()
    assert house.claim() == []
    house.ledger.resume(task.id, house.change("resume"))
    assert [one.id for one in house.claim()] == [run]
    assert house.ledger.tasks("web")[1].failures == 0


def test_progress_is_said_by_the_holder_only(held: House) -> None:
    ledger, run = held.ledger, held.held
    ledger.write_log([], {(run.id, run.token): '{"done": 1}', (run.id, run.token + 1): '{"done": 9}'})
    assert held.run(run.id).progress == '{"done": 1}'
    held.lose()
    ledger.write_log([], {(run.id, run.token): '{"done": 2}'})
    assert held.run(run.id).progress == '{"done": 1}'


# -- a clock that is set


def test_a_clock_set_forward_does_not_end_a_lease_by_itself(held: House) -> None:
    held.clock.set(held.clock.at.replace(day=2))
    assert held.beat().alive
    assert held.ledger.rescue(["n1"], decide()) == 0


def test_a_clock_set_back_does_not_make_a_lease_endless(held: House) -> None:
    at = held.clock.at
    held.clock.set(at.replace(year=at.year - 1))
    assert held.ledger.rescue(["n1"], decide()) == 0  # seen, and cut to a lease from now
    held.clock.move(seconds=LEASE / SECOND + 1)
    assert held.ledger.rescue(["n1"], decide()) == 1
