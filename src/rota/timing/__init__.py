"""Pure time arithmetic: when a schedule's occurrences are. No I/O but zone and holiday data, and no clock."""

from __future__ import annotations

from rota.timing.ask import occurrences
from rota.timing.canonical import schedule_as_json, schedule_from_json
from rota.timing.clock_changes import ClockChange, warnings
from rota.timing.compiled import Occurrences, compile_schedule
from rota.timing.parse import parse_schedule
from rota.timing.sentences import explain
from rota.timing.zones import zone_version

__all__ = [
    "ClockChange",
    "Occurrences",
    "compile_schedule",
    "explain",
    "occurrences",
    "parse_schedule",
    "schedule_as_json",
    "schedule_from_json",
    "warnings",
    "zone_version",
]
