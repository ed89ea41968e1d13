//! The whole flow with real peers in the place of stand-ins. A peer that this machine does not have is counted as ignored.

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "e2e/github_openapi.rs"]
mod github_openapi;
#[path = "e2e/pagerduty_mcp.rs"]
mod pagerduty_mcp;

fn main() {
    let arguments = Arguments::from_args();
    let trials: Vec<Trial> = [pagerduty_mcp::trials(), github_openapi::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// Runs one test on a runtime of its own.
fn run(test: impl Future<Output = ()>) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(test);
    Ok(())
}

/// A test whose peer is absent; `.ci/real-peers` brings the peers.
fn skipped(name: &str, why: &str) -> Trial {
    Trial::test(name, || Ok(())).with_kind(format!("skipped: {why}")).with_ignored_flag(true)
}
