"""Infrastructure decisions as ``site.toml``, or a file of their own, states them: addresses, cache, test readers, limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rota.define.refusal import refused
from rota.define.table import Table, unset
from rota.define.texts import Name, Url
from rota.define.times import PositiveDuration
from rota_site.define.content import WebPath
from rota_site.model import Backup, Cache, Identity, Infrastructure, Limits, LogIn

__all__ = ["InfrastructureEntry"]

Secret = Annotated[str, Field(pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$", examples=["env:CACHE_TOKEN"])]


class CacheEntry(Table):
    """The cache in front of the site, and how it is purged."""

    kind: Literal["varnish", "nginx", "fastly", "cloudflare", "none"] = Field(
        "none", description="Which cache it is."
    )
    purge: Literal["url", "ban", "keys"] = Field("url", description="By address, by a ban, by surrogate key.")
    endpoint: Url | None = Field(None, description="Where purges are sent; none: to the site's own address.")
    token: Secret | None = Field(None, description="The secret that the purge API asks for, as env:NAME.")
    service: str | None = Field(None, description="The service (Fastly) or zone (Cloudflare).")
    at_once: int = Field(200, ge=1, le=100_000, description="A purge of more is refused, never widened.")
    rate: float = Field(50.0, gt=0, strict=False, description="Purges a second, at most.")

    @model_validator(mode="after")
    def _has_what_its_api_asks(self) -> CacheEntry:
        missing = [name for name in ("token", "service") if getattr(self, name) is None]
        if self.kind in ("fastly", "cloudflare") and missing:
            raise refused(
                f"{self.kind} is purged by an API that asks for more",
                expected='token = "env:NAME" and service = "ID"',
                found=f"no {' and no '.join(missing)}",
            )
        return self

    def value(self) -> Cache:
        return Cache(self.kind, self.purge, self.endpoint, self.token, self.service, self.at_once, self.rate)


class LogInEntry(Table):
    """A form that is posted to log in."""

    path: WebPath = Field(description="Where the form is posted.")
    form: dict[str, str] = Field(description="Its fields; secrets as env:NAME.")
    log_out: WebPath | None = Field(None, description="Where a log-out is posted.")

    def value(self) -> LogIn:
        return LogIn(self.path, dict(self.form), self.log_out)


class MarkerEntry(Table):
    """Where a reader writes a text of his own, which then stands on his pages."""

    path: WebPath = Field(description="Where it is posted.")
    field: str = Field(min_length=1, description="The field of the form.")


class IdentityEntry(Table):
    """A test reader."""

    log_in: LogInEntry | None = Field(None, description="How he logs in, for a cookie.")
    bearer: Secret | None = Field(None, description="His bearer token, as env:NAME.")
    marker: MarkerEntry | None = Field(None, description="Where an unguessable marker is written, each run.")
    marks: tuple[str, ...] = Field((), strict=False, description="Texts that stand on his pages only.")

    @model_validator(mode="after")
    def _is_somebody(self) -> IdentityEntry:
        if self.log_in or self.bearer:
            return self
        raise refused(
            "a test reader needs a way in", expected="log_in, bearer, or both", found="neither of them"
        )

    def value(self, name: str) -> Identity:
        return Identity(
            name,
            self.log_in.value() if self.log_in else None,
            self.bearer,
            (self.marker.path, self.marker.field) if self.marker else None,
            self.marks,
        )


class LimitsEntry(Table):
    """How politely the site is asked."""

    connections: int = Field(20, ge=1, le=200, description="Connections at once.")
    rate: float = Field(100.0, gt=0, le=10_000, strict=False, description="Requests a second, at most.")
    timeout: PositiveDuration = Field("10s", validate_default=True, description="For one reply.")
    body: int = Field(2_000_000, ge=1_024, description="Bytes of a reply that are read, at most.")

    def value(self) -> Limits:
        return Limits(self.connections, self.rate, self.timeout, self.body)


class BackupEntry(Table):
    """Where backups are, and what restores one for a trial."""

    files: str = Field(
        min_length=1, description="A pattern of file names, beside this file, such as var/backups/*.db."
    )
    newest_within: PositiveDuration = Field(
        "26h", validate_default=True, description="How old the newest may be."
    )
    restore: tuple[str, ...] = Field(
        (),
        strict=False,
        description="What restores {file} into the folder {into}; none: it is a SQLite database.",
    )

    def value(self) -> Backup:
        return Backup(self.files, self.newest_within, self.restore)


class InfrastructureEntry(Table):
    """Where the site is, and what stands in front of it."""

    url: Url = Field(description="The site as readers reach it, through its cache; env:NAME is looked up.")
    origin: Url | None = Field(None, description="The site itself, behind its cache.")
    origin_host: str | None = Field(
        None, description="The Host that the origin is asked with; none: the url's."
    )
    version: WebPath | None = Field(None, description="A path that says which build of the site answers.")
    token: Secret | None = Field(None, description="The bearer token that the site's listings ask for.")
    hosts: tuple[str, ...] = Field((), strict=False, description="Other hosts that checks may ask.")
    cache: CacheEntry = Field(default_factory=unset(CacheEntry), description="The cache.")
    identities: dict[Name, IdentityEntry] = Field({}, description="Test readers, by name.")
    limits: LimitsEntry = Field(default_factory=unset(LimitsEntry), description="How the site is asked.")
    backup: BackupEntry | None = Field(None, description="The site's backups.")

    def value(self) -> Infrastructure:
        return Infrastructure(
            self.url.rstrip("/"),
            self.origin.rstrip("/") if self.origin else None,
            self.origin_host,
            self.version,
            self.token,
            frozenset(self.hosts),
            self.cache.value(),
            tuple(entry.value(name) for name, entry in self.identities.items()),
            self.limits.value(),
            self.backup.value() if self.backup else None,
        )
