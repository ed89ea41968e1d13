//! Who is on call: the filter behind every name we print and every person we might tag.
//!
//! A server that does not know a filter answers with everybody. So each entry has to prove that it belongs to the
//! service's own escalation policy and to a shift that is running; of those, the lowest level counts.

use crate::model::ids::{EscalationPolicyId, Timestamp};
use crate::model::incident::OnCall;

use super::decode::DecodedShift;

/// The people on call for `policy` at `at`, at the lowest level that has anybody, in the order given, each once.
///
/// A shift runs from its start up to but not including its end; a shift without bounds always runs, as PagerDuty
/// gives it for people who stand in the policy themselves.
pub(crate) fn current(shifts: Vec<DecodedShift>, policy: &EscalationPolicyId, at: Timestamp) -> Vec<OnCall> {
    let running =
        |shift: &DecodedShift| shift.start.is_none_or(|start| start <= at) && shift.end.is_none_or(|end| at < end);
    let on_call: Vec<OnCall> = shifts
        .into_iter()
        .filter(|shift| shift.policy == *policy && running(shift))
        .map(|shift| shift.person)
        .collect();
    let lowest = on_call.iter().map(|person| person.level).min();
    let mut people: Vec<OnCall> = Vec::new();
    for person in on_call {
        if Some(person.level) == lowest && people.iter().all(|known| known.user != person.user) {
            people.push(person);
        }
    }
    people
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::UserId;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn shift(user: &str, policy: &str, level: u32, hours: Option<(&str, &str)>) -> DecodedShift {
        let person = OnCall { user: UserId::new(user), name: user.to_owned(), email: None, level };
        let (start, end) = hours.map(|(start, end)| (at(start), at(end))).unzip();
        DecodedShift { person, policy: EscalationPolicyId::new(policy), start, end }
    }

    fn names(shifts: Vec<DecodedShift>, now: &str) -> Vec<String> {
        current(shifts, &EscalationPolicyId::new("OURS"), at(now)).into_iter().map(|person| person.name).collect()
    }

    const NIGHT: Option<(&str, &str)> = Some(("2026-11-22T00:00:00Z", "2026-11-22T08:00:00Z"));
    const DAY: Option<(&str, &str)> = Some(("2026-11-22T08:00:00Z", "2026-11-22T20:00:00Z"));

    #[test]
    fn other_policies_do_not_count() {
        let shifts = vec![shift("stranger", "THEIRS", 1, NIGHT), shift("ada", "OURS", 2, NIGHT)];
        assert_eq!(names(shifts, "2026-11-22T07:00:00Z"), ["ada"]);
    }

    #[test]
    fn the_shift_changes_at_its_end() {
        let shifts = || vec![shift("night", "OURS", 1, NIGHT), shift("day", "OURS", 1, DAY)];
        assert_eq!(names(shifts(), "2026-11-22T07:59:59Z"), ["night"]);
        assert_eq!(names(shifts(), "2026-11-22T08:00:00Z"), ["day"]);
        assert!(names(shifts(), "2026-11-22T20:00:00Z").is_empty());
    }

    #[test]
    fn the_lowest_level_with_a_running_shift_counts_and_nobody_twice() {
        let shifts = vec![
            shift("boss", "OURS", 2, None),
            shift("late", "OURS", 1, DAY),
            shift("ada", "OURS", 2, NIGHT),
            shift("boss", "OURS", 2, NIGHT),
            shift("cto", "OURS", 3, None),
        ];
        assert_eq!(names(shifts, "2026-11-22T01:00:00Z"), ["boss", "ada"]);
    }
}
