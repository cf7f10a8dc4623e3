"""Each rollback command of the newsroom, practised: something is broken, undone, and whole again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.newsroom.desk import ROTA, Desk, findable, on_duty, sqlite

from newsroom import checks
from rota.change.undo import plan_undo, undo
from rota.define.load import load_file
from rota.model.run import Kind, State
from rota.read.find import find_task


def drop_from_index(world: Any) -> None:
    """The index forgets what it knows of every article, and no run would notice: it is said to be in step."""
    with world.store.write() as connection:
        connection.execute("DELETE FROM article_fts")


class Practice(NamedTuple):
    """What breaks a task's result, by a fault or by hand; and the check that sees whether it is whole."""

    check: str
    fault: str | None = None
    by_hand: Callable[[Any], None] | None = None
    first: bool = False  # it must have run before: what is put back is what that made
    again: bool = False  # the command has its next run make it anew


PRACTICE = {
    "rebuild-sitemap": Practice("sitemap_matches", "empty_sitemap", first=True),
    "rebuild-feed": Practice("feed_is_fresh", "feed_broken", first=True),
    "refresh-search-index": Practice("search_in_step", by_hand=drop_from_index, first=True),
    "flush-views": Practice("views_conserved", "views_lost"),
    "make-image-derivatives": Practice("images_complete", "image_missing", again=True),
}


def test_every_command_is_the_one_that_the_note_names_and_is_practised() -> None:
    tasks = load_file(ROTA, import_code=False).tasks
    commands = {
        name: " ".join(task.rollback_command) for name, task in tasks.items() if task.rollback_command
    }
    assert commands.keys() == PRACTICE.keys()
    for name, task in tasks.items():
        named = re.search(r"python -m newsroom [a-z-]+( (sitemaps|feeds))?", task.rollback)
        needs_more = named is not None and re.search(r" (un)?publish|restore-backup", named[0])
        assert commands.get(name) == (None if named is None or needs_more else named[0]), name


@pytest.mark.parametrize("name", PRACTICE)
def test_what_is_broken_is_undone_and_whole_again(world, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    findable(monkeypatch)
    practice = PRACTICE[name]

    async def scenario() -> None:
        async with on_duty(sqlite(world), world.ids) as desk:
            if practice.first:
                assert (await desk.run(name))[name].state is State.SUCCEEDED
            await broken(desk, world, monkeypatch, name)
            monkeypatch.delenv("NEWSROOM_FAULT", raising=False)
            with pytest.raises(checks.NotAsExpected):
                checks.CHECKS[practice.check]()
            await undone(desk, name)
            if practice.again:
                assert (await desk.run(name))[name].state is State.SUCCEEDED
            checks.CHECKS[practice.check]()

    asyncio.run(scenario())


async def broken(desk: Desk, world: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    practice = PRACTICE[name]
    if practice.by_hand is not None:
        practice.by_hand(world)
        return
    monkeypatch.setenv("NEWSROOM_FAULT", str(practice.fault))
    assert (await desk.run(name))[name].state is State.FAILED


async def undone(desk: Desk, name: str) -> None:
    task = find_task(desk.ledger, name)
    plan = plan_undo(desk.ledger, task)
    run = await desk.ended(undo(desk.ledger, task, plan, actor="ada", reason="a rehearsal"))
    assert (run.kind, run.state) == (Kind.UNDO, State.SUCCEEDED), run.error
    assert desk.ledger.log(run.id), "it says what it did"
