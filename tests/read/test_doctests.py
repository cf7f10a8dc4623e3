"""The examples in the docstrings of what is read, shown and guarded hold."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "rota.read.shape",
        "rota.read.words",
        "rota.read.runs",
        "rota.security",
        "rota.web.charts",
        "rota.web.context",
    ],
)
def test_examples_hold(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
