"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rota.execute

NAMES = sorted(module.name for module in pkgutil.iter_modules(rota.execute.__path__, "rota.execute."))


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
