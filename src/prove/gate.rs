//! Whether anything is run at all. Pure.

use crate::settings::Prove;

/// What the runner calls the machines of GitHub's own: each is new and thrown away after one job.
const THROWN_AWAY: &str = "github-hosted";

/// Where the code comes from that would be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The head of the repository's default branch, as GitHub gave it.
    DefaultBranch,
    /// What is checked out in a folder, which may be anything.
    Folder,
}

/// Decides from the input `prove`, the runner's `RUNNER_ENVIRONMENT`, and whose code it is.
///
/// # Errors
/// Why nothing is run, as a clause.
pub(super) fn may_run(prove: Prove, environment: Option<&str>, code: Code) -> Result<(), String> {
    let refused = match (prove, environment, code) {
        (Prove::On, _, _) | (Prove::Auto, Some(THROWN_AWAY), Code::DefaultBranch) => return Ok(()),
        (Prove::Off, _, _) => "it is switched off by `prove: off`",
        (Prove::Auto, _, Code::Folder) => {
            "what is checked out in a folder need not be the default branch's code, so it is executed only if \
             `--prove on` asks for it"
        }
        (Prove::Auto, _, Code::DefaultBranch) => {
            "this machine is kept after the job, so nothing is executed on it without `prove: on`"
        }
    };
    Err(refused.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machines_that_are_thrown_away_run_it_unasked() {
        let on_default_branch = |prove, environment| may_run(prove, environment, Code::DefaultBranch);
        assert!(on_default_branch(Prove::Auto, Some("github-hosted")).is_ok());
        assert!(on_default_branch(Prove::Auto, Some("self-hosted")).is_err());
        assert!(on_default_branch(Prove::Auto, None).is_err());
        assert!(on_default_branch(Prove::On, None).is_ok());
        assert!(on_default_branch(Prove::Off, Some("github-hosted")).is_err());
    }

    #[test]
    fn other_code_than_the_default_branch_s_runs_only_when_asked_for() {
        assert!(may_run(Prove::Auto, Some("github-hosted"), Code::Folder).is_err());
        assert!(may_run(Prove::Off, None, Code::Folder).is_err());
        assert!(may_run(Prove::On, None, Code::Folder).is_ok());
    }
}
