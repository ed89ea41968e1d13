//! Why a landing is suspected, in words.

use std::collections::HashSet;
use std::fmt;

use super::document::{Counts, Document, Hit};
use super::evidence::{Corpus, Evidence, Values};
use super::model::WEIGHTS;
use super::query::{Place, PlaceSource};
use crate::model::landing::ChangeStatus;

/// How many names are listed in one reason.
const NAMES: usize = 4;

/// Evidence that moves the score by less than this is not worth a line.
const WORTH_TELLING: f64 = 0.1;

/// One reason. Its words may hold file names and identifiers of others, and are untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The evidence that it tells of.
    pub evidence: Evidence,
    words: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// The reasons for one landing, those that moved its score most first. A landing without any gets a sentence that says so.
pub(super) fn reasons(corpus: &Corpus<'_>, document: &Document, values: &Values) -> Vec<Reason> {
    let mut moved: Vec<(f64, Evidence)> = Evidence::ALL
        .into_iter()
        .zip(values.iter().zip(&WEIGHTS))
        .map(|(kind, (value, weight))| (value * weight, kind))
        .filter(|(effect, _)| effect.abs() >= WORTH_TELLING)
        .collect();
    moved.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
    let mut told = HashSet::new();
    let reasons = moved.into_iter().filter_map(|(_, evidence)| {
        let words = words(corpus, document, values, evidence)?;
        told.insert(words.clone()).then_some(Reason { evidence, words })
    });
    let reasons: Vec<Reason> = reasons.collect();
    if !reasons.is_empty() {
        return reasons;
    }
    let words = "next to nothing in it has to do with the incident's text".to_owned();
    vec![Reason { evidence: Evidence::Text, words }]
}

/// One reason as a clause whose subject is the landing. `None` where another kind says it better.
fn words(corpus: &Corpus<'_>, document: &Document, values: &Values, evidence: Evidence) -> Option<String> {
    let value = values.get(evidence as usize).copied().unwrap_or(0.0);
    let names = |has: &dyn Fn(&Counts) -> bool| listed(&shared_names(corpus, document, has));
    match evidence {
        Evidence::Text if value >= 1.0 => Some("of all landings it is the most like the incident's text".to_owned()),
        Evidence::Text => {
            Some(format!("it is {:.0} % as like the incident's text as the likest landing", value * 100.0))
        }
        Evidence::ChangedLines => {
            Some(format!("its changed lines have words of the incident: {}", changed_words(corpus, document)?))
        }
        Evidence::NamesChanged => {
            Some(format!("it adds or removes names from the incident: {}", names(&|counts| counts.changed() > 0)?))
        }
        Evidence::PathWords => Some("the paths it changes have words of the incident".to_owned()),
        Evidence::Subject => Some(format!("its subject has words of the incident: \"{}\"", document.subject)),
        Evidence::PlaceLine => place_words(corpus, document),
        Evidence::PlaceFunction => function_words(corpus, document),
        Evidence::NamedFile => best_hit(corpus, document, |_, _| true)
            .map(|(hit, _)| format!("it changes {}, which the incident names", hit.path)),
        Evidence::MadeFile => {
            let made = best_hit(corpus, document, |hit, _| hit.status == ChangeStatus::Added);
            made.map(|(hit, _)| format!("it made {}", hit.path))
        }
        Evidence::QuotedSource => Some("it added a line of source that the incident quotes".to_owned()),
        Evidence::DocumentationOnly => Some("against it: it changes documentation only".to_owned()),
        Evidence::TestsOnly => Some("against it: it changes tests only".to_owned()),
        Evidence::Revert => Some("against it: it takes back another landing".to_owned()),
        Evidence::Package => Some(format!("it changes a package that the incident names: {}", document.subject)),
    }
}

/// `it changes worker.c around line 41, which is on the stack`.
fn place_words(corpus: &Corpus<'_>, document: &Document) -> Option<String> {
    let (hit, place) = best_hit(corpus, document, |hit, place| is_exact(place) && hit.distance.is_some())?;
    let named = if place.source == PlaceSource::Frame { "on the stack" } else { "what the error is about" };
    let (distance, line) = (hit.distance?, place.line?);
    Some(match distance {
        0 => format!("it changes {} around line {line}, which is {named}", hit.path),
        lines => format!("it changes {} within {lines} lines of line {line}, which is {named}", hit.path),
    })
}

fn function_words(corpus: &Corpus<'_>, document: &Document) -> Option<String> {
    let (hit, place) = best_hit(corpus, document, |hit, place| is_exact(place) && hit.in_function)?;
    let named = if place.source == PlaceSource::Frame { "on the stack" } else { "named by the error" };
    Some(format!("it changes lines of {} around {}, which is {named}", hit.path, place.function.as_deref()?))
}

/// Frames and complaints name lines and functions; a mention names a file.
fn is_exact(place: &Place) -> bool {
    place.source != PlaceSource::Mention
}

/// The hit whose place is worth most among the picked ones.
fn best_hit<'d>(
    corpus: &'d Corpus<'_>,
    document: &'d Document,
    pick: impl Fn(&Hit, &Place) -> bool,
) -> Option<(&'d Hit, &'d Place)> {
    let hits = document.hits.iter().filter_map(|hit| Some((hit, corpus.place(hit)?)));
    let worth = |(hit, place): &(&Hit, &Place)| {
        let nearness = hit.distance.map_or(0.0, |lines| 1.0 / (1.0 + f64::from(lines) / 10.0));
        place.worth * hit.agreement * (1.0 + nearness)
    };
    hits.filter(|(hit, place)| pick(hit, place)).max_by(|a, b| worth(a).total_cmp(&worth(b)))
}

/// Names of code that the landing has in the given way, rarest first.
fn shared_names<'d>(corpus: &'d Corpus<'_>, document: &'d Document, has: &dyn Fn(&Counts) -> bool) -> Vec<&'d str> {
    let mut shared: Vec<(f64, &str)> = corpus
        .found(document)
        .filter(|(term, _, counts)| term.is_code && has(counts))
        .map(|(term, rarity, _)| (rarity, term.text.as_str()))
        .collect();
    shared.sort_by(|(a, name_a), (b, name_b)| b.total_cmp(a).then_with(|| name_a.cmp(name_b)));
    shared.into_iter().map(|(_, name)| name).collect()
}

/// The rarest words of the changed lines that the text has as well.
fn changed_words(corpus: &Corpus<'_>, document: &Document) -> Option<String> {
    let mut shared: Vec<(f64, &str)> = corpus
        .found(document)
        .filter(|(term, _, counts)| term.whole && counts.changed() > 0)
        .map(|(term, rarity, _)| (rarity, term.text.as_str()))
        .collect();
    shared.sort_by(|(a, name_a), (b, name_b)| b.total_cmp(a).then_with(|| name_a.cmp(name_b)));
    listed(&shared.into_iter().map(|(_, word)| word).collect::<Vec<_>>())
}

/// The first few, and that there are more.
fn listed(names: &[&str]) -> Option<String> {
    let first = names.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        all if all > NAMES => Some(format!("{first} and {} more", all - NAMES)),
        _ => Some(first),
    }
}
