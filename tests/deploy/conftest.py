"""The next build is made once; each test has a site of its own, on each of the two ledgers in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.site import Site, next_build, site_of


@pytest.fixture(scope="session")
def next_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next_build(tmp_path_factory.mktemp("next"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rota.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def site(tmp_path: Path, url: str, next_source: Path) -> Iterator[Site]:
    """Release one serves."""
    with site_of(tmp_path, url, next_source) as made:
        yield made


@pytest.fixture
def site_at_two(tmp_path: Path, url: str, next_source: Path) -> Iterator[Site]:
    """Release two serves: a deploy of one goes down."""
    with site_of(tmp_path, url, next_source, "two") as made:
        yield made
