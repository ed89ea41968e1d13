//! Which landing most likely caused what the incident says, with reasons a person can check, or that nobody can tell.
//!
//! [`Ranker`] reads landings one by one and keeps only what the incident's text asks about, so that a thousand large
//! differences are never in memory together. [`Ranker::finish`] weighs the [`evidence`] of all of them and gives a [`Ranking`].
//! Only what stands in the text, in the messages and in the differences counts, not when a landing was made or by whom.

mod document;
pub mod evidence;
mod model;
mod next_steps;
mod package;
mod paths;
mod places;
mod query;
mod reasons;
mod terms;

use crate::diagnose::symptom::Symptom;
use crate::model::ids::{CommitSha, Timestamp};
use crate::model::landing::{Landing, Person};

pub use places::{StackPlace, named_places};
pub use query::Tree;
pub use reasons::Reason;

use document::{Document, Reader};
use evidence::{Corpus, Values};
use query::Query;

/// How many suspects are told apart where nobody is accused.
pub const SHORT_LIST: usize = 5;

/// Every landing with the probability that it caused the incident, most probable first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Whether the first suspect is accused.
    pub verdict: Verdict,
    /// Most probable first; equal ones in the order in which they were read.
    pub suspects: Vec<Suspect>,
    /// The probability that none of them did it.
    pub none_of_these: f64,
    /// Where nobody is accused: what would tell the first [`SHORT_LIST`] apart, a sentence each.
    pub next_steps: Vec<String>,
    /// How surely any landing touches a place on the stack or of a complaint, between 0 and 1: what the probability of "none" rests
    /// on.
    pub best_place: f64,
}

/// Whether the evidence is enough to name a culprit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first suspect has evidence of its own, and is probable enough, the more so where another one has such evidence.
    Accused,
    /// Anything else.
    Inconclusive,
}

/// One landing under suspicion.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// The landing.
    pub commit: CommitSha,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: Person,
    /// When it landed.
    pub committed_at: Timestamp,
    /// The pull request it came with.
    pub pull_request: Option<u64>,
    /// The probability that it caused the incident, between 0 and 1.
    pub probability: f64,
    /// Why, strongest first.
    pub reasons: Vec<Reason>,
    /// The evidence that its probability was computed from.
    pub values: Values,
    /// Whether a place, a quoted line, a package or rare names point at it: without that it is never accused.
    pub has_own_evidence: bool,
}

/// Weighs landings against one incident.
pub struct Ranker {
    query: Query,
    reader: Reader,
    documents: Vec<Document>,
    landings: Vec<Suspect>,
}

/// Ranks landings that are in memory already.
pub fn rank<'l>(symptom: &Symptom, landings: impl IntoIterator<Item = &'l Landing>, tree: &Tree) -> Ranking {
    let mut ranker = Ranker::new(symptom, tree);
    landings.into_iter().for_each(|landing| ranker.add(landing));
    ranker.finish()
}

impl Ranker {
    /// Prepares to look for what the symptom names. The tree's paths tell the project's own frames from those of libraries; an empty
    /// tree leaves that to the paths' looks.
    pub fn new(symptom: &Symptom, tree: &Tree) -> Ranker {
        let query = Query::new(symptom, tree);
        Ranker { reader: Reader::new(&query), query, documents: Vec::new(), landings: Vec::new() }
    }

    /// Reads one landing. Time and memory grow with its difference and with what it shares with the symptom, respectively.
    pub fn add(&mut self, landing: &Landing) {
        self.documents.push(self.reader.read(&self.query, landing));
        self.landings.push(Suspect {
            commit: landing.commit.clone(),
            subject: landing.subject.clone(),
            author: landing.author.clone(),
            committed_at: landing.committed_at,
            pull_request: landing.pull_request,
            probability: 0.0,
            reasons: Vec::new(),
            values: Values::default(),
            has_own_evidence: false,
        });
    }

