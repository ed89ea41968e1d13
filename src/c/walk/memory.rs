//! Reading and writing places.

use super::release::{NOBODY, victim};
use super::{FaultKind, Walk};
use crate::c::domain::{Fact, LossKind, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value};
use crate::c::ir::{BinaryOp, Expr, ExprId, Release, Shape, VarId};
use crate::c::names::Name;
use crate::c::syntax::Span;

/// Results of one step that are told apart when a loop makes several.
const MAX_ALIVE: u8 = 6;
/// Places deeper than this are not told apart.
const MAX_PLACE: u32 = 12;

/// A held object that a place led to before it was given another value.
pub(super) struct Replaced {
    object: SymbolId,
    /// The place, as it is written in C.
    holder: Option<String>,
}

impl Walk<'_> {
    /// The value of an expression.
    pub(super) fn eval(&mut self, view: &mut State, id: ExprId) -> Value {
        match self.function.expr(id) {
            Expr::Int(value) => Value::Int(value),
            Expr::Text | Expr::Format => Value::Address(self.arena.region(Region::Text)),
            Expr::Unknown => Value::Symbol(self.unknown(view, id)),
            Expr::Var(var) => {
                let region = self.arena.region(Region::Var(var));
                match self.function.var(var).map(|var| var.shape) {
                    Some(Shape::Array) => Value::Address(region),
                    _ => self.load(view, region),
                }
            }
            Expr::Global(name) => self.global(view, name),
            Expr::Field(..) | Expr::Deref(_) | Expr::Index(..) => match self.place(view, id) {
                Some(region) if self.flow.is_array(id) => self.arena.address(region),
                Some(region) => self.load(view, region),
                None => Value::Symbol(self.unknown(view, id)),
            },
            Expr::AddressOf(place) => {
                if let Expr::Global(name) = self.function.expr(place)
                    && self.program.defines(name)
                {
                    return Value::Code(name);
                }
                let Some(region) = self.place(view, place) else { return Value::Symbol(self.unknown(view, id)) };
                // Whoever is given the address of a parameter comes to what the caller passed in.
                if matches!(self.arena.region_of(region), Region::Var(_)) && view.binding(region).is_none() {
                    let value = self.load(view, region);
                    view.bind(region, value);
                }
                self.arena.address(region)
            }
            Expr::Not(inner) => {
                let value = self.eval(view, inner);
                self.combine(view, BinaryOp::Equal, value, Value::Int(0))
            }
            Expr::Binary(op, a, b) => {
                let (left, right) = (self.eval(view, a), self.eval(view, b));
                let value = self.combine(view, op, left, right);
                if (op, left) == (BinaryOp::Subtract, Value::Int(0)) {
                    self.negated(view, value, right, self.function.expr(b));
                }
                value
            }
            Expr::Size(name) => {
                let size = self.arena.symbol(Symbol::Configured(name));
                let _ = view.learn(size, Fact::at_least(1));
                Value::Symbol(size)
            }
            Expr::Configured(name) => Value::Symbol(self.arena.symbol(Symbol::Configured(name))),
            Expr::Container(inner, member) => {
                let value = self.eval(view, inner);
                self.around(view, value, member, id)
            }
            Expr::Derived(inner) => {
                let value = self.eval(view, inner);
                self.inside(view, value, id)
            }
        }
    }

    /// What is more than 0 is less where it is negated. Nobody hands on `-errno` that was not set.
    fn negated(&mut self, view: &mut State, value: Value, of: Value, spelled: Expr) {
        let (Value::Symbol(value), Value::Symbol(of)) = (value, of) else { return };
        if view.fact(of).low > 0 || spelled == Expr::Global(Name::of("errno")) {
            let _ = view.learn(value, Fact::at_most(-1));
        }
    }

    /// A value that nothing is known of, made anew each time.
    pub(super) fn unknown(&mut self, view: &mut State, id: ExprId) -> SymbolId {
        let symbol = self.arena.symbol(Symbol::Made { site: 0x4000_0000 | id.0, part: 0, nth: 0 });
        self.renew(view, symbol);
        symbol
    }

    /// A symbol stands for another value from now on: what hung below the old one is out of sight, not lost.
    pub(super) fn renew(&mut self, view: &mut State, symbol: SymbolId) {
        view.forget(symbol);
        if !self.arena.is_followed(symbol) {
            return;
        }
        let arena = &self.arena;
        view.facts.retain(|(known, _)| match arena.symbol_of(*known) {
            Symbol::Initial(region) => !arena.hangs_below(region, symbol),
            _ => true,
        });
        let hangs = view.store.iter().filter(|(region, _)| arena.hangs_below(*region, symbol));
        let below: Vec<Value> = hangs.map(|(_, value)| *value).collect();
        if below.is_empty() {
            return;
        }
        for value in below {
            if self.leads_to_held(view, value) {
                self.share(view, value);
            }
        }
        let arena = &self.arena;
        view.store.retain(|(region, _)| !arena.hangs_below(*region, symbol));
    }

    fn global(&mut self, view: &mut State, name: Name) -> Value {
        if let Some(value) = self.program.constant_of(name) {
            return Value::Int(value);
        }
        if self.program.defines(name) {
            return Value::Code(name);
        }
        let region = self.arena.region(Region::Global(name));
        let value = self.load(view, region);
        if let Value::Symbol(symbol) = value {
            if self.program.types.is_array(name) {
                let _ = view.learn(symbol, Fact::NON_ZERO);
            } else if self.program.error_numbers.contains(&name) {
                let _ = view.learn(symbol, Fact::at_least(1));
            } else if self.program.is_never_zero(name) {
                let _ = view.learn(symbol, Fact::NON_ZERO);
            }
        }
        value
    }

    /// The outcome of an operator.
    pub(super) fn combine(&mut self, view: &mut State, op: BinaryOp, a: Value, b: Value) -> Value {
        if let (Value::Int(a), Value::Int(b)) = (a, b) {
            let folded = match op {
                BinaryOp::Equal => Some(i64::from(a == b)),
                BinaryOp::Less => Some(i64::from(a < b)),
                BinaryOp::Add => a.checked_add(b),
                BinaryOp::Subtract => a.checked_sub(b),
                BinaryOp::Multiply => a.checked_mul(b),
                BinaryOp::And => Some(a & b),
                BinaryOp::Or => Some(a | b),
                BinaryOp::Other(_) => None,
            };
            if let Some(value) = folded {
                return Value::Int(value);
            }
        }
        if matches!(op, BinaryOp::Equal | BinaryOp::Less)
            && let Some(truth) = self.decided(view, op, a, b)
        {
            return Value::Int(i64::from(truth));
        }
        if matches!(op, BinaryOp::Add | BinaryOp::Subtract | BinaryOp::And | BinaryOp::Or) {
            for (pointer, offset) in [(a, b), (b, a)] {
                if let Some(target) = self.arena.target(pointer)
                    && (view.object(target).is_some() || matches!(pointer, Value::Address(_)))
                {
                    if offset == Value::Int(0) {
                        return pointer;
                    }
                    return self.moved(view, op, pointer, target, offset);
                }
            }
        }
        Value::Symbol(self.arena.symbol(Symbol::Combined(op, a, b)))
    }

    /// A pointer into an object, moved by an offset, or marked in bits that its place leaves free. Moving twice adds up: `p++`
    /// in a loop is never where it was.
    fn moved(&mut self, view: &mut State, op: BinaryOp, pointer: Value, target: SymbolId, offset: Value) -> Value {
        let whole = self.arena.region(Region::Pointee(target));
        let masks = matches!(op, BinaryOp::And | BinaryOp::Or);
        let (base, index) = match pointer {
            Value::Address(region) => match self.arena.region_of(region) {
                Region::Element(base, index) if !masks => (base, index),
                _ => (whole, Value::Int(0)),
            },
            _ => (whole, Value::Int(0)),
        };
        let index = match (op, index) {
            _ if masks => offset,
            (BinaryOp::Add, Value::Int(0)) => offset,
            _ => self.combine(view, op, index, offset),
        };
        Value::Address(self.arena.element(base, index))
    }

    /// The place an expression denotes.
    pub(super) fn place(&mut self, view: &mut State, id: ExprId) -> Option<RegionId> {
        let region = match self.function.expr(id) {
            Expr::Var(var) => Some(self.arena.region(Region::Var(var))),
            Expr::Global(name) => Some(self.arena.region(Region::Global(name))),
            Expr::Field(base, field) => {
                let base = self.place(view, base)?;
                let by_type = self.function.shared.get(&id).copied();
                let field = by_type.unwrap_or_else(|| self.program.canonical_field(field));
                Some(self.arena.region(Region::Field(base, field)))
            }
            Expr::Deref(pointer) => {
                let value = self.eval(view, pointer);
                self.check_use(view, value);
                self.arena.pointee(value)
            }
            Expr::Index(base, index) => {
                let index = self.eval(view, index);
                let value = self.eval(view, base);
                self.check_use(view, value);
                let base = self.arena.pointee(value)?;
                Some(self.arena.element(base, index))
            }
            // A structure that a call returned.
            _ => {
                let value = self.eval(view, id);
                self.arena.pointee(value)
            }
        }?;
        self.blur_siblings(view, region);
        (self.arena.depth(region) <= MAX_PLACE).then_some(region)
    }

    /// Notes a use of what was released.
    pub(super) fn check_use(&mut self, view: &State, value: Value) {
        if value == Value::Int(0) {
            self.fault(FaultKind::NullUse, NOBODY);
        }
        self.check_released(view, value);
    }

    /// Notes a use of released memory.
    pub(super) fn check_released(&mut self, view: &State, value: Value) {
        if let Some(object) = self.released(view, value) {
            self.fault(FaultKind::UseAfterRelease, victim(Some(object)));
        }
    }

    /// What a place holds.
    pub(super) fn load(&mut self, view: &State, region: RegionId) -> Value {
        let value = match view.binding(region) {
            Some(value) => value,
            None => self.default_of(view, region),
        };
        match value {
            Value::Symbol(symbol) => match view.fact(symbol).value() {
                Some(value) => Value::Int(value),
                None => Value::Symbol(symbol),
            },
            value => value,
        }
    }

    /// What a place holds that was not written by itself: it follows the whole that it is a part of.
    fn default_of(&mut self, view: &State, region: RegionId) -> Value {
        if let Some(whole) = self.arena.around(region) {
            return self.arena.address(whole);
        }
        if let Some(parent) = self.arena.parent(region) {
            match view.binding(parent) {
                Some(Value::Int(0)) => return Value::Int(0),
                Some(Value::Undefined) => return Value::Undefined,
                Some(Value::Symbol(symbol)) => {
                    // A structure that was copied from another place, or made by a step: its members are its own, not what
                    // the place held before.
                    let source = match self.arena.symbol_of(symbol) {
                        Symbol::Initial(source) => source,
                        _ => self.arena.region(Region::Pointee(symbol)),
                    };
                    let twin = match self.arena.region_of(region) {
                        Region::Element(_, index) => Region::Element(source, index),
                        Region::Field(_, field) => Region::Field(source, field),
                        whole => whole,
                    };
                    let twin = self.arena.region(twin);
                    return view.binding(twin).unwrap_or_else(|| self.initial(twin));
                }
                Some(_) => {}
                None => {
                    let whole = self.default_of(view, parent);
                    if matches!(whole, Value::Int(0) | Value::Undefined) {
                        return whole;
                    }
                }
            }
        }
        if let Region::Pointee(symbol) = self.arena.region_of(region)
            && self.site_behind(view, symbol).is_some_and(|site| site.zeroed)
        {
            return Value::Int(0);
        }
        self.initial(region)
    }

    fn initial(&mut self, region: RegionId) -> Value {
        Value::Symbol(self.arena.symbol(Symbol::Initial(region)))
    }

    /// `to = from`
    pub(super) fn assign(&mut self, view: &mut State, to: ExprId, from: ExprId, span: Span) {
        self.count_down(view, to, from);
        let source = self.whole(view, from);
        let value = self.eval(view, from);
        let kind = match self.function.expr(from) {
            Expr::Var(var) if self.reallocated.contains(&var) => LossKind::Reallocation,
            _ => LossKind::Overwrite,
        };
        self.consume(view, from);
        let Some(region) = self.place(view, to) else {
            self.share(view, value);
            return;
        };
        let parts = source.map(|source| self.parts(view, source)).unwrap_or_default();
        self.write(view, region, value, span, kind);
        if self.is_by_variable_index(to) && self.leads_to_held(view, value) {
            // Which elements a loop releases later is not followed, even where the index is known at this moment.
            self.share(view, value);
        }
        for (selectors, value) in parts {
            let part = selectors.into_iter().fold(region, |base, field| self.arena.region(Region::Field(base, field)));
            view.bind(part, value);
        }
    }

    /// Whether a place lies in an element whose index is not written as a constant.
    fn is_by_variable_index(&self, place: ExprId) -> bool {
        match self.function.expr(place) {
            Expr::Field(base, _) => self.is_by_variable_index(base),
            Expr::Index(_, index) => !match self.function.expr(index) {
                Expr::Int(_) | Expr::Size(_) => true,
                Expr::Global(name) => self.program.constant_of(name).is_some(),
                _ => false,
            },
            _ => false,
        }
    }

    /// A temporary is read once; afterwards it holds on to nothing.
    pub(super) fn consume(&mut self, view: &mut State, expr: ExprId) {
        if let Expr::Var(var) = self.function.expr(expr) {
            self.read_once(view, var);
        }
    }

    /// The same of all temporaries that a condition reads.
    pub(super) fn consume_within(&mut self, view: &mut State, condition: ExprId) {
        let function = self.function;
        function.walk(condition, &mut |expr| {
            if let Expr::Var(var) = expr {
                self.read_once(view, var);
            }
        });
    }

    fn read_once(&mut self, view: &mut State, var: VarId) {
        if self.function.var(var).is_some_and(|var| var.temporary) {
            let region = self.arena.region(Region::Var(var));
            view.unbind(region);
        }
    }

    /// The fields of a structure that were written by themselves: their names from the outside in, and their values.
    pub(super) fn parts(&self, view: &State, whole: RegionId) -> Vec<(Vec<Name>, Value)> {
        let mut found = Vec::new();
        if !self.arena.has_parts(whole) {
            return found;
        }
        for (region, value) in &view.store {
            let (mut at, mut fields) = (*region, Vec::new());
            while at != whole {
                match self.arena.region_of(at) {
                    Region::Field(base, field) => {
                        fields.push(field);
                        at = base;
                    }
                    _ => break,
                }
            }
            if at == whole && !fields.is_empty() {
                fields.reverse();
                found.push((fields, *value));
            }
        }
        found
    }

    /// The place of a structure whose value an expression is.
    pub(super) fn whole(&mut self, view: &mut State, value: ExprId) -> Option<RegionId> {
        match self.function.expr(value) {
            Expr::Var(_) | Expr::Field(..) | Expr::Deref(_) => self.place(view, value),
            _ => None,
        }
    }

    /// Whether a value leads to an object that is held.
    pub(super) fn leads_to_held(&self, view: &State, value: Value) -> bool {
        self.arena.target(value).is_some_and(|target| view.is_held(target))
    }

    /// Gives a place a value; what only it held is lost.
    pub(super) fn write(&mut self, view: &mut State, region: RegionId, value: Value, span: Span, kind: LossKind) {
        let replaced = self.replace(view, region, value);
        self.settle(view, replaced, span, kind);
    }

    /// What was replaced and is held by no other place is lost.
    pub(super) fn settle(&mut self, view: &mut State, replaced: Vec<Replaced>, span: Span, kind: LossKind) {
        for Replaced { object, holder } in replaced {
            if view.is_held(object) && !self.is_referenced(view, object) {
                self.lose(view, object, kind, span, holder);
            }
        }
    }

    /// Gives a place a value; returns the held objects that it led to.
    pub(super) fn replace(&mut self, view: &mut State, region: RegionId, value: Value) -> Vec<Replaced> {
        let held = |value: Value| self.arena.target(value).filter(|target| view.is_held(*target));
        let covered = self.bindings_of_whole(view, region);
        let old = covered.iter().filter_map(|(other, value)| held(*value).map(|target| (*other, target)));
        let old: Vec<(RegionId, SymbolId)> = old.collect();
        let holders: Vec<Option<String>> = old.iter().map(|(place, _)| self.text_of(view, *place)).collect();
        if covered.iter().any(|(other, _)| *other != region) {
            view.store.retain(|binding| binding.0 == region || !covered.contains(binding));
        }
        view.bind(region, value);
        // Which element is unknown: a later read under another name would miss it.
        if self.is_automatic(region) || self.is_blurred(region) {
            self.share(view, value);
        }
        self.fill_array(view, region);
        if let Some(item) = self.linked_item(view, region, value) {
            self.share(view, Value::Symbol(item));
        }
        old.into_iter().zip(holders).map(|((_, object), holder)| Replaced { object, holder }).collect()
    }

    /// What a place and its members hold, also the members' members, as far as they were written by themselves.
    fn bindings_of_whole(&self, view: &State, whole: RegionId) -> Vec<(RegionId, Value)> {
        if !self.arena.has_parts(whole) {
            return view.binding(whole).map(|value| (whole, value)).into_iter().collect();
        }
        let covered = |mut at: RegionId| {
            while at != whole {
                match self.arena.region_of(at) {
                    Region::Field(base, _) => at = base,
                    _ => return false,
                }
            }
            true
        };
        view.store.iter().filter(|(other, _)| covered(*other)).copied().collect()
    }

    /// Whether the compiler cleans up the variable at the root of a place: what cleans a structure up takes its members along.
    fn is_automatic(&self, region: RegionId) -> bool {
        match self.arena.root(region) {
            Root::Var(var) => self.function.var(var).is_some_and(|var| var.release == Release::Automatic),
            _ => false,
        }
    }

    /// A local comes into scope: its places hold nothing.
    pub(super) fn declare(&mut self, view: &mut State, var: VarId) {
        let region = self.arena.region(Region::Var(var));
        let arena = &self.arena;
        if arena.has_parts(region) {
            view.store.retain(|(other, _)| !arena.within(*other, region));
        }
        view.bind(region, Value::Undefined);
    }

    /// Locals go out of scope.
    pub(super) fn leave(&mut self, view: &mut State, vars: &[VarId], span: Span) {
        let mut gone = Vec::new();
        for (region, value) in &view.store {
            if matches!(self.arena.root(*region), Root::Var(var) if vars.contains(&var))
                && let Some(target) = self.arena.target(*value)
                && view.is_held(target)
            {
                gone.push((*region, target));
            }
        }
        let holders: Vec<Option<String>> = gone.iter().map(|(place, _)| self.text_of(view, *place)).collect();
        let arena = &self.arena;
        view.store.retain(|(region, _)| !matches!(arena.root(*region), Root::Var(var) if vars.contains(&var)));
        for ((_, target), holder) in gone.into_iter().zip(holders) {
            // Two of the locals may have led to the same object, which is lost once.
            if view.is_held(target) && !self.is_referenced(view, target) {
                self.lose(view, target, LossKind::Scope, span, holder);
            }
        }
    }

    /// Nothing is known of these places any more.
    pub(super) fn blind(&mut self, view: &mut State, places: &[ExprId]) {
        for place in places {
            let value = self.eval(view, *place);
            self.check_use(view, value);
            self.share(view, value);
            if let Expr::Var(var) = self.function.expr(*place) {
                let region = self.arena.region(Region::Var(var));
                let inside: Vec<Value> = view
                    .store
                    .iter()
                    .filter(|(other, _)| self.arena.within(*other, region))
                    .map(|(_, value)| *value)
                    .collect();
                for value in inside {
                    self.share(view, value);
                }
                let arena = &self.arena;
                view.store.retain(|(other, _)| !arena.within(*other, region));
                let unknown = Value::Symbol(self.unknown(view, *place));
                view.bind(region, unknown);
            }
        }
    }

    /// A new result of a step. Several are told apart while they are alive.
    pub(super) fn make(&mut self, view: &mut State, part: u16) -> SymbolId {
        let mut symbol = None;
        for nth in 0..MAX_ALIVE {
            let candidate = self.arena.symbol(Symbol::Made { site: self.at, part, nth });
            symbol = Some(candidate);
            if !self.is_referenced(view, candidate) && !view.is_held(candidate) {
                break;
            }
        }
        let symbol = symbol.unwrap_or_else(|| self.arena.symbol(Symbol::Made { site: self.at, part, nth: 0 }));
        self.renew(view, symbol);
        view.drop_object(symbol);
        symbol
    }

    /// Whether any place outside the object itself leads to it.
    pub(super) fn is_referenced(&self, view: &State, symbol: SymbolId) -> bool {
        view.store.iter().any(|(region, value)| {
            self.arena.target(*value) == Some(symbol)
                && match self.arena.root(*region) {
                    Root::Pointee(owner) => {
                        // What the caller passed in may have been released for another reason than a name gives away.
                        owner != symbol
                            && !view.object(owner).is_some_and(|owner| {
                                owner.site.is_some() && matches!(owner.standing, Standing::Released(_) | Standing::Lost)
                            })
                    }
                    _ => true,
                }
        })
    }
}
