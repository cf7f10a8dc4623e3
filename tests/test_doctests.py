"""Every example in a docstring gives the answer that it shows."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rota
import rota_site


def modules() -> list[str]:
    found = [package.__name__ for package in (rota, rota_site)]
    for package in (rota, rota_site):
        found += [
            module.name
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
            if not module.name.endswith("__main__")
        ]
    return found


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    counted = sum(
        bool(test.examples) for name in modules() for test in finder.find(importlib.import_module(name))
    )
    assert counted > 50, f"only {counted} docstrings with examples"
