//! Pointers into objects, and back from a member to the whole.

use super::Walk;
use crate::c::domain::{Region, State, SymbolId, Value};
use crate::c::ir::ExprId;
use crate::c::names::Name;

impl Walk<'_> {
    /// A pointer into the same object, if the value points to one.
    pub(super) fn inside(&mut self, view: &mut State, value: Value, id: ExprId) -> Value {
        match self.arena.target(value).filter(|target| view.object(*target).is_some()) {
            Some(target) => {
                let index = Value::Symbol(self.unknown(view, id));
                self.inside_of(target, index)
            }
            None => Value::Symbol(self.unknown(view, id)),
        }
    }

    /// An address within an object, nobody knows where.
    pub(super) fn inside_of(&mut self, object: SymbolId, at: Value) -> Value {
        let base = self.arena.region(Region::Pointee(object));
        Value::Address(self.arena.element(base, at))
    }

    /// The structure whose member of that name a value points to. Of what the caller passed in it is not known, but always
    /// the same: it is told as a member that leads back. What was acquired begins nowhere else.
    pub(super) fn around(&mut self, view: &mut State, value: Value, member: Name, id: ExprId) -> Value {
        let Some(place) = self.arena.pointee(value) else { return Value::Symbol(self.unknown(view, id)) };
        let outward = self.program.canonical_field(member).outward();
        let region = self.arena.region(Region::Field(place, outward));
        let own = self.arena.target(value).filter(|target| self.site_behind(view, *target).is_some());
        let leads_back =
            self.arena.around(region).is_some() || self.arena.region_of(region) != Region::Field(place, outward);
        match own {
            Some(object) if self.arena.region_of(place) == Region::Pointee(object) => value,
            Some(object) if !leads_back => {
                let index = Value::Symbol(self.unknown(view, id));
                self.inside_of(object, index)
            }
            _ => self.load(view, region),
        }
    }
}
