//! What is looked for: the terms and places of a symptom, each with what it is worth.

use std::collections::HashMap;

use super::paths::{Uniqueness, agreement, file_name, name_counts};
use super::terms::{Part, TermTable, each_term};
use crate::diagnose::symptom::{Package, Symptom, identifiers};

/// How many terms are looked for. Texts with more are logs that repeat themselves.
const TERM_LIMIT: usize = 4_000;

/// How many places are looked for.
const PLACE_LIMIT: usize = 600;

/// How many packages are looked for. A failing build names a few; longer lists are inventories.
const PACKAGE_LIMIT: usize = 50;

/// The symptom, prepared for looking things up.
pub(super) struct Query {
    /// Terms by their text.
    pub(super) table: TermTable<u32>,
    /// The terms, by number.
    pub(super) terms: Vec<Term>,
    /// The places, in order of appearance.
    pub(super) places: Vec<Place>,
    /// Places by the file's name.
    pub(super) by_name: HashMap<String, Vec<usize>>,
    /// Lines of source that the text quotes, without the space around them.
    pub(super) quoted_source: HashMap<String, u32>,
    /// Packages that the text names with their versions; the names in small letters.
    pub(super) packages: Vec<Package>,
}

/// One term.
#[derive(Debug, Clone, Default)]
pub(super) struct Term {
    /// In small letters.
    pub(super) text: String,
    /// Whether it looks like a name in code and is not just one word of such a name.
    pub(super) is_code: bool,
    /// Whether a line that says what went wrong has it.
    pub(super) in_error: bool,
    /// Whether it stands anywhere but in frames of code that is not the project's own.
    pub(super) own: bool,
    /// Whether a whole run of the text is this term.
    pub(super) whole: bool,
    /// What it is worth as a function on a stack: 1 at the innermost frame of the project's own code, less further out, 0 elsewhere.
    pub(super) on_stack: f64,
}

/// One file that the symptom names.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As it was printed.
    pub(super) file: String,
    /// The line, where one was printed.
    pub(super) line: Option<u32>,
    /// The function around it, where one was printed.
    pub(super) function: Option<String>,
    /// Where it was named.
    pub(super) source: PlaceSource,
    /// Between 0 and 1: how near to the fault it stands among the places of its source.
    pub(super) worth: f64,
    /// Whether the tree has just one file of this name.
    pub(super) uniqueness: Uniqueness,
}

/// Where a file was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PlaceSource {
    /// In a stack.
    Frame,
    /// By a compiler, linker or test that complains about it.
    Complaint,
    /// On the way to a complaint, or anywhere else in the text.
    Mention,
}

/// The paths of the repository, where they are known.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    by_name: HashMap<String, Vec<String>>,
    counts: HashMap<String, u32>,
}

impl Tree {
    /// From every path of the commit that was running.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p str>) -> Tree {
        let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
        for path in paths {
            by_name.entry(file_name(path).to_owned()).or_default().push(path.to_owned());
        }
        let counts = name_counts(by_name.values().flatten().map(String::as_str));
        Tree { by_name, counts }
    }

    /// Whether a printed path is one of the project's own.
    fn owns(&self, printed: &str) -> bool {
        if self.by_name.is_empty() {
            return !is_foreign(printed);
        }
        let paths = self.by_name.get(file_name(printed)).map(Vec::as_slice).unwrap_or_default();
        paths.iter().any(|path| agreement(printed, path, self.uniqueness(printed)) >= 0.5) && !is_foreign(printed)
    }

    fn uniqueness(&self, printed: &str) -> Uniqueness {
        match self.counts.get(file_name(printed)) {
            Some(1) => Uniqueness::OneOfItsName,
            _ => Uniqueness::Unknown,
        }
    }
}

impl Query {
    pub(super) fn new(symptom: &Symptom, tree: &Tree) -> Query {
        let mut query = Query {
            table: TermTable::default(),
            terms: Vec::new(),
            places: Vec::new(),
            by_name: HashMap::new(),
            quoted_source: HashMap::new(),
            packages: packages(symptom),
        };
        for line in symptom.text.lines() {
            let own = !is_foreign(line);
            query.add_terms(line, |term, part| {
                term.is_code |= part == Part::Whole && term.text.contains('_');
                term.whole |= part == Part::Whole;
                term.own |= own;
            });
        }
        for name in &symptom.identifiers {
            query.add_terms(name, |term, part| term.is_code |= part == Part::Whole);
        }
        let complaints = symptom.complaints.iter().map(|complaint| complaint.message.as_str());
        for line in symptom.error_lines.iter().map(String::as_str).chain(complaints) {
            query.add_terms(line, |term, part| term.in_error |= part == Part::Whole);
            for name in quoted(line).chain(identifiers(line)) {
                query.add_terms(&name, |term, part| term.is_code |= part == Part::Whole);
            }
        }
        for line in symptom.text.lines().filter_map(quoted_source) {
            let number = query.quoted_source.len() as u32;
            query.quoted_source.entry(line.to_owned()).or_insert(number);
        }
        query.add_frames(symptom, tree);
        query.add_complaints(symptom, tree);
        for file in &symptom.files {
            query.add_place((file, None, None), PlaceSource::Mention, 1.0, tree);
        }
        for (index, place) in query.places.iter().enumerate() {
            query.by_name.entry(file_name(&place.file).to_owned()).or_default().push(index);
        }
        query
    }

