"""Test readers: how each logs in, what only he may see, and how he logs out."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from rota.execute.references import looked_up
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.model import Identity, LogIn

__all__ = ["ANONYMOUS", "LogInFailed", "Reader", "log_in", "log_out"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: his cookie and bearer token as headers, and the texts that nobody else may see."""

    name: str
    cookie: Mapping[str, str]
    bearer: Mapping[str, str]
    marks: tuple[str, ...]


ANONYMOUS = Reader("anonymous", {}, {}, ())


class LogInFailed(Exception):
    """A test reader cannot log in; the text says what was expected and what was found."""


async def log_in(
    identity: Identity,
    fetcher: Fetcher,
    environment: Mapping[str, str] = os.environ,
    *,
    again: Reader | None = None,
) -> Reader:
    """Log a test reader in and write his marker of this run. Raises `LogInFailed`.

    ``again`` is the same reader, logged in already: this is one more session of his, and the marker stays.
    """
    try:
        bearer = looked_up(identity.bearer, environment) if identity.bearer else None
        cookies = await _session(identity.log_in, fetcher, environment) if identity.log_in else {}
    except (ValueError, FetchFailed) as error:
        raise LogInFailed(f"{identity.name} cannot log in: {error}") from None
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    token = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    own = [value for value in cookies.values() if len(value) >= 8] + ([bearer] if bearer else [])
    reader = Reader(identity.name, cookie, token, (*(again.marks if again else identity.marks), *own))
    if again is not None:
        return reader
    return await _marked(identity, reader, fetcher) if identity.marker else reader


async def _session(how: LogIn, fetcher: Fetcher, environment: Mapping[str, str]) -> dict[str, str]:
    """The cookies that the log-in gives. A hidden field of the log-in page, such as a token against forgery, is sent along."""
    page = await fetcher.fetch(Ask(how.path))
    cookies = _set(page)
    form = {**_hidden(page), **{name: looked_up(value, environment) for name, value in how.form.items()}}
    reply = await fetcher.fetch(_post(how.path, form, cookies, fetcher))
    cookies |= _set(reply)
    if reply.status >= 400 or not cookies:
        raise ValueError(
            f"expected a redirect or a page with a cookie from {how.path}, found status {reply.status}"
        )
    return cookies


async def _marked(identity: Identity, reader: Reader, fetcher: Fetcher) -> Reader:
    """Write a text that nobody can guess, new in each run, onto the reader's own pages."""
    assert identity.marker is not None  # whoever calls has looked
    path, field = identity.marker
    marker = f"mk{secrets.token_hex(8)}"
    ask = _post(path, {field: marker}, {}, fetcher)
    headers = {**ask.headers, **(reader.cookie or reader.bearer)}
    try:
        reply = await fetcher.fetch(Ask(ask.path, method="POST", headers=headers, form=ask.form))
    except FetchFailed as failed:
        raise LogInFailed(f"the marker of {identity.name} cannot be written: {failed}") from None
    if reply.status >= 400:
        raise LogInFailed(
            f"the marker of {identity.name} cannot be written: expected a redirect or a page from {path}, found status {reply.status}"
        )
    return Reader(reader.name, reader.cookie, reader.bearer, (marker, *reader.marks))


async def log_out(identity: Identity, reader: Reader, fetcher: Fetcher) -> bool:
    """Log a reader out; False where there is no way, or it was refused."""
    if identity.log_in is None or identity.log_in.log_out is None:
        return False
    ask = _post(identity.log_in.log_out, {}, {}, fetcher)
    reply = await fetcher.fetch(
        Ask(ask.path, method="POST", headers={**ask.headers, **reader.cookie}, form={})
    )
    return reply.status < 400


def _post(path: str, form: Mapping[str, str], cookies: Mapping[str, str], fetcher: Fetcher) -> Ask:
    """A form as the site's own page posts it."""
    public = urlsplit(fetcher.infrastructure.url)
    headers = {"Origin": f"{public.scheme}://{public.netloc}", "Sec-Fetch-Site": "same-origin"}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return Ask(path, method="POST", headers=headers, form=form)


def _set(reply: Reply) -> dict[str, str]:
    """The cookies that a reply sets; one without a value is taken away."""
    pairs = (line.partition(";")[0].partition("=") for line in reply.all("set-cookie"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def _hidden(reply: Reply) -> dict[str, str]:
    """The hidden fields of the first form that posts.

    >>> body = b'<form method=post><input type=hidden name=csrf value=t1><input name=user></form>'
    >>> _hidden(Reply(Ask("/"), "", 200, (), body, True, 0, 0, 0))
    {'csrf': 't1'}
    """
    reader = _Form()
    reader.feed(reply.text)
    return reader.fields


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = self._done = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        stated = {name: value or "" for name, value in attrs}
        if tag == "form" and stated.get("method", "").lower() == "post" and not self._done:
            self._inside = True
        elif (
            tag == "input"
            and self._inside
            and stated.get("type", "").lower() == "hidden"
            and stated.get("name")
        ):
            self.fields[stated["name"]] = stated.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside, self._done = False, True
