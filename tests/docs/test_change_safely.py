"""The tutorial *Change a schedule safely*, executed from the plan to the rollback, on both ledgers."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, blocks, commands
from tests.docs.walk import Walk, exit_codes

PAGE = DOCS / "tutorial" / "change-safely.md"


@pytest.fixture(params=["sqlite", "postgresql"])
def walk(request: pytest.FixtureRequest, tmp_path: Path) -> Walk:
    url = None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    return Walk(tmp_path, url)


def wait_until_it_serves(walk: Walk) -> None:
    deadline = time.monotonic() + 30
    while "serves 1 task of web" not in walk.log:
        assert time.monotonic() < deadline, walk.log
        time.sleep(0.1)  # the reader looks at the other terminal


@pytest.mark.slow
def test_from_the_plan_to_the_rollback(walk: Walk) -> None:
    codes = exit_codes(PAGE.read_text())
    told: dict[str, str] = {}
    with ExitStack() as stack:
        for block in blocks(PAGE):
            if block.title:
                (walk.folder / block.title).write_text(block.text)
            for command in commands(block) if block.language == "console" else ():
                if command == "rota run":
                    node = stack.enter_context(walk.running(command))
                    wait_until_it_serves(walk)
                else:
                    told[command] = walk.typed(command, codes.pop(command, 0))
        node.send_signal(signal.SIGINT)
        assert node.wait(30) == 130, walk.log
    assert codes == {}, "a command that is to fail was not typed"
    must_be_told(told)
    must_be_recorded(walk)
    page = (walk.folder / "change-2.md").read_text("utf-8")
    assert "every five minutes is often enough" in page
    assert "no article is due to the minute" in page


def must_be_told(told: dict[str, str]) -> None:
    said = {command.split(" -m ")[0]: text for command, text in told.items()}
    assert '[{"cron": "* * * * *"}] -> [{"cron": "*/5 * * * *"}]' in said["rota plan"]
    assert "pass: publish-due did what is expected" in said["rota apply plan.json"]
    assert "no article is due to the minute" in said["rota revision 2"]
    assert "put back: web is revision 4 now, with the content of 2" in said["rota apply"]
    assert "not with the expected result" in said["rota runs --task publish-due --state failed"]


def must_be_recorded(walk: Walk) -> None:
    found = json.loads(walk.typed("rota revisions --json"))["revisions"]
    digests = {one["number"]: one["digest"] for one in found}
    assert sorted(digests) == [1, 2, 3, 4, 5, 6, 7]
    assert digests[2] == digests[4] == digests[6]
    assert digests[1] == digests[5] == digests[7]
    assert len(set(digests.values())) == 3
    reasons = {one["number"]: one["reason"] for one in found}
    assert "publish-due: run" in reasons[4], "what failed is the reason"
    assert found[0]["confirm_by"] is None, "nothing waits to be confirmed"
