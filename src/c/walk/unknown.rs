//! A call whose body nobody has: what its name, its arguments and the rest of the tree say of it.

use super::calls::Call;
use super::release::Below;
use super::{Manner, Walk, is_null};
use crate::c::domain::{Fact, Region, RegionId, Root, State, Value, Via};
use crate::c::ir::Expr;
use crate::c::knowledge::{sounds_like_keeping, sounds_like_release};
use crate::c::names::Name;

impl Walk<'_> {
    /// A call of which nothing is known but its name.
    pub(super) fn unknown_call(&mut self, mut view: State, call: &Call, after: &mut Vec<State>) {
        let name = call.callee.unwrap_or(call.spelled);
        let manner = self.manner(name);
        if manner.releases && self.release_by_name(&mut view, call) {
            self.plain_result(&mut view, call);
            after.push(view);
            return;
        }
        self.check_args(&view, call);
        self.fill_revealed(&mut view);
        let calls_back = call.args.iter().any(|arg| matches!(arg.value, Value::Code(_)));
        for (number, arg) in call.args.iter().enumerate() {
            // What is printed is only read; a scan fills what it is given the address of.
            if arg.printed && !matches!(arg.value, Value::Address(_)) {
                continue;
            }
            let via = Via { callee: name, argument: number as u16, at: self.at };
            let constant = self.program.takes_const(name, number as u32);
            // What is handed over beside a function is for that function, which may be called later, and may release it.
            let is_for_later = calls_back && matches!(arg.value, Value::Symbol(_));
            // And what is made of a member is a part of the whole, or the other way round.
            let is_made_of = || self.is_link(arg.value) && (manner.keeps || self.flow.is_kept(call.into));
            if is_for_later || is_made_of() {
                self.share(&mut view, arg.value);
            }
            if let Some(pointer) = self.moved_by_unknown(arg.value) {
                self.share(&mut view, pointer);
            }
            self.show(&mut view, arg.value, &[via]);
            if let Value::Address(region) = arg.value
                && (constant || self.pointer_at(arg.value).is_some())
            {
                // `send(queue, &pointer)`: who is given its address may well copy the pointer.
                let value = self.load(&view, region);
                if self.leads_to_held(&view, value) {
                    self.share(&mut view, value);
                }
            }
            if let Some(place) = arg.place {
                // A structure passed by value carries its pointers along.
                for value in self.members(&view, place) {
                    self.show(&mut view, value, &[via]);
                }
            }
            if constant {
                let met = self.met_from(&view, arg.value);
                self.overwrite_listed(&mut view, arg.value, &met, number);
            } else {
                self.clobber(&mut view, arg.value, number, call);
            }
        }
        if self.program.may_give(call.spelled, 0) {
            let site = self.site_of(call, 0, None, false);
            let symbol = self.acquire(&mut view, site, Fact::ANY, Vec::new());
            self.give(&mut view, call, Value::Symbol(symbol));
        } else {
            self.plain_result(&mut view, call);
        }
        after.push(view);
    }

    /// What a name sounds like; asked once for each name, since a callee is met on every path.
    fn manner(&mut self, name: Name) -> Manner {
        let text = self.program.text(name);
        *self
            .manners
            .entry(name)
            .or_insert_with(|| Manner { releases: sounds_like_release(text), keeps: sounds_like_keeping(text) })
    }

    /// `&item->link`: the address of a member, by which lists take hold of the whole.
    fn is_link(&self, value: Value) -> bool {
        matches!(value, Value::Address(region) if matches!(self.arena.region_of(region), Region::Field(..))
            && matches!(self.arena.root(region), Root::Pointee(_)))
    }

    /// `foo_free(p)`, `pool_free(pool, p)`, `foo_freep(&p)`; false if no argument fits.
    fn release_by_name(&mut self, view: &mut State, call: &Call) -> bool {
        let chosen = match call.args.as_slice() {
            [only] => Some(only.value),
            all => {
                let held = all.iter().rev().map(|arg| arg.value).find(|value| self.leads_to_held(view, *value));
                // `table_delete(table, entry)`: what comes first is what the other is taken out of.
                let last = all.iter().rev().map(|arg| arg.value).find(|value| matches!(value, Value::Symbol(_)));
                if let (Some(held), Some(last)) = (held, last)
                    && matches!(held, Value::Symbol(_))
                    && held != last
                    && !is_null(view, last)
                {
                    self.share(view, held);
                    return true;
                }
                // `foo_destroy(p, false)`: the only argument that leads anywhere.
                let mut leading = all.iter().map(|arg| arg.value).filter(|value| matches!(value, Value::Symbol(_)));
                held.or_else(|| leading.next().filter(|_| leading.next().is_none()))
            }
        };
        let Some(value) = chosen else { return false };
        match value {
            Value::Symbol(_) => {
                self.release(view, value, (call.spelled, &[]), call.span, Below::Unseen);
                true
            }
            Value::Address(region) if matches!(self.arena.root(region), Root::Var(_)) => {
                match view.binding(region) {
                    Some(inner @ Value::Symbol(_)) => {
                        self.release(view, inner, (call.spelled, &[]), call.span, Below::Unseen);
                        view.bind(region, Value::Int(0));
                    }
                    _ => self.empty_by_name(view, region, call),
                }
                true
            }
            _ => false,
        }
    }

    /// `foo_destroy(&structure)`: what its members lead to is released.
    fn empty_by_name(&mut self, view: &mut State, whole: RegionId, call: &Call) {
        for (members, value) in self.parts(view, whole) {
            if self.leads_to_held(view, value) {
                self.release(view, value, (call.spelled, &members), call.span, Below::Unseen);
            }
        }
        for inner in self.members(view, whole) {
            self.share(view, inner);
        }
    }

    /// Memory that an unknown callee can reach may hold anything afterwards; pointers to held objects are kept, since
    /// the callee has been noted as having seen them.
    pub(super) fn clobber(&mut self, view: &mut State, value: Value, number: usize, call: &Call) {
        if let Value::Address(region) = value
            && matches!(self.arena.root(region), Root::Var(_))
            && self.fill_by_guess(view, region, number, call)
        {
            return;
        }
        self.unsettle_behind(view, value, number);
    }

    /// `foo(&p)` where `p` holds nothing yet: perhaps `p` is filled with something that must be released.
    fn fill_by_guess(&mut self, view: &mut State, region: RegionId, number: usize, call: &Call) -> bool {
        let empty = matches!(view.binding(region), Some(Value::Int(0) | Value::Undefined));
        let whole = self.arena.parent(region).is_none();
        let plain = match self.arena.region_of(region) {
            crate::c::domain::Region::Var(var) => {
                self.function.var(var).is_some_and(|var| var.shape == crate::c::ir::Shape::Plain)
            }
            _ => false,
        };
        let alone = !view.store.iter().any(|(other, _)| *other != region && self.arena.within(*other, region));
        if !(empty && whole && plain && alone) {
            return false;
        }
        let undefined = view.binding(region) == Some(Value::Undefined);
        if undefined && self.is_structure(region) {
            view.unbind(region);
            return true;
        }
        let part = number as u16 + 1;
        if !self.program.may_give(call.spelled, part) {
            return false;
        }
        let site = self.site_of(call, part, None, false);
        let symbol = self.acquire(view, site, Fact::ANY, Vec::new());
        view.bind(region, Value::Symbol(symbol));
        true
    }

    /// Whether a local is used with `.`: then it is a structure, not a pointer.
    fn is_structure(&self, region: RegionId) -> bool {
        let crate::c::domain::Region::Var(var) = self.arena.region_of(region) else { return false };
        self.function.exprs.iter().any(|expr| {
            matches!(expr, Expr::Field(base, _) if matches!(self.function.expr(*base), Expr::Var(other) if other == var))
        })
    }
}
