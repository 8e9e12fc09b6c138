//! Random cases that are the same in every run: `OCIPATCH_CASES` says how many there are, and `OCIPATCH_SEED` begins
//! elsewhere.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

fn number(variable: &str) -> Option<u32> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect(variable))
}

/// How many cases there are where `OCIPATCH_CASES=1` has `n`: without it, half of them.
pub(crate) fn cases(n: u32) -> u32 {
    number("OCIPATCH_CASES").map_or(n.div_ceil(2), |times| n * times)
}

/// Whether this is one of the turns that are taken: one in `n`, or as many as `OCIPATCH_CASES` says.
pub(crate) fn takes(turn: usize, n: usize) -> bool {
    turn % n < cases(1) as usize
}

fn runner(n: u32) -> TestRunner {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("OCIPATCH_SEED").unwrap_or_default().to_le_bytes());
    let config = Config {
        cases: cases(n),
        // What failed once is the same the next time.
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    TestRunner::new_with_rng(config, rng)
}

/// Holds `test` against `n` values; of one for which it fails the smallest that was found is told.
#[track_caller]
pub(crate) fn check<S: Strategy>(
    n: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    match runner(n).run(strategy, test) {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("{reason}\n{value:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Returns `n` values.
pub(crate) fn samples<S: Strategy>(n: u32, strategy: &S) -> Vec<S::Value> {
    let mut runner = runner(n);
    let sample = |_| strategy.new_tree(&mut runner).unwrap().current();
    (0..cases(n)).map(sample).collect()
}
