"""Functions are found by their names; what stands in the way is told at the line that causes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rota.define.code import put_on_path, resolve
from rota.errors import DefinitionError
from rota.model.task import Isolation


def rota_of(duty: str, *tasks: str) -> str:
    entries = (f'[[task]]\nname = "t{number}"\n{task}{duty}' for number, task in enumerate(tasks))
    return 'service = "web"\n' + "".join(entries)


def test_a_module_that_raises_is_told_at_the_deepest_line_of_the_users_code(folder, duty) -> None:
    folder.write("raisers/__init__.py", "")
    helper = folder.write(
        "raisers/helper.py", "import json\n\ndef read(text):\n    return json.loads(text)\n"
    )
    folder.write(
        "raisers/tasks.py", "from raisers.helper import read\n\nSETTINGS = read('{')\n\ndef go(): ...\n"
    )
    (problem,) = folder.problems(rota_of(duty, 'run = "raisers.tasks:go"'), import_code=True)
    assert (problem.file, problem.line) == (str(helper), 4)  # not json/decoder.py, where it was raised
    assert (problem.task, problem.key) == ("t0", "run")
    assert problem.what == "importing raisers.tasks failed"
    assert "JSONDecodeError" in problem.found
    assert problem.next == ('python -c "import raisers.tasks"',)


def test_one_broken_module_is_one_problem_however_many_tasks_need_it(folder, duty) -> None:
    counted = folder.write("counted.py", "import sys\nsys.counted_imports += 1\nraise RuntimeError\n")
    sys.counted_imports = 0
    try:
        tasks = [f'run = "counted:go{number}"' for number in range(3)]
        (problem,) = folder.problems(rota_of(duty, *tasks), import_code=True)
        assert (problem.file, problem.line, problem.found) == (str(counted), 3, "RuntimeError")
        assert sys.counted_imports == 1
    finally:
        del sys.counted_imports


def test_a_syntax_error_is_told_at_its_line(folder, duty) -> None:
    broken = folder.write("unclosed.py", "x = 1\ndef go(:\n    pass\n")
    (problem,) = folder.problems(rota_of(duty, 'run = "unclosed:go"'), import_code=True)
    assert (problem.file, problem.line) == (str(broken), 2)


def test_a_module_that_is_missing_inside_the_users_code_is_their_line(folder, duty) -> None:
    needy = folder.write("needy.py", "import os\nimport no_such_package_at_all\n\ndef go(): ...\n")
    (problem,) = folder.problems(rota_of(duty, 'run = "needy:go"'), import_code=True)
    assert (problem.file, problem.line) == (str(needy), 2)
    assert "no_such_package_at_all" in problem.found


def test_a_module_that_exits_does_not_end_the_loader(folder, duty) -> None:
    script = folder.write("exits.py", "import sys\nsys.exit(2)\n")
    (problem,) = folder.problems(rota_of(duty, 'run = "exits:go"'), import_code=True)
    assert (problem.file, problem.line, problem.found) == (str(script), 2, "SystemExit: 2")


def test_unknown_modules_and_names_are_told_with_the_nearest(folder, duty, places) -> None:
    folder.write("nearsite/__init__.py", "")
    folder.write(
        "nearsite/publishing.py",
        "class Desk:\n    def publish(self): ...\n\ndef publish_due(): ...\n\nLIMIT = 3\n",
    )
    text = rota_of(
        duty,
        'run = "nearsiet.publishing:publish_due"',
        'run = "nearsite.publishng:publish_due"',
        'run = "nearsite.publishing:publish_deu"',
        'run = "nearsite.publishing:Desk.publsh"',
        'run = "nearsite.publishing:LIMIT"',
        'run = "nearsite.publishing:Desk"',
        'run = "nearsite.publishing:publish_due"\nexpectation = { verify = "nearsite.publishing:nothing_like_it" }',
    )
    assert places(folder.problems(text, import_code=True)) == [
        (4, "t0", "run", "nearsite.publishing"),
        (10, "t1", "run", "nearsite.publishing"),
        (16, "t2", "run", "nearsite.publishing:publish_due"),
        (22, "t3", "run", "nearsite.publishing:Desk.publish"),
        (28, "t4", "run", None),
        (34, "t5", "run", None),
        (41, "t6", "expectation.verify", None),
    ]


def test_a_package_hidden_by_pythons_own_module_is_explained(folder, duty) -> None:
    folder.write("site/__init__.py", "")
    folder.write("site/publishing.py", "def go(): ...\n")
    (problem,) = folder.problems(rota_of(duty, 'run = "site.publishing:go"'), import_code=True)
    assert "Python's own module 'site' hides" in problem.what


def test_imports_are_checked_beside_all_other_problems(folder, duty, places) -> None:
    text = rota_of(duty, 'run = "no_such_module_here:go"\ntimeout = 3\nshedule = "@daily"')
    assert places(folder.problems(text, import_code=True)) == [
        (4, "t0", "run", None),
        (5, "t0", "timeout", '"3s"'),
        (6, "t0", "shedule", "schedule"),
    ]


KINDS = """\
import functools

async def loops(): ...

def plain(): ...

@functools.wraps(loops)
def wrapped(*args): return loops(*args)

def yields():
    yield 1

async def yields_async():
    yield 1

def needs(article_id: int, note: str = ""): ...
"""


def test_the_kind_of_a_function_decides_where_it_runs(folder, duty) -> None:
    folder.write("kinds.py", KINDS)
    tasks = ['run = "kinds:loops"', 'run = "kinds:plain"', 'run = "kinds:plain"\nisolation = "thread"', 'run = "kinds:loops"\nisolation = "loop"']  # fmt: skip
    rota = folder.load(rota_of(duty, *tasks), import_code=True)
    assert [task.target.isolation for task in rota.tasks.values()] == [
        Isolation.LOOP,
        Isolation.PROCESS,
        Isolation.THREAD,
        Isolation.LOOP,
    ]


def test_functions_that_do_not_suit_their_task(folder, duty, places) -> None:
    folder.write("kinds.py", KINDS)
    text = rota_of(
        duty,
        'run = "kinds:loops"\nisolation = "thread"',
        'run = "kinds:plain"\nisolation = "loop"',
        'run = "kinds:yields"',
        'run = "kinds:yields_async"',
        'run = "kinds:needs"\nargs = { article_id = "x", noet = "" }',
        'run = "kinds:needs"\nschedule = "* * * * *"',
        'run = "kinds:needs"',  # whoever asks for a run hands them in
    )
    assert places(folder.problems(text, import_code=True)) == [
        (5, "t0", "isolation", None),
        (12, "t1", "isolation", None),
        (18, "t2", "run", None),
        (24, "t3", "run", None),
        (31, "t4", "args", None),
        (35, "t5", "args", None),
    ]


def test_the_search_path_is_changed_by_asking_and_once(folder: Path) -> None:
    put_on_path(folder.path)
    put_on_path(folder.path)
    assert sys.path.count(str(folder.path)) == 1
    assert sys.path[0] == str(folder.path)


def test_what_is_not_a_reference_is_refused() -> None:
    with pytest.raises(DefinitionError, match="names nothing"):
        resolve("textwrap.dedent")
