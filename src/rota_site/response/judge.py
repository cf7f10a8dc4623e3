"""What samples say of a phase: percentiles, the budget, and whether it grew slower than it was. Pure functions.

Noise is not an alarm: slower than the baseline means that Mann and Whitney's test, one-sided, gives p < 0.01, *and* that
the median grew by a tenth, *and* by 5 ms. Few samples are not a pass: below `LEAST` of them a phase is inconclusive.
With a spread as of a quiet server (a standard deviation of the logarithm of 0.25) a hundred samples on each side find a
growth by a fifth in nearly all cases, and one by a tenth in six of ten; `rota.noise.samples_needed` says how many more it
takes for what a site really shows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, pstdev

from rota.noise import mann_whitney, samples_needed
from rota_site.finding import Finding
from rota_site.hits import age_of, hit_of
from rota_site.response.histogram import Histogram
from rota_site.response.load import Sample
from rota_site.response.phases import Phase

__all__ = ["ALPHA", "LEAST", "MILLISECONDS", "Measured", "findings_of", "measured", "unsure_of"]

ALPHA = 0.01
GROWTH = 1.1
MILLISECONDS = 5.0
LEAST = 60
HITS = 0.95
"""The share of warm samples that have to come from the cache; the rest is not counted among them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One phase, measured. ``times`` are milliseconds since the intended instants, of those that belong to it.

    ``others`` counts what was answered in the other way: from the site where the cache was meant. ``served`` is the
    95th percentile since the real sending, which a closed loop would have told.
    """

    phase: Phase
    times: tuple[float, ...]
    others: int
    failed: int
    served: float | None
    age: int | None
    parts: Mapping[str, float] = field(default_factory=dict)
    why: str = ""

    def percentile(self, percent: float) -> float | None:
        """In milliseconds; None where there are too few samples for it: 100/(100-percent) times three."""
        if len(self.times) < max(1, 3 * 100 / (100 - percent)):
            return None
        return Histogram(round(each * 1000) for each in self.times).percentile(percent) / 1000

    def as_facts(self) -> dict[str, object]:
        """What a run keeps of it. The 99th percentile only where three hundred samples or more stand behind it."""
        told = {
            "samples": len(self.times),
            "others": self.others,
            "failed": self.failed,
            "p50": self.percentile(50),
            "p95": self.percentile(95),
            "p99": self.percentile(99),
            "served_p95": self.served,
            "budget": _milliseconds(self.phase),
            "age": self.age,
            "parts": dict(self.parts) or None,
        }
        return {name: value for name, value in told.items() if value is not None}


def measured(phase: Phase, samples: Sequence[Sample]) -> Measured:
    """Sort the samples of a phase: warm ones that did not come from the cache are others, not slow hits."""
    answered = [sample for sample in samples if sample.reply is not None and sample.reply.status < 400]
    belonging = [sample for sample in answered if phase.way != "warm" or _is_hit(sample)]
    replies = [sample.reply for sample in belonging if sample.reply is not None]
    ages = [age for reply in replies if (age := age_of(reply)) is not None]
    served = Histogram(round(sample.served * 1_000_000) for sample in belonging)
    lost = [sample for sample in samples if sample not in answered]
    return Measured(
        phase,
        tuple(sample.took * 1000 for sample in belonging),
        len(answered) - len(belonging),
        len(lost),
        served.percentile(95) / 1000 if served.count else None,
        max(ages) if ages else None,
        _parts(reply.get("server-timing") or "" for reply in replies),
        next((_why(sample) for sample in lost), ""),
    )


def unsure_of(one: Measured) -> str | None:
    """Why a phase cannot be judged, or None: absence of data is never a pass."""
    asked = len(one.phase.asks)
    if one.phase.way == "warm" and len(one.times) + one.others and one.others > (1 - HITS) * asked:
        return f"{one.phase.way}: {one.others} of {asked} replies did not say that they came from the cache; expected at most {(1 - HITS) * 100:.0f} %"
    if len(one.times) < LEAST:
        return f"{one.phase.way}: {len(one.times)} samples; expected at least {LEAST}"
    return None


def findings_of(one: Measured, baseline: Sequence[float] | None) -> list[Finding]:
    """T01: requests without a good answer. T02: over budget. T03: slower than the baseline, beyond noise."""
    found = []
    path = one.phase.asks[0].path
    if one.failed:
        found.append(
            _finding(one, "T01", "requests were not answered", "an answer to each", f"{one.failed} of {len(one.phase.asks)} without; {one.why}")
        )  # fmt: skip
    if len(one.times) < LEAST:
        return found
    budget, p95 = _milliseconds(one.phase), one.percentile(95)
    if budget is not None and p95 is not None and p95 > budget:
        said = f"{p95:.1f} ms" + (f" ({_in_parts(one.parts)})" if one.parts else "")
        found.append(
            _finding(
                one, "T02", f"{path} is over its budget", f"a 95th percentile of at most {budget:g} ms", said
            )
        )
    if baseline and len(baseline) >= LEAST and (told := slower(baseline, one.times)):
        found.append(
            _finding(
                one,
                "T03",
                f"{path} is slower than it was",
                f"about {median(baseline):.1f} ms, as before",
                told,
            )
        )
    return found


def slower(before: Sequence[float], after: Sequence[float]) -> str | None:
    """What a growth is that is more than noise and more than a trifle, in words; None where there is none.

    >>> slower([10.0, 11.0] * 30, [12.0, 13.0] * 30) is None  # by 2 ms: certain, and a trifle
    True
    >>> slower([100.0, 101.0] * 30, [130.0, 131.0] * 30)
    '130.5 ms, 30 % more (p < 0.0001 by Mann-Whitney, 60 and 60 samples)'
    """
    was, now = median(before), median(after)
    if now < was * GROWTH or now - was < MILLISECONDS:
        return None
    chance = mann_whitney(before, after)
    if chance >= ALPHA:
        return None
    said = "p < 0.0001" if chance < 0.0001 else f"p = {chance:.4f}"
    return f"{now:.1f} ms, {(now / was - 1) * 100:.0f} % more ({said} by Mann-Whitney, {len(before)} and {len(after)} samples)"


def power_of(times: Sequence[float]) -> int | None:
    """How many samples would find a growth by a tenth nine times of ten, at the spread that these times have."""
    logs = [math.log(each) for each in times if each > 0]
    spread = pstdev(logs) if len(logs) > 1 else 0.0
    return samples_needed(GROWTH, spread, alpha=ALPHA) if spread > 0 else None


def _finding(one: Measured, rule: str, what: str, expected: str, found: str) -> Finding:
    return Finding(
        rule, "error", one.phase.route, one.phase.asks[0].path, f"{one.phase.way}: {what}", expected, found,
        section="the route's budget in site.toml" if rule == "T02" else "",
    )  # fmt: skip


def _is_hit(sample: Sample) -> bool:
    return sample.reply is not None and hit_of(sample.reply) == "hit"


def _why(sample: Sample) -> str:
    return sample.failed if sample.reply is None else f"status {sample.reply.status}"


def _milliseconds(phase: Phase) -> float | None:
    return None if phase.budget is None else phase.budget.total_seconds() * 1000


_PART = re.compile(r"([A-Za-z0-9_-]+)\s*;[^,]*?\bdur=([0-9.]+)")


def _parts(headers: Iterable[str]) -> dict[str, float]:
    """The median of each part that Server-Timing names, in milliseconds (W3C Server Timing)."""
    found: dict[str, list[float]] = {}
    for header in headers:
        for name, duration in _PART.findall(header):
            found.setdefault(name, []).append(float(duration))
    return {name: round(median(values), 1) for name, values in found.items()}


def _in_parts(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g} ms" for name, value in parts.items())
