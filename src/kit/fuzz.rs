//! Fuzz targets: tests that many random inputs must pass.
//!
//! The inputs are the same in each run, so that a failure is the fault of the change that it comes with.
//! `PROPTEST_RNG_SEED=7 PROPTEST_CASES=20000` makes others, and more of them.

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Runs `test` with `cases` inputs. Panics with the smallest input for which `test` panics.
pub fn check<S: Strategy>(cases: u32, inputs: S, test: impl Fn(S::Value))
where
    S::Value: Debug,
{
    let given = Config::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let config = Config {
        cases: if is_set { given.cases } else { cases },
        rng_seed: if given.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { given.rng_seed },
        // No file of seeds: what was found becomes a test of its own, which says what it is about.
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..given
    };
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        test(input);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
