//! What the incident names but no landing that was searched touches is older: who wrote it, and who took it out.
//!
//! The origin of a line is a hint and no accusation: it ran well until the incident, so that something else must have changed. It is
//! told with the landings that were searched in vain. A name that an error misses and that somebody took out of a file on the
//! stack is a stronger hint: something may be left behind that still asks for it.

use super::suspects::{self, StackPlace, Tree};
use super::symptom::{self, Symptom};
use super::{symptom_kind, windows};
use crate::model::diagnosis::{Among, Diagnosis, Fit, LandingSummary, Suspect};
use crate::model::evidence::{Evidence, Gap};
use crate::model::ids::RepositoryPath;

/// So many lines are traced back: further out, frames say less and less.
const MOST_PLACES: usize = 5;
/// So many names are looked for in each file.
const MOST_NAMES: usize = 8;
/// Shorter names stand everywhere, longer ones are no names.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 4..=80;

/// What is asked of the history of the files that the incident names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lead {
    /// The lines whose writers are looked for.
    pub places: Vec<StackPlace>,
    /// The names that errors speak of: who took them out of the places' files is looked for.
    pub names: Vec<String>,
}

/// A landing that made a file what the incident met.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The file.
    pub file: RepositoryPath,
    /// What the landing did to it.
    pub deed: Deed,
    /// The landing.
    pub landing: LandingSummary,
}

/// What a landing did to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It wrote the line of this number, counted as it is now.
    Wrote(u32),
    /// It took occurrences of a name out, and none came or went since.
    TookOut {
        /// The name.
        name: String,
        /// How many it left.
        left: usize,
    },
}

/// What to look for: nothing where something was found, or where a landing that was searched has to do with the incident.
pub fn lead(evidence: &Evidence, diagnosis: &Diagnosis) -> Lead {
    let in_vain = diagnosis.searched.last().is_some_and(|it| it.fit == Fit::Nothing);
    if !diagnosis.findings.is_empty() || !in_vain {
        return Lead::default();
    }
    let symptom = symptom::read(&symptom_kind::words(&evidence.incident).join("\n"));
    let tree = Tree::new(evidence.paths.iter().map(RepositoryPath::as_str));
    Lead { places: suspects::named_places(&symptom, &tree, MOST_PLACES), names: names(&symptom) }
}

/// The names in the lines that say what went wrong: what stands between quotes, and what looks like code.
fn names(symptom: &Symptom) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in &symptom.error_lines {
        let quoted = line.split(['\'', '"', '`']).skip(1).filter(|piece| is_name(piece)).map(str::to_owned);
        for name in quoted.chain(symptom::identifiers(line)) {
            let is_kind = ["Error", "Exception", "Warning"].iter().any(|kind| name.ends_with(kind));
            let fits = !is_kind && NAME_LENGTH.contains(&name.len()) && !names.contains(&name);
            if fits && names.len() < MOST_NAMES {
                names.push(name);
            }
        }
    }
    names
}

/// What is between quotes and has no blanks. The kind of an error says nothing about the code.
fn is_name(piece: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_-.:$".contains(c);
    piece.chars().all(plain) && piece.chars().any(char::is_alphabetic)
}

/// Adds the origins as suspects, those that took something out first, and that they were looked for.
pub fn add(evidence: &Evidence, mut diagnosis: Diagnosis, mut origins: Vec<Origin>, gaps: Vec<Gap>) -> Diagnosis {
    diagnosis.gaps.extend(gaps);
    let window = evidence.window;
    origins.sort_by_key(|origin| matches!(origin.deed, Deed::Wrote(_)));
    let mut older: Vec<Suspect> = Vec::new();
    for Origin { file, deed, landing } in origins {
        let was_searched = evidence.landings.iter().any(|it| it.commit == landing.commit);
        if was_searched || older.iter().any(|it| it.landing.commit == landing.commit) {
            continue;
        }
        let days = (window.until - landing.committed_at).num_days();
        let reason = match deed {
            Deed::Wrote(line) => {
                format!("it wrote line {line} of `{file}`, which the incident names, {days} days before")
            }
            Deed::TookOut { name, left } => {
                let which = if left == 0 { "the last" } else { "a" };
                format!(
                    "it took out {which} `{name}` of `{file}`, {days} days before, and an error speaks of that name"
                )
            }
        };
        older.push(Suspect { landing, probability: None, reasons: vec![reason] });
    }
    if !older.is_empty() {
        diagnosis.searched.push(windows::told(evidence, Among::Older, Fit::Touches));
        // What says where the fault stands comes before what merely landed in time.
        diagnosis.suspects.splice(0..0, older);
    }
    diagnosis
}

#[cfg(test)]
mod tests {
    use super::names;
    use crate::diagnose::symptom;

    #[test]
    fn the_names_of_errors_are_those_between_quotes_and_those_of_code() {
        let text = "Traceback (most recent call last):\n  File \"app/run.py\", line 4, in run\n\
            NameError: name 'parse_header' is not defined\n\
            main.o: in function `main': undefined reference to `ring_flush'\n\
            ValueError: can't read 'a b'\n";
        assert_eq!(names(&symptom::read(text)), ["parse_header", "main", "ring_flush"]);
    }
}
