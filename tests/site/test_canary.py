"""A check of the site as the canary of a change: what it finds puts the change back, and the record of the change has its table."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.trying import Desk
from tests.site.standin import Answer, standin
from tests.site.test_thin_line import SITE

TOML = """\
service = "site"

[[task]]
name = "check-headers"
run = "rota_site.tasks:inspect_headers"
args = { site = "SITE" }
owner = "Platform <platform@example.org>"
expects = "every route says to caches what site.toml declares"
rollback = "it only reads: rota pause check-headers"
canary = true

[task.expectation]
verify = "rota_site.tasks:nothing_found"
"""
GOOD = [
    ("Cache-Control", "public, max-age=60"),
    ("ETag", '"a"'),
    ("Content-Type", "text/plain"),
    ("X-Content-Type-Options", "nosniff"),
]


@pytest.mark.parametrize("is_right", [True, False])
def test_a_change_stays_where_the_site_is_as_it_should_be_and_is_put_back_where_not(
    is_right: bool, tmp_path: Path
) -> None:
    headers = GOOD if is_right else [("Cache-Control", "public, max-age=5"), *GOOD[1:]]

    def site(asked: object) -> Answer:
        if getattr(asked, "path", "").partition("?")[0] != "/":
            return Answer(404, [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")])
        if "If-None-Match" in getattr(asked, "headers", {}):
            return Answer(304, headers)
        return Answer(200, headers)

    with standin(site) as server:
        (tmp_path / "site.toml").write_text(SITE.format(url=server.url))
        desk = Desk(tmp_path, toml=TOML.replace('"SITE"', f'"{tmp_path / "site.toml"}"'))
        with desk.node():
            desk.toml = desk.toml.replace("declares", "says")
            desk.write(0)
            said = desk.rota("apply", "-m", "other words", "--verify", "--within", "30s", "--yes")
    assert said.returncode == (0 if is_right else 1), said.stdout + said.stderr
    record = desk.rota("record", "2").stdout
    assert "## The site" in record
    assert f"| headers | home | {'ok' if is_right else 'finding'} |" in record
    with desk.ledger() as ledger:
        assert ledger.current("site") == (2 if is_right else 3)
