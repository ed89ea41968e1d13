//! What a commit message says about its pull request, and about a landing that it takes back.

use crate::model::ids::CommitSha;

/// Fewer digits of a commit's id are not believed: `git` itself prints at least seven.
const SHORTEST_ID: usize = 7;

/// The pull request that landed this commit, by the two forms GitHub writes: a squash or rebase merge appends ` (#123)` to the
/// subject, a merge commit begins with `Merge pull request #123 from `. Any other mention of a number proves nothing.
pub fn pull_request_of(subject: &str) -> Option<u64> {
    if let Some(rest) = subject.strip_prefix("Merge pull request #") {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        return number(rest.get(..end)?);
    }
    let inner = subject.trim_end().strip_suffix(')')?;
    let open = inner.rfind("(#")?;
    number(inner.get(open + 2..)?)
}

/// Whether a message or a description says that it takes a landing back, in git's sentence, `This reverts commit ID`. The id may be
/// shortened, as people do who write it by hand.
pub fn takes_back(text: &str, landing: &CommitSha) -> bool {
    text.split("This reverts commit ").skip(1).any(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default();
        digits.len() >= SHORTEST_ID && landing.as_str().starts_with(&digits.to_ascii_lowercase())
    })
}

/// A positive number of plain digits that fits.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok().filter(|n| *n > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{pull_request_of, takes_back};
    use crate::model::ids::CommitSha;

    #[test]
    fn gits_own_sentence_takes_a_landing_back() {
        let landing = CommitSha::new("abcdef0123456789abcdef0123456789abcdef01");
        for text in [
            "Revert \"Speed up\"\n\nThis reverts commit abcdef0123456789abcdef0123456789abcdef01.",
            "This reverts commit ABCDEF0, reversing changes",
            "This reverts commit 1111111.\nThis reverts commit abcdef012345",
        ] {
            assert!(takes_back(text, &landing), "{text}");
        }
        for text in ["This reverts commit abcdef.", "This reverts commit abcdef1.", "This reverts commit ", "abcdef0"] {
            assert!(!takes_back(text, &landing), "{text}");
        }
    }

    #[test]
    fn only_the_two_forms_of_github_name_a_pull_request() {
        assert_eq!(pull_request_of("Fix the worker (#123)"), Some(123));
        assert_eq!(pull_request_of("Revert \"Fix (#12)\" (#13)"), Some(13));
        assert_eq!(pull_request_of("Merge pull request #77 from someone/branch"), Some(77));
        for other in
            ["Fix #12", "Fix (#12) again", "(#)", "(#0)", "Merge pull request #x", "(#99999999999999999999999)", ""]
        {
            assert_eq!(pull_request_of(other), None, "{other}");
        }
    }
}
