"""The values that are texts of a certain form: names, duties, commands, references, addresses, secrets, patterns."""

from __future__ import annotations

import re
from typing import Annotated, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from rota.define.refusal import refused, shown

__all__ = [
    "NAME_PATTERN",
    "Argv",
    "Duty",
    "Name",
    "Patterns",
    "Reference",
    "SecretText",
    "Url",
    "is_reference",
    "reference",
]

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_PATH_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
_PLACEHOLDERS = frozenset(
    """todo|to do|tbd|tba|tbc|fixme|xxx|n/a|na|n.a.|none|none yet|not yet|nothing yet|nil|null|nothing|nobody
    |no one|noone|someone|somebody|unknown|unclear|later|soon|placeholder|changeme|change me|fill in|fill me in
    |to be done|to be decided|to be defined|to be determined|not applicable|no idea|dunno|owner|expects
    |rollback|lorem ipsum""".replace("\n    ", "").split("|")
)
_TO_BE_DONE = re.compile(r"(todo|tbd|fixme|xxx)\b", re.IGNORECASE)


def _name(value: str) -> str:
    if re.fullmatch(NAME_PATTERN, value) and len(value) <= 100:
        return value
    kebab = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", value).lower()).strip("-")
    raise refused(
        f"{value!r} is not a name",
        expected=f"small letters, digits and single dashes, at most 100 characters ({NAME_PATTERN})",
        found=shown(value),
        hint=kebab if kebab != value and re.fullmatch(NAME_PATTERN, kebab) else None,
    )


def _duty(value: str, info: ValidationInfo) -> str:
    text = value.strip()
    if _is_unfilled(text):
        raise refused(
            f"{info.field_name} is a placeholder",
            expected=_DUTIES.get(str(info.field_name), "a sentence"),
            found=shown(value),
        )
    return text


def _is_unfilled(text: str) -> bool:
    plain = text.casefold().strip(" .!?…-–—_*/\\<>[](){}'\"")
    return _TO_BE_DONE.match(text) is not None or plain in _PLACEHOLDERS or plain == ""


_DUTIES = {
    "owner": "who answers for the task: a person or team, with an address",
    "expects": "the result that its owner expects, in a sentence",
    "rollback": "how to undo what the task did, or why nothing needs undoing",
}


def _no_single_text(value: object) -> object:
    """A command as one text would need a shell to take it apart."""
    if isinstance(value, str):
        raise refused(
            "a command is a list of texts",
            expected='a list such as ["program", "argument"]',
            found=shown(value),
        )
    return value


def _runnable(value: tuple[str, ...]) -> tuple[str, ...]:
    """A command that is run as it stands: nobody is asked to fill in what its author left open."""
    open_ones = (text for text in value if _SLOT.search(text) or _TO_BE_DONE.match(text.strip()))
    unfilled = value[0] if _is_unfilled(value[0].strip()) else next(open_ones, None)
    if unfilled is not None:
        raise refused(
            "a command has a placeholder in it",
            expected="a command that can be run as it stands; what differs from run to run, it finds in ROTA_UNDO_RUN and ROTA_ARGS",
            found=shown(unfilled),
        )
    return value


_SLOT = re.compile(r"<[A-Za-z][A-Za-z0-9 _-]*>")  # such as id=<ID>, as notes have it


def reference(value: str) -> str:
    """The name of a function, ``module:function``, or a refusal that says how it is written."""
    if re.fullmatch(_PATH_PATTERN, value):
        return value
    module, _, name = value.rpartition(".")
    guess = (
        f"{module}:{name}"
        if ":" not in value
        else value.replace("::", ":").replace("/", ".").removesuffix("()")
    )
    raise refused(
        f"{value!r} does not name a function",
        expected='"module:function", such as "site.publishing:publish_due"',
        found=shown(value),
        hint=guess if guess != value and re.fullmatch(_PATH_PATTERN, guess) else None,
    )


def is_reference(value: object) -> TypeGuard[str]:
    """Whether a value has the form of a function's name, ``module:function``."""
    return isinstance(value, str) and re.fullmatch(_PATH_PATTERN, value) is not None


def _url(value: str) -> str:
    if value.startswith("env:"):
        return _secret_text(value)
    if re.match(r"https?://[^\s/]+", value, re.IGNORECASE) and not re.search(r"\s", value):
        return value
    raise refused(
        "the address cannot be called",
        expected="an address that begins with https:// or http://",
        found=shown(value),
        hint=f"https://{value}" if re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", value) else None,
    )


def _secret_text(value: str) -> str:
    if value.startswith("env:") and not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
        raise refused(
            "a reference to a secret is not well formed",
            expected="env:NAME, the name of an environment variable",
            found=f"a text of {len(value)} characters that starts with env:",
        )
    if "\n" in value or "\r" in value or "\0" in value:
        raise refused("a value holds a line break", expected="a text of one line", found="a line break")
    return value


def _patterns(value: object) -> list[str]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list | tuple) or not all(isinstance(one, str) for one in patterns):
        raise refused(
            "regular expressions are needed",
            expected="a regular expression in quotes, or a list of them",
            found=shown(value),
        )
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise refused(
                f"a regular expression is not valid: {error}",
                expected="a regular expression of Python",
                found=shown(pattern),
            ) from error
    return list(patterns)


Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN, "maxLength": 100})
]
Duty = Annotated[str, AfterValidator(_duty), WithJsonSchema({"type": "string", "minLength": 2})]
Argv = Annotated[
    tuple[str, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_no_single_text),
    AfterValidator(_runnable),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}),
]
Reference = Annotated[
    str, AfterValidator(reference), WithJsonSchema({"type": "string", "pattern": _PATH_PATTERN})
]
Url = Annotated[
    str,
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^(https?://|env:[A-Za-z_])"}),
]
SecretText = Annotated[
    str, AfterValidator(_secret_text), WithJsonSchema({"type": "string", "examples": ["env:API_TOKEN"]})
]
Patterns = Annotated[
    list[str],
    BeforeValidator(_patterns),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
