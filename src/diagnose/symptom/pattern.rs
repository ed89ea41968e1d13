//! A regular expression of our own, compiled at its first use.

use std::sync::OnceLock;

use regex::{Captures, Match, Regex};

/// A fixed pattern.
pub(in crate::diagnose) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// The pattern is part of the program: one that does not compile is caught by the first test that uses it.
    pub(in crate::diagnose) const fn new(text: &'static str) -> Pattern {
        Pattern { text, compiled: OnceLock::new() }
    }

    /// The first match with its groups.
    pub(in crate::diagnose) fn captures<'l>(&self, line: &'l str) -> Option<Captures<'l>> {
        self.regex().captures(line)
    }

    /// All matches with their groups.
    pub(in crate::diagnose) fn captures_all<'r, 'l>(
        &'r self,
        text: &'l str,
    ) -> impl Iterator<Item = Captures<'l>> + use<'r, 'l> {
        self.regex().captures_iter(text)
    }

    /// The first match.
    pub(in crate::diagnose) fn find<'l>(&self, line: &'l str) -> Option<Match<'l>> {
        self.regex().find(line)
    }

    /// Whether it matches anywhere.
    pub(in crate::diagnose) fn matches(&self, line: &str) -> bool {
        self.regex().is_match(line)
    }

    fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            Regex::new(self.text).expect("a fixed pattern, compiled by the tests of the format it belongs to")
        })
    }
}

/// The text of a group, where it took part in the match.
pub(in crate::diagnose) fn group<'l>(captures: &Captures<'l>, name: &str) -> Option<&'l str> {
    captures.name(name).map(|found| found.as_str())
}
