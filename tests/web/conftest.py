"""A house with its pages, and visitors with and without the token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.read.house import House, build

from rota.events import Events
from rota.security import Security
from rota.settings import Settings
from rota.web.app import create_app
from rota.web.context import WebContext

TOKEN = "a-token-that-is-long-enough"
ADDRESS = "http://127.0.0.1:8321"


@dataclass
class Site:
    """The pages of a house, and switches for what the process around them tells."""

    house: House
    app: FastAPI
    context: WebContext
    pulse: dict[str, float] = field(default_factory=dict)
    stopping: bool = False
    woken: int = 0

    def visitor(self, token: str | None = TOKEN, **headers: str) -> TestClient:
        """A program with a bearer token, or without any."""
        sent = {"authorization": f"Bearer {token}"} if token else {}
        return TestClient(
            self.app,
            base_url=ADDRESS,
            headers={**sent, **headers},
            raise_server_exceptions=False,
            follow_redirects=False,
        )

    def browser(self) -> TestClient:
        """A browser that has been at the address with the token; it says where its requests come from."""
        browser = self.visitor(None, **{"sec-fetch-site": "same-origin", "accept": "text/html"})
        assert browser.get(f"/?token={TOKEN}").status_code == 303
        return browser

    def csrf(self, browser: TestClient) -> str:
        """The token that the forms of this session carry."""
        page = browser.get("/tasks/newsroom/publish-due").text
        return page.split('name="csrf" value="', 1)[1].split('"', 1)[0]


def make_site(house: House, loaded: bool = True) -> Site:
    site: Site

    def wake() -> None:
        site.woken += 1

    context = WebContext(
        ledger=house.ledger,
        loaded=house.loaded if loaded else None,
        settings=Settings(),
        security=Security(TOKEN),
        events=Events(),
        clock=house.clock,
        pulse=lambda: site.pulse,
        stopping=lambda: site.stopping,
        wake=wake,
        beat=wake,
    )
    site = Site(house, create_app(context), context)
    return site


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(tmp_path)
    yield built
    built.ledger.close()


@pytest.fixture
def site(house: House) -> Site:
    return make_site(house)
