//! Playing a summary: each outcome that fits the caller's values becomes a view of its own.

use super::calls::{Argument, Call, may_be_null};
use super::memory::Replaced;
use super::release::Below;
use super::{HANDED_ON, Site, Walk};
use crate::c::domain::{Fact, LossKind, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value, Via};
use crate::c::knowledge::sounds_like_the_end;
use crate::c::names::Name;
use crate::c::summary::{Base, Effect, Outcome, Path, Selector, Spec, Summary};

/// Members within members that a function answers for where a callee fills them. What lies deeper is seldom released
/// by itself, and often moved with what is around it.
const MAX_MEMBERS: usize = 2;

/// Blocks of a function that only hands on what its callees hang into its caller's structure. A larger one has paths
/// enough without telling such objects apart.
const MAX_WRAPPER: usize = 8;

/// So many effects of an outcome take the time of one more step.
const EFFECTS_OF_A_STEP: usize = 20;

/// What an outcome puts where.
struct Written {
    place: RegionId,
    value: Value,
    /// Whether the place is a member of what an argument points to, and not simply one of a local.
    is_far: bool,
    /// Whether nothing is put there, or something that is not known.
    is_vague: bool,
}

impl Walk<'_> {
    pub(super) fn apply(&mut self, mut view: State, call: &Call, summary: &Summary, after: &mut Vec<State>) {
        if summary.outcomes.iter().any(|outcome| !outcome.effects.is_empty()) {
            self.fill_revealed(&mut view);
            self.fill_listed(&mut view, call);
            self.share_elements_after(&mut view, call, summary);
        }
        let mut feasible: Vec<&Outcome> =
            summary.outcomes.iter().filter(|outcome| self.is_feasible(&mut view, call, outcome)).collect();
        // One that hands an argument back has made what it needed as well.
        let makes = |outcome: &&Outcome| match &outcome.returns {
            Spec::Fresh(_) => true,
            Spec::Initial(path) => path.selectors.is_empty() && !outcome.effects.is_empty(),
            _ => false,
        };
        if self.flow.is_taken_for_granted(call.into) && (feasible.iter().any(makes) || self.flow.is_followed(call.into))
        {
            // Whoever never asks whether there was memory takes it that there was; what is lost where there was none is
            // no leak that anybody looks for. What only ever gives null (`p = release(p)`) makes nothing.
            let gives = |outcome: &&Outcome| outcome.returns != Spec::Int(0);
            if feasible.iter().any(gives) {
                feasible.retain(gives);
            }
        }
        if feasible.is_empty() && !summary.outcomes.is_empty() && self.is_given_null(call) {
            // Nobody writes a call that always fails: another function of that name is meant.
            return self.unknown_call(view, call, after);
        }
        if feasible.is_empty() {
            // Whoever never comes back has used what it was given all the same.
            self.check_call(&view, call);
            self.stuck.insert(call.span);
        }
        self.missed(&mut view, call, summary);
        self.spared(&mut view, call, summary, &feasible);
        self.transformed(&mut view, call, summary);
        if feasible.len() > 1 && self.is_indifferent(&mut view, call, &feasible) {
            self.blur(&mut view, call, &feasible);
            after.push(view);
            return;
        }
        let may_return_other =
            summary.outcomes.iter().any(|outcome| !matches!(outcome.returns, Spec::Fresh(_) | Spec::Int(_)));
        if let [only] = feasible.as_slice() {
            self.weigh(&mut view, call, summary, only);
            if self.outcome(&mut view, call, only, may_return_other).is_some() {
                after.push(view);
            }
            return;
        }
        let mut results: Vec<(State, &Outcome)> = Vec::new();
        for outcome in &feasible {
            let mut next = view.clone();
            self.steps += (outcome.effects.len() / EFFECTS_OF_A_STEP) as u32;
            self.weigh(&mut next, call, summary, outcome);
            if self.outcome(&mut next, call, outcome, may_return_other).is_some() {
                self.half_filled(&mut next, call, outcome, &feasible);
                results.push((next, outcome));
            }
        }
        self.doubt(&view, call, &mut results);
        after.extend(results.into_iter().map(|(view, _)| view));
    }

    /// Whether null is written where the callee takes a pointer.
    fn is_given_null(&self, call: &Call) -> bool {
        let body = call.callee.and_then(|name| self.program.resolve(name, self.function.file));
        let Some(body) = body.map(|id| &self.program.functions[id.0 as usize]) else { return false };
        let parameters = body.vars.iter().take(body.parameters as usize);
        let is_null = |arg: &Argument| arg.literal && arg.value == Value::Int(0);
        parameters.zip(&call.args).any(|(parameter, arg)| parameter.declared.pointers > 0 && is_null(arg))
    }

    /// Whether the conditions of an outcome can hold, each by itself.
    fn is_feasible(&mut self, view: &mut State, call: &Call, outcome: &Outcome) -> bool {
        outcome.when.iter().all(|(path, fact)| match self.value_at(view, call, path, &[]) {
            Some(Value::Int(value)) => !fact.disjoint(Fact::exactly(value)),
            Some(Value::Symbol(symbol)) => {
                let is_null = path.selectors.is_empty() && fact.value() == Some(0);
                !(fact.disjoint(view.fact(symbol)) || is_null && self.is_granted(view, symbol))
            }
            Some(Value::Address(_) | Value::Code(_)) => fact.value() != Some(0),
            _ => true,
        })
    }

    /// Whether a function takes it for granted that there was memory: it works with what it acquired and never asks.
    fn is_granted(&self, view: &State, symbol: SymbolId) -> bool {
        let is_granted = |region: RegionId| match self.arena.region_of(region) {
            Region::Var(var) => {
                self.flow.is_taken_for_granted(var) && self.function.var(var).is_some_and(|var| !var.temporary)
            }
            Region::Field(_, member) => {
                let mut asked = self.flow.asked_members().iter();
                !asked.any(|asked| self.program.canonical_field(*asked) == member)
            }
            _ => false,
        };
        let is_own = view.object(symbol).is_some_and(|object| object.site.is_some());
        is_own && view.store.iter().any(|(region, value)| *value == Value::Symbol(symbol) && is_granted(*region))
    }

    /// The value at a path, and, where a structure lies there, its members.
    pub(super) fn carried(&mut self, view: &mut State, call: &Call, path: &Path, fresh: &[SymbolId]) -> Vec<Value> {
        let mut values: Vec<Value> = self.value_at(view, call, path, fresh).into_iter().collect();
        if let Some(place) = self.place_at(view, call, path, fresh) {
            values.extend(self.members(view, place));
        }
        values
    }

    pub(super) fn escape(&mut self, view: &mut State, call: &Call, path: &Path, seen_by: &[Via], fresh: &[SymbolId]) {
        for value in self.carried(view, call, path, fresh) {
            // Who is given the address of a pointer may well copy it.
            if seen_by.is_empty() || self.pointer_at(value).is_some() {
                self.share(view, value);
                // A variable, or a table of addresses, is kept by whoever fills what they lead to: a function that is handed on.
                if matches!(value, Value::Address(region) if matches!(self.arena.root(region), Root::Var(_))) {
                    let met = self.met_from(view, value);
                    self.overwrite_behind(view, value, &met, 0);
                }
            } else {
                let here: Vec<Via> = seen_by.iter().map(|via| Via { at: self.at, ..*via }).collect();
                self.show(view, value, &here);
                let met = self.met_from(view, value);
                self.overwrite_behind(view, value, &met, 0);
            }
        }
    }

    /// Plays one outcome; `None` if it cannot happen here.
    fn outcome(&mut self, view: &mut State, call: &Call, outcome: &Outcome, may_return_other: bool) -> Option<()> {
        for (path, fact) in &outcome.when {
            if let Some(value) = self.value_at(view, call, path, &[])
                && !self.assume_fact(view, value, *fact)
            {
                return None;
            }
        }
        if follows_null(view, call, outcome) {
            self.stuck.insert(call.span);
        }
        let grown = self.grown(view, call, outcome);
        let fresh = self.fresh_objects(view, call, outcome, &grown, may_return_other);
        let mut writes = Vec::new();
        let returned = self.value_of(view, call, &outcome.returns, &fresh, 0);
        for (number, effect) in outcome.effects.iter().enumerate() {
            if let Effect::Write(path, spec) = effect
                && let Some(place) = self.place_at(view, call, path, &fresh)
            {
                let value = self.value_of(view, call, spec, &fresh, number + 1);
                let members = members_of(path).len();
                let is_near = matches!(self.arena.root(place), Root::Var(_)) && members == 1;
                let is_far = members > 0 && !is_near;
                let is_vague = matches!(spec, Spec::Int(0) | Spec::Unknown(_) | Spec::Dangling);
                writes.push(Written { place, value, is_far, is_vague });
            }
        }
        for effect in &outcome.effects {
            match effect {
                Effect::Release(path) => {
                    let value = self.value_at(view, call, path, &fresh);
                    let kept = |value: Value| grown.iter().any(|(_, object)| value == Value::Symbol(*object));
                    if let Some(value) = value.filter(|value| !kept(*value)) {
                        let by = (call.spelled, &*members_of(path));
                        self.release(view, value, by, call.span, Below::Unknown);
                    }
                }
                Effect::Escape(path, seen_by) => self.escape(view, call, path, seen_by, &fresh),
                // A structure that is copied takes its pointers along; the copy's members are not followed.
                Effect::Write(_, Spec::Initial(path)) => {
                    if let Some(place) = self.place_at(view, call, path, &fresh) {
                        for value in self.members(view, place) {
                            self.share(view, value);
                        }
                    }
                }
                Effect::Write(..) => {}
            }
        }
        self.check_call_uses(view, call, outcome);
        let result = self.arena.region(Region::Var(call.into));
        let mut replaced = self.put(view, &writes, returned);
        replaced.extend(self.replace(view, result, returned));
        self.settle(view, replaced, call.span, LossKind::Overwrite);
        Some(())
    }

    /// Puts what an outcome writes where it belongs, all at once: an item that one write puts in front of a list is led
    /// to by another. Gives the objects that were replaced.
    fn put(&mut self, view: &mut State, writes: &[Written], returned: Value) -> Vec<Replaced> {
        let mut replaced = Vec::new();
        for written in writes {
            let old = self.load(view, written.place);
            if let (Value::Symbol(symbol), true) = (written.value, written.is_vague) {
                self.note_joined(symbol, [Some(old), None]);
            }
            let is_handed_on = returned == old || writes.iter().any(|other| other.value == old);
            if written.is_vague && !is_handed_on {
                // A callee that empties a place on its way has reasons of its own (a capacity that is 0, an error that
                // was handled): the condition is seldom one that the caller's values can be held against. And what it
                // writes without our knowing may lead to what was there.
                self.share_contents(view, written.place);
            } else if written.is_far && !is_handed_on && old != written.value && self.leads_to_held(view, old) {
                // What it replaces in a member far away may lie within the structure, or hang elsewhere by then.
                self.share(view, old);
            }
            replaced.extend(self.replace(view, written.place, written.value));
        }
        replaced
    }

    /// Nothing is said any more of what a place and its members lead to.
    pub(super) fn share_contents(&mut self, view: &mut State, place: RegionId) {
        let mut inside = self.members(view, place);
        inside.push(self.load(view, place));
        for value in inside {
            if self.leads_to_held(view, value) {
                self.share(view, value);
            }
        }
    }

    /// Notes uses of what was released by an outcome that does not release: a null pointer that is handed to what
    /// otherwise releases is none.
    fn check_call_uses(&mut self, view: &State, call: &Call, outcome: &Outcome) {
        let is_for_null = |path: &Path, fact: &Fact| path.selectors.is_empty() && fact.value() == Some(0);
        let spares_null = outcome.when.iter().any(|(path, fact)| is_for_null(path, fact)) && self.may_release(call);
        if !outcome.releases_any() && !spares_null {
            self.check_call(view, call);
        }
    }

    /// The objects of ours that an outcome only makes larger: it releases what a place leads to and puts a new one
    /// there. They stay what they are, so that a text that is added to ten times is one object and not eleven.
    fn grown(&mut self, view: &mut State, call: &Call, outcome: &Outcome) -> Vec<(u8, SymbolId)> {
        let mut grown = Vec::new();
        for effect in &outcome.effects {
            let Effect::Write(path, Spec::Fresh(number)) = effect else { continue };
            if !outcome.effects.contains(&Effect::Release(path.clone())) {
                continue;
            }
            if let Some(Value::Symbol(old)) = self.value_at(view, call, path, &[])
                && view.object(old).is_some_and(|object| object.standing == Standing::Held && object.site.is_some())
            {
                grown.push((*number, old));
            }
        }
        grown
    }

    /// The objects that an outcome makes.
    fn fresh_objects(
        &mut self,
        view: &mut State,
        call: &Call,
        outcome: &Outcome,
        grown: &[(u8, SymbolId)],
        may_return_other: bool,
    ) -> Vec<SymbolId> {
        let mut made = Vec::new();
        for (number, fresh) in outcome.fresh.iter().enumerate() {
            if let Some((_, old)) = grown.iter().find(|(grown, _)| usize::from(*grown) == number) {
                let _ = view.learn(*old, fresh.fact);
                made.push(*old);
                continue;
            }
            let part = part_of(outcome, number as u8);
            let source = if part >= HANDED_ON { fresh.source } else { call.spelled };
            // A function that fills what it is given, or makes something where it is given nothing: whoever drops its result,
            // or only asks whether there is one, has given it something.
            let is_dropped =
                outcome.returns == Spec::Fresh(number as u8) && !self.flow.is_kept(call.into) && may_return_other;
            let unknown = is_dropped || fresh.release.is_none() && !self.program.may_give(source, part);
            if unknown || !self.is_handed_out(view, outcome, number as u8, call) {
                let symbol = self.make(view, part);
                let _ = view.learn(symbol, fresh.fact);
                made.push(symbol);
                continue;
            }
            let maker = (fresh.source != source).then_some(fresh.source);
            let site = Site { span: call.span, source, part, maker, release: fresh.release, zeroed: fresh.zeroed };
            made.push(self.acquire(view, site, fresh.fact, fresh.seen_by.clone()));
        }
        made
    }

    /// Whether a fresh object is handed to the caller: as the result, through `*argument`, or in a member of a structure
    /// that the caller knows. What is hung up deeper belongs to the structure it hangs in.
    fn is_handed_out(&mut self, view: &mut State, outcome: &Outcome, number: u8, call: &Call) -> bool {
        outcome.returns == Spec::Fresh(number)
            || outcome.effects.iter().any(|effect| {
                let Effect::Write(path, Spec::Fresh(written)) = effect else { return false };
                let direct = match (path.base, path.selectors.as_slice()) {
                    (Base::Parameter(_), [Selector::Deref]) => true,
                    (Base::Parameter(number), [Selector::Deref, members @ ..]) => {
                        members.iter().all(|selector| matches!(selector, Selector::Field(_)))
                            && call
                                .args
                                .get(number as usize)
                                .is_some_and(|arg| members.len() <= self.answers_for(view, arg.value))
                    }
                    // A member of another fresh object, which goes with it.
                    (Base::Fresh(owner), _) => owner != number && path.selectors.len() <= 2,
                    _ => false,
                };
                direct && *written == number && !self.is_lent_room(view, call, path)
            })
    }

    /// Whether a place already leads to a variable of this function: whoever fills it uses what is there, and makes
    /// something of its own only where nothing is.
    fn is_lent_room(&mut self, view: &mut State, call: &Call, path: &Path) -> bool {
        let held = self.value_at(view, call, path, &[]);
        matches!(held, Some(Value::Address(region)) if matches!(self.arena.root(region), Root::Var(_)))
    }

    /// How many members deep this function answers for the structure that a value leads to: a local, less deep what one
    /// of its parameters points to, so that the callers of a small function hear of it, and what it acquired and still
    /// holds, since that has a destructor of its own as a rule.
    fn answers_for(&self, view: &State, value: Value) -> usize {
        let root = match value {
            Value::Address(region) => self.arena.root(region),
            Value::Symbol(symbol) => Root::Pointee(symbol),
            _ => return 0,
        };
        match root {
            Root::Var(_) => MAX_MEMBERS,
            Root::Pointee(symbol) => {
                let is_given = matches!(self.arena.symbol_of(symbol), Symbol::Initial(region)
                    if matches!(self.arena.region_of(region), Region::Var(_)));
                let is_wrapper = self.function.blocks.len() <= MAX_WRAPPER;
                usize::from(is_given && is_wrapper || view.is_held(symbol))
            }
            _ => 0,
        }
    }

    pub(super) fn value_of(
        &mut self,
        view: &mut State,
        call: &Call,
        spec: &Spec,
        fresh: &[SymbolId],
        number: usize,
    ) -> Value {
        match spec {
            Spec::Int(value) => Value::Int(*value),
            Spec::Code(name) => Value::Code(*name),
            Spec::Fresh(index) => match fresh.get(usize::from(*index)) {
                Some(symbol) => Value::Symbol(*symbol),
                None => Value::Undefined,
            },
            Spec::Initial(path) => match self.value_at(view, call, path, fresh) {
                Some(value) => value,
                None => self.anything(view, number, Fact::ANY),
            },
            Spec::Address(path) => match self.place_at(view, call, path, fresh) {
                Some(place) => self.arena.address(place),
                None => self.anything(view, number, Fact::NON_ZERO),
            },
            Spec::Unknown(fact) => self.anything(view, number, *fact),
            Spec::Dangling => Value::Undefined,
        }
    }

    pub(super) fn anything(&mut self, view: &mut State, number: usize, fact: Fact) -> Value {
        let symbol = self.make(view, 400 + (number % 1_000) as u16);
        let _ = view.learn(symbol, fact);
        match fact.value() {
            Some(value) => Value::Int(value),
            None => Value::Symbol(symbol),
        }
    }

    /// The value at a path in the caller's words, before the call.
    pub(super) fn value_at(&mut self, view: &mut State, call: &Call, path: &Path, fresh: &[SymbolId]) -> Option<Value> {
        if path.selectors.is_empty() {
            return match path.base {
                Base::Parameter(number) => call.args.get(number as usize).map(|arg| arg.value),
                Base::Global(name) => {
                    let region = self.arena.region(Region::Global(name));
                    match self.program.constant_of(name) {
                        Some(value) => Some(Value::Int(value)),
                        None => Some(self.load(view, region)),
                    }
                }
                Base::Fresh(number) => fresh.get(usize::from(number)).map(|symbol| Value::Symbol(*symbol)),
            };
        }
        let place = self.place_at(view, call, path, fresh)?;
        Some(self.load(view, place))
    }

    /// The place at a path in the caller's words.
    pub(super) fn place_at(
        &mut self,
        view: &mut State,
        call: &Call,
        path: &Path,
        fresh: &[SymbolId],
    ) -> Option<RegionId> {
        let mut place = match path.base {
            Base::Parameter(number) => call.args.get(number as usize)?.place,
            Base::Global(name) => Some(self.arena.region(Region::Global(name))),
            Base::Fresh(_) => None,
        };
        let bare = Path { base: path.base, selectors: Vec::new() };
        for (number, selector) in path.selectors.iter().enumerate() {
            place = match selector {
                Selector::Deref => {
                    let value = match number {
                        0 => self.value_at(view, call, &bare, fresh)?,
                        _ => self.load(view, place?),
                    };
                    self.arena.pointee(value)
                }
                Selector::Field(field) => Some(self.arena.region(Region::Field(place?, *field))),
                Selector::Element(index) => Some(self.arena.element(place?, Value::Int(*index))),
            };
            place?;
        }
        place
    }

    /// Whether a name is a destructor's; used where a body releases only on some paths.
    pub(super) fn is_destructor_name(&self, text: &str) -> bool {
        sounds_like_the_end(text) || text.ends_with("_put") || text.ends_with("_decref")
    }
}

