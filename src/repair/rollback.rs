//! Taking the landing at fault back: which landing that is, and whether its inverse may be offered.
//!
//! The decision is a table: every row is one condition, and those that do not hold are told. A rollback that may not be opened
//! is still described, so that a person can decide.

mod paths;

use chrono::TimeDelta;

use crate::model::diagnosis::{Age, Confidence, Diagnosis, LandingSummary, Repair, Verdict};
use crate::model::evidence::Evidence;
use crate::model::ids::Timestamp;
use crate::model::landing::FileMode;
use crate::model::publication::PullState;
use crate::model::rollback::{
    Certainty, Culprit, Forge, ForgeFacts, Inverse, InverseChange, OpenRollback, Rollback, RollbackPolicy, Wish,
};

/// From which probability a landing is taken back without being asked. An accusation alone needs less; a pull request that
/// undoes a person's work needs more.
const PROBABLE_FROM: f64 = 0.9;
/// Older landings are rarely the cause, and too much may rest on them by now. In hours before the incident.
const RECENT_HOURS: i64 = 24;
/// A person writes this into a commit message or pull request that is never to be taken back by a program.
const OPT_OUT: &str = "NOAUTOREVERT=true";
/// All files of an inverse together, in bytes: a commit goes to GitHub in one request.
const SIZE_LIMIT: usize = 20 << 20;
/// GitHub takes about this many files in one commit without complaint.
const FILES_LIMIT: usize = 1_000;

/// What a condition looks at.
struct Case<'a> {
    culprit: &'a Culprit,
    wish: Wish,
    evidence: &'a Evidence,
}

/// One condition for a rollback to be opened.
struct Condition {
    /// What holds, as a clause, once it does.
    holds: &'static str,
    /// Why it does not, as a clause.
    broken: fn(&Case<'_>) -> Option<String>,
}

/// Every condition.
const CONDITIONS: &[Condition] = &[
    Condition { holds: "the configuration allows it", broken: not_allowed },
    Condition { holds: "the landing is at fault beyond reasonable doubt, or a person asked", broken: not_certain },
    Condition { holds: "it is a day old at most, or part of the deployment at fault", broken: too_old },
    Condition { holds: "nothing that landed since changed the same files", broken: changed_since },
    Condition { holds: "its inverse merges without a conflict", broken: not_clean },
    Condition { holds: "it holds no migration and no schema", broken: migrates },
    Condition { holds: "it touches no protected path", broken: is_protected },
    Condition { holds: "it moves no submodule", broken: moves_submodule },
    Condition { holds: "nobody has taken it back or decided against it", broken: reverted_already },
    Condition { holds: "its author did not opt out", broken: opted_out },
    Condition { holds: "fewer rollbacks than the daily cap were opened in 24 hours", broken: over_cap },
];

/// What was checked before a rollback was opened, a clause each.
pub fn checks() -> impl Iterator<Item = &'static str> {
    CONDITIONS.iter().map(|condition| condition.holds)
}

/// Weighs the culprit against every condition.
pub fn weigh(evidence: &Evidence, culprit: Culprit, wish: Wish) -> Rollback {
    let case = Case { culprit: &culprit, wish, evidence };
    let held_by = CONDITIONS.iter().filter_map(|condition| (condition.broken)(&case)).collect();
    Rollback { culprit, wish, held_by }
}

/// The landing that would be taken back: the one that brought the leading finding, else the accused one; where a person
/// asks, also the first suspect. `None` where there is nothing to name.
pub fn culprit(diagnosis: &Diagnosis, wish: Wish) -> Option<(LandingSummary, Certainty)> {
    if let (Some(finding), Some(provenance)) = (diagnosis.findings.first(), &diagnosis.provenance) {
        let is_shown = finding.confidence == Confidence::High;
        let certainty = if is_shown { Certainty::Shown } else { Certainty::Suspected };
        // That an old landing wrote the line is no reason to take it back by itself; a person may ask.
        let is_weighed = provenance.age == Age::Recent || wish == Wish::Asked;
        return is_weighed.then(|| (provenance.landing.clone(), certainty));
    }
    let first = diagnosis.suspects.first()?;
    match (diagnosis.verdict, first.probability) {
        (Verdict::Accused, Some(probability)) => Some((first.landing.clone(), Certainty::Accused(probability))),
        _ => (wish == Wish::Asked).then(|| (first.landing.clone(), Certainty::Suspected)),
    }
}

/// Whether taking the landing back and the repair lead to the same files: then the one is the other.
pub fn is_the_fix(rollback: &Rollback, repair: &Repair) -> bool {
    let Inverse::Clean(changes) = &rollback.culprit.inverse else { return false };
    let same = |change: &InverseChange| {
        let file = repair.files.iter().find(|file| file.path == change.path);
        let keeps_mode = change.before.as_ref().map(|it| it.mode) == change.after.as_ref().map(|it| it.mode);
        keeps_mode && file.zip(change.after.as_ref()).is_some_and(|(file, state)| file.after == state.contents)
    };
    changes.len() == repair.files.len() && changes.iter().all(same)
}

fn not_allowed(case: &Case<'_>) -> Option<String> {
    let RollbackPolicy { open, .. } = case.evidence.rollback;
    match (open, case.wish) {
        (OpenRollback::Never, _) => Some("the configuration switches rollbacks off".to_owned()),
        (OpenRollback::Asked, Wish::Weighed) => {
            Some("the configuration leaves it to a person to ask for it".to_owned())
        }
        _ => None,
    }
}

