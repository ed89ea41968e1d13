//! Summaries: what a call of a function does, in the words of its caller.
//!
//! A summary is a short list of outcomes. Each tells under which condition on the caller's values it happens, what it
//! does to them, and what it returns. A function that never returns has no outcome at all.

mod blurred;

use super::domain::{Fact, Via};
use super::names::Name;

/// Where an access path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// A parameter, by number.
    Parameter(u32),
    /// A variable of file or program scope.
    Global(Name),
    /// An object that the callee acquired, by number in the outcome.
    Fresh(u8),
}

/// One step of an access path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// `*`
    Deref,
    /// `.name`
    Field(Name),
    /// `[number]`
    Element(i64),
}

/// A place in the caller's words; without selectors, the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    /// Where it begins.
    pub base: Base,
    /// How it goes on.
    pub selectors: Vec<Selector>,
}

/// A value in the caller's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spec {
    /// A number.
    Int(i64),
    /// What the place held before the call.
    Initial(Path),
    /// The address of the place.
    Address(Path),
    /// An object that the callee acquired.
    Fresh(u8),
    /// A function.
    Code(Name),
    /// Something of which only this is known.
    Unknown(Fact),
    /// What the callee acquired and has released again.
    Dangling,
}

/// An object that the callee acquired and handed out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fresh {
    /// The function that releases its kind; `None` if the engine only guesses that it must be released.
    pub release: Option<Name>,
    /// What is known of the pointer.
    pub fact: Fact,
    /// Whether its memory is zero where nothing was written.
    pub zeroed: bool,
    /// Unknown callees that saw it.
    pub seen_by: Vec<Via>,
    /// Who acquired it, for the pairs of acquire and release that are learned: the callee's own source.
    pub source: Name,
}

/// One thing that an outcome does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// The object behind the value is released.
    Release(Path),
    /// The object behind the value may be kept by someone unknown; which unknown callees saw it, if only they did.
    Escape(Path, Vec<Via>),
    /// The place is given a value.
    Write(Path, Spec),
}

/// One way a call can go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// What must hold of the caller's values.
    pub when: Vec<(Path, Fact)>,
    /// What it does.
    pub effects: Vec<Effect>,
    /// What it returns.
    pub returns: Spec,
    /// The objects that it made.
    pub fresh: Vec<Fresh>,
}

/// What a call of a function does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The ways it can go.
    pub outcomes: Vec<Outcome>,
}

/// More outcomes than this are not told apart.
pub const MAX_OUTCOMES: usize = 12;

/// Nor outcomes with more effects than this in all: every caller plays every one of them.
const MAX_EFFECTS: usize = 100;

impl Spec {
    /// What is known of the value as a number.
    pub fn fact(&self) -> Fact {
        match self {
            Spec::Int(value) => Fact::exactly(*value),
            Spec::Unknown(fact) => *fact,
            Spec::Address(_) | Spec::Code(_) | Spec::Dangling => Fact::NON_ZERO,
            Spec::Initial(_) | Spec::Fresh(_) => Fact::ANY,
        }
    }
}

impl Outcome {
    /// Whether what a parameter points to is a pointer that is released: `foo_freep(&p)`.
    pub fn releases_behind(&self, parameter: u32) -> bool {
        let behind =
            |path: &Path| path.base == Base::Parameter(parameter) && path.selectors.as_slice() == [Selector::Deref];
        self.effects.iter().any(|effect| matches!(effect, Effect::Release(path) if behind(path)))
    }

    /// Whether anything of the caller's is released.
    pub fn releases_any(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Release(_)))
    }

    /// Whether the value of a parameter is released.
    pub fn releases(&self, parameter: u32) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Release(path) if path.is_parameter(parameter)))
    }
}

impl Path {
    /// Whether the path is a bare parameter.
    pub fn is_parameter(&self, parameter: u32) -> bool {
        self.base == Base::Parameter(parameter) && self.selectors.is_empty()
    }
}

impl Summary {
    /// Whether what a parameter points to is, on some way, a pointer that is released.
    pub fn releases_behind(&self, parameter: u32) -> bool {
        self.outcomes.iter().any(|outcome| outcome.releases_behind(parameter))
    }

    /// The same for a function of whose paths some were left out: they may have another outcome than those that were seen.
    pub fn condense_some(mut outcomes: Vec<Outcome>) -> Option<Summary> {
        let left_out = blurred::of_paths_left_out(&outcomes);
        outcomes.extend(left_out);
        Summary::condense(outcomes)
    }

