"""Package descriptions as the site's Markdown: reStructuredText made readable, raw HTML and badges taken out.

This is no full reader of reStructuredText: headings, lists, literal blocks, code blocks, links and inline
literals come through, directives that make no sense here are left out.
"""

from __future__ import annotations

import re

__all__ = ["from_markdown", "from_rst"]

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_PICTURE = r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])"
_BADGE = re.compile(
    rf"\[(?:{_PICTURE}\s*)+\](?:\([^)]*\)|\[[^\]]*\])?|{_PICTURE.replace(r'[^)]*', r'https?://[^)]*', 1)}"
)
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/?>", re.DOTALL)
_RULE = re.compile(r"([=\-~^\"'#*+.:_`])\1{2,}\s*$")
_CODE = re.compile(r"\.\.\s+(?:code-block|code|sourcecode)::\s*(\S*)")
_DIRECTIVE = re.compile(r"\.\.\s")


def from_markdown(text: str) -> str:
    """Markdown without raw HTML and without badges; code is left as it is.

    >>> from_markdown('<p align="center">Hello <b>you</b></p>\\n\\n[![ok](https://x/y.svg)](https://x) there')
    'Hello you\\n\\nthere'
    """
    parts: list[str] = []
    prose: list[str] = []
    fence = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = _FENCE.match(line)
        if fence:
            parts.append(line)
            fence = "" if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]) else fence
        elif mark:
            parts += [_prose("\n".join(prose)), line]
            prose, fence = [], mark[1]
        else:
            prose.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join([*parts, _prose("\n".join(prose))])).strip()


def _prose(text: str) -> str:
    """Prose outside fences, without tags; what stands in backticks is kept."""
    pieces = re.split(r"(`[^`\n]*`)", _BADGE.sub("", text))
    cleaned = "".join(piece if index % 2 else _TAG.sub("", piece) for index, piece in enumerate(pieces))
    return "\n".join(
        line if line.startswith("    ") else line.strip(" \t") if not _listed(line) else line.rstrip()
        for line in cleaned.split("\n")
    )


def _listed(line: str) -> bool:
    return bool(re.match(r"\s+([-*+]|\d+[.)])\s", line)) or line.startswith("  ")


def from_rst(text: str) -> str:
    """reStructuredText as Markdown.

    >>> print(from_rst("Title\\n=====\\n\\nUse ``a`` and `docs <https://example.org/>`_::\\n\\n    x = 1\\n"))
    ## Title
    <BLANKLINE>
    Use `a` and [docs](https://example.org/):
    <BLANKLINE>
    ```python
    x = 1
    ```
    """
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    targets = {
        m[1].strip("`").lower(): m[2]
        for line in lines
        if (m := re.match(r"\.\. _([^:]+|`[^`]+`):\s+(\S+)", line))
    }
    out: list[str] = []
    at = 0
    while at < len(lines):
        line, following = lines[at], lines[at + 1] if at + 1 < len(lines) else ""
        if (
            _RULE.match(line)
            and (not out or not out[-1].strip())
            and at + 2 < len(lines)
            and _RULE.match(lines[at + 2])
        ):
            at += 1  # the line above an overlined heading
        elif line.strip() and not line.startswith(" ") and _RULE.match(following) and not _RULE.match(line):
            out += ["", f"## {_inline(line.strip(), targets)}", ""]
            at += 2
        elif code := _CODE.match(line.strip()):
            block, at = _indented(lines, at + 1, drop_options=True)
            out += _fenced(block, code[1] or "python")
        elif _DIRECTIVE.match(line):
            _, at = _indented(lines, at + 1, drop_options=False)
        elif line.rstrip().endswith("::"):
            head = line.rstrip()[:-1].rstrip(":").rstrip()
            out += [f"{_inline(head, targets)}:", ""] if head else []
            block, at = _indented(lines, at + 1, drop_options=False)
            out += _fenced(block, "python")
        elif re.match(r":[\w -]+:(\s|$)", line):
            at += 1  # a field of a field list
        else:
            out.append("" if _RULE.match(line) else _inline(line, targets))
            at += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def _indented(lines: list[str], at: int, *, drop_options: bool) -> tuple[list[str], int]:
    """The indented block from a line on, without its indentation, and the line after it."""
    block: list[str] = []
    while at < len(lines) and (not lines[at].strip() or lines[at].startswith(" ")):
        block.append(lines[at])
        at += 1
    while drop_options and block and re.match(r"\s+:\w[\w-]*:", block[0]):
        block.pop(0)
    depth = min((len(line) - len(line.lstrip()) for line in block if line.strip()), default=0)
    return "\n".join(line[depth:] for line in block).strip("\n").split("\n"), at


def _fenced(block: list[str], language: str) -> list[str]:
    return ["", f"```{language}", *block, "```", ""] if any(block) else [""]


def _inline(line: str, targets: dict[str, str]) -> str:
    line = re.sub(r"\|[^|\s][^|]*\|(_)?", "", line)  # substitutions are mostly badges
    line = re.sub(r"``(.+?)``", r"`\1`", line)
    line = re.sub(r":[\w:]+:`~?([^`<]+?)(?:\s*<[^>]*>)?`", r"`\1`", line)
    line = re.sub(r"`([^`<]+?)\s*<([^>`]+)>`__?", r"[\1](\2)", line)

    def named(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        target = targets.get(name.lower())
        return f"[{name}]({target})" if target else name

    return re.sub(r"`([^`]+)`_(?![\w])|\b([A-Za-z][\w.-]*)_(?![\w`])", named, line)
