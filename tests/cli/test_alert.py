"""``rota alert test OWNER``: by the way that real messages take, and what did not work is said."""

from __future__ import annotations

import json

import pytest
from tests.alert.servers import mail_server, webhook
from tests.cli.desk import TOML, Desk

ALERTS = """
[alerts]
channels = ["mail"]
[alerts.channel.mail]
url = "env:ROTA_ALERT_MAIL"
[alerts.channel.hook]
url = "env:ROTA_ALERT_HOOK"
[alerts.owner."ann@example.org"]
channels = ["mail", "hook"]
escalate = { after = "1h", to = "Platform <platform@example.org>" }
"""


@pytest.fixture
def wired(empty: Desk) -> Desk:
    """A rota with alerts, and no node."""
    empty.write(TOML + ALERTS)
    with empty.house() as house:
        for node in house.ledger.nodes():
            house.ledger.leave(node.id)
    return empty


def test_it_is_sent_from_here_where_no_node_is(wired: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as box, webhook() as hook:
        monkeypatch.setenv("ROTA_ALERT_MAIL", box.url)
        monkeypatch.setenv("ROTA_ALERT_HOOK", hook.url)
        said = wired.rota("alert", "test", "Ann")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[1:] == ["mail\tsent\t", "hook\tsent\t"]
    assert box.subjects() == ["[newsroom] a test of Rota's alerts"]
    assert "messages to Ann <ann@example.org> by the channel mail arrive" in box.text()
    assert len(hook.posts) == 1


def test_what_was_not_sent_says_why_and_is_the_exit_code(
    wired: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as box:
        monkeypatch.setenv("ROTA_ALERT_MAIL", box.url)
        said = wired.rota("alert", "test", "ann@example.org", "--json")
    assert said.code == 1
    first, second = json.loads(said.out)["messages"]
    assert (first["channel"], first["error"]) == ("mail", None)
    assert (second["channel"], second["sent_at"]) == ("hook", None)
    assert second["error"].startswith("ROTA_ALERT_HOOK is not set on this node; expected:")


def test_a_second_owner_and_one_channel(wired: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as box:
        monkeypatch.setenv("ROTA_ALERT_MAIL", box.url)
        assert wired.rota("alert", "test", "Platform").code == 0
        assert wired.rota("alert", "test", "Ann", "--channel", "mail").code == 0
    assert len(box.mails) == 2


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["test", "Anne"], 1, "did you mean"),
        (["test", "Ann", "--channel", "mial"], 1, "did you mean mail?"),
        (["tset", "Ann"], 2, "tset"),
        (["test"], 2, "OWNER"),
    ],
)
def test_what_cannot_be_sent(wired: Desk, argv: list[str], code: int, said: str) -> None:
    found = wired.rota("alert", *argv)
    assert found.code == code
    assert said in found.err


def test_nobody_said_how(desk: Desk) -> None:
    said = desk.rota("alert", "test", "Ann")
    assert said.code == 2
    assert "nobody said how Ann <ann@example.org> is told" in said.err
    assert "[alerts]" in said.err
