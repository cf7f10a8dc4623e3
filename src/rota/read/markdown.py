"""Pages in Markdown: tables, lists and instants, the same for the same facts; and the same pages as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rota.clock import Instant, from_instant

__all__ = ["at", "bullets", "plain", "share", "table", "to_html"]


def at(instant: Instant | None) -> str:
    """An instant, absolute: a page that is kept has no now. None is nothing.

    >>> at(Instant(1_795_000_000_000_000))
    '2026-11-18 11:06:40 UTC'
    """
    return "" if instant is None else f"{from_instant(instant):%Y-%m-%d %H:%M:%S} UTC"


def bullets(items: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {plain(item)}" for item in items)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [heads, ["---"] * len(heads), *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def share(rising: Sequence[int], percent: int) -> int:
    """The value that so many percent do not exceed: the nearest rank.

    >>> share([10, 20, 30, 40], 50), share([10], 95)
    (20, 10)
    """
    return rising[max(0, -(-len(rising) * percent // 100) - 1)]


def to_html(markdown: str, title: str) -> str:
    """A page as one HTML document that needs nothing from elsewhere. What stands in the text is text, never markup."""
    from html import escape

    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )


_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid #8886;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}code{font-size:.95em}h2{margin-top:2rem}"
)


def plain(text: str) -> str:
    """As one line that neither ends a cell nor begins markup; what stands between backticks is kept as it is."""
    if text.startswith(("`", "**")):
        return text.replace("\n", " ").replace("|", "\\|")
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
