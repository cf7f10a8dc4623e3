"""The commands on the page docs/how-to/operate.md are ones that the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rota.cli.main import build
from rota.cli.verbs import command_of
from rota.command import AppWiring

PAGES = [Path(__file__).parents[2] / "docs" / page for page in ("how-to/operate.md", "reference/cli.md")]
COMMANDS = sorted(
    {
        line.partition("#")[0].strip()
        for page in PAGES
        for line in re.findall(r"^\$ rota (.+)$", page.read_text(), re.M)
    }
)


@pytest.mark.parametrize("text", [text for text in COMMANDS if not text.startswith("--")])
def test_a_command_of_the_page_is_taken(text: str) -> None:
    verb, *args = shlex.split(text)
    context = command_of(verb).make_context(verb, args)  # parses it, and carries nothing out
    assert context.params is not None


def test_there_are_commands_to_test() -> None:
    assert len(COMMANDS) > 20
    assert build(AppWiring()) is not None
