"""Who is told, how and when: the routes from an owner to channels. Pure values, as a revision holds them.

An address of a channel never stands here: ``secret`` names the environment variable that has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from rota.clock import Instant

__all__ = ["Alerts", "Escalation", "Maintenance", "OwnerRoute", "QuietHours", "address_of"]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of the local day, [begin, end), on some weekdays (Monday is 0). One that ends before it begins goes on
    into the next day."""

    begin: int
    end: int
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told as well, if nobody acknowledged an incident for so long."""

    after: timedelta
    to: str


@dataclass(frozen=True, slots=True)
class OwnerRoute:
    """How one owner is told. ``channels`` of None: the default ones; empty: none, and that on purpose."""

    owner: str
    channels: Sequence[str] | None = None
    quiet: Sequence[QuietHours] = ()
    timezone: str = "UTC"  # of the quiet hours
    escalate: Escalation | None = None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A time in which nobody is told; what is well again at its end is not told at all."""

    begin: Instant
    end: Instant
    reason: str
    tasks: Sequence[str] = ("*",)  # names, or patterns as the shell has them


@dataclass(frozen=True, slots=True)
class Alerts:
    """The routes of one service."""

    channels: Mapping[str, str] = field(
        default_factory=dict
    )  # name -> the variable that holds its Apprise URL
    default: Sequence[str] = ()
    remind: timedelta | None = timedelta(hours=4)
    settle: timedelta = timedelta(minutes=5)  # met for so long: resolved
    every: timedelta = timedelta(minutes=1)  # at most one message to an owner by a channel in this time
    link: str | None = None  # where the pages are
    owners: Sequence[OwnerRoute] = ()
    maintenance: Sequence[Maintenance] = ()

    def route(self, owner: str) -> OwnerRoute:
        """How an owner is told: by the route that names it, or its address, or its name; else by the default."""
        known = {owner, *address_of(owner)}
        return next((one for one in self.owners if one.owner in known), OwnerRoute(owner))

    def channels_of(self, owner: str) -> tuple[str, ...]:
        """The channels by which an owner is told; none: nobody told us how."""
        named = self.route(owner).channels
        return tuple(self.default if named is None else named)


def address_of(owner: str) -> tuple[str, ...]:
    """An owner's name and address, as far as it has the form of a mail address.

    >>> address_of("Editorial <editorial@example.org>")
    ('Editorial', 'editorial@example.org')
    >>> address_of("the night desk")
    ()
    """
    name, bracket, rest = owner.partition("<")
    if not bracket or not rest.endswith(">"):
        return ()
    return tuple(part for part in (name.strip(), rest[:-1].strip()) if part)
