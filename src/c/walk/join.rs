//! Views that become one: equal ones, and where there are too many, those that agree on what matters.

use super::{Walk, is_null, mark};
use crate::c::domain::{Fact, Object, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value, Via};
use crate::c::ir::BlockId;
use crate::c::names::MixHasher;
use std::cell::OnceCell;
use std::hash::{Hash, Hasher};
use std::mem::{Discriminant, discriminant};

/// Places, and what they hold.
type Store = Vec<(RegionId, Value)>;

/// How finely paths are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grain {
    /// Views kept apart at one block; beyond it those that agree on the objects are joined.
    pub(super) views: usize,
    /// Views kept at one block after joining.
    pub(super) joined: usize,
    /// Arrivals at a loop's head that are walked exactly.
    pub(super) arrivals: u8,
    /// Whether views must agree on what became of the function's own objects only, and not on where.
    pub(super) is_coarse: bool,
    /// Whether views are joined first that agree on the signs of variables.
    pub(super) by_signs: bool,
    /// Whether the walk ends where it would leave out a path.
    pub(super) is_strict: bool,
}

/// A view that is dropped counts as so many steps.
const STEPS_OF_A_VIEW: u32 = 50;

/// How a function is walked, paths left out or not.
pub(super) const FINE: Grain =
    Grain { views: 6, joined: 12, arrivals: 2, is_coarse: false, by_signs: true, is_strict: false };

/// How every function is walked first: most have few paths, and of the others another walk sees more.
pub(super) const STRICT: Grain = Grain { is_strict: true, ..FINE };

/// How a function is walked that has too many paths for it.
pub(super) const COARSE: Grain =
    Grain { views: 1, joined: 72, arrivals: 1, is_coarse: true, by_signs: false, is_strict: false };

/// How a function is walked with an eye on one acquisition.
pub(super) const FOCUSED: Grain = Grain { views: 3, joined: 12, by_signs: true, ..COARSE };

/// Whether two views agree on every object but those that were only passed in and handed on.
fn same_objects(one: &State, two: &State) -> bool {
    fn own(view: &State) -> impl Iterator<Item = &(SymbolId, Object)> {
        view.objects.iter().filter(|(_, object)| object.site.is_some() || object.standing != Standing::Shared)
    }
    own(one).eq(own(two))
}

/// A number that views share which agree on what became of the function's own objects, and others hardly ever do.
fn mark_of_fates(view: &State) -> u64 {
    let mut hasher = MixHasher::default();
    fates(view).for_each(|fate| fate.hash(&mut hasher));
    hasher.finish()
}

/// Whether two views agree on whether each of the function's own objects is still its to release.
fn same_fates(one: &State, two: &State) -> bool {
    fates(one).eq(fates(two))
}

/// What became of each of the function's own objects, and not where.
fn fates(view: &State) -> impl Iterator<Item = (SymbolId, Discriminant<Standing>)> {
    let own = view.objects.iter().filter(|(_, object)| object.site.is_some());
    own.map(|(symbol, object)| (*symbol, discriminant(&object.standing)))
}

/// Takes over what only the other view was passed in and handed on.
fn join_objects(one: &mut State, two: &State) {
    for (symbol, object) in two.objects.iter().filter(|(_, object)| object.site.is_none()) {
        if one.object(*symbol).is_none() {
            one.set_object(*symbol, object.clone());
        }
    }
}

/// What was passed in and released on one side only may be released afterwards. What unknown callees saw on either side
/// they saw.
fn join_fates(one: &mut State, two: &State) {
    let shared = || Object { standing: Standing::Shared, site: None, seen_by: Vec::new() };
    let is_released = |object: &Object| matches!(object.standing, Standing::Released(_));
    let perhaps = |object: &mut Object| {
        if object.site.is_none() && is_released(object) {
            *object = shared();
        }
    };
    for (_, own) in one.objects.iter_mut().filter(|(symbol, _)| two.object(*symbol).is_none()) {
        perhaps(own);
    }
    for (symbol, object) in &two.objects {
        match one.object_mut(*symbol) {
            Some(own) => {
                let unseen = object.seen_by.iter().filter(|via| !own.seen_by.contains(via)).copied();
                let unseen: Vec<Via> = unseen.collect();
                own.seen_by.extend(unseen);
                own.seen_by.sort();
                let is_same = is_released(own) && is_released(object) || own.standing == object.standing;
                if own.site.is_none() && !is_same {
                    *own = shared();
                }
            }
            None if object.site.is_none() => {
                let mut object = object.clone();
                perhaps(&mut object);
                one.set_object(*symbol, object);
            }
            None => {}
        }
    }
}

