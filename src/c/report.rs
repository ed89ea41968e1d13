//! Telling: losses become findings that a person can follow in the editor.

mod decide;
mod forgotten;
mod lines;
mod names;
mod recurrence;
mod uses;

pub use decide::{Confidence, Decided, Releaser, decide};
pub use lines::Lines;
pub use recurrence::Recurrence;

use super::Tree as SourceTree;
use super::destructors;
use super::domain::LossKind;
use super::ir::FileId;
use super::macros;
use super::program::FunctionId;
use super::syntax::{self, Span, Tree};
use super::{Analysis, walk::FoundLoss};
use crate::model::edit::Edit;
use crate::model::evidence::Gap;
use crate::repair::release;
use crate::repair::verify::Before;
use rayon::prelude::*;
use std::cell::LazyCell;
use std::sync::{Arc, LazyLock, OnceLock};

/// One step of a finding's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceStep {
    /// The line, from 1.
    pub line: u32,
    /// What happens there.
    pub note: String,
}

/// A change that was proven to remove a finding without a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The edits on the file's bytes.
    pub edits: Vec<Edit>,
    /// The same as a unified diff.
    pub diff: String,
    /// One sentence on why this is right.
    pub why: String,
}

/// Memory that is acquired and lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The file.
    pub file: String,
    /// The function that loses it.
    pub function: String,
    /// What held it, as written in C.
    pub variable: String,
    /// The line of the acquisition, from 1.
    pub line: u32,
    /// The line where it is lost, from 1.
    pub lost_at: u32,
    /// The bytes of the acquisition.
    pub acquired: Span,
    /// The bytes where it is lost.
    pub lost: Span,
    /// How sure this is.
    pub confidence: Confidence,
    /// Why it is that sure.
    pub reasons: Vec<String>,
    /// Whether one call loses it once or again and again.
    pub recurrence: Recurrence,
    /// From the acquisition to the loss.
    pub trace: Vec<TraceStep>,
    /// The fix, if one is safe.
    pub fix: Option<Fix>,
    /// Why there is none.
    pub no_fix_reason: Option<String>,
}

/// A file under report: its text, and its syntax for names and places.
pub struct FileView<'a> {
    /// The file.
    pub file: FileId,
    /// The path.
    pub path: &'a str,
    /// The text as it is.
    pub text: &'a str,
    /// The syntax of the text with noise blanked out; positions are the text's.
    pub syntax: Tree,
    /// Line numbers.
    pub lines: Lines,
    /// The parse errors of the text as it is, once somebody asked.
    errors: OnceLock<usize>,
}

/// A loss that is worth telling, and where it belongs.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The function.
    pub function: FunctionId,
    /// What was decided.
    pub decided: &'a Decided,
    /// What held it.
    pub variable: &'a str,
}

/// The findings and gaps of a tree, restricted to the files of `only` unless it is empty.
pub fn report(tree: &SourceTree, only: &[String]) -> Analysis {
    let wanted = |path: &str| only.is_empty() || only.iter().any(|one| one == path);
    let mut per_file: Vec<Vec<FunctionId>> = vec![Vec::new(); tree.files.len()];
    for (number, function) in tree.program.functions.iter().enumerate() {
        if let Some(list) = per_file.get_mut(function.file.0 as usize) {
            list.push(FunctionId(number as u32));
        }
    }
    let results: Vec<Analysis> = per_file
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .filter(|(file, _)| wanted(&tree.files[*file].path))
        .map(|(file, functions)| report_file(tree, file, functions))
        .collect();
    together(results)
}

/// Asks what the report of some files asks for first: whether anything is to be told at all.
pub(super) fn ask(tree: &SourceTree, only: &[String]) {
    for (number, function) in tree.program.functions.iter().enumerate() {
        let Some(source) = tree.files.get(function.file.0 as usize).filter(|file| only.contains(&file.path)) else {
            continue;
        };
        decide(tree.known(), function, &tree.walks[number], (&source.path, &source.text));
        destructors::forgotten(tree.known(), &tree.members, function);
    }
}

fn report_file(tree: &SourceTree, file: usize, functions: &[FunctionId]) -> Analysis {
    // Most files have nothing to tell, and some functions take as long as a hundred files.
    let view = LazyLock::new(|| FileView::new(tree, file));
    let told: Vec<Analysis> =
        functions.par_iter().with_max_len(1).map(|id| report_function(tree, &view, *id)).collect();
    let mut analysis = together(told);
    once_each(&mut analysis.findings);
    analysis
}

fn report_function<'a>(
    tree: &'a SourceTree,
    view: &LazyLock<FileView<'a>, impl FnOnce() -> FileView<'a>>,
    id: FunctionId,
) -> Analysis {
    let mut analysis = Analysis::default();
    let (walked, function) = (&tree.walks[id.0 as usize], &tree.program.functions[id.0 as usize]);
    let source = &tree.files[function.file.0 as usize];
    if walked.exhausted {
        let what = format!("{}: function {}", source.path, tree.program.text(function.name));
        analysis.gaps.push(Gap::new(what, "it has more paths than are walked"));
    }
    let decided = decide(tree.known(), function, walked, (&source.path, &source.text));
    let forgotten = destructors::forgotten(tree.known(), &tree.members, function);
    if decided.is_empty() && forgotten.is_empty() {
        return analysis;
    }
    let before = LazyCell::new(|| Before::of(tree, view, id));
    analysis.findings.extend(decided.iter().map(|one| tell(tree, view, id, &before, one)));
    analysis.findings.extend(forgotten.iter().filter_map(|one| forgotten::tell(tree, view, (id, &before), one)));
    analysis
}

