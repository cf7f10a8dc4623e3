"""The documentation, read as Markdown: its pages, their code blocks, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Block:
    """A fenced block: ``title`` is the file that it shows, if it names one."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, in order; all languages if none is named."""
    found = []
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type == "fence" and token.map is not None:
            language, _, rest = token.info.strip().partition(" ")
            title = re.search(r'title="([^"]+)"', rest)
            if not languages or language in languages:
                found.append(
                    Block(page, token.map[0] + 1, language, title and title[1], token.content)  # type: ignore[arg-type]  # None or text
                )
    return found


def all_blocks(*languages: str) -> list[Block]:
    return [block for page in pages() for block in blocks(page, *languages)]


def commands(block: Block) -> list[str]:
    """The commands of a console block: what stands behind the prompt, without its comment."""
    lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    return [re.split(r"\s+#\s", line, maxsplit=1)[0].strip() for line in lines]


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    found = []
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        for child in token.children or ():
            target = child.attrs.get("href") or child.attrs.get("src")
            if target:
                found.append(str(target))
    return found


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, spelt as on GitHub."""
    tokens = MarkdownIt().enable("table").parse(page.read_text("utf-8"))
    titles = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
