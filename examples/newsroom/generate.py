"""Any number of articles for load tests: seeded, so that the same command makes the same site.

    python -m newsroom.generate --articles 50000

Every page that it makes says that it is generated.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import apsw

from newsroom import clock, images
from newsroom.clock import to_text
from newsroom.render import markdown_to_html
from newsroom.settings import Settings
from newsroom.store import Store, count

__all__ = ["generate"]

CHUNK = 5_000  # articles in a transaction: other writers of the file get their turn
PICTURES = 24  # real files, which all generated articles share
BODIES = 40

_TOPICS = [
    "python",
    "sqlite",
    "asyncio",
    "testing",
    "packaging",
    "typing",
    "http",
    "caching",
    "fastapi",
    "databases",
    "git",
    "linux",
    "security",
    "performance",
    "logging",
    "parsing",
    "regex",
    "concurrency",
    "queues",
    "scheduling",
    "deployment",
    "containers",
    "profiling",
    "debugging",
    "design",
    "documentation",
    "encoding",
    "networking",
    "templates",
    "css",
    "html",
    "javascript",
    "accessibility",
    "search",
    "indexing",
    "images",
    "backups",
    "migrations",
    "observability",
    "time-zones",
    "unicode",
    "floating-point",
    "memory",
    "iterators",
    "generators",
    "decorators",
    "dataclasses",
    "pattern-matching",
    "exceptions",
    "context-managers",
    "protocols",
    "imports",
]
_VERBS = [
    "Measuring",
    "Understanding",
    "Testing",
    "Replacing",
    "Reading",
    "Simplifying",
    "Caching",
    "Debugging",
    "Scheduling",
    "Tuning",
]
_SHAPES = (
    "in ten minutes",
    "without surprises",
    "by example",
    "from scratch",
    "the slow way",
    "at scale",
    "in anger",
)
_NOTE = "*This article was made by a generator for load tests. It teaches nothing.*\n\n"


def generate(store: Store, settings: Settings, number: int, now: datetime, seed: int = 1) -> dict[str, int]:
    """Write ``number`` articles with tags and pictures beside what is there; counts of what was written.

    Of each hundred 94 are public, 3 scheduled for the coming days and 3 drafts; one in ten waits for review and
    one in twenty is kept from search engines. Tags follow Zipf's law, views Pareto's. Seconds: about one for
    8,000 articles.
    """
    chance = random.Random(seed)
    bodies = [_body(chance, index) for index in range(BODIES)]
    with store.write() as connection:
        shas = _pictures(connection, settings, now)
        first = count(connection, "SELECT max(id) FROM article") + 1
        authors = _authors(connection)
        connection.executemany(
            "INSERT OR IGNORE INTO tag (name, label) VALUES (?, ?)", [(tag, tag) for tag in _tag_names()]
        )
    made = {"articles": 0, "tags": 0, "images": 0}
    rows = _articles(chance, first, number, now, authors, bodies)
    while chunk := list(itertools.islice(rows, CHUNK)):
        with store.write() as connection:
            _write(connection, chance, chunk, shas, made)
    with store.write() as connection:
        connection.execute(
            "UPDATE tag SET live = (SELECT count(*) FROM article_tag t WHERE t.tag = tag.name AND t.live_at IS NOT NULL)"
        )
    return made


def _tag_names() -> list[str]:
    return _TOPICS + [f"{topic}-{part}" for part in ("basics", "tools", "pitfalls") for topic in _TOPICS]


def _authors(connection: apsw.Connection) -> list[int]:
    names = [f"Generated Author {number}" for number in range(1, 41)]
    connection.executemany("INSERT OR IGNORE INTO author (name) VALUES (?)", [(name,) for name in names])
    return [count(connection, "SELECT id FROM author WHERE name = ?", (name,)) for name in names]


def _pictures(connection: apsw.Connection, settings: Settings, now: datetime) -> list[str]:
    return [
        images.keep(connection, settings.images, images.draw(f"Generated {n}"), now)
        for n in range(1, PICTURES + 1)
    ]


def _body(chance: random.Random, index: int) -> tuple[str, str]:
    """One of a few bodies, as Markdown and HTML."""
    topics = chance.sample(_TOPICS, 6)
    paragraphs = [
        f"## {chance.choice(_VERBS)} {topic}\n\nA paragraph about {topic} and {other} stands here, long enough to be "
        f"weighed, cached and searched. It names {', '.join(chance.sample(_TOPICS, 4))} and says nothing about them."
        for topic, other in itertools.pairwise(topics)
    ]
    code = f"```python\ndef number_{index}(values: list[int]) -> int:\n    return sum(values) * {index}\n```"
    text = _NOTE + "\n\n".join([*paragraphs[:2], code, *paragraphs[2:]])
    return text, markdown_to_html(text)


def _articles(
    chance: random.Random,
    first: int,
    number: int,
    now: datetime,
    authors: list[int],
    bodies: list[tuple[str, str]],
) -> Iterator[tuple[tuple[Any, ...], list[str]]]:
    """Rows of ``article``, each with its tags."""
    names = _tag_names()
    reach = list(itertools.accumulate(1 / rank for rank in range(1, len(names) + 1)))  # Zipf
    stamp = to_text(now)
    for article_id in range(first, first + number):
        draw = chance.random()
        status = "published" if draw < 0.94 else "scheduled" if draw < 0.97 else "draft"
        publish_at: str | None
        if status == "published":
            publish_at = to_text(now - timedelta(seconds=60 + chance.random() * 5 * 365 * 86_400))
        else:
            publish_at = (
                to_text(now + timedelta(hours=1 + chance.random() * 240)) if status == "scheduled" else None
            )
        tags = {
            names[bisect.bisect(reach, chance.random() * reach[-1])]
            for _ in range(chance.choice((1, 2, 2, 3, 3, 4)))
        }
        title = f"{chance.choice(_VERBS)} {min(tags)} {chance.choice(_SHAPES)} (generated {article_id})"
        text, html = bodies[article_id % len(bodies)]
        meta = {
            "prerequisites": ["Python 3.11", "Patience, mostly"],
            "tools": ["python", "sqlite"],
            "tags": sorted(tags),
        }
        yield (
            (
                article_id,
                f"generated-{article_id}",
                title,
                f"A generated article about {', '.join(sorted(tags))}.",
                text,
                html,
                json.dumps(meta),
                chance.choice(authors),
                status,
                publish_at,
                stamp if chance.random() < 0.9 else None,
                int(chance.random() < 0.05),
                publish_at or stamp,
                publish_at if status == "published" else stamp,
                int(chance.paretovariate(1.2)) - 1,
            ),
            sorted(tags),
        )


def _write(
    connection: apsw.Connection,
    chance: random.Random,
    chunk: list[tuple[tuple[Any, ...], list[str]]],
    shas: list[str],
    made: dict[str, int],
) -> None:
    connection.executemany(
        """INSERT INTO article (id, slug, title, summary, body, html, meta, author_id, status, publish_at, reviewed_at,
                                noindex, created_at, updated_at, views, generated)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)""",
        [row for row, _ in chunk],
    )
    tags = [(row[0], tag, row[9] if row[8] == "published" else None) for row, names in chunk for tag in names]
    connection.executemany("INSERT INTO article_tag (article_id, tag, live_at) VALUES (?, ?, ?)", tags)
    shown = [
        (row[0], chance.choice(shas)) for row, _ in chunk for _ in range(chance.choice((1, 2, 3, 4, 5, 6)))
    ]
    connection.executemany(
        "INSERT INTO image (article_id, sha, alt) VALUES (?, ?, 'A generated picture: bars and circles')",
        shown,
    )
    views = sum(row[14] for row, _ in chunk)
    connection.execute("UPDATE tally SET value = value + ? WHERE name = 'views_received'", (views,))
    made["articles"] += len(chunk)
    made["tags"] += len(tags)
    made["images"] += len(shown)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Make articles for load tests. They say on each page that they are generated."
    )
    parser.add_argument("--articles", type=int, default=5_000, help="how many (default 5000)")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed makes the same articles (default 1)"
    )
    options = parser.parse_args()
    settings = Settings.from_environment()
    started = time.perf_counter()
    with Store(settings.database) as store:
        store.create()
        made = generate(store, settings, options.articles, clock.now(), options.seed)
    print(
        f"{made['articles']} articles, {made['tags']} tag links, {made['images']} images in {time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    main()
