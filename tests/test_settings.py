"""Settings: read from the environment, and a misspelt one is said."""

from __future__ import annotations

import pytest

from rota.app import read_settings
from rota.errors import UsageError
from rota.settings import OTHER_VARIABLES


def test_what_is_handed_in_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTA_SLOTS", "7")
    monkeypatch.setenv("ROTA_WORKERS", "3")
    settings = read_settings(slots=9)
    assert (settings.slots, settings.workers, settings.threads) == (9, 3, 8)


@pytest.mark.parametrize("variable", ["ROTA_LEESE", "ROTA_DATABASE_URI", "ROTA_SLOT"])
def test_a_misspelt_variable_is_refused_with_the_nearest_name(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(UsageError) as refused:
        read_settings()
    assert variable in str(refused.value.found)
    assert "the nearest is ROTA_" in str(refused.value.expected)


def test_the_names_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*OTHER_VARIABLES, "ROTA_TEST_POSTGRES_URL", "ROTATION"):
        monkeypatch.setenv(variable, "x")
    assert read_settings().slots == 100


def test_a_value_out_of_range_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTA_SLOTS", "none")
    with pytest.raises(UsageError) as refused:
        read_settings()
    assert "ROTA_SLOTS" in str(refused.value.where)
