"""Which places a change of content affects, and why: pure, by the rules of ``[[content.shown]]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rota_site.model import Content, Shown

__all__ = ["Change", "Place", "affected"]

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one content: its fields before and after. One that was not there before, or is not any more, has None.

    Where nothing is known of before, as in a purge by hand, ``is_whole`` is false, and every place counts.
    """

    kind: str
    id: str
    before: Fields | None
    after: Fields | None
    is_whole: bool = True

    @property
    def changed(self) -> frozenset[str]:
        """The fields that differ."""
        before, after = self.before or {}, self.after or {}
        return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


@dataclass(frozen=True, slots=True)
class Place:
    """A place to purge: a path, or a surrogate key; with the reason, in words."""

    because: str
    path: str | None = None
    key: str | None = None


def affected(contents: Sequence[Content], change: Change) -> list[Place]:
    """The places that show what changed, each once, in the order of the rules.

    A place with ``each`` is taken for the values that came or went and, where another field that matters to it changed,
    for all of them: a new title shows on the pages of all tags, a new tag only on its own.

    >>> shown = (Shown("it carries the tag", path="/tags/{each}", each="tags", when=("tags", "title")),)
    >>> change = Change("article", "1", {"tags": ["a", "b"], "title": "x"}, {"tags": ["b", "c"], "title": "x"})
    >>> [place.path for place in affected([Content("article", shown)], change)]
    ['/tags/a', '/tags/c']
    """
    rules = [shown for content in contents if content.kind == change.kind for shown in content.shown]
    places = [place for shown in rules for place in _of(shown, change)]
    first: dict[tuple[str | None, str | None], Place] = {}
    for place in places:
        first.setdefault((place.path, place.key), place)
    return list(first.values())


def _of(shown: Shown, change: Change) -> Iterator[Place]:
    states = [state for state in (change.before, change.after) if state is not None]
    if shown.only is not None and not any(state.get(shown.only) for state in states):
        return
    matters = change.changed if not shown.when else change.changed & set(shown.when)
    if change.is_whole and not matters:
        return
    for state in states:
        yield from _expanded(shown, state, _values(shown, state, change, matters))


def _values(shown: Shown, state: Fields, change: Change, matters: frozenset[str]) -> list[Any]:
    if shown.each is None:
        return [None]
    values = list(state.get(shown.each) or ())
    if not change.is_whole or matters - {shown.each}:
        return values
    before, after = (set((side or {}).get(shown.each) or ()) for side in (change.before, change.after))
    return [value for value in values if value in before ^ after]


def _expanded(shown: Shown, state: Fields, values: Sequence[Any]) -> Iterator[Place]:
    """A place whose fields are not all there, such as the address of a draft, is no place."""
    for value in values:
        known = {name: _written(field) for name, field in state.items() if field is not None}
        if value is not None:
            known["each"] = _written(value)
        try:
            path = shown.path.format_map(known) if shown.path else None
            key = shown.key.format_map(known) if shown.key else None
        except KeyError:
            continue
        yield Place(shown.because, path, key)


def _written(value: Any) -> str:
    """A value as it stands in an address.

    >>> _written("C++ & co"), _written("tag:a")
    ('C%2B%2B%20%26%20co', 'tag:a')
    """
    return quote(str(value), safe=":-._~")
