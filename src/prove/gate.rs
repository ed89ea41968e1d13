//! Whether anything is run at all. Pure.

use crate::settings::Prove;

/// What the runner calls the machines of GitHub's own: each is new and thrown away after one job.
const THROWN_AWAY: &str = "github-hosted";

/// Decides from the input `prove` and the runner's `RUNNER_ENVIRONMENT`.
///
/// # Errors
/// Why nothing is run, as a clause.
pub(super) fn may_run(prove: Prove, environment: Option<&str>) -> Result<(), String> {
    match (prove, environment) {
        (Prove::On, _) | (Prove::Auto, Some(THROWN_AWAY)) => Ok(()),
        (Prove::Off, _) => Err("it is switched off by `prove: off`".to_owned()),
        (Prove::Auto, _) => {
            Err("this machine is kept after the job, so nothing is executed on it without `prove: on`".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machines_that_are_thrown_away_run_it_unasked() {
        assert!(may_run(Prove::Auto, Some("github-hosted")).is_ok());
        assert!(may_run(Prove::Auto, Some("self-hosted")).is_err());
        assert!(may_run(Prove::Auto, None).is_err());
        assert!(may_run(Prove::On, None).is_ok());
        assert!(may_run(Prove::Off, Some("github-hosted")).is_err());
    }
}