/// Findings and gaps of several parts, in their order.
fn together(parts: Vec<Analysis>) -> Analysis {
    let mut whole = Analysis::default();
    for part in parts {
        whole.findings.extend(part.findings);
        whole.gaps.extend(part.gaps);
    }
    whole
}

/// What was acquired in several places and is lost in one, through the same variable, is one mistake: the finding with a
/// fix tells it, else the first. Those that are left are in the order of the file.
fn once_each(findings: &mut Vec<Leak>) {
    findings.sort_by(|a, b| (mistake(a), a.fix.is_none(), place(a)).cmp(&(mistake(b), b.fix.is_none(), place(b))));
    findings.dedup_by(|later, first| mistake(later) == mistake(first));
    findings.sort_by(|a, b| place(a).cmp(&place(b)));
}

fn mistake(leak: &Leak) -> (&str, &str, u32) {
    (&leak.function, &leak.variable, leak.lost_at)
}

fn place(leak: &Leak) -> (u32, u32, &str) {
    (leak.line, leak.lost_at, &leak.variable)
}

impl FileView<'_> {
    /// The view of a file of the tree.
    pub fn new(tree: &SourceTree, file: usize) -> FileView<'_> {
        let source = &tree.files[file];
        let clean: Arc<str> = macros::without_noise(&source.text, &tree.macros).into();
        // The same text was parsed before; a parser that gave up then gave no function to report on.
        let syntax = Tree::parse(clean).unwrap_or_else(Tree::empty);
        let (file, errors) = (FileId(file as u32), OnceLock::new());
        FileView { file, path: &source.path, text: &source.text, syntax, lines: Lines::of(&source.text), errors }
    }

    /// The parse errors of the text as it is, noise included.
    pub fn errors(&self) -> usize {
        *self.errors.get_or_init(|| syntax::errors(self.text).unwrap_or(0))
    }
}

fn tell(tree: &SourceTree, view: &FileView, id: FunctionId, before: &Before, decided: &Decided) -> Leak {
    let function = &tree.program.functions[id.0 as usize];
    let first = &decided.losses[0];
    let variable = names::variable(view, decided, first)
        .unwrap_or_else(|| format!("{}(…)", tree.program.text(decided.site.source)));
    let candidate = Candidate { function: id, decided, variable: &variable };
    let outcome = release::repair(tree, view, before, &candidate);
    let (fix, no_fix_reason) = match outcome {
        Ok(fix) => (Some(fix), None),
        Err(reason) => (None, Some(reason)),
    };
    let mut reasons = decided.reasons.clone();
    reasons.dedup();
    Leak {
        file: view.path.to_owned(),
        function: tree.program.text(function.name).to_owned(),
        line: view.lines.line(decided.site.span.start),
        lost_at: view.lines.line(first.loss.span.start),
        acquired: decided.site.span,
        lost: first.loss.span,
        confidence: decided.confidence,
        reasons,
        recurrence: recurrence::of(function, decided),
        trace: trace(tree, view, id, decided, &variable),
        variable,
        fix,
        no_fix_reason,
    }
}

fn trace(tree: &SourceTree, view: &FileView, id: FunctionId, decided: &Decided, variable: &str) -> Vec<TraceStep> {
    let source = tree.program.text(decided.site.source);
    let first: &FoundLoss = &decided.losses[0];
    let from = decided.site.span.start;
    let mut steps = vec![TraceStep {
        line: view.lines.line(from),
        note: format!("`{variable}` takes what `{source}` gives, which must be released"),
    }];
    for (span, taken) in &first.steps {
        if span.start <= from {
            continue;
        }
        let text = view.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
        let verdict = if *taken { "holds" } else { "does not hold" };
        steps.push(TraceStep { line: view.lines.line(span.start), note: format!("`{text}` {verdict}") });
    }
    for via in &first.loss.seen_by {
        let callee = tree.program.text(via.callee);
        steps.push(TraceStep {
            line: view.lines.line(from),
            note: format!("`{callee}` sees it and, as other callers show, leaves it alone"),
        });
    }
    steps.extend(uses::uses(tree, view, id, variable, (&decided.site, first.loss.span)));
    let note = match first.loss.kind {
        LossKind::Exit => "the function ends and nothing leads to it any more",
        LossKind::Overwrite => "the last pointer to it is overwritten",
        LossKind::Reallocation => "when the reallocation fails, the last pointer to it is overwritten with null",
        LossKind::Scope => "the variable that holds it goes out of scope",
        LossKind::Container => "the structure that holds it is released, it is not",
    };
    steps.push(TraceStep { line: view.lines.line(first.loss.span.start), note: note.to_owned() });
    steps
}
