//! What is known of a number: an interval, and whether 0 is left out of it.

/// What is known of a symbol. A pointer is null where it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fact {
    /// The least value.
    pub low: i64,
    /// The greatest value.
    pub high: i64,
    /// Whether it may be 0.
    pub zero: bool,
}

impl Fact {
    /// Nothing is known.
    pub const ANY: Fact = Fact { low: i64::MIN, high: i64::MAX, zero: true };
    /// Not 0.
    pub const NON_ZERO: Fact = Fact { low: i64::MIN, high: i64::MAX, zero: false };

    /// Exactly this.
    pub const fn exactly(value: i64) -> Fact {
        Fact { low: value, high: value, zero: value == 0 }
    }

    /// At least this.
    pub const fn at_least(value: i64) -> Fact {
        Fact { low: value, high: i64::MAX, zero: value <= 0 }
    }

    /// At most this.
    pub const fn at_most(value: i64) -> Fact {
        Fact { low: i64::MIN, high: value, zero: value >= 0 }
    }

    /// The only value, if there is one.
    pub fn value(self) -> Option<i64> {
        (self.low == self.high).then_some(self.low)
    }

    /// Whether it is known not to be 0.
    pub fn is_non_zero(self) -> bool {
        !self.zero || self.low > 0 || self.high < 0
    }

    /// Both hold. `None` if they cannot.
    pub fn meet(self, other: Fact) -> Option<Fact> {
        let mut fact =
            Fact { low: self.low.max(other.low), high: self.high.min(other.high), zero: self.zero && other.zero };
        if !fact.zero {
            if fact.low == 0 {
                fact.low = 1;
            }
            if fact.high == 0 {
                fact.high = -1;
            }
        }
        fact.zero &= fact.low <= 0 && fact.high >= 0;
        (fact.low <= fact.high).then_some(fact)
    }

    /// What is known of the value with `by` added to it, where that does not overflow.
    pub fn shifted(self, by: i64) -> Fact {
        let low = if self.low == i64::MIN { self.low } else { self.low.saturating_add(by) };
        let high = if self.high == i64::MAX { self.high } else { self.high.saturating_add(by) };
        Fact { low, high, zero: low <= 0 && high >= 0 && (by != 0 || self.zero) }
    }

    /// One of them holds.
    pub fn join(self, other: Fact) -> Fact {
        Fact { low: self.low.min(other.low), high: self.high.max(other.high), zero: self.zero || other.zero }
    }

    /// Whether no value fits both.
    pub fn disjoint(self, other: Fact) -> bool {
        self.meet(other).is_none()
    }

    /// What remains of this fact if the value is not `value`.
    pub fn without(self, value: i64) -> Option<Fact> {
        let mut fact = self;
        if value == 0 {
            return fact.meet(Fact::NON_ZERO);
        }
        if fact.low == value {
            fact.low = fact.low.saturating_add(1);
        }
        if fact.high == value {
            fact.high = fact.high.saturating_sub(1);
        }
        (fact.low <= fact.high && self.value() != Some(value)).then_some(fact)
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
        assert_eq!(Fact::exactly(0).join(Fact::exactly(2)), Fact { low: 0, high: 2, zero: true });
        assert_eq!(Fact::ANY.without(0), Some(Fact::NON_ZERO));
        assert_eq!(Fact::at_least(0).shifted(1), Fact::at_least(1));
        assert_eq!(Fact::at_least(1).shifted(-1), Fact::at_least(0));
        assert_eq!(Fact::ANY.shifted(3), Fact::ANY);
    }
}
