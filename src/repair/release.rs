//! Adding the missing release.
//!
//! Several templates propose edits, in the order in which a maintainer would choose; the first that the
//! [verifier](super::verify) accepts is the fix. No template needs to be right by itself.

mod declared;
mod descriptor;
mod hazards;
mod layout;
pub(crate) mod member;
mod places;
mod reach;
mod returned;

pub(crate) use places::root_word;

use crate::c::Tree as SourceTree;
use crate::c::ir::Linkage;
use crate::c::keeping::{self, Keeper};
use crate::c::names::Name;
use crate::c::program::FunctionId;
use crate::c::report::{Candidate, Confidence, Decided, FileView, Fix, Releaser};
use crate::c::source::UNREADABLE;
use crate::c::summary::Outcome;
use crate::c::syntax::{Kind, Node, Span};
use crate::model::edit::{self, Edit};
use crate::repair::verify::{self, Before};
use layout::Layout;

/// A way to repair, before it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The edits.
    pub(crate) edits: Vec<Edit>,
    /// Why it is right, if it is.
    pub(crate) why: String,
    /// Whether the pointer becomes null where it held anything before: what uses it there was wrong already.
    pub(crate) initialises: bool,
    /// The edits with a bare `free` in the place of each release, where the release also sets the pointer to null or may
    /// do so: they show whether anything still uses what the pointer held.
    pub(crate) probe: Option<Vec<Edit>>,
}

/// What releases memory and leaves the pointer to it as it is.
pub(crate) const BARE: &str = "free";

/// Proposals tried for one finding in one round.
const MAX_PROPOSALS: usize = 12;
/// How deep what hangs below the object may hang, plus one.
const MAX_ROUNDS: usize = 3;

/// A fix for a finding, or why there is none.
pub fn repair(tree: &SourceTree, view: &FileView, before: &Before, candidate: &Candidate) -> Result<Fix, String> {
    let decided = candidate.decided;
    let outcome = repair_as_decided(tree, view, before, candidate);
    let is_around = decided.releaser.as_ref().is_some_and(|releaser| !releaser.members.is_empty());
    match (&outcome, decided.site.release) {
        // What releases the structure around it cannot be called before it hangs there.
        (Err(reason), Some(name)) if is_around && reason == NOWHERE => {
            let releaser = Some(Releaser { name, example: None, members: Vec::new() });
            let decided = &Decided { releaser, ..decided.clone() };
            repair_as_decided(tree, view, before, &Candidate { decided, ..*candidate }).or(outcome)
        }
        _ => outcome,
    }
}

/// Why there is no fix where no template fits.
const NOWHERE: &str = "nothing at hand leads to it where it is lost";

fn repair_as_decided(
    tree: &SourceTree,
    view: &FileView,
    before: &Before,
    candidate: &Candidate,
) -> Result<Fix, String> {
    let releaser = candidate.decided.releaser.as_ref().ok_or("it is not known what releases it")?;
    reach::callable(tree, view, releaser.name)?;
    // What is only seen elsewhere may be otherwise here: of eight such patches that were judged by hand, six did harm.
    if candidate.decided.confidence == Confidence::Low {
        return Err("only other functions show that it must be released".to_owned());
    }
    if is_one_of_several(tree, candidate) {
        return Err("several functions of the tree are called like the one that gives it".to_owned());
    }
    let function = tree.program.functions[candidate.function.0 as usize].span;
    if !stands_alone(view, function) {
        return Err("the file cannot be read well enough around it".to_owned());
    }
    is_spelled(view, function, candidate.variable)?;
    is_kept_by_nobody(tree, candidate)?;
    let word = root_word(candidate.variable);
    descriptor::is_its_own(tree, candidate, word)?;
    hazards::none(tree, view, candidate, (releaser.name, word))?;
    let layout = Layout::new(view, function);
    let acquired = candidate.decided.site.span.start;
    if layout.statement(candidate.decided.site.span).is_some_and(|span| is_doubtful_declaration(view, span)) {
        return Err("the statement that acquires it cannot be read well enough".to_owned());
    }
    let mut reason = String::new();
    // What only led from the object is released before it, and what only led from that before that.
    let mut first: Vec<String> = Vec::new();
    let mut is_guarded = false;
    for _ in 0..MAX_ROUNDS {
        let proposals = places::proposals(tree, view, &layout, candidate, releaser, &first, is_guarded);
        let mut orphans = Vec::new();
        let mut needs_guard = false;
        // Where a release would be somebody else's, setting the pointer to null after it changes nothing.
        let mut doubted: Vec<Vec<usize>> = Vec::new();
        for proposal in proposals.into_iter().take(MAX_PROPOSALS) {
            if !reach::exists_everywhere(view, function, acquired, word, &proposal.edits)
                || !reach::is_mentioned_everywhere(tree, view, releaser.name, &proposal.edits)
            {
                reason = "the preprocessor's conditions leave it out in some configuration".to_owned();
                continue;
            }
            if reach::spoils_errno(view, tree.program.text(releaser.name), &proposal.edits) {
                reason = "`errno` is read after it, which the release may change".to_owned();
                continue;
            }
            if hazards::leaves_it_to_the_next_round(tree, view, (releaser.name, word), &proposal.edits) {
                reason = "a later round of the loop may release it again".to_owned();
                continue;
            }
            let starts: Vec<usize> = proposal.edits.iter().map(|edit| edit.start).collect();
            if doubted.contains(&starts) {
                continue;
            }
            match verify::accept(tree, view, before, candidate, &proposal) {
                Ok(()) => {
                    return fix(view, proposal);
                }
                Err(rejection) => {
                    if rejection.why == verify::SOMEBODY_ELSES {
                        doubted.push(starts);
                    }
                    needs_guard |= rejection.why == verify::TAKES_NO_NULL;
                    if reason.is_empty() {
                        reason = rejection.why;
                    }
                    if orphans.is_empty() {
                        orphans = rejection.orphans;
                    }
                }
            }
        }
        let released =
            |(holder, releaser): &(String, Releaser)| places::release_of(tree, view, candidate, (releaser, holder));
        let releases: Option<Vec<String>> = orphans.iter().map(released).collect();
        match releases.filter(|releases| !releases.is_empty()) {
            Some(releases) => drop(first.splice(0..0, releases)),
            None if needs_guard && !is_guarded => is_guarded = true,
            None => break,
        }
    }
    if reason.is_empty() {
        return Err(NOWHERE.to_owned());
    }
    Err(reason)
}

