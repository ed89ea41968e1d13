//! What a call does: by the table of known functions, by its summary, or by its absence.

use super::contents::Contents;
use super::release::Below;
use super::{FaultKind, Manner, Site, Walk};
use crate::c::domain::{Fact, LossKind, Object, Region, RegionId, Root, Standing, State, Symbol, Value, Via};
use crate::c::ir::{BinaryOp, Callee, Expr, ExprId, VarId};
use crate::c::knowledge::{Deed, Success, sounds_like_keeping, sounds_like_release};
use crate::c::names::Name;
use crate::c::syntax::Span;

/// One argument: its value, and its place, which matters for structures passed by value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument {
    pub(super) value: Value,
    pub(super) place: Option<RegionId>,
    /// Whether it is written as a number.
    pub(super) literal: bool,
    /// Whether a format before it says that it is printed.
    pub(super) printed: bool,
}

/// A call, its arguments evaluated.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The function, as far as it is known.
    pub(super) callee: Option<Name>,
    /// The word at the call.
    pub(super) spelled: Name,
    pub(super) args: Vec<Argument>,
    pub(super) into: VarId,
    pub(super) span: Span,
}

impl Walk<'_> {
    #[allow(clippy::too_many_arguments)] // The parts of the instruction, as they come.
    pub(super) fn call(
        &mut self,
        mut view: State,
        into: VarId,
        callee: Callee,
        spelled: Name,
        args: &[ExprId],
        span: Span,
        after: &mut Vec<State>,
    ) {
        let reached = callee;
        let callee = self.called(&mut view, callee);
        let mut evaluated: Vec<Argument> = args.iter().map(|arg| self.argument(&mut view, *arg)).collect();
        for (number, arg) in evaluated.iter_mut().enumerate() {
            arg.printed = self.function.is_printed(args, number);
        }
        for arg in args {
            self.consume(&mut view, *arg);
        }
        let mut call = Call { callee, spelled, args: evaluated, into, span };
        if !self.may_release(&call) {
            self.trust_arguments(&mut view, &mut call);
        }
        let Some(name) = callee else {
            // Whoever is called through a parameter or local may be anybody: no other call tells what it does.
            if matches!(reached, Callee::Through(expr) if matches!(self.function.expr(expr), Expr::Var(_) | Expr::Deref(_)))
            {
                for arg in call.args.iter().filter(|arg| !arg.printed) {
                    self.share(&mut view, arg.value);
                }
            }
            return self.unknown_call(view, &call, after);
        };
        if let Some(deed) = self.program.knowledge.of(name) {
            return self.known_call(view, &call, deed, after);
        }
        if self.program.never_returns(name) {
            return;
        }
        if name == Name::of("assert")
            && let [only] = call.args.as_slice()
        {
            // It ends the process, or the build that leaves it out rests on it all the same.
            let value = only.value;
            if self.assume(&mut view, value, true) {
                self.plain_result(&mut view, &call);
                after.push(view);
            }
            return;
        }
        if let Some(id) = self.program.resolve(name, self.function.file) {
            let summaries = self.summaries;
            if let Some(summary) = summaries.get(id) {
                self.show_variadic(&mut view, &call, self.program.functions[id.0 as usize].parameters);
                return self.apply(view, &call, summary, after);
            }
        }
        self.unknown_call(view, &call, after);
    }

    /// What a function does with its arguments behind the last parameter, its body does not show.
    fn show_variadic(&mut self, view: &mut State, call: &Call, parameters: u32) {
        for (number, arg) in call.args.iter().enumerate().skip(parameters as usize).filter(|(_, arg)| !arg.printed) {
            let callee = call.callee.unwrap_or(call.spelled);
            self.show(view, arg.value, Via { callee, argument: number as u16, at: self.at });
        }
    }

    /// Whether a call may release one of its arguments.
    fn may_release(&self, call: &Call) -> bool {
        let Some(name) = call.callee else { return false };
        if let Some(deed) = self.program.knowledge.of(name) {
            return matches!(deed, Deed::Release { .. } | Deed::Reallocate { .. });
        }
        let id = self.program.resolve(name, self.function.file);
        match id.and_then(|id| self.summaries.get(id)) {
            Some(summary) => summary
                .outcomes
                .iter()
                .any(|outcome| (0..call.args.len() as u32).any(|number| outcome.releases(number))),
            _ => sounds_like_release(self.program.text(name)),
        }
    }

    /// A variable that is handed to a call was given a value before: where the walk saw nobody do so, it was on a path
    /// that does not happen, or by means that are not followed.
    fn trust_arguments(&mut self, view: &mut State, call: &mut Call) {
        for (number, arg) in call.args.iter_mut().enumerate() {
            if let (Value::Undefined, Some(place)) = (arg.value, arg.place)
                && view.binding(place) == Some(Value::Undefined)
            {
                self.unsettle(view, place, number);
                arg.value = self.load(view, place);
            }
        }
    }

    /// The function that a call reaches: by name, by the value of the pointer, or as the only candidate.
    fn called(&mut self, view: &mut State, callee: Callee) -> Option<Name> {
        match callee {
            Callee::Named(name) if self.program.defines(name) || self.program.knowledge.of(name).is_some() => {
                Some(name)
            }
            Callee::Named(name) => Some(self.program.target_of(name).unwrap_or(name)),
            Callee::Through(expr) => match self.eval(view, expr) {
                Value::Code(name) => Some(name),
                _ => self.program.pointer_target(self.function, expr),
            },
        }
    }

    fn argument(&mut self, view: &mut State, expr: ExprId) -> Argument {
        let place = self.whole(view, expr);
        let value = self.eval(view, expr);
        Argument { value, place, literal: matches!(self.function.expr(expr), Expr::Int(_)), printed: false }
    }

    /// Gives the result to the temporary that waits for it.
    pub(super) fn give(&mut self, view: &mut State, call: &Call, value: Value) {
        let region = self.arena.region(crate::c::domain::Region::Var(call.into));
        self.write(view, region, value, call.span, LossKind::Overwrite);
    }

    fn plain_result(&mut self, view: &mut State, call: &Call) {
        let result = self.make(view, 0);
        self.give(view, call, Value::Symbol(result));
    }

    fn check_args(&mut self, view: &State, call: &Call) {
        for arg in call.args.iter().filter(|arg| !arg.literal) {
            self.check_use(view, arg.value);
        }
    }

    fn site_of(&self, call: &Call, part: u16, release: Option<Name>, zeroed: bool) -> Site {
        Site { span: call.span, source: call.spelled, part, release, zeroed }
    }

    fn known_call(&mut self, mut view: State, call: &Call, deed: Deed, after: &mut Vec<State>) {
        let arg = |number: u32| call.args.get(number as usize).map(|arg| arg.value);
        match deed {
            Deed::Acquire { release, zeroed, nullable } => {
                self.check_args(&view, call);
                let fact = if nullable { Fact::ANY } else { Fact::NON_ZERO };
                let site = self.site_of(call, 0, Some(release), zeroed);
                let symbol = self.acquire(&mut view, site, fact, Vec::new());
                self.give(&mut view, call, Value::Symbol(symbol));
            }
            Deed::AcquireUnless { argument, release } => {
                self.check_args(&view, call);
                match arg(argument) {
                    None | Some(Value::Int(0)) => {
                        let site = self.site_of(call, 0, Some(release), false);
                        let symbol = self.acquire(&mut view, site, Fact::ANY, Vec::new());
                        self.give(&mut view, call, Value::Symbol(symbol));
                    }
                    Some(_) => {
                        self.clobber_outputs(&mut view, call);
                        self.plain_result(&mut view, call);
                    }
                }
            }
            Deed::Release { argument, deep } => {
                if let Some(value) = arg(argument) {
                    let below = if deep { Below::Unknown } else { Below::Left };
                    self.release(&mut view, value, (call.spelled, &[]), call.span, below);
                }
                self.plain_result(&mut view, call);
            }
            Deed::Reallocate { argument, release, nullable } => {
                return self.reallocate(view, call, argument, release, nullable, after);
            }
            Deed::Borrow => {
                self.check_args(&view, call);
                self.clobber_outputs(&mut view, call);
                self.plain_result(&mut view, call);
            }
            Deed::Alias { argument } => {
                self.check_args(&view, call);
                // `memcpy(to, &pointer, sizeof(pointer))`: the pointer itself is copied to where it is not followed.
                for source in call.args.iter().skip(1) {
                    if let Value::Address(region) = source.value
                        && matches!(self.arena.root(region), Root::Var(_))
                    {
                        self.share(&mut view, source.value);
                    }
                }
                match arg(argument) {
                    Some(value) => {
                        // A search may find nothing, but what it finds lies in the argument.
                        let value = match self.arena.target(value).filter(|target| view.object(*target).is_some()) {
                            Some(target) => {
                                let base = self.pointee_of(target);
                                let index = Value::Symbol(self.make(&mut view, 0));
                                Value::Address(self.arena.element(base, index))
                            }
                            None => Value::Symbol(self.make(&mut view, 0)),
                        };
                        self.give(&mut view, call, value);
                    }
                    None => self.plain_result(&mut view, call),
                }
            }
            Deed::Fill { argument, release, success } => {
                return self.fill(view, call, argument, release, success, after);
            }
            Deed::Exit => return,
            Deed::Stack => {
                let symbol = self.make(&mut view, 0);
                let _ = view.learn(symbol, Fact::NON_ZERO);
                view.set_object(symbol, Object { standing: Standing::Automatic, site: None, seen_by: Vec::new() });
                self.give(&mut view, call, Value::Symbol(symbol));
            }
            Deed::Take { argument } => {
                for kept in call.args.iter().skip(argument as usize) {
                    self.share(&mut view, kept.value);
                }
                self.plain_result(&mut view, call);
            }
            Deed::ErrorTest { null } => return self.error_test(view, call, null, after),
            Deed::Set => {
                self.check_args(&view, call);
                if let (Some(target), Some(Value::Int(0))) = (arg(0), arg(1))
                    && let Some(region) = self.arena.pointee(target)
                {
                    self.write(&mut view, region, Value::Int(0), call.span, LossKind::Overwrite);
                }
                self.plain_result(&mut view, call);
            }
        }
        after.push(view);
    }

    /// The number of an error is no object, and the same pointer gets the same answer all along the path.
    fn error_test(&mut self, view: State, call: &Call, null: bool, after: &mut Vec<State>) {
        let value = call.args.first().map_or(Value::Undefined, |arg| arg.value);
        let by = BinaryOp::Other(Name::of("IS_ERR"));
        let question = self.arena.symbol(Symbol::Combined(by, value, Value::Int(0)));
        if value == Value::Int(0) {
            let mut view = view;
            self.give(&mut view, call, Value::Int(i64::from(null)));
            after.push(view);
            return;
        }
        for answer in [true, false] {
            let mut view = view.clone();
            if !view.learn(question, Fact::exactly(i64::from(answer))) {
                continue;
            }
            if answer && let Value::Symbol(symbol) = value {
                view.drop_object(symbol);
            }
            if !answer && null && !self.assume_fact(&mut view, value, Fact::NON_ZERO) {
                continue;
            }
            self.give(&mut view, call, Value::Int(i64::from(answer)));
            after.push(view);
        }
    }

    /// Success releases the old block and gives a new one; failure gives null and leaves the old one alone.
    fn reallocate(
        &mut self,
        view: State,
        call: &Call,
        argument: u32,
        release: Name,
        nullable: bool,
        after: &mut Vec<State>,
    ) {
        self.reallocated.insert(call.into);
        // A type among the arguments (`g_renew(char *, old, n)`) may not have been read as one of them.
        let held = |value: &Value| self.arena.target(*value).is_some_and(|target| view.is_held(target));
        let old = call.args.get(argument as usize).map(|arg| arg.value);
        let old =
            old.filter(|old| argument == 0 || held(old)).or_else(|| call.args.iter().map(|arg| arg.value).find(held));
        let old = old.or_else(|| call.args.get(argument as usize).map(|arg| arg.value)).unwrap_or(Value::Undefined);
        let mut done = view.clone();
        if !matches!(old, Value::Undefined) {
            self.move_contents(&mut done, old, call);
        }
        let site = self.site_of(call, 0, Some(release), false);
        let symbol = self.acquire(&mut done, site, Fact::NON_ZERO, Vec::new());
        self.give(&mut done, call, Value::Symbol(symbol));
        after.push(done);
        if nullable {
            let mut failed = view;
            self.give(&mut failed, call, Value::Int(0));
            after.push(failed);
        }
    }

    /// The old block is gone; what hung below it now hangs below the new one, which nobody tracks.
    fn move_contents(&mut self, view: &mut State, old: Value, call: &Call) {
        // Nameless: a reallocation is no example of how to release.
        if let Value::Symbol(symbol) = old {
            let inside: Vec<Value> = view
                .store
                .iter()
                .filter(|(region, _)| self.arena.root(*region) == Root::Pointee(symbol))
                .map(|(_, value)| *value)
                .collect();
            for value in inside {
                self.share(view, value);
            }
        }
        self.release(view, old, (Name::of(""), &[]), call.span, Below::Unknown);
    }

    fn fill(
        &mut self,
        mut view: State,
        call: &Call,
        argument: u32,
        release: Name,
        success: Success,
        after: &mut Vec<State>,
    ) {
        let Some(region) = call.args.get(argument as usize).and_then(|arg| self.arena.pointee(arg.value)) else {
            self.plain_result(&mut view, call);
            after.push(view);
            return;
        };
        let old = self.load(&view, region);
        let site = self.site_of(call, argument as u16 + 1, Some(release), false);
        if success == Success::Always && self.arena.target(old).is_some_and(|target| view.is_held(target)) {
            // The buffer is used again, moved if need be.
            self.plain_result(&mut view, call);
            after.push(view);
            return;
        }
        if success == Success::Always
            && let Value::Symbol(_) = old
        {
            // Where the place holds a buffer of someone else's, that one is used again.
            let mut reused = view.clone();
            if self.assume_fact(&mut reused, old, Fact::NON_ZERO) {
                self.plain_result(&mut reused, call);
                after.push(reused);
            }
            if !self.assume_fact(&mut view, old, Fact::exactly(0)) {
                return;
            }
        }
        if success != Success::Always {
            let mut failed = view.clone();
            let result = self.make(&mut failed, 0);
            let fact = match success {
                Success::Zero => Fact::NON_ZERO,
                Success::NotNegative | Success::Positive => Fact::at_most(-1),
                Success::NonZero | Success::Always => Fact::exactly(0),
            };
            let _ = failed.learn(result, fact);
            self.give(&mut failed, call, Value::Symbol(result));
            after.push(failed);
        }
        let symbol = self.acquire(&mut view, site, Fact::NON_ZERO, Vec::new());
        self.write(&mut view, region, Value::Symbol(symbol), call.span, LossKind::Overwrite);
        let result = self.make(&mut view, 0);
        let fact = match success {
            Success::Zero => Fact::exactly(0),
            Success::NotNegative => Fact::at_least(0),
            Success::Positive => Fact::at_least(1),
            Success::NonZero => Fact::NON_ZERO,
            Success::Always => Fact::ANY,
        };
        let _ = view.learn(result, fact);
        self.give(&mut view, call, Value::Symbol(result));
        after.push(view);
    }

    /// Numbers whose address is handed out may be anything afterwards.
    fn clobber_outputs(&mut self, view: &mut State, call: &Call) {
        for (number, arg) in call.args.iter().enumerate() {
            let Value::Address(region) = arg.value else { continue };
            let inside: Vec<(RegionId, Value)> =
                view.store.iter().filter(|(other, _)| self.arena.within(*other, region)).copied().collect();
            for (place, value) in inside {
                if self.arena.target(value).is_none_or(|target| view.object(target).is_none()) {
                    self.unsettle(view, place, number);
                }
            }
        }
    }

    /// A place may hold anything from now on.
    fn unsettle(&mut self, view: &mut State, place: RegionId, number: usize) {
        if self.arena.depth(place) == 0 && view.binding(place) == Some(Value::Undefined) {
            // A structure that was filled: each of its members is something of its own.
            view.unbind(place);
        } else {
            let part = 300 + (place.0 % 0x4000) as u16 * 2 + number.min(1) as u16;
            let symbol = self.arena.symbol(Symbol::Made { site: self.at, part, nth: 0 });
            view.forget(symbol);
            view.bind(place, Value::Symbol(symbol));
        }
    }

    /// A call of which nothing is known but its name.
    fn unknown_call(&mut self, mut view: State, call: &Call, after: &mut Vec<State>) {
        let name = call.callee.unwrap_or(call.spelled);
        let manner = self.manner(name);
        if manner.releases && self.release_by_name(&mut view, call) {
            self.plain_result(&mut view, call);
            after.push(view);
            return;
        }
        self.check_args(&view, call);
        for (number, arg) in call.args.iter().enumerate() {
            // What is printed is only read; a scan fills what it is given the address of.
            if arg.printed && !matches!(arg.value, Value::Address(_)) {
                continue;
            }
            let via = Via { callee: name, argument: number as u16, at: self.at };
            let constant = self.program.takes_const(name, number as u32);
            if manner.keeps && self.is_link(arg.value) {
                self.share(&mut view, arg.value);
            }
            self.show(&mut view, arg.value, via);
            if let Some(place) = arg.place {
                // A structure passed by value carries its pointers along.
                for value in self.members(&view, place) {
                    self.show(&mut view, value, via);
                }
            }
            if !constant {
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

    /// What the members of a structure hold that were written by themselves.
    pub(super) fn members(&self, view: &State, place: RegionId) -> Vec<Value> {
        if !self.arena.has_parts(place) {
            return Vec::new();
        }
        let inside = view.store.iter().filter(|(region, _)| *region != place && self.arena.within(*region, place));
        inside.map(|(_, value)| *value).collect()
    }

    /// `foo_free(p)`, `pool_free(pool, p)`, `foo_freep(&p)`; false if no argument fits.
    fn release_by_name(&mut self, view: &mut State, call: &Call) -> bool {
        let held = |walk: &Self, value: Value| walk.arena.target(value).is_some_and(|target| view.is_held(target));
        let chosen = match call.args.as_slice() {
            [only] => Some(only.value),
            all => all.iter().rev().map(|arg| arg.value).find(|value| held(self, *value)),
        };
        let Some(value) = chosen else { return false };
        match value {
            Value::Symbol(_) => {
                self.release(view, value, (call.spelled, &[]), call.span, Below::Unknown);
                true
            }
            Value::Address(region) if matches!(self.arena.root(region), Root::Var(_)) => {
                match view.binding(region) {
                    Some(inner @ Value::Symbol(_)) => {
                        self.release(view, inner, (call.spelled, &[]), call.span, Below::Unknown);
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
            if self.arena.target(value).is_some_and(|target| view.is_held(target)) {
                self.release(view, value, (call.spelled, &members), call.span, Below::Unknown);
            }
        }
        for inner in self.members(view, whole) {
            self.share(view, inner);
        }
    }

    /// Memory that an unknown callee can reach may hold anything afterwards; pointers to held objects are kept, since
    /// the callee has been noted as having seen them.
    fn clobber(&mut self, view: &mut State, value: Value, number: usize, call: &Call) {
        if let Value::Address(region) = value
            && matches!(self.arena.root(region), Root::Var(_))
            && self.fill_by_guess(view, region, number, call)
        {
            return;
        }
        let mut places = Vec::new();
        let met = self.met_from(view, value);
        let mut contents = Contents::of(&self.arena, view);
        for symbol in met.iter() {
            contents.each(Root::Pointee(symbol), &mut |region, value| places.push((region, value)));
        }
        // What was known of the initial values behind the pointers is known no more.
        let arena = &self.arena;
        view.facts.retain(|(known, _)| match arena.symbol_of(*known) {
            Symbol::Initial(region) => !matches!(arena.root(region), Root::Pointee(symbol) if met.has(symbol)),
            _ => true,
        });
        if let Value::Address(region) = value {
            let inside = view.store.iter().filter(|(other, _)| self.arena.within(*other, region));
            places.extend(inside.copied());
        }
        for (place, value) in places {
            if self.arena.target(value).is_none_or(|target| !view.is_held(target)) {
                self.unsettle(view, place, number);
            }
        }
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

    /// Notes a use of released memory, or of null, by a call.
    pub(super) fn check_call(&mut self, view: &State, call: &Call) {
        if call.args.iter().any(|arg| arg.value == Value::Int(0) && !arg.literal) {
            self.fault(FaultKind::NullUse, None);
        }
        for arg in &call.args {
            let object = self.arena.target(arg.value).and_then(|target| view.object(target));
            if let Some(object) = object.filter(|object| matches!(object.standing, Standing::Released(_))) {
                self.fault(FaultKind::UseAfterRelease, object.site);
            }
        }
    }
}
