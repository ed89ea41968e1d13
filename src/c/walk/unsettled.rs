//! What may be anything after a call: what it was given, and what others could reach meanwhile.

use super::Walk;
use super::calls::Call;
use super::contents::{Contents, Met};
use crate::c::domain::{Region, RegionId, Root, State, Symbol, SymbolId, Value};
use crate::c::ir::Shape;
use crate::c::names::Name;
use crate::c::summary::{Base, Effect};

impl Walk<'_> {
    /// Locals whose address lies where others find it may be filled by any call: `session->state = &state; poll(session);`
    pub(super) fn fill_revealed(&mut self, view: &mut State) {
        let is_local = |region: RegionId| matches!(self.arena.root(region), Root::Var(_));
        let revealed = view.store.iter().filter_map(|(at, value)| match value {
            Value::Address(region) if is_local(*region) && !is_local(*at) => Some(*value),
            _ => None,
        });
        for value in revealed.collect::<Vec<_>>() {
            self.unsettle_behind(view, value, 0);
        }
    }

    /// Locals that an array of the function's own lists the addresses of may be filled by whoever is given the array: which
    /// of its elements a callee goes by, no summary says.
    pub(super) fn fill_listed(&mut self, view: &mut State, call: &Call) {
        for (number, arg) in call.args.iter().enumerate() {
            let Value::Address(table) = arg.value else { continue };
            let Region::Var(var) = self.arena.region_of(table) else { continue };
            let is_array = self.function.var(var).is_some_and(|var| var.shape == Shape::Array);
            let lists = |(at, value): &(RegionId, Value)| {
                matches!(value, Value::Address(_)) && self.arena.root(*at) == Root::Var(var)
            };
            if is_array && view.store.iter().any(lists) {
                let met = self.met_from(view, arg.value);
                self.overwrite_listed(view, arg.value, &met, number);
            }
        }
    }

    /// What a function that is handed over writes of the program's globals, it may write meanwhile: `nftw(root, count, 20, 0);`
    pub(super) fn call_back(&mut self, view: &mut State, call: &Call) {
        let given = call.args.iter().filter_map(|arg| match arg.value {
            Value::Code(name) => self.program.resolve(name, self.function.file),
            _ => None,
        });
        let summaries = self.summaries;
        let outcomes = given.filter_map(|id| summaries.get(id)).flat_map(|summary| &summary.outcomes);
        let written = outcomes.flat_map(|outcome| &outcome.effects).filter_map(|effect| match effect {
            Effect::Write(path, _) => match path.base {
                Base::Global(name) => Some(name),
                _ => None,
            },
            _ => None,
        });
        let mut globals: Vec<Name> = written.collect();
        globals.sort();
        globals.dedup();
        for name in globals {
            let place = self.arena.region(Region::Global(name));
            let inside = view.store.iter().map(|(other, _)| *other).filter(|other| self.arena.within(*other, place));
            for place in inside.collect::<Vec<_>>() {
                if !view.binding(place).is_some_and(|value| self.leads_to_held(view, value)) {
                    self.unsettle(view, place, 0);
                }
            }
        }
    }

    /// The locals that an argument lists the addresses of, however constant the list itself is, may be anything afterwards.
    pub(super) fn overwrite_listed(&mut self, view: &mut State, value: Value, met: &Met, number: usize) {
        let own = match value {
            Value::Address(region) => Some(self.arena.root(region)),
            _ => None,
        };
        let is_listed = |region: RegionId| match self.arena.root(region) {
            root @ Root::Var(var) => Some(root) != own && met.locals.contains(&var),
            _ => false,
        };
        let listed = view.store.iter().filter(|(region, _)| is_listed(*region)).copied();
        for (place, value) in listed.collect::<Vec<_>>() {
            if !self.leads_to_held(view, value) {
                self.unsettle(view, place, number);
            }
        }
    }

    /// What an argument leads to may be anything afterwards, but what leads to held objects.
    pub(super) fn unsettle_behind(&mut self, view: &mut State, value: Value, number: usize) {
        let met = self.met_from(view, value);
        self.unsettle_initials(view, &met, number);
        self.overwrite_behind(view, value, &met, number);
    }

    /// The same of what was written, not of what places held on entry.
    pub(super) fn overwrite_behind(&mut self, view: &mut State, value: Value, met: &Met, number: usize) {
        self.fill_zeroed(view, value, met.iter(), number);
        let mut places = Vec::new();
        let mut contents = Contents::of(&self.arena, view);
        for root in met.iter().map(Root::Pointee) {
            contents.each(root, &mut |region, value| places.push((region, value)));
        }
        self.overwrite_listed(view, value, met, number);
        if let Value::Address(region) = value {
            let inside = view.store.iter().filter(|(other, _)| self.arena.within(*other, region));
            places.extend(inside.copied());
        }
        for (place, value) in places {
            if !self.leads_to_held(view, value) {
                self.unsettle(view, place, number);
            }
        }
    }

    /// What an argument leads to is no longer zero because it was acquired so: `p = calloc(1, n); setup(p);`
    pub(super) fn fill_zeroed(
        &mut self,
        view: &mut State,
        argument: Value,
        objects: impl Iterator<Item = SymbolId>,
        number: usize,
    ) {
        let zeroed = objects.filter(|symbol| self.site_behind(view, *symbol).is_some_and(|site| site.zeroed));
        let mut places: Vec<RegionId> =
            zeroed.collect::<Vec<_>>().into_iter().map(|one| self.arena.region(Region::Pointee(one))).collect();
        places.extend(match argument {
            Value::Address(region) if self.load(view, region) == Value::Int(0) => Some(region),
            _ => None,
        });
        for place in places {
            if view.binding(place).is_none() {
                self.unsettle(view, place, number);
            }
        }
    }

    /// What places behind the pointers held on entry is known no more, unless it was copied before: then the copy is what it
    /// was, and the place holds something else.
    fn unsettle_initials(&mut self, view: &mut State, met: &Met, number: usize) {
        let arena = &self.arena;
        let behind = |known: SymbolId| match arena.symbol_of(known) {
            Symbol::Initial(region) => {
                Some(region).filter(|region| matches!(arena.root(*region), Root::Pointee(symbol) if met.has(symbol)))
            }
            _ => None,
        };
        let is_copied = |known: SymbolId| view.store.iter().any(|(_, value)| *value == Value::Symbol(known));
        let all = view.facts.iter().filter_map(|(known, _)| Some((*known, behind(*known)?)));
        let (copied, gone): (Vec<_>, Vec<_>) = all.partition(|(known, _)| is_copied(*known));
        view.facts.retain(|(known, _)| gone.iter().all(|(other, _)| other != known));
        for (_, region) in copied {
            if view.binding(region).is_none() {
                self.unsettle(view, region, number);
            }
        }
    }

    /// Numbers whose address is handed out may be anything afterwards, and so may what was zero.
    pub(super) fn clobber_outputs(&mut self, view: &mut State, call: &Call) {
        for number in 0..call.args.len() {
            self.clobber_output(view, call, number);
        }
    }

    /// The same of one argument.
    pub(super) fn clobber_output(&mut self, view: &mut State, call: &Call, number: usize) {
        let Some(value) = call.args.get(number).map(|arg| arg.value) else { return };
        let object = match value {
            Value::Symbol(symbol) => Some(symbol),
            _ => None,
        };
        self.fill_zeroed(view, value, object.into_iter(), number);
        let region = match value {
            Value::Address(region) => region,
            // What is allocated is filled like what lies on the stack.
            Value::Symbol(symbol) if view.object(symbol).is_some() => self.arena.region(Region::Pointee(symbol)),
            _ => return,
        };
        let inside: Vec<(RegionId, Value)> =
            view.store.iter().filter(|(other, _)| self.arena.within(*other, region)).copied().collect();
        let is_number = |value: &Value| matches!(value, Value::Int(_));
        for (place, value) in inside.into_iter().filter(|(_, inside)| object.is_none() || is_number(inside)) {
            if self.arena.target(value).is_none_or(|target| view.object(target).is_none()) {
                self.unsettle(view, place, number);
            }
        }
    }

    /// A place may hold anything from now on.
    pub(super) fn unsettle(&mut self, view: &mut State, place: RegionId, number: usize) {
        if self.arena.depth(place) == 0 && view.binding(place) == Some(Value::Undefined) {
            // A structure that was filled: each of its members is something of its own.
            view.unbind(place);
        } else {
            let part = 300 + (place.0 % 0x4000) as u16 * 2 + number.min(1) as u16;
            let symbol = self.arena.symbol(Symbol::Made { site: self.at, part, nth: 0 });
            self.note_joined(symbol, [view.binding(place), None]);
            view.forget(symbol);
            view.bind(place, Value::Symbol(symbol));
        }
    }

    /// An element at an unknown index is written: no other one of the array is known to be still zero.
    pub(super) fn fill_array(&mut self, view: &mut State, region: RegionId) {
        let mut at = Some(region);
        while let Some(here) = at {
            at = self.arena.parent(here);
            if let Region::Element(array, index) = self.arena.region_of(here)
                && !matches!(index, Value::Int(_))
                && matches!(self.load(view, array), Value::Int(0) | Value::Undefined)
            {
                self.unsettle(view, array, 0);
            }
        }
    }
}
