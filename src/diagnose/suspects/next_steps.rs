//! What would tell the first suspects apart where the evidence does not.

use super::query::{PlaceSource, Query};
use super::{SHORT_LIST, Suspect};

/// A sentence each, the cheapest step first. Empty where there is nobody to tell apart.
pub(super) fn of(query: &Query, suspects: &[Suspect]) -> Vec<String> {
    let listed = suspects.get(..SHORT_LIST.min(suspects.len())).unwrap_or_default();
    let mut steps = Vec::new();
    let (Some(first), Some(last)) = (listed.first(), listed.last()) else { return steps };
    if !query.places.iter().any(|place| place.source == PlaceSource::Frame) {
        steps.push(
            "A stack trace with file names and lines: the incident's text has none, and it says most about a landing."
                .to_owned(),
        );
    }
    if !query.places.iter().any(|place| place.line.is_some()) {
        steps.push(
            "The exact error lines around the moment of the failure, with the file and line that logged them."
                .to_owned(),
        );
    }
    if listed.len() > 1 {
        let order = tested_in_order(listed);
        steps.push(format!("Build and run the fault's smallest case at these commits, oldest first: {order}."));
    }
    if !listed.iter().any(|suspect| suspect.has_own_evidence) {
        steps.push(
            "None of them has a file, line or rare name of the incident: look before the window, or outside of this repository."
                .to_owned(),
        );
    } else if listed.len() > 1 {
        let (one, other) = (first.commit.short(), last.commit.short());
        steps.push(format!(
            "The fault on a copy without {one} alone: if it stays, {one} is cleared and the others down to {other} are left."
        ));
    }
    steps
}

/// The short list as a bisection walks it.
fn tested_in_order(listed: &[Suspect]) -> String {
    let mut sorted: Vec<&Suspect> = listed.iter().collect();
    sorted.sort_by(|a, b| a.committed_at.cmp(&b.committed_at).then_with(|| a.commit.cmp(&b.commit)));
    sorted.iter().map(|suspect| suspect.commit.short()).collect::<Vec<_>>().join(", ")
}
