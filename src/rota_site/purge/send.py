"""Tells a cache what to forget: Varnish, nginx, Fastly, Cloudflare. What each answers is kept, and is no proof.

Every purge may be sent again: to forget what is forgotten does nothing. A cache is never told to forget everything.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from rota.errors import Refused, Retriable
from rota.execute.references import looked_up
from rota_site.model import Infrastructure
from rota_site.purge.affected import Place

__all__ = ["FASTLY_KEYS", "Sent", "send"]

FASTLY_KEYS = 256
"""Keys in one call (Fastly, Purging API)."""
CLOUDFLARE = 30
"""Addresses or tags in one call that every plan allows (Cloudflare, Purge Cached Content)."""
WAITS = (0.2, 0.8)
"""Seconds before each further try."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a cache, and the places that it is for."""

    method: str
    url: str
    places: tuple[Place, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What a cache answered. ``is_done`` is what it says of itself."""

    places: tuple[Place, ...]
    is_done: bool
    said: str


async def send(
    infrastructure: Infrastructure,
    places: Sequence[Place],
    *,
    confirmed: int | None = None,
    variants: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[Sent]:
    """Have the cache forget the places; what fails is told place by place, and the others are done.

    ``variants`` are, by path, the headers of each kept variant, for caches that forget one at a time. Raises `Refused` before
    anything is sent: for more places than ``at_once`` allows, unless their number is ``confirmed``; and where there is no cache.
    """
    cache = infrastructure.cache
    if len(places) > cache.at_once and confirmed != len(places):
        raise Refused(
            "the purge is larger than one may be",
            expected=f"at most {cache.at_once} places, as [cache] at_once says, or --confirm {len(places)}",
            found=f"{len(places)} places",
            retry=Retriable(True, "nothing was purged"),
        )
    calls = list(_calls(infrastructure, places, variants or {}, environment))
    async with httpx2.AsyncClient(
        timeout=infrastructure.limits.timeout.total_seconds(), trust_env=False
    ) as client:
        sent = []
        for number, call in enumerate(calls):
            if number:
                await asyncio.sleep(1 / cache.rate)  # purges a second, at most
            sent.append(await _carried_out(client, call))
        return sent


def _calls(
    infrastructure: Infrastructure,
    places: Sequence[Place],
    variants: Mapping[str, Sequence[Mapping[str, str]]],
    environment: Mapping[str, str],
) -> Iterator[Call]:
    paths = [place for place in places if place.path is not None]
    keys = [place for place in places if place.key is not None]
    match infrastructure.cache.kind:
        case "varnish":
            yield from _varnish(infrastructure, paths, keys)
        case "nginx":
            yield from _nginx(infrastructure, paths, variants)
        case "fastly":
            yield from _fastly(infrastructure, paths, keys, environment)
        case "cloudflare":
            yield from _cloudflare(infrastructure, paths, keys, environment)
        case "none":
            raise Refused(
                "there is no cache to purge",
                expected='[cache] kind = "varnish", "nginx", "fastly" or "cloudflare"',
                found='kind = "none"',
                retry=Retriable(True, "nothing was purged"),
            )


def _varnish(infrastructure: Infrastructure, paths: Sequence[Place], keys: Sequence[Place]) -> Iterator[Call]:
    """PURGE or BAN of each address; PURGE with Surrogate-Key of many keys at once (examples/newsroom/caches/varnish.vcl)."""
    base = (infrastructure.cache.endpoint or infrastructure.url).rstrip("/")
    host = {"Host": urlsplit(infrastructure.url).netloc}
    method = "BAN" if infrastructure.cache.purge == "ban" else "PURGE"
    for place in paths:
        yield Call(method, f"{base}{place.path}", (place,), host)
    for some in _some(keys, FASTLY_KEYS):
        yield Call("PURGE", f"{base}/", some, {**host, "Surrogate-Key": _joined(some)})


def _nginx(
    infrastructure: Infrastructure,
    paths: Sequence[Place],
    variants: Mapping[str, Sequence[Mapping[str, str]]],
) -> Iterator[Call]:
    """The location of the cache-purge module, once for each variant that is kept: it forgets one file at a time."""
    base = (infrastructure.cache.endpoint or f"{infrastructure.url}/_purge").rstrip("/")
    host = {"Host": urlsplit(infrastructure.url).netloc}
    for place in paths:
        for headers in variants.get(str(place.path)) or ({},):
            yield Call("GET", f"{base}{place.path}", (place,), {**host, **headers})


def _fastly(
    infrastructure: Infrastructure,
    paths: Sequence[Place],
    keys: Sequence[Place],
    environment: Mapping[str, str],
) -> Iterator[Call]:
    cache = infrastructure.cache
    base = (cache.endpoint or "https://api.fastly.com").rstrip("/")
    token = {"Fastly-Key": looked_up(cache.token or "", environment), "Accept": "application/json"}
    host = urlsplit(infrastructure.url).netloc
    for place in paths:
        yield Call("POST", f"{base}/purge/{host}{place.path}", (place,), token)
    for some in _some(keys, FASTLY_KEYS):
        yield Call(
            "POST", f"{base}/service/{cache.service}/purge", some, {**token, "Surrogate-Key": _joined(some)}
        )


def _cloudflare(
    infrastructure: Infrastructure,
    paths: Sequence[Place],
    keys: Sequence[Place],
    environment: Mapping[str, str],
) -> Iterator[Call]:
    cache = infrastructure.cache
    url = f"{(cache.endpoint or 'https://api.cloudflare.com/client/v4').rstrip('/')}/zones/{cache.service}/purge_cache"
    token = {"Authorization": f"Bearer {looked_up(cache.token or '', environment)}"}
    for some in _some(paths, CLOUDFLARE):
        yield Call(
            "POST", url, some, token, {"files": [f"{infrastructure.url}{place.path}" for place in some]}
        )
    for some in _some(keys, CLOUDFLARE):
        yield Call("POST", url, some, token, {"tags": [place.key for place in some]})


async def _carried_out(client: httpx2.AsyncClient, call: Call) -> Sent:
    """A call, tried again where that may help: a purge that is made twice is made once."""
    said = ""
    for number in range(len(WAITS) + 1):
        try:
            request = client.build_request(call.method, call.url, headers=dict(call.headers), json=call.json)
            response = await client.send(request)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            said = f"no answer: {str(error) or type(error).__name__}"
        else:
            is_done, said = _understood(call, response)
            if is_done or (response.status_code < 500 and response.status_code != 429):
                return Sent(call.places, is_done, said)
        if number < len(WAITS):
            await asyncio.sleep(WAITS[number])  # the cache is busy, or not there yet
    return Sent(call.places, False, said)


def _understood(call: Call, response: httpx2.Response) -> tuple[bool, str]:
    said = f"status {response.status_code}"
    if call.method == "GET" and response.status_code == 404:
        return True, "was not kept"
    if response.status_code >= 300:
        return False, f"{said}: {response.text[:200].strip()}"
    if call.json is not None:
        try:
            is_done = json.loads(response.text).get("success") is True
        except (ValueError, AttributeError):
            is_done = False
        return is_done, said if is_done else f"{said}: {response.text[:200].strip()}"
    count = response.headers.get("x-purged")
    return True, f"{said}, {count} forgotten" if count is not None else said


def _some(places: Sequence[Place], most: int) -> Iterator[tuple[Place, ...]]:
    for at in range(0, len(places), most):
        yield tuple(places[at : at + most])


def _joined(places: Sequence[Place]) -> str:
    return " ".join(str(place.key) for place in places)
