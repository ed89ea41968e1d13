//! Who may keep memory, paths left aside: a second, coarse opinion on what the [walk](super::walk) says.
//!
//! The walk follows paths and can lose one: a bound is hit, a condition is misread, a callee is known only in part. Here
//! every statement between the acquisition and the loss counts, whatever leads to it. The pointer is followed from variable
//! to variable and from argument to parameter, through all bodies that a name can mean, and where it gets into memory that
//! is not the function's own, it may be kept.

pub(super) mod between;
mod leads;

use super::domain::Via;
use super::ir::{Callee, Expr, ExprId, Function, Instr, InstrKind, Terminator, VarId};
use super::knowledge::{Deed, sounds_like_release};
use super::members::Known;
use super::names::{Map, Name};
use super::program::FunctionId;
use super::summary::Spec;
use super::syntax::Span;
use super::walk::Site;
use between::Between;
use leads::{Lead, Leads, Root, root};

/// So many bodies are looked into for one question; beyond that somebody may well keep it.
const MAX_BODIES: usize = 400;

/// Who may keep memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// A place in memory that is not the function's own.
    Place,
    /// The function that is called by this name, or one that is not known.
    Callee(Option<Name>),
    /// Whoever called the function is given it.
    Caller,
}

/// Who may keep what a function acquires before it is lost at one of these places, as far as `site` and `losses` can be
/// told apart from the rest of the function; or whoever makes it for the function. What the function itself puts somewhere the
/// walk has seen well enough: it is the callees that are asked.
pub fn keeper(known: Known, function: &Function, site: &Site, losses: &[Span]) -> Option<Keeper> {
    let mut asked = Asked::about(known, false);
    let mut leads = Leads::of(known, function);
    let between = Between::of(function, site, losses);
    for instr in between.acquisitions() {
        if let Err(keeper) = asked.acquire(&mut leads, instr, site.part) {
            return Some(keeper);
        }
    }
    match asked.within(leads, Some(&between)) {
        Err(keeper) => Some(keeper),
        Ok(given) if given.result.any() || !given.behind.is_empty() => Some(Keeper::Caller),
        Ok(_) => None,
    }
}

/// Whether an acquisition stands in a loop: the walk takes what its later rounds give for anything.
pub fn is_in_a_loop(function: &Function, site: &Site) -> bool {
    Between::of(function, site, &[]).is_a_round()
}

/// The variables that may be, or hold, a pointer to what an acquisition gives.
pub fn leading(known: Known, function: &Function, site: &Site) -> Vec<VarId> {
    let mut asked = Asked { is_using: true, ..Asked::about(known, true) };
    let mut leads = Leads::of(known, function);
    for instr in Between::of(function, site, &[]).acquisitions() {
        // A place of the caller's holds it: whoever reads it from there is not followed.
        let _ = asked.acquire(&mut leads, instr, site.part);
    }
    asked.follow(&mut leads, None).map_or_else(|_| Vec::new(), |()| leads.leading())
}

/// What a call gives back of what it was given.
#[derive(Debug, Clone, Default)]
struct Given {
    /// What its result leads to.
    result: Lead,
    /// The parameters that lead to memory which may hold it afterwards.
    behind: Vec<u32>,
}

impl Given {
    fn add(&mut self, other: Given) {
        self.result = self.result.or(other.result);
        for number in other.behind {
            if !self.behind.contains(&number) {
                self.behind.push(number);
            }
        }
    }
}

struct Asked<'a> {
    known: Known<'a>,
    /// What became of a parameter with that lead, or of one that is being looked at.
    bodies: Map<(FunctionId, u32, Lead), Given>,
    /// Whether it is asked about who makes the memory. Nothing is said then of callees that are not known, which set up what
    /// is made, and a place that keeps it is noted and no answer yet.
    is_making: bool,
    /// Whether it is asked who uses the memory: what callees that are not known make of it may lead into it.
    is_using: bool,
    is_kept: bool,
}

/// A maker is asked about its makers this deep.
const MAX_MAKERS: u32 = 3;
/// A maker with more calls is none, but does something larger.
const MAX_CALLS: usize = 64;

