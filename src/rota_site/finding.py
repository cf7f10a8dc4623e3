"""What a check found: one finding, and the result of a check by route. Bounded, so that a run can keep it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["MOST", "Finding", "RouteResult", "as_result"]

Severity = Literal["critical", "error", "warning"]
Verdict = Literal["ok", "finding", "failing", "inconclusive"]

MOST = 5
"""Findings of one rule on one route that are kept with their evidence; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    ``rule`` is its name in the documentation, such as C01; ``section`` what it rests on, such as "RFC 9111 section 3".
    ``evidence`` are lines that let a reader see it again, such as ``curl`` commands, with secrets left out.
    """

    rule: str
    severity: Severity
    route: str
    url: str
    what: str
    expected: str
    found: str
    section: str = ""
    fix: str = ""
    fault: Literal["", "application", "cache"] = ""
    evidence: tuple[str, ...] = ()

    def line(self) -> str:
        """The finding in one line, for a log."""
        return f"{self.rule} {self.severity} {self.url}: {self.what}; expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class RouteResult:
    """What a check says of one route. ``seen`` are the headers of a sample reply, as they came."""

    route: str
    asked: int
    findings: tuple[Finding, ...] = ()
    failed: str | None = None
    unsure: str | None = None
    url: str = ""
    seen: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """*failing*: it could not be looked at, or somebody sees what is not his; *finding*: something is not right.

        >>> RouteResult("home", 0, unsure="too few samples").verdict
        'inconclusive'
        """
        if self.failed or any(each.severity == "critical" for each in self.findings):
            return "failing"
        if self.findings:
            return "finding"
        return "inconclusive" if self.unsure else "ok"


def as_result(check: str, routes: Sequence[RouteResult], **facts: Any) -> dict[str, Any]:
    """The result of a run of a check, as it is kept and judged: by route, with at most `MOST` findings of one rule.

    >>> as_result("headers", [RouteResult("home", 2)])["verdict"]
    'ok'
    """
    verdicts = [each.verdict for each in routes]
    order: tuple[Verdict, ...] = ("failing", "finding", "inconclusive")
    return {
        "check": check,
        "verdict": next((verdict for verdict in order if verdict in verdicts), "ok"),
        "asked": sum(each.asked for each in routes),
        "findings": sum(len(each.findings) for each in routes),
        "routes": [_route(each) for each in routes],
        **facts,
    }


def _route(result: RouteResult) -> dict[str, Any]:
    counted: dict[str, int] = {}
    for finding in result.findings:
        counted[finding.rule] = counted.get(finding.rule, 0) + 1
    kept = list(_first_of_each(result.findings))
    said = {
        "route": result.route,
        "verdict": result.verdict,
        "asked": result.asked,
        "url": result.url,
        "rules": counted,
        "findings": [{name: value for name, value in asdict(each).items() if value} for each in kept],
        "seen": [list(pair) for pair in result.seen],
    }
    said.update({name: value for name in ("failed", "unsure") if (value := getattr(result, name))})
    if result.facts:
        said["facts"] = dict(result.facts)
    return said


def _first_of_each(findings: Iterable[Finding]) -> Iterable[Finding]:
    met: dict[str, int] = {}
    for finding in findings:
        met[finding.rule] = met.get(finding.rule, 0) + 1
        if met[finding.rule] <= MOST:
            yield finding
