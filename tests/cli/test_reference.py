"""docs/reference/cli.md lists every command and option, with the help that the code has."""

from __future__ import annotations

from tests.cli import reference

from rota.cli.verbs import VERBS, command_of


def test_the_page_is_as_the_code_is() -> None:
    assert reference.on_page() == reference.reference(), "run: python -m tests.cli.reference"


def test_every_command_and_option_is_on_the_page_and_has_help() -> None:
    """The page is generated; this is what the generator may not leave out."""
    page = reference.PAGE.read_text()
    for verb in [verb for group in VERBS.values() for verb in group]:
        section = page.partition(f"### rota {verb}\n")[2].partition("\n### ")[0]
        assert section, verb
        for param in command_of(verb).params:
            assert param.help, f"{verb} {param.name}"
            assert all(name in section for name in param.opts if name.startswith("-")), f"{verb} {param.name}"


def test_no_two_commands_use_a_letter_differently() -> None:
    """-n is a number of lines or runs wherever it stands, -m a reason, and so on."""
    meanings: dict[str, set[str]] = {}
    for verb in [verb for group in VERBS.values() for verb in group]:
        for param in command_of(verb).params:
            short = [name for name in param.opts if len(name) == 2 and name.startswith("-")]
            for name in short:
                meanings.setdefault(name, set()).add(param.name)
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {"-n": {"limit", "tail"}}
