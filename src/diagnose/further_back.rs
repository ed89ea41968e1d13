//! What stands on the stack but was not touched in the window is older: who wrote it.
//!
//! The origin of a line is a hint and no accusation: it ran well until the incident, so that something else must have changed. It is
//! told after the window's own suspects, with the window that was empty.

use super::suspects::{self, StackPlace, Tree};
use super::{symptom, symptom_kind};
use crate::model::diagnosis::{Diagnosis, LandingSummary, Suspect, Verdict};
use crate::model::evidence::{Evidence, Gap};
use crate::model::ids::RepositoryPath;

/// So many lines of the stack are traced back: further out, frames say less and less.
const MOST_PLACES: usize = 5;

/// A line on the stack, and the landing that wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct LineOrigin {
    /// The line.
    pub place: StackPlace,
    /// The landing.
    pub landing: LandingSummary,
}

/// The lines of the stack to trace back: none where something was found, or where a landing of the window has to do with the
/// incident.
pub fn places(evidence: &Evidence, diagnosis: &Diagnosis) -> Vec<StackPlace> {
    if !diagnosis.findings.is_empty() || diagnosis.verdict == Verdict::Accused || diagnosis.points_into_window {
        return Vec::new();
    }
    let symptom = symptom::read(&symptom_kind::words(&evidence.incident).join("\n"));
    let tree = Tree::new(evidence.paths.iter().map(RepositoryPath::as_str));
    suspects::on_stack(&symptom, &tree, MOST_PLACES)
}

/// Adds the origins of the lines as suspects, and that the window was looked at in vain.
pub fn add(evidence: &Evidence, mut diagnosis: Diagnosis, origins: Vec<LineOrigin>, gaps: Vec<Gap>) -> Diagnosis {
    diagnosis.gaps.extend(gaps);
    let window = evidence.window;
    let mut older: Vec<Suspect> = Vec::new();
    for LineOrigin { place, landing } in origins {
        if window.holds(landing.committed_at) || older.iter().any(|it| it.landing.commit == landing.commit) {
            continue;
        }
        let days = (window.until - landing.committed_at).num_days();
        let reason =
            format!("it wrote line {} of `{}`, which is on the stack, {days} days before", place.line, place.file);
        older.push(Suspect { landing, probability: None, reasons: vec![reason] });
    }
    if !older.is_empty() {
        let (landings, hours) = (evidence.landings.len(), (window.until - window.from).num_hours());
        diagnosis.ruled_out.push(format!(
            "none of the {landings} landings of the {hours} hours before touches a place on the stack; its lines are older"
        ));
        // What says where the fault stands comes before what merely landed in time.
        diagnosis.suspects.splice(0..0, older);
    }
    diagnosis
}
