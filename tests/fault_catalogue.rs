//! Sections A, B and C of the fault catalogue (`FAULTS.md`): for each fault the tests that hold its
//! required behaviour and what it raises. The table checks itself: every test that it names exists,
//! and so does every counter. Faults of live orders (sections D and later) are not in it.
//!
//! A counter is one of `types/counters.rs`, which every snapshot shows; or, in small letters, a
//! refusal, a signal of the watchdog or a kind of news, as it stands in events.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use arb::types::counters::COUNTERS;

const BURST: &str = "tests/burst.rs";
const FEED: &str = "tests/feed.rs";
const FEED_CHAINED: &str = "tests/feed_chained.rs";
const FEED_CONTENTS: &str = "tests/feed_contents.rs";
const FEED_FRESHNESS: &str = "tests/feed_freshness.rs";
const FEED_SESSION: &str = "tests/feed_session.rs";
const FEED_SOCKET: &str = "tests/feed_socket.rs";
const FRAMES: &str = "tests/frames.rs";
const IN_CALENDAR: &str = "src/types/calendar.rs";
const IN_CLOCK: &str = "src/feed/clock.rs";
const IN_FETCH: &str = "src/feed/fetch.rs";
const IN_NUMBER: &str = "src/types/number.rs";
const IN_RESOLVE: &str = "src/net/resolve.rs";
const IN_TIME: &str = "src/types/time.rs";
const IN_UNITS: &str = "src/types/units.rs";
const IN_WATCH: &str = "src/feed/watch.rs";
const LONGRUN_FILES: &str = "tests/longrun_files.rs";
const MOCK_FAULTS: &str = "tests/mock_faults.rs";
const MUTATIONS: &str = "tests/mutations.rs";
const NET_DIAL: &str = "tests/net_dial.rs";
const NET_MEMORY: &str = "tests/net_memory.rs";
const NET_WS: &str = "tests/net_ws.rs";
const PAPER_FAULTS: &str = "tests/paper_faults.rs";
const REFUSALS: &str = "tests/refusals.rs";
const REPLAY_FAULTS: &str = "tests/replay_faults.rs";
const WATCHDOG_AGENT: &str = "tests/watchdog_agent.rs";

/// A fault, its tests as file and function, and what it raises; empty where there is nothing to
/// count, because it cannot happen.
type Row = (&'static str, &'static [Test], &'static [&'static str]);
/// The file of a test and its function.
type Test = (&'static str, &'static str);

