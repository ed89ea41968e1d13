//! The verifier: a patch is offered only if the patched function, read and walked again, is better in every respect.
//!
//! Only the function that the edits touch can have changed, so it alone is lowered and walked, against the summaries of
//! the tree as it was. What it does to its callers' values must have stayed the same, so nobody else is affected.

use crate::c::Tree as SourceTree;
use crate::c::destructors::{self, Forgotten};
use crate::c::domain::{LossKind, Via};
use crate::c::ir::{BlockId, Expr, FileId, Function, Instr, InstrKind, VarId};
use crate::c::keeping;
use crate::c::lower;
use crate::c::names::{Name, Set};
use crate::c::program::FunctionId;
use crate::c::report::{Candidate, Decided, FileView, Releaser, decide};
use crate::c::summary::{Effect, Path, Selector, Summary};
use crate::c::syntax::{self, Kind, Span, Tree};
use crate::c::walk::{self, Fault, FaultKind, SeenRelease, Site, Walked};
use crate::model::edit::{self, Edit};
use crate::repair::release::{BARE, Proposal, root_word};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

/// The function as it is, which every proposal for it is compared with. Read once, however many are tried.
pub struct Before {
    id: FunctionId,
    span: Span,
    /// Or why no proposal can be compared with it.
    reading: Result<Reading, String>,
    /// What became of edits that were tried: what is acquired in several places is often repaired in one.
    tried: RefCell<Vec<(Vec<Edit>, Outcome)>>,
}

/// What became of edits, or why they cannot be tried.
type Outcome = Result<Rc<Trial>, String>;

/// One reading of the function.
struct Reading {
    function: Function,
    walked: Walked,
    errors: usize,
    /// Where what it loses is acquired, in bytes of its own text, and which output of the acquisition that is.
    lost: Vec<(usize, u16)>,
}

impl Before {
    /// Reads the function by itself, if all its paths were seen where it stands.
    pub fn of(tree: &SourceTree, view: &FileView, id: FunctionId) -> Before {
        let function = &tree.program.functions[id.0 as usize];
        let is_seen = tree.walks[id.0 as usize].is_whole();
        let reading = whole(is_seen).and_then(|()| sound_reading(tree, view, id));
        Before { id, span: function.span, reading, tried: RefCell::default() }
    }

    /// The function after the edits.
    fn trial(&self, tree: &SourceTree, view: &FileView, edits: &[Edit]) -> Outcome {
        let known = self.tried.borrow().iter().find(|(tried, _)| tried == edits).map(|(_, outcome)| outcome.clone());
        known.unwrap_or_else(|| {
            let outcome = Trial::of(tree, view, self, edits).map(Rc::new);
            self.tried.borrow_mut().push((edits.to_vec(), outcome.clone()));
            outcome
        })
    }

    fn sound(&self) -> Result<&Reading, String> {
        self.reading.as_ref().map_err(String::clone)
    }
}

fn sound_reading(tree: &SourceTree, view: &FileView, id: FunctionId) -> Result<Reading, String> {
    let function = &tree.program.functions[id.0 as usize];
    let text = view.text.get(function.span.start as usize..function.span.end as usize);
    let reading = text.and_then(|text| read(tree, id, text)).ok_or("the function cannot be read by itself")?;
    whole(reading.walked.is_whole()).map(|()| reading)
}

/// Whether all paths were seen.
fn whole(is_seen: bool) -> Result<(), String> {
    if is_seen { Ok(()) } else { Err("the function has more paths than are walked".to_owned()) }
}

/// So many releases elsewhere show what an acquisition gives even where it is not understood.
const RELEASED_ELSEWHERE: u32 = 2;

/// Why a patch is not offered that may release what is not the function's.
pub(crate) const SOMEBODY_ELSES: &str = "on some path it may be somebody else's";

/// Why a patch is not offered that needs a test before its release.
pub(crate) const TAKES_NO_NULL: &str = "what releases it does not take null, which it may be on some path";

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

