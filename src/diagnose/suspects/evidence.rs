//! The evidence for each landing, as a few numbers that a person can check.

use std::collections::{HashMap, HashSet};

use super::document::{Counts, Document, Hit};
use super::query::{Place, PlaceSource, Query, Term};
use crate::model::landing::{ChangeStatus, LineKind};

/// One kind of evidence. Every value lies between 0 and about 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// How alike the whole landing and the incident's text are, as a share of the likest landing (BM25).
    Text,
    /// How alike the changed lines and the text are, as a share of the likest; words of errors and stacks count more.
    ChangedLines,
    /// Which share of the text's names of code stands in changed lines; names that few landings have count more.
    NamesChanged,
    /// Which share of the text's words stands in the changed paths.
    PathWords,
    /// The rarest word of the text that stands in the subject.
    Subject,
    /// How near the changed lines are to a line on the stack, where frames further from the fault count less, or to one that a
    /// compiler or test complains about.
    PlaceLine,
    /// Whether the changed regions of such a file name the function around that line.
    PlaceFunction,
    /// Whether a file that the text names was changed; a file that few landings changed counts more.
    NamedFile,
    /// Whether such a file was made.
    MadeFile,
    /// Whether a line of source that the text quotes was added, word for word.
    QuotedSource,
    /// Whether a package that the text names with its version was moved to or from that version, or its recipe was changed.
    Package,
    /// Whether only documentation was changed.
    DocumentationOnly,
    /// Whether only tests were changed.
    TestsOnly,
    /// Whether the landing says that it takes back another one: it often mends what the text tells of.
    Revert,
}

/// How many kinds there are.
pub const KINDS: usize = 14;

impl Evidence {
    /// Every kind, in the order of the values.
    pub const ALL: [Evidence; KINDS] = [
        Evidence::Text,
        Evidence::ChangedLines,
        Evidence::NamesChanged,
        Evidence::PathWords,
        Evidence::Subject,
        Evidence::PlaceLine,
        Evidence::PlaceFunction,
        Evidence::NamedFile,
        Evidence::MadeFile,
        Evidence::QuotedSource,
        Evidence::Package,
        Evidence::DocumentationOnly,
        Evidence::TestsOnly,
        Evidence::Revert,
    ];
}

/// One value per kind, in the order of [`Evidence::ALL`].
pub type Values = [f64; KINDS];

/// The usual parameters of BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// What all landings together say about the terms.
pub(super) struct Corpus<'q> {
    query: &'q Query,
    /// How rare each term is among the landings; 0 for a term that none has.
    rarity: Vec<f64>,
    /// Rarity times what the term is worth by where it stands in the text.
    weight: Vec<f64>,
    mean_length: f64,
    landings: f64,
    /// For each named file, how many landings touch it.
    touching: HashMap<&'q str, u32>,
    /// For each quoted line, how many landings add it.
    adding: HashMap<u32, u32>,
}

impl<'q> Corpus<'q> {
    pub(super) fn new(query: &'q Query, documents: &[Document]) -> Corpus<'q> {
        let landings = documents.len() as f64;
        let mut frequency = vec![0_u32; query.terms.len()];
        for (number, _) in documents.iter().flat_map(|document| &document.counts) {
            if let Some(count) = frequency.get_mut(*number as usize) {
                *count += 1;
            }
        }
        let rarity: Vec<f64> = frequency.iter().map(|n| if *n == 0 { 0.0 } else { rarity(landings, *n) }).collect();
        let weight = rarity.iter().zip(&query.terms).map(|(rarity, term)| rarity * worth(term)).collect();
        let (mut touching, mut adding) = (HashMap::new(), HashMap::new());
        for document in documents {
            let files: HashSet<&str> = document
                .hits
                .iter()
                .filter(|hit| hit.agreement >= 0.5)
                .filter_map(|hit| query.places.get(hit.place))
                .map(|p| p.file.as_str())
                .collect();
            files.into_iter().for_each(|file| *touching.entry(file).or_insert(0) += 1);
            let lines: HashSet<u32> = added_source(document).collect();
            lines.into_iter().for_each(|line| *adding.entry(line).or_insert(0) += 1);
        }
        let mean_length = documents.iter().map(|d| f64::from(d.length)).sum::<f64>() / landings.max(1.0);
        Corpus { query, rarity, weight, mean_length: mean_length.max(1.0), landings, touching, adding }
    }

    /// The evidence for every landing, in order.
    pub(super) fn values(&self, documents: &[Document]) -> Vec<Values> {
        let text = shares(documents, |d| self.bm25(d, &self.rarity, |c| f64::from(c.total())));
        let changed = shares(documents, |d| self.bm25(d, &self.weight, |c| f64::from(c.changed())));
        documents.iter().zip(text.into_iter().zip(changed)).map(|(d, likeness)| self.of(d, likeness)).collect()
    }

    /// How surely a landing touches a place on the stack or of a complaint.
    pub(super) fn place_agreement(&self, document: &Document) -> f64 {
        self.best_exact(document, |_| 1.0)
    }

    /// How rare the rarest possible term is.
    pub(super) fn rarest(&self) -> f64 {
        rarity(self.landings, 1)
    }

    /// The terms of a landing that the text has, with their rarity, rarest first.
    pub(super) fn found<'d>(&'d self, document: &'d Document) -> impl Iterator<Item = (&'d Term, f64, &'d Counts)> {
        document.counts.iter().filter_map(|(number, counts)| {
            let number = *number as usize;
            Some((self.query.terms.get(number)?, self.rarity.get(number).copied()?, counts))
        })
    }

