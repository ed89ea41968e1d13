//! What is kept of one landing: how often it has each term that is looked for, and which of the places it touches.

use super::package;
use super::paths::{FileKind, agreement, file_name, kind};
use super::query::Query;
use super::terms::{Part, each_term};
use crate::model::landing::{ChangeStatus, FileChange, Hunk, Landing, LineKind};

/// One landing, reduced to what the ranking asks about.
pub(super) struct Document {
    /// The first line of its message.
    pub(super) subject: String,
    /// How many terms it has in all.
    pub(super) length: u32,
    /// The terms that are looked for, by number, ascending.
    pub(super) counts: Vec<(u32, Counts)>,
    /// The places it touches.
    pub(super) hits: Vec<Hit>,
    /// Changed lines by kind of file: code, build, test, documentation.
    pub(super) lines: [u32; 4],
    /// Quoted lines of source that it added or removed.
    pub(super) source: Vec<(u32, LineKind)>,
    /// How surely it changes a package that the text names, between 0 and 1.
    pub(super) package: f64,
}

/// How often a term stands in each part of a landing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) message: u32,
    pub(super) path: u32,
    pub(super) added: u32,
    pub(super) removed: u32,
    /// Unchanged lines around a change.
    pub(super) around: u32,
    /// The enclosing function that git names.
    pub(super) section: u32,
}

impl Counts {
    pub(super) fn changed(&self) -> u32 {
        self.added.saturating_add(self.removed)
    }

    pub(super) fn total(&self) -> u32 {
        [self.message, self.path, self.added, self.removed, self.around, self.section]
            .iter()
            .fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// A place that a landing touches.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    /// The place's number in the query.
    pub(super) place: usize,
    /// The path that was changed.
    pub(super) path: String,
    /// How surely the two are the same file, above 0 and at most 1.
    pub(super) agreement: f64,
    /// Lines between the place and the nearest changed line; `None` where the place has no line.
    pub(super) distance: Option<u32>,
    /// Whether the place's function is named by the changed regions of the file.
    pub(super) in_function: bool,
    /// What happened to the file.
    pub(super) status: ChangeStatus,
}

/// Reads landings against one query, with a table of counts that is used again for each.
pub(super) struct Reader {
    counts: Vec<Counts>,
    touched: Vec<u32>,
}

impl Reader {
    pub(super) fn new(query: &Query) -> Reader {
        Reader { counts: vec![Counts::default(); query.terms.len()], touched: Vec::new() }
    }

    pub(super) fn read(&mut self, query: &Query, landing: &Landing) -> Document {
        let mut length = 0;
        length += self.count(query, &landing.subject, |counts| &mut counts.message);
        for line in own_words(&landing.body) {
            length += self.count(query, line, |counts| &mut counts.message);
        }
        let package = package::changed(&query.packages, landing);
        let (mut hits, mut lines, mut source) = (Vec::new(), [0_u32; 4], Vec::new());
        for change in &landing.changes {
            length += self.count(query, change.path.as_str(), |counts| &mut counts.path);
            find_hits(query, change, &mut hits);
            let mut changed = 0_u32;
            for hunk in &change.hunks {
                length += self.count(query, &hunk.section, |counts| &mut counts.section);
                for (line_kind, line) in hunk.lines() {
                    changed += u32::from(line_kind != LineKind::Context);
                    if line_kind != LineKind::Context
                        && let Some(number) = query.quoted_source.get(line.trim())
                    {
                        source.push((*number, line_kind));
                    }
                    length += self.count(query, line, |counts| match line_kind {
                        LineKind::Added => &mut counts.added,
                        LineKind::Removed => &mut counts.removed,
                        LineKind::Context => &mut counts.around,
                    });
                }
            }
            let of_kind = match kind(change.path.as_str()) {
                FileKind::Code => &mut lines[0],
                FileKind::Build => &mut lines[1],
                FileKind::Test => &mut lines[2],
                FileKind::Documentation => &mut lines[3],
            };
            *of_kind = of_kind.saturating_add(changed.max(1));
        }
        let subject = landing.subject.clone();
        Document { subject, length, counts: self.take(), hits, lines, source, package }
    }

    /// Counts the terms of one line into one of their fields; gives how many terms the line has.
    fn count(&mut self, query: &Query, text: &str, field: impl Fn(&mut Counts) -> &mut u32) -> u32 {
        let mut length = 0;
        each_term(text, |term, part| {
            length += u32::from(part == Part::Whole);
            let Some(number) = query.table.get(term) else { return };
            let Some(counts) = self.counts.get_mut(*number as usize) else { return };
            if *counts == Counts::default() {
                self.touched.push(*number);
            }
            let count = field(counts);
            *count = count.saturating_add(1);
        });
        length
    }

    fn take(&mut self) -> Vec<(u32, Counts)> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched
            .into_iter()
            .filter_map(|number| self.counts.get_mut(number as usize).map(|counts| (number, std::mem::take(counts))))
            .collect()
    }
}

/// What the writer of a message says. Quoted output tells of the fault that the landing mends, and trailers tell of people.
fn own_words(body: &str) -> impl Iterator<Item = &str> {
    body.lines().filter(|line| !is_quoted(line) && !is_trailer(line))
}

fn is_quoted(line: &str) -> bool {
    line.starts_with(['>', '\t', '#', '|']) || line.starts_with("  ")
}

fn is_trailer(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(key, _)| {
        key.starts_with(char::is_uppercase)
            && key.contains('-')
            && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
    })
}

/// The places that a changed file is, under its new or its former name.
fn find_hits(query: &Query, change: &FileChange, hits: &mut Vec<Hit>) {
    let names = [Some(&change.path), change.old_path.as_ref()];
    for path in names.into_iter().flatten() {
        for place in query.by_name.get(file_name(path.as_str())).into_iter().flatten() {
            let Some(printed) = query.places.get(*place) else { continue };
            let agreement = agreement(&printed.file, path.as_str(), printed.uniqueness);
            if agreement > 0.0 {
                hits.push(Hit {
                    place: *place,
                    path: path.as_str().to_owned(),
                    agreement,
                    distance: printed.line.and_then(|line| distance(&change.hunks, line)),
                    in_function: printed.function.as_deref().is_some_and(|name| name_function(&change.hunks, name)),
                    status: change.status,
                });
            }
        }
    }
}

/// Lines between `line` and the nearest changed region of the file as it is after the landing.
fn distance(hunks: &[Hunk], line: u32) -> Option<u32> {
    // Three lines at either end of a hunk are unchanged.
    let apart = |hunk: &Hunk| {
        let (first, last) =
            (hunk.new_start.saturating_add(3), hunk.new_start.saturating_add(hunk.new_lines).saturating_sub(4));
        if line < first { first - line } else { line.saturating_sub(last.max(first)) }
    };
    hunks.iter().map(apart).min()
}

/// Whether a changed region lies in the function, or adds, removes or calls it.
fn name_function(hunks: &[Hunk], function: &str) -> bool {
    hunks.iter().any(|hunk| has_word(&hunk.section, function) || hunk.lines().any(|(_, line)| has_word(line, function)))
}

/// Whether `word` stands in `text` with no letter, digit or underscore around it.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text.get(..at).and_then(|head| head.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
}
