"""The page of settings names every option, with its variable, default and meaning, and no other."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS

from rota.settings import Settings


def shown(default: object) -> str:
    if default is None or default == ():
        return "none"
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return f"`{default}`"


def test_the_table_of_settings_is_the_model() -> None:
    rows = [
        f"| `{name}` | `ROTA_{name.upper()}` | {shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    found = [line for line in text.splitlines() if re.match(r"\| `[a-z_]+` \| `ROTA_", line)]
    assert found == rows, "write this table into the page:\n" + "\n".join(rows)
