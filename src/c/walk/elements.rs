//! Elements of arrays at an index that is not known, and those that a loop comes to after the rounds that are walked.

use super::Walk;
use super::calls::Call;
use crate::c::domain::{Region, RegionId, State, Value};
use crate::c::ir::{Callee, Expr, ExprId, Function, InstrKind, VarId};
use crate::c::knowledge::Deed;
use crate::c::names::Name;
use crate::c::summary::{Base, Effect, Selector, Summary};

/// An element that a loop hands to a call, at an index that it changes from round to round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    /// The array.
    array: ExprId,
    /// Who is called.
    callee: Name,
    /// Which argument it is.
    argument: u32,
}

/// The elements at an index that is one of `moving` which a step hands to a call.
pub(super) fn handed(function: &Function, kind: &InstrKind, moving: impl Fn(VarId) -> bool) -> Vec<Handed> {
    let InstrKind::Call { callee: Callee::Named(callee), args, .. } = kind else { return Vec::new() };
    let element = |(number, arg): (usize, &ExprId)| match function.expr(*arg) {
        Expr::Index(array, index) => match function.expr(index) {
            Expr::Var(var) if moving(var) => Some(Handed { array, callee: *callee, argument: number as u32 }),
            _ => None,
        },
        _ => None,
    };
    args.iter().enumerate().filter_map(element).collect()
}

impl Walk<'_> {
    /// Whether a place lies at an index that is not known, in an array that others reach under other names.
    pub(super) fn is_blurred(&self, region: RegionId) -> bool {
        let mut at = Some(region);
        while let Some(here) = at {
            if matches!(self.arena.region_of(here), Region::Element(_, index) if !matches!(index, Value::Int(_))) {
                return true;
            }
            at = self.arena.parent(here);
        }
        false
    }

    /// An element at an unknown index is read: it may be any of those that are known, so nothing can be said of what
    /// they hold.
    pub(super) fn blur_siblings(&mut self, view: &mut State, region: RegionId) {
        let mut at = Some(region);
        while let Some(here) = at {
            if let Region::Element(base, index) = self.arena.region_of(here)
                && !matches!(index, Value::Int(_))
            {
                let held: Vec<Value> = view
                    .store
                    .iter()
                    .filter(|(other, _)| self.arena.within(*other, base))
                    .map(|(_, value)| *value)
                    .filter(|value| self.leads_to_held(view, *value))
                    .collect();
                for value in held {
                    self.share(view, value);
                }
            }
            at = self.arena.parent(here);
        }
    }

    /// Who releases the second element of an array does so in a loop as a rule, of which two rounds are walked: nothing is
    /// said of the elements that follow.
    pub(super) fn share_elements_after(&mut self, view: &mut State, call: &Call, summary: &Summary) {
        let mut last_released: Vec<RegionId> = Vec::new();
        for effect in summary.outcomes.iter().flat_map(|outcome| &outcome.effects) {
            let Effect::Release(path) = effect else { continue };
            if let Some(Selector::Element(1..)) = path.selectors.last()
                && let Some(place) = self.place_at(view, call, path, &[])
                && !last_released.contains(&place)
            {
                last_released.push(place);
            }
        }
        for place in last_released {
            if let Region::Element(array, Value::Int(released)) = self.arena.region_of(place) {
                self.share_elements_from(view, array, released + 1);
            }
        }
    }

    /// A loop that hands the elements of an array to somebody who may release or keep them does so with those as well that
    /// its first rounds do not come to.
    pub(super) fn share_elements_of_rounds(&mut self, view: &mut State, handed: &[Handed]) {
        for Handed { array, callee, argument } in handed {
            if !self.may_take(*callee, *argument) {
                continue;
            }
            let value = self.eval(view, *array);
            if let Some(array) = self.arena.pointee(value) {
                self.share_elements_from(view, array, 1);
            }
        }
    }

    /// Whether a callee may release what it is given as an argument, or keep it.
    fn may_take(&self, callee: Name, argument: u32) -> bool {
        if let Some(deed) = self.program.deed(callee, self.function.file) {
            return matches!(deed, Deed::Release { .. });
        }
        let body = self.program.resolve(callee, self.function.file);
        let Some(summary) = body.and_then(|id| self.summaries.get(id)) else { return true };
        let takes = |effect: &Effect| match effect {
            Effect::Release(path) | Effect::Escape(path, _) => path.base == Base::Parameter(argument),
            Effect::Write(..) => false,
        };
        summary.outcomes.iter().flat_map(|outcome| &outcome.effects).any(takes)
    }

    /// Nothing is said any more of an array's elements from one on.
    fn share_elements_from(&mut self, view: &mut State, array: RegionId, first: i64) {
        let follows = |place: RegionId| matches!(self.arena.region_of(place), Region::Element(own, Value::Int(at)) if own == array && at >= first);
        let rest = view.store.iter().filter(|(place, _)| follows(*place)).map(|(_, value)| *value);
        let rest: Vec<Value> = rest.collect();
        rest.into_iter().for_each(|value| self.share(view, value));
    }
}