impl Walk<'_> {
    /// Makes one of equal views; where there are too many, of those that agree on the objects.
    pub(super) fn condense(&mut self, mut views: Vec<State>, block: BlockId) -> Vec<State> {
        for view in &mut views {
            self.enter(view, block);
        }
        let mut kept: Vec<State> = Vec::new();
        for view in views {
            if !kept.contains(&view) {
                kept.push(view);
            }
        }
        self.reduce(kept, block)
    }

    /// Joins views where there are too many: first those that differ least.
    pub(super) fn reduce(&mut self, mut views: Vec<State>, block: BlockId) -> Vec<State> {
        if views.len() > self.grain.views && self.grain.by_signs {
            views = self.join_alike(views, block, |walk, view| walk.mark_of_signs(view));
        }
        if views.len() > self.grain.views {
            views = self.join_alike(views, block, |_, _| 0);
            self.limit(&mut views);
        }
        views
    }

    /// Drops what is too much. Whoever walks a function whose views were dropped has not seen all its paths.
    fn limit(&mut self, views: &mut Vec<State>) {
        if views.len() > self.grain.joined {
            self.steps += (views.len() - self.grain.joined) as u32 * STEPS_OF_A_VIEW;
            views.truncate(self.grain.joined);
            self.is_partial = true;
        }
    }

    /// A number that views share in which the same variables are negative, zero, positive, or have no value yet: that is
    /// what the results of calls are asked for, and what a path depends on.
    fn mark_of_signs(&self, view: &State) -> u64 {
        let mut hasher = MixHasher::default();
        for (region, value) in &view.store {
            let sign = match value {
                Value::Undefined => 2,
                Value::Int(number) => number.signum(),
                _ => continue,
            };
            if matches!(self.arena.root(*region), Root::Var(_)) {
                (region.0, sign).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// Joins the views that agree on the objects, and for which `mark` gives the same.
    fn join_alike(&mut self, views: Vec<State>, block: BlockId, mark: impl Fn(&Self, &State) -> u64) -> Vec<State> {
        // Each view with its owners, once somebody asked. Joining leaves them and what became of objects alone: those of both
        // sides are the same.
        let mut joined: Vec<((u64, u64), State, OnceCell<Store>)> = Vec::new();
        for view in views {
            let (mark, own) = ((mark_of_fates(&view), mark(self, &view)), OnceCell::new());
            let twin = joined.iter_mut().find(|(marked, other, others)| {
                let is_same = if self.grain.is_coarse { same_fates } else { same_objects };
                *marked == mark
                    && other.loops == view.loops
                    && is_same(other, &view)
                    && others.get_or_init(|| self.owners(other)) == own.get_or_init(|| self.owners(&view))
            });
            match twin {
                Some((_, other, _)) => self.join(other, view, block),
                None => joined.push((mark, view, own)),
            }
        }
        joined.into_iter().map(|(_, view, _)| view).collect()
    }

    /// The places that lead to held objects.
    fn owners(&self, view: &State) -> Store {
        let held = view.objects.iter().filter(|(_, object)| object.standing == Standing::Held);
        let held: Vec<SymbolId> = held.map(|(symbol, _)| *symbol).collect();
        let leads = |value: Value| self.arena.target(value).is_some_and(|target| held.binary_search(&target).is_ok());
        let store = if held.is_empty() { &[] } else { view.store.as_slice() };
        store.iter().filter(|(_, value)| leads(*value)).copied().collect()
    }

    /// Forgets what two views do not agree on.
    fn join(&mut self, one: &mut State, two: State, block: BlockId) {
        let (store, joined) = self.join_stores(one, &two, block);
        one.store = store;
        let other_losses = if one.losses == two.losses { &[] } else { two.losses.as_slice() };
        for loss in other_losses {
            if !one.losses.contains(loss) {
                one.losses.push(*loss);
            }
        }
        let join = if self.grain.is_coarse { join_fates } else { join_objects };
        join(one, &two);
        one.facts.retain_mut(|(symbol, fact)| {
            *fact = fact.join(two.fact(*symbol));
            *fact != Fact::ANY
        });
        // What both views know of a place they disagree on is still known: `-1` or `5` is not 0. What an earlier round of a
        // loop put below it is below something else.
        for (symbol, fact) in joined {
            self.renew(one, symbol);
            let _ = one.learn(symbol, fact);
        }
    }

    /// What places hold in one of two views: what both agree on, else something of which only what both know is known. A
    /// place that one of them has not written holds there what it held before.
    fn join_stores(&mut self, one: &State, two: &State, block: BlockId) -> (Store, Vec<(SymbolId, Fact)>) {
        let (mut store, mut joined) = (Store::with_capacity(one.store.len()), Vec::new());
        let (mut ours, mut theirs) = (one.store.iter().peekable(), two.store.iter().peekable());
        loop {
            // Both stores are in the order of their regions.
            let next = [ours.peek(), theirs.peek()].into_iter().flatten().map(|(region, _)| *region).min();
            let Some(region) = next else { break };
            let own = ours.next_if(|(other, _)| *other == region).map(|(_, value)| *value);
            let other = theirs.next_if(|(other, _)| *other == region).map(|(_, value)| *value);
            let own = own.unwrap_or_else(|| self.load(one, region));
            let other = other.unwrap_or_else(|| self.load(two, region));
            let value = match (own, other) {
                (own, other) if own == other => own,
                (Value::Undefined, _) | (_, Value::Undefined) => Value::Undefined,
                _ => {
                    let symbol =
                        Value::Symbol(self.join_values((one, own), (two, other), (region, block), &mut joined));
                    match self.arena.target(own).filter(|target| self.arena.target(other) == Some(*target)) {
                        Some(object) if one.object(object).is_some() => self.inside_of(object, symbol),
                        _ => symbol,
                    }
                }
            };
            store.push((region, value));
        }
        (store, joined)
    }

    /// What a place holds where two views hold different things.
    fn join_values(
        &mut self,
        (one, own): (&State, Value),
        (two, other): (&State, Value),
        (region, block): (RegionId, BlockId),
        joined: &mut Vec<(SymbolId, Fact)>,
    ) -> SymbolId {
        let known = self.fact_of(one, own).and_then(|fact| Some(fact.join(self.fact_of(two, other)?)));
        let made = Symbol::Made { site: 0x2000_0000 | block.0, part: region.0 as u16, nth: 0 };
        let symbol = self.arena.symbol(made);
        self.note_joined(symbol, [Some(own), Some(other)]);
        self.note_dangling(symbol, [(one, own), (two, other)]);
        let is_repeated = self.is_repeated(one, own) && self.is_repeated(two, other);
        self.note_repeated(symbol, is_repeated, region);
        let fits = |view: &State, value: Value| self.is_repeated(view, value) || self.is_kin(value);
        let is_kin = !is_repeated && fits(one, own) && fits(two, other);
        mark(&mut self.kin, symbol, is_kin);
        joined.push((symbol, known.unwrap_or(Fact::ANY)));
        symbol
    }

    /// Notes whether what a symbol stands for from now on in a place is null, or what a loop gives the place.
    pub(super) fn note_repeated(&mut self, symbol: SymbolId, is_repeated: bool, place: RegionId) {
        let is_pointer = match self.arena.region_of(place) {
            Region::Var(var) => self.function.var(var).is_some_and(|var| var.declared.pointers > 0),
            _ => false,
        };
        mark(&mut self.repeated, symbol, is_repeated);
        mark(&mut self.unfilled, symbol, is_repeated && is_pointer);
    }

    /// Whether a value is null, or what a loop gives its place.
    pub(super) fn is_repeated(&self, view: &State, value: Value) -> bool {
        is_null(view, value) || matches!(value, Value::Symbol(symbol) if self.repeated.contains(&symbol))
    }

    /// Remembers which pointers that the caller passed in a value may be that others had before.
    pub(super) fn note_joined(&mut self, symbol: SymbolId, values: [Option<Value>; 2]) {
        for value in values.into_iter().flatten() {
            let Some(target) = self.arena.target(value).filter(|target| *target != symbol) else { continue };
            let is_given = matches!(self.arena.symbol_of(target), Symbol::Initial(_));
            let known = self.joined.get(&target);
            if !is_given && known.is_none() {
                continue;
            }
            let mut given = known.cloned().unwrap_or_default();
            given.extend(is_given.then_some(target));
            let known = self.joined.entry(symbol).or_default();
            known.extend(given);
            known.sort();
            known.dedup();
        }
    }

    /// Remembers which objects of this function a value may be that were released before.
    fn note_dangling(&mut self, symbol: SymbolId, values: [(&State, Value); 2]) {
        for (view, value) in values {
            let Some(target) = self.arena.target(value) else { continue };
            let is_gone = |object: &Object| object.site.is_some() && matches!(object.standing, Standing::Released(_));
            if view.object(target).is_some_and(is_gone) {
                let known = self.joined.entry(symbol).or_default();
                known.push(target);
                known.sort();
                known.dedup();
            }
        }
    }

    /// What the caller passed in, or this function released, that a value may be, besides what it is known to be.
    pub(super) fn may_be(&self, value: Value) -> &[SymbolId] {
        let joined = match value {
            Value::Symbol(symbol) if !self.joined.is_empty() => self.joined.get(&symbol),
            _ => None,
        };
        joined.map_or(&[], |given| given)
    }
}
