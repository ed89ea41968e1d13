//! What a branch teaches.

use super::{HANDED_ON, Walk};
use crate::c::domain::{Fact, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value, Via};
use crate::c::ir::BinaryOp;
use crate::c::knowledge::sounds_like_an_error;
use crate::c::names::Name;

/// The part of a result of which a summary knows nothing more, and the first one of what such a call writes.
const RESULT: u16 = 400;

/// Whether a fact that is learned of an output of a call, whose summary left it open, tells by C's customs that there is
/// nothing: a result that is negative or not 0, unless it is positive; a length or number that is 0.
fn says_nothing_came(part: u16, fact: Fact) -> bool {
    match part {
        RESULT => {
            let failed = fact.is_non_zero() && fact.low <= 0;
            failed || fact.high <= 0 && fact.value() != Some(0)
        }
        part if part > RESULT => fact.high <= 0,
        _ => false,
    }
}

impl Walk<'_> {
    /// Learns that a value is, or is not, 0; false if it cannot be.
    pub(super) fn assume(&mut self, view: &mut State, value: Value, truth: bool) -> bool {
        match value {
            Value::Int(value) => (value != 0) == truth,
            Value::Address(_) | Value::Code(_) => truth,
            Value::Undefined => true,
            Value::Symbol(symbol) => {
                if let Symbol::Combined(op @ (BinaryOp::Equal | BinaryOp::Less), a, b) = self.arena.symbol_of(symbol) {
                    return self.assume_compare(view, op, a, b, truth);
                }
                let fact = if truth { Fact::NON_ZERO } else { Fact::exactly(0) };
                self.learn(view, symbol, fact)
            }
        }
    }

    /// Learns a fact; a pointer that turns out to be null, or no pointer at all, leads to no object.
    pub(super) fn learn(&mut self, view: &mut State, symbol: SymbolId, fact: Fact) -> bool {
        let before = view.fact(symbol);
        if !view.learn(symbol, fact) {
            return false;
        }
        if (before == Fact::ANY || before == Fact::NON_ZERO)
            && let Symbol::Made { site, part, .. } = self.arena.symbol_of(symbol)
        {
            if part == 0 {
                self.doubt_seen_by(view, site);
            }
            if part >= RESULT {
                self.doubt_filled(view, site, part, fact);
            }
            if part > 0 && fact.is_non_zero() {
                self.doubt_result(view, site, symbol);
            }
        }
        let known = view.fact(symbol);
        if known.high <= 0 || known.value().is_some() {
            view.drop_object(symbol);
        }
        true
    }

    /// The result of a call is tested: an unknown callee that saw an object may have kept it on one result and not on
    /// another, so nothing can be said of the object any more; unless it promises, or its name says, that it only looks.
    fn doubt_seen_by(&self, view: &mut State, call: u32) {
        for (_, object) in &mut view.objects {
            let may_keep =
                |via: &Via| via.at == call && !self.program.leaves_alone(via.callee, u32::from(via.argument));
            if object.standing == Standing::Held && object.seen_by.iter().any(may_keep) {
                object.standing = Standing::Shared;
                object.seen_by.clear();
            }
        }
    }

    /// A test of what a call told says that it failed, or that nothing came; which of its ways do that is not known, so
    /// nothing can be said of what it may have put into its out-parameters. Where it succeeded, the same holds for what
    /// tells of an error.
    fn doubt_filled(&mut self, view: &mut State, call: u32, part: u16, fact: Fact) {
        let nothing_came = says_nothing_came(part, fact);
        let filled: Vec<SymbolId> = view
            .objects
            .iter()
            .filter(|(symbol, object)| {
                object.standing == Standing::Held
                    && matches!(self.arena.symbol_of(*symbol),
                        Symbol::Made { site, part, .. } if site == call && (1..HANDED_ON).contains(&part))
            })
            .map(|(symbol, _)| *symbol)
            .collect();
        for symbol in filled {
            if nothing_came {
                view.drop_object(symbol);
            } else if part == RESULT && self.tells_of_error(view, symbol) {
                self.share(view, Value::Symbol(symbol));
            }
        }
    }

    /// Whether the place that leads to an output of a call is named for errors.
    pub(super) fn tells_of_error(&self, view: &State, output: SymbolId) -> bool {
        self.holder(view, output, 4).is_some_and(|place| place.to_lowercase().contains("err"))
    }

    /// A call told of an error: then its result is nothing.
    fn doubt_result(&mut self, view: &mut State, call: u32, told: SymbolId) {
        if !self.tells_of_error(view, told) {
            return;
        }
        let is_result = |symbol: SymbolId| matches!(self.arena.symbol_of(symbol), Symbol::Made { site, part: 0, .. } if site == call);
        let held = view.objects.iter().filter(|(_, object)| object.standing == Standing::Held);
        let results: Vec<SymbolId> = held.map(|(symbol, _)| *symbol).filter(|symbol| is_result(*symbol)).collect();
        for symbol in results {
            self.share(view, Value::Symbol(symbol));
        }
    }

    /// Learns a fact of any value.
    pub(super) fn assume_fact(&mut self, view: &mut State, value: Value, fact: Fact) -> bool {
        match value {
            Value::Int(value) => fact.meet(Fact::exactly(value)).is_some(),
            Value::Address(_) | Value::Code(_) => fact.value() != Some(0),
            Value::Undefined => true,
            Value::Symbol(symbol) => {
                if let Symbol::Combined(BinaryOp::Equal | BinaryOp::Less, ..) = self.arena.symbol_of(symbol) {
                    if fact.value() == Some(0) {
                        return self.assume(view, value, false);
                    }
                    return !fact.is_non_zero() || self.assume(view, value, true);
                }
                self.learn(view, symbol, fact)
            }
        }
    }

    /// Whether a comparison's outcome is known.
    pub(super) fn decided(&self, view: &State, op: BinaryOp, a: Value, b: Value) -> Option<bool> {
        if a == b && a != Value::Undefined {
            return Some(op == BinaryOp::Equal);
        }
        let (one, two) = (self.fact_of(view, a)?, self.fact_of(view, b)?);
        match op {
            BinaryOp::Equal => match (a, b) {
                (Value::Address(one), Value::Address(two)) => self.are_apart(view, one, two).then_some(false),
                (Value::Code(_), Value::Code(_)) => Some(false),
                _ if self.is_newer(view, a, b) || self.is_newer(view, b, a) => Some(false),
                _ if one.disjoint(two) => Some(false),
                _ if one.value().is_some() && one.value() == two.value() => Some(true),
                _ => None,
            },
            BinaryOp::Less if one.high < two.low => Some(true),
            BinaryOp::Less if one.low >= two.high => Some(false),
            _ => None,
        }
    }

    /// Whether two places never have the same address. What a pointer of unknown origin leads to may be any place:
    /// `&item->link == &list` ends the walk of a list.
    fn are_apart(&self, view: &State, one: RegionId, two: RegionId) -> bool {
        let arena = &self.arena;
        let is_known = |region: RegionId| match arena.root(region) {
            Root::Pointee(symbol) => view.object(symbol).is_some_and(|object| object.site.is_some()),
            _ => true,
        };
        if arena.root(one) != arena.root(two) {
            return is_known(one) && is_known(two);
        }
        let is_element = |region: RegionId| {
            std::iter::successors(Some(region), |part| arena.parent(*part))
                .any(|part| matches!(arena.region_of(part), Region::Element(..)))
        };
        !arena.within(one, two) && !arena.within(two, one) && !is_element(one) && !is_element(two)
    }

    /// Whether a value is an object that came into being after a global got the other value, which it has had from the start:
    /// `stdout` is no stream that was opened since. Memory that is made larger may stay where it was.
    fn is_newer(&self, view: &State, object: Value, other: Value) -> bool {
        let (Value::Symbol(object), Value::Symbol(other)) = (object, other) else { return false };
        let is_initial = matches!(self.arena.symbol_of(other), Symbol::Initial(region)
            if matches!(self.arena.region_of(region), Region::Global(_)));
        let site =
            view.object(object).filter(|object| object.standing == Standing::Held).and_then(|object| object.site);
        let source = site.and_then(|site| self.sites.get(site as usize)).map(|site| site.source);
        let is_regrown = |source: Name| self.program.text(source).to_ascii_lowercase().contains("realloc");
        is_initial && view.fact(object).is_non_zero() && source.is_some_and(|source| !is_regrown(source))
    }

    pub(super) fn fact_of(&self, view: &State, value: Value) -> Option<Fact> {
        match value {
            Value::Int(value) => Some(Fact::exactly(value)),
            Value::Symbol(symbol) => match self.arena.symbol_of(symbol) {
                Symbol::Combined(BinaryOp::Equal | BinaryOp::Less, ..) => view.fact(symbol).meet(Fact::between(0, 1)),
                Symbol::Combined(op @ (BinaryOp::Add | BinaryOp::Subtract), Value::Symbol(of), Value::Int(by)) => {
                    let by = if op == BinaryOp::Add { by } else { by.checked_neg()? };
                    view.fact(symbol).meet(view.fact(of).shifted(by))
                }
                _ => Some(view.fact(symbol)),
            },
            Value::Address(_) | Value::Code(_) => Some(Fact::NON_ZERO),
            Value::Undefined => None,
        }
    }

    /// Learns the outcome of a comparison; false if it cannot be.
    pub(super) fn assume_compare(&mut self, view: &mut State, op: BinaryOp, a: Value, b: Value, truth: bool) -> bool {
        if let Some(decided) = self.decided(view, op, a, b) {
            return decided == truth;
        }
        if op == BinaryOp::Equal && truth && !matches!((a, b), (Value::Int(_), _) | (_, Value::Int(_))) {
            // `if (copy == original)`: on this path the pointer is another name for what someone else holds.
            for side in [a, b] {
                if self.leads_to_held(view, side) {
                    self.share(view, side);
                }
            }
        }
        match (a, b) {
            (Value::Symbol(symbol), Value::Int(number)) => match (op, truth) {
                (BinaryOp::Equal, _) => self.assume_equal(view, symbol, number, truth),
                (_, true) => number != i64::MIN && self.learn(view, symbol, Fact::at_most(number - 1)),
                (_, false) => self.learn(view, symbol, Fact::at_least(number)),
            },
            (Value::Int(number), Value::Symbol(symbol)) => match (op, truth) {
                (BinaryOp::Equal, _) => self.assume_equal(view, symbol, number, truth),
                (_, true) => number != i64::MAX && self.learn(view, symbol, Fact::at_least(number + 1)),
                (_, false) => self.learn(view, symbol, Fact::at_most(number)),
            },
            (Value::Undefined, _) | (_, Value::Undefined) => true,
            _ => {
                if op == BinaryOp::Equal && truth {
                    self.compare_to_error(view, a, b);
                }
                // The same question later in the path gets the same answer.
                let question = self.arena.symbol(Symbol::Combined(op, a, b));
                view.learn(question, Fact::exactly(i64::from(truth)))
            }
        }
    }

    /// A result is the number of an error whose value is not known (`ret == NO_MEMORY`): then nothing came.
    fn compare_to_error(&mut self, view: &mut State, a: Value, b: Value) {
        let (Value::Symbol(a), Value::Symbol(b)) = (a, b) else { return };
        let call = |symbol: SymbolId| match self.arena.symbol_of(symbol) {
            Symbol::Made { site, part: RESULT, .. } => Some(site),
            _ => None,
        };
        let is_error = |symbol: SymbolId| {
            let Symbol::Initial(region) = self.arena.symbol_of(symbol) else { return false };
            let Region::Global(name) = self.arena.region_of(region) else { return false };
            sounds_like_an_error(self.program.text(name))
        };
        let told = call(a).filter(|_| is_error(b)).or_else(|| call(b).filter(|_| is_error(a)));
        if let Some(call) = told {
            self.doubt_filled(view, call, RESULT, Fact::exactly(-1));
        }
    }

    fn assume_equal(&mut self, view: &mut State, symbol: SymbolId, number: i64, truth: bool) -> bool {
        // `(a < b) == 0` is a comparison turned round.
        if let Symbol::Combined(op @ (BinaryOp::Equal | BinaryOp::Less), a, b) = self.arena.symbol_of(symbol)
            && (number == 0 || number == 1)
        {
            return self.assume_compare(view, op, a, b, (number == 1) == truth);
        }
        if truth {
            return self.learn(view, symbol, Fact::exactly(number));
        }
        let known = view.fact(symbol);
        // Whoever asks for -1 takes it for the only negative number that may come.
        let is_only_negative = number == -1 && known.low == i64::MIN;
        let rest = if is_only_negative { known.meet(Fact::at_least(0)) } else { known.without(number) };
        match rest {
            Some(fact) => self.learn(view, symbol, fact),
            None => false,
        }
    }
}
