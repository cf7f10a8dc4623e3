"""What `rota init` writes."""

from __future__ import annotations

import re
from pathlib import Path

from rota.errors import Conflict, Retriable, UsageError

__all__ = ["service_name", "write_templates"]

_ROTA = """\
# The rota of {service}: its tasks, when each is due, and who answers for it.
#   rota check    validates this file and the code behind it
#   rota next     shows when tasks are due
#   rota run      runs them, and serves the pages that show it
service = "{service}"
timezone = "UTC"                     # of schedules that name none, such as "Europe/Berlin"

[[task]]
name = "say-hello"
run = "tasks:say_hello"              # module:function; or command = ["..."], or request = {{ url = "..." }}
schedule = "* * * * *"               # cron; or {{ every = "90s" }}; try: rota explain "*/5 8-18 * * MON-FRI"
args = {{ name = "{service}" }}
owner = "{owner}"
expects = "a greeting in the log of the run, every minute"
rollback = "nothing to put back: the task only says hello"
timeout = "10s"                      # an attempt that takes longer is stopped, and counts as failed
retry = {{ attempts = 3, backoff = "10s" }}
overlap = "skip"                     # due while a run is under way: skip, queue, queue-all, cancel or allow
catch_up = "latest"                  # after a downtime, one run covers what fell due; or all, or none

[task.expectation]                   # what the machine checks of the expected result
max_duration = "5s"
fresh_within = "10m"                 # shown as stale when no run has succeeded for so long
result = {{ type = "object", required = ["greeting"] }}
"""

_TASKS = '''\
"""The tasks of {service}. rota.toml says when each is due."""

from rota import Run


async def say_hello(run: Run, name: str = "world") -> dict[str, str]:
    """An `async def` runs on the node; a plain `def` in a worker process, where it may block or compute."""
    greeting = f"Hello, {{name}}!"
    run.log(greeting)  # print and logging are kept as well
    return {{"greeting": greeting}}
'''


def write_templates(folder: Path, service: str) -> list[tuple[str, str]]:
    """Write both files; returns what was written. Raises `Conflict` if one is there: then none is written."""
    if service_name(service) != service:
        raise UsageError(
            "the service needs a name of small letters, digits and dashes",
            expected=f"for instance {service_name(service)}",
            found=repr(service),
            where="--service",
        )
    texts = {"rota.toml": _ROTA, "tasks.py": _TASKS}
    there = [str(folder / name) for name in texts if (folder / name).exists()]
    if there:
        raise Conflict(
            f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and stay as they are",
            expected="a folder without rota.toml and tasks.py",
            found=", ".join(there),
            retry=Retriable(True, "in another folder; nothing was written"),
            next=("rota check", "rota init FOLDER"),
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text.format(service=service, owner=_owner()))
    return [
        (str(folder / "rota.toml"), "one task, with every key that most tasks need"),
        (str(folder / "tasks.py"), "its code"),
    ]


def service_name(text: str) -> str:
    """A name that a service may have, from any text.

    >>> service_name("My Site (2)"), service_name("42")
    ('my-site-2', 'site-42')
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name if name[:1].isalpha() else f"site-{name}".strip("-")


def _owner() -> str:
    """The user, as a first owner: a name that somebody answers to."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = "operator"
    return f"{user} <{user}@example.org>"
