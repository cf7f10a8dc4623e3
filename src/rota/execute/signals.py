"""What a task's code raises to say more than "it failed"."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["GiveUp", "Retry", "StopAsked"]


class Retry(Exception):
    """Try the run again, whatever the task's ``retry`` says of the delay; it still counts as a try.

    ``after`` is how long to wait: a timedelta, or seconds; None leaves it to the task's backoff.

    >>> raise Retry(after=30, why="the feed is being rebuilt")
    Traceback (most recent call last):
    rota.execute.signals.Retry: the feed is being rebuilt (after 30 s)
    """

    def __init__(self, after: timedelta | float | None = None, why: str = "") -> None:
        if after is not None and not isinstance(after, timedelta):
            after = timedelta(seconds=after)
        if after is not None and after < timedelta(0):
            raise ValueError(f"expected a delay of zero or more, found {after.total_seconds():g} s")
        self.after = after
        self.why = why
        wait = "" if after is None else f" (after {after.total_seconds():g} s)"
        super().__init__((why or "asked to be tried again") + wait)


class GiveUp(Exception):
    """The run has failed and trying again will not help: no retry is made.

    >>> raise GiveUp("the article was deleted")
    Traceback (most recent call last):
    rota.execute.signals.GiveUp: the article was deleted
    """

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "gave up")


class StopAsked(BaseException):
    """Raised inside a plain function in a worker process when its attempt is to stop.

    The function may clean up (``finally``, ``with``) and has the task's grace for it. It is not an
    `Exception`, so that ``except Exception`` does not swallow it by accident.
    """