    /// Brings outcomes into order, makes one of those that do the same, and bounds their number: if there are still too
    /// many, of those that look alike to a caller who tests the result. `None` if that does not suffice: such a function
    /// is treated as unknown.
    pub fn condense(mut outcomes: Vec<Outcome>) -> Option<Summary> {
        // Exactly first: what two outcomes are told apart by is what callers decide on.
        merge_alike(&mut outcomes, |a, b| a.returns == b.returns && a.covers_with(b));
        if outcomes.len() > MAX_OUTCOMES {
            merge_alike(&mut outcomes, |a, b| a.returns == b.returns);
        }
        if outcomes.len() > MAX_OUTCOMES {
            merge_alike(&mut outcomes, |a, b| same_sign(&a.returns, &b.returns));
        }
        if outcomes.len() > MAX_OUTCOMES {
            let written = blurred::take_numbers(&mut outcomes);
            let mut told = outcomes.clone();
            blurred::write_any_number(&mut told, &written);
            // What is made matters more than which numbers are written.
            for merged in [&mut told, &mut outcomes] {
                merge_alike(merged, |a, b| same_sign(&a.returns, &b.returns));
            }
            if told.len() <= MAX_OUTCOMES && effects_of(&told) <= MAX_EFFECTS {
                outcomes = told;
            }
        }
        if outcomes.len() > MAX_OUTCOMES {
            merge_alike(&mut outcomes, |a, b| {
                !matches!((&a.returns, &b.returns), (Spec::Fresh(_), _) | (_, Spec::Fresh(_)))
            });
        }
        if outcomes.len() > MAX_OUTCOMES || effects_of(&outcomes) > MAX_EFFECTS {
            outcomes = blurred::by_what_is_made(outcomes);
        }
        if outcomes.len() > MAX_OUTCOMES {
            outcomes = blurred::by_result(outcomes);
        }
        (outcomes.len() <= MAX_OUTCOMES).then_some(Summary { outcomes })
    }
}

/// How many effects outcomes have together.
fn effects_of(outcomes: &[Outcome]) -> usize {
    outcomes.iter().map(|outcome| outcome.effects.len()).sum()
}

/// Effects in order, each once, and without those that others say already: whoever may keep what a value leads to may keep
/// whatever hangs below.
pub fn without_implied(mut effects: Vec<Effect>) -> Vec<Effect> {
    effects.sort();
    effects.dedup();
    let kept = |effect: &Effect| match effect {
        Effect::Escape(path, seen_by) if seen_by.is_empty() => Some(path.clone()),
        _ => None,
    };
    let kept: Vec<Path> = effects.iter().filter_map(kept).collect();
    effects.retain(|effect| {
        let Effect::Escape(path, _) = effect else { return true };
        let mut above = path.clone();
        while above.selectors.pop().is_some() {
            if kept.binary_search(&above).is_ok() {
                return false;
            }
        }
        true
    });
    effects
}

/// Takes null to mean that nothing was made, where a function gives null and makes nothing on one path, and on another
/// makes something for its caller and gives a pointer of which nothing is known.
pub fn tell_failures_apart(outcomes: &mut [Outcome]) {
    if !outcomes.iter().any(|outcome| outcome.returns == Spec::Int(0) && outcome.fresh.is_empty()) {
        return;
    }
    for outcome in outcomes.iter_mut().filter(|outcome| !outcome.fresh.is_empty()) {
        if let Spec::Unknown(fact) = &mut outcome.returns {
            *fact = fact.without(0).unwrap_or(*fact);
        }
    }
}

/// Merges outcomes with the same effects where `may` allows it.
fn merge_alike(outcomes: &mut Vec<Outcome>, may: impl Fn(&Outcome, &Outcome) -> bool) {
    outcomes.sort();
    let mut merged: Vec<Outcome> = Vec::new();
    for outcome in outcomes.drain(..) {
        let twin =
            merged.iter_mut().find(|m| m.effects == outcome.effects && m.fresh == outcome.fresh && may(m, &outcome));
        match twin {
            Some(twin) => twin.absorb(&outcome),
            None => merged.push(outcome),
        }
    }
    *outcomes = merged;
}

/// Whether two results are told apart by no common test (`< 0`, `!= 0`, null).
pub fn same_sign(a: &Spec, b: &Spec) -> bool {
    let class = |spec: &Spec| {
        let fact = spec.fact();
        match spec {
            Spec::Initial(_) | Spec::Fresh(_) => 4,
            _ if fact.value() == Some(0) => 0,
            _ if fact.high < 0 => 1,
            _ if fact.low > 0 => 2,
            _ if fact.is_non_zero() => 3,
            _ => 5,
        }
    };
    a == b || (class(a) == class(b) && class(a) != 4)
}

impl Outcome {
    /// Whether joining the conditions of two outcomes lets in nothing that neither allows: they differ in the fact of
    /// one place, or one asks for less than the other.
    fn covers_with(&self, other: &Outcome) -> bool {
        let same_places =
            self.when.len() == other.when.len() && self.when.iter().zip(&other.when).all(|((a, _), (b, _))| a == b);
        if same_places {
            return self.when.iter().zip(&other.when).filter(|((_, a), (_, b))| a != b).count() <= 1;
        }
        let weaker = |few: &Outcome, many: &Outcome| few.when.iter().all(|condition| many.when.contains(condition));
        weaker(self, other) || weaker(other, self)
    }

    fn absorb(&mut self, other: &Outcome) {
        self.when.retain_mut(|(path, fact)| match other.when.iter().find(|(p, _)| p == path) {
            Some((_, more)) => {
                *fact = fact.join(*more);
                *fact != Fact::ANY
            }
            None => false,
        });
        if self.returns != other.returns {
            self.returns = Spec::Unknown(self.returns.fact().join(other.returns.fact()));
        }
    }
}