/// Whether the edits remove the finding and add no new one; if not, why not.
pub(crate) fn accept(
    tree: &SourceTree,
    view: &FileView,
    before: &Before,
    candidate: &Candidate,
    proposal: &Proposal,
) -> Result<(), Rejection> {
    let old = before.sound()?;
    let site = &candidate.decided.site;
    let target = ((site.span.start - before.span.start) as usize, site.part);
    if !old.lost.contains(&target) {
        return Err("the finding depends on more than this function".to_owned().into());
    }
    let trial = before.trial(tree, view, &proposal.edits)?;
    if trial.new.walked.stuck.iter().any(|span| trial.is_added(*span)) {
        return Err(TAKES_NO_NULL.to_owned().into());
    }
    trial.no_new_fault(old, proposal.initialises)?;
    let word = root_word(candidate.variable);
    trial.no_unreached_use(word)?;
    trial.no_other_use(tree, old, word, target)?;
    let is = trial.lost();
    if is.contains(&target) {
        return Err("on some path it would still be lost".to_owned().into());
    }
    if !trial.releases(target) {
        return Err("what should release it is not seen to do so".to_owned().into());
    }
    if is.iter().any(|key| !old.lost.contains(key)) {
        return Err(Rejection { why: "something else would be lost".to_owned(), orphans: trial.orphans(tree, old) });
    }
    if given(&old.walked.summary) != given(&trial.new.walked.summary) {
        return Err("callers would notice the change".to_owned().into());
    }
    let mut bare = trial;
    if let Some(probe) = &proposal.probe {
        let releaser = candidate.decided.releaser.as_ref().map_or("", |releaser| tree.program.text(releaser.name));
        bare = before.trial(tree, view, probe)?;
        bare.no_later_use(old, releaser)?;
    }
    bare.releases_its_own(tree, old, site)?;
    Ok(no_new_error(view, before.span, &proposal.edits)?)
}

/// Whether the edits make a destructor release a member that it forgets, and change nothing else; if not, why not.
pub fn accept_member(
    tree: &SourceTree,
    view: &FileView,
    before: &Before,
    forgotten: &Forgotten,
    edits: &[Edit],
) -> Result<(), String> {
    let old = before.sound()?;
    let trial = before.trial(tree, view, edits)?;
    trial.no_new_fault(old, false)?;
    if trial.lost().iter().any(|key| !old.lost.contains(key)) {
        return Err("something else would be lost".to_owned());
    }
    let left = |function: &Function| destructors::forgotten(tree.known(), &tree.members, function);
    let (was, is) = (left(&old.function), left(&trial.new.function));
    if !was.iter().any(|one| one.member == forgotten.member) {
        return Err("the finding depends on more than this function".to_owned());
    }
    if is.iter().any(|one| one.member == forgotten.member || !was.iter().any(|known| known.member == one.member)) {
        return Err("the member would still be forgotten".to_owned());
    }
    // Callers may see the member released, and nothing else.
    let own = |path: &Path| path.selectors.contains(&Selector::Field(forgotten.member.field));
    let (was, is) = (given(&old.walked.summary), given(&trial.new.walked.summary));
    if is.iter().any(|path| !was.contains(path) && !own(path)) || was.iter().any(|path| !is.contains(path)) {
        return Err("callers would notice the change".to_owned());
    }
    no_new_error(view, before.span, edits)
}

/// Whether the whole file reads no worse with the edits. A function that reads well where it stands shows it by itself;
/// how another one is read depends on what stands around it.
fn no_new_error(view: &FileView, function: Span, edits: &[Edit]) -> Result<(), String> {
    if reads_well(&view.syntax, function) {
        return Ok(());
    }
    let after = edit::apply(view.text, edits).ok_or("the edits overlap")?;
    match syntax::errors(&after) {
        Some(errors) if errors <= view.errors() => Ok(()),
        _ => Err("the patched file would read worse: it has parse errors already".to_owned()),
    }
}

/// Whether a function stands in the tree as a function, without an error in it or around it.
fn reads_well(syntax: &Tree, function: Span) -> bool {
    let path = syntax.path_to(function);
    let whole = path.iter().map(|at| syntax.node(*at)).find(|node| node.span == function);
    whole.is_some_and(|node| node.kind == Kind::FunctionDefinition && !node.damaged)
        && path.iter().all(|at| syntax.node(*at).kind != Kind::Error)
}

/// The function after the edits.
struct Trial {
    new: Reading,
    text: String,
    /// The edits, from the function's start.
    edits: Vec<Edit>,
    /// Where what they wrote stands in the text.
    added: Vec<Range<usize>>,
}

