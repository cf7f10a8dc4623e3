"""The page about testing: its files are written down and its tests pass, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS, blocks


def test_the_tests_that_are_shown_pass(tmp_path: Path) -> None:
    page = DOCS / "how-to" / "testing.md"
    shown = [block for block in blocks(page) if block.title]
    for block in shown:
        (tmp_path / str(block.title)).write_text(block.text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROTA_", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, env=kept, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
