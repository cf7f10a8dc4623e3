"""The tests of noise against figures of SciPy 1.16, and against chance itself."""

from __future__ import annotations

import random

import pytest

from rota.noise import fisher_exact, mann_whitney, samples_needed

BEFORE = [1, 2, 2, 3, 3, 4, 5, 5, 6]
AFTER = [3, 3, 4, 5, 6, 7, 7, 8, 9]


def test_mann_whitney_is_as_scipy_has_it() -> None:
    assert mann_whitney(BEFORE, AFTER) == pytest.approx(0.016209179857347635, abs=1e-12)
    assert mann_whitney(AFTER, BEFORE) > 0.98


def test_fisher_is_as_scipy_has_it() -> None:
    assert fisher_exact(3, 20, 9, 17) == pytest.approx(0.03226498387788711, abs=1e-12)
    assert fisher_exact(9, 17, 3, 20) == pytest.approx(0.03226498387788711, abs=1e-12)


def test_times_that_are_all_the_same_differ_by_nothing() -> None:
    assert mann_whitney([7.0] * 20, [7.0] * 20) == 1.0
    assert fisher_exact(0, 0, 0, 0) == 1.0


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="both sides"):
        mann_whitney([], [1.0])
    with pytest.raises(ValueError, match="no more failures"):
        fisher_exact(3, 2, 0, 1)
    with pytest.raises(ValueError, match="growth above 1"):
        samples_needed(1.0, 0.2)


def times(chance: random.Random, count: int, growth: float = 1.0) -> list[float]:
    return [growth * chance.lognormvariate(0, 0.25) for _ in range(count)]


def test_noise_alone_is_found_as_seldom_as_stated() -> None:
    chance = random.Random(5)
    found = sum(mann_whitney(times(chance, 60), times(chance, 60)) < 0.01 for _ in range(1_000))
    assert found <= 22  # 1 % of a thousand, and four standard deviations


def test_as_many_samples_as_are_said_to_be_needed_find_the_growth_as_often_as_stated() -> None:
    chance = random.Random(6)
    count = samples_needed(1.2, 0.25)
    found = sum(mann_whitney(times(chance, count), times(chance, count, 1.2)) < 0.01 for _ in range(500))
    assert 0.85 <= found / 500 <= 0.95
