"""`deploy/deploy.sh` itself, on a site that runs: forward and back, and what it leaves when a step fails."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import pytest
from tests.deploy.site import SCRIPT, Site

sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)

STEPS = subprocess.run([SCRIPT, "--steps"], capture_output=True, text=True, check=True).stdout.split()


def fails(site: Site, before: dict[str, Any], release: str = "two", **more: str) -> str:
    """A deploy that fails, and leaves all as it was; returns what it said."""
    done = site.deploy(release, **more)
    assert done.returncode == 1, done.stdout
    assert site.facts() == before, done.stdout
    assert f"nothing of {release} is left; retry: safe" in done.stdout
    return done.stdout


@sqlite
@pytest.mark.slow
def test_a_failure_at_the_end_side_by_side_and_then_forward_and_back(site: Site) -> None:
    since, before = site.now(), site.facts()
    said = fails(site, before, "rota", FAIL_AT="after:restart")
    assert "undone: the service is that of one again" in said
    assert "undone: the rota is that of revision 1 again" in said
    assert "the schema" not in said
    forward_and_back(site, before)
    assert site.must_hold(since) >= 30


def forward_and_back(site: Site, before: dict[str, Any]) -> None:
    done = site.deploy("two")
    assert done.returncode == 0, done.stdout
    after = site.facts()
    assert (after["release"], after["schema"]) == ("two", before["schema"] + 1)
    assert after["tasks"].keys() - before["tasks"].keys() == {"prune"}
    assert (after["waiting"], after["nodes"]) == (before["waiting"], 1)
    done = site.deploy("--back")
    assert done.returncode == 0, done.stdout
    assert site.facts() == before


@postgresql
@pytest.mark.slow
def test_a_script_that_is_killed_is_undone_by_the_next(site: Site) -> None:
    since, before = site.now(), site.facts()
    cut_off_while_it_tries(site)
    done = site.deploy("--undo")
    assert done.returncode == 0, done.stdout
    assert "the deploy of two was cut off; undoing it first" in done.stdout
    assert site.facts() == before
    assert site.must_hold(since) >= 15


def cut_off_while_it_tries(site: Site) -> None:
    """SIGKILL while the change is tried: what the script had begun to do goes on without it, and is waited for."""
    with subprocess.Popen([SCRIPT, "two"], env=site.env, stdout=subprocess.DEVNULL) as script:
        while not site.is_tried():
            assert script.poll() is None, site.log()
            time.sleep(0.05)  # nothing tells but the ledger
        script.kill()
    refused = site.deploy("two")
    assert (refused.returncode, "another deploy is under way" in refused.stdout) == (2, True)
    deadline = time.monotonic() + 30
    while site.deploy("--no-such-option").stdout.count("another deploy"):
        assert time.monotonic() < deadline
        time.sleep(0.2)  # the same


@sqlite
def test_what_cannot_be_imported_stops_it_before_anything_is_done(site: Site) -> None:
    before, pid = site.facts(), (site.root / "pid").read_text()
    (site.root / "releases" / "two" / "duties.py").write_text("import no_such_library\n")
    assert "no_such_library" in fails(site, before)
    assert (site.root / "pid").read_text() == pid, "the service was not touched"
    for words, said in (
        ((), "expected one argument"),
        (("three",), "there is no"),
        (("--back",), "no release before"),
    ):
        wrong = site.deploy(*words)
        assert (wrong.returncode, said in wrong.stdout) == (2, True), wrong.stdout
    assert site.facts() == before


# -- the long form: every step, both directions, both ledgers


@both
@pytest.mark.long
def test_forward_and_back(site: Site) -> None:
    since, before = site.now(), site.facts()
    forward_and_back(site, before)
    assert site.must_hold(since) >= 15


@both
@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after", "kill"])
def test_a_failure_at_each_step(site: Site, when: str) -> None:
    at_each_step(site, when, "two")


@both
@pytest.mark.long
@pytest.mark.parametrize("when", ["after", "kill"])
def test_a_failure_at_each_step_of_the_way_down(site_at_two: Site, when: str) -> None:
    at_each_step(site_at_two, when, "one")


def at_each_step(site: Site, when: str, release: str) -> None:
    since, before = site.now(), site.facts()
    for step in STEPS:
        if when == "kill":
            killed = site.deploy(release, FAIL_AT=f"kill:{step}")
            assert killed.returncode == -signal.SIGKILL, killed.stdout
            done = site.deploy("--undo")
            assert done.returncode == 0, done.stdout
            assert site.facts() == before, (step, killed.stdout, done.stdout)
        else:
            fails(site, before, release, FAIL_AT=f"{when}:{step}")
    site.must_hold(since)


@both
@pytest.mark.long
def test_a_failure_at_each_step_side_by_side(site: Site) -> None:
    at_each_step(site, "after", "rota")


@both
@pytest.mark.long
def test_side_by_side_forward_and_back(site: Site) -> None:
    since, before = site.now(), site.facts()
    for words, release in (("rota", "rota"), ("--back", "one"), ("--back", "rota"), ("one", "one")):
        done = site.deploy(words)
        assert done.returncode == 0, done.stdout
        assert (site.current, site.facts()["nodes"]) == (release, 1)
    assert site.facts() == before
    assert site.must_hold(since) >= 30


@both
@pytest.mark.long
def test_a_canary_that_fails(site: Site) -> None:
    since, before = site.now(), site.facts()
    (site.root / "broken").touch()
    said = fails(site, before)
    assert "FAILED: two at the step apply" in said
    assert "put back: site is revision 3 now, with the content of 1" in said
    assert f"undone: the schema is version {before['schema']} again" in said
    site.must_hold(since)


@both
@pytest.mark.long
def test_a_service_that_does_not_come_up(site: Site) -> None:
    since, before = site.now(), site.facts()
    program = site.root / "releases" / "two" / "bin" / "rota"
    lines = program.read_text().splitlines(keepends=True)
    program.write_text("".join([lines[0], '[ "$*" != run ] || exit 7\n', *lines[1:]]))
    said = fails(site, before, READY_WITHIN="3")
    assert "not ready within 3 s" in said
    assert "undone: the service is that of one again" in said
    site.must_hold(since)


@both
@pytest.mark.long
def test_a_node_that_is_not_stopped_keeps_the_schema_from_being_changed(site: Site) -> None:
    before = site.facts()
    said = fails(site, before, STOP="true")
    assert "nodes are live, and the schema is to be changed" in said


@both
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupt_puts_everything_back(site: Site, number: signal.Signals) -> None:
    since, before = site.now(), site.facts()
    with subprocess.Popen(
        [SCRIPT, "two"], env=site.env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as script:
        while not site.is_tried():
            assert script.poll() is None, site.log()
            time.sleep(0.05)  # nothing tells but the ledger
        os.killpg(script.pid, number)  # as a terminal does
        said, _ = script.communicate(timeout=60)
    assert script.returncode == 128 + number
    assert "INTERRUPTED: two at the step apply" in said
    assert site.facts() == before, said
    site.must_hold(since)


@both
@pytest.mark.long
def test_without_a_canary_nothing_is_decided_and_it_is_said_what_becomes_of_that(site: Site) -> None:
    before = site.facts()
    toml = site.root / "releases" / "two" / "rota.toml"
    toml.write_text(toml.read_text().replace("canary = true", ""))
    assert "inconclusive: no task is tried" in fails(site, before)
    done = site.deploy("two", UNDECIDED="keep", ALONE="yes", REHEARSE_DAYS="0.01")
    assert done.returncode == 0, done.stdout
    assert (site.facts()["release"], site.facts()["unconfirmed"]) == ("two", [])
