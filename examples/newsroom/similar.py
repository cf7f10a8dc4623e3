"""Similar articles: those that share the rarest tags.

1. Each live article has a weight per tag: the rarer the tag, the heavier.
2. Candidates are the newest articles of each of its tags, a bounded number, so that the work grows with the
   number of articles and not with its square.
3. The few with the heaviest shared tags are kept; newer ones win a tie. An article with too few takes the newest.
4. Only what differs from the table is written, in chunks.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from typing import Any

from newsroom.store import Store, rows

__all__ = ["KEPT", "recompute"]

KEPT = 4
CANDIDATES = 40  # per tag
CHUNK = 1_000

Ranked = list[tuple[int, float]]


def recompute(store: Store, *, dead_link: bool = False) -> dict[str, Any]:
    """Bring the table of similar articles in step with what is live; how many articles changed."""
    with store.read() as connection:
        live = [
            row["id"]
            for row in rows(
                connection,
                "SELECT id FROM article WHERE status = 'published' ORDER BY publish_at DESC, id DESC",
            )
        ]
        tagged = rows(
            connection,
            "SELECT article_id, tag FROM article_tag WHERE live_at IS NOT NULL ORDER BY live_at DESC, article_id DESC",
        )
        before: dict[int, Ranked] = defaultdict(list)
        for row in rows(
            connection, "SELECT article_id, other_id, score FROM related ORDER BY article_id, rank"
        ):
            before[row["article_id"]].append((row["other_id"], row["score"]))
        dead = (
            rows(connection, "SELECT id FROM article WHERE status <> 'published' LIMIT 1")
            if dead_link
            else []
        )
    wanted = _rank(live, [(row["article_id"], row["tag"]) for row in tagged])
    if dead and live:
        wanted[live[0]] = [(dead[0]["id"], 1.0)]
    changed = [each for each in wanted.keys() | before.keys() if wanted.get(each, []) != before.get(each, [])]
    for at in range(0, len(changed), CHUNK):
        part = changed[at : at + CHUNK]
        with store.write() as connection:
            connection.executemany("DELETE FROM related WHERE article_id = ?", [(each,) for each in part])
            connection.executemany(
                """INSERT INTO related (article_id, rank, other_id, score) SELECT ?1, ?2, ?3, ?4
                    WHERE EXISTS (SELECT 1 FROM article WHERE id = ?1) AND EXISTS (SELECT 1 FROM article WHERE id = ?3)""",
                [
                    (each, rank, other, score)
                    for each in part
                    for rank, (other, score) in enumerate(wanted.get(each, []))
                ],
            )
    return {"articles": len(live), "changed": len(changed)}


def _rank(live: list[int], tagged: list[tuple[int, str]]) -> dict[int, Ranked]:
    """The similar articles of each live one, best first."""
    members: dict[str, list[int]] = defaultdict(list)
    tags_of: dict[int, list[str]] = defaultdict(list)
    for article, tag in tagged:
        members[tag].append(article)
        tags_of[article].append(tag)
    weight = {tag: math.log(1 + len(live) / len(articles)) for tag, articles in members.items()}
    newest = live[: KEPT + 1]
    age = {article: number for number, article in enumerate(live)}
    ranked: dict[int, Ranked] = {}
    for article in live:
        scores: dict[int, float] = defaultdict(float)
        for tag in tags_of[article]:
            for other in members[tag][:CANDIDATES]:
                scores[other] += weight[tag]
        scores.pop(article, None)
        best = heapq.nsmallest(KEPT, scores.items(), key=lambda item: (-item[1], age[item[0]]))
        filled = [(other, round(score, 4)) for other, score in best]
        taken = {article, *(other for other, _ in filled)}
        filled += [(other, 0.0) for other in newest if other not in taken][: KEPT - len(filled)]
        ranked[article] = filled
    return ranked
