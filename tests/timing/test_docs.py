"""What the pages on schedules show is what happens."""

from __future__ import annotations

import doctest
import re
import tomllib
from pathlib import Path

import pytest

from rota.timing import explain, parse_schedule

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference" / "schedules.md"
PAGES = (REFERENCE, DOCS / "explanation" / "cron-dialect.md", DOCS / "explanation" / "daylight-saving.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_the_spellings_load() -> None:
    lines = re.findall(r"^schedule = .*$", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        assert explain(parse_schedule(tomllib.loads(line)["schedule"], timezone="Europe/Berlin"))


def test_the_exceptions_load() -> None:
    tables = re.findall(r"^\| `(\{ .* \})` \|", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        value = tomllib.loads(f"schedule = {{ every = '1h', except = {table} }}")["schedule"]
        assert parse_schedule(value).excepts


def test_every_key_is_in_the_reference() -> None:
    from rota.timing.parse import COMMON_KEYS, RULE_KEYS

    text = REFERENCE.read_text("utf-8")
    for key in {*COMMON_KEYS, *(key for keys in RULE_KEYS.values() for key in keys)}:
        assert f"| `{key}` |" in text, key
