//! What a call does: by the table of known functions, by its summary, or by its absence.

use super::release::{Below, NOBODY, victim};
use super::{FaultKind, Site, Walk, is_null};
use crate::c::domain::{Fact, LossKind, Object, Region, RegionId, Root, Standing, State, Symbol, SymbolId, Value, Via};
use crate::c::ir::{BinaryOp, Callee, Expr, ExprId, VarId};
use crate::c::knowledge::{Deed, Success, sounds_like_release};
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
    /// Whether it is null though the function takes it for granted that it is not.
    pub(super) missing: bool,
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

/// Whether a value is null for all that is known of it.
pub(super) fn may_be_null(view: &State, value: Value) -> bool {
    match value {
        Value::Int(number) => number == 0,
        Value::Symbol(symbol) => !view.fact(symbol).is_non_zero(),
        _ => false,
    }
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
        if let Some(deed) = self.program.deed(name, self.function.file) {
            return self.known_call(view, &call, deed, after);
        }
        if self.program.never_returns(name) {
            return self.check_call(&view, &call);
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

    /// What a function does with its arguments behind the last parameter, its body does not show: `parse(text, "key", &value,
    /// NULL)` may fill what it is given the address of.
    fn show_variadic(&mut self, view: &mut State, call: &Call, parameters: u32) {
        for (number, arg) in call.args.iter().enumerate().skip(parameters as usize).filter(|(_, arg)| !arg.printed) {
            let callee = call.callee.unwrap_or(call.spelled);
            self.show(view, arg.value, &[Via { callee, argument: number as u16, at: self.at }]);
            self.clobber(view, arg.value, number, call);
        }
    }

    /// Whether a call may release one of its arguments.
    pub(super) fn may_release(&self, call: &Call) -> bool {
        let Some(name) = call.callee else { return false };
        if let Some(deed) = self.program.deed(name, self.function.file) {
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
        let literal = matches!(self.function.expr(expr), Expr::Int(_));
        let missing = is_null(view, value) && self.flow.is_never_null(self.function, expr);
        Argument { value, place, literal, printed: false, missing }
    }

    /// Gives the result to the temporary that waits for it.
    pub(super) fn give(&mut self, view: &mut State, call: &Call, value: Value) {
        let region = self.arena.region(crate::c::domain::Region::Var(call.into));
        self.write(view, region, value, call.span, LossKind::Overwrite);
    }

    pub(super) fn plain_result(&mut self, view: &mut State, call: &Call) {
        let result = self.make(view, 0);
        self.give(view, call, Value::Symbol(result));
    }

    pub(super) fn check_args(&mut self, view: &State, call: &Call) {
        for arg in call.args.iter().filter(|arg| !arg.literal) {
            self.check_use(view, arg.value);
            self.check_members(view, arg.value);
        }
    }

    pub(super) fn site_of(&self, call: &Call, part: u16, release: Option<Name>, zeroed: bool) -> Site {
        Site { span: call.span, source: call.spelled, part, maker: None, release, zeroed }
    }

    fn known_call(&mut self, mut view: State, call: &Call, deed: Deed, after: &mut Vec<State>) {
        let arg = |number: u32| call.args.get(number as usize).map(|arg| arg.value);
        if let Some(Value::Symbol(given)) =
            call.callee.and_then(|name| self.program.knowledge.writes(name)).and_then(arg)
            && view.object(given).is_none_or(|object| object.site.is_none())
        {
            // What the caller passed in is not what it was.
            let place = self.arena.region(Region::Pointee(given));
            self.unsettle(&mut view, place, 0);
        }
        self.call_back(&mut view, call);
        match deed {
            Deed::Acquire { release, zeroed, nullable } => {
                self.check_args(&view, call);
                self.clobber_outputs(&mut view, call);
                let fact = if nullable { Fact::ANY } else { Fact::NON_ZERO };
                let site = self.site_of(call, 0, Some(release), zeroed);
                let symbol = self.acquire(&mut view, site, fact, Vec::new());
                self.give(&mut view, call, Value::Symbol(symbol));
            }
            Deed::AcquireUnless { argument, release } => {
                self.check_args(&view, call);
                let given = call.args.get(argument as usize);
                match given.filter(|given| given.value != Value::Int(0) || !given.literal).map(|given| given.value) {
                    None => {
                        let site = self.site_of(call, 0, Some(release), false);
                        let symbol = self.acquire(&mut view, site, Fact::ANY, Vec::new());
                        self.give(&mut view, call, Value::Symbol(symbol));
                    }
                    // A variable that is null here on some path is not meant to be.
                    Some(given) => {
                        self.clobber_outputs(&mut view, call);
                        self.part_of_given(&mut view, call, given, after);
                    }
                }
            }
            Deed::Release { argument, deep, takes_null } => {
                if let Some(value) = arg(argument) {
                    if !takes_null && may_be_null(&view, value) {
                        self.stuck.insert(call.span);
                    }
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
                self.share_what_is_written(&mut view, call);
                self.clobber_outputs(&mut view, call);
                self.plain_result(&mut view, call);
            }
            Deed::Alias { argument, nullable } => {
                if nullable && self.flow.is_tested(call.into) {
                    self.find_nothing(&view, call, after);
                }
                self.find_within(&mut view, call, argument);
            }
            Deed::Copy => {
                self.clobber_output(&mut view, call, 0);
                self.copy_pointers(&mut view, call);
                self.find_within(&mut view, call, 0);
            }
            Deed::Cut { argument } => self.cut(&mut view, call, argument),
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
                self.check_args(&view, call);
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

    /// The result lies in what was given, or hangs below it, or is null: who gets it may reach all of it.
    fn part_of_given(&mut self, view: &mut State, call: &Call, given: Value, after: &mut Vec<State>) {
        let Some(target) = self.arena.target(given).filter(|target| view.is_held(*target)) else {
            return self.plain_result(view, call);
        };
        self.find_nothing(view, call, after);
        let whole = self.pointee_of(target);
        let somewhere = Value::Symbol(self.make(view, 1));
        let part = Value::Address(self.arena.element(whole, somewhere));
        self.give(view, call, part);
    }

    /// The way on which a call gives null.
    fn find_nothing(&mut self, view: &State, call: &Call, after: &mut Vec<State>) {
        let mut without = view.clone();
        self.give(&mut without, call, Value::Int(0));
        after.push(without);
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
        let held = |value: &Value| self.leads_to_held(&view, *value);
        let old = call.args.get(argument as usize).map(|arg| arg.value);
        let old =
            old.filter(|old| argument == 0 || held(old)).or_else(|| call.args.iter().map(|arg| arg.value).find(held));
        let old = old.or_else(|| call.args.get(argument as usize).map(|arg| arg.value)).unwrap_or(Value::Undefined);
        let mut done = view.clone();
        if !matches!(old, Value::Undefined) {
            self.move_contents(&mut done, old, call);
        }
        if call.args.get(argument as usize + 1).map(|size| size.value) == Some(Value::Int(0)) {
            // Nothing, or a block of no size: that depends on the library.
            self.plain_result(&mut done, call);
            after.push(done);
            return;
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
        // `getline(&line, &size, file)` says how large it is as well.
        for other in (0..call.args.len()).filter(|number| *number != argument as usize) {
            self.clobber_output(&mut view, call, other);
        }
        let old = self.load(&view, region);
        let site = self.site_of(call, argument as u16 + 1, Some(release), false);
        if success == Success::Always && self.leads_to_held(&view, old) {
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

    /// The result is an argument, or lies in what it points to.
    fn find_within(&mut self, view: &mut State, call: &Call, argument: u32) {
        self.check_args(view, call);
        let Some(value) = call.args.get(argument as usize).map(|arg| arg.value) else {
            return self.plain_result(view, call);
        };
        // What is found lies in the argument.
        let found = match self.arena.target(value).filter(|target| view.object(*target).is_some()) {
            Some(target) => self.place_within(view, target),
            None => Value::Symbol(self.make(view, 0)),
        };
        self.give(view, call, found);
    }

    /// Somewhere in what a symbol points to.
    fn place_within(&mut self, view: &mut State, target: SymbolId) -> Value {
        let base = self.pointee_of(target);
        let index = Value::Symbol(self.make(view, 0));
        Value::Address(self.arena.element(base, index))
    }

    /// `strsep(&text, ",")`: the result is what `text` was, and `text` lies further on.
    fn cut(&mut self, view: &mut State, call: &Call, argument: u32) {
        self.check_args(view, call);
        let place = call.args.get(argument as usize).and_then(|arg| self.arena.pointee(arg.value));
        let Some(place) = place else { return self.plain_result(view, call) };
        let old = self.load(view, place);
        self.give(view, call, old);
        if let Some(target) = self.arena.target(old) {
            let rest = self.place_within(view, target);
            self.write(view, place, rest, call.span, LossKind::Overwrite);
        }
    }

    /// What the members of a structure hold that were written by themselves.
    pub(super) fn members(&self, view: &State, place: RegionId) -> Vec<Value> {
        if !self.arena.has_parts(place) {
            return Vec::new();
        }
        let inside = view.store.iter().filter(|(region, _)| *region != place && self.arena.within(*region, place));
        inside.map(|(_, value)| *value).collect()
    }

    /// Notes a use of released memory, or of null, by a call.
    pub(super) fn check_call(&mut self, view: &State, call: &Call) {
        if call.args.iter().any(|arg| arg.value == Value::Int(0) && !arg.literal) {
            self.fault(FaultKind::NullUse, NOBODY);
        }
        for arg in &call.args {
            self.check_released(view, arg.value);
            self.check_members(view, arg.value);
        }
    }

    /// Notes that a structure is handed to a call while a member of it leads to what this function acquired and released.
    fn check_members(&mut self, view: &State, value: Value) {
        if !view.has_released() {
            return;
        }
        let inside: Vec<Value> = match value {
            Value::Symbol(whole) => {
                let inside = view.store.iter().filter(|(place, _)| self.arena.root(*place) == Root::Pointee(whole));
                inside.map(|(_, value)| *value).collect()
            }
            Value::Address(whole) if matches!(self.arena.root(whole), Root::Var(_)) => {
                self.parts(view, whole).into_iter().map(|(_, value)| value).collect()
            }
            _ => return,
        };
        self.check_own(view, inside.into_iter());
    }

    /// Notes a use of whatever of these this function acquired and released, on this path or on one that was joined to it.
    pub(super) fn check_own(&mut self, view: &State, values: impl Iterator<Item = Value>) {
        let perhaps = |value: Value| self.may_be(value).iter().map(|object| Value::Symbol(*object)).chain([value]);
        let own = values.flat_map(perhaps).filter_map(|value| self.released(view, value));
        let own = own.filter(|object| object.site.is_some());
        for own in own.map(|object| victim(Some(object))).collect::<Vec<_>>() {
            self.fault(FaultKind::UseAfterRelease, own);
        }
    }
}
