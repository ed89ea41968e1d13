//! What the tree does with the members of structures: which of them own memory, and who releases it.
//!
//! A member owns what it points to where every function gives it nothing but fresh memory or null, and nobody takes
//! that memory away from it. One look at each function, without paths: doubt of any kind counts against ownership.

mod origins;

use super::destructors::Releasers;
use super::domain::Via;
use super::evidence::Evidence;
use super::ir::{Callee, Expr, ExprId, Function, InstrKind, Terminator};
use super::knowledge::{Deed, sounds_like_keeping, sounds_like_release};
use super::names::{Map, Name, Set};
use super::program::{FunctionId, Program};
use super::questions::Question;
use super::summary::{Effect, Outcome, Path, Selector, Spec, Summary};
use super::syntax::Span;
use super::types::{Member, Owner};
use super::walk::Summaries;
use origins::{Origin, Origins};
use rayon::prelude::*;
use std::sync::OnceLock;

/// What a call does with the memory that one of its arguments points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It looks at it.
    Borrowed,
    /// It releases it.
    Released,
    /// It may keep it.
    Kept,
}

/// Fresh memory that a member is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gift {
    /// The function that gives it.
    pub function: FunctionId,
    /// Where.
    pub span: Span,
    /// The function whose output it is.
    pub source: Name,
    /// Which of its outputs: 0 the result, else the number of the argument plus 1.
    pub part: u16,
    /// What releases its kind.
    pub release: Name,
}

/// Why a member may not own what it points to, or not alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// It is given other things, or its memory is taken from it.
    Shared,
    /// A call may keep what it is handed: the callee, and the number of the argument.
    Kept(Name, u16),
    /// The same for its address.
    Filled(Name, u16),
    /// This function releases it and leaves null there.
    Reset(FunctionId),
}

/// What the tree does with one member.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// The fresh memory it is given.
    pub gifts: Vec<Gift>,
    /// What releases it where it is given new memory afterwards.
    pub replaced_with: Option<Name>,
    /// Why it may not own what it points to, each reason once.
    pub doubts: Vec<Doubt>,
    /// Who releases it.
    pub released_in: Vec<FunctionId>,
    /// The functions that its address is handed to, and where.
    pub handed_to: Vec<(Name, FunctionId, Span)>,
}

/// The members of all structures.
#[derive(Debug, Default)]
pub struct Members {
    uses: Map<Member, Uses>,
    /// Structures that are copied as a whole, so that two share their members' memory.
    copied: Set<Owner>,
    /// What calls do with members that somebody releases all the same.
    spared: Set<Doubt>,
    /// Who releases whole structures.
    pub(super) releasers: Releasers,
}

/// What one look at a function tells.
enum Event {
    Gift(Member, Gift),
    Replaced(Member, Name),
    Doubt(Member, Doubt),
    Released(Member),
    Handed(Member, Name, Span),
    Copied(Owner),
}

/// Everything known of the tree's functions once they were walked.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The tree.
    pub program: &'a Program,
    /// What calls do.
    pub summaries: &'a [OnceLock<Option<Summary>>],
    /// What the tree teaches.
    pub evidence: &'a Evidence,
}

/// Whose members are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// All of the tree.
    Tree,
    /// Members of these names, and who releases these structures; what else was seen on the way may be incomplete.
    Part {
        /// The members' names.
        fields: &'a Set<Name>,
        /// The structures.
        owners: &'a Set<Owner>,
    },
}

impl Scope<'_> {
    fn asks_for(self, field: Name) -> bool {
        match self {
            Scope::Tree => true,
            Scope::Part { fields, .. } => fields.contains(&field),
        }
    }

    fn looks_at(self, function: &Function) -> bool {
        function.exprs.iter().any(|expr| match expr {
            Expr::Field(_, field) => self.asks_for(*field),
            Expr::Deref(_) => matches!(self, Scope::Tree),
            _ => false,
        })
    }
}

