"""Every security setting of the pages and the API: who may do what, token and sessions, hosts, headers, limits.

The rule is small and closed: nobody is let in without the token. It is made at first start and kept beside
the ledger in a file that only its owner can read; ``ROTA_TOKEN`` or ``ROTA_TOKEN_FILE`` hand in another.
A browser brings it once, in the address that is printed at start, and holds a signed session from then on; a
program sends it as a bearer token. What changes something must come from our own pages (see `Security.is_ours`).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from urllib.parse import urlsplit

from rota.clock import SECOND
from rota.errors import Refused, Retriable, UsageError

__all__ = [
    "NEEDS",
    "Role",
    "Security",
    "TokenFilter",
    "Visitor",
    "keep_token_out_of_access_log",
    "open_security",
    "token_of",
]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHORTEST = 16  # characters of a token that is handed in
_TOKEN_BYTES = 32


class Role(IntEnum):
    """What a visitor may do; each role may do what the ones before it may."""

    VIEWER = 1  # look
    OPERATOR = 2  # trigger, pause, resume, undo, cancel, retry, acknowledge, mute, unmute
    ADMIN = 3  # everything


NEEDS: Mapping[str, Role] = {
    "look": Role.VIEWER,
    "acknowledge": Role.OPERATOR,
    "mute": Role.OPERATOR,
    "unmute": Role.OPERATOR,
    "trigger": Role.OPERATOR,
    "pause": Role.OPERATOR,
    "resume": Role.OPERATOR,
    "undo": Role.OPERATOR,
    "cancel": Role.OPERATOR,
    "retry": Role.OPERATOR,
}
"""The role that each action needs."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is there: ``actor`` is the name that audit lines bear; ``session`` is empty for a bearer token."""

    actor: str
    role: Role
    session: str = field(default="", repr=False)

    def must(self, action: str) -> None:
        """Raises `Refused` where the visitor's role does not allow the action."""
        if self.role < NEEDS[action]:
            raise Refused(
                f"not allowed to {action}",
                expected=f"the role {NEEDS[action].name.lower()}",
                found=self.role.name.lower(),
                retry=Retriable(False, "unless with another role"),
            )


