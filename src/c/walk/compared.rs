//! What the outcomes of a callee say of each other: an object that one of them takes, releases or makes larger is not
//! simply lost where another one does nothing with it.

use super::Walk;
use super::apply::members_of;
use super::calls::Call;
use crate::c::domain::{Fact, Root, Standing, State, SymbolId, Value};
use crate::c::ir::{Expr, ExprId, InstrKind};
use crate::c::summary::{Base, Effect, Outcome, Path, Selector, Spec, Summary};

impl Walk<'_> {
    /// A destructor of the structure around an object that leaves the object alone, for what other members say, knows
    /// what those members are there for: nothing is said of the object.
    pub(super) fn spared(&mut self, view: &mut State, call: &Call, summary: &Summary, feasible: &[&Outcome]) {
        let releases = |outcome: &Outcome, path: &Path| {
            let grows = |effect: &Effect| matches!(effect, Effect::Write(to, Spec::Fresh(_)) if to == path);
            outcome.effects.contains(&Effect::Release(path.clone())) && !outcome.effects.iter().any(grows)
        };
        for outcome in &summary.outcomes {
            for effect in &outcome.effects {
                let Effect::Release(path) = effect else { continue };
                let is_destroyed = !members_of(path).is_empty() && releases(outcome, path);
                if !is_destroyed || feasible.iter().any(|outcome| releases(outcome, path)) {
                    continue;
                }
                if let Some(value) = self.value_at(view, call, path, &[]) {
                    self.share(view, value);
                }
            }
        }
    }

    /// Whoever never asks whether an argument is null takes it that it is not: what the callee keeps of the others, where
    /// it is not, is lost nowhere else that anybody looks.
    pub(super) fn missed(&mut self, view: &mut State, call: &Call, summary: &Summary) {
        if !call.args.iter().any(|arg| arg.missing) {
            return;
        }
        let outcomes: Vec<&Outcome> = summary.outcomes.iter().collect();
        self.share_what_is_put(view, call, &outcomes);
        for effect in outcomes.iter().flat_map(|outcome| &outcome.effects) {
            if let Effect::Escape(path, seen_by) = effect {
                self.escape(view, call, path, seen_by, &[]);
            }
        }
    }

    /// A question that is answered for an object as it is for null (`is_ready(p)`, also false for an error code that was
    /// put into the pointer): that answer says the object is none, so nothing is said of it.
    fn unfit(&mut self, view: &mut State, call: &Call, summary: &Summary, outcome: &Outcome) {
        let [arg] = call.args.as_slice() else { return };
        let excludes_null = |outcome: &Outcome| {
            outcome.when.iter().any(|(path, fact)| path.is_parameter(0) && fact.disjoint(Fact::exactly(0)))
        };
        let is_no = |outcome: &Outcome| outcome.returns == Spec::Int(0);
        if !is_no(outcome) || !self.leads_to_held(view, arg.value) {
            return;
        }
        let asks_only = summary.outcomes.iter().all(|one| {
            one.effects.is_empty() && (is_no(one) || one.returns.fact().is_non_zero() && excludes_null(one))
        });
        let null_too = summary.outcomes.iter().any(|one| is_no(one) && !excludes_null(one));
        if null_too && asks_only && !summary.outcomes.iter().all(is_no) {
            self.share(view, arg.value);
        }
    }

    /// What the other outcomes of a callee say of what is held, before one of them is played.
    pub(super) fn weigh(&mut self, view: &mut State, call: &Call, summary: &Summary, outcome: &Outcome) {
        self.regrown(view, call, summary, outcome);
        self.unfit(view, call, summary, outcome);
        self.walked_along(view, call, summary, outcome);
    }

    /// A callee that always fills an out-parameter where it succeeds, and where it fails does so only on some ways: what tells
    /// those apart the caller's values seldom show (a flag among others, an error's number), so nothing is said of what is
    /// there after a failure.
    pub(super) fn half_filled(&mut self, view: &mut State, call: &Call, outcome: &Outcome, feasible: &[&Outcome]) {
        let program = self.program;
        let success = |outcome: &Outcome| match &outcome.returns {
            Spec::Int(number) => Some(*number == 0),
            Spec::Unknown(fact) if fact.is_non_zero() => Some(false),
            Spec::Initial(Path { base: Base::Global(name), selectors }) if selectors.is_empty() => {
                program.is_never_zero(*name).then_some(false)
            }
            _ => None,
        };
        let fills = |outcome: &Outcome, place: &Path| {
            let mut effects = outcome.effects.iter();
            effects.any(|effect| matches!(effect, Effect::Write(to, Spec::Fresh(_)) if to == place))
        };
        let Some(own) = success(outcome).filter(|_| !outcome.fresh.is_empty()) else { return };
        let is_error = !own
            && match outcome.returns {
                Spec::Int(number) => number < 0,
                Spec::Unknown(fact) => fact.high < 0,
                _ => true,
            };
        for effect in &outcome.effects {
            let Effect::Write(place, Spec::Fresh(_)) = effect else { continue };
            if place.selectors.as_slice() != [Selector::Deref] {
                continue;
            }
            let mut others = feasible.iter().filter(|other| success(other) == Some(!own)).peekable();
            let is_failure = is_error || others.peek().is_some() && others.all(|other| fills(other, place));
            // A number of its own tells a failure apart from the others.
            let is_alike = |other: &Outcome| !other.returns.fact().disjoint(outcome.returns.fact());
            let is_half = || {
                let mut others = feasible.iter().filter(|other| success(other) == Some(own) && is_alike(other));
                others.any(|other| !fills(other, place))
            };
            if is_failure
                && is_half()
                && let Some(region) = self.place_at(view, call, place, &[])
            {
                // What tells of an error is there after a failure, if anywhere.
                let value = self.load(view, region);
                if !self.arena.target(value).is_some_and(|filled| self.tells_of_error(view, filled)) {
                    self.share(view, value);
                }
            }
        }
    }

    /// An object that one outcome takes and another does not, where the caller cannot tell which happened, is nobody's.
    pub(super) fn doubt(&mut self, before: &State, call: &Call, results: &mut [(State, &Outcome)]) {
        let held: Vec<SymbolId> =
            before.objects.iter().filter(|(_, object)| object.standing == Standing::Held).map(|(s, _)| *s).collect();
        if held.is_empty() || results.len() < 2 {
            return;
        }
        let kept_before = self.given(before, None);
        let kept: Vec<Vec<SymbolId>> = results.iter().map(|(view, _)| self.given(view, None)).collect();
        let hung_before = self.hanging(before);
        let hung: Vec<Vec<SymbolId>> = results.iter().map(|(view, _)| self.hanging(view)).collect();
        let takes = |number: usize, view: &State, symbol: SymbolId| {
            let standing = view.object(symbol).map(|object| object.standing);
            matches!(standing, Some(Standing::Released(_) | Standing::Shared))
                || (kept[number].binary_search(&symbol).is_ok() && kept_before.binary_search(&symbol).is_err())
                || (hung[number].contains(&symbol) && !hung_before.contains(&symbol))
        };
        for symbol in held {
            let taking: Vec<bool> =
                results.iter().enumerate().map(|(number, (view, _))| takes(number, view, symbol)).collect();
            let takers: Vec<Fact> =
                results.iter().zip(&taking).filter(|(_, taken)| **taken).map(|((_, o), _)| o.returns.fact()).collect();
            if takers.is_empty() {
                continue;
            }
            let read = self.flow.is_tested(call.into);
            for ((view, outcome), taken) in results.iter_mut().zip(&taking) {
                let told_apart = read
                    && takers.iter().all(|fact| {
                        let own = match &outcome.returns {
                            Spec::Fresh(number) => {
                                outcome.fresh.get(usize::from(*number)).map_or(Fact::ANY, |fresh| fresh.fact)
                            }
                            other => other.fact(),
                        };
                        fact.disjoint(own)
                    });
                if told_apart || *taken {
                    continue;
                }
                if view.is_held(symbol) {
                    self.share(view, Value::Symbol(symbol));
                } else {
                    self.take_back(before, view, symbol);
                }
            }
        }
    }

    /// What hangs in an object.
    fn hanging(&self, view: &State) -> Vec<SymbolId> {
        let in_object = view.store.iter().filter(|(at, _)| matches!(self.arena.root(*at), Root::Pointee(_)));
        in_object.filter_map(|(_, value)| self.arena.target(*value)).collect()
    }

    /// A call that on one way releases an object, and on another empties what held it, has reasons that its caller's
    /// values do not show: the loss is taken back.
    fn take_back(&mut self, before: &State, view: &mut State, symbol: SymbolId) {
        let Some(site) = before.object(symbol).and_then(|object| object.site) else { return };
        let noted = &self.noted;
        let is_of_it = |number: &u32| noted.get(*number as usize).is_some_and(|loss| loss.site == site);
        view.losses.retain(|number| before.losses.contains(number) || !is_of_it(number));
    }

    /// A callee that on one way makes larger what a place leads to, and on another puts something new there, knows by what
    /// it finds there whether there is anything to release: nothing is said of what was there before.
    fn regrown(&mut self, view: &mut State, call: &Call, summary: &Summary, outcome: &Outcome) {
        let grows = |outcome: &Outcome, path: &Path| outcome.effects.contains(&Effect::Release(path.clone()));
        for effect in &outcome.effects {
            let Effect::Write(path, Spec::Fresh(_)) = effect else { continue };
            let elsewhere = summary.outcomes.iter().any(|other| {
                grows(other, path)
                    && other
                        .effects
                        .iter()
                        .any(|effect| matches!(effect, Effect::Write(to, Spec::Fresh(_)) if to == path))
            });
            if elsewhere
                && !grows(outcome, path)
                && let Some(value) = self.value_at(view, call, path, &[])
                && self.leads_to_held(view, value)
            {
                self.share(view, value);
            }
        }
    }

    /// `p = f(p)`, where `f` on some way releases `p` or hands it back: what is put in the place of `p` comes of it, and
    /// `f` knows what became of the rest.
    pub(super) fn transformed(&mut self, view: &mut State, call: &Call, summary: &Summary) {
        for (number, arg) in call.args.iter().enumerate() {
            let number = number as u32;
            let takes = |outcome: &Outcome| {
                outcome.releases(number) || matches!(&outcome.returns, Spec::Initial(path) if path.is_parameter(number))
            };
            if !self.leads_to_held(view, arg.value) {
                continue;
            }
            let own = summary.outcomes.iter().filter(|outcome| outcome.returns != Spec::Int(0));
            let (mut some, mut all) = (false, true);
            for outcome in own {
                some |= takes(outcome);
                all &= takes(outcome);
            }
            let is_replaced = some && !all && self.is_put_back(call, number as usize);
            if is_replaced || self.is_destroyed_by_name(call, summary, number) {
                self.share(view, arg.value);
            }
        }
    }

    /// Whether a call takes an argument by its name, though its body does not show how: `p = destroy(p)`, or a pointer to
    /// nothing that it gives for no other reason than to be put there.
    fn is_destroyed_by_name(&self, call: &Call, summary: &Summary, number: u32) -> bool {
        let body = call.callee.and_then(|name| self.program.resolve(name, self.function.file));
        let body = body.and_then(|id| self.program.functions.get(id.0 as usize));
        let gives_nothing = || summary.outcomes.iter().all(|outcome| outcome.returns == Spec::Int(0));
        body.is_some_and(|body| body.gives_pointer)
            && self.program.sounds_like_release(call.spelled, self.function.file)
            && !summary.outcomes.iter().any(|outcome| outcome.releases(number))
            && (gives_nothing() || self.is_put_back(call, number as usize))
    }

    /// The first item of a list that an item is in: either that item, or what members of it lead to, and then those lead to
    /// it as well.
    fn walked_along(&mut self, view: &mut State, call: &Call, summary: &Summary, outcome: &Outcome) {
        let is_below = |path: &Path, number: u32| path.base == Base::Parameter(number) && !path.selectors.is_empty();
        for (number, arg) in (0..).zip(&call.args) {
            let leads_on = match &outcome.returns {
                Spec::Initial(path) | Spec::Address(path) => is_below(path, number),
                Spec::Unknown(_) => outcome.when.iter().any(|(path, _)| is_below(path, number)),
                _ => false,
            };
            let itself =
                |outcome: &Outcome| matches!(&outcome.returns, Spec::Initial(path) if path.is_parameter(number));
            if leads_on && self.leads_to_held(view, arg.value) && summary.outcomes.iter().any(itself) {
                self.share(view, arg.value);
            }
        }
    }

    /// Whether the result of the call that is walked replaces an argument of it.
    fn is_put_back(&self, call: &Call, number: usize) -> bool {
        let function = self.function;
        let instrs = || function.instrs();
        let argument = instrs().find_map(|instr| match &instr.kind {
            InstrKind::Call { into, args, .. } if *into == call.into => args.get(number).copied(),
            _ => None,
        });
        let is_result = |from: ExprId| function.expr(from) == Expr::Var(call.into);
        argument.is_some_and(|argument| {
            instrs().any(|instr| {
                matches!(&instr.kind, InstrKind::Assign { to, from } if is_result(*from) && function.same(*to, argument))
            })
        })
    }
}