    fn add_terms(&mut self, text: &str, mut mark: impl FnMut(&mut Term, Part)) {
        let (table, terms) = (&mut self.table, &mut self.terms);
        each_term(text, |bytes, part| {
            let number = match table.get(bytes) {
                Some(number) => *number as usize,
                None if terms.len() < TERM_LIMIT => {
                    let number = terms.len();
                    table.insert(bytes.into(), number as u32);
                    terms.push(Term { text: String::from_utf8_lossy(bytes).into_owned(), ..Term::default() });
                    number
                }
                None => return,
            };
            if let Some(term) = terms.get_mut(number) {
                mark(term, part);
            }
        });
    }

    /// Frames of libraries say how the fault was met, not who made it: only the project's own are counted outwards.
    fn add_frames(&mut self, symptom: &Symptom, tree: &Tree) {
        for (index, trace) in symptom.traces.iter().enumerate() {
            let of_trace = if index == 0 { 1.0 } else { 0.7 };
            let mut own = 0_u32;
            for frame in &trace.frames {
                let is_own = frame.file.as_deref().is_none_or(|file| tree.owns(file));
                if !is_own {
                    continue;
                }
                let worth = of_trace / f64::from(own + 1).sqrt();
                if let Some(file) = &frame.file {
                    self.add_place((file, frame.line, frame.simple_name()), PlaceSource::Frame, worth, tree);
                    own += 1;
                }
                if let Some(name) = frame.simple_name() {
                    let unplaced = if frame.file.is_none() { 0.7 } else { 1.0 };
                    self.add_terms(&name, |term, part| {
                        if part == Part::Whole {
                            term.on_stack = term.on_stack.max(worth * unplaced);
                            term.is_code = true;
                        }
                    });
                    own += u32::from(frame.file.is_none() && own > 0);
                }
            }
        }
    }

    fn add_complaints(&mut self, symptom: &Symptom, tree: &Tree) {
        let (mut rank, mut function) = (0_u32, None);
        for complaint in &symptom.complaints {
            let source = if complaint.message.is_empty() { PlaceSource::Mention } else { PlaceSource::Complaint };
            if !tree.owns(&complaint.file) {
                continue;
            }
            if complaint.line.is_none() {
                function = quoted(&complaint.message).next().map(|name| last_name(&name));
            }
            let place = (complaint.file.as_str(), complaint.line, function.clone());
            self.add_place(place, source, 1.0 / f64::from(rank + 1).sqrt(), tree);
            rank += u32::from(source == PlaceSource::Complaint);
        }
    }

    /// Keeps the best worth of each file and line.
    fn add_place(&mut self, place: (&str, Option<u32>, Option<String>), source: PlaceSource, worth: f64, tree: &Tree) {
        let (file, line, function) = place;
        let known = self.places.iter_mut().find(|p| p.file == file && p.line == line && p.source == source);
        if let Some(place) = known {
            place.worth = place.worth.max(worth);
        } else if self.places.len() < PLACE_LIMIT {
            let uniqueness = tree.uniqueness(file);
            self.places.push(Place { file: file.to_owned(), line, function, source, worth, uniqueness });
        }
    }
}

fn packages(symptom: &Symptom) -> Vec<Package> {
    let small = |it: &Package| Package { name: it.name.to_ascii_lowercase(), version: it.version.clone() };
    symptom.packages.iter().take(PACKAGE_LIMIT).map(small).collect()
}

/// `virtual void Class::method(int)` is called `method`.
fn last_name(printed: &str) -> String {
    let head = printed.split('(').next().unwrap_or(printed);
    head.rsplit(|c: char| !c.is_alphanumeric() && c != '_').find(|part| !part.is_empty()).unwrap_or(head).to_owned()
}

/// A line of source in a report: what compilers print after `12 |`, debuggers after the number, and traceback writers indented.
fn quoted_source(line: &str) -> Option<&str> {
    let line = line.trim();
    let bare = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let bare = bare.strip_prefix('|').or_else(|| bare.strip_prefix('>')).unwrap_or(bare).trim();
    let letters = bare.bytes().filter(u8::is_ascii_alphabetic).count();
    (letters >= 6 && bare.len() >= 10).then_some(bare)
}

/// Names in quotation marks: what an error is about, even where it is a plain word.
fn quoted(line: &str) -> impl Iterator<Item = String> {
    let marks = ['\'', '"', '`', '‘', '’', '“', '”'];
    let parts: Vec<&str> = line.split(marks).collect();
    let inner: Vec<String> = parts
        .iter()
        .skip(1)
        .take(parts.len().saturating_sub(2))
        .filter(|part| !part.is_empty() && part.len() <= 80 && !part.contains(char::is_whitespace))
        .map(|part| (*part).to_owned())
        .collect();
    inner.into_iter()
}

/// Where systems keep what is not the project's own.
fn is_foreign(printed: &str) -> bool {
    const FOREIGN: [&str; 12] = [
        "/usr/include/",
        "/usr/lib",
        "/lib64/",
        "/sysdeps/",
        "libsanitizer",
        "/rustc/",
        "site-packages/",
        "dist-packages/",
        "node_modules/",
        "/usr/local/go/",
        "/go/pkg/mod/",
        "/.cargo/registry/",
    ];
    FOREIGN.iter().any(|part| printed.contains(part))
}