/// Whether an outcome has to do with what lies behind an argument that may be null.
fn follows_null(view: &State, call: &Call, outcome: &Outcome) -> bool {
    let is_behind_null = |path: &Path| match path {
        Path { base: Base::Parameter(number), selectors } => {
            selectors.first() == Some(&Selector::Deref)
                && call.args.get(*number as usize).is_some_and(|arg| may_be_null(view, arg.value))
        }
        _ => false,
    };
    let acts = |effect: &Effect| match effect {
        Effect::Release(path) | Effect::Write(path, _) => is_behind_null(path),
        Effect::Escape(..) => false,
    };
    outcome.effects.iter().any(acts) || outcome.when.iter().any(|(path, _)| is_behind_null(path))
}

/// Which output of the call a fresh object is.
fn part_of(outcome: &Outcome, number: u8) -> u16 {
    if outcome.returns == Spec::Fresh(number) {
        return 0;
    }
    for effect in &outcome.effects {
        if let Effect::Write(path, Spec::Fresh(written)) = effect
            && *written == number
            && let Base::Parameter(parameter) = path.base
        {
            return parameter.min(150) as u16 + 1;
        }
    }
    HANDED_ON + u16::from(number)
}

/// The members on the way from what an argument points to to what a path leads to, if there is nothing else on it.
pub(super) fn members_of(path: &Path) -> Vec<Name> {
    let [Selector::Deref, fields @ ..] = path.selectors.as_slice() else { return Vec::new() };
    let field = |selector: &Selector| match selector {
        Selector::Field(name) => Some(*name),
        _ => None,
    };
    fields.iter().map(field).collect::<Option<_>>().unwrap_or_default()
}
