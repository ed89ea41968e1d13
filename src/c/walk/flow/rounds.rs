//! Loops as they are walked: round by round, and then all further rounds at once.

use super::Change;
use crate::c::domain::{Arena, Fact, Region, RegionId, Root, Standing, State, Symbol, Value};
use crate::c::ir::{BlockId, VarId};
use crate::c::walk::Walk;
use crate::c::walk::contents::Met;
use std::cell::LazyCell;

impl Walk<'_> {
    /// Drops what a view no longer needs on entry to a block: loops that were left, values of dead locals, and facts
    /// that no value refers to.
    pub(in crate::c::walk) fn enter(&mut self, view: &mut State, block: BlockId) {
        let flow = &self.flow;
        let inside =
            |head: BlockId| flow.loops.iter().any(|found| found.head == head && found.blocks.has(block.0 as usize));
        view.loops.retain(|(head, _)| inside(*head));
        let arena = &self.arena;
        let objects = &view.objects;
        let standing =
            |symbol| objects.binary_search_by_key(&symbol, |(known, _)| *known).ok().map(|at| objects[at].1.standing);
        let matters = |value: Value| arena.target(value).and_then(standing) == Some(Standing::Held);
        // A temporary that was read keeps no object alive that something else holds.
        let store = &view.store;
        let spare = |region: RegionId, value: Value| {
            let temporary = match arena.region_of(region) {
                Region::Var(var) => self.function.var(var).is_some_and(|var| var.temporary),
                _ => false,
            };
            temporary && store.iter().any(|(other, held)| *other != region && *held == value)
        };
        let dead: Vec<RegionId> = store
            .iter()
            .filter(|(region, value)| match arena.root(*region) {
                Root::Var(var) => !flow.is_live(var, block) && (!matters(*value) || spare(*region, *value)),
                _ => false,
            })
            .map(|(region, _)| *region)
            .collect();
        if !dead.is_empty() {
            view.store.retain(|(region, _)| dead.binary_search(region).is_err());
        }
        // What became of an object that nothing leads to any more is of no further interest.
        let store = &view.store;
        let led_to = LazyCell::new(|| {
            let mut led_to = Met::none(arena);
            for (_, value) in store {
                let targets = arena.target(*value).into_iter().chain(self.may_be(*value).iter().copied());
                targets.for_each(|target| {
                    led_to.add(target);
                });
            }
            led_to
        });
        view.objects.retain(|(symbol, object)| {
            object.standing == Standing::Held
                || object.site.is_none() && object.standing != Standing::Automatic
                || led_to.has(*symbol)
        });
        if view.facts.iter().any(|(symbol, _)| matches!(arena.symbol_of(*symbol), Symbol::Made { .. })) {
            let mut mentioned = Met::none(arena);
            for (_, value) in store {
                mentions(arena, *value, 3, &mut mentioned);
            }
            let objects = &view.objects;
            view.facts.retain(|(symbol, _)| match arena.symbol_of(*symbol) {
                Symbol::Made { .. } => {
                    mentioned.has(*symbol) || objects.binary_search_by_key(symbol, |(symbol, _)| *symbol).is_ok()
                }
                _ => true,
            });
        }
    }

    /// Counts the arrival at a loop's head; `None` at other blocks.
    pub(in crate::c::walk) fn arrive(&self, view: &mut State, block: BlockId) -> Option<u8> {
        self.flow.loops.iter().find(|found| found.head == block)?;
        let at = match view.loops.iter().position(|(head, _)| *head == block) {
            Some(at) => at,
            None => {
                view.loops.push((block, 0));
                view.loops.sort();
                view.loops.iter().position(|(head, _)| *head == block)?
            }
        };
        view.loops[at].1 = view.loops[at].1.saturating_add(1);
        Some(view.loops[at].1)
    }

    /// Makes unknown whatever the loop assigns, except for what holds an object.
    pub(in crate::c::walk) fn widen(&mut self, view: &mut State, block: BlockId) {
        let flow = self.flow;
        let Some(found) = flow.loops.iter().find(|found| found.head == block) else { return };
        let copied = if self.grain.is_coarse { found.copied.as_slice() } else { &[] };
        for (var, change) in found.assigned.iter().copied() {
            let region = self.arena.region(Region::Var(var));
            let Some(value) = view.binding(region) else { continue };
            let is_own = !self.flow.address_taken.has(var.0 as usize);
            if is_own && matches!(change, Change::Same(number) if value == Value::Int(number)) {
                // A flag that was raised, and that the loop never lowers.
                continue;
            }
            let site = 0x1000_0000 | block.0;
            let made = Symbol::Made { site, part: var.0 as u16, nth: 0 };
            if let Some(target) = self.arena.target(value)
                && view.object(target).is_some()
            {
                // A pointer that moves along an object is somewhere in it.
                if let Value::Address(inside) = value
                    && let crate::c::domain::Region::Element(base, _) = self.arena.region_of(inside)
                {
                    let index = self.arena.symbol(made);
                    self.renew(view, index);
                    let somewhere = self.arena.element(base, Value::Symbol(index));
                    view.bind(region, Value::Address(somewhere));
                }
                continue;
            }
            let symbol = self.arena.symbol(made);
            let known = self.lasting(view, value, change).filter(|_| is_own);
            // One round may have been too few for it to take what another variable holds.
            let sources: Vec<VarId> = copied.iter().filter(|(to, _)| *to == var).map(|(_, from)| *from).collect();
            self.let_go(view, &sources);
            let is_repeated = self.is_repeated(view, value) && !found.lent.contains(&var);
            self.note_repeated(symbol, is_repeated, region);
            self.renew(view, symbol);
            view.bind(region, Value::Symbol(symbol));
            if let Some(fact) = known {
                let _ = view.learn(symbol, fact);
            }
        }
        self.share_elements_of_rounds(view, &found.handed);
    }

    /// A loop that gives a variable's value away is passed by without a single round: whoever acquires what is given away
    /// round by round knows that there is one, so nothing is said of what nothing mentions afterwards.
    pub(in crate::c::walk) fn pass_loop(&mut self, view: &mut State, head: BlockId, to: BlockId) {
        let first = view.loops.iter().any(|(known, arrivals)| *known == head && *arrivals == 1);
        let Some(found) = self.flow.loops.iter().find(|found| first && found.head == head) else { return };
        if found.blocks.has(to.0 as usize) {
            return;
        }
        let left = found.given.iter().copied().filter(|var| !self.flow.is_mentioned_from(*var, to));
        let left: Vec<VarId> = left.collect();
        self.let_go(view, &left);
    }

    /// What holds of a variable however often a loop is still to be walked: a counter that only grows is no less than
    /// it is, and what the way through the loop found out about a value, it finds out each time.
    fn lasting(&self, view: &State, value: Value, change: Change) -> Option<Fact> {
        let known = self.fact_of(view, value)?;
        match (change, value) {
            (Change::Grows, _) if known.low > i64::MIN => Some(Fact::at_least(known.low)),
            (Change::Any, Value::Symbol(_)) if known.is_non_zero() => Some(Fact::NON_ZERO),
            _ => None,
        }
    }
}

/// The symbols that a value is, or is computed from.
fn mentions(arena: &Arena, value: Value, depth: u8, found: &mut Met) {
    match value {
        Value::Symbol(symbol) => {
            found.add(symbol);
            if depth > 0
                && let Symbol::Combined(_, a, b) = arena.symbol_of(symbol)
            {
                mentions(arena, a, depth - 1, found);
                mentions(arena, b, depth - 1, found);
            }
        }
        Value::Address(_) => {
            if let Some(target) = arena.target(value) {
                found.add(target);
            }
        }
        _ => {}
    }
}
