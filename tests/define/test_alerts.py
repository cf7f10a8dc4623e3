"""``[alerts]``: read from a file and from a program, the same revision; what is wrong is told at its line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rota import Rota
from rota.define.canonical import canonical_text, rota_as_json
from rota.define.load import load_file
from rota.define.routing import alerts_from_json
from rota.errors import DefinitionErrors
from rota.model.alerts import Alerts, Escalation, Maintenance, OwnerRoute, QuietHours

TASK = """
[[task]]
name = "tidy"
command = ["true"]
owner = "Editorial <editorial@example.org>"
expects = "all is tidy"
rollback = "nothing to put back: it only tidies"
"""

WHOLE = """
service = "web"
timezone = "Europe/Berlin"

[alerts]
channels = ["mail"]
remind = "none"
settle = "2m"
every = "30s"
link = "https://rota.example.org/"

[alerts.channel.mail]
url = "env:ROTA_ALERT_MAIL"

[alerts.channel.chat]
url = "env:ROTA_ALERT_CHAT"

[alerts.owner."Editorial <editorial@example.org>"]
channels = ["mail", "chat"]
quiet = ["22:00-07:00", "sat sun 00:00-24:00"]
escalate = { after = "30m", to = "Platform <platform@example.org>" }

[alerts.owner."platform@example.org"]
channels = ["chat"]
timezone = "UTC"

[[alerts.maintenance]]
begin = 2026-12-01T22:00:00+01:00
end = "2026-12-02T02:00:00+01:00"
reason = "the database moves"
tasks = ["publish-*"]
"""

MINUTE = 60_000_000


def loaded(folder: Path, head: str) -> Any:
    (folder / "rota.toml").write_text(head + TASK)
    return load_file(folder / "rota.toml")


def test_every_key_is_read(tmp_path: Path) -> None:
    rota = loaded(tmp_path, WHOLE)
    assert rota.alerts == Alerts(
        channels={"mail": "ROTA_ALERT_MAIL", "chat": "ROTA_ALERT_CHAT"},
        default=("mail",),
        remind=None,
        settle=timedelta(minutes=2),
        every=timedelta(seconds=30),
        link="https://rota.example.org",
        owners=(
            OwnerRoute(
                "Editorial <editorial@example.org>",
                ("mail", "chat"),
                (QuietHours(22 * 60, 7 * 60), QuietHours(0, 24 * 60, frozenset({5, 6}))),
                "Europe/Berlin",
                Escalation(timedelta(minutes=30), "Platform <platform@example.org>"),
            ),
            OwnerRoute("platform@example.org", ("chat",), (), "UTC"),
        ),
        maintenance=(
            Maintenance(1796158800_000_000, 1796173200_000_000, "the database moves", ("publish-*",)),  # type: ignore[arg-type]  # instants
        ),
    )
    kept = json.loads(canonical_text(rota_as_json(rota)))
    assert alerts_from_json(kept["alerts"]) == rota.alerts


def test_a_rota_without_alerts_is_the_revision_that_it_was(tmp_path: Path) -> None:
    rota = loaded(tmp_path, 'service = "web"\n')
    assert rota.alerts == Alerts()
    assert "alerts" not in rota_as_json(rota)


def test_a_program_says_the_same(tmp_path: Path) -> None:
    head = 'service = "web"\n[alerts]\nchannels = ["mail"]\n[alerts.channel.mail]\nurl = "env:MAIL"\n'
    rota = Rota("web", alerts={"channels": ["mail"], "channel": {"mail": {"url": "env:MAIL"}}})
    assert rota.loaded.alerts == loaded(tmp_path, head).alerts
    with pytest.raises(DefinitionErrors, match="there is no channel 'mial'"):
        Rota("web", alerts={"channels": ["mial"], "channel": {"mail": {"url": "env:MAIL"}}}).loaded  # noqa: B018 - it raises


PROBLEMS = {
    '[alerts.channel.mail]\nurl = "mailto://me:secret@host"': ("a secret, and does not stand in the file", 3),
    '[alerts]\nchannels = ["mial"]\n[alerts.channel.mail]\nurl = "env:MAIL"': ("there is no channel 'mial'", 3),
    '[alerts.owner."Editorial"]\nchannels = ["chat"]': ("there is no channel 'chat'", 3),
    '[alerts.owner."editorail@example.org"]\nquiet = ["22:00-07:00"]': ("no task has the owner", 2),
    '[alerts.owner."Editorial"]\nquiet = ["22-7"]': ("are no quiet hours", 3),
    '[alerts.owner."Editorial"]\nquiet = ["25:00-26:00"]': ("are no quiet hours", 3),
    '[alerts.owner."Editorial"]\nescalate = { after = "30m" }': ("to is missing", 3),
    '[alerts]\nremind = "often"': ("often", 3),
    '[alerts]\nlink = "rota.example.org"': ("alerts.link is not as it should be", 3),
    '[alerts]\nchanels = ["mail"]': ("there is no key 'chanels' here", 3),
    '[[alerts.maintenance]]\nbegin = 2026-12-02\nend = 2026-12-01T00:00:00Z\nreason = "x"': ("is no instant", 3),
    '[[alerts.maintenance]]\nbegin = 2026-12-02T00:00:00Z\nend = 2026-12-01T00:00:00Z\nreason = "x"': ("ends before it begins", 2),
}  # fmt: skip


@pytest.mark.parametrize("head", PROBLEMS, ids=[said for said, _ in PROBLEMS.values()])
def test_what_is_wrong_is_told_at_its_line(tmp_path: Path, head: str) -> None:
    said, line = PROBLEMS[head]
    with pytest.raises(DefinitionErrors) as caught:
        loaded(tmp_path, f'service = "web"\n{head}\n')
    [problem] = caught.value.problems
    assert said in problem.what
    assert problem.line == line
    assert problem.expected
    assert "secret@" not in str(caught.value), "a secret is not repeated"


def test_who_is_told_second_may_have_a_route_and_no_task(tmp_path: Path) -> None:
    head = """service = "web"
[alerts.owner."Editorial"]
escalate = { after = "1h", to = "Editorials <editorials@example.org>" }
[alerts.owner."Editorials"]
quiet = ["22:00-07:00"]
"""
    assert len(loaded(tmp_path, head).alerts.owners) == 2
