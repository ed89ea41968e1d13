//! The end of a path: what is still held and unreachable is lost, and the rest becomes an outcome.

use super::Walk;
use super::contents::{Contents, Met};
use crate::c::domain::{Fact, LossKind, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value};
use crate::c::ir::{BinaryOp, Expr, ExprId, InstrKind, VarId};
use crate::c::summary::{Base, Effect, Fresh, Outcome, Path, Selector, Spec, without_implied};
use crate::c::syntax::Span;
use std::collections::BTreeMap;

/// Paths longer than this are not told to callers.
const MAX_SELECTORS: usize = 5;
/// Conditions on deeper places are not told to callers.
const MAX_CONDITION: usize = 3;
/// Writes told of one outcome.
const MAX_WRITES: usize = 24;
/// Objects told of one outcome.
const MAX_FRESH: usize = 12;
/// Places below one global that an outcome tells one by one.
const MAX_PLACES_OF_A_GLOBAL: usize = 4;
/// Places below all globals that an outcome tells one by one.
const MAX_PLACES_OF_GLOBALS: usize = 16;
/// Outcomes collected of one function, before they are condensed.
const MAX_COLLECTED: usize = 400;

impl Walk<'_> {
    /// `return value;`
    pub(super) fn hand_back(&mut self, mut view: State, span: Span, value: Option<ExprId>) {
        let whole = value.and_then(|value| self.whole(&mut view, value));
        let mut value = value.map(|value| self.eval(&mut view, value));
        // A structure that is returned takes its pointers along, and is not what it was copied from once a
        // member was given another value.
        let members = whole.map(|whole| self.members(&view, whole)).unwrap_or_default();
        if !members.is_empty() {
            value = Some(Value::Undefined);
        }
        for member in members {
            self.share(&mut view, member);
        }
        match value {
            Some(answer) if self.answers_for_held(&view, answer) => {
                for truth in [true, false] {
                    let mut view = view.clone();
                    if self.assume(&mut view, answer, truth) {
                        self.finish(view, span, Some(Value::Int(i64::from(truth))));
                    }
                }
            }
            value => self.finish(view, span, value),
        }
    }

    /// Whether a value answers if what is held was acquired at all, as in `return file != NULL;`.
    fn answers_for_held(&self, view: &State, mut answer: Value) -> bool {
        let mut is_answer = false;
        while let Value::Symbol(symbol) = answer
            && let Symbol::Combined(BinaryOp::Equal, asked, Value::Int(_)) = self.arena.symbol_of(symbol)
        {
            (answer, is_answer) = (asked, true);
        }
        is_answer && self.leads_to_held(view, answer)
    }

    /// The function returns.
    fn finish(&mut self, mut view: State, span: Span, value: Option<Value>) {
        let given = self.given(&view, value);
        let left: Vec<SymbolId> = view
            .objects
            .iter()
            .filter(|(symbol, object)| object.standing == Standing::Held && given.binary_search(symbol).is_err())
            .map(|(symbol, _)| *symbol)
            .collect();
        for symbol in self.topmost(&view, &left) {
            let holder = self.holder(&view, symbol, 6);
            self.lose(&mut view, symbol, LossKind::Exit, span, holder);
        }
        self.check_left_behind(&view, &given, value);
        self.flush(&view);
        if self.outcomes.len() < MAX_COLLECTED {
            let outcome = self.describe(&view, &given, value);
            if !self.outcomes.contains(&outcome) {
                self.outcomes.push(outcome);
            }
        } else {
            self.steps += 100;
        }
    }

    /// Notes what is handed to the caller although this function acquired and released it: as the result, or in a place
    /// that the caller sees.
    fn check_left_behind(&mut self, view: &State, given: &[SymbolId], value: Option<Value>) {
        if !view.has_released() {
            return;
        }
        // What was acquired here, and on this path perhaps was not, and nothing leads to any more.
        let is_forgotten = |symbol: SymbolId| {
            let leads_there = |(_, value): &(RegionId, Value)| self.arena.target(*value) == Some(symbol);
            self.is_kin(Value::Symbol(symbol)) && !view.store.iter().any(leads_there)
        };
        let is_seen = |region: RegionId| match self.arena.root(region) {
            Root::Global(_) => true,
            Root::Pointee(symbol) => match view.object(symbol) {
                Some(object) => {
                    let is_gone = matches!(object.standing, Standing::Released(_) | Standing::Automatic);
                    !is_gone && (object.site.is_none() || given.binary_search(&symbol).is_ok())
                }
                None => !is_forgotten(symbol),
            },
            Root::Var(_) | Root::Text => false,
        };
        let places = view.store.iter().filter(|(region, _)| is_seen(*region)).map(|(_, value)| *value);
        let left: Vec<Value> = places.chain(value).collect();
        self.check_own(view, left.into_iter());
    }

    /// The objects that the caller can reach: through the result, through memory behind its pointers, through globals.
    pub(super) fn given(&self, view: &State, value: Option<Value>) -> Vec<SymbolId> {
        let mut found = Met::none(&self.arena);
        let mut work: Vec<Value> = value.into_iter().collect();
        for (region, value) in &view.store {
            let outside = match self.arena.root(*region) {
                Root::Global(_) => true,
                Root::Pointee(symbol) => view
                    .object(symbol)
                    .is_none_or(|object| object.site.is_none() || object.standing == Standing::Shared),
                Root::Var(_) | Root::Text => false,
            };
            if outside {
                work.push(*value);
            }
        }
        let mut contents = Contents::of(&self.arena, view);
        while let Some(value) = work.pop() {
            let Some(symbol) = self.arena.target(value) else { continue };
            if found.add(symbol) {
                contents.each(Root::Pointee(symbol), &mut |_, value| work.push(value));
            }
        }
        let mut found = found.in_order();
        found.sort();
        found
    }

    /// Those of the lost objects that hang below no other of them: what hangs below another is told with it. `left` is
    /// sorted.
    fn topmost(&self, view: &State, left: &[SymbolId]) -> Vec<SymbolId> {
        let mut hanging: Vec<SymbolId> = Vec::new();
        for (region, value) in if left.len() > 1 { view.store.as_slice() } else { &[] } {
            if let Some(target) = self.arena.target(*value)
                && let Root::Pointee(owner) = self.arena.root(*region)
                && owner != target
                && left.binary_search(&owner).is_ok()
            {
                hanging.push(target);
            }
        }
        left.iter().copied().filter(|symbol| !hanging.contains(symbol)).collect()
    }

    /// The path's outcome in the caller's words.
    fn describe(&self, view: &State, given: &[SymbolId], value: Option<Value>) -> Outcome {
        let held = |symbol: &SymbolId| {
            view.object(*symbol).is_some_and(|object| object.site.is_some() && object.standing == Standing::Held)
        };
        // What is returned and kept elsewhere as well is not the caller's.
        let kept = self.given(view, None);
        let hidden = self.put_out_of_sight(view);
        let own = |symbol: &SymbolId| {
            held(symbol)
                && !hidden.contains(symbol)
                && !(value == Some(Value::Symbol(*symbol)) && kept.binary_search(symbol).is_ok())
        };
        let mut fresh: Vec<SymbolId> = Vec::new();
        // The result's own object comes first, so that equal outcomes look equal.
        if let Some(Value::Symbol(symbol)) = value
            && own(&symbol)
        {
            fresh.push(symbol);
        }
        fresh.extend(given.iter().filter(|symbol| own(symbol)).filter(|symbol| value != Some(Value::Symbol(**symbol))));
        fresh.truncate(MAX_FRESH);
        let mut effects = self.effects(view, &fresh);
        // An object that went where no path leads is out of the caller's sight, and no concern of it.
        loop {
            let told = |number: usize| {
                let spec = Spec::Fresh(number as u8);
                effects.iter().any(|effect| matches!(effect, Effect::Write(_, written) if *written == spec))
                    || fresh.get(number).is_some_and(|symbol| value == Some(Value::Symbol(*symbol)))
            };
            let seen: Vec<SymbolId> =
                fresh.iter().enumerate().filter(|(number, _)| told(*number)).map(|(_, symbol)| *symbol).collect();
            if seen.len() == fresh.len() {
                break;
            }
            fresh = seen;
            effects = self.effects(view, &fresh);
        }
        let returns = match value {
            Some(value) => self.spec(view, &fresh, value),
            None => Spec::Unknown(Fact::ANY),
        };
        let returned =
            value.into_iter().flat_map(|value| self.tagged(value).into_iter().chain(self.perhaps_kept(value)));
        effects.extend(returned);
        let effects = without_implied(effects);
        let fresh = fresh.iter().map(|symbol| self.fresh_of(view, *symbol)).collect();
        Outcome { when: self.conditions(view), effects, returns, fresh }
    }

    /// A pointer that is returned with something added to it that the caller gave (`tag(node, LEAF)`): who has the result
    /// has the memory, and nothing else tells so.
    fn tagged(&self, value: Value) -> Option<Effect> {
        let (pointer, tag) = self.addends(value)?;
        self.given_itself(tag)?;
        Some(Effect::Escape(self.given_itself(pointer)?, Vec::new()))
    }

    /// What a value is the sum of, also where one is put into bits of the other.
    fn addends(&self, value: Value) -> Option<(Value, Value)> {
        let Value::Symbol(sum) = value else { return None };
        match self.arena.symbol_of(sum) {
            Symbol::Combined(BinaryOp::Add | BinaryOp::Or, one, other) => Some((one, other)),
            _ => None,
        }
    }

    /// The pointer parameter that a value lies somewhere in: `(struct link *)((char *)item + list->offset)`.
    pub(super) fn moved_by_unknown(&self, value: Value) -> Option<Value> {
        let (one, other) = self.addends(value)?;
        let is_pointer = |value: &Value| {
            let var = self.passed_in(*value).and_then(|number| self.function.vars.get(number as usize));
            var.is_some_and(|var| var.declared.pointers > 0)
        };
        [one, other].into_iter().find(is_pointer)
    }

    /// The number of the parameter that a value was passed in by, if not by something that it leads to.
    pub(super) fn passed_in(&self, value: Value) -> Option<u32> {
        match self.given_itself(value)?.base {
            Base::Parameter(number) => Some(number),
            _ => None,
        }
    }

    /// The parameter or global that a value was passed in by, if not by something that it leads to.
    fn given_itself(&self, value: Value) -> Option<Path> {
        let Value::Symbol(symbol) = value else { return None };
        self.pointer_path(symbol, &[]).filter(|path| path.selectors.is_empty())
    }

    fn effects(&self, view: &State, fresh: &[SymbolId]) -> Vec<Effect> {
        let mut effects = self.object_effects(view, fresh);
        effects.extend(self.written(view, fresh));
        effects.extend(self.hidden(view, fresh));
        effects.sort();
        effects.dedup();
        effects
    }

    fn fresh_of(&self, view: &State, symbol: SymbolId) -> Fresh {
        let object = view.object(symbol);
        let site = self.site_behind(view, symbol);
        Fresh {
            release: site.and_then(|site| site.release),
            fact: view.fact(symbol),
            zeroed: site.is_some_and(|site| site.zeroed),
            seen_by: object.map(|object| object.seen_by.clone()).unwrap_or_default(),
            source: site.map_or(crate::c::names::Name(0), |site| site.source),
        }
    }

    /// The objects that hang in the caller's memory where no path leads: whoever is there has them, too.
    fn put_out_of_sight(&self, view: &State) -> Vec<SymbolId> {
        let is_callers = |region: RegionId| match self.arena.root(region) {
            Root::Pointee(owner) => view.object(owner).is_none_or(|object| object.site.is_none()),
            Root::Global(_) => true,
            _ => false,
        };
        let held = |value: Value| self.arena.target(value).filter(|target| view.is_held(*target));
        let all = view.store.iter().filter_map(|(region, value)| Some((*region, held(*value)?)));
        all.filter(|(region, _)| is_callers(*region) && self.path(*region, &[]).is_none())
            .map(|(_, held)| held)
            .collect()
    }

    /// What became of the objects the caller passed in.
    fn object_effects(&self, view: &State, fresh: &[SymbolId]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (symbol, object) in &view.objects {
            if object.site.is_some() {
                continue;
            }
            let Some(path) = self.pointer_path(*symbol, fresh) else { continue };
            match object.standing {
                Standing::Released(_) => {
                    if !object.seen_by.is_empty() {
                        effects.push(Effect::Escape(path.clone(), object.seen_by.clone()));
                    }
                    effects.push(Effect::Release(path));
                }
                Standing::Shared => effects.push(Effect::Escape(path, object.seen_by.clone())),
                Standing::Held | Standing::Automatic | Standing::Lost => {}
            }
        }
        gathered(effects)
    }

    /// What was put into memory that the caller can see.
    fn written(&self, view: &State, fresh: &[SymbolId]) -> Vec<Effect> {
        let mut writes = Vec::new();
        for (region, value) in &view.store {
            if matches!(self.arena.root(*region), Root::Var(_)) {
                continue;
            }
            let Some(path) = self.path(*region, fresh) else { continue };
            let spec = self.spec(view, fresh, *value);
            if matches!(&spec, Spec::Initial(same) if *same == path) {
                continue;
            }
            // Of a fresh object pointers matter, and what is not zero any more where all was.
            let site = |number: u8| fresh.get(usize::from(number)).and_then(|symbol| self.site_behind(view, *symbol));
            let is_told = |number: u8| spec != Spec::Int(0) && site(number).is_some_and(|site| site.zeroed);
            if matches!(spec, Spec::Int(_) | Spec::Unknown(_))
                && matches!(path.base, Base::Fresh(number) if !is_told(number))
            {
                continue;
            }
            writes.push((matches!(spec, Spec::Int(_) | Spec::Unknown(_)), Effect::Write(path, spec)));
        }
        // Pointers matter more than numbers.
        writes.sort();
        writes.truncate(MAX_WRITES);
        writes.into_iter().map(|(_, effect)| effect).collect()
    }

    /// What the caller passed in and this path put where no path leads: someone may hold it from now on.
    fn hidden(&self, view: &State, fresh: &[SymbolId]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (region, value) in &view.store {
            if matches!(self.arena.root(*region), Root::Var(_)) {
                continue;
            }
            let own = matches!(self.arena.root(*region), Root::Pointee(owner)
                if view.object(owner).is_some_and(|object| matches!(object.standing, Standing::Lost | Standing::Released(_))));
            if !own {
                effects.extend(self.perhaps_kept(*value));
                effects.extend(self.kept_with_a_mark(*value));
            }
            if self.path(*region, fresh).is_some() {
                continue;
            }
            // A list that is empty leads to itself: that keeps nothing.
            if let Some(target) = self.arena.target(*value)
                && !own
                && self.arena.root(*region) != Root::Pointee(target)
                && let Some(path) = self.pointer_path(target, fresh)
            {
                effects.push(Effect::Escape(path, Vec::new()));
            }
        }
        effects
    }

    /// A pointer that the caller passed in and that is put somewhere with something added, such as a mark in its last bit:
    /// nothing else tells that it is kept.
    fn kept_with_a_mark(&self, value: Value) -> Option<Effect> {
        let (one, other) = self.addends(value)?;
        let is_pointer = |path: &Path| match path.base {
            Base::Parameter(number) => self.function.var(VarId(number)).is_some_and(|var| var.declared.pointers > 0),
            _ => false,
        };
        let given = |value: Value| self.given_itself(value).filter(is_pointer);
        given(one).or_else(|| given(other)).map(|path| Effect::Escape(path, Vec::new()))
    }

    /// What the caller passed in that a value may be which is put somewhere.
    fn perhaps_kept(&self, value: Value) -> impl Iterator<Item = Effect> {
        let paths = self.may_be(value).iter().filter_map(|given| self.pointer_path(*given, &[]));
        paths.map(|path| Effect::Escape(path, Vec::new()))
    }

    fn conditions(&self, view: &State) -> Vec<(Path, Fact)> {
        let mut when = Vec::new();
        for (symbol, fact) in &view.facts {
            let Symbol::Initial(region) = self.arena.symbol_of(*symbol) else { continue };
            if let Some(path) = self.path(region, &[])
                && path.selectors.len() <= MAX_CONDITION
            {
                when.push((path, *fact));
            }
        }
        when.sort();
        when
    }

    fn spec(&self, view: &State, fresh: &[SymbolId], value: Value) -> Spec {
        match value {
            Value::Int(value) => Spec::Int(value),
            Value::Code(name) => Spec::Code(name),
            Value::Undefined => Spec::Unknown(Fact::ANY),
            Value::Address(region) => match self.path(region, fresh) {
                Some(path) => Spec::Address(path),
                None => Spec::Unknown(Fact::NON_ZERO),
            },
            Value::Symbol(symbol) => {
                if let Some(value) = view.fact(symbol).value() {
                    return Spec::Int(value);
                }
                if let Some(number) = fresh.iter().position(|known| *known == symbol) {
                    return Spec::Fresh(number as u8);
                }
                if self.released(view, value).is_some_and(|object| object.site.is_some()) {
                    return Spec::Dangling;
                }
                // The first rounds of the loop show what else it may be.
                if self.unfilled.contains(&symbol) && !view.fact(symbol).is_non_zero() {
                    return Spec::Int(0);
                }
                match self.pointer_path(symbol, fresh) {
                    Some(path) => Spec::Initial(path),
                    None => Spec::Unknown(match self.arena.symbol_of(symbol) {
                        Symbol::Combined(BinaryOp::Equal | BinaryOp::Less, ..) => Fact::between(0, 1),
                        _ => view.fact(symbol),
                    }),
                }
            }
        }
    }

    /// The path whose initial value a symbol is.
    fn pointer_path(&self, symbol: SymbolId, fresh: &[SymbolId]) -> Option<Path> {
        match self.arena.symbol_of(symbol) {
            Symbol::Initial(region) => self.path(region, fresh),
            _ => None,
        }
    }

    /// A place in the caller's words.
    fn path(&self, region: RegionId, fresh: &[SymbolId]) -> Option<Path> {
        let path = match self.arena.region_of(region) {
            Region::Var(VarId(number)) => (number < self.function.parameters)
                .then(|| Path { base: Base::Parameter(number), selectors: Vec::new() }),
            Region::Global(name) => Some(Path { base: Base::Global(name), selectors: Vec::new() }),
            Region::Pointee(symbol) => {
                let mut path = match fresh.iter().position(|known| *known == symbol) {
                    Some(number) => Path { base: Base::Fresh(number as u8), selectors: Vec::new() },
                    None => self.pointer_path(symbol, fresh)?,
                };
                path.selectors.push(Selector::Deref);
                Some(path)
            }
            Region::Field(base, field) => {
                let mut path = self.path(base, fresh)?;
                path.selectors.push(Selector::Field(field));
                Some(path)
            }
            Region::Element(base, Value::Int(index)) => {
                let mut path = self.path(base, fresh)?;
                path.selectors.push(Selector::Element(index));
                Some(path)
            }
            Region::Element(..) | Region::Text => None,
        };
        path.filter(|path| path.selectors.len() <= MAX_SELECTORS)
    }

    /// The outcomes, with what only the whole function shows: a counted release always releases in the end.
    pub(super) fn conclude(&mut self) -> Vec<Outcome> {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        for number in 0..self.function.parameters {
            if !self.counts_down(number) && !self.is_destructor_name(self.program.text(self.function.name)) {
                continue;
            }
            let own = Path { base: Base::Parameter(number), selectors: Vec::new() };
            let behind = Path { base: Base::Parameter(number), selectors: vec![Selector::Deref] };
            for released in [&own, &behind] {
                let effect = Effect::Release(released.clone());
                let Some(releasing) = outcomes.iter().find(|outcome| outcome.effects.contains(&effect)) else {
                    continue;
                };
                let with_it = |other: &Effect| matches!(other, Effect::Escape(path, _) if path == released);
                let with_it: Vec<Effect> = releasing.effects.iter().filter(|other| with_it(other)).cloned().collect();
                for outcome in &mut outcomes {
                    let is_null =
                        |(path, fact): &(Path, Fact)| (*path == own || path == released) && fact.value() == Some(0);
                    if !outcome.when.iter().any(is_null) && !outcome.effects.contains(&effect) {
                        outcome.effects.extend(with_it.iter().cloned().chain([effect.clone()]));
                        outcome.effects.sort();
                        outcome.effects.dedup();
                    }
                }
            }
        }
        outcomes
    }

    /// Whether the function decrements a member of what a parameter points to.
    fn counts_down(&self, number: u32) -> bool {
        let function = self.function;
        function.instrs().any(|instr| {
            let InstrKind::Assign { to, from } = &instr.kind else { return false };
            let Expr::Binary(BinaryOp::Subtract, counter, one) = function.expr(*from) else { return false };
            let mut of_parameter = false;
            function.walk(*to, &mut |inner| of_parameter |= inner == Expr::Var(VarId(number)));
            of_parameter && counter == *to && function.expr(one) == Expr::Int(1)
        })
    }
}

/// Of a global with more places than are told one by one, and of all where they are many, whatever it leads to may be kept
/// by somebody.
fn gathered(effects: Vec<Effect>) -> Vec<Effect> {
    let global = |effect: &Effect| match effect {
        Effect::Escape(Path { base: base @ Base::Global(_), .. }, _) => Some(*base),
        _ => None,
    };
    let mut counts: BTreeMap<Base, usize> = BTreeMap::new();
    for base in effects.iter().filter_map(global) {
        *counts.entry(base).or_default() += 1;
    }
    let are_many = counts.values().sum::<usize>() > MAX_PLACES_OF_GLOBALS;
    counts.retain(|_, count| are_many || *count > MAX_PLACES_OF_A_GLOBAL);
    let is_gathered = |effect: &Effect| global(effect).is_some_and(|base| counts.contains_key(&base));
    let mut kept: Vec<Effect> = effects.into_iter().filter(|effect| !is_gathered(effect)).collect();
    kept.extend(counts.into_keys().map(|base| Effect::Escape(Path { base, selectors: Vec::new() }, Vec::new())));
    kept
}
