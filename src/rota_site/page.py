"""What an HTML page says: its links, images, canonical address and robots. Read by the standard parser, never executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from rota_site.fetch import Reply

__all__ = ["Image", "Page", "is_html", "is_noindex", "read_page"]


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a page names it. What is None is not stated."""

    src: str
    width: str | None
    height: str | None
    alt: str | None


@dataclass(slots=True)
class Page:
    """A page's own words; addresses are made absolute against ``url``."""

    url: str
    links: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    canonical: list[str] = field(default_factory=list)
    robots: list[str] = field(default_factory=list)


def read_page(reply: Reply) -> Page:
    """The page of a reply.

    >>> from rota_site.fetch import Ask
    >>> body = b'<link rel="canonical" href="/a"><a href="b#c">B</a><img src="i.png" alt="">'
    >>> page = read_page(Reply(Ask("/a/"), "http://x.test/a/", 200, (), body, True, 0, 0, 0))
    >>> page.canonical, page.links, page.images[0].width
    (['http://x.test/a'], ['http://x.test/a/b'], None)
    """
    reader = _Reader(Page(reply.url))
    reader.feed(reply.text)
    reader.close()
    return reader.page


def is_html(reply: Reply) -> bool:
    """Whether a reply is a page."""
    return (reply.get("content-type") or "").partition(";")[0].strip().lower() in (
        "text/html",
        "application/xhtml+xml",
    )


def is_noindex(reply: Reply, page: Page | None = None) -> bool:
    """Whether a reply asks not to be indexed, by its X-Robots-Tag or its meta element (developers.google.com/search)."""
    said = [*reply.all("x-robots-tag"), *(page.robots if page else ())]
    return any(word in {"noindex", "none"} for text in said for word in _words(text))


def _words(text: str) -> list[str]:
    return [word.partition(":")[2].strip() or word.strip() for word in text.lower().split(",")]


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        stated = {name: value or "" for name, value in attrs}
        match tag:
            case "a" | "area" if "href" in stated:
                self._link(stated["href"])
            case "img" if "src" in stated:
                image = Image(
                    self._whole(stated["src"]), *(stated.get(name) for name in ("width", "height", "alt"))
                )
                self.page.images.append(image)
            case "link" if "canonical" in stated.get("rel", "").lower().split():
                self.page.canonical.append(self._whole(stated.get("href", "")))
            case "meta" if stated.get("name", "").lower() == "robots":
                self.page.robots.append(_content(stated))

    def _link(self, href: str) -> None:
        whole = self._whole(href)
        if urlsplit(whole).scheme in ("http", "https"):
            self.page.links.append(whole)

    def _whole(self, address: str) -> str:
        try:
            return urljoin(self.page.url, address.strip()).partition("#")[0]
        except ValueError:  # an address that is none is a link to nowhere
            return address


def _content(stated: Mapping[str, str]) -> str:
    return stated.get("content", "")
