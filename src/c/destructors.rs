//! Destructors that forget a member: the structure goes, what only its member led to stays.
//!
//! A function counts as a structure's destructor where it releases the structure, or empties it. It forgets a member if the tree proves that the member owns memory (see [`members`](super::members)),
//! nobody takes that memory away, and neither the destructor nor what it calls ever mentions the member.

use super::ir::{Callee, Expr, ExprId, FileId, Function, InstrKind, VarId};
use super::knowledge::{Deed, sounds_like_release, sounds_like_the_end};
use super::members::{Fate, Gift, Known, Members, Scope, Uses};
use super::names::{Map, Name};
use super::program::{FunctionId, Program};
use super::questions::Question;
use super::syntax::Span;
use super::types::{Member, Owner, Type};
use rayon::prelude::*;
use std::sync::OnceLock;

/// Callees of callees looked into for a mention of the member.
const MAX_DEPTH: u32 = 3;
/// A destructor whose name tells nothing must release so many other members.
const SIBLINGS_WITHOUT_NAME: usize = 2;
/// A function that releases members but not the structure must release so many.
const SIBLINGS_OF_EMPTIED: usize = 3;

/// Parts of the names of functions that work with what a structure within another has, and give it nothing.
const USING: &[&str] = &["read", "write", "wipe", "clear", "reset", "print", "get", "seek", "skip", "rewind", "lock"];

/// A member that a destructor forgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The member.
    pub member: Member,
    /// Its name behind the structure's, such as `.name` or `.info.name`.
    pub path: Vec<Name>,
    /// Where its memory comes from.
    pub gift: Gift,
    /// What releases it elsewhere, if anything does.
    pub replaced_with: Option<Name>,
    /// Whether it is a structure within the structure, whose address is handed to what empties it.
    pub by_address: bool,
    /// The expression that leads to the structure.
    pub holder: ExprId,
    /// Where the structure is released or, by a function that only empties it, the last release of a member.
    pub dies: Span,
    /// The releases of the structure's other members.
    pub siblings: Vec<Sibling>,
}

/// A release of another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sibling {
    /// The member.
    pub member: Member,
    /// The releasing function, as it is spelled.
    pub by: Name,
    /// Where.
    pub span: Span,
    /// Whether it is handed over by its address.
    pub by_address: bool,
}

/// Which functions release structures of a kind, or members of them. The questions come up for many structures, so all
/// functions are looked through once.
#[derive(Debug, Default)]
pub(super) struct Releasers {
    of_whole: Map<Owner, Vec<(Name, FileId)>>,
    /// The most members that one function releases, as far as names tell; made when somebody asks first.
    most_members: OnceLock<Map<Owner, usize>>,
}

impl Releasers {
    pub(super) fn collect(known: Known, scope: Scope) -> Releasers {
        let is_asked = |owner: Owner| match scope {
            Scope::Tree => true,
            Scope::Part { owners, .. } => owners.contains(&owner),
        };
        if matches!(scope, Scope::Part { owners, .. } if owners.is_empty()) {
            return Releasers::default();
        }
        let released = |function: &Function| -> Vec<(Owner, (Name, FileId))> {
            let of_call = |(_, callee, _, args): (Span, Callee, Name, &[ExprId])| {
                let name = known.callee(function, callee);
                let owners = (0..args.len()).filter_map(|number| {
                    let (owner, _) = structure(known, function, args[number])?;
                    (is_asked(owner) && known.fate(function, name, args, number) == Fate::Released).then_some(owner)
                });
                owners.collect::<Vec<_>>()
            };
            calls(function).flat_map(of_call).map(|owner| (owner, (function.name, function.file))).collect()
        };
        let mut releasers = Releasers::default();
        let all: Vec<Vec<(Owner, (Name, FileId))>> = known.program.functions.par_iter().map(released).collect();
        for (owner, by) in all.into_iter().flatten() {
            releasers.of_whole.entry(owner).or_default().push(by);
        }
        releasers
    }

    /// Whether no other function releases structures of this kind.
    pub(super) fn has_only(&self, known: Known, owner: Owner, function: &Function) -> bool {
        known.evidence.questions.ask(Question::Releasers(owner));
        let all = self.of_whole.get(&owner).map_or(&[][..], |all| all);
        all.iter().all(|other| *other == (function.name, function.file))
    }

