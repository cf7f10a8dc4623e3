"""Metadata survives its traps, in the store and on the page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from newsroom import articles, metadata
from newsroom.pages.public import facts

TRAPS = {
    "empty": ([], []),
    "one item": (["uv"], ["uv"]),
    "commas and quotes": (['a, b, "c"', "it's"], ['a, b, "c"', "it's"]),
    "html": (["<script>alert(1)</script>", "<b>&amp;</b>"], ["<script>alert(1)</script>", "<b>&amp;</b>"]),
    "emoji": (["🦦 ferret", "🇩🇪"], ["🦦 ferret", "🇩🇪"]),
    "null": (None, []),
    "nulls within": ([None, "a", None, ""], ["a"]),
    "a text where a list was meant": ("uv, ruff", ["uv, ruff"]),
    "a printed list": ("['a', 'b']", ["a", "b"]),
    "a JSON list as text": ('["a", "b"]', ["a", "b"]),
    "half a printed list": ("['a', 'b'", ["['a', 'b'"]),
    "numbers": ([3, 3.5, True], ["3", "3.5", "True"]),
    "one number": (3, ["3"]),
    "200 items": ([f"item {n}" for n in range(200)], [f"item {n}" for n in range(200)]),
    "repeats": (["a", "a", " a "], ["a"]),
    "control characters": (["a\x00b\x0bc"], ["abc"]),
}


class _Lists(HTMLParser):
    """The texts of all <li> in the box, by the heading before them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.inside = ""
        self.heading = ""
        self.in_box = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_box = self.in_box or (tag == "aside" and ("class", "box") in attrs)
        if self.in_box and tag in ("h2", "li"):
            self.inside = tag
            self.heading = "" if tag == "h2" else self.heading
            if tag == "li":
                self.found.setdefault(self.heading, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self.in_box = self.in_box and tag != "aside"
        self.inside = "" if tag == self.inside else self.inside

    def handle_data(self, data: str) -> None:
        if self.inside == "h2":
            self.heading += data
        elif self.inside == "li":
            self.found[self.heading][-1] += data.strip("\n")


def shown(world, meta: object) -> tuple[dict[str, list[str]], str]:
    with world.store.write() as connection:
        draft = articles.Draft("trap", "Trap", "Words.", "Grace", meta=meta)
        article_id = articles.create(connection, draft, world.now)
        articles.schedule(connection, article_id, world.now, world.now)
        articles.publish(connection, article_id, world.now)
    reply = world.client().get("/articles/trap")
    assert reply.status_code == 200
    lists = _Lists()
    lists.feed(reply.text)
    return {heading: [each.strip() for each in items] for heading, items in lists.found.items()}, reply.text


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("key", ["tools", "checklist"])
def test_a_list_with_traps_is_shown_item_by_item(world, trap: str, key: str) -> None:
    handed_in, expected = TRAPS[trap]
    lists, text = shown(world, {key: handed_in})
    assert lists.get(metadata.label(key), []) == expected
    assert "['" not in text or trap == "half a printed list"
    assert "<script>alert" not in text


@pytest.mark.parametrize("trap", TRAPS)
def test_tags_with_traps_lead_to_pages_that_exist(world, trap: str) -> None:
    handed_in, expected = TRAPS[trap]
    lists, _ = shown(world, {"tags": handed_in})
    assert lists.get("Tags", []) == expected
    client = world.client()
    for label in expected[:5]:
        reply = client.get(f"/tags/{articles.tag_name(label)}")
        assert reply.status_code == 200
        assert "/articles/trap" in reply.text


@pytest.mark.parametrize("whole", [None, "", "null", "[]", "{}", [], 7, "not json", '{"tools": null}'])
def test_metadata_that_holds_nothing_makes_no_box_entries(whole: object) -> None:
    assert metadata.clean(whole) == {}


def test_a_reference_is_a_link_only_where_a_reader_may_follow_it() -> None:
    found = metadata.clean(
        {
            "references": [
                {"title": "Docs", "url": "https://example.org/?a=1&b=2"},
                {"title": "Bad", "url": "javascript:alert(1)"},
                {"url": "https://example.org/untitled"},
                {"title": None, "url": None},
                "a book",
            ]
        }
    )
    assert found == {
        "references": [
            {"title": "Docs", "url": "https://example.org/?a=1&b=2"},
            "Bad",
            {"title": "https://example.org/untitled", "url": "https://example.org/untitled"},
            "a book",
        ]
    }


def test_cleaning_twice_changes_nothing() -> None:
    for handed_in, _ in TRAPS.values():
        once = metadata.clean({"tools": handed_in, "own key": handed_in})
        assert metadata.clean(once) == once


def test_the_box_keeps_the_order_of_its_labels_and_shows_unknown_keys() -> None:
    box = facts('{"reading_time": ["5 min"], "tags": ["a"], "tools": ["b"]}')
    assert [each["label"] for each in box.values()] == ["Tools", "Tags", "Reading time"]
