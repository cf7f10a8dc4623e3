"""Bugs that others had and told of: what went wrong there, what keeps Rota from it, and the tests that would have
caught it.

`test_named_bugs.py` holds that every test that is named here is there, and the page in docs/explanation to this list.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BUGS", "Bug"]


class Bug(NamedTuple):
    """``names``: a project and numbers of its issues or pull requests."""

    names: str
    wrong: str
    here: str  # what keeps Rota from it
    tests: tuple[str, ...]

    def line(self) -> str:
        """The bug as a line of the page's table."""
        return (
            f"| {self.names} | {self.wrong} | {self.here} | {', '.join(f'`{test}`' for test in self.tests)} |"
        )


BUGS = (
    # leaders, and who is who
    Bug("Oban #1488, oban-py #32", "two leaders under one name: every cron job twice",
        "there is no leader; a node is a new random name with each start", ("test_19_two_leaders",)),
    Bug("Oban #862", "a node's name came again, and its orphans were never rescued",
        "the same", ("test_20_identity_reuse",)),
    Bug("Dkron #998", "nothing ran any more after an election",
        "every node fires, claims and rescues", ("test_03_kill9_all",)),
    Bug("Dkron #1210, Sidekiq #6804", "what fell due during an election was lost",
        "the cursor is in the ledger, and any node may fire it", ("test_22_tick_in_handover",)),
    Bug("Sidekiq #3773", "periodic jobs were made twice",
        "record and cursor are written in one transaction, under a unique key", ("test_18_many_at_once_start_each_occurrence_once",)),
    Bug("Chronos #508", "schedules that fire often were forgotten",
        "occurrences are counted from the cursor, not from when somebody looked", ("test_01_steady_state",)),
    Bug("Chronos #511, #513, #520, #522", "jobs stopped for good after a partition",
        "a node that lost its lease begins again as somebody new", ("test_13_partition_heal",)),
    Bug("Chronos #371", "jobs were loaded again by the next leader, and ran twice",
        "the record of an occurrence is its only permission to start", ("test_03_kill9_all", "test_19_two_leaders")),
    Bug("River #1161", "a leader that failed at its start was half a leader",
        "each loop of a node is tried again by itself", ("test_river_1161_a_part_that_fails_is_tried_again_and_stops_no_other",)),
    # claims
    Bug("Quartz #107, #29, PR 280, quartznet PR 690", "a stale update claimed what had been fired and was waiting again",
        "a claim compares attempt, time and arguments, not the state alone", ("test_18_claim_aba", "test_18_a_stale_look_takes_nothing_even_if_the_state_is_the_same_again")),
    Bug("Oban #1141", "one job was run twice",
        "the same, and a token for each attempt", ("test_18_many_at_once_start_each_occurrence_once",)),
    Bug("GoodJob PR 423", "each process made its own record of an occurrence, until a unique key forbade it",
        "the unique key was there from the start", ("test_18_a_plan_that_comes_late_changes_nothing",)),
    Bug("Procrastinate #1158", "a violation of that unique key ended the worker",
        "a record that is there is passed over, and the cursor moves", ("test_procrastinate_1158_a_record_that_is_there_ends_nothing",)),
    Bug("GoodJob PR 767, #743", "old records were deleted, and the key that forbids a second one with them",
        "pruning leaves the newest record of each schedule; a cursor never goes back", ("test_good_job_767_the_unique_key_outlives_pruning",)),
    Bug("quartznet #1758", "misfired triggers ran beside running ones on other nodes",
        "a lane holds one running run, by a unique key", ("test_31_overlap_policy",)),
    Bug("Temporal PR 11530", "of a buffer for one start, two were kept",
        "what waits is counted in the claim's own transaction", ("test_temporal_pr_11530_queue_keeps_one_waiting",)),
    # rescue
    Bug("River #1302, PR 1373", "a rescue overwrote a job that had just completed",
        "rescue and finish are the same compare and set: run, token, node and state", ("test_17_stale_rescue_race", "test_17_of_rescue_and_finish_one_wins")),
    Bug("Solid Queue #589, #761", "a job was finished and failed at once",
        "the same; the loser is told so, and its answer is kept as a note", ("test_17_of_rescue_and_finish_one_wins",)),
    Bug("hexpm PR 1825, River #682, #773", "rescue by elapsed time started long jobs again that were running",
        "only a lease that has run out is taken over, however long a run takes", ("test_hexpm_pr_1825_a_long_run_of_a_living_node_is_left_alone",)),
    Bug("River #1258", "five thousand jobs stayed running for ever",
        "all that a node held is taken over with its lease", ("test_river_1258_all_that_a_dead_node_held_is_taken_over",)),
    Bug("Procrastinate #1518, #307", "with the worker's row its orphan was out of sight",
        "what no living node holds is taken over, whether its node has a row or not", ("test_21_worker_row_pruned",)),
    Bug("Procrastinate #1408", "the job that rescues others was itself stuck",
        "every node rescues, outside its slots, in one transaction", ("test_procrastinate_1408_a_rescuer_that_dies_or_is_full_is_no_obstacle",)),
    Bug("Procrastinate #740, Solid Queue #422, #591, PR 789", "an interrupted job failed for good, and its retry policy could not help",
        "a lost attempt is a try, and the task's own retry policy follows", ("test_solid_queue_591_a_lost_attempt_is_retried_as_its_task_says",)),
    Bug("Solid Queue PR 778", "a worker that could not renew its lease went on",
        "a node that cannot renew its lease stops its attempts before others take them over", ("test_14_half_open",)),
    Bug("GoodJob #90", "a restarted database let go of locks of jobs that were running",
        "a lease is a time in the ledger, not a session", ("test_09_pg_restart_immediate",)),
    Bug("GoodJob #52, #269, #1214, #1338", "session locks and LISTEN behind PgBouncer",
        "nothing stands on a session; all works by polling", ("test_36_pgbouncer_transaction",)),
    # time
    Bug("River #791, #342", "the next run lived in memory: a weekly job never came where deploys did oftener",
        "the cursor is in the ledger; a start moves none", ("test_23_deploy_faster_than_interval",)),
    Bug("Oban #1290, GoodJob PR 1488, #1484, #1600", "what fell due during a deploy was lost",
        "the same, and `catch_up` says what becomes of it", ("test_22_tick_in_handover", "test_23_deploy_faster_than_interval")),
    Bug("River #1035, APScheduler #463", "weeks off, and then all of it at once",
        "`catch_up` is `latest` unless said otherwise, and `all` has a limit", ("test_24_long_outage",)),
    Bug("Kubernetes #42649, #45825", "more than a hundred missed starts, and never again",
        "a span is counted, however long, and stands in one range", ("test_24_long_outage",)),
    Bug("Kubernetes MissSchedule", "a missed start was noticed anew with each look",
        "a miss has its record, and the cursor moves with it", ("test_24_long_outage",)),
    Bug("Temporal PR 4332", "a short outage was longer than the time in which runs were caught up",
        "there is no such time, unless the task has a deadline", ("test_24_long_outage",)),
    Bug("Temporal #8087, PR 10503", "actions were dropped, and nothing said which or why",
        "skipped and missed are states with a reason", ("test_temporal_8087_nothing_is_left_out_without_a_reason",)),
    Bug("APScheduler #296, #182, #146", "a second late was too late, and the run was dropped",
        "late runs run, unless the task has a deadline; then they are recorded as missed", ("test_apscheduler_296_a_late_occurrence_runs_or_is_recorded",)),
    Bug("APScheduler #5", "adding a job ran others again",
        "a revision moves only the cursors of what it changed", ("test_apscheduler_5_a_task_that_is_added_runs_no_other_again",)),
    Bug("Dkron #541, Quartz #548", "clocks that were slewed or apart fired jobs twice",
        "the ledger's clock decides, and a cursor never goes back", ("test_27_clock_step_and_slew_at_random", "test_26_clock_skew_injected")),
    Bug("Quartz #81, #1138, systemd #5595, #8647, #13745, Spring #36859, Kubernetes #121594", "an hour, a day or all days lost, or two fires, where clocks change",
        "one rule for gaps and folds, held against a second implementation in many zones", ("test_28_dst_matrix",)),
    Bug("hermes-agent PR 109532", "an interval that was kept in wall time drifted by an hour",
        "intervals count elapsed time from a fixed anchor", ("test_an_interval_counts_elapsed_time_over_a_change_of_the_clock",)),
    # files and servers
    Bug("jentic-one #529, profilarr #519, grappa #524", "a transaction that read before it wrote was refused at once",
        "every write begins as a writer", ("test_06_sqlite_multiprocess",)),
    Bug("graphile/worker #552, #559, OCA/queue #811", "a NOTIFY for each job, and a lock at each commit",
        "one NOTIFY a transaction", ("test_graphile_worker_552_a_batch_is_one_notify",)),
)  # fmt: skip
