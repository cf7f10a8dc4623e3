"""From ``module:qualified.name`` to the function itself."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from typing import Any

from rota.errors import DefinitionError, nearest

__all__ = ["load"]


def load(path: str) -> Callable[..., Any]:
    """Import the function at ``path``.

    Raises `DefinitionError`: the path has another form, the module is missing or raises at import (with the
    file and line of the user's code), it has no such name (with the nearest), or the name is no function.

    >>> load("os.path:join").__name__
    'join'
    """
    module_name, colon, qualified = path.partition(":")
    if not (module_name and colon and qualified):
        raise DefinitionError(f"{path!r} names no function", expected="module:function", found=repr(path))
    found: Any = _import(module_name)
    for name in qualified.split("."):
        if not hasattr(found, name):
            raise DefinitionError(
                f"{module_name} has no function {qualified}",
                file=getattr(found, "__file__", None),
                expected=f"a function named {qualified}",
                found="no such name",
                hint=nearest(name, [known for known in dir(found) if not known.startswith("_")]),
            )
        found = getattr(found, name)
    if not callable(found):
        raise DefinitionError(
            f"{path} is not a function", expected="a function", found=type(found).__name__, file=module_name
        )
    function: Callable[..., Any] = found
    return function


def _import(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except BaseException as error:  # a module may call sys.exit at import; that must not end the node
        if isinstance(error, ModuleNotFoundError) and error.name and _is_part(error.name, module_name):
            raise DefinitionError(
                f"there is no module {error.name}",
                expected=f"{module_name} to be importable from the working folder or the environment",
                found="no such module",
            ) from error
        file, line = _place(error)
        raise DefinitionError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error}",
            file=file,
            line=line,
            expected="a module that can be imported",
            found=f"{type(error).__name__}: {error}",
        ) from error


def _is_part(missing: str, wanted: str) -> bool:
    return wanted == missing or wanted.startswith(missing + ".")


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """The file and line of the user's code at which an import failed."""
    if isinstance(error, SyntaxError):
        return error.filename, error.lineno
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