/// Whether the function spells every member that leads to the memory. The members of a union share one name in here, which
/// need not be the one that this union knows.
fn is_spelled(view: &FileView<'_>, function: Span, place: &str) -> Result<(), String> {
    let text = view.text.get(function.start as usize..function.end as usize).unwrap_or("");
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names =
        place.split(|c| !is_name(c)).filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    match names.find(|name| !reach::has_word(text, name)) {
        Some(name) => Err(format!("the function does not say `{name}`")),
        None => Ok(()),
    }
}

/// A proposal as it is offered. What the diff shows of the file must be what stands there, or `git apply` does not take it.
fn fix(view: &FileView<'_>, proposal: Proposal) -> Result<Fix, String> {
    let after = edit::apply(view.text, &proposal.edits).ok_or("the edits overlap")?;
    let diff = edit::unified_diff(view.path, view.text, &after);
    if diff.contains(UNREADABLE) {
        return Err("a line beside it is not UTF-8, which a patch cannot show".to_owned());
    }
    Ok(Fix { edits: proposal.edits, diff, why: proposal.why })
}

/// Refuses where somebody may keep it before it is lost, and the function acquires it in a loop or never releases it. Of sixteen
/// patches of the latter kind that were judged by hand eight did harm, of the 121 others seven.
fn is_kept_by_nobody(tree: &SourceTree, candidate: &Candidate) -> Result<(), String> {
    let (number, decided) = (candidate.function.0 as usize, candidate.decided);
    let is_released = tree.walks[number].releases.iter().any(|seen| seen.site == decided.number);
    let is_believed = decided.losses.iter().any(|found| !found.loss.seen_by.is_empty());
    let function = &tree.program.functions[number];
    // What a loop gives is taken for anything after two rounds, also for what was given away in an earlier one.
    if is_released && !is_believed && !keeping::is_in_a_loop(function, &decided.site) {
        return Ok(());
    }
    let losses: Vec<Span> = decided.losses.iter().map(|found| found.loss.span).collect();
    let known = if is_released { "a loop acquires it" } else { "nothing here releases it" };
    match keeping::keeper(tree.known(), function, &decided.site, &losses) {
        None => Ok(()),
        Some(Keeper::Callee(Some(name))) => Err(format!("{known}, and `{}` may keep it", tree.program.text(name))),
        Some(_) => Err(format!("{known}, and it may be kept")),
    }
}

/// Whether what is to be released comes from one of several functions of one name, each for another system or program, and
/// nobody is seen to release what they give: it need not be the same kind of thing.
fn is_one_of_several(tree: &SourceTree, candidate: &Candidate) -> bool {
    let (program, site) = (&tree.program, &candidate.decided.site);
    let is_public = |id: &&FunctionId| program.functions[id.0 as usize].linkage == Linkage::Program;
    program.bodies(site.source).iter().filter(is_public).count() > 1
        && tree.evidence.release_of(site.source, site.part).is_none()
}

/// Whether a function was read as one where it stands in the file: what a template finds there is its own.
fn stands_alone(view: &FileView, function: Span) -> bool {
    nodes_at(view, function).any(|node| node.kind == Kind::FunctionDefinition)
}