@dataclass(frozen=True, slots=True)
class Security:
    """What guards the pages and the API of this process."""

    token: str = field(repr=False)
    hosts: tuple[str, ...] = _LOOPBACK  # names that the pages may be asked for by; "*" is any
    body_limit: int = 1_048_576  # bytes of a request's body
    session_length: int = 30 * 24 * 3600  # seconds

    # -- token and sessions

    def admits(self, token: str) -> bool:
        """Whether that is the token; takes the same time whatever is wrong with it."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    @property
    def cookie(self) -> str:
        """The session cookie's name: cookies know no ports, so two ledgers on one host need two names."""
        return f"rota_{self._sign('cookie')[:8]}"

    def open_session(self, now: int, role: Role = Role.ADMIN) -> str:
        """A signed session. It proves that its holder knew the token, and does not hold it."""
        body = f"{role.value}.{now // SECOND + self.session_length}.{secrets.token_urlsafe(9)}"
        return f"{body}.{self._sign('session', body)}"

    def visitor(self, session: str | None, authorization: str | None, now: int) -> Visitor | None:
        """Who brings that session, or that Authorization header; None where neither holds."""
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            right = scheme.lower() == "bearer" and self.admits(token.strip())
            return Visitor("api token", Role.ADMIN) if right else None
        return self._of_session(session or "", now)

    def csrf(self, visitor: Visitor) -> str:
        """What the forms of that visitor's session carry."""
        return self._sign("csrf", visitor.session)

    def check_csrf(self, visitor: Visitor, said: str) -> None:
        """Raises `Refused` where a session's form does not carry its token. A bearer token needs none."""
        if visitor.session and not hmac.compare_digest(said.encode(), self.csrf(visitor).encode()):
            raise Refused(
                "the form is not one of this session's",
                expected="the csrf field of a page that was opened in this session, or the header X-CSRF-Token",
                found="another" if said else "none",
                retry=Retriable(True, "after the page was opened afresh; nothing was changed"),
            )

    # -- requests and answers

    def knows_host(self, header: str | None) -> bool:
        """Whether a Host header names us. Another name means that somebody else's name points here (DNS rebinding)."""
        if "*" in self.hosts:
            return True
        name = _host_name(header or "")
        return name in self.hosts or name.endswith(".localhost")

    def is_ours(self, headers: Mapping[str, str]) -> bool:
        """Whether a browser's request was sent by one of our own pages, as the browser itself says."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return urlsplit(headers.get("origin", "")).netloc == headers.get("host", " ")

    def headers(self, *, https: bool = False) -> dict[str, str]:
        """The headers of every answer. Scripts and styles come from our own files only, none stands in a page."""
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        found = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",  # no-referrer would make browsers hide the Origin of our own forms
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        return {**found, "strict-transport-security": "max-age=31536000"} if https else found

    def _of_session(self, session: str, now: int) -> Visitor | None:
        body, _, signature = session.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", body).encode()):
            return None
        role, expires, _ = body.split(".", 2)
        return Visitor("dashboard", Role(int(role)), session) if int(expires) > now // SECOND else None

    def _sign(self, purpose: str, text: str = "") -> str:
        """A keyed hash; the purpose keeps one kind of value from passing for another."""
        return hmac.new(self.token.encode(), f"rota {purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def open_security(
    folder: Path | None, environment: Mapping[str, str] | None = None, hosts: Iterable[str] = ()
) -> Security:
    """The security of this process; the token is made where there is none yet.

    ``folder`` is where the ledger's file is; None keeps a made token in memory only. ``hosts`` are names that
    the pages may be asked for by, beside the loopback ones and those in ``ROTA_ALLOWED_HOSTS`` (commas).
    Raises `UsageError` for a token that is too short, or a token file that others can read.
    """
    env = os.environ if environment is None else environment
    named = [name.strip() for name in env.get("ROTA_ALLOWED_HOSTS", "").split(",")]
    wildcard = ("0.0.0.0", "::", "")  # an address to listen on, and no name to be asked for by
    known = [_host_name(name) for name in (*hosts, *named) if name not in wildcard]
    return Security(token_of(folder, env), tuple(dict.fromkeys((*_LOOPBACK, *known))))


def token_of(folder: Path | None, environment: Mapping[str, str]) -> str:
    """The token: from ``ROTA_TOKEN``, from the file in ``ROTA_TOKEN_FILE``, or from ``rota.token`` beside the ledger."""
    if environment.get("ROTA_TOKEN"):
        return _long_enough(environment["ROTA_TOKEN"].strip(), "ROTA_TOKEN")
    if environment.get("ROTA_TOKEN_FILE"):
        return _read(Path(environment["ROTA_TOKEN_FILE"]))
    if folder is None:
        return secrets.token_urlsafe(_TOKEN_BYTES)
    return _kept(folder / "rota.token")


def _kept(path: Path) -> str:
    """The token in the file, made at first start. Of two processes that start at once, one makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        mine = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
        try:
            os.link(mine, path)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return _read(path)


def _read(path: Path) -> str:
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text().strip()
    except OSError as error:
        raise UsageError(
            "the token's file cannot be read",
            expected="a file that holds the token",
            found=str(error),
            where=str(path),
        ) from error
    if os.name == "posix" and mode & 0o007:
        raise UsageError(
            "the token's file can be read by everybody on this machine",
            expected="mode 0600",
            found=f"mode {mode:04o}",
            where=str(path),
            next=(f"chmod 600 {path}",),
        )
    return _long_enough(text, str(path))


def _long_enough(token: str, where: str) -> str:
    if len(token) < _SHORTEST:
        raise UsageError(
            "the token is too short to be a secret",
            expected=f"at least {_SHORTEST} characters",
            found=f"{len(token)}",
            where=where,
            next=("python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",),
        )
    return token


def _host_name(header: str) -> str:
    """The name in a Host header, without its port.

    >>> _host_name("127.0.0.1:8321"), _host_name("[::1]:8321"), _host_name("Rota.Example.org.")
    ('127.0.0.1', '::1', 'rota.example.org')
    """
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](:\d+)?", header)
    name = bracketed.group(1) if bracketed else header if header.count(":") > 1 else header.partition(":")[0]
    return name.lower().rstrip(".")


class TokenFilter(logging.Filter):
    """Takes the token out of the addresses in an access log: ``?token=`` stands in the first one a browser asks for."""

    _TOKEN = re.compile(r"((?:^|[?&])token=)[^&\s\"]+")

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._TOKEN.sub(r"\1[hidden]", value) if isinstance(value, str) else value
                for value in record.args
            )
        return True


def keep_token_out_of_access_log() -> None:
    """Put one `TokenFilter` on uvicorn's access log, which a service of the user's may well keep for years."""
    log = logging.getLogger("uvicorn.access")
    if not any(isinstance(known, TokenFilter) for known in log.filters):
        log.addFilter(TokenFilter())