impl<'a> Known<'a> {
    /// The summaries, for who looks at functions after the tree was walked.
    pub fn summaries(&self) -> Summaries<'a> {
        Summaries { cells: self.summaries, from: None, questions: &self.evidence.questions }
    }

    /// The summary of a function as it is called in `caller`, if its body is in the tree and simple enough.
    pub fn summary(&self, callee: Name, caller: &Function) -> Option<&'a Summary> {
        self.summaries().get(self.program.resolve(callee, caller.file)?)
    }

    /// Whether a callee has a body that was not walked, so that nothing can be said of it yet.
    fn is_open(&self, callee: Name, caller: &Function) -> bool {
        let id = self.program.resolve(callee, caller.file);
        id.and_then(|id| self.summaries.get(id.0 as usize)).is_some_and(|cell| cell.get().is_none())
    }

    /// The name of a call's callee, through a pointer where there is one candidate.
    pub fn callee(&self, caller: &Function, callee: Callee) -> Option<Name> {
        match callee {
            Callee::Named(name) => Some(name),
            Callee::Through(expr) => self.program.pointer_target(caller, expr),
        }
    }

    /// What a call does with the memory that an argument points to. Who takes a pointer to const may remember it, but leaves
    /// the memory to its owner.
    pub fn fate(&self, caller: &Function, callee: Option<Name>, args: &[ExprId], argument: usize) -> Fate {
        let Some(name) = callee else { return Fate::Kept };
        let number = argument as u32;
        let fate = self.fate_by_deeds(caller, name, args, argument);
        if fate == Fate::Kept && self.program.takes_const(name, number) { Fate::Borrowed } else { fate }
    }

    fn fate_by_deeds(&self, caller: &Function, name: Name, args: &[ExprId], argument: usize) -> Fate {
        let number = argument as u32;
        if let Some(deed) = self.program.deed(name, caller.file) {
            return match deed {
                Deed::Release { argument, .. } if argument == number => Fate::Released,
                Deed::Reallocate { .. } if number == 0 => Fate::Released,
                Deed::Take { argument } if argument == number => Fate::Kept,
                _ => Fate::Borrowed,
            };
        }
        if let Some(summary) = self.summary(name, caller) {
            return self.fate_by_summary(summary, number);
        }
        if self.is_open(name, caller) {
            return Fate::Borrowed;
        }
        if sounds_like_release(self.program.text(name)) {
            return Fate::Released;
        }
        if caller.is_printed(args, argument) {
            return Fate::Borrowed;
        }
        if self.borrows(Via { callee: name, argument: argument as u16, at: 0 }) { Fate::Borrowed } else { Fate::Kept }
    }

    /// Whether a callee of which nothing was known when it was walked past evidently leaves what it is handed alone. One
    /// that has a body, in a circle of calls for instance, must not be seen to keep it either.
    pub fn borrows(&self, via: Via) -> bool {
        let number = u32::from(via.argument);
        let is_it = |path: &Path| path.is_parameter(number);
        let keeps = |outcome: &Outcome| {
            outcome.releases(number)
                || outcome.effects.iter().any(|effect| match effect {
                    Effect::Escape(path, seen_by) => seen_by.is_empty() && is_it(path),
                    Effect::Write(_, Spec::Initial(path)) => is_it(path),
                    _ => false,
                })
        };
        let bodies = || self.program.bodies(via.callee).iter().filter_map(|id| self.summaries().get(*id));
        self.evidence.borrows(self.program, via) && !bodies().any(|body| body.outcomes.iter().any(keeps))
    }

    fn fate_by_summary(&self, summary: &Summary, number: u32) -> Fate {
        let mut fate = Fate::Borrowed;
        for outcome in &summary.outcomes {
            if outcome.releases(number) {
                return Fate::Released;
            }
            let same = |path: &Path| path.is_parameter(number);
            let kept = outcome.effects.iter().any(|effect| match effect {
                Effect::Escape(path, seen_by) => {
                    same(path) && (seen_by.is_empty() || !seen_by.iter().all(|via| self.borrows(*via)))
                }
                Effect::Write(_, Spec::Initial(path) | Spec::Address(path)) => same(path),
                _ => false,
            });
            let returned = matches!(&outcome.returns, Spec::Initial(path) if same(path));
            if kept || returned {
                fate = Fate::Kept;
            }
        }
        fate
    }

    /// What a call puts where an argument points to, as far as that is fresh memory: what releases it.
    fn fill(&self, caller: &Function, callee: Option<Name>, argument: usize) -> Option<Name> {
        let name = callee?;
        if let Some(deed) = self.program.deed(name, caller.file) {
            return match deed {
                Deed::Fill { argument: filled, release, .. } if filled as usize == argument => Some(release),
                _ => None,
            };
        }
        let summary = self.summary(name, caller)?;
        let mut release = None;
        for outcome in &summary.outcomes {
            for effect in &outcome.effects {
                let Effect::Write(path, spec) = effect else { continue };
                let here = path.base == super::summary::Base::Parameter(argument as u32)
                    && path.selectors.as_slice() == [Selector::Deref];
                match spec {
                    _ if !here => {}
                    Spec::Fresh(number) => release = outcome.fresh.get(usize::from(*number))?.release,
                    Spec::Int(0) => {}
                    _ => return None,
                }
            }
        }
        release
    }
}

