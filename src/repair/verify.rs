//! The verifier: a patch is offered only if the patched function, read and walked again, is better in every respect.
//!
//! Only the function that the edits touch can have changed, so it alone is lowered and walked, against the summaries of
//! the tree as it was. What it does to its callers' values must have stayed the same, so nobody else is affected.

use crate::c::destructors::{self, Forgotten};
use crate::c::domain::LossKind;
use crate::c::ir::{FileId, Function};
use crate::c::lower;
use crate::c::program::FunctionId;
use crate::c::report::{Candidate, Decided, FileView, Releaser, decide};
use crate::c::summary::{Effect, Path, Selector, Summary};
use crate::c::syntax::{Span, Tree};
use crate::c::walk::{self, FaultKind, Walked};
use crate::c::{Tree as SourceTree, macros};
use crate::model::edit::{self, Edit};

/// Whether the edits remove the finding and add no new one; if not, why not.
pub fn accept(tree: &SourceTree, view: &FileView, candidate: &Candidate, edits: &[Edit]) -> Result<(), Rejection> {
    let trial = Trial::of(tree, view, candidate.function, edits)?;
    trial.no_new_fault()?;
    let (was, is) = trial.findings(tree);
    let site = &candidate.decided.site;
    let target = ((site.span.start - trial.span.start) as usize, site.part);
    if !was.contains(&target) {
        return Err("the finding depends on more than this function".to_owned().into());
    }
    if is.contains(&target) {
        return Err("on some path it would still be lost".to_owned().into());
    }
    if is.iter().any(|key| !was.contains(key)) {
        let orphans = trial.orphans(tree, &was);
        return Err(Rejection { why: "something else would be lost".to_owned(), orphans });
    }
    if given(&trial.old.walked.summary) != given(&trial.new.walked.summary) {
        return Err("callers would notice the change".to_owned().into());
    }
    Ok(())
}

/// Why a patch is not offered.
pub struct Rejection {
    /// The reason, as a clause.
    pub why: String,
    /// What only led from the released object and would be lost with it: what holds it, and what releases it. Empty if
    /// anything else would be lost.
    pub orphans: Vec<(String, Releaser)>,
}

impl From<String> for Rejection {
    fn from(why: String) -> Rejection {
        Rejection { why, orphans: Vec::new() }
    }
}

/// Whether the edits make a destructor release a member that it forgets, and change nothing else; if not, why not.
pub fn accept_member(
    tree: &SourceTree,
    view: &FileView,
    id: FunctionId,
    forgotten: &Forgotten,
    edits: &[Edit],
) -> Result<(), String> {
    let trial = Trial::of(tree, view, id, edits)?;
    trial.no_new_fault()?;
    let (was, is) = trial.findings(tree);
    if is.iter().any(|key| !was.contains(key)) {
        return Err("something else would be lost".to_owned());
    }
    let left = |function: &Function| destructors::forgotten(tree.known(), &tree.members, function);
    let (before, after) = (left(&trial.old.function), left(&trial.new.function));
    if !before.iter().any(|one| one.member == forgotten.member) {
        return Err("the finding depends on more than this function".to_owned());
    }
    if after.iter().any(|one| one.member == forgotten.member || !before.iter().any(|was| was.member == one.member)) {
        return Err("the member would still be forgotten".to_owned());
    }
    // Callers may see the member released, and nothing else.
    let was = given(&trial.old.walked.summary);
    let own = |path: &Path| path.selectors.contains(&Selector::Field(forgotten.member.field));
    let new = given(&trial.new.walked.summary);
    if new.iter().any(|path| !was.contains(path) && !own(path)) || was.iter().any(|path| !new.contains(path)) {
        return Err("callers would notice the change".to_owned());
    }
    Ok(())
}

/// A finding by the place of its acquisition in the function, and by which of the outputs it is.
type Key = (usize, u16);

/// A function before and after the edits.
struct Trial {
    old: Reading,
    new: Reading,
    /// The texts of both.
    texts: (String, String),
    /// The edits, from the function's start.
    edits: Vec<Edit>,
    span: Span,
}

impl Trial {
    fn of(tree: &SourceTree, view: &FileView, id: FunctionId, edits: &[Edit]) -> Result<Trial, String> {
        let function = &tree.program.functions[id.0 as usize];
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
        Ok(Trial { old, new, texts: (before.to_owned(), after), edits: local, span })
    }

    fn no_new_fault(&self) -> Result<(), String> {
        if self.new.walked.exhausted {
            return Err("the patched function has more paths than are walked".to_owned());
        }
        for kind in [FaultKind::DoubleRelease, FaultKind::UseAfterRelease, FaultKind::WrongRelease, FaultKind::NullUse]
        {
            let count = |walked: &Walked| walked.faults.iter().filter(|fault| fault.kind == kind).count();
            if count(&self.new.walked) > count(&self.old.walked) {
                return Err(match kind {
                    FaultKind::DoubleRelease => "on some path it would be released twice",
                    FaultKind::UseAfterRelease => "on some path it would be used after its release",
                    FaultKind::WrongRelease => "on some path something would be released that is not on the heap",
                    FaultKind::NullUse => "on some path it would be used after it was set to null",
                }
                .to_owned());
            }
        }
        Ok(())
    }

    /// The new findings, if all of them are what hung below something that is now released.
    fn orphans(&self, tree: &SourceTree, was: &[Key]) -> Vec<(String, Releaser)> {
        let reading = &self.new;
        let decided = decide(&tree.program, &tree.evidence, &reading.function, &reading.walked, &self.texts.1);
        let key = |one: &Decided| (edit::original_position(one.site.span.start as usize, &self.edits), one.site.part);
        let mut orphans = Vec::new();
        for one in decided.iter().filter(|one| !was.contains(&key(one))) {
            for found in &one.losses {
                let (LossKind::Container, Some(holder), Some(releaser)) =
                    (found.loss.kind, &found.loss.holder, &one.releaser)
                else {
                    return Vec::new();
                };
                let orphan = (holder.clone(), Releaser { name: releaser.name, example: None });
                if !orphans.contains(&orphan) {
                    orphans.push(orphan);
                }
            }
        }
        orphans
    }

    /// The findings before and after, by the place of their acquisition in the function as it was.
    fn findings(&self, tree: &SourceTree) -> (Vec<Key>, Vec<Key>) {
        let keys = |reading: &Reading, text: &str, edits: &[Edit]| {
            decide(&tree.program, &tree.evidence, &reading.function, &reading.walked, text)
                .iter()
                .map(|one| (edit::original_position(one.site.span.start as usize, edits), one.site.part))
                .collect()
        };
        (keys(&self.old, &self.texts.0, &[]), keys(&self.new, &self.texts.1, &self.edits))
    }
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
