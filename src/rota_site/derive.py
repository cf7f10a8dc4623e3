"""A first description of a site, out of its addresses and what they answer. Guesses, and marked as such."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rota_site.addresses import spread, takes
from rota_site.control import directives
from rota_site.fetch import Reply

__all__ = ["Group", "grouped", "infrastructure", "open_paths", "written"]

SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Addresses of one pattern; a few of them are samples. ``count`` is how many are known."""

    pattern: str
    samples: tuple[str, ...]
    count: int


def grouped(paths: Iterable[str], patterns: Sequence[str] = ()) -> list[Group]:
    """Addresses as patterns: those that are known (of OpenAPI) first, the others by the segments that vary.

    >>> [group.pattern for group in grouped(["/", "/articles/a", "/articles/b", "/feed.xml"])]
    ['/', '/articles/{slug}', '/feed.xml']
    """
    buckets: dict[tuple[str, ...], list[str]] = {}
    for path in dict.fromkeys(path.partition("?")[0] for path in paths):
        known = next((pattern for pattern in patterns if takes(pattern, path)), None)
        segments = path.split("/")[1:]
        key = (
            (known,)
            if known
            else (str(len(segments)), segments[0] if len(segments) > 1 else path, _ending(segments[-1]))
        )
        buckets.setdefault(key, []).append(path)
    return [
        Group(key[0] if len(key) == 1 else _pattern(some), tuple(spread(some, SAMPLES)), len(some))
        for key, some in buckets.items()
    ]


def _ending(segment: str) -> str:
    return segment.rpartition(".")[2] if "." in segment else ""


def _pattern(paths: Sequence[str]) -> str:
    """What all have, and a name in braces where they differ."""
    parts = []
    rows = [path.split("/")[1:] for path in paths]
    for at, column in enumerate(zip(*rows, strict=True)):
        if len(set(column)) == 1:
            parts.append(column[0])
        else:
            ending = _ending(column[0])
            name = "slug" if at == len(rows[0]) - 1 else f"part{at}"
            parts.append(f"{{{name}}}.{ending}" if ending and at == len(rows[0]) - 1 else f"{{{name}}}")
    return "/" + "/".join(parts)


def open_paths(document: str) -> list[str]:
    """The paths of an OpenAPI description that can be got; what is no such description has none.

    >>> open_paths('{"paths": {"/a/{id}": {"get": {}}, "/b": {"post": {}}}}')
    ['/a/{id}']
    """
    try:
        paths = json.loads(document)["paths"]
        return [path for path, ways in paths.items() if "get" in ways and path.startswith("/")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def written(name: str, groups: Sequence[tuple[Group, Sequence[Reply]]], sitemap: str | None) -> str:
    """The text of a ``site.toml``. Every guess has its reason beside it; nothing of it is a promise until somebody made it one."""
    lines = [
        "# A first description, derived from what the site answers. Each line is a guess until you have made it a promise:",
        '# `cache` is what was seen, not what is meant; `budget = { warm = "20ms", cold = "250ms" }` is yours to state.',
        f"site = {json.dumps(name)}",
        'infrastructure_file = "infrastructure.toml"',
    ]
    names: dict[str, int] = {}
    for group, replies in groups:
        lines += ["", *_route(group, replies, names, sitemap)]
    return "\n".join(lines) + "\n"


def _route(
    group: Group, replies: Sequence[Reply], names: dict[str, int], sitemap: str | None
) -> Iterator[str]:
    kind, why_kind = _kind(group, replies)
    seen_by, why_seen = _seen_by(replies)
    yield f"# {group.count} address{'' if group.count == 1 else 'es'} known"
    yield "[[route]]"
    yield f"name = {json.dumps(_name(group, names))}"
    yield f"pattern = {json.dumps(group.pattern)}"
    if "{" in group.pattern:
        yield f"samples = {json.dumps(list(group.samples))}"
        if sitemap and group.count > SAMPLES:
            yield f"source = {{ sitemap = {json.dumps(sitemap)}, most = 20 }}"
    yield f"kind = {json.dumps(kind)} # {why_kind}"
    if seen_by != "everyone":
        yield f"seen_by = {json.dumps(seen_by)} # {why_seen}"
    said = {reply.get("cache-control") for reply in replies if reply.status == 200}
    if len(said) == 1 and (control := said.pop()):
        yield f"cache = {json.dumps(control)} # as seen"
    if re.search(r"[0-9a-f]{8,}", group.samples[0]) and kind == "asset":
        yield "hashed = true # its address looks like it"


def _name(group: Group, names: dict[str, int]) -> str:
    plain = re.sub(r"\{[^{}]*\}", " ", group.pattern).lower()
    words = re.findall(r"[a-z0-9]+", plain)
    base = "-".join(words) or ("home" if group.pattern == "/" else "page")
    base = base if base[0].isalpha() else f"r-{base}"
    names[base] = names.get(base, 0) + 1
    return base if names[base] == 1 else f"{base}-{names[base]}"


def _kind(group: Group, replies: Sequence[Reply]) -> tuple[str, str]:
    if not replies:
        return "page", "it did not answer"
    reply = replies[0]
    said = (reply.get("content-type") or "").partition(";")[0].strip().lower()
    text = reply.text[:2_000]
    if 300 <= reply.status < 400:
        return "redirect", f"status {reply.status}"
    if "<urlset" in text or "<sitemapindex" in text:
        return "sitemap", "its content"
    if "<rss" in text or "http://www.w3.org/2005/Atom" in text:
        return "feed", "its content"
    if said == "text/html":
        return "page", said
    if said == "application/json":
        return "api", said
    if said.startswith(("image/", "font/")) or said in (
        "text/css",
        "text/javascript",
        "application/javascript",
    ):
        return "asset", said
    return "file", said or "no Content-Type"


def _seen_by(replies: Sequence[Reply]) -> tuple[str, str]:
    for reply in replies:
        names = {name for name, _ in directives(reply.get("cache-control"))}
        if reply.status in (401, 403):
            return "reader", f"status {reply.status}"
        if 300 <= reply.status < 400 and re.search(
            r"log-?in|sign-?in", reply.get("location") or "", re.IGNORECASE
        ):
            return "reader", "it leads to a log-in"
        if "private" in names:
            return "reader", "it says private"
        if "no-store" in names:
            return "nobody", "it says no-store"
    return "everyone", ""


def infrastructure(url: str, origin: str | None) -> str:
    """The text of an ``infrastructure.toml``."""
    lines: Mapping[str, str] = {"url": url, **({"origin": origin} if origin else {})}
    stated = "\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items())
    missing = "" if origin else '# origin = "http://127.0.0.1:8000" # the site itself, behind its cache\n'
    return (
        f"# Where the site is, and how politely it is asked.\n{stated}\n{missing}"
        '\n[cache]\nkind = "none" # varnish, nginx, fastly or cloudflare\n\n[limits]\nconnections = 4\nrate = 10\n'
    )
