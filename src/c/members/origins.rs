//! Where the values of a function's locals come from, and whether they are handed on: by all assignments to a local,
//! whatever their order.

use super::{Doubt, Fate, Known};
use crate::c::ir::{Callee, Expr, ExprId, Function, InstrKind, Release, Terminator, VarId};
use crate::c::knowledge::Deed;
use crate::c::names::{Map, Name};
use crate::c::summary::{Spec, Summary};

/// Locals that hold another local's value are followed this far.
const MAX_DEPTH: u32 = 4;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is null.
    Null,
    /// It was acquired, by this output of this function, and nobody else has it.
    Fresh { source: Name, part: u16, release: Name },
    /// From elsewhere.
    Foreign,
}

impl Origin {
    fn or(self, other: Origin) -> Origin {
        match (self, other) {
            (Origin::Foreign, _) | (_, Origin::Foreign) => Origin::Foreign,
            (Origin::Null, other) => other,
            (fresh, _) => fresh,
        }
    }
}

/// What a function does with its locals.
pub(super) struct Origins<'a> {
    known: Known<'a>,
    function: &'a Function,
    /// What is assigned to a local.
    given: Map<VarId, Vec<Given>>,
    /// The locals that a local's value is copied to.
    copies: Map<VarId, Vec<VarId>>,
    /// How often a local's value is stored where it outlives the function.
    stored: Map<VarId, u32>,
    /// The calls that a local's value is handed to.
    handed: Map<VarId, Vec<Handed<'a>>>,
}

/// A call's argument. What becomes of it is looked up for the few locals that it matters for.
#[derive(Debug, Clone, Copy)]
struct Handed<'a> {
    callee: Option<Name>,
    args: &'a [ExprId],
    number: usize,
}

#[derive(Debug, Clone, Copy)]
enum Given {
    Value(ExprId),
    Result(Name, Name),
    /// By a call that is handed its address.
    Fill {
        callee: Option<Name>,
        spelled: Name,
        number: usize,
    },
    Anything,
}

