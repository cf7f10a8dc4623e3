"""Every option but security, declared once: name, default, help, environment variable.

Read, lowest to highest: the defaults here, ``[rota]`` settings handed in by a program, and the environment
(``ROTA_`` and the name in capitals). An option that is not known is refused.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["OTHER_VARIABLES", "Settings"]

OTHER_VARIABLES = frozenset(
    {"ROTA_TOKEN", "ROTA_TOKEN_FILE", "ROTA_ALLOWED_HOSTS", "ROTA_ACTOR", "ROTA_TRACEBACK", "ROTA_COMPLETE"}
    | {
        "ROTA_RUN_ID",
        "ROTA_TASK",
        "ROTA_SCHEDULED_AT",
        "ROTA_ATTEMPT",
        "ROTA_KEY",
        "ROTA_ARGS",
        "ROTA_REHEARSAL",
        "ROTA_CANARY",
    }
)
"""Names that begin as settings do and are none: security's, the command line's, and what a task's command finds."""


class Settings(BaseSettings):
    """How this process runs. Times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="ROTA_", extra="forbid", frozen=True)

    database_url: str = Field(
        "sqlite:///var/rota.db",
        description="Where the ledger is: sqlite:///FILE (relative to the working folder), sqlite:////ABSOLUTE/FILE, or postgresql://USER:PASSWORD@HOST/DATABASE, with ?schema=NAME for another schema than rota.",
    )
    config: str = Field("rota.toml", description="The file that holds the rota.")
    app: str | None = Field(
        None, description="A Rota object in a program, module:name, whose tasks are served beside the file's."
    )
    sqlite_driver: str = Field(
        "apsw",
        pattern="^(apsw|sqlite3)$",
        description="The SQLite library: apsw (carries a current SQLite) or sqlite3 (Python's own).",
    )
    synchronous: str = Field(
        "full",
        pattern="^(full|normal)$",
        description="SQLite's synchronous level. full: what was acknowledged survives a power cut; normal: it survives a kill, but a power cut may cost the last moments.",
    )

    apply_on_start: bool = Field(
        False,
        description="Make the rota at hand the current revision at each start, as suits development. Else only rota apply does, and a service's very first start.",
    )

    production: bool = Field(
        False,
        description="This is where it matters: rota apply asks for a rehearsal of the very change, less than seven days old, that held; or for why there is none.",
    )

    slots: int = Field(100, ge=1, le=100_000, description="Runs that this node carries out at once.")
    workers: int = Field(2, ge=1, le=256, description="Worker processes for plain functions.")
    threads: int = Field(8, ge=1, le=1024, description='Threads for functions with isolation = "thread".')
    recycle_after: int = Field(
        500, ge=1, description="Runs after which a worker process is replaced by a fresh one."
    )
    queues: tuple[str, ...] = Field((), description="The queues that this node serves; none named: all.")

    lease: float = Field(
        15.0, ge=0.5, description="Seconds without a heartbeat after which a node's runs may be taken over."
    )
    heartbeat: float = Field(
        5.0, ge=0.1, description="Seconds between two heartbeats of a node; at most a third of the lease."
    )
    poll: float = Field(
        1.0,
        ge=0.01,
        description="Seconds after which the ledger is asked again when nothing is known to be due sooner.",
    )
    ahead: float = Field(
        0.5,
        ge=0.0,
        le=10.0,
        description="Seconds before its instant that an occurrence is recorded and claimed, so that it starts on the instant.",
    )
    drain: float = Field(
        30.0,
        ge=0.0,
        description="Seconds that running attempts are given to end when the node is asked to stop.",
    )
    retention: float = Field(
        30 * 86_400.0, ge=3_600.0, description="Seconds that the history of a run is kept."
    )

    log_limit: int = Field(
        262_144, ge=1_024, description="Bytes of log kept of one attempt; what is cut is said."
    )
    result_limit: int = Field(
        65_536, ge=256, description="Bytes of a run's result kept as JSON; a larger one fails the run."
    )

    host: str = Field("127.0.0.1", description="The address that the pages are served on.")
    port: int = Field(
        8321, ge=0, le=65_535, description="The port that the pages are served on; 0 takes a free one."
    )
