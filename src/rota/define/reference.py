"""The keys of `rota.toml` as Markdown tables, from the model: the reference page holds them word for word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rota.define.jsonschema import json_schema

__all__ = ["TABLES", "key_table"]

# Heading of the table in the file -> its name in the schema; "" is the top of the file.
TABLES = {
    "": "",
    "[defaults]": "DefaultsEntry",
    "[queue.NAME]": "QueueEntry",
    "[[task]]": "TaskEntry",
    "command": "CommandEntry",
    "request": "RequestEntry",
    "retry": "RetryEntry",
    "[task.expectation]": "ExpectationEntry",
    "[task.expectation.output]": "OutputEntry",
    "[task.expectation.objective]": "ObjectiveEntry",
    "[alerts]": "AlertsEntry",
    "[alerts.channel.NAME]": "ChannelEntry",
    "[alerts.owner.OWNER]": "OwnerEntry",
    "[[alerts.maintenance]]": "MaintenanceEntry",
    "[rehearsal]": "RehearsalEntry",
    "[rehearsal.task.NAME]": "EstimateEntry",
    "[rehearsal.budget]": "BudgetEntry",
}


def key_table(heading: str) -> str:
    """The Markdown table of one table's keys: name, kind of value, default and meaning."""
    schema = json_schema()
    table = schema["$defs"][TABLES[heading]] if heading else schema
    required = set(table.get("required", ())) | ({"owner"} if heading == "[[task]]" else set())
    rows = [_row(key, value, key in required, schema) for key, value in table["properties"].items()]
    return "\n".join(["| key | value | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _row(key: str, value: dict[str, Any], is_required: bool, schema: dict[str, Any]) -> str:
    default = "**required**" if is_required else _default(value)
    meaning = str(value["description"]).replace("|", "\\|")
    return f"| `{key}` | {' or '.join(_kinds(value, schema))} | {default} | {meaning} |"


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    match default:
        case None | "" | []:
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case str():
            return f'`"{default}"`'
    return f"`{default}`"


def _kinds(value: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in value:
        name = value["$ref"].removeprefix("#/$defs/")
        yield from _kinds(schema["$defs"][name], schema)
        return
    if "anyOf" in value:
        yield from dict.fromkeys(kind for one in value["anyOf"] for kind in _kinds(one, schema))
        return
    if "enum" in value:
        yield ", ".join(f'`"{choice}"`' for choice in value["enum"])
    elif "const" in value:
        yield f'`"{value["const"]}"`'
    elif "pattern" in value and "45s" in value.get("examples", ()):
        yield "length of time"
    else:
        yield _KINDS.get(value.get("type", ""), "any value")


_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "table",
}
