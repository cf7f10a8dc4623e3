"""Every security setting of the site: headers, passwords, session cookies, and who may send a form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer

__all__ = [
    "COOKIE",
    "HEADERS",
    "SESSION",
    "hash_password",
    "same_origin",
    "sign",
    "unsign",
    "verify_password",
]

COOKIE = "newsroom_session"
SESSION = timedelta(days=14)
BODY_LIMIT = 64 * 1024  # bytes of a form or beacon

# No inline script or style anywhere, nothing from another host, no frames.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MiB and some 40 ms


def hash_password(password: str) -> str:
    """A password as it is stored: algorithm, salt and scrypt hash."""
    salt = secrets.token_bytes(16)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(_scrypt(password, salt)).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether a password is the stored one, in the same time whether it is or not."""
    _, salt, wanted = stored.split("$")
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt)), base64.b64decode(wanted))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_COST)


def secret(folder: Path) -> str:
    """The site's signing key, made at first use and readable by its owner only."""
    path = folder / "secret.key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text()


def sign(token: str, key: str) -> str:
    return Signer(key, salt="newsroom.session").sign(token).decode()


def unsign(cookie: str, key: str) -> str | None:
    """The token of a cookie that this site signed, else None."""
    try:
        return Signer(key, salt="newsroom.session").unsign(cookie).decode()
    except BadSignature:
        return None


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a form or beacon was sent by a page of this site.

    The session cookie is SameSite=Lax; this is the second lock. A browser names the sending page's origin in
    Origin, or says same-origin in Sec-Fetch-Site; a request that says neither is refused.
    """
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host") and origin != "null"
    return headers.get("sec-fetch-site") == "same-origin"
