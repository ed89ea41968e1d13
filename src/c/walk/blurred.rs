//! Outcomes of a call that nobody need tell apart, played as one.

use super::Walk;
use super::calls::Call;
use crate::c::domain::{Fact, LossKind, Standing, State, Symbol, SymbolId, Value};
use crate::c::ir::BinaryOp;
use crate::c::summary::{Effect, Outcome, Path, Spec, same_sign};

/// Blocks of a function that tells outcomes of its callees apart for its callers' sake.
const MAX_TELLING: usize = 24;

impl Walk<'_> {
    /// Whether no object depends on which outcome it is: none makes or releases one, none sees one of ours, and all or
    /// none hand one back.
    pub(super) fn is_indifferent(&mut self, view: &mut State, call: &Call, outcomes: &[&Outcome]) -> bool {
        // Nothing that a value leads to is held if nothing is; and outcomes mostly speak of the same values.
        let any_held = view.objects.iter().any(|(_, object)| object.standing == Standing::Held);
        let mut known: Vec<(Value, bool)> = Vec::new();
        let handed_back = outcomes.first().and_then(|outcome| self.handed_back(view, call, outcome));
        let is_indifferent = outcomes.iter().all(|outcome| {
            outcome.fresh.is_empty()
                && !(any_held && outcome.when.iter().any(|(path, _)| self.tells_of_held(view, call, path)))
                && self.handed_back(view, call, outcome) == handed_back
                && outcome.effects.iter().all(|effect| match effect {
                    Effect::Release(_) => false,
                    Effect::Escape(path, _) | Effect::Write(_, Spec::Initial(path)) => {
                        let carried = self.carried(view, call, path, &[]);
                        !any_held
                            || !carried.iter().any(|value| match known.iter().find(|(one, _)| one == value) {
                                Some((_, reached)) => *reached,
                                None => {
                                    let reached = self.met_from(view, *value).iter().any(|symbol| view.is_held(symbol));
                                    known.push((*value, reached));
                                    reached
                                }
                            })
                    }
                    // `&item->link` is put somewhere: the item hangs there from now on.
                    Effect::Write(_, Spec::Address(path)) => {
                        let place = self.place_at(view, call, path, &[]);
                        !place.is_some_and(|place| {
                            let value = self.arena.address(place);
                            self.reachable(view, value).iter().any(|symbol| view.is_held(*symbol))
                        })
                    }
                    Effect::Write(..) => true,
                })
        });
        is_indifferent && !self.keeps_on_success_only(view, call, outcomes)
    }

    /// Whether what the caller passed in is kept in one outcome and not in another, and the result says so: a small function
    /// tells its callers.
    fn keeps_on_success_only(&mut self, view: &mut State, call: &Call, outcomes: &[&Outcome]) -> bool {
        let is_told = self.flow.is_kept(call.into) || !self.flow.is_taken_for_granted(call.into);
        if self.function.blocks.len() > MAX_TELLING || !is_told {
            return false;
        }
        let mut kept: Vec<(Vec<u32>, &Spec)> = Vec::new();
        for outcome in outcomes {
            let mut given = Vec::new();
            for effect in &outcome.effects {
                let (Effect::Escape(path, _) | Effect::Write(_, Spec::Initial(path))) = effect else { continue };
                if path.selectors.is_empty()
                    && let Some(value) = self.value_at(view, call, path, &[])
                {
                    given.extend(self.passed_in(value));
                }
            }
            given.sort();
            given.dedup();
            kept.push((given, &outcome.returns));
        }
        let differs = |(given, returns): &(Vec<u32>, &Spec)| {
            kept.iter().any(|(other, result)| other != given && !same_sign(result, returns))
        };
        kept.iter().any(differs)
    }

    /// The held object that an outcome returns a pointer to or into.
    fn handed_back(&mut self, view: &mut State, call: &Call, outcome: &Outcome) -> Option<SymbolId> {
        let value = match &outcome.returns {
            Spec::Initial(path) => self.value_at(view, call, path, &[])?,
            Spec::Address(path) => {
                let place = self.place_at(view, call, path, &[])?;
                self.arena.address(place)
            }
            _ => return None,
        };
        self.arena.target(value).filter(|target| view.is_held(*target))
    }

    /// Whether a condition on the value at a path asks whether a held object is null.
    fn tells_of_held(&mut self, view: &mut State, call: &Call, path: &Path) -> bool {
        let Some(Value::Symbol(mut symbol)) = self.value_at(view, call, path, &[]) else { return false };
        for _ in 0..3 {
            match self.arena.symbol_of(symbol) {
                Symbol::Combined(BinaryOp::Equal, Value::Symbol(inner), Value::Int(0)) => symbol = inner,
                _ => break,
            }
        }
        view.is_held(symbol)
    }

    /// All outcomes at once: whatever any of them writes is unknown.
    pub(super) fn blur(&mut self, view: &mut State, call: &Call, outcomes: &[&Outcome]) {
        let mut fact: Option<Fact> = None;
        self.share_what_is_put(view, call, outcomes);
        for outcome in outcomes {
            fact = Some(fact.map_or(outcome.returns.fact(), |fact| fact.join(outcome.returns.fact())));
            for (number, effect) in outcome.effects.iter().enumerate() {
                match effect {
                    Effect::Escape(path, seen_by) => self.escape(view, call, path, seen_by, &[]),
                    Effect::Write(path, _) => {
                        if let Some(place) = self.place_at(view, call, path, &[]) {
                            let value = self.anything(view, number + 1, Fact::ANY);
                            self.share_contents(view, place);
                            self.write(view, place, value, call.span, LossKind::Overwrite);
                        }
                    }
                    Effect::Release(_) => {}
                }
            }
        }
        self.check_call(view, call);
        let same = outcomes.first().map(|outcome| &outcome.returns);
        let same = same.filter(|first| outcomes.iter().all(|outcome| outcome.returns == **first));
        if let Some(Spec::Initial(path)) = same
            && let Some(value) = self.value_at(view, call, path, &[])
        {
            return self.give(view, call, value);
        }
        let object = outcomes.first().and_then(|outcome| self.handed_back(view, call, outcome));
        let returned = self.make(view, 0);
        if let Some(object) = object {
            let place = self.inside_of(object, Value::Symbol(returned));
            return self.give(view, call, place);
        }
        let _ = view.learn(returned, fact.unwrap_or(Fact::ANY));
        self.give(view, call, Value::Symbol(returned));
    }

    /// What the caller's caller passed in and an outcome puts somewhere may be kept there.
    pub(super) fn share_what_is_put(&mut self, view: &mut State, call: &Call, outcomes: &[&Outcome]) {
        let effects = outcomes.iter().flat_map(|outcome| &outcome.effects);
        let mut put: Vec<&Spec> = effects
            .filter_map(|effect| match effect {
                Effect::Write(to, spec @ (Spec::Initial(from) | Spec::Address(from))) if to.base != from.base => {
                    Some(spec)
                }
                _ => None,
            })
            .collect();
        put.sort();
        put.dedup();
        for spec in put {
            let value = self.value_of(view, call, spec, &[], 0);
            let known = self.arena.target(value).and_then(|target| view.object(target));
            if !known.is_some_and(|object| object.standing == Standing::Shared && object.seen_by.is_empty()) {
                self.share(view, value);
            }
        }
    }
}
