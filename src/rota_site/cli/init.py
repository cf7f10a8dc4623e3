"""``rota site init``: a first site.toml from a running site."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rota.cli.output import Output
from rota.errors import UsageError
from rota_site.addresses import listed, path_of
from rota_site.derive import Group, grouped, infrastructure, open_paths, written
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.model import Infrastructure, Limits

__all__ = ["begin"]

USUAL = ("/", "/robots.txt", "/sitemap.xml", "/feed.xml", "/favicon.ico")


def begin(url: str, origin: str | None, folder: str, output: Output) -> None:
    """Ask the site, and write both files. Raises `UsageError`: one is there already, or the site does not answer."""
    files = [Path(folder) / name for name in ("site.toml", "infrastructure.toml")]
    for file in files:
        if file.exists():
            raise UsageError(
                f"{file} is there already",
                expected="a folder without it: nothing is overwritten",
                found="the file",
                where=str(file),
            )
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise UsageError(
            "the address cannot be asked", expected="http://... or https://...", found=url, where="URL"
        )
    base = f"{address.scheme}://{address.netloc}"
    text = asyncio.run(_described(base, address.netloc))
    files[0].write_text(text, "utf-8")
    files[1].write_text(infrastructure(base, origin), "utf-8")
    output.line(
        f"wrote {files[0]} and {files[1]}: {text.count('[[route]]')} routes, each a guess; next: rota site check headers --site {files[0]}"
    )


async def _described(base: str, name: str) -> str:
    async with Fetcher(Infrastructure(base, limits=Limits(connections=4, rate=20))) as fetcher:
        try:
            await fetcher.fetch(Ask("/"))
        except FetchFailed as failed:
            raise UsageError(
                "the site does not answer", expected="a reply from /", found=str(failed), where=base
            ) from None
        sitemap = await _sitemap(fetcher)
        paths = await listed(fetcher, sitemap) if sitemap else []
        known = open_paths(await _text(fetcher, "/openapi.json"))
        fixed = [path for path in known if "{" not in path]
        asked = await fetcher.fetch_all([Ask(path) for path in dict.fromkeys([*USUAL, *fixed])])
        there = [each.ask.path for each in asked if isinstance(each, Reply) and each.status != 404]
        groups = grouped([*there, *paths], [path for path in known if "{" in path])
        return written(name, [(group, await _replies(fetcher, group)) for group in groups], sitemap)


async def _sitemap(fetcher: Fetcher) -> str | None:
    """The path that robots.txt names, else the usual one, where it is there."""
    robots = await _text(fetcher, "/robots.txt")
    named = [
        line.partition(":")[2].strip() for line in robots.splitlines() if line.lower().startswith("sitemap:")
    ]
    path = path_of(named[0]) if named else "/sitemap.xml"
    return path if await _text(fetcher, path) else None


async def _text(fetcher: Fetcher, path: str) -> str:
    try:
        reply = await fetcher.fetch(Ask(path))
    except FetchFailed:
        return ""
    return reply.text if reply.status == 200 else ""


async def _replies(fetcher: Fetcher, group: Group) -> Sequence[Reply]:
    found = await fetcher.fetch_all([Ask(path) for path in group.samples])
    return [each for each in found if isinstance(each, Reply)]
