"""A rule: what a finding that carries its name means."""

from __future__ import annotations

from typing import NamedTuple

from rota_site.finding import Severity

__all__ = ["Rule"]


class Rule(NamedTuple):
    """A rule of one check: how much it matters, what it says, what it rests on, and what to do."""

    check: str
    severity: Severity
    title: str
    section: str
    fix: str
