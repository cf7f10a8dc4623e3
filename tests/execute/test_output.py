"""Logs hold no secrets, cannot be forged, and are cut where they would grow without end."""

from __future__ import annotations

import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.execute.conftest import Lines

from rota.clock import Instant
from rota.execute.handle import Run
from rota.execute.lines import LineCutter
from rota.execute.output import CURRENT, Capture, LimitedSink
from rota.execute.redact import HIDDEN, Redactor, escaped


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://web:s3cr3t@db/site", "s3cr3t"),
        ("redis://:s3cr3t@cache:6379/0", "s3cr3t"),
        ("amqp://user:p%40ss!w@host", "p%40ss!w"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("'authorization': 'Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
        ("Proxy-Authorization: Token 12345678", "12345678"),
        ("sent bearer abcdefgh123", "abcdefgh123"),
        ("GET /hook?token=abcdef&x=1", "abcdef"),
        ('{"password": "correct horse"}', "horse"),
        ("AWS_SECRET_ACCESS_KEY=abc/def+1", "abc/def+1"),
        ("api_key = 'k-12345'", "k-12345"),
        ("the value is from-the-environment", "from-the-environment"),
        ("said registered-one twice: registered-one", "registered-one"),
        ("-----\nline-two-of-key", "line-two-of-key"),
    ],
)
def test_secrets_are_hidden(text: str, hidden: str) -> None:
    environment = {
        "SITE_DSN": "from-the-environment",
        "SIGNING_KEY": "line-one-of-key\nline-two-of-key",
        "HOME": "/home/web",
    }
    redacted = Redactor(["registered-one"], environment)(text)
    assert hidden not in redacted
    assert HIDDEN in redacted


@pytest.mark.parametrize(
    "text",
    [
        "published 3 articles from https://example.org:8080/feed",
        "the tokenizer read 400 words; keyboard shortcuts follow",
        "mail to editorial@example.org at 12:00",
        "in /home/web with 5 workers",
    ],
)
def test_other_text_stays(text: str) -> None:
    environment = {"TOKEN_FILE": "/home/web", "SECRET_COUNT": "5", "MONKEY": "workers"}
    assert Redactor((), environment)(text) == text


@given(st.text(max_size=200))
def test_a_line_is_one_line_of_text_that_can_be_stored(text: str) -> None:
    line = escaped(text)
    assert line.splitlines() in ([line], [])
    assert all(mark == "\t" or ord(mark) >= 32 for mark in line)
    line.encode()


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20), st.integers(1, 50))
def test_lines_do_not_depend_on_how_the_bytes_arrive(stream: bytes, sizes: list[int], limit: int) -> None:
    cutter, pieces, rest = LineCutter(limit), [], stream
    for size in sizes:
        pieces, rest = [*pieces, rest[:size]], rest[size:]
    found = [line for piece in [*pieces, rest] for line in cutter.feed(piece)] + list(cutter.end())
    parts = stream.split(b"\n")
    parts = parts if parts[-1] else parts[:-1]
    assert len(found) == len(parts)
    assert [more for _, more in found] == [max(0, len(part) - limit) for part in parts]


@given(st.lists(st.text(max_size=60), max_size=60), st.integers(100, 600))
def test_no_more_than_the_limit_is_kept_and_the_end_is_shown(texts: list[str], limit: int) -> None:
    told = Lines()
    sink = LimitedSink(told, limit)
    for text in texts:
        sink.line("stdout", text)
    sink.finish()
    kept = [text for source, text in told.lines if source == "stdout"]
    size = sum(len(escaped(text).encode()) + 1 for text in texts)
    assert sum(len(text.encode()) + 1 for text in kept) <= max(limit, limit * 3 // 4 + 400)
    if size <= limit * 3 // 4:
        assert kept == [escaped(text) for text in texts]
        assert not [text for source, text in told.lines if source == "rota"]
    elif len(kept) < len(texts):
        assert kept[-1] == escaped(texts[-1])
        assert any("of log cut here" in text for source, text in told.lines if source == "rota")


def test_a_long_line_is_cut_and_says_so() -> None:
    told = Lines()
    LimitedSink(told, 100_000).line("stdout", "x" * 20_000)
    assert told.texts == ["x" * 8192 + "... 11808 more cut"]


def test_a_secret_across_the_cut_is_not_shown_in_part() -> None:
    told = Lines()
    LimitedSink(told, 100_000, Redactor(["hunter22-and-more"])).line(
        "stdout", "x" * 8185 + "hunter22-and-more" + "y" * 999
    )
    assert "hunter" not in told.texts[0]


def test_lines_after_the_end_are_dropped() -> None:
    told = Lines()
    sink = LimitedSink(told, 1000)
    sink.finish()
    sink.line("stdout", "late")
    sink.progress(1, 2, "late")
    assert (told.lines, told.reports) == ([], [])


def test_many_threads_write_at_once() -> None:
    told = Lines()
    sink = LimitedSink(told, 4000)
    threads = [
        threading.Thread(target=lambda: [sink.line("INFO", "x" * 20) for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.finish()
    kept = [text for source, text in told.lines if source == "INFO"]
    assert sum(len(text) + 1 for text in kept) <= 4000
    assert len(kept) > 3000 // 21


def test_capture_takes_the_runs_records_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told = Lines()
    run = Run(1, "web", "duty", 1, 1, "scheduled", Instant(0), _sink=told)
    log = logging.getLogger("site")
    capture, second = Capture(), Capture()  # of two nodes in one program, one writes
    capture.start()
    second.start()
    try:
        log.info("before")
        token = CURRENT.set(run)
        log.info("during %d", 1)
        logging.getLogger("rota.engine").warning("not the task's")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            log.exception("failed")
        CURRENT.reset(token)
        log.info("after")
    finally:
        capture.stop()
        second.stop()
    log.info("when stopped")
    assert told.texts[0] == "site: during 1"
    assert told.texts[1] == "site: failed"
    assert told.texts[-2:] == ["| ValueError: two", "| lines"]
    assert capture not in logging.getLogger().handlers


def test_warnings_outside_runs_still_reach_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    capture = Capture()
    capture.start()
    logging.getLogger("site").warning("to be seen")
    capture.stop()
    assert "to be seen" in capsys.readouterr().err


def test_the_level_is_opened_only_where_the_program_set_up_no_logging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.WARNING)
    monkeypatch.setattr(root, "handlers", [])
    capture = Capture()
    capture.start()
    assert root.level == logging.INFO
    capture.stop()
    assert root.level == logging.WARNING
    root.addHandler(logging.NullHandler())
    capture.start()
    assert root.level == logging.WARNING
    capture.stop()