    /// Whether a function releases structures of this kind.
    pub(super) fn release(&self, owner: Owner, function: (Name, FileId)) -> bool {
        self.of_whole.get(&owner).is_some_and(|all| all.contains(&function))
    }

    /// Whether another function releases more members of a structure than `function`, as far as names tell.
    fn outdo(&self, known: Known, function: &Function, owner: Owner) -> bool {
        let most_members = self.most_members.get_or_init(|| {
            let all: Vec<Map<Owner, Vec<Name>>> =
                known.program.functions.par_iter().map(|one| released_by_name(known, one)).collect();
            let mut most: Map<Owner, usize> = Map::default();
            for (owner, members) in all.into_iter().flatten() {
                let known = most.entry(owner).or_default();
                *known = members.len().max(*known);
            }
            most
        });
        let own = released_by_name(known, function).get(&owner).map_or(0, Vec::len);
        most_members.get(&owner).is_some_and(|most| *most > own)
    }
}

/// A structure that a function releases or empties.
struct Dying {
    holder: ExprId,
    owner: Owner,
    declared: Type,
    file: FileId,
    span: Span,
    siblings: Vec<Sibling>,
}

impl Dying {
    /// The members that are released themselves, and so own their memory.
    fn released(&self) -> Vec<Member> {
        self.siblings.iter().filter(|sibling| !sibling.by_address).map(|sibling| sibling.member).collect()
    }
}

/// The members that a function forgets, if it is a destructor.
pub fn forgotten(known: Known, members: &Members, function: &Function) -> Vec<Forgotten> {
    let mut found: Vec<Forgotten> = Vec::new();
    for dying in dying(known, members, function) {
        for (path, member, declared) in candidates(known, &dying, function) {
            let by_address = declared.pointers == 0;
            let emptied_by = if by_address { emptied_like_siblings(known, &dying, declared) } else { None };
            if by_address && emptied_by.is_none() || mentions(known, function, member) {
                continue;
            }
            known.evidence.questions.ask(Question::Field(member.field));
            let Some(uses) = members.undoubted(known, member, &dying.released(), function) else { continue };
            let gift = match emptied_by {
                Some(release) => filled_like_siblings(known, members, uses, release),
                None => uses.gifts.first().copied(),
            };
            let Some(gift) = gift else { continue };
            // A pointer to const mostly belongs to somebody else, unless it is seen to be released.
            if declared.is_const && uses.replaced_with.is_none() {
                continue;
            }
            if sets(known, function, member, MAX_DEPTH) || found.iter().any(|known| known.member == member) {
                continue;
            }
            found.push(Forgotten {
                member,
                path,
                gift,
                replaced_with: uses.replaced_with,
                by_address,
                holder: dying.holder,
                dies: dying.span,
                siblings: dying.siblings.clone(),
            });
        }
    }
    found
}

/// The members that lie in the structure itself, also within nameless structures in it.
fn candidates(known: Known, dying: &Dying, function: &Function) -> Vec<(Vec<Name>, Member, Type)> {
    let types = &known.program.types;
    let mut found = Vec::new();
    for (field, declared) in types.fields(dying.declared.name, function.file) {
        let member = Member { owner: Some(dying.owner), field: *field };
        found.push((vec![*field], member, *declared));
        if declared.pointers == 0 && declared.name == field.within(dying.declared.name) {
            let Some((owner, _)) = types.owner(*declared, function.file) else { continue };
            for (inner, declared) in types.fields(declared.name, function.file) {
                found.push((vec![*field, *inner], Member { owner: Some(owner), field: *inner }, *declared));
            }
        }
    }
    found
}

/// What empties a structure within the structure, if the destructor empties several siblings of the same type with it.
fn emptied_like_siblings(known: Known, dying: &Dying, declared: Type) -> Option<Name> {
    let types = &known.program.types;
    let alike = |sibling: &&Sibling| {
        let fields = sibling.member.owner.map(|owner| types.fields(owner.name, dying.file));
        let same = (sibling.member.field, declared);
        sibling.by_address && fields.is_some_and(|fields| fields.contains(&same))
    };
    let mut emptied = dying.siblings.iter().filter(alike);
    let release = emptied.next()?.by;
    (emptied.filter(|sibling| sibling.by == release).count() + 1 >= SIBLINGS_WITHOUT_NAME).then_some(release)
}