impl<'a> Origins<'a> {
    pub(super) fn of(known: Known<'a>, function: &'a Function) -> Origins<'a> {
        let mut origins = Origins {
            known,
            function,
            given: Map::default(),
            copies: Map::default(),
            stored: Map::default(),
            handed: Map::default(),
        };
        for block in &function.blocks {
            for instr in &block.instrs {
                match &instr.kind {
                    InstrKind::Assign { to, from } => origins.assign(*to, *from),
                    InstrKind::Call { into, callee, spelled, args } => origins.call(*into, *callee, *spelled, args),
                    InstrKind::Blind(places) => places.iter().for_each(|place| origins.store(*place)),
                    _ => {}
                }
            }
            if let Terminator::Return { value: Some(value), .. } = &block.end {
                origins.store(*value);
            }
        }
        origins
    }

    fn assign(&mut self, to: ExprId, from: ExprId) {
        match (self.function.expr(to), self.function.expr(from)) {
            (Expr::Var(to), Expr::Var(source)) => {
                self.given.entry(to).or_default().push(Given::Value(from));
                self.copies.entry(source).or_default().push(to);
            }
            (Expr::Var(to), _) => self.given.entry(to).or_default().push(Given::Value(from)),
            _ => self.store(from),
        }
    }

    fn store(&mut self, value: ExprId) {
        if let Expr::Var(var) = self.function.expr(value) {
            *self.stored.entry(var).or_default() += 1;
        }
    }

    fn call(&mut self, into: VarId, callee: Callee, spelled: Name, args: &'a [ExprId]) {
        let name = self.known.callee(self.function, callee);
        let result = name.map_or(Given::Anything, |name| Given::Result(name, spelled));
        self.given.entry(into).or_default().push(result);
        for (number, arg) in args.iter().enumerate() {
            match self.function.expr(*arg) {
                Expr::Var(var) => self.handed.entry(var).or_default().push(Handed { callee: name, args, number }),
                Expr::AddressOf(place) => {
                    let Expr::Var(var) = self.function.expr(place) else { continue };
                    self.given.entry(var).or_default().push(Given::Fill { callee: name, spelled, number });
                }
                _ => {}
            }
        }
    }

    fn fate(&self, one: &Handed) -> Fate {
        self.known.fate(self.function, one.callee, one.args, one.number)
    }

    /// How often a local's value is stored where it outlives the function, or kept by a callee.
    fn kept(&self, var: VarId) -> usize {
        let handed = self.handed.get(&var).map_or(&[][..], |all| all);
        let kept = handed.iter().filter(|one| self.fate(one) == Fate::Kept).count();
        self.stored.get(&var).copied().unwrap_or(0) as usize + kept
    }

    /// Where the value of an expression comes from that is about to be stored: a local's fresh memory must have no
    /// second owner.
    pub(super) fn of_value(&self, value: ExprId, depth: u32) -> Origin {
        match self.function.expr(value) {
            Expr::Int(0) => Origin::Null,
            Expr::Var(var) => {
                let origin = self.of_var(var, depth);
                if matches!(origin, Origin::Fresh { .. } | Origin::Null) && self.kept(var) > 1 {
                    return Origin::Foreign;
                }
                origin
            }
            _ => Origin::Foreign,
        }
    }

    fn of_var(&self, var: VarId, depth: u32) -> Origin {
        if var.0 < self.function.parameters || depth >= MAX_DEPTH {
            return Origin::Foreign;
        }
        let Some(all) = self.given.get(&var) else { return Origin::Foreign };
        all.iter().fold(Origin::Null, |origin, given| {
            origin.or(match given {
                Given::Value(value) => self.of_value(*value, depth + 1),
                Given::Result(callee, spelled) => self.of_result(*callee, *spelled),
                Given::Fill { callee, spelled, number } => match self.known.fill(self.function, *callee, *number) {
                    Some(release) => Origin::Fresh { source: *spelled, part: *number as u16 + 1, release },
                    None => Origin::Foreign,
                },
                Given::Anything => Origin::Foreign,
            })
        })
    }

    fn of_result(&self, callee: Name, spelled: Name) -> Origin {
        if let Some(deed) = self.known.program.deed(callee, self.function.file) {
            return match deed {
                Deed::Acquire { release, .. } | Deed::Reallocate { release, .. } => {
                    Origin::Fresh { source: spelled, part: 0, release }
                }
                _ => Origin::Foreign,
            };
        }
        match self.known.summary(callee, self.function) {
            Some(summary) => of_summary(summary, spelled),
            None => self.of_copy(callee).unwrap_or(Origin::Foreign),
        }
    }

    /// What an unknown function gives that by its name makes a copy, where others are seen to release that.
    fn of_copy(&self, callee: Name) -> Option<Origin> {
        let name = self.known.program.text(callee);
        let copies = ["_copy", "_dup", "_strdup", "_clone"].iter().any(|end| name.ends_with(end));
        let (how, released, lost) = self.known.evidence.release_of(callee, 0).filter(|_| copies)?;
        (released > lost && how.1.is_empty()).then_some(Origin::Fresh { source: callee, part: 0, release: how.0 })
    }

    /// Whether a call releases what lies where an argument points to.
    fn empties(&self, callee: Name, number: u32) -> bool {
        match self.known.summary(callee, self.function) {
            Some(summary) => summary.releases_behind(number),
            None => self.known.program.sounds_like_release(callee, self.function.file),
        }
    }

    /// Where a local's value goes that others may release it, or that it is released.
    pub(super) fn doubts(&self, var: VarId, depth: u32) -> Vec<Doubt> {
        let is_cleaned_up = self.function.var(var).is_some_and(|var| var.release != Release::Manual);
        if is_cleaned_up || depth >= MAX_DEPTH || self.stored.contains_key(&var) {
            return vec![Doubt::Shared];
        }
        let of_call = |one: &Handed| match self.fate(one) {
            Fate::Borrowed => None,
            Fate::Kept => Some(one.callee.map_or(Doubt::Shared, |callee| Doubt::Kept(callee, one.number as u16))),
            Fate::Released => Some(Doubt::Shared),
        };
        // `release_at(&copy)`
        let empties = |given: &Given| match given {
            Given::Fill { callee: Some(callee), number, .. } => self.empties(*callee, *number as u32),
            _ => false,
        };
        if self.given.get(&var).is_some_and(|all| all.iter().any(empties)) {
            return vec![Doubt::Shared];
        }
        let handed = self.handed.get(&var).into_iter().flatten().filter_map(of_call);
        let copies = self.copies.get(&var).into_iter().flatten();
        handed.chain(copies.flat_map(|copy| self.doubts(*copy, depth + 1))).collect()
    }
}

fn of_summary(summary: &Summary, source: Name) -> Origin {
    summary.outcomes.iter().fold(Origin::Null, |origin, outcome| {
        origin.or(match &outcome.returns {
            Spec::Int(0) => Origin::Null,
            Spec::Fresh(number) => match outcome.fresh.get(usize::from(*number)).and_then(|fresh| fresh.release) {
                Some(release) => Origin::Fresh { source, part: 0, release },
                None => Origin::Foreign,
            },
            _ => Origin::Foreign,
        })
    })
}
