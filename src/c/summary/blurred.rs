//! Outcomes that are too many to be told one by one: those with the same kind of result become one, which does for
//! certain only what all of them do.

use std::collections::BTreeSet;

use super::{Base, Effect, Fresh, Outcome, Path, Spec, same_sign, without_implied};

/// One outcome for each kind of result, and of what else is made.
pub(super) fn by_what_is_made(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    grouped(outcomes, |one, other| is_alike(one, other) && makes_the_same(one, other))
}

/// One outcome for each kind of result. Of what is made only the result is told.
pub(super) fn by_result(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    grouped(outcomes.into_iter().map(only_the_result_made).collect(), is_alike)
}

/// What the paths that were left out may do: anything that one of those that were seen does, with any result.
pub(super) fn of_paths_left_out(outcomes: &[Outcome]) -> Option<Outcome> {
    let mut left_out = blur(outcomes)?;
    left_out.when.clear();
    left_out.returns = Spec::Unknown(super::Fact::ANY);
    left_out.fresh.clear();
    let is_fresh = |path: &Path| matches!(path.base, Base::Fresh(_));
    left_out.effects.retain_mut(|effect| match effect {
        Effect::Write(path, spec) => {
            let is_of_fresh = match spec {
                Spec::Fresh(_) => true,
                Spec::Initial(from) | Spec::Address(from) => is_fresh(from),
                _ => false,
            };
            if is_of_fresh {
                *spec = Spec::Unknown(super::Fact::ANY);
            }
            !is_fresh(path)
        }
        Effect::Release(path) | Effect::Escape(path, _) => !is_fresh(path),
    });
    left_out.effects = without_implied(left_out.effects);
    Some(left_out)
}

/// Takes the numbers out that outcomes write, and gives the places where one does. Where an outcome puts something that is known
/// there is a pointer, and what others put there in its stead stays.
pub(super) fn take_numbers(outcomes: &mut [Outcome]) -> Vec<Path> {
    let is_number = |spec: &Spec| matches!(spec, Spec::Int(_) | Spec::Unknown(_));
    let all = outcomes.iter().flat_map(|outcome| &outcome.effects);
    let filled = all.filter_map(|effect| match effect {
        Effect::Write(path, spec) if !is_number(spec) => Some(path.clone()),
        _ => None,
    });
    let filled: BTreeSet<Path> = filled.collect();
    let mut written: BTreeSet<Path> = BTreeSet::new();
    for Outcome { effects, fresh, .. } in outcomes {
        effects.retain(|effect| {
            let Effect::Write(path, spec) = effect else { return true };
            match path.base {
                _ if !is_number(spec) || filled.contains(path) => return true,
                // What is new is told by what is put there, all else may be anything.
                Base::Fresh(number) => {
                    fresh.get_mut(usize::from(number)).into_iter().for_each(|made| made.zeroed = false);
                }
                _ => drop(written.insert(path.clone())),
            }
            false
        });
    }
    written.into_iter().collect()
}

/// Lets every outcome write any number at these places.
pub(super) fn write_any_number(outcomes: &mut [Outcome], places: &[Path]) {
    for Outcome { effects, .. } in outcomes {
        effects.extend(places.iter().map(|path| Effect::Write(path.clone(), Spec::Unknown(super::Fact::ANY))));
        effects.sort();
    }
}

fn grouped(outcomes: Vec<Outcome>, is_alike: impl Fn(&Outcome, &Outcome) -> bool) -> Vec<Outcome> {
    let mut groups: Vec<Vec<Outcome>> = Vec::new();
    for outcome in outcomes {
        match groups.iter_mut().find(|group| group.iter().all(|other| is_alike(other, &outcome))) {
            Some(group) => group.push(outcome),
            None => groups.push(vec![outcome]),
        }
    }
    groups.iter().filter_map(|group| blur(group)).collect()
}

/// Whether two outcomes make objects of the same kinds and put them in the same places.
fn makes_the_same(one: &Outcome, other: &Outcome) -> bool {
    let kinds = |outcome: &Outcome| outcome.fresh.iter().map(|fresh| fresh.release).collect::<Vec<_>>();
    fn puts(outcome: &Outcome) -> impl Iterator<Item = &Effect> {
        outcome.effects.iter().filter(|effect| matches!(effect, Effect::Write(_, Spec::Fresh(_))))
    }
    kinds(one) == kinds(other) && puts(one).eq(puts(other))
}