impl Members {
    /// Collects what all functions do.
    pub fn collect(known: Known, scope: Scope) -> Members {
        let functions = &known.program.functions;
        let looks: Vec<Vec<Event>> = functions
            .par_iter()
            .enumerate()
            .map(|(number, function)| Look::at(known, scope, FunctionId(number as u32), function))
            .collect();
        let mut members = Members { releasers: Releasers::collect(known, scope), ..Members::default() };
        for (number, look) in looks.into_iter().enumerate() {
            for event in look {
                members.note(FunctionId(number as u32), event);
            }
        }
        members.spare(known.program);
        members
    }

    /// Whoever releases a member knows that the callees it was handed to did not take it. Those that put things into
    /// collections are left out: what they did not take is released as well.
    fn spare(&mut self, program: &Program) {
        let released = self.uses.values().filter(|uses| !uses.released_in.is_empty());
        let spares = |doubt: &&Doubt| matches!(doubt, Doubt::Kept(by, _) if !sounds_like_keeping(program.text(*by)));
        self.spared = released.flat_map(|uses| &uses.doubts).filter(spares).copied().collect();
    }

    fn note(&mut self, function: FunctionId, event: Event) {
        match event {
            Event::Gift(member, gift) => self.uses.entry(member).or_default().gifts.push(gift),
            Event::Replaced(member, by) => self.uses.entry(member).or_default().replaced_with = Some(by),
            Event::Doubt(member, doubt) => {
                let doubts = &mut self.uses.entry(member).or_default().doubts;
                if !doubts.contains(&doubt) {
                    doubts.push(doubt);
                }
            }
            Event::Released(member) => self.uses.entry(member).or_default().released_in.push(function),
            Event::Handed(member, to, span) => {
                self.uses.entry(member).or_default().handed_to.push((to, function, span));
            }
            Event::Copied(owner) => {
                self.copied.insert(owner);
            }
        }
    }

