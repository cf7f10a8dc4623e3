"""The routes of a service's alerts as JSON, as a revision holds them.

What is at its default is left out: a rota that says nothing of alerts has no such key, and its digest is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rota.clock import Instant
from rota.model.alerts import Alerts, Escalation, Maintenance, OwnerRoute, QuietHours
from rota.timing.durations import format_duration, parse_duration

__all__ = ["alerts_as_json", "alerts_from_json"]

NEVER = "none"


def alerts_as_json(alerts: Alerts) -> dict[str, Any]:
    """The routes as a JSON object; `alerts_from_json` gives the same routes back.

    >>> alerts_as_json(Alerts())
    {}
    >>> alerts_from_json(alerts_as_json(Alerts(remind=None))).remind is None
    True
    """
    unset = Alerts()
    made = {
        "channels": (dict(alerts.channels), {}),
        "default": (list(alerts.default), []),
        "remind": (_text(alerts.remind), _text(unset.remind)),
        "settle": (_text(alerts.settle), _text(unset.settle)),
        "every": (_text(alerts.every), _text(unset.every)),
        "link": (alerts.link, None),
        "owners": ([_route_as_json(one) for one in alerts.owners], []),
        "maintenance": ([_maintenance_as_json(one) for one in alerts.maintenance], []),
    }
    return {key: value for key, (value, default) in made.items() if value != default}


def alerts_from_json(value: Mapping[str, Any]) -> Alerts:
    """The inverse of `alerts_as_json`."""
    unset = Alerts()
    return Alerts(
        channels=value.get("channels", {}),
        default=tuple(value.get("default", ())),
        remind=_length(value["remind"]) if "remind" in value else unset.remind,
        settle=parse_duration(value["settle"]) if "settle" in value else unset.settle,
        every=parse_duration(value["every"]) if "every" in value else unset.every,
        link=value.get("link"),
        owners=tuple(_route_from_json(one) for one in value.get("owners", ())),
        maintenance=tuple(_maintenance_from_json(one) for one in value.get("maintenance", ())),
    )


def _text(length: timedelta | None) -> str:
    return NEVER if length is None else format_duration(length)


def _length(text: str) -> timedelta | None:
    return None if text == NEVER else parse_duration(text)


def _route_as_json(route: OwnerRoute) -> dict[str, Any]:
    made: dict[str, Any] = {"owner": route.owner, "timezone": route.timezone}
    if route.channels is not None:
        made["channels"] = list(route.channels)
    if route.quiet:
        made["quiet"] = [[one.begin, one.end, sorted(one.days)] for one in route.quiet]
    if route.escalate is not None:
        made["escalate"] = {"after": format_duration(route.escalate.after), "to": route.escalate.to}
    return made


def _route_from_json(value: Mapping[str, Any]) -> OwnerRoute:
    channels, escalate = value.get("channels"), value.get("escalate")
    return OwnerRoute(
        value["owner"],
        None if channels is None else tuple(channels),
        tuple(QuietHours(begin, end, frozenset(days)) for begin, end, days in value.get("quiet", ())),
        value["timezone"],
        None if escalate is None else Escalation(parse_duration(escalate["after"]), escalate["to"]),
    )


def _maintenance_as_json(one: Maintenance) -> dict[str, Any]:
    return {"begin": one.begin, "end": one.end, "reason": one.reason, "tasks": list(one.tasks)}


def _maintenance_from_json(value: Mapping[str, Any]) -> Maintenance:
    return Maintenance(Instant(value["begin"]), Instant(value["end"]), value["reason"], tuple(value["tasks"]))
