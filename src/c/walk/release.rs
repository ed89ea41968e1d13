//! Owners: acquisitions, releases, gifts and losses.

use super::contents::{Contents, Met};
use super::focus::Focus;
use super::{Fault, FaultKind, FoundLoss, SeenRelease, Site, Walk};
use crate::c::domain::{
    Fact, Loss, LossKind, Object, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value, Via,
};
use crate::c::ir::{BinaryOp, Expr, ExprId};
use crate::c::names::Name;
use crate::c::syntax::Span;

/// Unknown callees remembered for one object; one that more have seen is given up.
const MAX_SEEN_BY: usize = 4;

/// Places deeper than this that were handed on are not told to callers.
const MAX_SHARED_DEPTH: u32 = 3;

/// What happens to the objects that hang below a released one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// The releasing function frees one block of memory: they are lost.
    Left,
    /// It may release them too.
    Unknown,
    /// Nobody has seen what it does: it may well release them too.
    Unseen,
}

/// The memory that a fault is about: where it was acquired, if it was, and released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Victim {
    site: Option<u32>,
    released: Option<Span>,
}

/// A fault that is about no object.
pub(super) const NOBODY: Victim = Victim { site: None, released: None };

/// What a fault tells of an object.
pub(super) fn victim(object: Option<&Object>) -> Victim {
    let released = |object: &Object| match object.standing {
        Standing::Released(span) => Some(span),
        _ => None,
    };
    object.map_or(NOBODY, |object| Victim { site: object.site, released: released(object) })
}

