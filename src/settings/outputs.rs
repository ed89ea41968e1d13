//! The step outputs, one row each: their names stand here and in `action.yml` only.

/// A step output, by its name in `action.yml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// The name, in lower case with hyphens.
    pub name: &'static str,
}

macro_rules! outputs {
    ($($(#[$meta:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$meta])* pub const $constant: Output = Output { name: $name };)*

        /// Every output, in the order of `action.yml`.
        pub const OUTPUTS: &[Output] = &[$($constant),*];
    };
}

outputs! {
    /// How the run ended: `fixed`, `reported`, `swept`, `skipped`, `degraded` or `failed`.
    RESULT = "result";
    /// The number people use for the incident.
    INCIDENT_NUMBER = "incident-number";
    /// PagerDuty's id of the incident.
    INCIDENT_ID = "incident-id";
    /// The confidence of the leading finding.
    CONFIDENCE = "confidence";
    /// The number of the pull request that was opened or updated.
    PULL_REQUEST_NUMBER = "pull-request-number";
    /// Its page.
    PULL_REQUEST_URL = "pull-request-url";
    /// `created`, `unchanged`, `closed` or `none`.
    PULL_REQUEST_OPERATION = "pull-request-operation";
    /// The branch with the fix.
    BRANCH = "branch";
    /// The commit at the branch's head.
    HEAD_SHA = "head-sha";
    /// Whether GitHub shows that commit as verified: `true` or `false`.
    COMMIT_VERIFIED = "commit-verified";
    /// The page of the comment that holds the analysis.
    COMMENT_URL = "comment-url";
    /// The commit that most likely caused the incident.
    SUSPECT_COMMIT = "suspect-commit";
    /// The full report as a file.
    REPORT_PATH = "report-path";
    /// What running the fault and the fix showed, in one word.
    PROOF = "proof";
    /// Memory over time before and after the fix, as an SVG file.
    PROOF_CHART = "proof-chart";
    /// What a job without secrets is to prove, as a file.
    PLAN_PATH = "plan-path";
}
