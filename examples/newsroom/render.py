"""Markdown to safe HTML, with coloured code.

Raw HTML in a text is shown, never obeyed. Pictures from elsewhere become their description: a page of this site
asks no other host for anything.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from newsroom import metadata

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

__all__ = ["excerpt", "markdown_to_html", "plain"]


def markdown_to_html(text: str) -> str:
    """The HTML of an article's body. Headings start at level two: the title of the page is level one."""
    return str(_parser().render(text))


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only where something is rendered: most tasks start without it

    parser = MarkdownIt("commonmark", {"html": False, "highlight": _highlight, "langPrefix": "language-"})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("headings", _lower_headings)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    return parser


def _lower_headings(state: object) -> None:
    for token in getattr(state, "tokens", ()):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, max(2, int(token.tag[1])))}"


def _image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    alt = self.renderInlineAsText(token.children, options, env)
    if source.startswith("/images/"):
        return str(Markup('<img src="{}" alt="{}" loading="lazy">').format(source, alt))
    return str(Markup('<span class="elsewhere">{}</span>').format(alt)) if alt else ""


def _link(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    target = str(token.attrs.get("href", ""))
    if not target.startswith("#") and not metadata.safe_url(target):
        token.attrs.pop("href", None)  # a file of the package's repository: it leads nowhere here
    elif not target.startswith(("/", "#")):
        token.attrSet("rel", "noopener nofollow")
    return self.renderToken(tokens, index, options, env)


def _table_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return '<div class="wide"><table>\n'


def _table_close(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return "</table></div>\n"


def _highlight(code: str, language: str, _: str) -> str:
    from pygments import highlight  # type: ignore[import-untyped]  # Pygments carries no types
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # Pygments carries no types
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # Pygments carries no types
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]  # Pygments carries no types

    names = {"": "text", "console": "console", "py": "python", "sh": "bash", "shell": "bash"}
    try:
        lexer = get_lexer_by_name(names.get(language, language), stripnl=False)
    except ClassNotFound:
        return str(escape(code))
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def plain(text: str) -> str:
    """Markdown as words, for search and summaries."""
    text = re.sub(r"`{3,}[^\n]*|~{3,}[^\n]*", " ", text)
    text = re.sub(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", text)
    text = re.sub(r"<https?://[^>]*>|https?://\S+|^\[[^\]]+\]:\s.*$", " ", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"[*_`#>|]+|^[-=]{3,}$", " ", text, flags=re.MULTILINE).split())


def excerpt(text: str, words: Sequence[str], width: int = 240) -> Markup:
    """A part of a text around the first of some words, with all of them marked.

    >>> print(excerpt("Ferrets dig <b> tunnels", ["dig"]))
    Ferrets <mark>dig</mark> &lt;b&gt; tunnels
    """
    pattern = re.compile(
        r"\b(?:" + ("|".join(re.escape(word) for word in words) or "(?!)") + ")", re.IGNORECASE
    )
    hit = pattern.search(text)
    start = max(0, hit.start() - width // 3) if hit else 0
    start = text.rfind(" ", 0, start) + 1 if start else 0
    part = text[start : start + width].rsplit(" ", 1)[0] if len(text) > start + width else text[start:]
    marked, last = Markup("… ") if start else Markup(""), 0
    for match in pattern.finditer(part):
        marked += escape(part[last : match.start()]) + Markup("<mark>{}</mark>").format(match[0])
        last = match.end()
    return marked + escape(part[last:]) + (" …" if start + width < len(text) else "")
