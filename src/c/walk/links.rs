//! Lists whose items are led to by a member of theirs.

use super::Walk;
use crate::c::domain::{Region, RegionId, Root, State, Symbol, SymbolId, Value};

impl Walk<'_> {
    /// The object that is linked into a list once a place holds a value: the list leads to a member of it that has a
    /// member named as the one in the list (`list.next = &item->node`, where `item->node.next` is set as well). Whoever
    /// has the list finds the item by arithmetic that is not followed.
    pub(super) fn linked_item(&self, view: &State, place: RegionId, value: Value) -> Option<SymbolId> {
        let Region::Field(base, link) = self.arena.region_of(place) else { return None };
        let item = |node: RegionId| match (self.arena.region_of(node), self.arena.root(node)) {
            (Region::Field(..), Root::Pointee(item)) if self.is_at_stake(view, item) => Some(item),
            _ => None,
        };
        let is_of = |other: RegionId, node: RegionId| self.arena.region_of(other) == Region::Field(node, link);
        if let Value::Address(node) = value
            && let Some(item) = item(node)
            && self.arena.root(place) != Root::Pointee(item)
            && view.store.iter().any(|(other, _)| is_of(*other, node))
        {
            return Some(item);
        }
        let item = item(base)?;
        let leads_here = |(other, value): &(RegionId, Value)| {
            *value == Value::Address(base)
                && matches!(self.arena.region_of(*other), Region::Field(_, name) if name == link)
                && self.arena.root(*other) != Root::Pointee(item)
        };
        view.store.iter().any(leads_here).then_some(item)
    }

    /// Whether an object is this function's, or a parameter's: then its callers want to know.
    fn is_at_stake(&self, view: &State, item: SymbolId) -> bool {
        let is_given = || {
            matches!(self.arena.symbol_of(item), Symbol::Initial(region)
                if matches!(self.arena.region_of(region), Region::Var(_)))
        };
        view.is_held(item) || is_given()
    }
}
