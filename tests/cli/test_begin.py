"""`rota init`, `rota check`, `rota schema` and `rota run`."""

from __future__ import annotations

import json

import pytest
from tests.cli.desk import TOML, Desk


def test_init_writes_a_rota_that_is_in_order(empty: Desk) -> None:
    said = empty.rota("init", "--service", "web")
    assert said.code == 0
    assert sorted(path.name for path in empty.folder.iterdir()) == ["rota.toml", "tasks.py"]
    checked = empty.rota("check")
    assert (checked.code, checked.out) == (
        0,
        f"{empty.folder / 'rota.toml'}: 1 task of web, nothing to mend\n",
    )


def test_init_names_the_service_after_the_folder(empty: Desk) -> None:
    assert empty.rota("init", "My Site").code == 0
    assert 'service = "my-site"' in (empty.folder / "My Site" / "rota.toml").read_text()


@pytest.mark.parametrize("there", ["rota.toml", "tasks.py"])
def test_init_overwrites_nothing(empty: Desk, there: str) -> None:
    (empty.folder / there).write_text("mine")
    said = empty.rota("init")
    assert said.code == 1
    assert there in said.err
    assert (empty.folder / there).read_text() == "mine"
    assert [path.name for path in empty.folder.iterdir()] == [there]


def test_init_refuses_a_name_that_no_service_may_have(empty: Desk) -> None:
    said = empty.rota("init", "--service", "My Site")
    assert said.code == 2
    assert "for instance my-site" in said.err


def test_check_tells_all_problems_at_once(empty: Desk) -> None:
    empty.write(TOML.replace('rollback = "unpublish it again"', "").replace("30 2 * * *", "30 2 30 2 *"))
    said = empty.rota("check")
    assert said.code == 1
    assert said.out == ""
    assert said.err.startswith("the rota does not load: 2 problems\n")
    assert "rollback is missing" in said.err
    assert "can never fire" in said.err


def test_check_looks_at_the_code(empty: Desk) -> None:
    empty.write(TOML.replace("desk_duties:send", "desk_duties:sned"))
    said = empty.rota("check")
    assert said.code == 1
    assert "did you mean" in said.err


def test_check_annotates_the_lines_of_a_pull_request(empty: Desk) -> None:
    empty.write(TOML.replace('rollback = "unpublish it again"', ""))
    said = empty.rota("check", "--output-format=github")
    assert said.code == 1
    (line,) = said.out.splitlines()
    file = empty.folder / "rota.toml"
    assert line.startswith(f"::error file={file},line=5,title=rollback is missing::expected ")
    assert "%0Aretry: safe" in line


def test_check_as_json(empty: Desk) -> None:
    empty.write(TOML.replace('rollback = "unpublish it again"', ""))
    said = empty.rota("check", "--output-format", "json")
    found = json.loads(said.out)
    assert (said.code, found["schema"]) == (1, 1)
    assert [problem["title"] for problem in found["problems"]] == ["rollback is missing"]
    empty.write()
    found = json.loads(empty.rota("check", "--output-format", "json").out)
    assert found == {"schema": 1, "service": "newsroom", "tasks": 3, "problems": []}


def test_check_without_a_file_says_how_to_begin(empty: Desk) -> None:
    said = empty.rota("check")
    assert said.code == 1
    assert "there is no rota here" in said.err
    assert "next: rota init" in said.err


def test_schema_is_the_json_schema_of_the_file(empty: Desk) -> None:
    said = empty.rota("schema")
    found = json.loads(said.out)
    assert said.code == 0
    assert {"service", "task"} <= set(found["properties"])


def test_run_serves_with_the_settings_that_were_given(desk: Desk) -> None:
    argv = (
        "run",
        "--no-pages",
        "--host",
        "::1",
        "--port",
        "0",
        "--slots",
        "7",
        "--workers",
        "3",
        "--drain",
        "1m",
    )
    assert desk.rota(*argv).code == 0
    ((settings, pages),) = desk.served
    assert not pages
    assert (settings.host, settings.port, settings.slots, settings.workers, settings.drain) == (
        "::1",
        0,
        7,
        3,
        60.0,
    )


def test_run_ends_with_the_code_of_the_node(desk: Desk) -> None:
    desk.serves_with = 130
    assert desk.rota("run").code == 130
    assert desk.served[0][1]


@pytest.mark.parametrize(
    "argv", [["--slots", "0"], ["--port", "70000"], ["--drain", "soon"], ["--prot", "1"]]
)
def test_run_refuses_what_makes_no_sense(desk: Desk, argv: list[str]) -> None:
    assert desk.rota("run", *argv).code == 2
    assert desk.served == []
