//! Pointers that calls copy byte by byte.

use super::Walk;
use super::calls::Call;
use crate::c::domain::{LossKind, Region, RegionId, Root, State, Symbol, Value};
use crate::c::ir::Shape;

impl Walk<'_> {
    /// `memcpy(made, given, size)`: what the members of the one lead to, the other leads to as well, if others see it.
    pub(super) fn copy_pointers(&mut self, view: &mut State, call: &Call) {
        let [to, from, ..] = call.args.as_slice() else { return };
        if let Some((place, source)) = self.copied_pointer(call, to.value, from.value) {
            let value = self.load(view, source);
            return self.write(view, place, value, call.span, LossKind::Overwrite);
        }
        // `memcpy(to, &pointer, sizeof(pointer))`: the pointer itself is copied to where it is not followed.
        if matches!(from.value, Value::Address(region) if matches!(self.arena.root(region), Root::Var(_))) {
            self.share(view, from.value);
        }
        if matches!(to.value, Value::Address(region) if matches!(self.arena.root(region), Root::Var(_))) {
            return;
        }
        let Some(place) = self.arena.pointee(from.value) else { return };
        let mut inside = self.members(view, place);
        inside.push(self.load(view, place));
        for value in inside {
            self.share(view, value);
        }
    }

    /// The places that a pointer is copied to and from as it is: `memcpy(to, &pointer, sizeof(pointer))`, which is how
    /// functions that take the address of any pointer read and write it.
    fn copied_pointer(&mut self, call: &Call, to: Value, from: Value) -> Option<(RegionId, RegionId)> {
        let size = call.args.get(2).map(|size| size.value);
        let is_whole =
            matches!(size, Some(Value::Symbol(size)) if matches!(self.arena.symbol_of(size), Symbol::Configured(_)));
        let is_declared = |place: RegionId| match self.arena.region_of(place) {
            Region::Var(var) => is_whole && self.function.var(var).is_some_and(|var| var.declared.pointers > 0),
            _ => false,
        };
        match (self.pointer_at(to), self.pointer_at(from)) {
            (Some(place), Some(source)) => Some((place, source)),
            (Some(place), None) if is_declared(place) => Some((place, self.arena.pointee(from)?)),
            (None, Some(source)) if is_declared(source) => Some((self.arena.pointee(to)?, source)),
            _ => None,
        }
    }

    /// `write(pipe, &command, sizeof(command))`: the pointer itself goes to whoever reads there.
    pub(super) fn share_what_is_written(&mut self, view: &mut State, call: &Call) {
        for arg in &call.args {
            if let Some(own) = self.pointer_at(arg.value) {
                let value = self.load(view, own);
                if self.leads_to_held(view, value) {
                    self.share(view, value);
                }
            }
        }
    }

    /// The variable that a value is the address of, if it is neither an array nor a structure.
    pub(super) fn pointer_at(&self, value: Value) -> Option<RegionId> {
        let Value::Address(region) = value else { return None };
        let Region::Var(var) = self.arena.region_of(region) else { return None };
        let is_plain = self.function.var(var).is_some_and(|var| var.shape == Shape::Plain);
        (is_plain && !self.arena.has_parts(region)).then_some(region)
    }
}
