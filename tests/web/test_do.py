"""What operators do from a page: each leaves an audit line, wakes the node, and is refused where it cannot be."""

from __future__ import annotations

import html
import json

from tests.read.house import House, errored
from tests.web.conftest import Site, make_site

PUBLISH = "/tasks/newsroom/publish-due"


def test_trigger_makes_a_run_and_leads_to_it(site: Site) -> None:
    browser = site.browser()
    sent = browser.post(PUBLISH, data={"csrf": site.csrf(browser), "action": "trigger", "reason": "a typo"})
    assert sent.status_code == 303
    run = site.house.ledger.run(int(sent.headers["location"].split("/")[2].split("?")[0]))
    assert run is not None
    assert (run.task, run.requested_by) == ("publish-due", "dashboard")
    assert site.woken == 1
    assert "recorded" in browser.get(sent.headers["location"]).text
    [line] = site.house.ledger.changes(subject="newsroom/publish-due")
    assert (line.action, line.actor, line.reason) == ("trigger", "dashboard", "a typo")
    assert "a typo" in browser.get(PUBLISH).text


def test_the_form_of_a_task_follows_its_signature(site: Site) -> None:
    browser = site.browser()
    shown = browser.get("/tasks/newsroom/republish").text
    assert 'name="arg.limit"' in shown
    assert 'name="arg.title"' in shown
    assert "<option>true</option>" in shown
    fields = {"arg.limit": "12345678901234567890", "arg.title": "7", "arg.deep": "true"}
    sent = browser.post(
        "/tasks/newsroom/republish", data={"csrf": site.csrf(browser), "action": "trigger", **fields}
    )
    assert sent.status_code == 303, sent.text
    [run] = [run for run in site.house.ledger.runs(_any()) if run.task == "republish"]
    assert run.args == '{"deep":true,"limit":12345678901234567890,"title":"7"}'


def test_arguments_that_do_not_fit_are_told_and_kept_in_the_form(site: Site) -> None:
    browser = site.browser()
    fields = {"arg.limit": "many", "arg.title": "kept as it was"}
    sent = browser.post(
        "/tasks/newsroom/republish", data={"csrf": site.csrf(browser), "action": "trigger", **fields}
    )
    assert sent.status_code == 422
    assert "limit" in sent.text
    assert "kept as it was" in sent.text
    assert site.house.ledger.runs(_any()) == []


def test_without_the_code_arguments_are_json(house: House) -> None:
    site = make_site(house, loaded=False)
    browser = site.browser()
    data = {"csrf": site.csrf(browser), "action": "trigger", "args": '{"id": 12345678901234567890123}'}
    assert browser.post(PUBLISH, data=data).status_code == 303
    assert house.ledger.runs(_any())[0].args == '{"id":12345678901234567890123}'
    for wrong in ("[1]", "{", "nonsense"):
        assert browser.post(PUBLISH, data={**data, "args": wrong}).status_code == 422


def test_pause_needs_a_reason_shows_as_such_and_resume_ends_it(site: Site) -> None:
    browser = site.browser()
    csrf = site.csrf(browser)
    assert browser.post(PUBLISH, data={"csrf": csrf, "action": "pause", "reason": " "}).status_code == 400
    assert site.house.task("publish-due").paused_at is None
    data = {"csrf": csrf, "action": "pause", "reason": "the move", "for": "2 hours"}
    assert browser.post(PUBLISH, data=data).status_code == 303
    paused = site.house.task("publish-due")
    assert paused.paused_until == site.house.now + 7200 * 1_000_000
    assert "the move" in browser.get("/").text
    again = browser.post(PUBLISH, data={"csrf": csrf, "action": "resume"})
    assert again.status_code == 303
    assert site.house.task("publish-due").paused_at is None
    assert browser.post(PUBLISH, data={"csrf": csrf, "action": "resume"}).status_code == 409


def test_undo_runs_the_command_that_was_shown_once_it_is_ticked(site: Site) -> None:
    browser = site.browser()
    shown = browser.get(PUBLISH).text
    command = html.unescape(shown.split('name="command" value=\'', 1)[1].split("'", 1)[0])
    assert tuple(json.loads(command)) == site.house.loaded.tasks["publish-due"].rollback_command
    asked = {"csrf": site.csrf(browser), "action": "undo", "command": command, "reason": "the wrong edition"}
    unsure = browser.post(PUBLISH, data=asked)
    assert unsure.status_code == 400
    assert "not confirmed" in unsure.text
    assert "the wrong edition" in unsure.text, "what was written is kept in the form"
    asked["sure"] = "yes"
    assert browser.post(PUBLISH, data={**asked, "run": "4711"}).status_code == 404
    assert browser.post(PUBLISH, data={**asked, "run": "the last"}).status_code == 400
    assert browser.post(PUBLISH, data={**asked, "reason": " "}).status_code == 400
    other = browser.post(PUBLISH, data={**asked, "command": '["rm", "-r", "/"]'})
    assert other.status_code == 409
    assert "has changed meanwhile" in other.text
    assert site.house.ledger.runs(_any()) == []
    sent = browser.post(PUBLISH, data=asked)
    assert sent.status_code == 303
    [run] = site.house.ledger.runs(_any())
    assert (run.kind, run.requested_by, site.woken) == ("undo", "dashboard", 1)
    assert "The undo is recorded" in browser.get(sent.headers["location"]).text
    assert '<span class="tag">undo by dashboard</span>' in browser.get(PUBLISH).text
    assert browser.post(PUBLISH, data=asked).status_code == 409, "one waits at most"


def test_a_task_without_a_command_has_no_form_for_it(site: Site) -> None:
    browser = site.browser()
    path = "/tasks/newsroom/rebuild-sitemap"
    assert 'value="undo"' not in browser.get(path).text
    data = {"csrf": site.csrf(browser), "action": "undo", "reason": "a try", "sure": "yes"}
    assert browser.post(path, data=data).status_code == 409


def test_cancel_and_retry_from_a_run(site: Site) -> None:
    browser = site.browser()
    csrf = site.csrf(browser)
    site.house.clock.move(seconds=60)
    [claimed] = site.house.round(errored())
    path = f"/runs/{claimed.id}"
    assert browser.post(path, data={"csrf": csrf, "action": "cancel"}).status_code == 409
    assert browser.post(path, data={"csrf": csrf, "action": "retry", "reason": "mended"}).status_code == 303
    assert browser.post(path, data={"csrf": csrf, "action": "cancel"}).status_code == 303
    run = site.house.ledger.run(claimed.id)
    assert run is not None
    assert run.state == "cancelled"


def test_an_action_that_is_not_there_is_refused(site: Site) -> None:
    browser = site.browser()
    csrf = site.csrf(browser)
    assert browser.post(PUBLISH, data={"csrf": csrf, "action": "delete"}).status_code == 404
    assert browser.post("/runs/99", data={"csrf": csrf, "action": "cancel"}).status_code == 404


def _any():  # type: ignore[no-untyped-def]  # a filter that lets all through
    from rota.ledger.records import RunFilter

    return RunFilter()