impl Walk<'_> {
    pub(super) fn fault(&mut self, kind: FaultKind, victim: Victim) {
        self.faults.insert((kind, self.at, victim));
    }

    /// The faults, each once, in order.
    pub(super) fn faults_in_order(&self) -> Vec<Fault> {
        let place = |(kind, at, victim): &(FaultKind, u32, Victim)| {
            let span = self.flow.span_at(self.function, *at);
            Fault { kind: *kind, span, site: victim.site, released: victim.released }
        };
        let mut faults: Vec<Fault> = self.faults.iter().map(place).collect();
        faults.sort();
        faults.dedup();
        faults
    }

    /// The number of the acquisition by the current step.
    pub(super) fn site(&mut self, site: Site) -> u32 {
        let key = (self.at, site.part);
        if let Some(id) = self.site_ids.get(&key) {
            // A guess gives way to knowledge: one call may go several ways.
            if let Some(known) = self.sites.get_mut(*id as usize)
                && known.release.is_none()
            {
                known.release = site.release;
            }
            return *id;
        }
        let id = self.sites.len() as u32;
        self.sites.push(site);
        self.site_ids.insert(key, id);
        self.acquiring.insert(self.at);
        id
    }

    /// A new object from the current step.
    pub(super) fn acquire(&mut self, view: &mut State, site: Site, fact: Fact, seen_by: Vec<Via>) -> SymbolId {
        let symbol = self.make(view, site.part);
        let _ = view.learn(symbol, fact);
        if !self.focus.holds(&site) {
            if self.focus == Focus::Nothing {
                self.site(site);
            }
            return symbol;
        }
        let site = self.site(site);
        view.set_object(symbol, Object { standing: Standing::Held, site: Some(site), seen_by });
        symbol
    }

    /// Releases what a value points to. `members` lead to it from the structure that the releasing function is given.
    pub(super) fn release(
        &mut self,
        view: &mut State,
        value: Value,
        (by, members): (Name, &[Name]),
        span: Span,
        below: Below,
    ) {
        let symbol = match value {
            Value::Symbol(symbol) => symbol,
            Value::Int(_) | Value::Code(_) => return,
            Value::Undefined => return self.fault(FaultKind::WrongRelease, NOBODY),
            Value::Address(region) => match self.arena.root(region) {
                Root::Var(_) | Root::Text => return self.fault(FaultKind::WrongRelease, NOBODY),
                Root::Global(_) => return,
                // A member of a larger object, or a place within: its owner knows.
                Root::Pointee(owner) => {
                    self.doubtful.insert(span);
                    return self.share(view, Value::Symbol(owner));
                }
            },
        };
        if view.fact(symbol).value() == Some(0) {
            return;
        }
        if self.is_unwritten(view, symbol) {
            self.fault(FaultKind::WrongRelease, NOBODY);
        }
        self.share_all(view, self.may_be(value).iter().copied().map(Value::Symbol).collect());
        let object = view.object(symbol).cloned();
        let site = object.as_ref().and_then(|object| object.site);
        match object.as_ref().map(|object| object.standing) {
            Some(Standing::Released(_)) => return self.fault(FaultKind::DoubleRelease, victim(object.as_ref())),
            Some(Standing::Automatic) => return self.fault(FaultKind::WrongRelease, NOBODY),
            _ => {}
        }
        if let Some(object) = &object
            && let Some(site) = object.site
        {
            let members = members.to_vec();
            let seen = SeenRelease { site, by, members, span, seen_by: object.seen_by.clone() };
            if by != Name::of("") && !self.releases.contains(&seen) {
                self.releases.push(seen);
            }
        }
        let is_own = object.as_ref().is_some_and(|object| object.standing == Standing::Held);
        if !is_own && !self.is_repeated(view, value) {
            let is_likely = object.is_none() && self.is_kin(value);
            if is_likely {
                self.likely.insert(span)
            } else {
                self.doubtful.insert(span)
            };
        }
        let held_below = self.held_below(view, symbol);
        // What the caller hung below it may be released with it.
        let is_deep = below == Below::Unseen && site.is_none();
        let seen_by = is_deep.then_some(Via { callee: by, argument: 0, at: self.at }).into_iter().collect();
        view.set_object(symbol, Object { standing: Standing::Released(span), site, seen_by });
        for (place, target) in held_below {
            // An item that leads back to the whole is linked into it, whoever else leads to the item.
            let is_linked = below == Below::Unknown && self.met_from(view, Value::Symbol(target)).has(symbol);
            let is_elsewhere = match below {
                Below::Unknown => self.is_named(view, target),
                Below::Left => self.is_referenced(view, target),
                Below::Unseen => false,
            };
            if is_elsewhere && !is_linked {
                continue;
            }
            match below {
                // Which elements were filled, and which of them a loop before this has released, is not followed.
                Below::Left if self.is_element(place) => self.share(view, Value::Symbol(target)),
                Below::Left => {
                    let holder = self.text_of(view, place);
                    self.lose(view, target, LossKind::Container, span, holder);
                }
                Below::Unknown | Below::Unseen => self.share(view, Value::Symbol(target)),
            }
        }
    }

    /// Whoever takes one from an object's count of references has let go of it: when the others do, it is released.
    pub(super) fn count_down(&mut self, view: &mut State, to: ExprId, from: ExprId) {
        let function = self.function;
        let Expr::Field(whole, name) = function.expr(to) else { return };
        let Expr::Binary(BinaryOp::Subtract, counter, one) = function.expr(from) else { return };
        let Expr::Deref(pointer) = function.expr(whole) else { return };
        let counts_references = || self.program.text(name).to_ascii_lowercase().contains("ref");
        if function.same(counter, to) && function.expr(one) == Expr::Int(1) && counts_references() {
            let value = self.eval(view, pointer);
            self.share(view, value);
        }
    }

    /// Whether an unknown value comes from a call that acquires something on another way.
    pub(super) fn is_kin(&self, value: Value) -> bool {
        let Value::Symbol(symbol) = value else { return false };
        self.kin.contains(&symbol)
            || matches!(self.arena.symbol_of(symbol), Symbol::Made { site, .. } if self.acquiring.contains(&site))
    }

    /// Whether a place lies in an element of an array. The first element is the array itself: there the function says
    /// it, where it writes `array[index].member`.
    fn is_element(&self, place: crate::c::domain::RegionId) -> bool {
        let function = self.function;
        if let Region::Field(_, member) = self.arena.region_of(place) {
            let indexed = |expr: &Expr| {
                matches!(*expr, Expr::Field(base, name) if self.program.canonical_field(name) == member
                    && matches!(function.expr(base), Expr::Index(..)))
            };
            if function.exprs.iter().any(indexed) {
                return true;
            }
        }
        let mut at = Some(place);
        while let Some(here) = at {
            if matches!(self.arena.region_of(here), Region::Element(..)) {
                return true;
            }
            at = self.arena.parent(here);
        }
        false
    }

    /// Whether a value was read from memory that this function acquired and nobody has written yet. What a function of
    /// the tree gives may have been written by it.
    fn is_unwritten(&self, view: &State, symbol: SymbolId) -> bool {
        let Symbol::Initial(region) = self.arena.symbol_of(symbol) else { return false };
        let Root::Pointee(owner) = self.arena.root(region) else { return false };
        let is_bare = |site: &Site| self.program.resolve(site.source, self.function.file).is_none();
        self.site_behind(view, owner).is_some_and(|site| !site.zeroed && is_bare(site))
    }

    /// Where the object behind a symbol was acquired.
    pub(super) fn site_behind(&self, view: &State, symbol: SymbolId) -> Option<&Site> {
        self.sites.get(view.object(symbol)?.site? as usize)
    }

    /// The object that a value leads to, if it was released.
    pub(super) fn released<'a>(&self, view: &'a State, value: Value) -> Option<&'a Object> {
        let object = view.object(self.arena.target(value)?)?;
        matches!(object.standing, Standing::Released(_)).then_some(object)
    }

    /// Whether any place that is no temporary leads to an object, other than what is released.
    fn is_named(&self, view: &State, symbol: SymbolId) -> bool {
        let is_temporary = |region| {
            matches!(self.arena.root(region), Root::Var(var)
                if self.function.var(var).is_some_and(|var| var.temporary))
        };
        self.is_referenced(view, symbol)
            && view.store.iter().any(|(region, value)| {
                self.arena.target(*value) == Some(symbol)
                    && !is_temporary(*region)
                    && !matches!(self.arena.root(*region), Root::Pointee(owner)
                        if view.object(owner).is_some_and(|owner| matches!(owner.standing, Standing::Released(_) | Standing::Lost)))
            })
    }

    /// The held objects that places inside an object lead to.
    fn held_below(&self, view: &State, owner: SymbolId) -> Vec<(crate::c::domain::RegionId, SymbolId)> {
        if !self.arena.is_followed(owner) {
            return Vec::new();
        }
        let inside = view.store.iter().filter(|(region, _)| self.arena.root(*region) == Root::Pointee(owner));
        let targets = inside.filter_map(|(region, value)| self.arena.target(*value).map(|target| (*region, target)));
        targets.filter(|(_, target)| *target != owner && view.is_held(*target)).collect()
    }

    /// Whatever a value leads to may from now on be held by others.
    pub(super) fn share(&mut self, view: &mut State, value: Value) {
        self.share_all(view, vec![value]);
    }

    fn share_all(&mut self, view: &mut State, values: Vec<Value>) {
        for symbol in self.possibly_reachable(view, values) {
            if let Some(object) = view.object_mut(symbol) {
                match object.standing {
                    Standing::Held => {
                        object.standing = Standing::Shared;
                        object.seen_by.clear();
                    }
                    // Passed in, and so far only seen by unknown callees.
                    Standing::Shared => object.seen_by.clear(),
                    _ => {}
                }
            } else {
                self.note_shared(view, symbol, Vec::new());
            }
        }
    }

    /// Only what the caller passed in is worth remembering as shared: a summary tells of it.
    fn note_shared(&self, view: &mut State, symbol: SymbolId, seen_by: Vec<Via>) {
        if let Symbol::Initial(region) = self.arena.symbol_of(symbol)
            && self.arena.depth(region) <= MAX_SHARED_DEPTH
        {
            view.set_object(symbol, Object { standing: Standing::Shared, site: None, seen_by });
        }
    }

    /// Whatever a value leads to is seen by unknown callees.
    pub(super) fn show(&mut self, view: &mut State, value: Value, vias: &[Via]) {
        for symbol in self.reachable(view, value) {
            for via in vias {
                self.show_object(view, symbol, *via);
            }
        }
    }

    fn show_object(&mut self, view: &mut State, symbol: SymbolId, via: Via) {
        match view.object_mut(symbol) {
            Some(object) if object.standing == Standing::Held => {
                if !object.seen_by.contains(&via) {
                    object.seen_by.push(via);
                    object.seen_by.sort();
                }
                if object.seen_by.len() > MAX_SEEN_BY {
                    object.standing = Standing::Shared;
                    object.seen_by.clear();
                }
            }
            // Passed in, and seen by others before; who may hold it anyway is not asked any more.
            Some(object) if object.standing == Standing::Shared && !object.seen_by.is_empty() => {
                if !object.seen_by.iter().any(|seen| (seen.callee, seen.argument) == (via.callee, via.argument)) {
                    object.seen_by.push(via);
                    object.seen_by.sort();
                }
                if object.seen_by.len() > 2 * MAX_SEEN_BY {
                    object.seen_by.clear();
                }
            }
            Some(_) => {}
            None => self.note_shared(view, symbol, vec![via]),
        }
    }

    /// The objects that values lead to, and those that what they lead to may be.
    fn possibly_reachable(&self, view: &State, values: Vec<Value>) -> Vec<SymbolId> {
        self.met(view, values, true).in_order()
    }

    /// The objects that a value leads to, itself first, through every place that was written.
    pub(super) fn reachable(&self, view: &State, value: Value) -> Vec<SymbolId> {
        self.met_from(view, value).in_order()
    }

    /// The same, for who asks about single objects.
    pub(super) fn met_from(&self, view: &State, value: Value) -> Met {
        self.met(view, vec![value], false)
    }

    /// What values lead to; `possibly` adds what joined values may be.
    fn met(&self, view: &State, mut work: Vec<Value>, possibly: bool) -> Met {
        let mut found = Met::none(&self.arena);
        work.retain(|value| matches!(value, Value::Symbol(_) | Value::Address(_)));
        if work.is_empty() {
            return found;
        }
        let mut contents = Contents::of(&self.arena, view);
        let (mut locals, mut owners) = (Vec::new(), Vec::new());
        while let Some(value) = work.pop() {
            let root = match value {
                Value::Symbol(symbol) => Root::Pointee(symbol),
                Value::Address(region) if self.lies_in_a_text(region) => {
                    owners.push(self.arena.root(region));
                    continue;
                }
                Value::Address(region) => self.arena.root(region),
                _ => continue,
            };
            match root {
                Root::Pointee(symbol) => {
                    if !found.add(symbol) {
                        continue;
                    }
                    if possibly {
                        work.extend(self.may_be(Value::Symbol(symbol)).iter().copied().map(Value::Symbol));
                    }
                }
                Root::Var(var) => {
                    if locals.contains(&var) {
                        continue;
                    }
                    locals.push(var);
                }
                _ => continue,
            }
            contents.each(root, &mut |_, value| work.push(value));
        }
        // A text within a structure is memory of the structure, and leads to nothing else in it.
        for owner in owners {
            if let Root::Pointee(symbol) = owner {
                found.add(symbol);
            }
        }
        found.locals = locals;
        found
    }

    /// Whether a place is an array of numbers that is a member, or lies in one.
    fn lies_in_a_text(&self, region: RegionId) -> bool {
        match self.arena.region_of(region) {
            Region::Field(_, member) => self.program.types.is_text_member(member),
            Region::Element(array, _) => self.lies_in_a_text(array),
            _ => false,
        }
    }

    /// Notes a loss, to be told if the path ends in an ordinary way.
    pub(super) fn lose(
        &mut self,
        view: &mut State,
        symbol: SymbolId,
        kind: LossKind,
        span: Span,
        holder: Option<String>,
    ) {
        let below = self.held_below(view, symbol);
        let Some(object) = view.object_mut(symbol) else { return };
        let Some(site) = object.site else { return };
        object.standing = Standing::Lost;
        let seen_by = std::mem::take(&mut object.seen_by);
        let loss = Loss { site, kind, span, holder, seen_by };
        let number = self.noted.iter().position(|known| *known == loss).unwrap_or_else(|| {
            self.noted.push(loss);
            self.noted.len() - 1
        }) as u32;
        if !view.losses.contains(&number) {
            view.losses.push(number);
        }
        for (_, target) in below {
            if !self.is_referenced(view, target) {
                self.share(view, Value::Symbol(target));
            }
        }
    }

    /// Tells the losses of a path that has come to an end.
    pub(super) fn flush(&mut self, view: &State) {
        for number in &view.losses {
            if self.told.insert(*number)
                && let Some(loss) = self.noted.get(*number as usize)
            {
                self.losses.push(FoundLoss { loss: loss.clone(), steps: Self::steps_of(&view.trace) });
            }
        }
    }

    /// The region behind a symbol.
    pub(super) fn pointee_of(&mut self, symbol: SymbolId) -> crate::c::domain::RegionId {
        self.arena.region(Region::Pointee(symbol))
    }
}