/// A structure within the structure owns memory if its siblings are emptied by `release`, nobody empties it, and what
/// fills it fills other members that are emptied in the same way.
fn filled_like_siblings(known: Known, members: &Members, uses: &Uses, release: Name) -> Option<Gift> {
    let is_handed = |uses: &Uses, to: Name| uses.handed_to.iter().any(|(callee, _, _)| *callee == to);
    if is_handed(uses, release) {
        return None;
    }
    known.evidence.questions.ask(Question::Everything);
    // What is handed members that nobody empties as well does not fill all that it is handed.
    let uses_only = |callee: Name| USING.iter().any(|word| known.program.text(callee).contains(word));
    let fills = |callee: Name| {
        let filled = members.all().map(|(_, other)| other).filter(|other| is_handed(other, callee));
        let mut others = filled.filter(|other| !std::ptr::eq(*other, uses)).peekable();
        others.peek().is_some() && others.all(|other| is_handed(other, release))
    };
    let (source, function, span) =
        uses.handed_to.iter().copied().find(|(callee, _, _)| !uses_only(*callee) && fills(*callee))?;
    Some(Gift { function, span, source, part: 1, release })
}

/// The structures that a function takes from elsewhere and releases or empties.
fn dying(known: Known, members: &Members, function: &Function) -> Vec<Dying> {
    let name = known.program.text(function.name);
    let has_name = sounds_like_the_end(name);
    let mut found: Vec<Dying> = Vec::new();
    for (span, callee, _, args) in calls(function) {
        let name = known.callee(function, callee);
        for (number, arg) in args.iter().enumerate() {
            if known.fate(function, name, args, number) != Fate::Released || !is_plain(known, function, name, number) {
                continue;
            }
            let Some((owner, declared)) = structure(known, function, *arg) else { continue };
            if is_made_here(known, function, *arg) || found.iter().any(|other| function.same(other.holder, *arg)) {
                continue;
            }
            let siblings = siblings(known, function, *arg);
            let is_given = matches!(function.expr(*arg), Expr::Var(var) if var.0 < function.parameters);
            let is_destructor = has_name || is_given && siblings.len() >= SIBLINGS_WITHOUT_NAME;
            if is_destructor && !is_left_to_another(known, function, *arg, siblings.len()) {
                found.push(Dying { holder: *arg, owner, declared, file: function.file, span, siblings });
            }
        }
    }
    found.retain(|dying| !dying.siblings.is_empty() || members.releasers.has_only(known, dying.owner, function));
    // Where another function releases more of such a structure's members, this one only resets a part of it.
    let is_final = has_name && ends_an_object(function);
    if has_name
        && let Some(emptied) = emptied(known, function, is_final)
        && (is_final || !members.releasers.outdo(known, function, emptied.owner))
        && !found.iter().any(|dying| function.same(dying.holder, emptied.holder))
    {
        found.push(emptied);
    }
    found
}

/// Whether a function is called with the structure that releases more members of it than this one: then it is that
/// one's to know them.
fn is_left_to_another(known: Known, function: &Function, holder: ExprId, own: usize) -> bool {
    calls(function).any(|(_, callee, _, args)| {
        let id = known.callee(function, callee).and_then(|name| known.program.resolve(name, function.file));
        let Some(body) = id.and_then(|id| known.program.functions.get(id.0 as usize)) else { return false };
        args.iter().enumerate().filter(|(_, arg)| function.same(**arg, holder)).any(|(number, _)| {
            let parameter = Expr::Var(VarId(number as u32));
            let at = body.exprs.iter().position(|expr| *expr == parameter && (number as u32) < body.parameters);
            at.is_some_and(|at| siblings(known, body, ExprId(at as u32)).len() > own)
        })
    })
}

