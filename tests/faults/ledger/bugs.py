"""Bugs that others had and told of: what went wrong there, and the tests here that would have caught it.

`test_named_bugs.py` holds that every test that is named here is there.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BUGS", "Bug"]


class Bug(NamedTuple):
    """``names``: a project and numbers of its issues or pull requests."""

    names: str
    wrong: str
    tests: tuple[str, ...]


BUGS = (
    # leaders, and who is who
    Bug("Oban #1488, oban-py #32", "two leaders under one name: every cron job twice", ("test_19_two_leaders",)),
    Bug("Oban #862", "a node's name came again, and its orphans were never rescued", ("test_20_identity_reuse",)),
    Bug("Dkron #998", "nothing ran any more after an election", ("test_03_kill9_all",)),
    Bug("Dkron #1210, Sidekiq #6804", "what fell due during an election was lost", ("test_22_tick_in_handover",)),
    Bug("Sidekiq #3773", "periodic jobs were made twice", ("test_18_many_at_once_start_each_occurrence_once",)),
    Bug("Chronos #508", "schedules that fire often were forgotten", ("test_01_steady_state",)),
    Bug("Chronos #511, #513, #520, #522", "jobs stopped for good after a partition", ("test_13_partition_heal",)),
    Bug("Chronos #371", "jobs were loaded again by the next leader, and ran twice", ("test_03_kill9_all", "test_19_two_leaders")),
    Bug("River #1161", "a leader that failed at its start was half a leader", ("test_river_1161_a_part_that_fails_is_tried_again_and_stops_no_other",)),
    # claims
    Bug("Quartz #107, #29, PR 280, quartznet PR 690", "a stale update claimed what had been fired and was waiting again", ("test_18_claim_aba", "test_18_a_stale_look_takes_nothing_even_if_the_state_is_the_same_again")),
    Bug("Oban #1141", "one job was run twice", ("test_18_many_at_once_start_each_occurrence_once",)),
    Bug("GoodJob PR 423", "each process made its own record of an occurrence, until a unique key forbade it", ("test_18_a_plan_that_comes_late_changes_nothing",)),
    Bug("Procrastinate #1158", "a violation of that unique key ended the worker", ("test_procrastinate_1158_a_record_that_is_there_ends_nothing",)),
    Bug("GoodJob PR 767, #743", "old records were deleted, and the key that forbids a second one with them", ("test_good_job_767_the_unique_key_outlives_pruning",)),
    Bug("quartznet #1758", "misfired triggers ran beside running ones on other nodes", ("test_31_overlap_policy",)),
    Bug("Temporal PR 11530", "of a buffer for one start, two were kept", ("test_temporal_pr_11530_queue_keeps_one_waiting",)),
    # rescue
    Bug("River #1302, PR 1373", "a rescue overwrote a job that had just completed", ("test_17_stale_rescue_race", "test_17_of_rescue_and_finish_one_wins")),
    Bug("Solid Queue #589, #761", "a job was finished and failed at once", ("test_17_of_rescue_and_finish_one_wins",)),
    Bug("hexpm PR 1825, River #682, #773", "rescue by elapsed time started long jobs again that were running", ("test_hexpm_pr_1825_a_long_run_of_a_living_node_is_left_alone",)),
    Bug("River #1258", "five thousand jobs stayed running for ever", ("test_river_1258_all_that_a_dead_node_held_is_taken_over",)),
    Bug("Procrastinate #1518, #307", "with the worker's row its orphan was out of sight", ("test_21_worker_row_pruned",)),
    Bug("Procrastinate #1408", "the job that rescues others was itself stuck", ("test_procrastinate_1408_a_rescuer_that_dies_or_is_full_is_no_obstacle",)),
    Bug("Procrastinate #740, Solid Queue #422, #591, PR 789", "an interrupted job failed for good, and its retry policy could not help", ("test_solid_queue_591_a_lost_attempt_is_retried_as_its_task_says",)),
    Bug("Solid Queue PR 778", "a worker that could not renew its lease went on", ("test_14_half_open",)),
    Bug("GoodJob #90", "a restarted database let go of locks of jobs that were running", ("test_09_pg_restart_immediate",)),
    Bug("GoodJob #52, #269, #1214, #1338", "session locks and LISTEN behind PgBouncer", ("test_36_pgbouncer_transaction",)),
    # time
    Bug("River #791, #342", "the next run lived in memory: a weekly job never came where deploys did oftener", ("test_23_deploy_faster_than_interval",)),
    Bug("Oban #1290, GoodJob PR 1488, #1484, #1600", "what fell due during a deploy was lost", ("test_22_tick_in_handover", "test_23_deploy_faster_than_interval")),
    Bug("River #1035, APScheduler #463", "weeks off, and then all of it at once", ("test_24_long_outage",)),
    Bug("Kubernetes #42649, #45825", "more than a hundred missed starts, and never again", ("test_24_long_outage",)),
    Bug("Kubernetes MissSchedule", "a missed start was noticed anew with each look", ("test_24_long_outage",)),
    Bug("Temporal PR 4332", "a short outage was longer than the time in which runs were caught up", ("test_24_long_outage",)),
    Bug("Temporal #8087, PR 10503", "actions were dropped, and nothing said which or why", ("test_temporal_8087_nothing_is_left_out_without_a_reason",)),
    Bug("APScheduler #296, #182, #146", "a second late was too late, and the run was dropped", ("test_apscheduler_296_a_late_occurrence_runs_or_is_recorded",)),
    Bug("APScheduler #5", "adding a job ran others again", ("test_apscheduler_5_a_task_that_is_added_runs_no_other_again",)),
    Bug("Dkron #541, Quartz #548", "clocks that were slewed or apart fired jobs twice", ("test_27_clock_step_and_slew_at_random", "test_26_clock_skew_injected")),
    Bug("Quartz #81, #1138, systemd #5595, #8647, #13745, Spring #36859, Kubernetes #121594", "an hour, a day or all days lost, or two fires, where clocks change", ("test_28_dst_matrix",)),
    Bug("hermes-agent PR 109532", "an interval that was kept in wall time drifted by an hour", ("test_an_interval_counts_elapsed_time_over_a_change_of_the_clock",)),
    # files and servers
    Bug("jentic-one #529, profilarr #519, grappa #524", "a transaction that read before it wrote was refused at once", ("test_06_sqlite_multiprocess",)),
    Bug("graphile/worker #552, #559, OCA/queue #811", "a NOTIFY for each job, and a lock at each commit", ("test_graphile_worker_552_a_batch_is_one_notify",)),
)  # fmt: skip