/// Whether a caller that tests the result, or keeps it, does the same with both.
fn is_alike(one: &Outcome, other: &Outcome) -> bool {
    let made = |outcome: &Outcome| match outcome.returns {
        Spec::Fresh(number) => outcome.fresh.get(usize::from(number)).map(|fresh| fresh.release),
        _ => None,
    };
    made(one) == made(other) && (made(one).is_some() || same_sign(&one.returns, &other.returns))
}

/// What all outcomes of a group do, and what one of them may do.
fn blur(group: &[Outcome]) -> Option<Outcome> {
    let (first, others) = group.split_first()?;
    let mut blurred = Outcome { effects: Vec::new(), ..first.clone() };
    for other in others {
        blurred.absorb(other);
        join_fresh(&mut blurred.fresh, &other.fresh);
    }
    let mut all: Vec<&Effect> = group.iter().flat_map(|outcome| &outcome.effects).collect();
    all.sort();
    for same in all.chunk_by(|one, other| one == other) {
        // An outcome does nothing twice.
        let (effect, is_certain) = (same[0], same.len() == group.len());
        match effect {
            Effect::Write(path, spec) if !is_certain => {
                blurred.effects.push(Effect::Write(path.clone(), Spec::Unknown(super::Fact::ANY)));
                blurred.effects.extend(kept(spec));
            }
            Effect::Release(path) if !is_certain => blurred.effects.push(Effect::Escape(path.clone(), Vec::new())),
            _ => blurred.effects.push(effect.clone()),
        }
    }
    blurred.effects = without_implied(blurred.effects);
    Some(blurred)
}

/// What a write puts somewhere may be kept there.
fn kept(spec: &Spec) -> Option<Effect> {
    match spec {
        Spec::Initial(path) | Spec::Address(path) => Some(Effect::Escape(path.clone(), Vec::new())),
        _ => None,
    }
}

/// An outcome of whose objects only the result is told: which others there are differs from path to path.
fn only_the_result_made(outcome: Outcome) -> Outcome {
    let result = match outcome.returns {
        Spec::Fresh(number) => Some(number),
        _ => None,
    };
    let is_told = |path: &Path| !matches!(path.base, Base::Fresh(number) if Some(number) != result);
    let mut effects = Vec::new();
    for effect in outcome.effects {
        match effect {
            Effect::Write(path, Spec::Fresh(number)) if is_told(&path) && Some(number) != result => {
                effects.push(Effect::Write(path, Spec::Unknown(super::Fact::ANY)));
            }
            Effect::Release(ref path) | Effect::Escape(ref path, _) | Effect::Write(ref path, _) if is_told(path) => {
                effects.push(effect);
            }
            _ => {}
        }
    }
    let made = result.and_then(|number| outcome.fresh.get(usize::from(number)).cloned());
    let renumbered = |path: Path| match path.base {
        Base::Fresh(_) => Path { base: Base::Fresh(0), ..path },
        _ => path,
    };
    let spec = |spec: Spec| match spec {
        Spec::Fresh(_) => Spec::Fresh(0),
        Spec::Initial(path) => Spec::Initial(renumbered(path)),
        Spec::Address(path) => Spec::Address(renumbered(path)),
        other => other,
    };
    let effects = effects.into_iter().map(|effect| match effect {
        Effect::Release(path) => Effect::Release(renumbered(path)),
        Effect::Escape(path, seen_by) => Effect::Escape(renumbered(path), seen_by),
        Effect::Write(path, value) => Effect::Write(renumbered(path), spec(value)),
    });
    let effects = effects.collect();
    Outcome { when: outcome.when, effects, returns: spec(outcome.returns), fresh: made.into_iter().collect() }
}

/// What is known of both results.
fn join_fresh(ours: &mut [Fresh], theirs: &[Fresh]) {
    for (one, other) in ours.iter_mut().zip(theirs) {
        one.fact = one.fact.join(other.fact);
        one.zeroed &= other.zeroed;
        one.seen_by.extend(other.seen_by.iter().copied());
        one.seen_by.sort();
        one.seen_by.dedup();
    }
}
