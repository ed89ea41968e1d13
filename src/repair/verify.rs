//! The verifier: a patch is offered only if the patched function, read and walked again, is better in every respect.
//!
//! Only the function that the edits touch can have changed, so it alone is lowered and walked, against the summaries of
//! the tree as it was. What it does to its callers' values must have stayed the same, so nobody else is affected.

use crate::c::ir::{FileId, Function};
use crate::c::lower;
use crate::c::report::{Candidate, FileView, decide};
use crate::c::summary::{Effect, Path, Summary};
use crate::c::syntax::{Span, Tree};
use crate::c::walk::{self, FaultKind, Walked};
use crate::c::{Tree as SourceTree, macros};
use crate::model::edit::{self, Edit};

/// Whether the edits remove the finding and add no new one; if not, why not.
pub fn accept(tree: &SourceTree, view: &FileView, candidate: &Candidate, edits: &[Edit]) -> Result<(), String> {
    let function = &tree.program.functions[candidate.function.0 as usize];
    let span = function.span;
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
    let before = view.text.get(span.start as usize..span.end as usize).ok_or("the function is not text")?;
    let after = edit::apply(before, &local).ok_or("the edits overlap")?;
    if errors(tree, &after) > errors(tree, before) {
        return Err("the patched function would not parse".to_owned());
    }
    let old = read(tree, function, before).ok_or("the function cannot be read by itself")?;
    let new = read(tree, function, &after).ok_or("the patched function cannot be read")?;
    compare(tree, candidate, (before, &old), (&after, &new), &local, span)
}

/// One reading of the function.
struct Reading {
    function: Function,
    walked: Walked,
}

fn read(tree: &SourceTree, function: &Function, text: &str) -> Option<Reading> {
    let path = tree.files.get(function.file.0 as usize).map_or("", |file| file.path.as_str());
    let lowered = lower::lower_function(FileId(function.file.0), path, text, &tree.macros, &tree.program);
    let function = lowered.into_iter().find(|other| other.name == function.name)?;
    let walked = walk::walk(&tree.program, &tree.summaries, &function);
    Some(Reading { function, walked })
}

fn errors(tree: &SourceTree, text: &str) -> usize {
    Tree::parse(macros::without_noise(text, &tree.macros).into()).map_or(usize::MAX, |tree| tree.errors())
}

fn compare(
    tree: &SourceTree,
    candidate: &Candidate,
    (before, old): (&str, &Reading),
    (after, new): (&str, &Reading),
    edits: &[Edit],
    span: Span,
) -> Result<(), String> {
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
    let keys = |reading: &Reading, text: &str, edits: &[Edit]| -> Vec<(usize, u16)> {
        decide(&tree.program, &tree.evidence, &reading.function, &reading.walked, text)
            .iter()
            .map(|one| (edit::original_position(one.site.span.start as usize, edits), one.site.part))
            .collect()
    };
    let (was, is) = (keys(old, before, &[]), keys(new, after, edits));
    let target = ((candidate.decided.site.span.start - span.start) as usize, candidate.decided.site.part);
    if !was.contains(&target) {
        return Err("the finding depends on more than this function".to_owned());
    }
    if is.contains(&target) {
        return Err("on some path it would still be lost".to_owned());
    }
    if is.iter().any(|key| !was.contains(key)) {
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
