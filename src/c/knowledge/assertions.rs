//! Assertions: behind one that holds, what it claims is so. A test ends where one fails, and nobody cleans up behind it; a
//! program that leaves it out rests on it all the same. Sources: the manuals of cmocka, Check, CUnit (its `FATAL` forms; the
//! others go on), Unity, munit, acutest, GLib, the Linux kernel, and what well-known programs call theirs.

use crate::c::names::{Map, Name};

/// What is so behind an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The first argument is true, or a pointer that is not null.
    Holds,
    /// It is false, or null.
    Fails,
    /// The first two are equal.
    Equal,
    /// They are not.
    Differ,
    /// Nothing: the test goes on, and is told whether the first argument was true.
    Nothing,
}

impl Claim {
    /// Whether it is about two arguments.
    pub fn compares(self) -> bool {
        matches!(self, Claim::Equal | Claim::Differ)
    }

    /// Whether what it asks is not so.
    pub fn denies(self) -> bool {
        matches!(self, Claim::Fails | Claim::Differ)
    }
}

const CLAIMS: &[(Claim, &str)] = &[
    (Claim::Holds, "assert g_assert g_return_if_fail g_return_val_if_fail __builtin_assume"),
    (Claim::Holds, "assert_true assert_non_null assert_ptr_non_null ck_assert ck_assert_msg"),
    (
        Claim::Holds,
        "ck_assert_ptr_nonnull g_assert_true g_assert_nonnull TEST_ASSERT TEST_ASSERT_TRUE TEST_ASSERT_NOT_NULL",
    ),
    (Claim::Holds, "TEST_ASSERT_MESSAGE TEST_ASSERT_TRUE_MESSAGE TEST_ASSERT_NOT_NULL_MESSAGE CU_ASSERT_FATAL"),
    (Claim::Holds, "CU_ASSERT_TRUE_FATAL CU_ASSERT_PTR_NOT_NULL_FATAL munit_assert munit_assert_true"),
    (Claim::Holds, "munit_assert_not_null munit_assert_ptr_not_null"),
    (Claim::Holds, "ASSERT Assert SMB_ASSERT assert_se pa_assert pa_assert_se av_assert0 av_assert1 av_assert2"),
    (Claim::Fails, "BUG_ON"),
    (Claim::Nothing, "TEST_CHECK TEST_CHECK_"),
    (Claim::Fails, "assert_false assert_null ck_assert_ptr_null g_assert_false g_assert_null TEST_ASSERT_FALSE"),
    (Claim::Fails, "TEST_ASSERT_NULL TEST_ASSERT_FALSE_MESSAGE TEST_ASSERT_NULL_MESSAGE CU_ASSERT_FALSE_FATAL"),
    (Claim::Fails, "CU_ASSERT_PTR_NULL_FATAL munit_assert_false munit_assert_null munit_assert_ptr_null"),
    (Claim::Equal, "assert_int_equal assert_uint_equal assert_ptr_equal ck_assert_int_eq ck_assert_uint_eq"),
    (
        Claim::Equal,
        "ck_assert_ptr_eq TEST_ASSERT_EQUAL TEST_ASSERT_EQUAL_INT TEST_ASSERT_EQUAL_UINT TEST_ASSERT_EQUAL_PTR",
    ),
    (Claim::Equal, "CU_ASSERT_EQUAL_FATAL CU_ASSERT_PTR_EQUAL_FATAL munit_assert_ptr_equal"),
    (Claim::Differ, "assert_int_not_equal assert_ptr_not_equal ck_assert_int_ne ck_assert_uint_ne ck_assert_ptr_ne"),
    (
        Claim::Differ,
        "TEST_ASSERT_NOT_EQUAL CU_ASSERT_NOT_EQUAL_FATAL CU_ASSERT_PTR_NOT_EQUAL_FATAL munit_assert_ptr_not_equal",
    ),
];

/// The names and their claims.
pub fn claims() -> Map<Name, Claim> {
    super::by_name(CLAIMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_claims_two_things() {
        let names = CLAIMS.iter().flat_map(|(_, names)| names.split_whitespace());
        assert_eq!(claims().len(), names.count());
        assert_eq!(claims().get(&Name::of("assert_null")), Some(&Claim::Fails));
        assert_eq!(claims().get(&Name::of("assert_string_equal")), None);
    }
}
