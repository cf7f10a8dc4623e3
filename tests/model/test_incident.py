"""Every pair of an incident's state and what is seen, and what a flapping task comes to."""

from __future__ import annotations

import pytest

from rota.model.incident import Flip, Notice, Seen, Status, flip

OPENED = Flip(Status.OPEN, Notice.OPENED)
RESOLVED = Flip(Status.CLEAR, Notice.RESOLVED)
RECOVERING = Flip(Status.RECOVERING)
NOTHING = None

#                       UNMET             MET          UNKNOWN  SETTLED   TAKEN                      LAPSED   ENDED
PAIRS = {
    Status.CLEAR:        (OPENED,           NOTHING,    NOTHING, NOTHING,  NOTHING,                   NOTHING, NOTHING),
    Status.OPEN:         (NOTHING,          RECOVERING, NOTHING, RESOLVED, Flip(Status.ACKNOWLEDGED), NOTHING, RESOLVED),
    Status.ACKNOWLEDGED: (NOTHING,          RECOVERING, NOTHING, RESOLVED, NOTHING, Flip(Status.OPEN, Notice.REMINDED), RESOLVED),
    Status.RECOVERING:   (Flip(Status.OPEN), NOTHING,   NOTHING, RESOLVED, NOTHING,                   NOTHING, RESOLVED),
}  # fmt: skip
SEEN = (Seen.UNMET, Seen.MET, Seen.UNKNOWN, Seen.SETTLED, Seen.TAKEN, Seen.LAPSED, Seen.ENDED)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("seen", Seen)
def test_every_pair(status: Status, seen: Seen) -> None:
    assert flip(status, seen) == PAIRS[status][SEEN.index(seen)]


def test_the_table_is_whole() -> None:
    assert set(PAIRS) == set(Status)
    assert set(SEEN) == set(Seen)


def test_a_task_that_flaps_is_one_incident_and_two_messages() -> None:
    status, told = Status.CLEAR, []
    for seen in [Seen.UNMET, Seen.MET] * 50 + [Seen.MET, Seen.SETTLED]:
        found = flip(status, seen)
        if found is not None:
            status = found.status
            told += [found.tells] if found.tells else []
    assert (status, told) == (Status.CLEAR, [Notice.OPENED, Notice.RESOLVED])
