"""The navigation of the documentation's site names every page, and no other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from tests.docs.pages import DOCS, ROOT


def _targets(nav: list[dict[str, object]]) -> Iterator[str]:
    for entry in nav:
        for target in entry.values():
            if isinstance(target, list):
                yield from _targets(target)
            else:
                yield str(target)


def test_the_navigation_names_every_page_once() -> None:
    named = list(_targets(tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]))
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
