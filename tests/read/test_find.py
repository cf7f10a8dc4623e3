"""Tasks by the name that a person types."""

from __future__ import annotations

import pytest
from tests.read.house import House, a_task

from rota.change.apply import apply
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, UnknownName
from rota.read.find import find_task


def test_a_task_is_found_by_its_bare_and_by_its_full_name(house: House) -> None:
    assert find_task(house.ledger, "publish-due") == find_task(house.ledger, "newsroom/publish-due")
    assert find_task(house.ledger, "publish-due", "newsroom").name == "publish-due"


def test_an_unknown_name_names_the_nearest(house: House) -> None:
    with pytest.raises(UnknownName, match="did you mean publish-due"):
        find_task(house.ledger, "publish-deu")
    with pytest.raises(UnknownName, match="did you mean newsroom/publish-due"):
        find_task(house.ledger, "newsroom/publish-deu")
    with pytest.raises(UnknownName):
        find_task(house.ledger, "publish-due", "another")


def test_a_name_that_two_services_have_is_a_conflict_that_names_both(house: House) -> None:
    other = LoadedRota("shop", {"publish-due": a_task("publish-due", service="shop")})
    apply(house.ledger, other, author="a test", reason="a second service")
    with pytest.raises(Conflict) as caught:
        find_task(house.ledger, "publish-due")
    assert caught.value.expected == "newsroom/publish-due or shop/publish-due"
    assert find_task(house.ledger, "shop/publish-due").service == "shop"


@pytest.mark.parametrize("name", ["", "/", "a/b/c", "ä" * 300, "';--", "%", "_"])
def test_odd_names_are_unknown_names(house: House, name: str) -> None:
    with pytest.raises(UnknownName):
        find_task(house.ledger, name)
