"""What an operator types: ``python -m newsroom ACTION``. The rollback notes of ``rota.toml`` name these."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import shutil
import sys

import apsw

from newsroom import articles, backup, builds, checks, clock, images, search, tasks, views
from newsroom.settings import Settings
from newsroom.store import Store, one, rows

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run one action. 0 as it should be, 1 failed, 3 a check found what should not be."""
    options = _parser().parse_args(arguments)
    settings = Settings.from_environment()
    try:
        match options.action:
            case "check":
                return _check(options.names or list(checks.CHECKS))
            case "run":
                print(json.dumps(_run(options.task, json.loads(options.args))))
            case "unpublish":
                print(json.dumps({"unpublished": _unpublish(settings, options.slugs, options.since)}))
            case "publish":
                print(json.dumps({"published": _publish(settings, options.slugs)}))
            case "restore":
                print(f"{options.kind}: serving {builds.restore(settings.var / options.kind)}")
            case "rebuild-search":
                with Store(settings.database) as store:
                    print(json.dumps(search.rebuild(store)))
            case "recount-views":
                with Store(settings.database) as store, store.write() as connection:
                    print(json.dumps({"lost": views.recount(connection)}))
            case "remake-images":
                with Store(settings.database) as store, store.write() as connection:
                    print(json.dumps({"waiting": images.remake(connection, clock.now())}))
            case "restore-backup":
                return _restore_backup(settings)
    except (LookupError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m newsroom", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="run all checks, or the named ones")
    check.add_argument("names", nargs="*", metavar="NAME")
    run = actions.add_parser("run", help="run a task once, here and now")
    run.add_argument("task")
    run.add_argument("--args", default="{}", help="arguments as JSON")
    down = actions.add_parser(
        "unpublish", help="take articles down: by slug, or all published since an instant"
    )
    down.add_argument("slugs", nargs="*", metavar="SLUG")
    down.add_argument("--since", help="UTC, such as 2026-11-23T08:30:00Z")
    up = actions.add_parser("publish", help="publish articles now")
    up.add_argument("slugs", nargs="+", metavar="SLUG")
    restore = actions.add_parser("restore", help="serve the previous build again")
    restore.add_argument("kind", choices=("sitemaps", "feeds"))
    actions.add_parser("rebuild-search", help="start the search index over")
    actions.add_parser("recount-views", help="accept that views are lost")
    actions.add_parser("remake-images", help="have every picture cut to size again")
    actions.add_parser("restore-backup", help="put the newest backup in place; stop the site first")
    return parser


def _check(names: list[str]) -> int:
    wrong = 0
    for name in names:
        if name not in checks.CHECKS:
            raise LookupError(f"no check is called {name!r}; known are {', '.join(checks.CHECKS)}")
        try:
            checks.CHECKS[name]()
            print(f"ok      {name}")
        except checks.NotAsExpected as error:
            wrong += 1
            print(f"wrong   {name}: {error}", file=sys.stderr)
    return 3 if wrong else 0


def _run(name: str, args: dict[str, object]) -> object:
    answer = tasks.by_name(name)(**args)
    if inspect.iscoroutine(answer):
        return asyncio.run(answer)
    return answer


def _unpublish(settings: Settings, slugs: list[str], since: str | None) -> list[str]:
    with Store(settings.database) as store, store.write() as connection:
        if since:
            changed = "SELECT slug FROM article WHERE status = 'published' AND publish_at >= ?"
            slugs = slugs + [
                row["slug"] for row in rows(connection, changed, (clock.to_text(clock.from_text(since)),))
            ]
        return [slug for slug in slugs if articles.unpublish(connection, _id(connection, slug), clock.now())]


def _publish(settings: Settings, slugs: list[str]) -> list[str]:
    now = clock.now()
    with Store(settings.database) as store, store.write() as connection:
        for slug in slugs:
            articles.schedule(connection, _id(connection, slug), now, now)
        return [slug for slug in slugs if articles.publish(connection, _id(connection, slug), now)]


def _id(connection: apsw.Connection, slug: str) -> int:
    found = one(connection, "SELECT id FROM article WHERE slug = ?", (slug,))
    if found is None:
        raise LookupError(f"expected the slug of an article, found {slug!r}; nothing was changed")
    return int(found["id"])


def _restore_backup(settings: Settings) -> int:
    """Put the newest backup where the database is; the database it replaces stays beside it."""
    newest = backup.newest(settings.backups)
    if newest is None:
        raise LookupError(f"expected a backup in {settings.backups}, found none; nothing was changed")
    held = backup.verify(newest)
    aside = settings.database.with_suffix(".db.replaced")
    for ending in ("", "-wal", "-shm"):
        part = settings.database.with_name(settings.database.name + ending)
        if part.exists():
            part.replace(aside.with_name(aside.name + ending))
    shutil.copyfile(newest, settings.database)
    print(f"{newest.name} with {held} articles is in place; what it replaced is {aside}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
