"""The matrix: the tests that run work of every shape and deliver it whole, and the kinds of events that each delivers.

Tests of outages are not in it: they deliver in parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1] / "integration"
_LINEAGE = ("every_shape", "shapes_of_work", "exact_inputs", "reports", "launch_causes", "choices", "odd_names")
FILES = (*(_TESTS / "lineage" / f"test_{name}.py" for name in _LINEAGE), _TESTS / "test_weather_lineage.py")


def shape_of(test: pytest.Item | pytest.TestReport) -> str:
    """`FILE::TEST` without parameters, such as the storage."""
    file, _, name = test.nodeid.partition("::")
    return f"{Path(file).stem}::{name.partition('[')[0]}"


_TOLD: Mapping[str, Mapping[str, str]] = {
    "START COMPLETE FAIL": {
        "choices": """
            a_hook_adds_facets_to_everything
            a_hook_that_raises_loses_no_event_and_shows_in_the_tick_log
            metadata_becomes_facets_and_one_that_fails_costs_only_itself
            only_what_is_included_leaves
            the_dagster_run_as_parent
            what_the_policy_keeps_in_is_named_nowhere
        """,
        "every_shape": """
            all_of_it_is_valid
            an_orphan_that_writes_after_the_end_of_its_run_completes
        """,
        "shapes_of_work": """
            a_failure_after_a_good_run_keeps_the_output
            a_failure_carries_the_steps_own_error_and_what_follows_says_nothing
            a_graph_backed_asset_is_one_run_from_its_first_step
            a_killed_process_leaves_no_run_open
            a_multi_asset_that_made_one_output_and_raised
            sending_again_from_nothing_is_identical
        """,
    },
    "START COMPLETE": {
        "choices": """
            configuration_and_environment_leave_by_name
        """,
        "exact_inputs": """
            a_dependency_that_the_definitions_have_lost_was_still_read
            an_asset_that_reads_its_own_day_before_is_an_input_of_itself
            inputs_outside_dagster_are_named_by_metadata
            many_partitions_are_counted_and_not_listed
            records_that_were_deleted_name_no_producer
            static_multi_and_dynamic_partitions_are_mapped
            the_partitions_read_follow_the_time_windows
            the_producer_is_the_run_that_was_read_not_the_newest
            the_times_are_those_of_the_records
            versions_that_users_give_do_not_mistake_one_run_for_another
            what_a_run_wrote_and_read_itself_needs_no_record
        """,
        "launch_causes": """
            what_dagster_launched_says_what_launched_it
        """,
        "odd_names": """
            a_name_in_a_facet_that_would_harm_a_backend_costs_that_facet
            a_name_that_would_harm_a_backend_is_refused_and_holds_nobody_up
            asset_keys_of_any_form_are_names
            places_of_any_form_are_named_and_have_an_address
        """,
        "reports": """
            a_check_that_was_reported_without_a_run_is_a_run_of_the_assets_checks
        """,
        "shapes_of_work": """
            a_chain_of_assets_arrives_with_its_edges_times_and_facets
            a_partition_range_in_one_run_is_one_run_with_its_window
            a_retried_step_is_one_run_with_its_last_attempts_outcome
            a_skipped_output_says_nothing
            any_project_can_use_it
            checks_are_assertions_on_inputs_or_a_job_of_their_own
        """,
    },
    "START FAIL": {
        "reports": """
            a_run_that_wrote_nothing_has_no_version_and_no_figures
        """,
    },
    "START ABORT": {
        "every_shape": """
            a_cancelled_run_is_aborted_with_what_it_had_begun
        """,
    },
    "START COMPLETE DatasetEvent": {
        "exact_inputs": """
            what_was_only_observed_or_reported_has_no_producing_run
        """,
        "reports": """
            what_a_run_observes_is_told_with_its_run
        """,
        "weather_lineage": """
            a_step_that_is_tried_again_is_one_run_in_lineage
            on_an_s3_lake_the_buckets_are_the_datasets
            the_impossible_wind_is_quarantined_with_its_reason_and_the_good_rows_are_loaded
            the_lineage_is_exactly_the_designs_table
            the_source_that_is_set_is_the_input_from_the_start_on
        """,
    },
    "DatasetEvent": {
        "reports": """
            many_reports_are_read_page_by_page
            reports_wait_out_an_outage_in_order_and_bad_names_hold_nobody_up
            reports_without_a_run_are_events_about_the_dataset
            what_only_observes_changes_nothing
            the_first_start_begins_at_now_and_a_location_tells_only_its_own
        """,
    },
    "START FAIL ABORT": {
        "shapes_of_work": """
            an_interrupted_step_is_aborted
        """,
    },
    "START COMPLETE FAIL DatasetEvent JobEvent": {
        "weather_lineage": """
            a_foreign_key_violation_is_a_failure_with_the_databases_words_and_nothing_half_loaded
        """,
    },
}
"""Kinds of events → file → tests, each on every kind of storage that it runs on."""

EXPECTED: Mapping[str, frozenset[str]] = {
    f"test_{file}::test_{test}": frozenset(kinds.split())
    for kinds, files in _TOLD.items()
    for file, tests in files.items()
    for test in tests.split()
}
"""Shape → the kinds of events that it has to deliver."""
