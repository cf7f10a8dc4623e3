"""From ``module:function`` to the function, and what is said when that leads nowhere."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from rota.errors import DefinitionError, nearest

__all__ = ["import_module", "put_on_path", "resolve", "resolve_function"]


def put_on_path(folder: Path) -> None:
    """Let modules beside the rota be imported: its folder comes first in this process's search path."""
    text = str(folder.resolve())
    if text not in sys.path:
        sys.path.insert(0, text)
        importlib.invalidate_caches()


def resolve_function(reference: str) -> Callable[..., Any]:
    """The function that ``module:qualified.name`` names. Raises `DefinitionError` as `resolve` does, and for a
    thing that is no function."""
    found = resolve(reference)
    if not callable(found) or isinstance(found, type):
        raise DefinitionError(
            f"{reference} is not a function",
            expected="a function, def or async def",
            found=f"a {'class' if isinstance(found, type) else type(found).__name__}",
        )
    function: Callable[..., Any] = found
    return function


def resolve(reference: str) -> Any:
    """What ``module:qualified.name`` names; its module is imported.

    Raises `DefinitionError`: there is no such module or name (with the nearest), or the module raised while
    it was imported (with the file and line of the code that raised).

    >>> resolve("textwrap:dedent").__name__
    'dedent'
    """
    module_name, colon, qualified = reference.partition(":")
    if not (module_name and colon and qualified):
        raise DefinitionError(
            f"{reference!r} names nothing in a module", expected='"module:name"', found=repr(reference)
        )
    module = import_module(module_name)
    found: Any = module
    for name in qualified.split("."):
        if not hasattr(found, name):
            raise _no_such_name(module, found, name, reference)
        found = getattr(found, name)
    return found


def import_module(name: str) -> ModuleType:
    """Import a module; raises `DefinitionError` as `resolve` does.

    A module that raised is not imported again by Python's own rules until the next try, which raises anew.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise _no_such_module(name, error.name) from error
        raise _raised_at_import(name, error) from error
    except (Exception, SystemExit) as error:  # whatever the module's own code does must not end this process
        raise _raised_at_import(name, error) from error


def _no_such_module(name: str, missing: str) -> DefinitionError:
    parent, _, _ = missing.rpartition(".")
    near = nearest(missing, _siblings(parent))
    shadow = _shadowed(missing.partition(".")[0])
    if shadow is not None:
        return DefinitionError(
            f"there is no module {missing!r}, because {shadow}",
            expected="a package whose name is not one of Python's own modules",
            found=repr(name),
        )
    return DefinitionError(
        f"there is no module {missing!r}",
        expected="a module in the folder of the rota, or an installed one",
        found=repr(name),
        hint=None if near is None else near + name[len(missing) :],
    )


def _shadowed(top: str) -> str | None:
    """Why a package of the user cannot be reached: Python's own module of that name was there first."""
    if top not in sys.stdlib_module_names:
        return None
    hidden = next(
        (
            Path(folder, top)
            for folder in sys.path
            if folder
            and _is_users(str(Path(folder, top)))
            and (Path(folder, top).is_dir() or Path(folder, f"{top}.py").is_file())
        ),
        None,
    )
    return None if hidden is None else f"Python's own module {top!r} hides the one at {hidden}"


def _siblings(parent: str) -> Iterator[str]:
    """Names that might have been meant: the modules beside the missing one."""
    if parent:
        folders = list(getattr(sys.modules.get(parent), "__path__", []))
    else:
        folders = [folder for folder in sys.path if _is_users(folder or ".")]
    for module in pkgutil.iter_modules(folders):
        yield f"{parent}.{module.name}" if parent else module.name


def _no_such_name(module: ModuleType, holder: object, name: str, reference: str) -> DefinitionError:
    functions = [
        known for known in dir(holder) if callable(getattr(holder, known, None)) and known[:2] != "__"
    ]
    near = nearest(name, functions)
    own = [
        known for known in functions if getattr(getattr(holder, known), "__module__", "") == module.__name__
    ]
    return DefinitionError(
        f"{module.__name__} has no {name!r}",
        expected=f"a function of {module.__file__ or module.__name__}"
        + (f": {', '.join(own[:8])}" if own and near is None else ""),
        found=repr(reference),
        hint=None
        if near is None
        else reference[: len(reference) - len(name)] + near
        if reference.endswith(name)
        else near,
    )


def _raised_at_import(name: str, error: BaseException) -> DefinitionError:
    file, line = _place_in_users_code(error)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return DefinitionError(
        f"importing {name} failed",
        file=file,
        line=line,
        expected="a module that can be imported without an error",
        found=said if len(said) <= 300 else said[:297] + "...",
        next=(f'python -c "import {name}"',),
    )


def _place_in_users_code(error: BaseException) -> tuple[str | None, int | None]:
    """The deepest line that the user wrote: not of Python, not of an installed package, not of Rota."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if _is_users(frame.filename)]
    return (users[-1].filename, users[-1].lineno) if users else (None, None)


def _is_users(file: str) -> bool:
    if file.startswith("<"):
        return False
    path = Path(file).resolve()
    return not any(path.is_relative_to(folder) for folder in _not_users())


def _not_users() -> set[Path]:
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return {Path(folder).resolve() for folder in installed} | {Path(__file__).resolve().parents[1]}
