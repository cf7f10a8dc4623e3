"""Whatever stands in the file, it loads or its problems are told: no other exception leaves the loader."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rota.define.decorator import TaskRegistry
from rota.define.entry import CommandEntry, ExpectationEntry, OutputEntry, RequestEntry, RetryEntry, TaskEntry
from rota.define.load import load_file
from rota.errors import DefinitionError, DefinitionErrors

keys = st.sampled_from(
    sorted(
        {
            field.alias or name
            for model in (TaskEntry, CommandEntry, RequestEntry, RetryEntry, ExpectationEntry, OutputEntry)
            for name, field in model.model_fields.items()
        }
        | {"task", "queue", "defaults", "service", "cron", "every", "type", "properties", "shedule"}
    )
)
scalars = st.one_of(
    st.sampled_from(
        ["", "a", "web", "0 9 * * *", "45s", "none", "json:dumps", "os.path", "loop", "all", "env:", "10/s", "UTC", "("]
    ),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.floats(),
    st.dates(),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
tables = st.dictionaries(keys, values, max_size=8)
files = st.fixed_dictionaries(
    {}, optional={"service": values | st.just("web"), "task": st.lists(tables, max_size=3) | values, "queue": values, "alerts": values | tables | st.fixed_dictionaries({}, optional={"owner": values, "channel": values, "channels": values, "maintenance": values}), "defaults": values | tables, "timezone": values, "x": values}
)  # fmt: skip


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def told(call: Callable[[], Any]) -> Sequence[DefinitionError]:
    """The problems that a call tells; none where it succeeds. Any other exception fails the test."""
    try:
        call()
    except DefinitionErrors as error:
        return error.problems or [DefinitionError("refused without a problem")]
    return ()


@given(files)
@settings(max_examples=200, deadline=None)
def test_any_file_loads_or_says_what_is_wrong(file: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rota.toml")
        path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in file.items()), encoding="utf-8")
        for problem in told(lambda: load_file(path, import_code=False)):
            assert problem.what
            assert problem.file == str(path)
            assert problem.line is not None
            assert problem.expected, problem
            assert problem.found, problem


async def duty() -> None: ...


@given(tables.map(lambda table: {key: value for key, value in table.items() if key.isidentifier()}))
@settings(max_examples=200, deadline=None)
def test_any_options_make_a_task_or_say_what_is_wrong(options: dict[str, Any]) -> None:
    registry = TaskRegistry("web")
    problems = told(lambda: registry.task(**options)(duty))
    assert all(problem.what and problem.line for problem in problems)
    if not problems:
        assert registry._tasks