fn not_certain(case: &Case<'_>) -> Option<String> {
    if case.wish == Wish::Asked {
        return None;
    }
    match case.culprit.certainty {
        Certainty::Shown => None,
        Certainty::Accused(probability) if probability >= PROBABLE_FROM => None,
        Certainty::Accused(probability) => {
            // Rounded down, so that 89.9 % does not read as enough.
            let (found, needed) = ((probability * 100.0).floor(), PROBABLE_FROM * 100.0);
            Some(format!("the landing is at fault with a probability of {found} %, and {needed} % are asked for"))
        }
        Certainty::Suspected => Some("the evidence against the landing is not conclusive".to_owned()),
    }
}

/// Whether a landing is so old that only the deployment that brought it can make it a candidate.
fn is_old(raised: Timestamp, landing: &LandingSummary) -> bool {
    raised - landing.committed_at > TimeDelta::hours(RECENT_HOURS)
}

fn too_old(case: &Case<'_>) -> Option<String> {
    let raised = case.evidence.incident.created_at;
    if !is_old(raised, &case.culprit.landing) || case.culprit.in_deployment_at_fault {
        return None;
    }
    let age = raised - case.culprit.landing.committed_at;
    let old =
        if age.num_hours() < 72 { format!("{} hours", age.num_hours()) } else { format!("{} days", age.num_days()) };
    Some(format!("it landed {old} before the incident, and is not known to be part of the deployment at fault"))
}

fn changed_since(case: &Case<'_>) -> Option<String> {
    let later = &case.culprit.later;
    if let Some((landing, path)) = later.on_same_files.first() {
        let others = later.on_same_files.len() - 1;
        let more = if others > 0 { format!(", and {others} more landings changed its files") } else { String::new() };
        return Some(format!("`{}` changed `{path}` since{more}", landing.commit.short()));
    }
    later.cut.then(|| "more has landed since than was read".to_owned())
}

fn not_clean(case: &Case<'_>) -> Option<String> {
    match &case.culprit.inverse {
        Inverse::Clean(changes) if changes.is_empty() => Some("nothing of it is left to take back".to_owned()),
        Inverse::Clean(changes) if changes.len() > FILES_LIMIT => {
            Some(format!("it changes {} files, and at most {FILES_LIMIT} are offered", changes.len()))
        }
        Inverse::Clean(changes) if size(changes) > SIZE_LIMIT => {
            Some("its files are too large for one commit".to_owned())
        }
        Inverse::Clean(_) => None,
        Inverse::Conflicts(paths) => {
            let first = paths.first().map_or("a file", |path| path.as_str());
            Some(format!("its inverse conflicts with what landed since, first in `{first}`"))
        }
        Inverse::Unknown(why) => Some(format!("its inverse could not be computed, because {why}")),
    }
}

fn size(changes: &[InverseChange]) -> usize {
    changes.iter().filter_map(|change| change.after.as_ref()).map(|file| file.contents.len()).sum()
}

fn migrates(case: &Case<'_>) -> Option<String> {
    let found =
        case.culprit.inverse.changes().iter().find(|change| paths::is_migration_or_schema(change.path.as_str()))?;
    Some(format!("`{}` is a migration or a schema, and data may have been written by it", found.path))
}

fn is_protected(case: &Case<'_>) -> Option<String> {
    let forbids = |change: &InverseChange| {
        Some((change.path.clone(), case.evidence.protected.forbids_inverse(change.path.as_str())?))
    };
    let (path, pattern) = case.culprit.inverse.changes().iter().find_map(forbids)?;
    Some(format!("`{path}` is protected by the pattern `{pattern}`"))
}

fn moves_submodule(case: &Case<'_>) -> Option<String> {
    let is_submodule = |change: &&InverseChange| {
        change.before.iter().chain(&change.after).any(|state| state.mode == FileMode::SUBMODULE)
    };
    case.culprit.inverse.changes().iter().find(is_submodule).map(|change| format!("`{}` is a submodule", change.path))
}

fn reverted_already(case: &Case<'_>) -> Option<String> {
    if let Some(landing) = case.culprit.later.reverts.first() {
        return Some(format!("`{}` took it back already", landing.commit.short()));
    }
    match &case.culprit.forge {
        Some(Forge::Unknown(why)) => Some(format!("whether somebody took it back is not known, because {why}")),
        Some(Forge::Known(ForgeFacts { reverts, .. })) => reverts.first().map(|pull| {
            let number = pull.number;
            match pull.state {
                PullState::Open => format!("pull request {number} takes it back already"),
                PullState::Merged => format!("pull request {number} took it back already"),
                PullState::Closed => format!("a person closed pull request {number}, which took it back"),
            }
        }),
        None => None,
    }
}

fn opted_out(case: &Case<'_>) -> Option<String> {
    let pull = match &case.culprit.forge {
        Some(Forge::Known(facts)) => facts.pull.as_ref(),
        _ => None,
    };
    if case.culprit.message.contains(OPT_OUT) || pull.is_some_and(|pull| pull.body.contains(OPT_OUT)) {
        return Some(format!("its author opted out with {OPT_OUT}"));
    }
    let label = &case.evidence.rollback.opt_out_label;
    let is_labelled = pull.is_some_and(|pull| pull.labels.iter().any(|it| it.eq_ignore_ascii_case(label)));
    is_labelled.then(|| format!("its pull request has the label `{label}`"))
}

fn over_cap(case: &Case<'_>) -> Option<String> {
    let Some(Forge::Known(facts)) = &case.culprit.forge else { return None };
    let cap = case.evidence.rollback.daily_cap;
    let opened = facts.opened_today;
    (opened >= cap).then(|| format!("{opened} rollbacks were opened in the last 24 hours, and the cap is {cap}"))
}

#[cfg(test)]
mod tests;
