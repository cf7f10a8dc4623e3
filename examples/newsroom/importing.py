"""The first content: what the Python packages installed beside the site say about themselves.

Nothing of it is committed; each machine has what is installed on it.
"""

from __future__ import annotations

import email.message
import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import apsw

from newsroom import articles, images, metadata, plaintext
from newsroom.render import plain
from newsroom.settings import Settings
from newsroom.store import Store, count

__all__ = ["import_packages", "installed"]

_BORING = re.compile(
    r"^\d|sponsor|licen[sc]e|table of contents|badge|contribut|changelog|thanks", re.IGNORECASE
)
SHORTEST = 600  # characters of description that make an article
LONGEST = 60_000
WAITING = 8  # articles that are left to be published in the first minutes, so that there is something to see


def import_packages(
    store: Store, settings: Settings, now: datetime, packages: Iterable[str] | None = None
) -> dict[str, int]:
    """Write an article about each installed package (or each named one) that has something to say.

    Most are public at once, some days apart; the last few are scheduled for the coming minutes; every ninth waits
    for review. Packages that have an article already are left alone, so this is safe to repeat.
    """
    drafts = list(installed(packages))
    written = {"articles": 0, "scheduled": 0}
    with store.write() as connection:
        for number, draft in enumerate(drafts):
            if count(connection, "SELECT 1 FROM article WHERE slug = ?", (draft.slug,)):
                continue
            waits = len(drafts) > 3 * WAITING and number >= len(drafts) - WAITING
            place = len(drafts) - number
            when = (
                now + timedelta(seconds=20 + 40 * (WAITING - place))
                if waits
                else now - timedelta(hours=19 * place)
            )
            _write(connection, settings, replace(draft, reviewed=number % 9 != 4), when, now)
            written["articles"] += 1
            written["scheduled"] += int(waits)
    return written


def _write(
    connection: apsw.Connection, settings: Settings, draft: articles.Draft, when: datetime, now: datetime
) -> None:
    article_id = articles.create(connection, draft, now)
    name = draft.title.split(":")[0]
    sha = images.keep(connection, settings.images, images.draw(name), now)
    images.add(
        connection, article_id, sha, f"Cover of the article on {name}: its name above drawn lines of code"
    )
    articles.schedule(connection, article_id, when, now)
    articles.publish(connection, article_id, now)


def installed(packages: Iterable[str] | None = None) -> Iterator[articles.Draft]:
    """An article for each installed package with a description worth reading, in order of name."""
    wanted = None if packages is None else {metadata.slug(name) for name in packages}
    found: dict[str, importlib.metadata.Distribution] = {}
    for package in importlib.metadata.distributions():
        name = metadata.slug(package.metadata["Name"] or "")
        if name and (wanted is None or name in wanted):
            found.setdefault(name, package)
    # in an order that has nothing to do with the alphabet, and is the same every time
    for name in sorted(found, key=lambda each: (sum(each.encode()) * 7919 % 1009, each)):
        draft = _draft(name, found[name])
        if len(draft.body) >= SHORTEST:
            yield draft


def _draft(slug: str, package: importlib.metadata.Distribution) -> articles.Draft:
    message = cast(email.message.Message, package.metadata)
    fields = _Fields(message)
    name = fields.one("Name")
    summary = fields.one("Summary").rstrip(".").removeprefix(f"{name}: ")
    text = str(message.get_payload() or "") or fields.one("Description")
    kind = fields.one("Description-Content-Type")
    body = plaintext.from_markdown(text) if "markdown" in kind else plaintext.from_rst(text)
    return articles.Draft(
        slug=slug,
        title=f"{name}: {summary}" if summary and len(summary) < 90 else name,
        summary=_lead(body) or summary,
        body=_without_title(body)[:LONGEST],
        author=fields.author() or f"The {name} authors",
        meta=_meta(fields, name, package.version, body),
    )


def _without_title(body: str) -> str:
    """The body without a first heading that only repeats the name."""
    return re.sub(r"\A#{1,2} [^\n]{1,40}\n+", "", body)


def _lead(body: str) -> str:
    """The first paragraph of the body that reads like one; empty when there is none near the top."""
    for part in _without_title(body).split("\n\n")[:12]:
        words = plain(part)
        if len(words) >= 60 and part[0].isalnum() and ". " in f"{words} " and "    " not in part:
            return words if len(words) <= 220 else words[:220].rsplit(" ", 1)[0] + " …"
    return ""


class _Fields:
    """The header fields of a package's metadata, as texts."""

    def __init__(self, message: email.message.Message) -> None:
        self.message = message

    def one(self, key: str) -> str:
        value = str(self.message.get(key) or "")
        return "" if value == "UNKNOWN" else value.strip()

    def all(self, key: str) -> list[str]:
        return [str(value) for value in self.message.get_all(key) or []]

    def author(self) -> str:
        names = self.one("Author") or re.sub(r"\s*<[^>]*>", "", self.one("Author-email")).strip('" ')
        return names.split(",")[0].strip()[:80]

    def classified(self, prefix: str) -> list[str]:
        return [value.removeprefix(prefix) for value in self.all("Classifier") if value.startswith(prefix)]


def _meta(fields: _Fields, name: str, version: str, body: str) -> dict[str, object]:
    needs = [each for each in fields.all("Requires-Dist") if "extra ==" not in each]
    extras = [each.split(";")[0].strip() for each in fields.all("Requires-Dist") if "extra ==" in each]
    pythons = [
        each
        for each in fields.classified("Programming Language :: Python :: ")
        if re.fullmatch(r"3\.\d+", each)
    ]
    links = [each.partition(",") for each in fields.all("Project-URL")]
    prose = re.sub(r"^(```+|~~~+).*?^\1", "", body, flags=re.MULTILINE | re.DOTALL)
    headings = [
        each for each in re.findall(r"^#{2,3} (.{3,70})$", prose, flags=re.MULTILINE) if not each[0].isdigit()
    ]
    return {
        "prerequisites": [f"Python {fields.one('Requires-Python')}"] * bool(fields.one("Requires-Python"))
        + [each.split(";")[0].strip() for each in needs],
        "outcomes": [re.sub(r"[*`]|\[([^\]]*)\]\([^)]*\)", r"\1", each).strip(" #") for each in headings[:8]],
        "checklist": [
            f"Install it: python -m pip install {name}",
            "Read the release notes before you raise the version",
        ],
        "tools": extras[:40],
        "versions": [f"{name} {version}", *(f"Python {each}" for each in pythons)],
        "references": [{"title": title.strip(), "url": url.strip()} for title, _, url in links],
        "license": fields.one("License-Expression") or fields.classified("License :: OSI Approved :: "),
        "tags": _tags(fields),
    }


def _tags(fields: _Fields) -> list[str]:
    keywords = re.split(r"[,\s]+" if "," not in fields.one("Keywords") else r",", fields.one("Keywords"))
    topics = [each.split(" :: ")[-1] for each in fields.classified("Topic :: ")]
    frameworks = fields.classified("Framework :: ")
    tags = ["python", *keywords, *topics, *(each.split(" :: ")[0] for each in frameworks)]
    lowered = [tag.strip().lower() for tag in tags if 1 < len(tag.strip()) < 40]
    return list(dict.fromkeys(lowered))[:14]


def first_start(store: Store, settings: Settings, now: datetime) -> dict[str, int] | None:
    """Import the packages when the site has no article at all; None when it has."""
    with store.read() as connection:
        if count(connection, "SELECT 1 FROM article LIMIT 1"):
            return None
    return import_packages(store, settings, now)
