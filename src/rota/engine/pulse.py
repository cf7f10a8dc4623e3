"""Whether the loops of a node advance: what `/livez` is asked, and what systemd's watchdog is told."""

from __future__ import annotations

from collections.abc import Mapping

from rota.settings import Settings

__all__ = ["longest_pause", "stalled"]

ROUNDS = 3
"""A loop that has not advanced for so many of its longest pauses does not live."""

LONGEST = 5.0
"""Seconds: what the loops that tidy up pause for; three of these are also more than a loop backs off for."""


def longest_pause(settings: Settings) -> float:
    """Seconds within which every loop of a node that lives takes a step.

    >>> longest_pause(Settings(poll=10.0))
    30.0
    """
    return ROUNDS * max(settings.poll, settings.lease / 3, LONGEST)


def stalled(pulse: Mapping[str, float], settings: Settings) -> dict[str, float]:
    """The loops of `Node.pulse` that have not advanced for so long, with the seconds since they did.

    The heart is not asked: it is silent while the ledger is away, and a restart would not bring that back.

    >>> stalled({"planner": 16.0, "janitor": 2.0, "heart": 99.0}, Settings())
    {'planner': 16.0}
    """
    limit = longest_pause(settings)
    return {name: seconds for name, seconds in pulse.items() if seconds > limit and name != "heart"}
