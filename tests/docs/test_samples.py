"""What the documentation shows is as it says: code compiles, rotas load, commands exist, links lead somewhere."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, ROOT, Block, all_blocks, anchors, blocks, commands, links, pages

from rota.cli.added import added_command, added_verbs
from rota.cli.verbs import command_of
from rota.define.load import load_file


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_compiles_and_its_imports_exist(block: Block) -> None:
    if block.text.startswith(">>>"):
        _run_as_doctest(block)
        return
    tree = ast.parse(block.text, filename=str(block))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rota":
            module = importlib.import_module(str(node.module))
            for name in node.names:
                assert hasattr(module, name.name), f"{block}: {node.module} has no {name.name}"


def _run_as_doctest(block: Block) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.page), block.line)
    assert doctest.DocTestRunner().run(test).failed == 0, f"{block} shows another answer"


@pytest.mark.parametrize("block", [b for b in all_blocks("toml") if "[[task]]" in b.text], ids=str)
def test_a_rota_that_is_shown_is_sound(block: Block, tmp_path: Path) -> None:
    """A fragment may leave out the service, and the three texts that every task needs."""
    text = block.text if re.search(r"^service\b", block.text, re.M) else f'service = "docs"\n{block.text}'
    heads = re.split(r"(?m)^(?=\[\[task\]\])", text)
    for place, head in enumerate(heads):
        if head.startswith("[[task]]"):
            body = head.removeprefix("[[task]]\n")
            missing = [
                f'{key} = "Docs <docs@example.org>"'
                for key in ("owner", "expects", "rollback")
                if not re.search(rf"^{key}\b", body, re.M)
            ]
            heads[place] = "\n".join(["[[task]]", *missing, body])
    (tmp_path / "rota.toml").write_text("".join(heads))
    load_file(tmp_path / "rota.toml", import_code=False)


@pytest.mark.parametrize("block", all_blocks("console"), ids=str)
def test_the_commands_that_are_shown_exist_with_these_options(block: Block) -> None:
    for command in commands(block):
        words = shlex.split(command)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words[0] == "rota" and not words[1].startswith("--"):
            _parse(words[1], words[2:])
        elif words[0] == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
            assert words[1] in targets, f"{block}: make {words[1]} is no target"


def _parse(verb: str, rest: list[str]) -> None:
    """Parse a command line, and carry nothing out; a verb that another package adds may have verbs of its own."""
    added = added_verbs().get(verb)
    if added is None:
        command_of(verb).make_context(verb, rest)
        return
    group = added_command(added)
    context = group.make_context(verb, rest)
    name, command, left = group.resolve_command(context, rest)
    command.make_context(name, left, parent=context)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{page.name}: {link} leads nowhere"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{page.name}: {link}: no such heading"


def test_every_page_is_reached_from_the_first() -> None:
    seen, next_ones = set(), [DOCS / "index.md"]
    while next_ones:
        page = next_ones.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            targets = [link.partition("#")[0] for link in links(page) if not re.match(r"[a-z]+:", link)]
            next_ones += [(page.parent / target).resolve() for target in targets if target]
    assert set(DOCS.rglob("*.md")) <= seen


def test_there_is_something_to_test() -> None:
    assert len(all_blocks("python")) > 5
    assert len(blocks(DOCS / "tutorial" / "first-rota.md", "console")) > 3
