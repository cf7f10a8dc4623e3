"""Arguments for a run, as they are typed: ``--arg name=value`` and ``--args JSON``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rota.cli.output import talk
from rota.errors import ArgumentsError, RotaError, UsageError

if TYPE_CHECKING:
    from rota.cli.session import Session
    from rota.ledger.records import TaskRecord

__all__ = ["checked", "typed"]


def typed(pairs: Sequence[str] | None, document: str | None) -> dict[str, Any] | None:
    """The arguments that were typed; None where none were, and the task's own hold.

    A value is read as JSON where it is JSON, else it is the text itself. Raises `UsageError`.

    >>> typed(["id=7", "name=ann", 'tags=["a"]', "empty=", 'text="7"'], None)
    {'id': 7, 'name': 'ann', 'tags': ['a'], 'empty': '', 'text': '7'}
    """
    found = {} if document is None else _document(document)
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                "--arg: an argument has a name and a value",
                expected="--arg name=value",
                found=repr(pair),
                where="--arg",
            )
        if name.strip() in found:
            raise UsageError(
                f"--arg: {name.strip()} is given twice",
                expected="each argument once",
                found=repr(pair),
                where="--arg",
            )
        found[name.strip()] = _value(value)
    return found if pairs or document is not None else None


def checked(session: Session, task: TaskRecord, args: dict[str, Any] | None) -> str | None:
    """Arguments as canonical JSON, checked against the task's signature where its code is at hand.

    Raises `ArgumentsError`. Where the code is elsewhere, or does not load here, the node checks them when the
    run starts; the latter is said.
    """
    try:
        loaded = session.load_if_there()
        if loaded is not None and loaded.service == task.service and task.name in loaded.tasks:
            return loaded.validate_args(task.name, args)
    except ArgumentsError:
        raise
    except RotaError as error:
        talk(f"note: the arguments are not checked here, but when the run starts: {error.what}")
    if args is None:
        return None
    return json.dumps(args, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise UsageError(
            "--args: this is not JSON", expected="a JSON object", found=str(error), where="--args"
        ) from None
    if not isinstance(found, dict):
        raise UsageError(
            "--args: the arguments are no object",
            expected='a JSON object, such as {"id": 7}',
            found=text[:60],
            where="--args",
        )
    return found
