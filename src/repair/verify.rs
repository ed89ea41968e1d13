//! The verifier: a patch is offered only if the patched function, read and walked again, is better in every respect.
//!
//! Only the function that the edits touch can have changed, so it alone is lowered and walked, against the summaries of
//! the tree as it was. What it does to its callers' values must have stayed the same, so nobody else is affected.

use crate::c::Tree as SourceTree;
use crate::c::ir::{FileId, Function};
use crate::c::lower;
use crate::c::program::FunctionId;
use crate::c::report::{Candidate, FileView, decide};
use crate::c::summary::{Effect, Path, Summary};
use crate::c::syntax::Span;
use crate::c::walk::{self, FaultKind, Walked};
use crate::model::edit::{self, Edit};

/// The function as it is, which every proposal for it is compared with. Read once, however many are tried.
pub struct Before {
    span: Span,
    /// `None` if the function cannot be read by itself.
    reading: Option<Reading>,
}

/// One reading of the function.
struct Reading {
    walked: Walked,
    errors: usize,
    /// Where what it loses is acquired, in bytes of its own text, and which output of the acquisition that is.
    lost: Vec<(usize, u16)>,
}

impl Before {
    /// Reads the function by itself.
    pub fn of(tree: &SourceTree, view: &FileView, function: FunctionId) -> Before {
        let function = &tree.program.functions[function.0 as usize];
        let text = view.text.get(function.span.start as usize..function.span.end as usize);
        Before { span: function.span, reading: text.and_then(|text| read(tree, function, text)) }
    }
}

/// Whether the edits remove the finding and add no new one; if not, why not.
pub fn accept(
    tree: &SourceTree,
    view: &FileView,
    before: &Before,
    candidate: &Candidate,
    edits: &[Edit],
) -> Result<(), String> {
    let function = &tree.program.functions[candidate.function.0 as usize];
    let span = before.span;
    let inside = |edit: &Edit| edit.start >= span.start as usize && edit.end <= span.end as usize;
    if !edits.iter().all(inside) {
        return Err("the edit would reach beyond the function".to_owned());
    }
    let local: Vec<Edit> = edits
        .iter()
        .map(|edit| Edit {
            start: edit.start - span.start as usize,
            end: edit.end - span.start as usize,
            text: edit.text.clone(),
        })
        .collect();
    let text = view.text.get(span.start as usize..span.end as usize).ok_or("the function is not text")?;
    let after = edit::apply(text, &local).ok_or("the edits overlap")?;
    let old = before.reading.as_ref().ok_or("the function cannot be read by itself")?;
    let target = ((candidate.decided.site.span.start - span.start) as usize, candidate.decided.site.part);
    if !old.lost.contains(&target) {
        return Err("the finding depends on more than this function".to_owned());
    }
    if old.walked.exhausted {
        return Err("the function has more paths than are walked".to_owned());
    }
    let new = read(tree, function, &after).ok_or("the patched function cannot be read")?;
    compare(old, &new, target, &local)
}

fn read(tree: &SourceTree, function: &Function, text: &str) -> Option<Reading> {
    let path = tree.files.get(function.file.0 as usize).map_or("", |file| file.path.as_str());
    let piece = lower::lower_piece(FileId(function.file.0), path, text, &tree.macros, &tree.program)?;
    let function = piece.functions.into_iter().find(|other| other.name == function.name)?;
    let walked = walk::walk(&tree.program, &tree.summaries, &function);
    let lost = decide(&tree.program, &tree.evidence, &function, &walked, text)
        .iter()
        .map(|one| (one.site.span.start as usize, one.site.part))
        .collect();
    Some(Reading { walked, errors: piece.errors, lost })
}

fn compare(old: &Reading, new: &Reading, target: (usize, u16), edits: &[Edit]) -> Result<(), String> {
    if new.errors > old.errors {
        return Err("the patched function would not parse".to_owned());
    }
    if new.walked.exhausted {
        return Err("the patched function has more paths than are walked".to_owned());
    }
    for kind in [FaultKind::DoubleRelease, FaultKind::UseAfterRelease, FaultKind::WrongRelease, FaultKind::NullUse] {
        let count = |walked: &Walked| walked.faults.iter().filter(|fault| fault.kind == kind).count();
        if count(&new.walked) > count(&old.walked) {
            return Err(match kind {
                FaultKind::DoubleRelease => "on some path it would be released twice",
                FaultKind::UseAfterRelease => "on some path it would be used after its release",
                FaultKind::WrongRelease => "on some path something would be released that is not on the heap",
                FaultKind::NullUse => "on some path it would be used after it was set to null",
            }
            .to_owned());
        }
    }
    let is: Vec<(usize, u16)> =
        new.lost.iter().map(|(start, part)| (edit::original_position(*start, edits), *part)).collect();
    if is.contains(&target) {
        return Err("on some path it would still be lost".to_owned());
    }
    if is.iter().any(|key| !old.lost.contains(key)) {
        return Err("something else would be lost".to_owned());
    }
    if given(&old.walked.summary) != given(&new.walked.summary) {
        return Err("callers would notice the change".to_owned());
    }
    Ok(())
}

/// What a function takes from its callers.
fn given(summary: &Option<Summary>) -> Vec<Path> {
    let outcomes = summary.iter().flat_map(|summary| &summary.outcomes);
    let mut paths: Vec<Path> = outcomes
        .flat_map(|outcome| &outcome.effects)
        .filter_map(|effect| match effect {
            Effect::Release(path) => Some(path.clone()),
            _ => None,
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}
