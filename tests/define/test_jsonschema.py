"""The JSON Schema that editors are given agrees with the loader."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from rota.define.entry import RotaFile, TaskEntry
from rota.define.jsonschema import json_schema

# ---- as much of draft 2020-12 as the schema uses -----------------------------------------------------

TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
NOTES = {"title", "description", "examples", "default", "format", "$schema", "$defs", "then", "else"}


def fits(value: Any, schema: Any, root: dict[str, Any]) -> bool:
    if isinstance(schema, bool):
        return schema
    return all(holds(keyword, operand, value, schema, root) for keyword, operand in schema.items())


def holds(keyword: str, operand: Any, value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    table = value if isinstance(value, dict) else {}
    texts, items, number = (
        isinstance(value, str),
        value if isinstance(value, list) else [],
        TYPES["number"](value),
    )
    match keyword:
        case "$ref":
            return fits(value, root["$defs"][operand.removeprefix("#/$defs/")], root)
        case "type":
            return TYPES[operand](value)
        case "const":
            return value == operand
        case "enum":
            return value in operand
        case "pattern":
            return not texts or re.search(operand, value) is not None
        case "minLength":
            return not texts or len(value) >= operand
        case "maxLength":
            return not texts or len(value) <= operand
        case "minimum":
            return not number or value >= operand
        case "maximum":
            return not number or value <= operand
        case "items":
            return all(fits(item, operand, root) for item in items)
        case "minItems":
            return not isinstance(value, list) or len(items) >= operand
        case "required":
            return not isinstance(value, dict) or all(key in table for key in operand)
        case "properties":
            return all(fits(table[key], one, root) for key, one in operand.items() if key in table)
        case "patternProperties":
            return all(
                fits(item, one, root) for pattern, one in operand.items() for key, item in table.items()
                if re.search(pattern, key)
            )  # fmt: skip
        case "propertyNames":
            return all(fits(key, operand, root) for key in table)
        case "additionalProperties":
            patterns = schema.get("patternProperties", {})
            rest = [
                item
                for key, item in table.items()
                if key not in schema.get("properties", {})
                and not any(re.search(one, key) for one in patterns)
            ]
            return all(fits(item, operand, root) for item in rest)
        case "anyOf":
            return any(fits(value, one, root) for one in operand)
        case "oneOf":
            return sum(fits(value, one, root) for one in operand) == 1
        case "if":
            return fits(value, schema["then" if fits(value, operand, root) else "else"], root)
    assert keyword in NOTES, f"the schema uses {keyword}, which this test does not know"
    return True


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(json.dumps(json_schema()))


def accepts(schema: dict[str, Any], text: str) -> bool:
    return fits(tomllib.loads(text), schema, schema)


DUTY = 'owner = "web@example.org"\nexpects = "it is public"\nrollback = "unpublish it"\n'
TASK = f'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\n{DUTY}'

GOOD = [
    'service = "web"',
    TASK,
    TASK + 'schedule = "*/15 * * * *"\ntimeout = "1h 30m"\noverlap = "queue-all"\nretry = { attempts = 3, factor = 2 }',
    TASK + 'rollback_command = ["restore", "--previous"]',
    TASK + 'schedule = { every = "30s" }\ntimeout = "none"\n[task.expectation]\nresult = { type = "object" }',
    TASK + '[task.expectation]\noutput = { matches = "a", absent = ["b", "c"] }\n[queue.mail]\nrate = "100/m"',
    f'service = "web"\n[[task]]\nname = "a"\nrun = "site.publishing:publish_due"\nisolation = "thread"\n{DUTY}',
    f'service = "web"\n[[task]]\nname = "a"\ncommand = {{ argv = ["x"], env = {{ A = "env:A" }} }}\n{DUTY}',
    f'service = "web"\n[[task]]\nname = "a"\nrequest = {{ url = "https://a.example", json = [1] }}\n{DUTY}',
    f'service = "web"\n[[task]]\nname = "a"\nrequest = {{ url = "env:HOOK" }}\n{DUTY}',
    'service = "web"\n[defaults]\nowner = "Web team"\n[[task]]\nname = "a"\ncommand = ["x"]\nexpects = "ok so"\nrollback = "undo"',
]  # fmt: skip

BAD = [
    "",
    'service = "My Web"',
    'service = "web"\nsrvice = "x"',
    TASK + "shedule = 1",
    TASK + 'run = "a:b"',
    TASK + "timeout = 45",
    TASK + 'rollback_command = "restore --previous"',
    TASK + "rollback_command = []",
    TASK + 'timeout = "soon"',
    TASK + 'overlap = "skp"',
    TASK + "priority = 10",
    TASK + "retry = { attempts = 0 }",
    TASK + 'schedule = { evry = "5m" }',
    TASK + 'schedule = { rules = [{ evry = "5m" }] }',
    TASK + "retry = { atempts = 1 }",
    TASK + '[queue."Not Kebab"]',
    TASK + "[queue.mail]\nrate = 10",
    TASK + '[task.expectation]\nresult = { typ = "object" }',
    f'service = "web"\n[[task]]\nname = "a"\n{DUTY}',
    f'service = "web"\n[[task]]\nname = "a"\ncommand = []\n{DUTY}',
    f'service = "web"\n[[task]]\nname = "a"\nrequest = {{ url = "ftp://a.example" }}\n{DUTY}',
    f'service = "web"\n[[task]]\nname = "a"\nrequest = {{ url = "env:" }}\n{DUTY}',
    'service = "web"\n[[task]]\nname = "a"\ncommand = ["x"]\nexpects = "ok so"\nrollback = "undo"',
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_loader_accepts_the_schema_accepts(text: str, schema, folder) -> None:
    assert folder.load(text).service == "web"
    assert accepts(schema, text)


@pytest.mark.parametrize("text", BAD)
def test_what_the_schema_refuses_the_loader_refuses(text: str, schema, folder) -> None:
    assert not accepts(schema, text)
    assert folder.problems(text)


def test_it_is_a_draft_that_editors_know(schema) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "rota.toml"
    assert "null" not in json.dumps(schema)


def test_every_key_has_a_description(schema) -> None:
    for model in (RotaFile, TaskEntry):
        assert all(field.description for field in model.model_fields.values())
    tables = {name: table for name, table in schema["$defs"].items() if "properties" in table}
    undescribed = [
        f"{name}.{key}"
        for name, table in {**tables, "": schema}.items()
        for key, value in table["properties"].items()
        if "description" not in value
    ]
    assert undescribed == []
