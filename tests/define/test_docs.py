"""The pages about rota.toml say what the loader does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from rota.define.reference import TABLES, key_table
from rota.define.result_schema import KEYWORDS

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "rota-toml.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "define-tasks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("heading", TABLES)
def test_the_reference_page_holds_the_models_own_tables(heading: str) -> None:
    region = re.search(rf"<!-- keys {re.escape(heading)} -->\n\n(.*?)\n\n<!-- end -->", REFERENCE, re.DOTALL)
    assert region is not None, f"the page has no table for {heading!r}"
    assert region[1] == key_table(heading)


def test_every_keyword_of_a_results_schema_is_named() -> None:
    assert [word for word in KEYWORDS if f"`{word}`" not in REFERENCE] == []


def test_the_schedules_of_the_reference_load(folder, duty) -> None:
    examples = re.findall(r"^schedule = .*$", REFERENCE, re.MULTILINE)
    assert len(examples) == 4
    for example in examples:
        rota = folder.load(f'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\n{example}\n{duty}')
        assert rota.tasks["a"].schedule is not None


def test_the_joined_schedule_of_the_reference_loads(folder, duty) -> None:
    table = re.search(r"^\[task\.schedule\]\n.*?(?=```)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert table is not None
    rota = folder.load(f'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\n{duty}\n{table[0]}')
    schedule = rota.tasks["a"].schedule
    assert schedule is not None
    assert (len(schedule.rules), len(schedule.excepts)) == (2, 3)


def test_the_example_of_the_how_to_loads(folder) -> None:
    text = re.search(r'```toml title="rota.toml"\n(.*?)```', HOW_TO, re.DOTALL)
    assert text is not None
    rota = folder.load(text[1])
    assert len(rota.tasks) == len(tomllib.loads(text[1])["task"]) == 3


def test_the_words_of_an_error_are_the_ones_shown(folder) -> None:
    problems = folder.problems(
        'service = "web"\n\n[[task]]\nname = "publish-due-articles"\ncommand = ["true"]\nshedule = "@daily"\n'
        'owner = "TODO"\nexpects = "it is public"\nrollback = "unpublish it"\n'
    )
    said = "\n".join(line for problem in problems for line in problem.lines())
    for line in said.splitlines():
        shown = re.sub(r"one of name, run, command, .*?;", "one of name, run, command, ...;", line)
        assert shown.replace(str(folder.path) + "/", "") in REFERENCE