impl Trial {
    fn of(tree: &SourceTree, view: &FileView, before: &Before, edits: &[Edit]) -> Result<Trial, String> {
        let span = before.span;
        let inside = |edit: &Edit| edit.start >= span.start as usize && edit.end <= span.end as usize;
        if !edits.iter().all(inside) {
            return Err("the edit would reach beyond the function".to_owned());
        }
        let edits: Vec<Edit> = edits
            .iter()
            .map(|edit| Edit {
                start: edit.start - span.start as usize,
                end: edit.end - span.start as usize,
                text: edit.text.clone(),
            })
            .collect();
        let text = view.text.get(span.start as usize..span.end as usize).ok_or("the function is not text")?;
        let text = edit::apply(text, &edits).ok_or("the edits overlap")?;
        let new = read(tree, before.id, &text).ok_or("the patched function cannot be read")?;
        let added = edit::written(&edits);
        Ok(Trial { new, text, edits, added })
    }

    /// Whether nothing goes wrong that did not before. A pointer that is null where it held anything before makes no
    /// use of it worse.
    fn no_new_fault(&self, old: &Reading, null_is_better: bool) -> Result<(), String> {
        let new = &self.new;
        if new.errors > old.errors {
            return Err("the patched function would not parse".to_owned());
        }
        if !new.walked.is_whole() {
            return Err("the patched function has more paths than are walked".to_owned());
        }
        // A fault that was there before, of other memory, does not excuse one of this memory at the same place.
        let known = old.faults();
        for kind in [FaultKind::DoubleRelease, FaultKind::UseAfterRelease, FaultKind::WrongRelease, FaultKind::NullUse]
        {
            let count = |walked: &Walked| walked.faults.iter().filter(|fault| fault.kind == kind).count();
            let is_excused = null_is_better && kind == FaultKind::NullUse;
            let mut now = self.faults().into_iter().filter(|fault| fault.0 == kind);
            let of_kind = || new.walked.faults.iter().filter(|fault| fault.kind == kind);
            let is_new = of_kind().count() > count(&old.walked)
                || now.any(|fault| !known.contains(&fault))
                || of_kind().any(|fault| self.is_of_edits(fault));
            if is_new && !is_excused {
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

    /// Whether every use of a variable that could come after the edits was seen. What no path is seen to come to may be come to
    /// all the same, where a condition is misunderstood.
    fn no_unreached_use(&self, word: &str) -> Result<(), String> {
        let function = &self.new.function;
        let is_it = |expr: Expr| is_named(function, expr, Name::of(word));
        let after = function.after(self.edited());
        let uses = |id: &&BlockId| after.contains(id) && function.blocks[id.0 as usize].mentions(function, &is_it);
        match self.new.walked.unreached.iter().find(uses) {
            Some(_) => Err("it is used where no path seems to come".to_owned()),
            None => Ok(()),
        }
    }

    /// Whether nothing that comes after the edits reads a variable which may lead to what they release, beside `word`, of which
    /// the walk knows better: where the walk lost sight of a name of the memory, the name is still there.
    fn no_other_use(&self, tree: &SourceTree, old: &Reading, word: &str, target: (usize, u16)) -> Result<(), String> {
        let function = &self.new.function;
        let place =
            |site: &&Site| (edit::original_position(site.span.start as usize, &self.edits), site.part) == target;
        let Some(site) = self.new.walked.sites.iter().find(place) else { return Ok(()) };
        let mut others = keeping::leading(tree.known(), function, site);
        // What the edits declare is theirs, and a temporary is read where it is written.
        let is_old = |name: Name| old.function.vars.iter().any(|var| var.name == name);
        others.retain(|var| {
            let var = function.var(*var).filter(|var| !var.temporary);
            var.is_some_and(|var| var.name != Name::of(word) && is_old(var.name))
        });
        match others.into_iter().find(|var| self.is_read_after(*var, site)) {
            Some(_) => Err("another name that leads to it is read after its release".to_owned()),
            None => Ok(()),
        }
    }

    /// Whether a variable is read after the edits, before it is given another value or the memory is acquired anew.
    fn is_read_after(&self, var: VarId, site: &Site) -> bool {
        let function = &self.new.function;
        let is_it = |expr: Expr| expr == Expr::Var(var);
        let ends = |instr: &Instr| match &instr.kind {
            InstrKind::Assign { to, .. } => function.expr(*to) == Expr::Var(var),
            InstrKind::Declare(other) => *other == var,
            _ => instr.span == site.span,
        };
        let mut work: Vec<(BlockId, usize)> = Vec::new();
        for id in self.edited() {
            let instrs = &function.blocks[id.0 as usize].instrs;
            work.extend(instrs.iter().rposition(|instr| self.is_added(instr.span)).map(|last| (id, last + 1)));
        }
        let mut seen: Set<BlockId> = Set::default();
        while let Some((id, from)) = work.pop() {
            let Some(block) = function.blocks.get(id.0 as usize) else { continue };
            let is_read =
                |instr: &Instr| if instr.reads(function, &is_it) { Some(true) } else { ends(instr).then_some(false) };
            match block.instrs.iter().skip(from).find_map(is_read) {
                Some(true) => return true,
                Some(false) => {}
                None if block.end.reads(function, &is_it) => return true,
                None => {
                    let next = block.end.successors().into_iter().filter(|next| seen.insert(*next));
                    work.extend(next.map(|next| (next, 0)));
                }
            }
        }
        false
    }

    /// The blocks that the edits add something to.
    fn edited(&self) -> impl Iterator<Item = BlockId> {
        let numbered = self.new.function.numbered();
        numbered.filter(|(_, block)| block.instrs.iter().any(|instr| self.is_added(instr.span))).map(|(id, _)| id)
    }

    /// Whether something goes wrong with what the edits release. Where views were joined it is not known any more which of
    /// several releases it was.
    fn is_of_edits(&self, fault: &Fault) -> bool {
        let is_added = fault.released.is_some_and(|span| self.is_added(span));
        let is_one_of_several = || {
            let releases = self.new.walked.releases.iter();
            releases.filter(|seen| Some(seen.site) == fault.site).any(|seen| self.is_added(seen.span))
        };
        is_added || self.new.walked.is_coarse && fault.released.is_some() && is_one_of_several()
    }

    /// Whether nothing uses what was released, but for another release by the same function: with a null pointer that
    /// one does nothing, while anything else would do something else than before.
    fn no_later_use(&self, old: &Reading, releaser: &str) -> Result<(), String> {
        let known = old.faults();
        let releases_again = |fault: &Fault| {
            let text = self.text.get(fault.span.start as usize..fault.span.end as usize).unwrap_or("");
            let callee = text.split('(').next().unwrap_or("").trim();
            fault.kind == FaultKind::DoubleRelease && (callee == releaser || callee == BARE)
        };
        let new = &self.new.walked;
        let is_used = new.faults.iter().zip(self.faults()).any(|(fault, placed)| {
            let is_new = !known.contains(&placed) || self.is_of_edits(fault);
            fault.kind != FaultKind::NullUse && is_new && !releases_again(fault)
        });
        if is_used || !new.is_whole() {
            return Err("what it held would still be used after its release".to_owned());
        }
        Ok(())
    }

    /// What goes wrong, by its places in the function as it was.
    fn faults(&self) -> Vec<PlacedFault> {
        faults(&self.new.walked, |position| edit::original_position(position as usize, &self.edits))
    }

    /// What is lost, by the place of its acquisition in the function as it was.
    fn lost(&self) -> Vec<(usize, u16)> {
        let moved = |(start, part): &(usize, u16)| (edit::original_position(*start, &self.edits), *part);
        self.new.lost.iter().map(moved).collect()
    }

    /// Whether what the edits release is the function's own on every path that comes there. What the same acquisition
    /// gives on a path that is not understood is taken for the same if it is released elsewhere as well.
    fn releases_its_own(&self, tree: &SourceTree, old: &Reading, site: &Site) -> Result<(), String> {
        let walked = &self.new.walked;
        if walked.releases.iter().filter(|seen| self.is_added(seen.span)).any(|seen| self.is_given(tree, old, seen)) {
            return Err(SOMEBODY_ELSES.to_owned());
        }
        let seen = tree.evidence.release_of(site.source, site.part);
        let is_released = seen.is_some_and(|(_, released, lost)| released >= RELEASED_ELSEWHERE && released > lost);
        let mut likely = walked.likely.iter().filter(|_| !is_released);
        if walked.doubtful.iter().any(|span| self.is_added(*span)) || likely.any(|span| self.is_added(*span)) {
            return Err(SOMEBODY_ELSES.to_owned());
        }
        Ok(())
    }

    /// Whether what is released was handed to a function that is only known by the member that leads to it, and that this
    /// function never releases anything after: who is called so elsewhere may be somebody else.
    fn is_given(&self, tree: &SourceTree, old: &Reading, seen: &SeenRelease) -> bool {
        let function = &self.new.function;
        let is_like = |one: &Via, other: &Via| (one.callee, one.argument) == (other.callee, other.argument);
        let is_trusted =
            |via: &Via| old.walked.releases.iter().flat_map(|seen| &seen.seen_by).any(|other| is_like(via, other));
        seen.seen_by.iter().any(|via| {
            function.has_member(via.callee)
                && tree.program.resolve(via.callee, function.file).is_none()
                && !is_trusted(via)
        })
    }

    /// Whether the edits wrote what stands at a place now.
    fn is_added(&self, span: Span) -> bool {
        self.added.iter().any(|range| range.contains(&(span.start as usize)))
    }

    /// Whether the edits release what is acquired at a place of the function as it was, and not only hand it to a function
    /// of which nothing is said.
    fn releases(&self, (start, part): (usize, u16)) -> bool {
        let walked = &self.new.walked;
        let original = |span: Span| edit::original_position(span.start as usize, &self.edits);
        // Edits may take the acquisition away and write it anew.
        let is_moved = self.edits.iter().any(|edit| edit.start <= start && start < edit.end);
        let is_of_it = |number: u32| {
            walked.sites.get(number as usize).is_some_and(|site| {
                site.part == part && (original(site.span) == start || is_moved && self.is_added(site.span))
            })
        };
        walked.releases.iter().any(|seen| is_of_it(seen.site) && self.is_added(seen.span))
    }

    /// The new findings, if all of them are what hung below something that is now released.
    fn orphans(&self, tree: &SourceTree, old: &Reading) -> Vec<(String, Releaser)> {
        let reading = &self.new;
        let path = path_of(tree, &reading.function);
        let decided = decide(tree.known(), &reading.function, &reading.walked, (path, &self.text));
        let key = |one: &Decided| (edit::original_position(one.site.span.start as usize, &self.edits), one.site.part);
        let mut orphans = Vec::new();
        for one in decided.iter().filter(|one| !old.lost.contains(&key(one))) {
            for found in &one.losses {
                let (LossKind::Container, Some(holder), Some(releaser)) =
                    (found.loss.kind, &found.loss.holder, &one.releaser)
                else {
                    return Vec::new();
                };
                let orphan = (holder.clone(), Releaser { example: None, ..releaser.clone() });
                if !orphans.contains(&orphan) {
                    orphans.push(orphan);
                }
            }
        }
        orphans
    }
}

impl Reading {
    fn faults(&self) -> Vec<PlacedFault> {
        faults(&self.walked, |position| position as usize)
    }
}

/// Something wrong, where in the function, and with memory from where.
type PlacedFault = (FaultKind, usize, Option<(usize, u16)>);

/// The faults of a walk at their places.
fn faults(walked: &Walked, place: impl Fn(u32) -> usize) -> Vec<PlacedFault> {
    let site = |number: u32| walked.sites.get(number as usize).map(|site| (place(site.span.start), site.part));
    walked.faults.iter().map(|fault| (fault.kind, place(fault.span.start), fault.site.and_then(site))).collect()
}

/// Whether an expression is the variable of this name.
fn is_named(function: &Function, expr: Expr, name: Name) -> bool {
    matches!(expr, Expr::Var(var) if function.var(var).is_some_and(|var| var.name == name))
}

/// The path of the file that a function stands in.
fn path_of<'a>(tree: &'a SourceTree, function: &Function) -> &'a str {
    tree.files.get(function.file.0 as usize).map_or("", |file| file.path.as_str())
}

fn read(tree: &SourceTree, id: FunctionId, text: &str) -> Option<Reading> {
    let (function, before) = (&tree.program.functions[id.0 as usize], &tree.walks[id.0 as usize]);
    let path = path_of(tree, function);
    let piece = lower::lower_piece(FileId(function.file.0), path, text, &tree.macros, &tree.program)?;
    let function = piece.functions.into_iter().find(|other| other.name == function.name)?;
    let walked = walk::walk_like(before, &tree.program, tree.known().summaries(), &function);
    let lost = decide(tree.known(), &function, &walked, (path, text))
        .iter()
        .map(|one| (one.site.span.start as usize, one.site.part))
        .collect();
    Some(Reading { function, walked, errors: piece.errors, lost })
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