    /// All members, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Member, &Uses)> {
        self.uses.iter()
    }

    /// What is done with a member.
    pub fn uses(&self, member: Member) -> Option<&Uses> {
        self.uses.get(&member)
    }

    /// What is done with a member whose memory nobody takes away. What happens to members of that name in structures
    /// whose type is not known counts against it; what happens to the `siblings` as well does not, since they own their
    /// memory all the same. Who resets it must end such structures as well, unless only `function` does.
    pub fn undoubted(&self, known: Known, member: Member, siblings: &[Member], function: &Function) -> Option<&Uses> {
        let uses = self.uses.get(&member)?;
        let nameless = self.uses.get(&Member { owner: None, field: member.field });
        let mut doubts = uses.doubts.iter().chain(nameless.iter().flat_map(|uses| &uses.doubts));
        let doubt = nameless.is_some_and(|uses| !uses.handed_to.is_empty())
            || member.owner.is_none_or(|owner| self.copied.contains(&owner))
            || known.program.offsets.contains(&member.field)
            || doubts.any(|doubt| {
                matches!(doubt, Doubt::Reset(by) if !self.ends(known, member, *by, function))
                    || !self.is_spared(known, *doubt, siblings)
            });
        (!doubt).then_some(uses)
    }

    /// Whether who resets a member ends such structures, or nobody but `function` does.
    fn ends(&self, known: Known, member: Member, by: FunctionId, function: &Function) -> bool {
        let by = known.program.functions.get(by.0 as usize);
        member.owner.zip(by).is_some_and(|(owner, by)| {
            self.releasers.has_only(known, owner, function) || self.releasers.release(owner, (by.name, by.file))
        })
    }

    /// Whether there is the same doubt about a member that is seen to own its memory: what a callee is handed of it, it does
    /// not keep; and whoever resets it is not who ends the structure.
    fn is_spared(&self, known: Known, doubt: Doubt, siblings: &[Member]) -> bool {
        if doubt == Doubt::Shared {
            return false;
        }
        let has = |member: Member| {
            self.uses.get(&member).is_some_and(|uses| match doubt {
                Doubt::Reset(function) => uses.released_in.contains(&function),
                doubt => uses.doubts.contains(&doubt),
            })
        };
        let shared = siblings.iter().any(|sibling| {
            known.evidence.questions.ask(Question::Field(sibling.field));
            has(*sibling) || has(Member { owner: None, field: sibling.field })
        });
        // Only of what is kept anything else than the siblings tells.
        if shared || !matches!(doubt, Doubt::Kept(..)) {
            return shared;
        }
        known.evidence.questions.ask(Question::Everything);
        self.spared.contains(&doubt)
    }
}

/// `*to = *from` of structures.
fn copies(program: &Program, function: &Function) -> Vec<Event> {
    let whole = |id: ExprId| {
        let declared = program.types.of(function, id)?;
        program.types.owner(declared, function.file).filter(|(_, pointers)| *pointers == 0).map(|(owner, _)| owner)
    };
    let instrs = function.instrs();
    let copied = instrs.filter_map(|instr| match &instr.kind {
        InstrKind::Assign { to, from } => whole(*from).filter(|_| whole(*to).is_some()),
        _ => None,
    });
    copied.map(Event::Copied).collect()
}

/// One look at a function.
struct Look<'a> {
    known: Known<'a>,
    scope: Scope<'a>,
    id: FunctionId,
    function: &'a Function,
    origins: Origins<'a>,
    events: Vec<Event>,
}