const TRANSPORT: [Row; 18] = [
    (
        "F01",
        &[
            (
                PAPER_FAULTS,
                "a_venue_that_falls_silent_is_asked_again_and_a_dead_connection_is_replaced",
            ),
            (FEED_SESSION, "silence_with_pongs_is_asked_again_and_then_connected_anew"),
            (REFUSALS, "a_quote_older_than_allowed_is_stale"),
        ],
        &["Silences", "Resubscriptions", "ClosedQuiet", "stale_quote", "ws_lag_ms"],
    ),
    (
        "F02",
        &[
            (
                PAPER_FAULTS,
                "a_venue_that_falls_silent_is_asked_again_and_a_dead_connection_is_replaced",
            ),
            (FEED_SESSION, "a_half_open_socket_is_found_within_fifteen_seconds"),
            (NET_DIAL, "a_dead_peer_is_found_by_the_kernel_within_fifteen_seconds"),
        ],
        &["ClosedSilent"],
    ),
    (
        "F03",
        &[
            (PAPER_FAULTS, "connections_that_are_cut_refused_or_choked_come_back"),
            (FEED_SESSION, "a_frame_that_drips_in_is_cut_after_two_seconds"),
        ],
        &["ClosedSlow"],
    ),
    (
        "F04",
        &[
            (PAPER_FAULTS, "connections_that_are_cut_refused_or_choked_come_back"),
            (NET_DIAL, "a_peer_that_accepts_and_stays_silent_is_given_up_at_the_deadline"),
            (NET_DIAL, "a_host_that_does_not_answer_is_given_up_at_the_connect_deadline"),
        ],
        &["FailedAttempts"],
    ),
    (
        "F05",
        &[
            (FEED_SESSION, "ten_minutes_of_accept_then_close_stay_below_every_bound"),
            (FEED_SESSION, "pauses_begin_anew_only_after_a_stable_minute"),
            (PAPER_FAULTS, "connections_that_are_cut_refused_or_choked_come_back"),
        ],
        &["Attempts", "FailedAttempts", "ClosedByPeer"],
    ),
    (
        "F06",
        &[
            (FEED_SESSION, "three_days_with_a_life_of_a_day_rotate_without_a_gap"),
            (
                FEED_SESSION,
                "an_announced_shutdown_opens_the_next_connection_before_the_old_one_ends",
            ),
            (FEED_SOCKET, "an_announced_shutdown_changes_connections_without_losing_a_book"),
            (PAPER_FAULTS, "connections_that_are_cut_refused_or_choked_come_back"),
        ],
        &["Rotations", "ClosedReplaced", "ClosedGivenUp"],
    ),
    ("F07", &[(NET_WS, "a_ping_in_a_burst_is_answered_before_the_next_message_is_read")], &[]),
    ("F08", &[(FEED_SESSION, "a_quiet_connection_is_kept_alive_whoever_pings")], &["ClosedByPeer"]),
    (
        "F09",
        &[
            (IN_RESOLVE, "a_name_that_cannot_be_is_an_error"),
            (FEED_SESSION, "a_lost_answer_of_the_desk_is_an_attempt_that_failed"),
        ],
        &["FailedAttempts"],
    ),
    (
        "F10",
        &[
            (NET_WS, "a_reset_in_the_middle_of_a_frame_is_a_reset"),
            (NET_WS, "a_close_with_an_odd_code_reads_as_a_protocol_error_of_the_peer"),
            (FEED_SOCKET, "a_reset_makes_every_book_invalid_until_the_next_connection_shows_it"),
            (PAPER_FAULTS, "connections_that_are_cut_refused_or_choked_come_back"),
        ],
        &["ClosedByFault", "ClosedByPeer"],
    ),
    (
        "F11",
        &[
            (BURST, "a_burst_adds_neither_memory_nor_lasting_lag_and_the_newest_book_wins"),
            (FEED_SOCKET, "a_burst_that_nobody_reads_is_conflated_to_the_newest_top"),
            (PAPER_FAULTS, "a_burst_of_a_hundredfold_costs_no_memory_and_the_newest_book_wins"),
        ],
        &["Conflated"],
    ),
    (
        "F12",
        &[
            (FEED_SESSION, "a_symbol_that_never_shows_is_asked_for_twice_then_off_and_told_once"),
            (FEED_SOCKET, "a_symbol_that_is_never_shown_is_off_and_the_other_trades"),
            (PAPER_FAULTS, "symbols_that_a_venue_drops_or_does_not_know_are_off_and_come_back"),
        ],
        &["SymbolsOff", "Resubscriptions", "symbol_off"],
    ),
    (
        "F13",
        &[
            (MUTATIONS, "mutants_never_harm_the_books_of_upbit"),
            (FEED, "a_whole_book_that_says_nonsense_breaks_its_own_instrument_only"),
        ],
        &["UnknownSymbols"],
    ),
    (
        "F14",
        &[
            (FEED_CHAINED, "a_gap_and_a_duplicate_are_gaps_and_a_rejected_delta_breaks_the_book"),
            (FEED, "a_gap_makes_the_book_invalid_until_the_next_snapshot"),
            (FEED_SOCKET, "a_dropped_update_is_found_at_once_and_mended"),
            (PAPER_FAULTS, "broken_sequences_and_contents_are_found_refused_and_mended"),
        ],
        &["Gaps", "Resyncs", "OldDiffs"],
    ),
    (
        "F15",
        &[
            (FEED_SESSION, "a_stale_snapshot_is_requested_again_with_growing_pauses"),
            (FEED_SOCKET, "a_stale_snapshot_is_requested_again_and_never_used"),
            (IN_FETCH, "whatever_the_venue_answers_requests_do_not_loop"),
        ],
        &["StaleSnapshots", "SnapshotRequests", "SnapshotFailures"],
    ),
    (
        "F16",
        &[
            (NET_DIAL, "a_block_page_is_told_with_its_status_and_the_first_bytes_of_its_body"),
            (FEED_SOCKET, "a_page_instead_of_a_connection_is_told_with_its_status"),
        ],
        &["RequestsRefused", "refused"],
    ),
    (
        "F17",
        &[
            (NET_MEMORY, "giant_frames_are_refused_without_taking_memory"),
            (NET_WS, "a_frame_of_sixteen_mebibytes_is_refused_at_its_head"),
            (NET_DIAL, "compression_that_was_not_offered_is_refused"),
            (PAPER_FAULTS, "connections_that_are_cut_refused_or_choked_come_back"),
        ],
        &["ClosedByFault", "FailedAttempts"],
    ),
    ("F18", &[(NET_DIAL, "the_handshake_is_these_bytes_and_has_no_origin")], &[]),
];