/// The members of each structure that a function hands to what releases by its name. What the paths of the callees show
/// is left out: not all of the tree is walked for a report on some of its files.
fn released_by_name(known: Known, function: &Function) -> Map<Owner, Vec<Name>> {
    let mut found: Map<Owner, Vec<Name>> = Map::default();
    for (_, callee, _, args) in calls(function) {
        let Callee::Named(name) = callee else { continue };
        let releases = known.program.sounds_like_release(name, function.file);
        for arg in args.iter().filter(|_| releases) {
            let place = match function.expr(*arg) {
                Expr::AddressOf(place) => place,
                _ => *arg,
            };
            let Some(member) = known.program.types.member(function, place) else { continue };
            let Some(owner) = member.owner else { continue };
            let members = found.entry(owner).or_default();
            if !members.contains(&member.field) {
                members.push(member.field);
            }
        }
    }
    found
}

/// Whether a function goes on with the finalizer of the parent class: then the object is of no more use.
fn ends_an_object(function: &Function) -> bool {
    let finalizer = Name::of("finalize");
    calls(function).any(|(_, callee, spelled, _)| matches!(callee, Callee::Through(_)) && spelled == finalizer)
}

/// A parameter, or a local that another function gives, that is not released itself, but several of its members are; one is
/// enough at the end of an object.
fn emptied(known: Known, function: &Function, is_final: bool) -> Option<Dying> {
    let enough = if is_final { 1 } else { SIBLINGS_OF_EMPTIED };
    (0..function.vars.len() as u32).find_map(|number| {
        let at = function.exprs.iter().position(|expr| *expr == Expr::Var(VarId(number)))?;
        let holder = ExprId(at as u32);
        let (owner, declared) =
            structure(known, function, holder).filter(|_| !is_made_here(known, function, holder))?;
        let siblings = siblings(known, function, holder);
        let span = siblings.last()?.span;
        let is_emptied = siblings.len() >= enough && !is_left_to_another(known, function, holder, siblings.len());
        is_emptied.then_some(Dying { holder, owner, declared, file: function.file, span, siblings })
    })
}

/// Whether a releasing function takes any memory, so that it cannot know of the structure's members.
fn is_plain(known: Known, caller: &Function, callee: Option<Name>, argument: usize) -> bool {
    let Some(name) = callee else { return false };
    if let Some(deed) = known.program.deed(name, caller.file) {
        return matches!(deed, Deed::Release { .. });
    }
    let Some(id) = known.program.resolve(name, caller.file) else { return false };
    let Some(body) = known.program.functions.get(id.0 as usize) else { return false };
    let declared = body.var(VarId(argument as u32)).map(|var| var.declared).unwrap_or_default();
    (argument as u32) < body.parameters && known.program.types.owner(declared, body.file).is_none()
}

/// The structure that a pointer leads to.
fn structure(known: Known, function: &Function, pointer: ExprId) -> Option<(Owner, Type)> {
    let types = &known.program.types;
    let declared = types.of(function, pointer)?;
    let (owner, pointers) = types.owner(declared, function.file)?;
    (pointers == 1).then_some((owner, Type { name: owner.name, ..Type::default() }))
}

/// Whether the local that leads to the structure is given fresh memory by the same function.
fn is_made_here(known: Known, function: &Function, holder: ExprId) -> bool {
    let Expr::Var(var) = function.expr(holder) else { return false };
    let instrs = || function.instrs();
    instrs().any(|instr| {
        let InstrKind::Assign { to, from } = &instr.kind else { return false };
        let Expr::Var(source) = function.expr(*from) else { return false };
        function.expr(*to) == Expr::Var(var)
            && instrs().any(|instr| {
                matches!(&instr.kind, InstrKind::Call { into, callee: Callee::Named(name), .. }
                    if *into == source && makes(known, function, *name))
            })
    })
}

fn makes(known: Known, function: &Function, callee: Name) -> bool {
    match known.program.deed(callee, function.file) {
        Some(deed) => matches!(deed, Deed::Acquire { .. } | Deed::Reallocate { .. }),
        None => known
            .summary(callee, function)
            .is_some_and(|summary| summary.outcomes.iter().any(|outcome| !outcome.fresh.is_empty())),
    }
}

