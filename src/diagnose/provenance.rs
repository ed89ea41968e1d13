//! Where a finding comes from: who took its release out, or who wrote the acquisition.

use crate::model::diagnosis::{Age, Fault, Finding, LandingSummary, Provenance};
use crate::model::evidence::{Evidence, Gap};

/// What the repository's history says of a finding's file, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Landings that changed how often a release stands in the file.
    pub releases: Vec<Origin>,
    /// The landing that wrote the acquisition's line.
    pub acquisition: Option<LandingSummary>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// A landing that changed how often a text stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The landing.
    pub landing: LandingSummary,
    /// The text.
    pub text: String,
    /// How often it stood there before.
    pub before: usize,
    /// How often it stands there after.
    pub after: usize,
}

/// The texts whose disappearance would explain the finding: the missing release, without its semicolon.
pub fn releases(finding: &Finding) -> Vec<String> {
    let Fault::Leak(leak) = &finding.fault else { return Vec::new() };
    leak.missing.iter().map(|text| text.trim_end_matches(';').to_owned()).filter(|text| text.len() >= 4).collect()
}

/// The newest landing that took the release out, unless it was put back later; else the one that wrote the acquisition.
///
/// A setting's change is itself the landing that is looked for.
pub fn of(evidence: &Evidence, finding: &Finding, history: &History) -> Option<Provenance> {
    if let Fault::Setting(change) = &finding.fault {
        let how = format!("changed the {} from `{}` to `{}`", change.what, change.before, change.after);
        return Some(Provenance { landing: change.landing.clone(), how, age: Age::Recent });
    }
    let removal = history.releases.first().filter(|origin| origin.after < origin.before);
    let (landing, how) = match removal {
        Some(origin) => (origin.landing.clone(), format!("took out `{}`", origin.text)),
        None => (history.acquisition.clone()?, format!("wrote line {} without a release", finding.line)),
    };
    let age = age(evidence, &landing);
    Some(Provenance { landing, how, age })
}

/// What had not reached production is not a cause, however new it is.
fn age(evidence: &Evidence, landing: &LandingSummary) -> Age {
    if evidence.landings.iter().any(|candidate| candidate.commit == landing.commit) {
        Age::Recent
    } else if landing.committed_at > evidence.window.until || evidence.deployed.later.contains(&landing.commit) {
        Age::Later
    } else {
        Age::Existing
    }
}
