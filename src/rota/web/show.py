"""Pages from templates: what every template is given, and how instants are written."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, available_timezones

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from rota.clock import SECOND, Instant, from_instant
from rota.model.undo import command_line
from rota.read import words
from rota.read.runs import RunDetail
from rota.read.shape import iso
from rota.web import charts
from rota.web.context import context_of
from rota.web.marks import mark, tone

__all__ = ["STATIC", "ZONE_COOKIE", "href", "page", "task_path", "templates", "zone_of"]

COMMON_ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Kyiv", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Africa/Lagos", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Australia/Lord_Howe",
)  # fmt: skip
"""Zones that are proposed; any that the zone data knows is taken."""

HERE = Path(__file__).parent
STATIC = HERE / "static"
ZONE_COOKIE = "rota_zone"


def templates(*added: Path) -> jinja2.Environment:
    """The environment of one app: everything that a template writes is escaped. ``added`` are folders of other packages."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE / "templates", *added]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        mark=mark,
        tone=tone,
        strip_chart=charts.strip_chart,
        strip_tally=charts.tally,
        track=charts.track,
        count=words.count,
        version=_version(),
    )
    environment.globals.update(
        timeline=timeline, error_of=error_of, detail_of=detail_of, common_zones=COMMON_ZONES
    )
    environment.filters.update(
        length=words.length,
        offset=words.offset,
        length_of=len,
        iso=iso,
        pretty=_pretty,
        without=_without,
        command_line=command_line,
        urlencode=lambda text: quote(text, safe=""),
    )
    return environment


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A template as an answer."""
    return HTMLResponse(rendered(request, template, **values), status)


def rendered(request: Request, template: str, **values: Any) -> str:
    """A template as text, with what all of them share: links under our prefix, the time, the visitor."""
    context = context_of(request)
    now = values.pop("now", None) or context.clock.now()
    zone = zone_of(request)
    visitor = request.scope.get("rota.visitor")
    environment: jinja2.Environment = request.app.state.templates
    return environment.get_template(template).render(
        request=request,
        base=request.scope.get("root_path", ""),
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        now=now,
        zone=zone,
        visitor=visitor,
        csrf=context.security.csrf(visitor) if visitor else "",
        when=lambda at: when(at, zone, now),
        clock=lambda at: words.clock_time(at, zone, now),
        ago=lambda at: words.relative(at, now),
        task_path=lambda service, name: href(request, task_path(service, name)),
        clock_of=lambda at: f"{from_instant(at).astimezone(zone):%H:%M:%S}",
        subject_path=lambda subject: href(request, task_path(*subject.split("/", 1))),
        link=lambda run_id: href(request, f"/runs/{run_id}"),
        stopping=context.stopping(),
        added=[each for each in request.app.state.added if each.is_shown(context)],
        **values,
    )


def href(request: Request, path: str) -> str:
    """A path under the prefix that the app is served under."""
    return f"{request.scope.get('root_path', '')}{path}"


def task_path(service: str, name: str) -> str:
    """The address of a task's page; names may hold anything."""
    return f"/tasks/{quote(service, safe='')}/{quote(name, safe='')}"


def zone_of(request: Request) -> tzinfo:
    """The time zone that this visitor sees; one that is not known is as none."""
    wanted = request.cookies.get(ZONE_COOKIE, "")
    known = wanted if wanted in _zones() else context_of(request).zone
    return ZoneInfo(known)


def when(at: Instant | None, zone: tzinfo, now: int, none: str = "–") -> Markup:
    """An instant as time on the clock and as distance from now; a null time is a dash."""
    if at is None:
        return Markup('<span class="none">{}</span>').format(none)
    return Markup(
        '<span class="when"><time datetime="{0}">{1}</time> <span class="rel" data-at="{0}">{2}</span></span>'
    ).format(iso(at), words.clock_time(at, zone, now), words.relative(at, now))


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _without(text: str, state: str) -> str:
    """What is said of a run beside its state, without saying the state again."""
    return "" if text == state else re.sub(rf"^{re.escape(state)}[:,]? ", "", text)


def _pretty(text: str) -> str:
    """JSON with a line for each member; numbers as they stand, whatever their size. What is no JSON stays text."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _version() -> str:
    """A mark that changes with our style sheet and scripts, so that they may be kept for ever."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class ErrorShown:
    """An error that a task ended with, taken apart."""

    type: str
    message: str
    traceback: str
    facts: tuple[tuple[str, str], ...]


def error_of(text: str) -> ErrorShown:
    """The error object of an attempt. What is no such object is shown as it is."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if not isinstance(value, dict):
        return ErrorShown("", str(value), "", ())
    plain = ("type", "message", "traceback")
    facts = tuple((str(name), str(fact)) for name, fact in value.items() if name not in plain)
    return ErrorShown(
        str(value.get("type", "error")),
        str(value.get("message", "")),
        str(value.get("traceback") or ""),
        facts,
    )


def detail_of(text: str | None) -> list[tuple[str, str]]:
    """The facts of an audit line, name and value; what is no JSON object is one fact without a name."""
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        value = text
    if isinstance(value, dict):
        return [(str(name), str(fact)) for name, fact in value.items() if fact is not None]
    return [("", str(value))]


def timeline(view: RunDetail) -> list[tuple[str, Instant | None, str]]:
    """The stations of a run: due, started, finished; where it was asked for or is tried again, these as well."""
    run = view.run
    stations: list[tuple[str, Instant | None, str]] = [("Recorded", view.created_at, "")]
    stations.append(("Due", run.scheduled_at, ""))
    if run.run_at != run.scheduled_at:
        stations.append(("May start" if run.attempt == 0 else "Tried again", run.run_at, ""))
    late = f"{words.length(run.late)} after it was due" if run.late else ""
    if run.started_at is not None or run.state == "waiting":  # of a running one it is told with the outcome
        stations.append(("Started", run.started_at, late))
    took = f"after {words.length(run.took)}" if run.took is not None else ""
    if run.finished_at is not None or run.state in ("waiting", "running"):
        stations.append(("Finished", run.finished_at, took))
    known = [station for station in stations if station[1] is not None]
    unknown = [station for station in stations if station[1] is None]
    return sorted(known, key=lambda station: (station[1] or 0) // SECOND) + unknown