    /// The place of a hit.
    pub(super) fn place(&self, hit: &Hit) -> Option<&'q Place> {
        self.query.places.get(hit.place)
    }

    fn of(&self, document: &Document, (text, changed): (f64, f64)) -> Values {
        let total: u32 = document.lines.iter().fold(0, |sum, n| sum.saturating_add(*n));
        let only = |kind: usize| f64::from(u8::from(total > 0 && document.lines.get(kind).copied() == Some(total)));
        let near = |hit: &Hit| hit.distance.map_or(0.0, |lines| 1.0 / (1.0 + f64::from(lines) / 10.0));
        let in_function = |hit: &Hit| f64::from(u8::from(hit.in_function));
        let made = |hit: &Hit| f64::from(u8::from(hit.status == ChangeStatus::Added));
        let lone = |hit: &Hit| {
            let touching = self.place(hit).and_then(|place| self.touching.get(place.file.as_str()));
            rarity(self.landings, touching.copied().unwrap_or(0)) / self.rarest()
        };
        [
            text,
            changed,
            self.share(document, |term| term.is_code, |counts| counts.changed() > 0),
            self.share(document, |_| true, |counts| counts.path > 0),
            self.in_subject(document),
            self.best_exact(document, near),
            self.best_exact(document, in_function),
            self.best(document, None, lone),
            self.best(document, None, made),
            added_source(document)
                .map(|line| rarity(self.landings, self.adding.get(&line).copied().unwrap_or(0)) / self.rarest())
                .fold(0.0, f64::max),
            document.package,
            only(3),
            only(2),
            f64::from(u8::from(takes_back(&document.subject))),
        ]
    }

    /// The best hit among frames and complaints, which name lines and functions.
    fn best_exact(&self, document: &Document, factor: impl Fn(&Hit) -> f64) -> f64 {
        let of = |source| self.best(document, Some(source), &factor);
        of(PlaceSource::Frame).max(of(PlaceSource::Complaint))
    }

    /// The best hit, by what its place is worth, how surely it is the place, and a factor. `None` takes places of every source.
    pub(super) fn best(&self, document: &Document, source: Option<PlaceSource>, factor: impl Fn(&Hit) -> f64) -> f64 {
        let of_source = |place: &&Place| source.is_none_or(|source| place.source == source);
        let value =
            |hit: &Hit| self.place(hit).filter(of_source).map(|place| place.worth * hit.agreement * factor(hit));
        document.hits.iter().filter_map(value).fold(0.0, f64::max)
    }

    /// The rarity of the picked terms that the landing has in the given way, as a share of the rarity of all picked terms.
    fn share(&self, document: &Document, pick: impl Fn(&Term) -> bool, has: impl Fn(&Counts) -> bool) -> f64 {
        let all: f64 =
            self.rarity.iter().zip(&self.query.terms).filter(|(_, term)| pick(term)).map(|(rarity, _)| *rarity).sum();
        // Where the text has a single rare name, sharing it is less than sharing all of many.
        let most = self.rarity.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let had =
            self.found(document).filter(|(term, _, counts)| pick(term) && has(counts)).map(|(_, rarity, _)| rarity);
        had.sum::<f64>() / all.max(most)
    }

    fn in_subject(&self, document: &Document) -> f64 {
        let subject = document.subject.to_ascii_lowercase();
        let shared = document.counts.iter().filter(|(number, counts)| {
            counts.message > 0
                && self.query.terms.get(*number as usize).is_some_and(|term| subject.contains(&term.text))
        });
        let weight = |number: u32| self.weight.get(number as usize).copied().unwrap_or(0.0);
        shared.map(|(number, _)| weight(*number)).fold(0.0, f64::max) / self.rarest() / 2.0
    }

    fn bm25(&self, document: &Document, weights: &[f64], count: impl Fn(&Counts) -> f64) -> f64 {
        let length = K1 * (1.0 - B + B * f64::from(document.length) / self.mean_length);
        let one = |(number, counts): &(u32, Counts)| {
            let n = count(counts);
            weights.get(*number as usize).copied().unwrap_or(0.0) * n * (K1 + 1.0) / (n + length)
        };
        document.counts.iter().map(one).sum()
    }
}

/// Robertson's inverse document frequency, in the form that is never negative.
fn rarity(landings: f64, having: u32) -> f64 {
    let having = f64::from(having);
    (1.0 + (landings - having + 0.5).max(0.0) / (having + 0.5)).ln()
}

/// What a term is worth by where it stands in the text. Chosen by hand: names of code and words of error lines half as much again,
/// words of frames outside of the project a fifth, words inside of names two fifths, functions on the stack more.
fn worth(term: &Term) -> f64 {
    let factors = [(term.is_code, 1.5), (term.in_error, 1.5), (!term.own, 0.2), (!term.whole, 0.4)];
    factors.iter().filter(|(holds, _)| *holds).map(|(_, factor)| *factor).product::<f64>() + term.on_stack
}

/// Each landing's value as a share of the largest.
fn shares(documents: &[Document], value: impl Fn(&Document) -> f64) -> Vec<f64> {
    let values: Vec<f64> = documents.iter().map(value).collect();
    let largest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    values.into_iter().map(|value| value / largest).collect()
}

/// The quoted lines that a landing adds.
fn added_source(document: &Document) -> impl Iterator<Item = u32> {
    document.source.iter().filter(|(_, kind)| *kind == LineKind::Added).map(|(line, _)| *line)
}

/// Whether a subject says that the landing takes back, or brings back, another one.
pub(super) fn takes_back(subject: &str) -> bool {
    let start: String = subject.chars().take(6).collect::<String>().to_ascii_lowercase();
    start == "revert" || start == "reland"
}
