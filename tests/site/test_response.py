"""Response time: a stall is seen, few samples are no pass, noise is no alarm, hits and misses are never one."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.site.standin import Answer, Asked, standin

from rota.errors import Refused
from rota_site.fetch import Ask, Fetcher
from rota_site.finding import RouteResult
from rota_site.model import Budget, Identity, Infrastructure, Limits, LogIn, Route, Site
from rota_site.response.baseline import Baseline, read, write
from rota_site.response.histogram import Histogram
from rota_site.response.judge import Measured, findings_of, slower, unsure_of
from rota_site.response.load import Sample, load
from rota_site.response.measure import How, measure
from rota_site.response.phases import Phase

HIT = [("Cache-Status", "edge; hit"), ("Server-Timing", "app;dur=3.5, db;dur=1")]
QUICK = Limits(connections=50, rate=2_000)


def a_site(url: str, *, budget: float = 500, **more: str) -> Site:
    route = Route("home", "/", ("/",), budget=Budget(warm=timedelta(milliseconds=budget)))
    return Site("notes", (route,), (), Infrastructure(url, limits=QUICK, **more))  # type: ignore[arg-type]  # paths


def result(site: Site, how: How) -> RouteResult:
    async def carry() -> list[RouteResult]:
        async with Fetcher(site.infrastructure) as fetcher:
            return await measure(site, fetcher, how)

    (one,) = asyncio.run(carry())
    return one


def a_phase(budget: float | None = 100, count: int = 100) -> Phase:
    asks = tuple(Ask("/") for _ in range(count))
    return Phase("home", "warm", asks, None if budget is None else timedelta(milliseconds=budget))


def a_measure(
    times: Sequence[float], *, others: int = 0, failed: int = 0, budget: float | None = 100
) -> Measured:
    return Measured(a_phase(budget), tuple(times), others, failed, None, None)


def test_a_histogram_is_off_by_less_than_one_percent_and_merges() -> None:
    chance = random.Random(3)
    times = [round(chance.lognormvariate(9, 2)) for _ in range(5_000)]
    one, two = Histogram(times[:2_000]), Histogram(times[2_000:])
    one.merge(two)
    for percent in (1, 50, 90, 95, 99, 99.9, 100):
        exact = sorted(times)[max(1, -(-len(times) * percent // 100).__trunc__()) - 1]
        for histogram in (one, Histogram.from_json(one.as_json())):
            assert exact <= histogram.percentile(percent) <= exact * 1.008 + 1
    with pytest.raises(ValueError, match="found none"):
        Histogram().percentile(50)


def test_a_stall_is_measured_though_a_closed_loop_would_not_see_it() -> None:
    gate = threading.Lock()

    def script(asked: Asked) -> Answer:
        with gate:  # the site answers one at a time
            if asked.path == "/stall":
                time.sleep(0.3)  # the stall
        return Answer()

    async def scenario(url: str) -> list[Sample]:
        async with Fetcher(Infrastructure(url, limits=Limits(connections=1, rate=100))) as fetcher:
            return await load(fetcher, [Ask("/stall"), *(Ask("/") for _ in range(9))], 100)

    with standin(script) as site:
        samples = asyncio.run(scenario(site.url))
    behind = samples[1:]
    assert all(sample.took > 0.15 for sample in behind)  # each waited behind the stall
    assert sorted(sample.served for sample in behind)[4] < 0.1  # which the time since sending hides


def test_a_load_above_the_limit_is_refused_before_anything_is_sent() -> None:
    async def scenario(url: str) -> None:
        async with Fetcher(Infrastructure(url, limits=Limits(rate=10))) as fetcher:
            await load(fetcher, [Ask("/")], 11)

    with standin(lambda asked: Answer()) as site:
        with pytest.raises(Refused, match="more than the site's limits allow"):
            asyncio.run(scenario(site.url))
        assert site.asked == []


def test_within_its_budget_and_from_the_cache(tmp_path: Path) -> None:
    with standin(lambda asked: Answer(headers=HIT)) as site:
        one = result(a_site(site.url, budget=3_000), How(100, 100, tmp_path / "base.json"))
    assert one.verdict == "ok"
    warm = one.facts["warm"]
    assert (warm["samples"], warm["others"], warm["budget"]) == (100, 0, 3_000)
    assert warm["parts"] == {"app": 3.5, "db": 1.0}
    assert 0 < warm["p50"] <= warm["p95"]
    assert "p99" not in warm  # a hundred samples cannot tell it
    assert read(tmp_path / "base.json").before("", "home warm") is not None


def test_over_its_budget(tmp_path: Path) -> None:
    def slow(_: Asked) -> Answer:
        time.sleep(0.03)  # over a budget of 10 ms
        return Answer(headers=HIT)

    with standin(slow) as site:
        one = result(a_site(site.url, budget=10), How(100, 200, tmp_path / "base.json"))
    assert [finding.rule for finding in one.findings] == ["T02"]
    assert read(tmp_path / "base.json").before("", "home warm") is None  # what is not good is no baseline


def test_misses_are_not_slow_hits(tmp_path: Path) -> None:
    turns = iter(range(10_000))

    def half(_: Asked) -> Answer:
        if next(turns) % 2:
            return Answer(headers=HIT)
        time.sleep(0.02)  # as the site does, a cache would not
        return Answer(headers=[("Cache-Status", "edge; fwd=miss")])

    with standin(half) as site:
        one = result(a_site(site.url), How(200, 500, None))
    assert one.verdict == "inconclusive"
    assert "did not say that they came from the cache" in str(one.unsure)
    assert abs(one.facts["warm"]["others"] - 100) <= 2


def test_a_site_that_says_nothing_of_its_cache_cannot_be_judged_warm() -> None:
    with standin(lambda asked: Answer()) as site:
        assert result(a_site(site.url), How(100, 500, None)).verdict == "inconclusive"


def test_a_site_that_does_not_answer_is_found() -> None:
    turns = iter(range(10_000))
    with standin(lambda asked: Answer(500 if next(turns) % 10 == 0 else 200, HIT)) as site:
        one = result(a_site(site.url), How(100, 500, None))
    assert [finding.rule for finding in one.findings] == ["T01"]
    assert "status 500" in one.findings[0].found


def test_a_slower_build_is_found_and_the_old_one_stays_the_baseline(tmp_path: Path) -> None:
    build = {"version": "1", "wait": 0.0}

    def script(asked: Asked) -> Answer:
        if asked.path == "/version":
            return Answer(body=build["version"].encode())  # type: ignore[union-attr]  # a text
        time.sleep(build["wait"])  # type: ignore[arg-type]  # what this build takes
        return Answer(headers=HIT)

    how = How(100, 100, tmp_path / "base.json")
    with standin(script) as server:
        site = a_site(server.url, budget=3_000, version="/version")
        assert result(site, how).verdict == "ok"
        build.update(version="2", wait=0.04)
        for _ in range(2):  # the slow build does not become the measure of itself
            one = result(site, how)
            assert [finding.rule for finding in one.findings] == ["T03"]
            assert "Mann-Whitney" in one.findings[0].found


def test_a_readers_own_page_is_measured_as_a_reader_and_never_passed_without_one() -> None:
    def script(asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer(303, [("Set-Cookie", "session=abcdefgh")])
        return Answer(200 if "session=abcdefgh" in asked.headers.get("Cookie", "") else 401)

    with standin(script) as server:
        route = Route("me", "/me", ("/me",), seen_by="reader", budget=Budget(cold=timedelta(seconds=3)))
        identity = Identity("ada", LogIn("/login", {"name": "ada"}))
        nobody = Infrastructure(server.url, limits=QUICK)
        one = result(
            Site("notes", (route,), (), replace(nobody, identities=(identity,))), How(100, 200, None)
        )
        assert (one.verdict, one.facts["logged-in"]["samples"]) == ("ok", 100)
        assert result(Site("notes", (route,), (), nobody), How(100, 200, None)).verdict == "inconclusive"
        wrong = replace(nobody, identities=(Identity("ada", LogIn("/login", {"name": "env:NOT_THERE"})),))
        assert "NOT_THERE" in str(result(Site("notes", (route,), (), wrong), How(100, 200, None)).unsure)


def test_few_samples_are_inconclusive_and_never_a_pass() -> None:
    assert "59 samples" in str(unsure_of(a_measure([5.0] * 59)))
    assert unsure_of(a_measure([5.0] * 60)) is None
    assert findings_of(a_measure([500.0] * 59), [5.0] * 100) == []


def test_a_budget_counts_from_the_95th_percentile() -> None:
    assert findings_of(a_measure([10.0] * 95 + [500.0] * 5), None) == []
    assert [each.rule for each in findings_of(a_measure([10.0] * 94 + [500.0] * 6), None)] == ["T02"]


def test_noise_is_no_alarm_and_a_growth_is() -> None:
    chance = random.Random(8)

    def times(growth: float = 1.0) -> list[float]:
        return [40 * growth * chance.lognormvariate(0, 0.25) for _ in range(100)]

    assert sum(slower(times(), times()) is not None for _ in range(300)) <= 3
    assert sum(slower(times(), times(1.3)) is not None for _ in range(100)) >= 97


def test_a_growth_that_nobody_would_notice_is_none() -> None:
    assert slower([1.0, 1.1] * 100, [1.5, 1.6] * 100) is None


def test_a_baseline_survives_a_torn_file_and_keeps_two_versions(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "base.json"
    assert read(path) == Baseline()
    baseline = Baseline()
    for version in ("1", "2", "3"):
        baseline = baseline.with_good(version, {"home warm": [float(version)]})
    write(path, baseline)
    assert read(path) == baseline
    assert baseline.before("4", "home warm") == (3.0,)
    assert baseline.before("3", "home warm") == (2.0,)
    assert len(baseline.versions) == 2
    path.write_text(path.read_text()[:10])
    assert read(path) == Baseline()
