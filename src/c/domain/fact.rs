//! What is known of a number: an interval, and one value within that is left out of it.

/// What is known of a symbol. A pointer is null where it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fact {
    /// The least value.
    pub low: i64,
    /// The greatest value.
    pub high: i64,
    /// A value between them that it is not; [`WHOLE`] where there is none. Of several it is 0, which is asked for most.
    hole: i64,
}

/// No value is left out.
const WHOLE: i64 = i64::MIN;

impl Fact {
    /// Nothing is known.
    pub const ANY: Fact = Fact::between(i64::MIN, i64::MAX);
    /// Not 0.
    pub const NON_ZERO: Fact = Fact { low: i64::MIN, high: i64::MAX, hole: 0 };

    /// Anything from `low` to `high`.
    pub const fn between(low: i64, high: i64) -> Fact {
        Fact { low, high, hole: WHOLE }
    }

    /// Exactly this.
    pub const fn exactly(value: i64) -> Fact {
        Fact::between(value, value)
    }

    /// At least this.
    pub const fn at_least(value: i64) -> Fact {
        Fact::between(value, i64::MAX)
    }

    /// At most this.
    pub const fn at_most(value: i64) -> Fact {
        Fact::between(i64::MIN, value)
    }

    /// The only value, if there is one.
    pub fn value(self) -> Option<i64> {
        (self.low == self.high).then_some(self.low)
    }

    /// Whether it is known not to be 0.
    pub fn is_non_zero(self) -> bool {
        !self.holds(0)
    }

    /// Whether it may be this.
    fn holds(self, value: i64) -> bool {
        self.low <= value && value <= self.high && (value != self.hole || self.hole == WHOLE)
    }

    /// Both hold. `None` if they cannot.
    pub fn meet(self, other: Fact) -> Option<Fact> {
        let (mut low, mut high) = (self.low.max(other.low), self.high.min(other.high));
        let holes = [self.hole, other.hole];
        let is_hole = |value: i64| value != WHOLE && holes.contains(&value);
        while low <= high && is_hole(low) {
            low = low.checked_add(1)?;
        }
        while low <= high && is_hole(high) {
            high = high.checked_sub(1)?;
        }
        let inside = |hole: &i64| *hole != WHOLE && low < *hole && *hole < high;
        let hole = holes.into_iter().filter(inside).min_by_key(|hole| (*hole != 0, *hole));
        (low <= high).then_some(Fact { low, high, hole: hole.unwrap_or(WHOLE) })
    }

    /// What is known of the value with `by` added to it, where that does not overflow.
    pub fn shifted(self, by: i64) -> Fact {
        let low = if self.low == i64::MIN { self.low } else { self.low.saturating_add(by) };
        let high = if self.high == i64::MAX { self.high } else { self.high.saturating_add(by) };
        let hole = if self.hole == WHOLE { None } else { self.hole.checked_add(by) };
        Fact { low, high, hole: hole.unwrap_or(WHOLE) }
    }

    /// One of them holds.
    pub fn join(self, other: Fact) -> Fact {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        let is_left_out = |hole: &i64| *hole != WHOLE && !self.holds(*hole) && !other.holds(*hole);
        let inside = |hole: &i64| low < *hole && *hole < high;
        let hole = [0, self.hole, other.hole].into_iter().filter(is_left_out).find(inside);
        Fact { low, high, hole: hole.unwrap_or(WHOLE) }
    }

    /// Whether no value fits both.
    pub fn disjoint(self, other: Fact) -> bool {
        self.meet(other).is_none()
    }

    /// What remains of this fact if the value is not `value`.
    pub fn without(self, value: i64) -> Option<Fact> {
        self.meet(Fact { hole: value, ..Fact::ANY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_meet_and_part() {
        assert_eq!(Fact::NON_ZERO.meet(Fact::exactly(0)), None);
        assert_eq!(Fact::at_least(0).meet(Fact::NON_ZERO), Some(Fact::at_least(1)));
        assert!(Fact::at_most(-1).disjoint(Fact::exactly(0)));
        assert!(Fact::at_most(-1).is_non_zero());
        assert_eq!(Fact::exactly(3).without(3), None);
        assert_eq!(Fact::exactly(0).join(Fact::exactly(2)), Fact::between(0, 2));
        assert_eq!(Fact::exactly(-1).join(Fact::exactly(2)), Fact { low: -1, high: 2, hole: 0 });
        assert_eq!(Fact::ANY.without(0), Some(Fact::NON_ZERO));
        assert_eq!(Fact::at_least(0).shifted(1), Fact::at_least(1));
        assert_eq!(Fact::at_least(1).shifted(-1), Fact::at_least(0));
        assert_eq!(Fact::ANY.shifted(3), Fact::ANY);
        let other = Fact { hole: 5, ..Fact::ANY };
        assert_eq!(Fact::ANY.without(5), Some(other));
        assert!(other.disjoint(Fact::exactly(5)) && !other.is_non_zero());
        assert_eq!(other.join(Fact::exactly(4)), other);
        assert_eq!(other.join(Fact::exactly(5)), Fact::ANY);
        assert_eq!(other.without(0), Some(Fact::NON_ZERO));
        assert_eq!(Fact::between(4, 6).without(5).and_then(|fact| fact.without(4)), Some(Fact::exactly(6)));
        assert_eq!(Fact::NON_ZERO.shifted(1).without(1), Fact::ANY.without(1));
    }
}
