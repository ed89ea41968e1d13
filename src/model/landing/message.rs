//! What a commit message says about its pull request.

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

/// A positive number of plain digits that fits.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok().filter(|n| *n > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::pull_request_of;

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
