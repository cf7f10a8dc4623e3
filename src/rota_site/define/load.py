"""Reads a ``site.toml``, and the file of its infrastructure where that stands apart; all problems at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from rota.define.problems import problems_of
from rota.define.source import Source, read
from rota.define.table import Table, unset
from rota.errors import DefinitionError, DefinitionErrors
from rota.execute.references import looked_up
from rota_site.define.content import ContentEntry, PagesEntry, RouteEntry
from rota_site.define.infrastructure import InfrastructureEntry
from rota_site.model import Infrastructure, Site

__all__ = ["ContentFile", "SiteFile", "load_site"]


class ContentFile(Table):
    """A ``site.toml`` whose infrastructure stands in a file of its own."""

    site: str = Field(min_length=1, description="The name of the site.")
    infrastructure_file: str | None = Field(
        None, description="The file, beside this one, that holds the infrastructure; none: it stands here."
    )
    route: tuple[RouteEntry, ...] = Field((), strict=False, description="The routes.")
    content: tuple[ContentEntry, ...] = Field((), strict=False, description="The kinds of content.")
    pages: PagesEntry = Field(default_factory=unset(PagesEntry), description="What pages may hold.")


class SiteFile(ContentFile, InfrastructureEntry):
    """A ``site.toml`` that holds both."""


def load_site(path: str | Path, environment: Mapping[str, str] = os.environ) -> Site:
    """The site that a file describes. Addresses that stand as ``env:NAME`` are looked up in the environment.

    Raises `DefinitionErrors` with every problem of both files, each with file, line, what was found and expected.
    """
    source = _read(Path(path))
    apart = source.raw.get("infrastructure_file")
    if isinstance(apart, str):
        other = _read(Path(path).parent / apart)
        content, problems = _validated(source, ContentFile)
        infrastructure, more = _validated(other, InfrastructureEntry)
        problems += more
    else:
        other = source
        content, problems = _validated(source, SiteFile)
        infrastructure = content
    problems += _routes_named_twice(source)
    if content is None or infrastructure is None or problems:
        raise DefinitionErrors(sorted(problems, key=lambda one: (one.file or "", one.line or 0)))
    assert isinstance(content, ContentFile)
    assert isinstance(infrastructure, InfrastructureEntry)
    return Site(
        content.site,
        tuple(entry.value() for entry in content.route),
        tuple(entry.value() for entry in content.content),
        _looked_up(infrastructure.value(), other, environment),
        str(path),
        content.pages.value(),
    )


def _read(path: Path) -> Source:
    if not path.exists():
        raise DefinitionErrors(
            [
                DefinitionError(
                    "there is no description of a site here",
                    file=str(path),
                    expected="a site.toml",
                    found="no such file",
                    next=("rota site init URL",),
                )
            ]
        )
    return read(path)


def _validated(source: Source, model: type[Table]) -> tuple[Table | None, list[DefinitionError]]:
    try:
        return model.model_validate(dict(source.raw)), []
    except ValidationError as error:
        return None, problems_of(error, model, lambda path: (source.file, source.line(path), None))


def _routes_named_twice(source: Source) -> list[DefinitionError]:
    first: dict[Any, int] = {}
    return list(_repeated(source, first))


def _repeated(source: Source, first: dict[Any, int]) -> Iterator[DefinitionError]:
    for number, route in enumerate(_tables(source.raw.get("route"))):
        name = route.get("name")
        line = source.line(("route", number, "name"))
        if isinstance(name, str) and name in first:
            yield DefinitionError(
                f"two routes are called {name}",
                file=source.file,
                line=line,
                key="name",
                expected="a name that no other route has",
                found=f"the same name on line {first[name]}",
            )
        elif isinstance(name, str):
            first[name] = line


def _tables(value: object) -> Sequence[dict[str, Any]]:
    return [each if isinstance(each, dict) else {} for each in value] if isinstance(value, list) else []


def _looked_up(value: Infrastructure, source: Source, environment: Mapping[str, str]) -> Infrastructure:
    """Addresses may be told by the environment, so that one file serves staging and production."""
    problems = []
    found: dict[str, str] = {}
    for name in ("url", "origin"):
        stated = getattr(value, name)
        if stated is None:
            continue
        try:
            found[name] = looked_up(stated, environment).rstrip("/")
        except ValueError as error:
            problems.append(
                DefinitionError(
                    f"the address of {name} is not known",
                    file=source.file,
                    line=source.line((name,)),
                    key=name,
                    expected=str(error).partition("; ")[0].removeprefix("expected "),
                    found="no such variable",
                )
            )
    if problems:
        raise DefinitionErrors(problems)
    return replace(value, url=found["url"], origin=found.get("origin"))
