"""The JSON Schema of `rota.toml`, for editors: made from the model that reads the file."""

from __future__ import annotations

from typing import Any

from rota.define.entry import RotaFile

__all__ = ["json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a whole file, every key with its description.

    It accepts what the loader accepts, as far as a schema can tell: functions, queues, cron fields and
    time zones are the loader's to check.
    """
    schema = RotaFile.model_json_schema(mode="validation", by_alias=True)
    tables = schema.pop("$defs")
    _one_target(tables["TaskEntry"])
    _owner_may_be_a_default(schema, tables["TaskEntry"])
    made = {
        "$schema": DIALECT,
        "title": "rota.toml",
        **{key: value for key, value in schema.items() if key != "title"},
        "$defs": tables,
    }
    return dict(_plain(made))


def _one_target(task: dict[str, Any]) -> None:
    task["oneOf"] = [{"required": [key]} for key in ("run", "command", "request")]


def _owner_may_be_a_default(schema: dict[str, Any], task: dict[str, Any]) -> None:
    """An owner is required of each task unless ``[defaults]`` names one."""
    task["required"] = [key for key in task["required"] if key != "owner"]
    schema["if"] = {
        "properties": {"defaults": {"type": "object", "required": ["owner"]}},
        "required": ["defaults"],
    }
    schema["then"] = True
    schema["else"] = {"properties": {"task": {"items": {"required": ["owner"]}}}}


def _plain(value: Any, *, names: bool = False) -> Any:
    """Without what pydantic adds for itself: titles, and nulls, which TOML does not have.

    ``names`` is True for a table of keys by name, in which ``title`` would be a key of the file.
    """
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: _plain(item, names=key in ("properties", "$defs"))
        for key, item in value.items()
        if names or key != "title" or item == "rota.toml"
    }
    if names:
        return made
    if made.get("default", 0) is None:
        del made["default"]
    if "patternProperties" in made:
        made["additionalProperties"] = False
    if isinstance(made.get("anyOf"), list):
        choices = [choice for choice in made["anyOf"] if choice != {"type": "null"}]
        made = {key: item for key, item in made.items() if key != "anyOf"}
        made = {**made, **choices[0]} if len(choices) == 1 else {**made, "anyOf": choices}
    return made
