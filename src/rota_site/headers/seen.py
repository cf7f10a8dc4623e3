"""What was seen of one address: at the origin, and through the cache."""

from __future__ import annotations

from dataclasses import dataclass

from rota_site.fetch import Reply

__all__ = ["Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """The replies of one address; None where there is no origin to ask, or there was nothing to ask with.

    ``made`` and ``again`` are of the site itself, without compression ``plain``; ``first`` and ``second`` came through the
    cache; ``validated`` answers what ``first`` was named by, ``confirmed`` what ``made`` was; ``tracked`` is asked with a parameter that changes nothing, by
    ``other`` the address differs in a declared parameter.
    """

    path: str
    made: Reply | None
    again: Reply | None
    plain: Reply | None
    first: Reply
    second: Reply
    validated: Reply | None = None
    tracked: Reply | None = None
    other: Reply | None = None
    is_listed: bool = False
    confirmed: Reply | None = None

    @property
    def own(self) -> Reply:
        """The reply that tells what the application says."""
        return self.made or self.first

    @property
    def all(self) -> tuple[Reply, ...]:
        """Every reply to the plain question."""
        return tuple(each for each in (self.made, self.first, self.second) if each is not None)
