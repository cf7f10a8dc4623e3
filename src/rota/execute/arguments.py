"""A function's arguments: checked against its signature, and bound to it for a run."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import ErrorDetails, ValidationError, to_json

from rota.errors import ArgumentsError, Retriable, nearest
from rota.execute.handle import Run

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["Prepared", "prepare"]

_FOUND_LIMIT = 80  # characters of a value shown in an error


@dataclass(slots=True)
class Prepared:
    """A function, looked at once, so that a run costs no look at its signature.

    ``call`` takes the run and validated arguments and calls the function: it returns its value, or its
    coroutine. A function that asks for the run gets it in whichever parameter is annotated with `Run`.
    """

    name: str
    call: Callable[[Run, Mapping[str, Any]], Any]
    is_async: bool
    takes_run: bool
    takes_nothing: bool  # no argument is required, so that an empty mapping needs no check
    known: tuple[str, ...]  # the names of its arguments
    _build_model: Callable[[], type[BaseModel]]
    _model: type[BaseModel] | None = None

    @property
    def model(self) -> type[BaseModel]:
        """What the arguments are checked by; made when first needed, since that loads pydantic."""
        if self._model is None:
            self._model = self._build_model()
        return self._model

    def validate(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function wants them, read as pydantic reads JSON ("3" fits an int).

        Arguments left to the function's own defaults are not in the answer. Raises `ArgumentsError`
        with all that does not fit, each with what was expected and what was found.
        """
        if not args and self.takes_nothing:
            return {}
        model, text = self.model, _as_json(args)
        try:
            checked = model.model_validate_json(text)
        except ValidationError as misfits:
            raise self._misfit(misfits.errors(include_url=False, include_context=True)) from None
        fields = type(checked).model_fields
        given = {
            fields[field].alias or field: getattr(checked, field)
            for field in checked.model_fields_set & fields.keys()
        }
        return given | (checked.model_extra or {})

    def parameters_schema(self) -> dict[str, Any]:
        """The arguments as a JSON Schema object, for forms and for editors."""
        schema = self.model.model_json_schema(by_alias=True)
        return {**schema, "title": self.name}

    def run(self, run: Run) -> Any:
        """Check the run's own arguments and call the function with them."""
        if not run.args and self.takes_nothing:
            return self.call(run, _NO_ARGS)
        return self.call(run, self.validate(run.args))

    def _misfit(self, errors: list[ErrorDetails]) -> ArgumentsError:
        problems = [self._problem(error) for error in errors]
        count = f"{len(problems)} argument{'' if len(problems) == 1 else 's'}"
        verb = "does" if len(problems) == 1 else "do"
        told = "; ".join(f"{name}: expected {expected}, found {found}" for name, expected, found in problems)
        return ArgumentsError(
            f"{count} {verb} not fit {self.name}: {told}",
            expected="; ".join(f"{name}: {expected}" for name, expected, _ in problems),
            found="; ".join(f"{name}: {found}" for name, _, found in problems),
            where=self.name,
            retry=Retriable(True, "once the arguments are corrected"),
        )

    def _problem(self, error: ErrorDetails) -> tuple[str, str, str]:
        """Name, expected and found of one argument that does not fit."""
        name = ".".join(str(part) for part in error["loc"]) or "arguments"
        if error["type"] == "missing":
            return name, "a value", "none"
        if error["type"] == "extra_forbidden":
            near = nearest(name, self.known)
            known = ", ".join(self.known) if self.known else "no arguments at all"
            return (
                name,
                f"one of {known}" if self.known else known,
                "an unknown argument" + (f" (did you mean {near}?)" if near else ""),
            )
        return name, _expectation(error["msg"]), _shown(error["input"])


_NO_ARGS: Mapping[str, Any] = types.MappingProxyType({})


def prepare(function: Callable[..., Any]) -> Prepared:
    """Look at ``function`` once: what it takes, where it wants the run, whether it is ``async``.

    >>> async def publish(article: int, run: Run, dry: bool = False) -> None: ...
    >>> prepare(publish).validate({"article": "12"})
    {'article': 12}
    """
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', repr(function))}"
    parameters = list(inspect.signature(function).parameters.values())
    hints = _hints(function, parameters)
    run_name = next((p.name for p in parameters if _is_run(hints.get(p.name))), None)
    plain = [p for p in parameters if p.name != run_name and p.kind is not p.VAR_POSITIONAL]
    named = [p for p in plain if p.kind is not p.VAR_KEYWORD]
    return Prepared(
        name=name,
        call=_binder(function, parameters, run_name),
        is_async=_is_async(function),
        takes_run=run_name is not None,
        takes_nothing=all(p.default is not p.empty for p in named),
        known=tuple(p.name for p in named),
        _build_model=functools.partial(_model, name, named, hints, takes_any=len(plain) > len(named)),
    )


