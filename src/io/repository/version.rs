//! Which git this is, and whether it is new enough.

use super::git::Git;
use crate::failure::Failure;

/// The oldest git that can do what we need: `merge-tree --write-tree` and `cat-file` in a partial clone came with 2.38.
const OLDEST: (u32, u32) = (2, 38);

/// A configuration failure that names the version where git is missing or too old.
pub(super) fn check(git: &Git) -> Result<(), Failure> {
    let printed = git.output("tell its version", ["version"], None, 4096)?;
    let printed = String::from_utf8_lossy(&printed);
    match parse(&printed) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => Err(too_old(&printed)),
    }
}

fn too_old(printed: &str) -> Failure {
    let (major, minor) = OLDEST;
    Failure::configuration(
        format!("git {major}.{minor} or later is needed, and this machine has \"{}\"", printed.trim()),
        "Install a newer git, or use the action's own image, which brings one.",
    )
}

/// `git version 2.39.5`, with whatever a vendor appends.
fn parse(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.trim().strip_prefix("git version ")?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, parse, too_old};

    #[test]
    fn vendors_append_what_they_like() {
        assert_eq!(parse("git version 2.39.5\n"), Some((2, 39)));
        assert_eq!(parse("git version 2.39.3 (Apple Git-146)\n"), Some((2, 39)));
        assert_eq!(parse("git version 2.50.0.windows.1"), Some((2, 50)));
        assert_eq!(parse("git version 3.0-rc1"), Some((3, 0)));
        assert_eq!(parse("hub version 1"), None);
        assert!(Some((2, 37)) < Some(OLDEST) && Some((3, 0)) > Some(OLDEST));
    }

    #[test]
    fn an_old_git_is_named() {
        insta::assert_snapshot!(too_old("git version 2.30.2\n"), @r#"
        git 2.38 or later is needed, and this machine has "git version 2.30.2"
        Install a newer git, or use the action's own image, which brings one.
        "#);
    }
}