const CONTENT: [Row; 10] = [
    (
        "F19",
        &[
            (FRAMES, "a_frame_cut_at_any_byte_is_malformed"),
            (FRAMES, "junk_is_malformed"),
            (FEED_SESSION, "twenty_rejected_frames_in_a_minute_are_borne_and_one_more_is_not"),
            (PAPER_FAULTS, "broken_sequences_and_contents_are_found_refused_and_mended"),
        ],
        &["RejectedMalformed", "ClosedRejects"],
    ),
    (
        "F20",
        &[
            (FRAMES, "size_text_and_nesting_are_limited"),
            (MUTATIONS, "mutants_never_harm_the_books_of_binance"),
        ],
        &["RejectedTooLarge", "RejectedTooDeep"],
    ),
    (
        "F21",
        &[(FRAMES, "size_text_and_nesting_are_limited"), (FRAMES, "junk_is_malformed")],
        &["RejectedUtf8", "RejectedMalformed"],
    ),
    (
        "F22",
        &[
            (FRAMES, "upbit_numbers_outside_the_exact_range_reject_the_frame"),
            (FRAMES, "one_bad_level_rejects_a_binance_diff_whole"),
            (FEED_CONTENTS, "bad_contents_of_one_bybit_symbol_leave_the_other_and_the_connection"),
            (IN_NUMBER, "text_that_is_no_exact_number_in_range_is_refused"),
            (PAPER_FAULTS, "broken_sequences_and_contents_are_found_refused_and_mended"),
        ],
        &["RejectedNumber", "RejectedValue", "RejectedEmpty", "RejectedOverflow"],
    ),
    (
        "F23",
        &[
            (IN_UNITS, "a_product_rounds_the_way_it_is_told_also_below_zero"),
            (IN_NUMBER, "text_that_is_no_exact_number_in_range_is_refused"),
        ],
        &["overflow"],
    ),
    (
        "F24",
        &[
            (FRAMES, "an_image_that_is_no_book_is_rejected_by_reason"),
            (
                FEED_CONTENTS,
                "a_crossed_ticker_makes_its_book_invalid_until_the_resync_whatever_tickers_follow",
            ),
            (FEED, "a_diff_that_crosses_the_book_makes_it_invalid_until_the_next_snapshot"),
            (REFUSALS, "an_invalid_book_is_not_traded_on"),
            (PAPER_FAULTS, "broken_sequences_and_contents_are_found_refused_and_mended"),
        ],
        &["RejectedCrossed", "RejectedUnsorted", "no_book"],
    ),
    (
        "F25",
        &[
            (REFUSALS, "an_edge_beyond_the_plausibility_collar_is_bad_data"),
            (REPLAY_FAULTS, "a_leap_is_too_good_to_be_traded_on_though_its_books_are_valid"),
        ],
        &["implausible_edge"],
    ),
    (
        "F26",
        &[
            (
                FEED_FRESHNESS,
                "a_book_that_is_sent_again_and_again_with_new_times_grows_old_all_the_same",
            ),
            (PAPER_FAULTS, "times_that_lie_move_no_age_and_books_that_stand_still_are_told"),
        ],
        &["RepeatedBooks", "stale_quote"],
    ),
    (
        "F27",
        &[
            (IN_CLOCK, "a_time_in_another_unit_tells_no_lag"),
            (IN_CLOCK, "a_frame_from_the_future_moves_no_clock_that_the_venue_has_told"),
            (FEED, "one_timestamp_ahead_holds_a_book_up_for_ten_frames_only"),
            (PAPER_FAULTS, "times_that_lie_move_no_age_and_books_that_stand_still_are_told"),
        ],
        &["StrangeTimes", "RejectedTime"],
    ),
    (
        "F28",
        &[
            (REFUSALS, "fx_older_than_its_own_limit_stops_trading"),
            (REFUSALS, "an_fx_leap_pauses_entries_until_it_has_settled"),
            (REFUSALS, "a_rate_that_another_venue_contradicts_pauses_entries_while_it_does"),
            (MOCK_FAULTS, "an_fx_rate_that_stops_is_a_warn_then_an_error_until_it_is_back"),
            (WATCHDOG_AGENT, "an_fx_rate_that_grows_old_is_a_warn_then_an_error_until_it_is_back"),
        ],
        &["fx_age_ms", "stale_fx", "fx_jump", "fx_gap"],
    ),
];