    /// Weighs everything that was read.
    pub fn finish(self) -> Ranking {
        let corpus = Corpus::new(&self.query, &self.documents);
        let values = corpus.values(&self.documents);
        let scores: Vec<f64> = values.iter().map(model::score).collect();
        let best_place = self.documents.iter().map(|document| corpus.place_agreement(document)).fold(0.0, f64::max);
        let (probabilities, none_of_these) = model::probabilities(&scores, best_place);

        let mut order: Vec<usize> = (0..self.documents.len()).collect();
        let probability = |index: &usize| probabilities.get(*index).copied().unwrap_or(0.0);
        order.sort_by(|a, b| probability(b).total_cmp(&probability(a)));
        let mut suspects: Vec<Suspect> = Vec::with_capacity(order.len());
        for index in order {
            let (Some(landing), Some(document), Some(values)) =
                (self.landings.get(index), self.documents.get(index), values.get(index))
            else {
                continue;
            };
            suspects.push(Suspect {
                probability: probability(&index),
                reasons: reasons::reasons(&corpus, document, values),
                values: *values,
                has_own_evidence: has_own_evidence(&corpus, document, values),
                ..landing.clone()
            });
        }
        let verdict = verdict(&suspects);
        let next_steps = match verdict {
            Verdict::Accused => Vec::new(),
            Verdict::Inconclusive => next_steps::of(&self.query, &suspects),
        };
        Ranking { verdict, suspects, none_of_these, next_steps, best_place }
    }
}

/// The first suspect is accused if it has evidence of its own and is probable enough: more so where it is contested by another landing
/// with evidence of its own that is at least half as like the text. Such landings often belong together, as the parts of a series do, and
/// what points at one of them points at all.
fn verdict(suspects: &[Suspect]) -> Verdict {
    let Some((first, others)) = suspects.split_first() else { return Verdict::Inconclusive };
    let likeness = |suspect: &Suspect| suspect.values.get(evidence::Evidence::Text as usize).copied().unwrap_or(0.0);
    let is_contested = others.iter().any(|it| it.has_own_evidence && likeness(it) >= likeness(first) / 2.0);
    let bound = if is_contested { model::ACCUSED_IF_CONTESTED_FROM } else { model::ACCUSED_FROM };
    if first.has_own_evidence && first.probability >= bound { Verdict::Accused } else { Verdict::Inconclusive }
}

/// Likeness alone accuses nobody: a place, a quoted line, a package or rare names must point at the landing, and a landing that takes back
/// another one mostly mends. The bounds were chosen on the incidents of the fit.
fn has_own_evidence(corpus: &Corpus<'_>, document: &Document, values: &Values) -> bool {
    let value = |kind: evidence::Evidence| values.get(kind as usize).copied().unwrap_or(0.0);
    let points = corpus.best(document, None, |_| 1.0) > model::TOUCHED_FROM
        || value(evidence::Evidence::QuotedSource) > 0.3
        || value(evidence::Evidence::Package) > 0.5
        || value(evidence::Evidence::NamesChanged) > 0.15;
    points && value(evidence::Evidence::Revert) == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspect(probability: f64, likeness: f64, has_own_evidence: bool) -> Suspect {
        let mut values = Values::default();
        values[evidence::Evidence::Text as usize] = likeness;
        Suspect {
            commit: CommitSha::new("a".repeat(40)),
            subject: String::new(),
            author: Person { name: String::new(), email: String::new() },
            committed_at: Timestamp::default(),
            pull_request: None,
            probability,
            reasons: Vec::new(),
            values,
            has_own_evidence,
        }
    }

    #[test]
    fn a_contested_accusation_needs_more() {
        let accused = |first: f64, others: &[Suspect]| {
            let first = suspect(first, 0.8, true);
            verdict(&[std::slice::from_ref(&first), others].concat()) == Verdict::Accused
        };
        let (rival, unlike, chance) = (suspect(0.02, 0.5, true), suspect(0.02, 0.3, true), suspect(0.02, 0.9, false));
        assert!(accused(0.7, &[]) && !accused(0.6, &[]));
        assert!(accused(0.7, &[unlike, chance.clone()]), "neither points at the incident as well");
        assert!(!accused(0.85, &[chance, rival.clone()]) && accused(0.95, &[rival]));
        assert_eq!(verdict(&[suspect(0.99, 1.0, false)]), Verdict::Inconclusive, "likeness alone accuses nobody");
        assert_eq!(verdict(&[]), Verdict::Inconclusive);
    }
}