impl Look<'_> {
    fn at(known: Known, scope: Scope, id: FunctionId, function: &Function) -> Vec<Event> {
        if !scope.looks_at(function) {
            // Whoever copies a structure need not name its members.
            return if Scope::Tree.looks_at(function) { copies(known.program, function) } else { Vec::new() };
        }
        let origins = Origins::of(known, function);
        let mut look = Look { known, scope, id, function, origins, events: copies(known.program, function) };
        for block in &function.blocks {
            for instr in &block.instrs {
                match &instr.kind {
                    InstrKind::Assign { to, from } => look.assign(*to, *from, instr.span),
                    InstrKind::Call { callee, spelled, args, .. } => look.call(*callee, *spelled, args, instr.span),
                    _ => {}
                }
            }
            if let Terminator::Return { value: Some(value), .. } = &block.end {
                look.hand_on(*value);
            }
        }
        look.events
    }

    /// The member that an expression denotes, if anybody asks for such members.
    fn member(&self, expr: ExprId) -> Option<Member> {
        self.known.program.types.member(self.function, expr).filter(|member| self.scope.asks_for(member.field))
    }

    fn assign(&mut self, to: ExprId, from: ExprId, span: Span) {
        if let Some(member) = self.member(to) {
            match self.origins.of_value(from, 0) {
                Origin::Null => {}
                Origin::Fresh { source, part, release } => {
                    let gift = Gift { function: self.id, span, source, part, release };
                    self.events.push(Event::Gift(member, gift));
                }
                Origin::Foreign => self.events.push(Event::Doubt(member, Doubt::Shared)),
            }
        }
        let Some(member) = self.member(from) else { return };
        let doubts = match self.function.expr(to) {
            Expr::Var(var) => self.origins.doubts(var, 0),
            _ => vec![Doubt::Shared],
        };
        self.events.extend(doubts.into_iter().map(|doubt| Event::Doubt(member, doubt)));
    }

    /// A value goes where others may release it, unless it is only shown.
    fn hand_on(&mut self, value: ExprId) {
        if let Some(member) = self.member(value).filter(|_| !self.function.lends) {
            self.events.push(Event::Doubt(member, Doubt::Shared));
        }
    }

    fn call(&mut self, callee: Callee, spelled: Name, args: &[ExprId], span: Span) {
        let name = self.known.callee(self.function, callee);
        for (number, arg) in args.iter().enumerate() {
            if let Expr::AddressOf(place) = self.function.expr(*arg) {
                if let Some(member) = self.member(place) {
                    self.address(member, place, name, number, span);
                }
            } else if let Some(member) = self.member(*arg) {
                let fate = self.known.fate(self.function, name, args, number);
                if fate == Fate::Released {
                    self.events.push(Event::Released(member));
                }
                match fate {
                    Fate::Borrowed => {}
                    Fate::Released if self.is_given_after(member, span) => {
                        // `path = resolved(base, path)` releases the old one by the way.
                        if args.len() == 1 || name.is_some_and(|name| self.sounds_like_release(name)) {
                            self.events.push(Event::Replaced(member, spelled));
                        }
                    }
                    Fate::Released if self.is_null_after(member, span) => {
                        self.events.push(Event::Doubt(member, Doubt::Reset(self.id)));
                    }
                    Fate::Released => self.events.push(Event::Doubt(member, Doubt::Shared)),
                    Fate::Kept => {
                        let doubt = name.map_or(Doubt::Shared, |name| Doubt::Kept(name, number as u16));
                        self.events.push(Event::Doubt(member, doubt));
                    }
                }
            }
        }
    }

    fn sounds_like_release(&self, name: Name) -> bool {
        self.known.program.sounds_like_release(name, self.function.file)
    }

    fn address(&mut self, member: Member, place: ExprId, callee: Option<Name>, number: usize, span: Span) {
        let types = &self.known.program.types;
        let is_pointer = types.of(self.function, place).is_none_or(|declared| declared.pointers > 0);
        if let Some(release) = self.known.fill(self.function, callee, number) {
            let source = callee.unwrap_or_default();
            let gift = Gift { function: self.id, span, source, part: number as u16 + 1, release };
            self.events.push(Event::Gift(member, gift));
        } else if let Some(callee) = callee {
            self.events.push(Event::Handed(member, callee, span));
            match self.known.summary(callee, self.function) {
                _ if !is_pointer => {}
                Some(summary) if !summary.releases_behind(number as u32) => {}
                Some(_) => self.events.push(Event::Doubt(member, Doubt::Shared)),
                // `free_and_null(&box->name)`
                None if self.sounds_like_release(callee) || self.known.program.text(callee).contains("clear") => {
                    self.events.push(Event::Released(member));
                    self.events.push(Event::Doubt(member, Doubt::Reset(self.id)));
                }
                None => self.events.push(Event::Doubt(member, Doubt::Filled(callee, number as u16))),
            }
        } else {
            self.events.push(Event::Doubt(member, Doubt::Shared));
        }
    }

    /// Whether the function gives a member fresh memory further down, or in the same statement.
    fn is_given_after(&self, member: Member, span: Span) -> bool {
        self.values_after(member, span).any(|value| matches!(self.origins.of_value(value, 0), Origin::Fresh { .. }))
    }

    /// The same for null.
    fn is_null_after(&self, member: Member, span: Span) -> bool {
        self.values_after(member, span).any(|value| self.origins.of_value(value, 0) == Origin::Null)
    }

    fn values_after(&self, member: Member, span: Span) -> impl Iterator<Item = ExprId> {
        self.function.instrs().filter(move |instr| instr.span.end >= span.start).filter_map(move |instr| {
            match instr.kind {
                InstrKind::Assign { to, from } if self.member(to) == Some(member) => Some(from),
                _ => None,
            }
        })
    }
}
