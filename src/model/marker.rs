//! The line by which we find our own texts on GitHub again.
//!
//! ```text
//! <!-- pagerduty-incident-responder:v1 incident=12345 kind=answer fp=0123456789abcdef run=77 at=1760711400 id=Q2ISKGUCZ3ZJ4K -->
//! ```
//!
//! A marker counts only together with its author: anyone can copy the line, so the reader also asks whether the token's
//! own account wrote the text.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::ids::{IncidentId, IncidentReference, Timestamp};

/// How every marker begins; the version stands for the keys below.
const HEAD: &str = "pagerduty-incident-responder:v1 ";

/// A run that is younger than this may still be at work; an older one has died.
pub const RUN_LIMIT_MINUTES: i64 = 15;

/// What a text of ours is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The incident, by its number where it has one.
    pub incident: IncidentReference,
    /// PagerDuty's id of the incident, once it is known: a person may ask by number or by id.
    pub id: Option<IncidentId>,
    /// What kind of text it is.
    pub kind: Kind,
    /// What the text answers: absent while the work goes on.
    pub fingerprint: Option<Fingerprint>,
    /// GitHub's number of the run that wrote it; 0 outside of a workflow.
    pub run: u64,
    /// When that run began.
    pub at: Timestamp,
}

/// What kind of text carries a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A comment whose run is at work, or was when it died.
    Progress,
    /// A finished answer.
    Answer,
    /// A pull request with a fix.
    Fix,
    /// A pull request that takes a landing back.
    Rollback,
}

impl Kind {
    const WORDS: [(Kind, &'static str); 4] =
        [(Kind::Progress, "progress"), (Kind::Answer, "answer"), (Kind::Fix, "fix"), (Kind::Rollback, "rollback")];

    fn word(self) -> &'static str {
        Kind::WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// Sixteen hexadecimal digits over everything that an answer depends on: while they stay the same, a second answer would
/// say the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The first 64 bits of a SHA-256 over the parts, each with its length so that they cannot run into each other.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Fingerprint(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Marker {
    /// The marker in the first line of a text, if there is one.
    pub fn read(text: &str) -> Option<Marker> {
        let line = text.lines().next()?.trim_end();
        line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.parse().ok()
    }

    /// Whether the text belongs to the incident, under any of its names.
    pub fn is_about(&self, names: &[IncidentReference]) -> bool {
        let by_id = |id: &IncidentId| names.contains(&IncidentReference::Id(id.clone()));
        names.contains(&self.incident) || self.id.as_ref().is_some_and(by_id)
    }

    /// Whether the run that wrote it may still be at work.
    pub fn may_be_running(&self, now: Timestamp) -> bool {
        self.kind == Kind::Progress && (now - self.at).num_minutes() < RUN_LIMIT_MINUTES
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint.as_ref().map_or("none", Fingerprint::as_str);
        let Marker { incident, kind, run, at, .. } = self;
        write!(f, "{HEAD}incident={incident} kind={} fp={fingerprint} run={run} at={}", kind.word(), at.timestamp())?;
        self.id.iter().try_for_each(|id| write!(f, " id={id}"))
    }
}

impl FromStr for Marker {
    type Err = NoMarker;

    /// Reads the marker's own text, without the signs of a comment around it.
    fn from_str(line: &str) -> Result<Self, NoMarker> {
        let inner = line.strip_prefix(HEAD).ok_or(NoMarker)?;
        let value = |key: &str| {
            inner
                .split(' ')
                .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))
                .map(|(_, value)| value)
        };
        let word = value("kind").ok_or(NoMarker)?;
        let (kind, _) = Kind::WORDS.into_iter().find(|(_, known)| *known == word).ok_or(NoMarker)?;
        let digits = |text: &&str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let at = value("at").and_then(|text| text.parse().ok()).and_then(|at| Timestamp::from_timestamp(at, 0));
        Ok(Marker {
            incident: value("incident").and_then(|text| text.parse().ok()).ok_or(NoMarker)?,
            id: value("id").map(IncidentId::new),
            kind,
            fingerprint: value("fp").filter(digits).map(|digits| Fingerprint(digits.to_owned())),
            run: value("run").and_then(|text| text.parse().ok()).unwrap_or_default(),
            at: at.unwrap_or_default(),
        })
    }
}

/// The line is not a marker of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMarker;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::escape::hidden_comment;
    use proptest::prelude::*;

    fn marker(kind: Kind, fingerprint: Option<Fingerprint>) -> Marker {
        Marker {
            incident: "12345".parse().expect("a number"),
            id: Some(IncidentId::new("Q2ISKGUCZ3ZJ4K")),
            kind,
            fingerprint,
            run: 77,
            at: Timestamp::from_timestamp(1_760_711_400, 0).expect("a moment"),
        }
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let answer = marker(Kind::Answer, Some(Fingerprint::of(["a", "b"])));
        insta::assert_snapshot!(answer, @"pagerduty-incident-responder:v1 incident=12345 kind=answer fp=cf6ab613e3942391 run=77 at=1760711400 id=Q2ISKGUCZ3ZJ4K");
        assert_eq!(Marker::read(&format!("{}\r\nmore", hidden_comment(&answer.to_string()))), Some(answer));
        let progress = marker(Kind::Progress, None);
        assert_eq!(Marker::read(hidden_comment(&progress.to_string()).as_str()), Some(progress));
    }

    #[test]
    fn a_marker_is_found_by_number_and_by_id() {
        let answer = marker(Kind::Answer, None);
        assert!(answer.is_about(&["12345".parse().expect("a number")]));
        assert!(answer.is_about(&["Q2ISKGUCZ3ZJ4K".parse().expect("an id")]));
        assert!(!answer.is_about(&["Q2ISKGUCZ3ZJ4L".parse().expect("an id")]));
    }

    #[test]
    fn only_the_first_line_counts() {
        let answer = marker(Kind::Answer, None);
        let shown = hidden_comment(&answer.to_string());
        assert_eq!(Marker::read(&format!("hello\n{shown}")), None);
        assert_eq!(Marker::read(&format!("> {shown}")), None);
        assert_eq!(Marker::read(""), None);
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
        assert_eq!(Fingerprint::of(["ab"]).as_str().len(), 16);
    }

    #[test]
    fn a_run_counts_as_dead_after_a_quarter_of_an_hour() {
        let progress = marker(Kind::Progress, None);
        let minutes = |minutes| progress.at + chrono::TimeDelta::minutes(minutes);
        assert!(progress.may_be_running(minutes(14)));
        assert!(!progress.may_be_running(minutes(15)));
        assert!(!marker(Kind::Answer, None).may_be_running(minutes(1)));
    }

    proptest! {
        #[test]
        fn no_line_panics(rest in "\\PC{0,80}") {
            let _ = Marker::read(&format!("<!-- {HEAD}{rest} -->"));
        }
    }
}
