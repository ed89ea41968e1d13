//! Text written by others, made safe for GitHub.
//!
//! An incident's title, an alert's details, a commit message or a line of source may hold anything: a mention that
//! would page people, `#1` that would link a stranger's issue, an image that would tell a server who reads the report,
//! HTML, a table that never ends. Nothing of it may act. The types see to it:
//!
//! * [`Markdown`] is text that may be shown. It is made of fixed words of ours (`&'static str`), of numbers, and of what
//!   the functions in here make from foreign text: [`inline`], [`code_span`], [`code_block`], [`link`], [`mention`]. A
//!   `String` cannot become Markdown in any other way:
//!
//! ```compile_fail
//! # use pagerduty_incident_responder::{markdown, report::escape::Markdown};
//! let title = String::from("@everyone");
//! let report: Markdown = markdown!["Incident: ", title];
//! ```
//!
//! ```
//! use pagerduty_incident_responder::{markdown, report::escape::inline};
//! let title = String::from("@everyone");
//! let report = markdown!["Incident: ", inline(&title, 200), " at line ", 26_u32];
//! assert_eq!(report.to_string(), "Incident: @\u{200B}everyone at line 26");
//! ```
//!
//! * [`PullRequestTitle`] and [`CommitMessage`] are the texts that git and GitHub show without rendering them.
//!
//! How a character becomes harmless is told in the module `inline`. The tests ask comrak, a second implementation of
//! GitHub's Markdown, whether anything but the text itself is left.

use std::fmt;

mod blocks;
mod git_text;
mod inline;
mod links;
#[cfg(test)]
mod oracle;

pub use blocks::{Language, MOST_LINES, code_block, code_span, details, hidden_comment, table};
pub use git_text::{CommitMessage, PullRequestTitle};
pub use inline::inline;
pub use links::{Origins, link, mention};

/// The longest incident title that is shown, in characters.
pub const TITLE_LIMIT: usize = 200;

/// The longest name of a service, team or person that is shown, in characters.
pub const NAME_LIMIT: usize = 80;

/// Markdown that may be sent to GitHub: fixed words, and foreign text that was made harmless.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Markdown(String);

/// Joins fixed words, numbers and [`Markdown`] pieces: `markdown!["Line ", 26_u32, " of ", code_span(path)]`.
#[macro_export]
macro_rules! markdown {
    ($($piece:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "`markdown![]` has nothing to push")]
        let mut whole = $crate::report::escape::Markdown::default();
        $(whole.push($piece);)*
        whole
    }};
}

impl Markdown {
    /// Words of the program's own.
    pub fn fixed(words: &'static str) -> Markdown {
        Markdown(words.to_owned())
    }

    /// Adds a piece at the end. Blank lines that both sides bring for their safety are written once.
    pub fn push(&mut self, piece: impl Into<Markdown>) {
        let piece = piece.into().0;
        let ending = self.0.bytes().rev().take(2).take_while(|b| *b == b'\n').count();
        let leading = piece.bytes().take(2).take_while(|b| *b == b'\n').count();
        let doubled = leading.min((leading + ending).saturating_sub(2));
        self.0.push_str(piece.get(doubled..).unwrap_or_default());
    }

    /// The pieces with fixed words between them.
    pub fn join(pieces: impl IntoIterator<Item = Markdown>, separator: &'static str) -> Markdown {
        let mut whole = Markdown::default();
        for (index, piece) in pieces.into_iter().enumerate() {
            if index > 0 {
                whole.push(separator);
            }
            whole.push(piece);
        }
        whole
    }

    /// As many of the pieces, in order, as fit into `limit` UTF-16 units (GitHub's measure), then `omitted` if any had
    /// to be left out. A piece is never cut, so that no code fence is left open; a later, smaller piece may still fit.
    pub fn fitting(pieces: impl IntoIterator<Item = Markdown>, limit: usize, omitted: Markdown) -> Markdown {
        let mut whole = Markdown::default();
        let mut left = limit.saturating_sub(omitted.utf16_len());
        let mut is_complete = true;
        for piece in pieces {
            let length = piece.utf16_len();
            if length <= left {
                left -= length;
                whole.push(piece);
            } else {
                is_complete = false;
            }
        }
        if !is_complete {
            whole.push(omitted);
        }
        whole
    }

    /// Its length as GitHub counts it for the limit of 65,536 on a comment or a pull request's body.
    pub fn utf16_len(&self) -> usize {
        self.0.encode_utf16().count()
    }

    /// True where nothing would be shown, as for foreign text that held invisible characters only.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Markdown {
    fn from(words: &'static str) -> Markdown {
        Markdown::fixed(words)
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {
        $(impl From<$number> for Markdown {
            fn from(number: $number) -> Markdown {
                Markdown(number.to_string())
            }
        })*
    };
}

from_number!(u32, u64, usize, crate::model::ids::IncidentNumber);

impl FromIterator<Markdown> for Markdown {
    fn from_iter<I: IntoIterator<Item = Markdown>>(pieces: I) -> Markdown {
        Markdown::join(pieces, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_not_doubled() {
        let block = code_block("x", Language::Text, 5);
        let whole = markdown!["Before\n\n", block.clone(), block, "After"];
        insta::assert_snapshot!(whole, @r"
        Before

        ```text
        x
        ```

        ```text
        x
        ```

        After
        ");
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let pieces = || ["one ", "a rather long second ", "3"].map(Markdown::fixed);
        assert_eq!(Markdown::fitting(pieces(), 100, "(more)".into()).as_str(), "one a rather long second 3");
        assert_eq!(Markdown::fitting(pieces(), 12, "(more)".into()).as_str(), "one 3(more)");
    }
}
