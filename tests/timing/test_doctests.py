"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rota.timing

MODULES = sorted(module.name for module in pkgutil.iter_modules(rota.timing.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"rota.timing.{name}")).failed == 0


def test_there_are_examples() -> None:
    modules = [importlib.import_module(f"rota.timing.{name}") for name in MODULES]
    assert sum(len(test.examples) for module in modules for test in doctest.DocTestFinder().find(module)) > 15