/// Whether a statement was read as a declaration though something had to be left out: it may declare nothing.
fn is_doubtful_declaration(view: &FileView, statement: Span) -> bool {
    nodes_at(view, statement).any(|node| node.damaged && node.kind == Kind::Declaration)
}

/// What was read exactly there, from the outside in.
fn nodes_at(view: &FileView, span: Span) -> impl Iterator<Item = Node> {
    let path = view.syntax.path_to(span);
    path.into_iter().map(|at| view.syntax.node(at)).filter(move |node| node.span == span)
}

/// The statement that releases `holder`, without its semicolon.
pub(crate) fn call(tree: &SourceTree, view: &FileView, releaser: &Releaser, holder: &str) -> Option<String> {
    let name = tree.program.text(releaser.name);
    if !releaser.members.is_empty() {
        let argument = around(tree, holder, &releaser.members)?;
        return match &releaser.example {
            Some(example) if example.contains(',') => takes(name, example, &argument).then(|| example.clone()),
            _ => Some(spelled_call(view.text, name, &argument)),
        };
    }
    if let Some(example) = &releaser.example {
        // A release that takes more than the pointer, or its address, is followed to the letter.
        let inner = example.strip_prefix(name)?.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
        if !inner.contains(',') {
            let by_address = without_cast(inner).starts_with('&');
            let argument = format!("{}{holder}", if by_address { "&" } else { "" });
            return Some(spelled_call(view.text, name, &argument));
        }
        return inner.split(',').any(|part| part.trim().trim_start_matches('&') == holder).then(|| example.clone());
    }
    if !takes_one(tree, view, releaser.name) {
        return None;
    }
    let by_address = if takes_address(tree, view, releaser.name) { "&" } else { "" };
    Some(spelled_call(view.text, name, &format!("{by_address}{holder}")))
}

/// An argument without the cast that it begins with.
fn without_cast(argument: &str) -> &str {
    let inner = argument.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    inner.filter(|(cast, _)| cast.trim_end().ends_with('*')).map_or(argument, |(_, rest)| rest.trim_start())
}

/// Whether a function or macro takes one argument: what else it takes is not known here. Of one without a body the calls tell.
fn takes_one(tree: &SourceTree, view: &FileView, name: Name) -> bool {
    if let Some(parameters) = tree.macros.find(name, view.file).and_then(|found| found.parameters.as_ref()) {
        return parameters.len() == 1;
    }
    tree.program.takes_one(name, view.file)
}

/// Whether a function releases what its first argument points to the pointer of, and not the argument.
fn takes_address(tree: &SourceTree, view: &FileView, name: Name) -> bool {
    let body = tree.program.resolve(name, view.file).and_then(|id| tree.known().summaries().get(id));
    if !tree.program.defines(name) && tree.program.knowledge.of(name).is_none() {
        return is_given_addresses(tree, tree.program.text(name));
    }
    let any = |releases: fn(&Outcome, u32) -> bool| {
        body.is_some_and(|body| body.outcomes.iter().any(|outcome| releases(outcome, 0)))
    };
    any(Outcome::releases_behind) && !any(Outcome::releases)
}

/// Whether the tree mostly hands a function of which it has no body the address of something.
fn is_given_addresses(tree: &SourceTree, name: &str) -> bool {
    let count = |call: &str| tree.files.iter().map(|file| file.text.matches(call).count()).sum::<usize>();
    let (all, addresses) = (count(&format!("{name}(")), count(&format!("{name}(&")));
    addresses * 2 > all
}

/// What leads to the structure around `holder`, from which `members` lead to it: `&text` for `text.bytes`, `text` for
/// `text->bytes`.
fn around(tree: &SourceTree, holder: &str, members: &[Name]) -> Option<String> {
    let mut whole = holder;
    for (number, member) in members.iter().rev().enumerate() {
        let before = whole.strip_suffix(tree.program.text(*member))?;
        whole = match before.strip_suffix("->") {
            Some(pointer) if number + 1 == members.len() => return Some(pointer.to_owned()),
            _ => before.strip_suffix('.')?,
        };
    }
    Some(format!("&{whole}"))
}

/// Whether `argument` is one of the arguments of the call `example` of `name`.
fn takes(name: &str, example: &str, argument: &str) -> bool {
    let inner = example.strip_prefix(name).map(str::trim).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
    inner.is_some_and(|inner| inner.split(',').any(|part| part.trim() == argument))
}

/// A call as the file spells such calls: some put a blank before the parenthesis.
pub(crate) fn spelled_call(text: &str, name: &str, argument: &str) -> String {
    let spaced = |name: &str| text.matches(&format!("{name} (")).count();
    let close = |name: &str| text.matches(&format!("{name}(")).count();
    let (with, without) = match (spaced(name), close(name)) {
        (0, 0) => (spaced("free"), close("free")),
        counts => counts,
    };
    let blank = if with > without { " " } else { "" };
    format!("{name}{blank}({argument})")
}