/// The releases of members of the structure behind `holder`.
fn siblings(known: Known, function: &Function, holder: ExprId) -> Vec<Sibling> {
    let types = &known.program.types;
    let mut found: Vec<Sibling> = Vec::new();
    for (span, callee, spelled, args) in calls(function) {
        let name = known.callee(function, callee);
        for (number, arg) in args.iter().enumerate() {
            let (place, by_address) = match function.expr(*arg) {
                Expr::AddressOf(place) => (place, true),
                _ => (*arg, false),
            };
            let Some(member) = types.member(function, place).filter(|_| is_within(function, place, holder)) else {
                continue;
            };
            let releases = if by_address {
                name.is_some_and(|name| sounds_like_release(known.program.text(name)))
            } else {
                known.fate(function, name, args, number) == Fate::Released
            };
            if releases && !found.iter().any(|sibling| sibling.member == member) {
                found.push(Sibling { member, by: spelled, span, by_address });
            }
        }
    }
    found
}

/// Whether a place is a member of what `holder` points to, also of a structure within it.
fn is_within(function: &Function, place: ExprId, holder: ExprId) -> bool {
    let mut at = place;
    for _ in 0..4 {
        match function.expr(at) {
            Expr::Field(base, _) => at = base,
            Expr::Deref(pointer) => return function.same(pointer, holder),
            _ => return false,
        }
    }
    false
}

/// Whether a place is the member, or one of that name in a structure whose type is not known.
fn is_member(known: Known, function: &Function, place: ExprId, member: Member) -> bool {
    known.program.types.member(function, place).is_some_and(|other| may_be(other, member))
}

fn may_be(other: Member, member: Member) -> bool {
    other.field == member.field && (other.owner == member.owner || other.owner.is_none())
}

fn mentions(known: Known, function: &Function, member: Member) -> bool {
    let types = &known.program.types;
    // What shares its storage with another member may be released by that one's name.
    let is_shared = member.owner.is_some_and(|owner| types.is_union(owner));
    let mut all = (0..function.exprs.len() as u32).filter_map(|id| types.member(function, ExprId(id)));
    all.any(|other| may_be(other, member) || is_shared && other.owner == member.owner)
}

/// Whether a function that is called, or one that it calls, gives the member another value.
fn sets(known: Known, function: &Function, member: Member, depth: u32) -> bool {
    depth > 0
        && known.program.callees(function).into_iter().any(|id| {
            let Some(callee) = known.program.functions.get(id.0 as usize) else { return false };
            let mut instrs = callee.instrs();
            instrs
                .any(|instr| matches!(instr.kind, InstrKind::Assign { to, .. } if is_member(known, callee, to, member)))
                || sets(known, callee, member, depth - 1)
        })
}

fn calls(function: &Function) -> impl Iterator<Item = (Span, Callee, Name, &[ExprId])> {
    function.instrs().filter_map(|instr| match &instr.kind {
        InstrKind::Call { callee, spelled, args, .. } => Some((instr.span, *callee, *spelled, &**args)),
        _ => None,
    })
}

/// Whether a function takes a pointer to a structure and nothing else, and by its name releases something.
pub fn is_named_for(program: &Program, function: &Function, owner: Owner) -> bool {
    let only = function.vars.first().filter(|_| function.parameters == 1);
    only.and_then(|var| program.types.owner(var.declared, function.file)) == Some((owner, 1))
        && sounds_like_release(program.text(function.name))
}

/// The only function of the tree that by its name and body releases structures of a type, as `file` sees it.
pub fn release_of_type(known: Known, declared: Type, file: FileId) -> Option<Name> {
    let types = &known.program.types;
    let (owner, _) = types.owner(declared, file).filter(|(_, pointers)| *pointers == 1)?;
    let mut found = known.program.functions.iter().enumerate().filter(|(number, function)| {
        let visible = function.linkage == super::ir::Linkage::Program || function.file == file;
        visible
            && is_named_for(known.program, function, owner)
            && known
                .summaries()
                .get(FunctionId(*number as u32))
                .is_some_and(|summary| summary.outcomes.iter().any(|outcome| outcome.releases(0)))
    });
    let first = found.next().map(|(_, function)| function.name);
    first.filter(|_| found.next().is_none())
}
