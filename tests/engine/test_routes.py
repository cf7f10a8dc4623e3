"""When an owner is told: quiet hours by the wall clock, maintenance, mutes, and which route an owner has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rota.clock import Instant, to_instant
from rota.engine.routes import notices_to, quiet_until
from rota.model.alerts import Alerts, Maintenance, OwnerRoute, QuietHours
from rota.model.incident import Notice

NIGHT = QuietHours(22 * 60, 7 * 60)
WEEKEND = QuietHours(0, 24 * 60, frozenset({5, 6}))
OWNER = "Editorial <editorial@example.org>"


def at(text: str) -> Instant:
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("quiet", "now", "end"),
    [
        (NIGHT, "2026-11-27T12:00", None),
        (NIGHT, "2026-11-27T20:59", None),  # 21:59 in Berlin
        (NIGHT, "2026-11-27T21:00", "2026-11-28T06:00"),
        (NIGHT, "2026-11-28T05:59", "2026-11-28T06:00"),
        (NIGHT, "2026-11-28T06:00", None),
        (NIGHT, "2026-03-28T22:00", "2026-03-29T05:00"),  # the short night: seven is an hour sooner
        (NIGHT, "2026-10-24T21:00", "2026-10-25T06:00"),  # the long one
        (WEEKEND, "2026-11-27T22:59", None),
        (WEEKEND, "2026-11-28T12:00", "2026-11-28T23:00"),
        (QuietHours(22 * 60, 7 * 60, frozenset({4})), "2026-11-28T03:00", "2026-11-28T06:00"),  # Friday's night
        (QuietHours(22 * 60, 7 * 60, frozenset({4})), "2026-11-27T03:00", None),
    ],
)  # fmt: skip
def test_quiet_hours_end_by_the_wall_clock(quiet: QuietHours, now: str, end: str | None) -> None:
    assert quiet_until((quiet,), "Europe/Berlin", at(now)) == (None if end is None else at(end))


@pytest.mark.parametrize("owner", [OWNER, "Editorial", "editorial@example.org"])
def test_a_route_names_an_owner_or_its_name_or_its_address(owner: str) -> None:
    alerts = Alerts(
        {"mail": "MAIL", "chat": "CHAT"}, default=("chat",), owners=(OwnerRoute(owner, ("mail",)),)
    )
    assert alerts.channels_of(OWNER) == ("mail",)
    assert alerts.channels_of("Platform <platform@example.org>") == ("chat",)


def test_each_reason_to_wait_follows_upon_the_other() -> None:
    """A night follows the weekend, and a maintenance that night: one message, at the end of all."""
    alerts = Alerts(
        {"mail": "MAIL"},
        default=("mail",),
        owners=(OwnerRoute(OWNER, None, (WEEKEND, NIGHT), "UTC"),),
        maintenance=(
            Maintenance(at("2026-11-30T06:30"), at("2026-11-30T09:00"), "the move", ("publish-*",)),
        ),
    )
    now = at("2026-11-28T12:00")
    [notice] = notices_to(alerts, OWNER, Notice.OPENED, "publish-due", now, None)
    assert (notice.due_at, notice.may_lapse) == (at("2026-11-30T09:00"), False)
    [other] = notices_to(alerts, OWNER, Notice.OPENED, "backup", now, None)
    assert other.due_at == at("2026-11-30T07:00")


def test_what_is_silenced_need_not_be_told_later() -> None:
    alerts = Alerts({"mail": "MAIL"}, default=("mail",))
    now = at("2026-11-27T12:00")
    [muted] = notices_to(alerts, OWNER, Notice.OPENED, "backup", now, at("2026-11-27T13:00"))
    assert (muted.due_at, muted.may_lapse) == (at("2026-11-27T13:00"), True)
    [told] = notices_to(alerts, OWNER, Notice.OPENED, "backup", now, at("2026-11-27T11:00"))
    assert (told.due_at, told.may_lapse) == (now, False)


def test_nobody_said_how_an_owner_is_told() -> None:
    assert notices_to(Alerts(), OWNER, Notice.OPENED, "backup", at("2026-11-27T12:00"), None) == []
