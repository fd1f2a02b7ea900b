//! The runners' lines as data, and what they must count to.

use super::{Count, libtest, nextest};

fn check_nextest(said: &str, passed: u64, failed: u64) {
    assert_eq!(nextest(said).unwrap(), Count { passed, failed }, "{said}");
}

#[test]
fn reads_every_shape_of_nextest_summary() {
    check_nextest("     Summary [   0.123s] 12 tests run: 12 passed, 3 skipped", 12, 0);
    check_nextest("     Summary [   0.123s] 1 test run: 1 passed, 0 skipped", 1, 0);
    check_nextest("     Summary [  61.000s] 12 tests run: 10 passed (2 slow), 1 failed, 1 timed out, 0 skipped", 10, 2);
    check_nextest("     Summary [   2.000s] 0 tests run: 0 passed, 12 skipped", 0, 0);
    check_nextest("     Summary [   2.000s] 3 tests run: 0 passed, 3 failed, 0 skipped", 0, 3);
}

#[test]
fn counts_tests_that_an_interrupted_run_never_reached() {
    check_nextest("     Summary [   0.1s] 5/7 tests run: 4 passed, 1 failed, 0 skipped", 4, 3);
}

#[test]
fn takes_the_last_summary_when_a_test_prints_one_itself() {
    check_nextest("9 tests run: 9 passed\n     Summary [ 1.0s] 2 tests run: 2 passed, 0 skipped", 2, 0);
}

#[test]
fn refuses_output_without_a_summary() {
    let refused = nextest("error: could not compile `aitrading-model`").unwrap_err();
    assert!(refused.to_string().contains("no summary"), "{refused}");
}

#[test]
fn adds_up_the_doc_tests_of_all_crates() {
    let said = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n\
                test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured\n";
    assert_eq!(libtest(said).unwrap(), Count { passed: 4, failed: 2 });
    assert_eq!(libtest("").unwrap(), Count::default());
}

#[test]
fn a_runner_that_fails_without_a_named_test_is_one_failure() {
    let count = Count { passed: 3, failed: 0 };
    assert_eq!(count.judged(false), Count { passed: 3, failed: 1 });
    assert_eq!(count.judged(true), count);
    assert_eq!(Count { passed: 3, failed: 2 }.judged(false).failed, 2);
}

#[test]
fn the_total_reads_as_one_line() {
    assert_eq!(Count { passed: 4, failed: 2 }.to_string(), "4 passed, 2 failed");
}
