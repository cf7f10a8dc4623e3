"""The examples in the docstrings are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rota.change.apply
import rota.define


@pytest.mark.parametrize(
    "name", [*(f"rota.define.{module.name}" for module in pkgutil.iter_modules(rota.define.__path__)), "rota.change.apply"]
)  # fmt: skip
def test_the_examples_in_the_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
