"""Versions of a ledger's schema: which one a file or database has, which one this build serves, and the way between."""

from __future__ import annotations

from collections.abc import Mapping

from rota.errors import LedgerVersion, Retriable, UsageError

__all__ = ["Migrations", "must_serve", "newest", "path"]

Migrations = Mapping[int, tuple[str, str]]
"""version -> (up, down)"""


def newest(known: Migrations) -> int:
    """The version that this build serves.

    >>> newest({1: ("", ""), 2: ("", "")})
    2
    """
    return max(known)


def path(known: Migrations, found: int, to: int | None) -> tuple[list[str], int]:
    """The scripts that lead from one version to another (the newest if None), and the version reached.

    Raises `LedgerVersion` if the ledger is newer than this build, `UsageError` if there is no such version.

    >>> path({1: ("up 1", "down 1"), 2: ("up 2", "down 2")}, 0, None)
    (['up 1', 'up 2'], 2)
    >>> path({1: ("up 1", "down 1"), 2: ("up 2", "down 2")}, 2, 0)
    (['down 2', 'down 1'], 0)
    """
    last = newest(known)
    target = last if to is None else to
    if not 0 <= target <= last:
        raise UsageError(
            f"there is no version {target} of the ledger's schema", expected=f"0 to {last}", found=str(target)
        )
    if found > last:
        raise _too_new(found, last)
    up = [known[version][0] for version in range(found + 1, target + 1)]
    down = [known[version][1] for version in range(found, target, -1)]
    return up or down, target


def must_serve(known: Migrations, found: int) -> None:
    """Raises `LedgerVersion` unless a ledger has just the version that this build serves.

    >>> must_serve({1: ("", "")}, 1)
    """
    last = newest(known)
    if found > last:
        raise _too_new(found, last)
    if found < last:
        raise _too_old(found, last)


def _too_new(found: int, last: int) -> LedgerVersion:
    return LedgerVersion(
        "the ledger is newer than this build of Rota",
        expected=f"schema version {last} or older", found=f"version {found}",
        retry=Retriable(False, "install the newer Rota, or migrate the ledger down with it"), next=["rota --version"],
    )  # fmt: skip


def _too_old(found: int, last: int) -> LedgerVersion:
    return LedgerVersion(
        "the ledger is not migrated" if found == 0 else "the ledger is older than this build of Rota",
        expected=f"schema version {last}", found=f"version {found}",
        retry=Retriable(True, "once it is migrated"), next=["rota migrate"],
    )  # fmt: skip
