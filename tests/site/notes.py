"""A small site whose pages are functions of its content, so that what a change should purge is known: the pages whose bytes differ."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any

from tests.site.standin import Answer, Asked

PER_PAGE = 3
FEED = 4
TAGS = ("python", "sql", "web", "c++")
AUTHORS = ("ada", "ben")
RULES = """
site = "Notes"
url = "{url}"
origin = "{origin}"
[cache]
kind = "{kind}"
purge = "{purge}"
[limits]
rate = 10000
connections = 40

[[route]]
name = "home"
pattern = "/"
[[route]]
name = "article"
pattern = "/articles/{{id}}"
source = {{ sitemap = "/sitemap.xml", most = 1000 }}
[[route]]
name = "tag"
pattern = "/tags/{{tag}}"
samples = ["/tags/python", "/tags/sql", "/tags/web", "/tags/c%2B%2B"]
[[route]]
name = "static"
pattern = "/static.css"
[[route]]
name = "feed"
pattern = "/feed.xml"

[[content]]
kind = "article"
lookup = "/lookup/{{id}}"

[[content.shown]]
path = "/articles/{{id}}"
because = "it is the article"
when = ["title", "body", "tags", "author", "public"]
only = "public"

[[content.shown]]
path = "/tags/{{each}}"
each = "tags"
because = "it carries the tag"
when = ["title", "tags", "public"]
only = "public"

[[content.shown]]
path = "/authors/{{author}}"
because = "its author's page names it"
when = ["title", "author", "public"]
only = "public"

[[content.shown]]
path = "/page/{{page}}"
because = "the listing names it here"
when = ["title"]
only = "public"

[[content.shown]]
path = "/page/{{each}}"
each = "following"
because = "the listing moves on from here"
when = ["public", "following"]
only = "public"

[[content.shown]]
path = "/"
because = "it is among the newest"
when = ["title", "public"]
only = "on_home"

[[content.shown]]
path = "/feed.xml"
because = "the feed has it"
when = ["title", "body", "public"]
only = "in_feed"

[[content.shown]]
path = "/sitemap.xml"
because = "the sitemap lists it"
when = ["public"]
only = "public"
"""


@dataclass
class Article:
    id: int
    title: str
    body: str
    tags: list[str]
    author: str
    public: bool


@dataclass
class Notes:
    articles: dict[int, Article] = field(default_factory=dict)

    @classmethod
    def written(cls, chance: random.Random, count: int = 14) -> Notes:
        notes = cls()
        for id in range(1, count + 1):
            tags = chance.sample(TAGS, chance.randint(0, 3))
            notes.articles[id] = Article(
                id, f"title {id}", f"body {id}", tags, chance.choice(AUTHORS), chance.random() < 0.8
            )
        return notes

    # -- what it shows

    def listed(self) -> list[Article]:
        """The public ones, newest first."""
        return sorted((each for each in self.articles.values() if each.public), key=lambda each: -each.id)

    def pages(self) -> dict[str, str]:
        """Every page with its content; only they can be purged."""
        listed = self.listed()
        pages = {
            f"/articles/{each.id}": f"{each.title} {each.body} {sorted(each.tags)} {each.author}"
            for each in listed
        }
        for tag in TAGS:
            path = f"/tags/{tag.replace('+', '%2B')}"
            pages[path] = f"{tag}: {[each.title for each in listed if tag in each.tags]}"
        for author in AUTHORS:
            pages[f"/authors/{author}"] = (
                f"{author}: {[each.title for each in listed if each.author == author]}"
            )
        for number in range(1, self.last_page() + 1):
            pages[f"/page/{number}"] = str(
                [each.title for each in listed[(number - 1) * PER_PAGE : number * PER_PAGE]]
            )
        pages["/"] = f"the newest: {[each.title for each in listed[:PER_PAGE]]}"
        pages["/feed.xml"] = str([(each.title, each.body) for each in listed[:FEED]])
        locations = "".join(f"<url><loc>http://x/articles/{each.id}</loc></url>" for each in listed)
        pages["/sitemap.xml"] = (
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locations}</urlset>'
        )
        pages["/static.css"] = "body {}"
        return pages

    def last_page(self) -> int:
        return max(1, -(-len(self.listed()) // PER_PAGE))

    def described(self, id: int) -> dict[str, Any]:
        """What the lookup says of an article: its fields, and where it stands in the listing."""
        each = self.articles[id]
        ids = [one.id for one in self.listed()]
        at = ids.index(id) if each.public else None
        page = None if at is None else at // PER_PAGE + 1
        return {
            "id": id, "title": each.title, "body": each.body, "tags": list(each.tags), "author": each.author, "public": each.public,
            "page": page, "following": [] if page is None else list(range(page, self.last_page() + 1)),
            "on_home": page == 1, "in_feed": at is not None and at < FEED,
        }  # fmt: skip

    def answer(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        if path.startswith("/lookup/"):
            return Answer(
                200,
                [("Content-Type", "application/json")],
                json.dumps(self.described(int(path[8:]))).encode(),
            )
        content = self.pages().get(path)
        if content is None:
            return Answer(404, [("Cache-Control", "no-store")])
        headers = [("Cache-Control", "public, max-age=0, s-maxage=600"), ("Content-Type", "text/plain")]
        return Answer(200, headers, content.encode())

    # -- what happens to it

    def changed(self, chance: random.Random) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """One random change: the article, and its description before and after."""
        id = chance.choice(list(self.articles))
        each = self.articles[id]
        before = self.described(id)
        match chance.choice(("title", "body", "tags", "author", "public", "public", "nothing")):
            case "title":
                each.title = f"title {id} {chance.randrange(10**6)}"
            case "body":
                each.body = f"body {id} {chance.randrange(10**6)}"
            case "tags":
                each.tags = chance.sample(TAGS, chance.randint(0, 3))
            case "author":
                each.author = chance.choice(AUTHORS)
            case "public":
                each.public = not each.public
        return id, before, self.described(id)

    def copy(self) -> Notes:
        return copy.deepcopy(self)
