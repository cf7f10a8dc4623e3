"""A task goes to JSON and back unchanged, and equal rotas have equal digests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rota.define.canonical import (
    canonical_text,
    digest,
    queue_as_json,
    queue_from_json,
    rota_as_json,
    task_as_json,
    task_from_json,
)
from rota.define.loaded import LoadedRota
from rota.model.schedule import Cron, Every, Schedule
from rota.model.task import (
    CatchUp,
    Command,
    Expectation,
    Function,
    Isolation,
    Objective,
    Overlap,
    Queue,
    Request,
    Retries,
    Task,
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(texts, json_values, max_size=3)
maps = st.dictionaries(words, texts, max_size=3)
lengths = st.timedeltas(timedelta(microseconds=1), timedelta(days=4000))
counts = st.integers(1, 1_000_000)
schedules = st.builds(
    Schedule,
    st.tuples(st.sampled_from([Cron("*/5 * * * *"), Cron("0 9 * * MON#2"), Every(timedelta(seconds=30))])),
    timezone=st.sampled_from(["UTC", "Europe/Berlin"]),
    jitter=st.sampled_from([timedelta(0), timedelta(seconds=5)]),
)
targets = st.one_of(
    st.builds(Function, words, st.sampled_from(Isolation)),
    st.builds(
        Command,
        st.lists(texts, min_size=1, max_size=3).map(tuple),
        st.booleans(),
        st.none() | words,
        maps,
        st.lists(st.integers(0, 255), min_size=1, max_size=2).map(tuple),
    ),
    st.builds(
        Request, words, words, maps, json_values, st.lists(st.integers(100, 599), max_size=2).map(tuple)
    ),
)
patterns = st.lists(texts, max_size=2)
tasks = st.builds(
    Task,
    service=words,
    name=words,
    target=targets,
    owner=words,
    expects=words,
    rollback=words,
    rollback_command=st.lists(words, max_size=3).map(tuple),
    schedule=st.none() | schedules,
    description=texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    args=objects,
    timeout=st.none() | lengths,
    grace=lengths,
    overlap=st.sampled_from(Overlap),
    catch_up=st.sampled_from(CatchUp),
    catch_up_limit=counts,
    deadline=st.none() | lengths,
    retry=st.builds(
        Retries, counts, lengths, st.floats(1, 100), lengths, st.floats(0, 1)
    ),
    concurrency=st.none() | counts,
    queue=words,
    priority=st.integers(0, 9),
    pause_on_failure=st.none() | counts,
    enabled=st.booleans(),
    expectation=st.builds(
        Expectation,
        max_duration=st.none() | lengths,
        result=st.none() | objects,
        verify=st.none() | targets.filter(lambda one: not isinstance(one, Function) or one.isolation is Isolation.PROCESS),
        output=st.none() | st.fixed_dictionaries({"matches": patterns, "absent": patterns}),
        fresh_within=st.none() | lengths,
        max_lateness=st.none() | lengths,
        objective=st.none() | st.builds(Objective, st.floats(0.1, 99.99), lengths),
        usual_duration=st.booleans(),
    ),
)  # fmt: skip


@given(tasks)
def test_a_task_comes_back_from_its_json_as_it_was(task: Task) -> None:
    text = canonical_text(task_as_json(task))
    again = task_from_json(json.loads(text))
    assert again == task
    assert canonical_text(task_as_json(again)) == text


@given(st.builds(Queue, words, counts, st.none() | st.floats(0.001, 1e6), st.none() | counts))
def test_a_queue_comes_back_from_its_json_as_it_was(queue: Queue) -> None:
    assert queue_from_json(queue.name, json.loads(canonical_text(queue_as_json(queue)))) == queue


TASK = Task(
    service="web",
    name="a",
    target=Function("site.publishing:publish_due"),
    owner="web@example.org",
    expects="it is public",
    rollback="unpublish it",
    schedule=Schedule((Cron("* * * * *"),)),
    source="rota.toml:3",
)


def test_the_definition_reads_as_its_author_would_write_it() -> None:
    made = task_as_json(TASK)
    assert list(made)[:6] == ["service", "name", "run", "isolation", "schedule", "owner"]
    assert (made["timeout"], made["grace"]) == ("1h", "10s")
    assert "source" not in made
    assert "description" not in made
    assert "deadline" not in made


def rota(*tasks: Task, **queues: Queue) -> LoadedRota:
    return LoadedRota("web", {task.name: task for task in tasks}, queues)


def test_where_a_task_stands_and_in_which_order_is_not_part_of_the_digest() -> None:
    one, two = TASK, replace(TASK, name="b")
    assert digest(rota(one, two)) == digest(rota(two, replace(one, source="elsewhere.toml:99")))


def test_every_other_change_is() -> None:
    changes = [
        {"owner": "someone.else@example.org"},
        {"enabled": False},
        {"timeout": None},
        {"timeout": timedelta(seconds=1)},
        {"args": {"a": 1}},
        {"expectation": Expectation(result={})},
        {"target": Function("site.publishing:publish_due", Isolation.THREAD)},
        {"schedule": None},
        {"schedule": Schedule((Cron("* * * * *"),), timezone="Europe/Berlin")},
    ]
    digests = [digest(rota(replace(TASK, **change))) for change in changes]
    digests += [digest(rota(TASK)), digest(rota()), digest(rota(TASK, mail=Queue("mail")))]
    assert len(set(digests)) == len(digests)
    assert all(len(one) == 64 for one in digests)


def test_the_whole_rota_names_its_service_queues_and_tasks() -> None:
    made = rota_as_json(rota(TASK, mail=Queue("mail", rate=10.0)))
    assert list(made) == ["service", "queues", "tasks"]
    assert made["queues"] == {"mail": {"weight": 1, "rate": 10.0}}
