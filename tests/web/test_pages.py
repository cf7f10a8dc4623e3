"""Every page: with history and without, with odd names and with hostile text, under a prefix too."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.read.house import EVIL, House, a_task, build, errored, succeeded
from tests.read.judged import an_incident, refused
from tests.web.conftest import ADDRESS, TOKEN, Site, make_site

from rota.change.apply import apply
from rota.define.loaded import LoadedRota
from rota.model.run import Kind, NewRun

PAGES = (
    "/",
    "/tasks",
    "/tasks?q=map",
    "/tasks?show=attention",
    "/runs",
    "/runs?state=failed",
    "/incidents",
    "/incidents?all=1",
    "/nodes",
    "/about",
)


def lived_in(house: House) -> list[int]:
    """Some history, with hostile text wherever a task can put text."""
    house.clock.move(seconds=60)
    [first] = house.round(succeeded({"html": EVIL, "big": 12345678901234567890123}))
    house.log(first.id, EVIL, "second line")
    house.clock.move(seconds=60)
    failed = house.round(errored(EVIL, traceback=f"Traceback\n  {EVIL}", found=EVIL))
    house.clock.move(seconds=60)
    house.fire()
    running = house.claim()
    house.progress(running[0], {"done": 1, "total": 2, "note": EVIL})
    an_incident(house, words=EVIL)
    refused(house, EVIL)
    return [first.id, failed[0].id, running[0].id]


@pytest.mark.parametrize("path", PAGES)
def test_each_page_shows_with_and_without_history(site: Site, tmp_path: Path, path: str) -> None:
    assert site.browser().get(path).status_code == 200
    lived_in(site.house)
    shown = site.browser().get(path)
    assert shown.status_code == 200
    assert "text/html" in shown.headers["content-type"]
    (tmp_path / "empty").mkdir()
    empty = build(tmp_path / "empty", [])
    assert make_site(empty).browser().get(path).status_code == 200
    empty.ledger.close()


def test_empty_pages_teach_what_to_do(tmp_path: Path) -> None:
    empty = build(tmp_path, [])
    browser = make_site(empty).browser()
    assert "[[task]]" in browser.get("/").text
    assert "rota init" in browser.get("/tasks").text
    assert "rota run" in browser.get("/runs").text
    empty.ledger.close()


def test_what_a_task_wrote_is_never_markup(site: Site) -> None:
    runs = lived_in(site.house)
    browser = site.browser()
    for path in (
        *PAGES,
        "/incidents/1",
        "/tasks/newsroom/publish-due",
        *(f"/runs/{run_id}" for run_id in runs),
    ):
        text = browser.get(path).text
        assert EVIL not in text, path
        assert "<script>" not in text, path
    shown = browser.get(f"/runs/{runs[0]}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "12345678901234567890123" in shown
    log = browser.get(f"/runs/{runs[0]}/log")
    assert log.headers["content-type"].startswith("text/plain")
    assert EVIL in log.text


def test_pages_hold_no_inline_script_or_style(site: Site) -> None:
    runs = lived_in(site.house)
    browser = site.browser()
    for path in (*PAGES, "/incidents/1", "/tasks/newsroom/publish-due", f"/runs/{runs[1]}"):
        text = browser.get(path).text
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", text), path
        assert "http://" not in text.replace("http://www.w3.org", ""), path


def test_a_task_page_shows_its_duty_schedule_policies_and_actions(site: Site) -> None:
    lived_in(site.house)
    text = site.browser().get("/tasks/newsroom/publish-due").text
    for said in (
        "Owner",
        "Expected result",
        "Rollback",
        "Next occurrences",
        "Policies",
        "Run it now",
        "Pause",
    ):
        assert said in text
    assert 'class="strip"' in text
    assert "As a table" in text


def test_a_bare_name_and_a_full_name_show_the_same_task(site: Site) -> None:
    browser = site.browser()
    assert (
        browser.get("/tasks/publish-due").status_code
        == browser.get("/tasks/newsroom/publish-due").status_code
        == 200
    )


@pytest.mark.parametrize("name", ["a/b", "a b", "ä?#%", "<b>", "..", "trigger", "a'\"&"])
def test_names_may_hold_anything(site: Site, name: str) -> None:
    apply(site.house.ledger, LoadedRota("odd", {name: a_task(name, service="odd")}), author="a", reason="odd")
    browser = site.browser()
    listed = browser.get("/tasks").text
    path = f"/tasks/odd/{quote(name, safe='')}"
    assert path in listed
    assert browser.get(f"/runs?task={quote('odd/' + name, safe='')}").status_code == 200
    if name != "..":  # no browser asks for that: it is a step up
        assert browser.get(path).status_code == 200
        sent = browser.post(path, data={"csrf": site.csrf(browser), "action": "trigger"})
        assert sent.headers["location"].startswith("/runs/")


def test_unknown_names_answer_404_with_the_nearest(site: Site) -> None:
    browser = site.browser()
    missing = browser.get("/tasks/newsroom/publish-deu")
    assert missing.status_code == 404
    assert "publish-due" in missing.text
    assert browser.get("/runs/99").status_code == 404
    assert browser.get("/nothing-here").status_code == 404
    assert browser.get("/runs?colour=red").status_code == 400
    assert browser.get("/runs/abc").status_code == 422


def test_a_thousand_runs_are_paged(site: Site) -> None:
    task = site.house.task("republish")
    now = site.house.now
    site.house.ledger.enqueue([NewRun(task.id, Kind.ENQUEUED, now, now) for _ in range(1000)])
    browser = site.browser()
    path, seen = "/runs", set()
    while path:
        text = browser.get(path).text
        seen |= set(re.findall(r'href="/runs/(\d+)"', text))
        older = re.search(r'href="(/runs\?[^"]*)" rel="next"', text)
        path = older.group(1).replace("&amp;", "&") if older else ""
    assert len(seen) == 1000


def test_the_zone_that_is_picked_is_the_one_that_is_shown(site: Site) -> None:
    browser = site.browser()
    sent = browser.post(
        "/zone", data={"csrf": site.csrf(browser), "zone": "Asia/Kathmandu", "back": "/tasks"}
    )
    assert sent.headers["location"] == "/tasks"
    assert "17:45" in browser.get("/tasks").text
    elsewhere = browser.post(
        "/zone", data={"csrf": site.csrf(browser), "zone": "No/Where", "back": "//evil.example"}
    )
    assert elsewhere.headers["location"] == "/evil.example"
    assert browser.get("/tasks").status_code == 200


def test_under_a_prefix_every_link_keeps_to_it(site: Site) -> None:
    lived_in(site.house)
    outer = FastAPI()
    outer.mount("/rota", site.app)
    browser = TestClient(outer, base_url=ADDRESS, follow_redirects=False, headers={"accept": "text/html"})
    entered = browser.get(f"/rota/?token={TOKEN}")
    assert entered.headers["location"] == "/rota/"
    assert "Path=/rota" in entered.headers["set-cookie"]
    for path in (*PAGES, "/tasks/newsroom/publish-due", "/runs/1"):
        text = browser.get(f"/rota{path}").text
        links = re.findall(r'(?:href|src|action|hx-get|hx-sse:connect)="(/[^"]*)"', text)
        assert links
        assert [link for link in links if not link.startswith("/rota/")] == [], path
    assert browser.get("/rota/static/rota.css").status_code == 200
    assert browser.get("/rota/livez").status_code == 200
    assert browser.get("/rota/api/v1/tasks").status_code == 200


def test_a_fault_of_ours_shows_no_traceback(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the house")

    browser = site.browser()
    monkeypatch.setattr("rota.web.pages.overview.overview", broken)
    shown = browser.get("/")
    assert shown.status_code == 500
    assert "secret of the house" not in shown.text
    assert "Traceback" not in shown.text
    assert "content-security-policy" in shown.headers


def test_an_incidents_page_shows_the_whole_story_and_lets_one_be_at_it(site: Site) -> None:
    lived_in(site.house)
    browser = site.browser()
    assert 'href="/incidents/1"' in browser.get("/").text
    text = browser.get("/incidents/1").text
    for said in ("Expected", "Found", "Who was told", "Rollback", "Checks", "I am at it", "Mute the task"):
        assert said in text
    csrf = site.csrf(browser)
    sent = browser.post(
        "/incidents/1", data={"csrf": csrf, "action": "acknowledge", "reason": "at it", "for": "2 hours"}
    )
    assert (sent.status_code, sent.headers["location"]) == (303, "/incidents/1?done=acknowledge")
    shown = browser.get("/incidents/1?done=acknowledge").text
    assert "by dashboard: at it" in shown
    sent = browser.post(
        "/incidents/1", data={"csrf": csrf, "action": "mute", "reason": "the move", "for": "1 day"}
    )
    assert sent.status_code == 303
    assert "Tell its owner again" in browser.get("/incidents/1").text
    assert browser.post("/incidents/1", data={"csrf": csrf, "action": "unmute"}).status_code == 303
    assert "Mute the task" in browser.get("/incidents/1").text


def test_what_an_incidents_form_cannot_do_is_said_on_the_page(site: Site) -> None:
    lived_in(site.house)
    browser = site.browser()
    for form, said in (
        ({"action": "acknowledge", "reason": " "}, "needs a reason"),
        ({"action": "mute", "reason": "x"}, "needs its end"),
        ({"action": "unmute"}, "is not muted"),
        ({"action": "close"}, "no action is named"),
    ):
        answer = browser.post("/incidents/1", data={"csrf": site.csrf(browser), **form})
        assert answer.status_code >= 400
        assert said in answer.text
    assert browser.post("/incidents/1", data={"action": "unmute"}).status_code == 403
    assert browser.get("/incidents/99").status_code == 404
