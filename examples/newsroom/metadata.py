"""The lists that stand in the box beside an article: tags, tools, checklists, references and so on.

What authors and importers hand in is untidy; what is stored is always ``{key: [item, ...]}`` where an item is a
text or ``{"title": ..., "url": ...}``, no list is empty and no item is blank. Pages print items, never lists.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["LABELS", "clean", "item_text", "label", "safe_url", "slug"]

Item = str | dict[str, str]

# Keys with a fixed place in the box, in this order; other keys follow under their own name.
LABELS = {
    "prerequisites": "You need",
    "outcomes": "In this article",
    "checklist": "Checklist",
    "tools": "Tools",
    "versions": "Versions",
    "references": "References",
    "tags": "Tags",
}

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def clean(raw: object) -> dict[str, list[Item]]:
    """Tidy metadata from whatever was handed in: a mapping, its JSON text, or nothing.

    A text where a list was meant is one item, whatever commas it holds; a text that is the printed form of a list
    is read as that list. Nothing is split, so commas and quotes inside an item survive.

    >>> clean({"tools": "uv, ruff", "tags": ["a", None, "", "a"], "versions": None})
    {'tools': ['uv, ruff'], 'tags': ['a']}
    >>> clean({"tags": "['a', 'b']"})
    {'tags': ['a', 'b']}
    >>> clean(None)
    {}
    """
    if isinstance(raw, str):
        raw = _json_or_none(raw)
    if not isinstance(raw, Mapping):
        return {}
    found = {str(key).strip(): _items(value) for key, value in raw.items()}
    order = [*LABELS, *(key for key in found if key not in LABELS)]
    return {key: found[key] for key in order if key and found.get(key)}


def _items(value: object) -> list[Item]:
    """The items of one list, without blanks and repeats, in their order."""
    items: list[Item] = []
    for entry in _entries(value):
        item = _item(entry)
        if item and item not in items:
            items.append(item)
    return items


def _entries(value: object) -> Iterable[object]:
    if isinstance(value, str):
        listed = _printed_list(value)
        return [value] if listed is None else listed
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, Iterable):
        return value
    return [value]


def _item(entry: object) -> Item:
    if entry is None:
        return ""
    if isinstance(entry, Mapping):
        url = safe_url(_text(entry.get("url") or ""))
        title = _text(entry.get("title") or "") or url
        return {"title": title, "url": url} if url else title
    return _text(entry)


def _text(value: object) -> str:
    return " ".join(_CONTROL.sub("", str(value)).split())


def _printed_list(text: str) -> list[Any] | None:
    """The list whose printed form a text is, as left behind by careless ``str(list)``; None when it is none."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    parsed = _json_or_none(text)
    if parsed is None:
        try:
            parsed = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return parsed if isinstance(parsed, list) else None


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def safe_url(url: str) -> str:
    """The address when a reader may follow it, else nothing.

    >>> safe_url("https://example.org/a"), safe_url("javascript:alert(1)")
    ('https://example.org/a', '')
    """
    return url if re.match(r"(https?://|/(?!/))[^\s<>\"]*$", url, re.IGNORECASE) else ""


def label(key: str) -> str:
    """What stands above a list.

    >>> label("tools"), label("reading_time")
    ('Tools', 'Reading time')
    """
    return LABELS.get(key) or key.replace("_", " ").replace("-", " ").strip().capitalize()


def item_text(item: Item) -> str:
    return item if isinstance(item, str) else item["title"]


def slug(text: str) -> str:
    """A text as part of an address, in ASCII; empty when nothing of it can be one.

    >>> slug("Software Development :: Libraries"), slug("C++"), slug("🦦")
    ('software-development-libraries', 'c-plus-plus', '')
    """
    words = unicodedata.normalize("NFKD", text.lower().replace("++", " plus plus ").replace("#", " sharp "))
    return "-".join(re.findall(r"[a-z0-9]+", words.replace("'", "")))[:60].strip("-")
