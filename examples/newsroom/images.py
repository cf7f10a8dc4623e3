"""Pictures: drawn here, named by their content, and cut to the widths that pages ask for.

A picture's address holds a hash of its bytes, so it never changes and caches may keep it for ever.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import os
import random
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import apsw

from newsroom.clock import to_text
from newsroom.outbox import purge
from newsroom.store import Row, Store, rows

__all__ = ["WIDTHS", "add", "draw", "file_of", "make_derivatives", "remake", "sources"]

WIDTHS = (320, 640, 1280)
SIZE = (1280, 640)
LARGEST = 40_000_000  # pixels; more is refused before it is unpacked

_NAME = re.compile(r"([0-9a-f]{20})(?:\.png|-(320|640|1280)\.webp)")


@dataclass(frozen=True, slots=True)
class Sources:
    """What an <img> element needs."""

    src: str
    srcset: str
    width: int
    height: int
    alt: str


def draw(title: str) -> bytes:
    """A cover as PNG: the same for the same title."""
    from PIL import Image, ImageDraw, ImageFont  # here as below: most tasks start without it

    chance = random.Random(title)
    hue = chance.random()
    ground, light, dark = (_colour(hue + shift, *tone) for shift, tone in _TONES)
    image = Image.new("RGB", SIZE, ground)
    brush = ImageDraw.Draw(image)
    for _ in range(7):  # burrows
        x, y, r = chance.randrange(500, 1330), chance.randrange(-60, 700), chance.randrange(30, 190)
        brush.ellipse((x - r, y - r, x + r, y + r), fill=chance.choice((light, dark)))
    for row in range(9):  # and lines of code
        x = 72
        for _ in range(chance.randrange(1, 5)):
            width = chance.randrange(30, 130)
            brush.rounded_rectangle(
                (x, 300 + row * 34, x + width, 312 + row * 34), 6, fill=chance.choice((light, dark))
            )
            x += width + 14
    words = title if len(title) <= 20 else title[:19] + "…"
    brush.text((68, 120), words, fill=(255, 255, 255), font=ImageFont.load_default(size=88))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=4)
    return file.getvalue()


_TONES = (
    (0.0, (0.42, 0.36)),
    (0.03, (0.62, 0.45)),
    (0.97, (0.26, 0.45)),
)  # hue shift, (lightness, saturation)


def _colour(hue: float, lightness: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, lightness * 0.8, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def keep(connection: apsw.Connection, folder: Path, data: bytes, now: datetime) -> str:
    """Write a picture to disk and record it as waiting for its derivatives; its hash. Safe to repeat."""
    from PIL import Image

    sha = hashlib.sha256(data).hexdigest()[:20]
    write(folder / f"{sha}.png", data)
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    connection.execute(
        "INSERT OR IGNORE INTO image_file (sha, width, height, state, created_at) VALUES (?, ?, ?, 'pending', ?)",
        (sha, width, height, to_text(now)),
    )
    return sha


def add(connection: apsw.Connection, article_id: int, sha: str, alt: str) -> None:
    """Show a kept picture in an article."""
    connection.execute("INSERT INTO image (article_id, sha, alt) VALUES (?, ?, ?)", (article_id, sha, alt))


def write(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(data)
    os.replace(aside, path)


def sources(picture: Row) -> Sources:
    """How a page shows a picture: the original until its derivatives are ready."""
    sha, width, height = picture["sha"], picture["width"], picture["height"]
    widths = [int(each) for each in (picture["widths"] or "").split(",") if each]
    srcset = ", ".join(f"/images/{sha}-{each}.webp {each}w" for each in widths)
    src = (
        f"/images/{sha}-{min(widths, key=lambda each: abs(each - 640))}.webp"
        if widths
        else f"/images/{sha}.png"
    )
    return Sources(src, srcset, width, height, picture["alt"])


def file_of(folder: Path, name: str) -> tuple[Path, str] | None:
    """The file and hash behind the last part of a picture's address, or None for any other name."""
    match = _NAME.fullmatch(name)
    return (folder / name, match[1]) if match else None


def make_derivatives(
    store: Store, folder: Path, now: datetime, *, limit: int = 40, skip_write: bool = False
) -> dict[str, object]:
    """Cut up to ``limit`` waiting pictures to size. One that is corrupt is recorded as such and stops nothing."""
    with store.read() as connection:
        waiting = rows(
            connection,
            "SELECT sha FROM image_file WHERE state = 'pending' ORDER BY created_at, sha LIMIT ?",
            (limit,),
        )
    made, problems = 0, {}
    for row in waiting:
        sha = row["sha"]
        state, problem, cut = _cut(folder, sha, skip_write=skip_write)
        with store.write() as connection:
            connection.execute(
                "UPDATE image_file SET state = ?, problem = ? WHERE sha = ?", (state, problem, sha)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO derivative VALUES (?, ?, ?, ?)", [(sha, *each) for each in cut]
            )
            purge(connection, [f"image:{sha}"], now)
        made += len(cut)
        if problem:
            problems[sha] = problem
    return {"pictures": len(waiting), "made": made, "problems": problems}


def _cut(folder: Path, sha: str, *, skip_write: bool) -> tuple[str, str | None, list[tuple[int, int, int]]]:
    """Cut one picture: its state, what is wrong with it, and (width, height, bytes) of each derivative."""
    from PIL import Image

    try:
        with Image.open(folder / f"{sha}.png") as image:
            if image.width * image.height > LARGEST:
                return "corrupt", f"{image.width} x {image.height} pixels, expected at most {LARGEST}", []
            image.load()
            whole = image.convert("RGB")
    except FileNotFoundError:
        return "missing", f"{sha}.png is not on disk", []
    except Exception as error:  # whatever a decoder says about a broken file, it is that file's problem only
        return "corrupt", f"{type(error).__name__}: {error}"[:200], []
    cut = []
    for width in WIDTHS:
        height = max(1, round(whole.height * width / whole.width))
        data = io.BytesIO()
        whole.resize((width, height)).save(data, "WEBP", quality=80, method=2)
        if not skip_write:
            write(folder / f"{sha}-{width}.webp", data.getvalue())
        cut.append((width, height, data.tell()))
    return "ok", None, cut


def remake(connection: apsw.Connection, now: datetime) -> int:
    """Have every whole picture cut to size again, as if it came just now; pages show the originals meanwhile. How many."""
    connection.execute("DELETE FROM derivative")
    connection.execute(
        "UPDATE image_file SET state = 'pending', created_at = ? WHERE state = 'ok'", (to_text(now),)
    )
    return connection.changes()
