"""The proof of a purge: a cache that answers 200 has proved nothing.

Targets and controls are warmed until the cache says that it has them; after the purge the controls are asked first, so
that filling the targets again cannot hide what else was forgotten; then the targets. Every variant that Vary names is
asked for. Where a cache does not say what it has, the verdict is *cannot tell*, never *pass*.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from os.path import commonprefix
from typing import Literal

from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.hits import age_of, hit_of

__all__ = ["CONTROLS", "Kept", "Proof", "Verdict", "controls_of", "judged", "probe", "probe_targets", "warm"]

Verdict = Literal["pass", "under-purged", "over-purged", "cannot tell"]
CONTROLS = 6
DEADLINE = 5.0
EVERY = 0.1
VARIANTS = {
    "accept-language": ("en", "de"),
    "accept-encoding": ("gzip", "identity"),
    "accept": ("text/html", "image/webp"),
}
"""Values that are tried of a header that Vary names."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cache had of an address in one variant: whether it said so, the age, and which bytes."""

    path: str
    headers: Mapping[str, str]
    hit: str
    age: int | None
    digest: str
    tag: str | None

    @property
    def name(self) -> str:
        """The address, and the headers of the variant.

        >>> Kept("/a", {"Accept-Language": "de"}, "hit", 1, "", None).name
        '/a [Accept-Language: de]'
        """
        told = ", ".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{self.path} [{told}]" if told else self.path


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen before and after, and what it shows."""

    verdict: Verdict
    still: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)


def controls_of(targets: Sequence[str], known: Sequence[str], most: int = CONTROLS) -> list[str]:
    """Addresses that must stay: first those that begin as a target does, such as /articles/10 beside /articles/1.

    >>> controls_of(["/articles/1"], ["/", "/articles/1", "/articles/10", "/feed", "/articles/2"], 3)
    ['/articles/10', '/articles/2', '/']
    """
    others = [path for path in dict.fromkeys(known) if path not in set(targets)]

    def nearness(path: str) -> int:
        return max((len(commonprefix((path, target))) for target in targets), default=0)  # noqa: RUF071  # by characters: /articles/1 and /articles/10

    near = sorted(others, key=nearness, reverse=True)[: max(1, most * 2 // 3)]
    rest = [path for path in others if path not in near]
    far = sorted(rest, key=nearness)
    return [*near, *far][:most]


async def warm(fetcher: Fetcher, paths: Sequence[str]) -> list[Kept]:
    """Have the cache keep each address in each variant, and note what it has."""
    found = await asyncio.gather(*(_warmed(fetcher, path) for path in paths))
    return [kept for each in found for kept in each]


async def _warmed(fetcher: Fetcher, path: str) -> list[Kept]:
    try:
        first = await fetcher.fetch(Ask(path))
        wanted = _variants(first)
        kept = []
        for headers in wanted:
            reply = await fetcher.fetch(Ask(path, headers=headers))
            if hit_of(reply) != "hit":
                reply = await fetcher.fetch(Ask(path, headers=headers))
            kept.append(_kept(path, headers, reply))
        return kept
    except FetchFailed:
        return [Kept(path, {}, "unknown", None, "", None)]


def _variants(reply: Reply) -> list[dict[str, str]]:
    """Headers of each variant that Vary names, up to eight; the plain question where it names none that we know."""
    named = [name.strip() for name in (reply.get("vary") or "").split(",")]
    known = [name for name in named if name.lower() in VARIANTS]
    values = [[(name, value) for value in VARIANTS[name.lower()]] for name in known]
    return [dict(pairs) for pairs in product(*values)][:8] or [{}]


def _kept(path: str, headers: Mapping[str, str], reply: Reply) -> Kept:
    digest = hashlib.sha256(reply.raw).hexdigest()[:16]
    hit = hit_of(reply) if reply.status == 200 else "unknown"
    return Kept(path, headers, hit, age_of(reply), digest, reply.get("etag"))


async def probe(fetcher: Fetcher, kept: Sequence[Kept]) -> list[Kept]:
    """What the cache has of the same variants now."""
    replies = await fetcher.fetch_all([Ask(each.path, headers=each.headers) for each in kept])
    return [
        _kept(before.path, before.headers, reply)
        if isinstance(reply, Reply)
        else Kept(before.path, before.headers, "unknown", None, "", None)
        for before, reply in zip(kept, replies, strict=True)
    ]


async def probe_targets(fetcher: Fetcher, kept: Sequence[Kept], within: float = DEADLINE) -> list[Kept]:
    """The same for targets, asked again until the cache has let go of them or the deadline is over: a purge takes time to spread."""
    found = await probe(fetcher, kept)
    waited = 0.0
    while waited < within and any(
        _is_still(before, after) for before, after in zip(kept, found, strict=True)
    ):
        await asyncio.sleep(EVERY)  # it may be on its way
        waited += EVERY
        again = await probe(fetcher, kept)
        found = [
            after if not _is_still(before, after) else newer
            for before, after, newer in zip(kept, found, again, strict=True)
        ]
    return found


def judged(targets: Sequence[tuple[Kept, Kept]], controls: Sequence[tuple[Kept, Kept]]) -> Proof:
    """The verdict over what the cache had before and has after.

    A target is purged where the reply after is no hit, or is younger than it could be. A control has stayed where it is a
    hit of the same bytes and no younger. Where the cache had not said before that it had an address, nothing can be told of it.
    """
    still = [after.name for before, after in targets if before.hit == "hit" and _is_still(before, after)]
    passed = [after.name for before, after in targets if before.hit == "hit" and not _is_still(before, after)]
    lost = [
        after.name for before, after in controls if before.hit == "hit" and not _has_stayed(before, after)
    ]
    unknown = [before.name for before, _ in (*targets, *controls) if before.hit != "hit"]
    told = [before for before, _ in controls if before.hit == "hit"]
    blind = [before for before, _ in targets if before.hit != "hit"]
    verdict: Verdict
    if still:
        verdict = "under-purged"
    elif lost:
        verdict = "over-purged"
    elif not passed or not told or blind:
        verdict = "cannot tell"
    else:
        verdict = "pass"
    facts = {"targets": len(targets), "controls": len(controls)}
    return Proof(verdict, tuple(still), tuple(lost), tuple(unknown), tuple(passed), facts)


def _is_still(before: Kept, after: Kept) -> bool:
    """Whether the cache still has what it had: a hit that is not younger."""
    if after.hit != "hit" or before.hit != "hit":
        return False
    if after.digest != before.digest or after.tag != before.tag:
        return False
    return before.age is None or after.age is None or after.age >= before.age


def _has_stayed(before: Kept, after: Kept) -> bool:
    if after.hit != "hit":
        return False
    return before.age is None or after.age is None or after.age >= before.age
