"""The examples in the docstrings are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rota.cli


@pytest.mark.parametrize(
    "name", ["rota.cli", *(f"rota.cli.{module.name}" for module in pkgutil.iter_modules(rota.cli.__path__))]
)
def test_the_examples_in_the_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
