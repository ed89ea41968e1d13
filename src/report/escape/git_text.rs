//! Titles and commit messages: texts that git and GitHub show without rendering, but still search.
//!
//! GitHub closes issues, notifies people and skips checks because of words in a commit message, and a squash merge makes
//! a commit message of a pull request's title. So foreign text is defused here too.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use crate::characters::lines;
use crate::model::ids::{CommitSha, IncidentReference};

use super::inline::{defuse, visible};

/// GitHub's limit on a pull request's title, in characters.
const LONGEST_TITLE: usize = 256;

/// What git's own tools show of a subject without cutting it, in characters.
const LONGEST_SUBJECT: usize = 72;

/// The longest line of a commit's body, in characters.
const LONGEST_BODY_LINE: usize = 200;

/// The most lines of a commit's body.
const MOST_BODY_LINES: usize = 60;

/// The title of a pull request: `[Incident #12345] Fix memory leak in worker controller`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestTitle(String);

impl PullRequestTitle {
    /// The title for an incident. `what` is made of fixed words and names from the code; the latter are foreign.
    ///
    /// The number after `#` is the incident's, and GitHub does not link references in titles.
    pub fn new(incident: &IncidentReference, what: &str) -> PullRequestTitle {
        let prefix = match incident {
            IncidentReference::Number(number) => format!("[Incident #{number}] "),
            IncidentReference::Id(id) => format!("[Incident {}] ", harmless_line(id.as_str(), 20)),
        };
        let left = LONGEST_TITLE.saturating_sub(prefix.chars().count());
        PullRequestTitle(format!("{prefix}{}", harmless_line(what, left)))
    }

    /// The text as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PullRequestTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit message of ours: a subject without `#`, and a body that closes nothing, skips nothing and signs for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMessage {
    subject: String,
    body: String,
}

impl CommitMessage {
    /// Cleans both parts. `#` goes from the subject altogether: it would cross-link an issue of the same number.
    pub fn new(subject: &str, body: &str) -> CommitMessage {
        let subject = harmless_line(&subject.replace('#', ""), LONGEST_SUBJECT);
        let body: Vec<String> = lines(body)
            .take(MOST_BODY_LINES)
            .map(|line| harmless_line(line, LONGEST_BODY_LINE))
            .filter(|line| !TRAILER.is_match(line))
            .collect();
        CommitMessage { subject, body: body.join("\n").trim().to_owned() }
    }

    /// The same with git's own sentence for a commit that takes another one back. The id is hexadecimal digits and nothing else;
    /// other tools, and this one, find a revert by it.
    pub fn reverting(self, commit: &CommitSha) -> CommitMessage {
        let digits: String = commit.as_str().chars().filter(char::is_ascii_hexdigit).collect();
        let body = format!("{}\n\nThis reverts commit {digits}.", self.body);
        CommitMessage { body: body.trim().to_owned(), ..self }
    }

    /// The first line (GitHub's `headline`).
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What follows the blank line; may be empty.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl fmt::Display for CommitMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if self.body.is_empty() { Ok(()) } else { write!(f, "\n\n{}", self.body) }
    }
}

/// One line without secrets, marks that skip checks, and live references.
fn harmless_line(text: &str, limit: usize) -> String {
    let mut line = visible(text, limit);
    // Taking one mark out may join the halves of another: `[skip [skip ci]ci]`. Each round makes the line shorter.
    while let Some(found) = SKIP_MARK.find(&line) {
        line.replace_range(found.range(), "");
    }
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    // With a zero width space behind each `#`, no "fixes #1" and no "closes o/r#1" is left, and none by address either.
    defuse(&line)
}

/// GitHub's marks, after <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs>.
static SKIP_MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\[\s*(?:(?:skip|no)\s+ci|ci\s+skip|skip\s+actions|actions\s+skip)\s*\]|skip-checks\s*:\s*true")
        .expect("the pattern is a constant that every test of this module compiles")
});

/// Lines that would say in another's name who wrote, signed or checked the change.
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?:[a-z]+-)*(?:by|with)\s*:|^\s*skip-checks\s*:|^\s*on-behalf-of\s*:")
        .expect("the pattern is a constant that every test of this module compiles")
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::oracle::hostile_text;
    use super::*;
    use crate::model::ids::IncidentNumber;

    fn number() -> IncidentReference {
        IncidentReference::Number(IncidentNumber::new(12345).expect("a valid number"))
    }

    #[test]
    fn a_title_reads_as_expected() {
        let title = PullRequestTitle::new(&number(), "Fix memory leak in worker controller");
        assert_eq!(title.as_str(), "[Incident #12345] Fix memory leak in worker controller");
        let id = "Q2ISKGUCZ3ZJ4K".parse().expect("a valid id");
        assert_eq!(PullRequestTitle::new(&id, "Roll back").as_str(), "[Incident Q2ISKGUCZ3ZJ4K] Roll back");
    }

    #[test]
    fn a_title_stays_within_the_limit() {
        let title = PullRequestTitle::new(&number(), &"word ".repeat(100));
        assert_eq!(title.as_str().chars().count(), LONGEST_TITLE);
    }

    #[test]
    fn a_commit_message_closes_skips_and_signs_nothing() {
        let message = CommitMessage::new(
            "Free buffer in controller (incident #12345) [skip [skip ci]ci]",
            "Fixes #7 and closes o/r#8, resolves https://github.com/o/r/issues/9.\n\
             Co-authored-by: octocat <o@example.org>\n\
             SKIP-CHECKS: true\n\
             skip-checks:true\n\
             Reported by @octocat",
        );
        let shown = message.to_string().replace('\u{200B}', "·");
        insta::assert_snapshot!(shown, @r"
        Free buffer in controller (incident 12345)

        Fixes #·7 and closes o/r#·8, resolves https:·//github.com/o/r/issues/9.


        Reported by @·octocat
        ");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn no_message_acts(subject in hostile_text(), body in hostile_text()) {
            static ACTS: LazyLock<Regex> = LazyLock::new(|| {
                Regex::new(
                    r"(?im)\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|skip-checks:\s*true|#\d|\bgh-\d|@\w|://",
                )
                .expect("a valid pattern")
            });
            let message = CommitMessage::new(&subject, &body);
            prop_assert!(!ACTS.is_match(&message.to_string()), "{}", message);
            prop_assert!(!message.subject().contains(['#', '\n']));
            prop_assert!(!message.body().lines().any(|line| line.to_lowercase().starts_with("signed-off-by:")));
            let title = PullRequestTitle::new(&number(), &subject).to_string();
            let rest = title.strip_prefix("[Incident #12345]").unwrap_or_default();
            prop_assert!(!ACTS.is_match(rest), "{}", title);
            prop_assert!(!title.contains('\n'));
        }
    }
}