def _binder(
    function: Callable[..., Any], parameters: list[inspect.Parameter], run_name: str | None
) -> Callable[[Run, Mapping[str, Any]], Any]:
    positional = [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
    if positional:
        return _positional_binder(function, positional, run_name)
    if run_name is None:
        return lambda run, args: function(**args)
    if parameters[0].name == run_name and parameters[0].kind is not inspect.Parameter.KEYWORD_ONLY:
        return lambda run, args: function(run, **args)
    return lambda run, args: function(**args, **{run_name: run})


def _positional_binder(
    function: Callable[..., Any], positional: list[inspect.Parameter], run_name: str | None
) -> Callable[[Run, Mapping[str, Any]], Any]:
    def call(run: Run, args: Mapping[str, Any]) -> Any:
        named = dict(args) if run_name is None else {**args, run_name: run}
        first = [named.pop(p.name, p.default) for p in positional]
        return function(*first, **named)

    return call


def _model(
    name: str, parameters: list[inspect.Parameter], hints: Mapping[str, Any], *, takes_any: bool
) -> type[BaseModel]:
    """A model whose fields are the parameters, under aliases, so that any name is allowed (``json``, ``_x``)."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError

    config = ConfigDict(extra="allow" if takes_any else "forbid", arbitrary_types_allowed=True)

    def build(types_: Mapping[str, Any]) -> type[BaseModel]:
        fields: dict[str, Any] = {
            f"p{position}": (
                types_.get(p.name, Any),
                Field(... if p.default is p.empty else p.default, alias=p.name, title=p.name),
            )
            for position, p in enumerate(parameters)
        }
        return create_model(name, __config__=config, **fields)

    try:
        return build(hints)
    except (
        PydanticUserError
    ):  # an annotation that pydantic has no schema for: that argument is taken as it is
        return build(
            {p.name: hints[p.name] for p in parameters if p.name in hints and _has_schema(hints[p.name])}
        )


def _has_schema(hint: Any) -> bool:
    from pydantic import ConfigDict, create_model
    from pydantic.errors import PydanticUserError

    try:
        create_model("Probe", __config__=ConfigDict(arbitrary_types_allowed=True), value=(hint, ...))
    except PydanticUserError:
        return False
    return True


def _hints(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> dict[str, Any]:
    """The parameters' types. One that cannot be resolved does not hide the others, and ``Run`` is known by name.

    A name imported for type checkers only cannot be resolved at run time; such an argument is not checked.
    """
    inner = _innermost(function)
    names = getattr(inner, "__globals__", {})
    hints: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.annotation is parameter.empty:
            continue
        holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
        try:
            hints |= typing.get_type_hints(holder, globalns=names, include_extras=True)
        except Exception:  # NameError and whatever an odd annotation raises when it is evaluated
            if str(parameter.annotation).replace(" ", "") in _RUN_SPELLINGS:
                hints[parameter.name] = Run
    return hints


_RUN_SPELLINGS = frozenset(
    spelling for name in ("Run", "rota.Run") for spelling in (name, f"{name}|None", f"Optional[{name}]")
)


def _innermost(function: Any) -> Any:
    """The plain function inside partials, decorators and objects that can be called."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif hasattr(function, "__globals__") or inspect.isroutine(function) or isinstance(function, type):
            return function
        else:
            function = type(function).__call__


def _is_run(hint: Any) -> bool:
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    if hint is Run:
        return True
    return typing.get_origin(hint) in (typing.Union, types.UnionType) and Run in typing.get_args(hint)


def _is_async(function: Callable[..., Any]) -> bool:
    inner = _innermost(function)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inner)


def _as_json(args: Mapping[str, Any]) -> bytes:
    try:
        return to_json(dict(args), inf_nan_mode="constants")
    except Exception as error:  # whatever the values' own code raises
        raise ArgumentsError(
            f"the arguments cannot be written as JSON: {error}",
            expected="values that JSON can hold",
            found=str(error),
            retry=Retriable(True, "once the arguments are corrected"),
        ) from error


def _expectation(message: str) -> str:
    """Pydantic's "Input should be a valid integer, ..." as what was expected."""
    text = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _FOUND_LIMIT else text[:_FOUND_LIMIT] + "..."