impl<'a> Asked<'a> {
    fn about(known: Known<'a>, is_making: bool) -> Asked<'a> {
        Asked { known, bodies: Map::default(), is_making, is_using: false, is_kept: false }
    }

    /// Notes what an acquisition gives: its result, or what one of its arguments points to.
    fn acquire(&self, leads: &mut Leads, instr: &Instr, part: u16) -> Result<(), Keeper> {
        let InstrKind::Call { into, callee, args, .. } = &instr.kind else { return Ok(()) };
        let function = leads.function;
        match part.checked_sub(1) {
            None => leads.add(*into, Lead::TO),
            Some(argument) => match args.get(usize::from(argument)).map(|arg| function.expr(*arg)) {
                Some(Expr::AddressOf(place)) if matches!(root(function, place), Root::Local(_)) => {
                    let is_pointer = leads.is_pointer(place);
                    leads.put(place, if is_pointer { Lead::TO } else { Lead::BOTH })?
                }
                _ => return Err(Keeper::Place),
            },
        }
        let Some(name) = self.known.callee(function, *callee) else { return Ok(()) };
        for number in self.maker(function, name, part, MAX_MAKERS).ok_or(Keeper::Callee(Some(name)))? {
            let place = args.get(number as usize).ok_or(Keeper::Callee(Some(name)))?;
            leads.put_behind(*place).map_err(|_| Keeper::Callee(Some(name)))?;
        }
        Ok(())
    }

    /// The parameters of a maker that lead to what may hold what it makes, beside the output that gives it; none if somebody
    /// else may keep that.
    fn maker(&self, caller: &Function, name: Name, part: u16, depth: u32) -> Option<Vec<u32>> {
        let program = self.known.program;
        let mut holders = Vec::new();
        if depth == 0 || program.deed(name, caller.file).is_some() {
            return Some(holders);
        }
        let id = program.resolve(name, caller.file);
        let Some(maker) = id.and_then(|id| program.functions.get(id.0 as usize)) else { return Some(holders) };
        let calls = maker.instrs().filter(|instr| matches!(instr.kind, InstrKind::Call { .. }));
        if calls.clone().count() > MAX_CALLS {
            return Some(holders);
        }
        let nothing = Leads::of(self.known, maker);
        for instr in calls {
            let InstrKind::Call { into, callee, .. } = &instr.kind else { continue };
            let Some(inner) = self.known.callee(maker, *callee).filter(|inner| self.makes(maker, *inner)) else {
                continue;
            };
            let mut leads = nothing.clone();
            leads.add(*into, Lead::TO);
            let mut asked = Asked::about(self.known, true);
            let given = asked.within(leads, None).ok()?;
            let output = u32::from(part).checked_sub(1);
            let is_given = output.map_or(given.result.any(), |output| given.behind.contains(&output));
            if !is_given {
                continue;
            }
            if asked.is_kept || inner != name && self.maker(maker, inner, 0, depth - 1).is_none() {
                return None;
            }
            holders.extend(given.behind.into_iter().filter(|number| Some(*number) != output));
        }
        Some(holders)
    }

    /// Whether the result of a function is something that it made.
    fn makes(&self, caller: &Function, name: Name) -> bool {
        match self.known.program.deed(name, caller.file) {
            Some(deed) => matches!(deed, Deed::Acquire { .. } | Deed::AcquireUnless { .. }),
            None => self.known.summary(name, caller).is_some_and(|summary| {
                summary.outcomes.iter().any(|outcome| matches!(outcome.returns, Spec::Fresh(_)))
            }),
        }
    }

    /// Says that somebody may keep the memory, or notes it where the question is another.
    fn keeps(&mut self, keeper: Keeper) -> Result<(), Keeper> {
        self.is_kept = true;
        if self.is_making { Ok(()) } else { Err(keeper) }
    }

    /// What a function gives its caller, or who may keep it. The order of statements does not matter.
    fn within(&mut self, mut leads: Leads, between: Option<&Between>) -> Result<Given, Keeper> {
        self.follow(&mut leads, between)?;
        let function = leads.function;
        let mut result = Lead::NONE;
        for (number, block) in function.blocks.iter().enumerate() {
            if let Terminator::Return { value: Some(value), .. } = &block.end
                && between.is_none_or(|between| between.has(number, block.instrs.len()))
            {
                result = result.or(leads.lead(*value));
            }
        }
        Ok(Given { result, behind: leads.filled })
    }

    /// Follows the memory from variable to variable until no more lead to it.
    fn follow(&mut self, leads: &mut Leads, between: Option<&Between>) -> Result<(), Keeper> {
        let function = leads.function;
        loop {
            let before = leads.clone();
            for (number, block) in function.blocks.iter().enumerate() {
                for (at, instr) in block.instrs.iter().enumerate() {
                    if between.is_none_or(|between| between.has(number, at)) {
                        // What the function itself puts elsewhere the walk has seen.
                        let is_seen = between.is_some()
                            && matches!(instr.kind, InstrKind::Assign { to, .. } if !matches!(root(function, to), Root::Local(_)));
                        if !is_seen {
                            self.step(leads, instr).or_else(|keeper| self.keeps(keeper))?;
                        }
                    }
                }
            }
            if *leads == before {
                return Ok(());
            }
        }
    }

    fn step(&mut self, leads: &mut Leads, instr: &Instr) -> Result<(), Keeper> {
        match &instr.kind {
            InstrKind::Assign { to, from } => leads.assign(*to, *from),
            InstrKind::Call { into, callee, spelled, args } => self.call(leads, *into, (*callee, *spelled), args),
            InstrKind::Blind(places) if !self.is_making && places.iter().any(|place| leads.lead(*place).any()) => {
                Err(Keeper::Place)
            }
            InstrKind::Blind(_) | InstrKind::Use(_) | InstrKind::Declare(_) | InstrKind::Leave(_) => Ok(()),
        }
    }

    fn call(
        &mut self,
        leads: &mut Leads,
        into: VarId,
        (callee, spelled): (Callee, Name),
        args: &[ExprId],
    ) -> Result<(), Keeper> {
        let function = leads.function;
        let is_member = matches!(callee, Callee::Through(expr) if matches!(function.expr(expr), Expr::Field(..)));
        // What a member leads to is known by the member's name, if at all.
        let name = self.known.callee(function, callee).or(Some(spelled).filter(|_| is_member));
        for (number, arg) in args.iter().enumerate() {
            let value = leads.lead(*arg);
            if !value.any() || function.is_printed(args, number) {
                continue;
            }
            let given = self.argument(function, name, (number as u32, *arg), value)?;
            leads.add(into, given.result);
            for number in given.behind {
                let place = args.get(number as usize).ok_or(Keeper::Callee(name))?;
                leads.put_behind(*place).map_err(|_| Keeper::Callee(name))?;
            }
        }
        Ok(())
    }

    /// What becomes of an argument.
    fn argument(
        &mut self,
        function: &Function,
        name: Option<Name>,
        (number, arg): (u32, ExprId),
        value: Lead,
    ) -> Result<Given, Keeper> {
        let program = self.known.program;
        let Some(name) = name else {
            return if self.is_making { Ok(Given::default()) } else { Err(Keeper::Callee(None)) };
        };
        if let Some(deed) = program.deed(name, function.file) {
            return by_deed(deed, number, value).ok_or(Keeper::Callee(Some(name)));
        }
        if program.never_returns(name) {
            return Ok(Given::default());
        }
        let own = program.resolve(name, function.file);
        let own = own.filter(|id| program.functions[id.0 as usize].file == function.file);
        let bodies = own.map_or_else(|| program.bodies(name).to_vec(), |id| vec![id]);
        if bodies.is_empty() {
            let via = Via { callee: name, argument: number as u16, at: 0 };
            if self.is_using {
                // What is looked up by a text is seldom a part of it.
                let is_own = self.is_text(function, arg) || self.known.evidence.release_of(name, 0).is_some();
                let result = if is_own { Lead::NONE } else { Lead::BOTH };
                return Ok(Given { result, behind: Vec::new() });
            }
            let leaves = self.is_making || sounds_like_release(program.text(name)) || self.known.borrows(via);
            return if leaves { Ok(Given::default()) } else { Err(Keeper::Callee(Some(name))) };
        }
        let mut given = Given::default();
        for id in bodies {
            given.add(self.body(id, number, value).map_err(|_| Keeper::Callee(Some(name)))?);
        }
        Ok(given)
    }

    /// Whether a pointer leads to numbers, such as a text.
    fn is_text(&self, function: &Function, pointer: ExprId) -> bool {
        let declared = match function.expr(pointer) {
            Expr::Var(var) => function.var(var).map(|var| var.declared),
            _ => self.known.program.types.of(function, pointer),
        };
        declared.is_some_and(|declared| declared.pointers == 1 && declared.is_number)
    }

    fn body(&mut self, id: FunctionId, number: u32, value: Lead) -> Result<Given, Keeper> {
        let function = &self.known.program.functions[id.0 as usize];
        let asked = (id, number, value);
        if let Some(given) = self.bodies.get(&asked) {
            return Ok(given.clone());
        }
        if number >= function.parameters || self.bodies.len() > MAX_BODIES {
            return if self.is_making { Ok(Given::default()) } else { Err(Keeper::Place) };
        }
        // A circle of calls gives nothing that one round of it does not.
        self.bodies.insert(asked, Given::default());
        let mut leads = Leads::of(self.known, function);
        leads.add(VarId(number), value);
        let given = self.within(leads, None)?;
        self.bodies.insert(asked, given.clone());
        Ok(given)
    }
}

/// What a known function gives back of an argument; none if it may keep it.
fn by_deed(deed: Deed, number: u32, value: Lead) -> Option<Given> {
    let result = |result: Lead| Some(Given { result, behind: Vec::new() });
    match deed {
        Deed::Take { argument } if number >= argument => None,
        Deed::Copy if number == 1 && value.around => Some(Given { result: Lead::NONE, behind: vec![0] }),
        Deed::Copy if number == 0 => result(value),
        Deed::Alias { argument, .. } | Deed::AcquireUnless { argument, .. } | Deed::Reallocate { argument, .. }
            if number == argument =>
        {
            result(value)
        }
        Deed::Cut { argument } if number == argument => result(Lead::BOTH),
        _ => result(Lead::NONE),
    }
}