const TIME: [Row; 6] = [
    (
        "F29",
        &[
            (IN_WATCH, "a_step_of_the_wall_clock_is_told_once_with_its_size_and_moves_no_age"),
            (MOCK_FAULTS, "nothing_that_is_decided_follows_a_step_of_the_wall_clock"),
            (IN_TIME, "a_step_of_the_clock_moves_wall_time_and_nothing_else"),
        ],
        &["ClockSteps", "clock_step"],
    ),
    (
        "F30",
        &[
            (FEED_SOCKET, "a_venue_whose_clock_is_ahead_is_told_and_its_lag_is_the_way"),
            (IN_CLOCK, "a_clock_that_is_ahead_is_found_by_answers_and_its_lag_is_the_way"),
        ],
        &["ClockSkews", "clock_skew"],
    ),
    (
        "F31",
        &[
            (FEED_SESSION, "a_thread_that_stood_still_trades_on_nothing_that_waited"),
            (FEED_SOCKET, "a_thread_that_stood_still_takes_nothing_that_waited_for_it"),
            (MOCK_FAULTS, "a_pause_of_the_host_is_named_and_blamed_on_nobody"),
        ],
        &["ClosedPaused", "host_pause"],
    ),
    (
        "F32",
        &[
            (IN_TIME, "the_trading_day_rolls_over_at_korean_midnight"),
            (IN_CALENDAR, "each_day_follows_the_one_before_to_the_end_of_the_range"),
            (REFUSALS, "the_notional_of_a_day_is_bounded_and_starts_anew_at_korean_midnight"),
        ],
        &[],
    ),
    (
        "F33",
        &[(IN_TIME, "an_age_is_never_negative"), (IN_TIME, "virtual_time_never_goes_back")],
        &[],
    ),
    (
        "F34",
        &[(
            LONGRUN_FILES,
            "a_clock_that_goes_back_overwrites_nothing_and_the_newest_written_stays",
        )],
        &[],
    ),
];

/// Where the names in small letters stand.
const NAMES: [&str; 4] =
    ["src/types/fact.rs", "src/types/notice.rs", "src/watchdog/signal.rs", "src/types/evidence.rs"];

fn rows() -> impl Iterator<Item = &'static Row> {
    TRANSPORT.iter().chain(&CONTENT).chain(&TIME)
}

fn source(file: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).ok()
}

/// What is wrong with a test's name.
fn missing((file, function): Test) -> Option<String> {
    let Some(text) = source(file) else { return Some(format!("no file {file}")) };
    let is_there = ["", "    "]
        .iter()
        .any(|indent| text.contains(&format!("#[test]\n{indent}fn {function}()")));
    (!is_there).then(|| format!("no test {function} in {file}"))
}

#[test]
fn every_fault_of_sections_a_to_c_has_its_row_in_order() {
    let names: Vec<&str> = rows().map(|(name, ..)| *name).collect();
    let expected: Vec<String> = (1..=34).map(|number| format!("F{number:02}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn every_test_of_the_table_exists() {
    let wrong: Vec<String> =
        rows().flat_map(|(_, tests, _)| tests.iter()).filter_map(|test| missing(*test)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows().all(|(_, tests, _)| !tests.is_empty()));
    assert!(missing((FRAMES, "no_such_test_is_there")).is_some(), "it can fail");
}

#[test]
fn every_counter_and_name_of_the_table_exists() {
    let texts: Vec<String> = NAMES.iter().filter_map(|file| source(file)).collect();
    assert_eq!(texts.len(), NAMES.len(), "all files are there");
    let is_counter = |name: &str| COUNTERS.iter().any(|info| info.name == name);
    let is_named = |name: &str| texts.iter().any(|text| text.contains(&format!("\"{name}\"")));
    for (fault, _, raised) in rows() {
        for name in *raised {
            assert!(is_counter(name) || is_named(name), "{fault}: {name}");
        }
    }
    assert!(!is_counter("no_such") && !is_named("no_such"), "it can fail");
}
