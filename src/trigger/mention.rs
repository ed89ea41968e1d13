//! The grammar of a command in a comment.
//!
//! ```text
//! line    = up to 3 spaces, "@pagerduty-incident-responder", blank, command
//! command = ( "analyze" | "rollback" ) blank "incident" blank reference
//! reference = [ "#" ] number | PagerDuty id | address of an incident in PagerDuty
//! ```
//!
//! Words are compared without regard to ASCII case. A command must begin its line and stand outside of code,
//! quotes, HTML and links, so that a quoted or documented command never runs. The first command wins.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};
use url::{Host, Url};

use crate::model::ids::IncidentReference;
use crate::model::trigger::Command;

/// The words that wake us. Nothing that the program writes may contain them.
pub const MENTION: &str = "@pagerduty-incident-responder";

/// At most this many characters of a comment are read: GitHub's own limit for a body.
pub const BODY_LIMIT: usize = 65_536;

/// A command that is about an incident, by its first word.
type Verb = (&'static str, fn(IncidentReference) -> Command);

const VERBS: [Verb; 2] = [("analyze", Command::Analyze), ("rollback", Command::Rollback)];

/// The first command in a comment, [`Command::Help`] where there is a mention with other words, else `None`.
pub fn find(body: &str) -> Option<Command> {
    let body = clip(body, BODY_LIMIT);
    if !contains_ignoring_case(body, MENTION) {
        return None;
    }
    let quoted = ranges_without_commands(body);
    let mut help = None;
    for (start, line) in lines(body) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let Some(rest) = (indent <= 3).then(|| strip_mention(&line[indent..])).flatten() else { continue };
        let place = start + indent..start + line.len() - rest.len();
        if quoted.iter().any(|range| range.start < place.end && place.start < range.end) {
            continue;
        }
        match command(rest) {
            Some(found) => return Some(found),
            None => help = Some(Command::Help),
        }
    }
    help
}

/// The first `limit` characters.
fn clip(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(at, _)| &text[..at])
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Every line with the offset of its first byte.
fn lines(body: &str) -> impl Iterator<Item = (usize, &str)> {
    body.split_inclusive('\n').scan(0, |offset, line| {
        let start = *offset;
        *offset += line.len();
        Some((start, line.trim_end_matches(['\r', '\n'])))
    })
}

/// What follows the mention, where the line begins with it and the name ends there.
fn strip_mention(line: &str) -> Option<&str> {
    let (head, rest) = line.split_at_checked(MENTION.len())?;
    let ends_there = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_/".contains(c));
    (head.eq_ignore_ascii_case(MENTION) && ends_there).then_some(rest)
}

fn command(rest: &str) -> Option<Command> {
    if !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut words = rest.split_ascii_whitespace();
    let is = |word: Option<&str>, expected: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(expected));
    let verb = words.next()?;
    let command = VERBS.iter().find(|(word, _)| verb.eq_ignore_ascii_case(word)).map(|(_, command)| command)?;
    if !is(words.next(), "incident") {
        return None;
    }
    reference(words.next()?).map(command)
}

/// A number, an id or the address of an incident; a full stop or comma after it belongs to the sentence.
fn reference(word: &str) -> Option<IncidentReference> {
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    word.parse().ok().or_else(|| from_address(word))
}

/// `https://ACCOUNT.pagerduty.com/incidents/ID`, also of the European region.
fn from_address(word: &str) -> Option<IncidentReference> {
    let address = Url::parse(word).ok().filter(|address| address.scheme() == "https")?;
    let Some(Host::Domain(host)) = address.host() else { return None };
    let mut segments = address.path_segments()?;
    let is_incident = host.ends_with(".pagerduty.com") && segments.next() == Some("incidents");
    is_incident.then(|| segments.next()).flatten()?.parse().ok()
}

/// Where Markdown says that the text is code, a quote, HTML or a link.
fn ranges_without_commands(body: &str) -> Vec<Range<usize>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(body, options)
        .into_offset_iter()
        .filter(|(event, _)| {
            matches!(
                event,
                Event::Start(
                    Tag::CodeBlock(_)
                        | Tag::BlockQuote(_)
                        | Tag::HtmlBlock
                        | Tag::Link { .. }
                        | Tag::Image { .. }
                        | Tag::Table(_)
                ) | Event::Code(_)
                    | Event::Html(_)
                    | Event::InlineHtml(_)
            )
        })
        .map(|(_, range)| range)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn analyze(reference: &str) -> Option<Command> {
        Some(Command::Analyze(reference.parse().expect("a reference")))
    }

    #[test]
    fn commands_are_found() {
        for (body, reference) in [
            ("@pagerduty-incident-responder analyze incident #12345", "12345"),
            ("@PagerDuty-Incident-Responder ANALYZE Incident 12345", "12345"),
            ("   @pagerduty-incident-responder\tanalyze  incident Q2ISKGUCZ3ZJ4K", "Q2ISKGUCZ3ZJ4K"),
            ("Please look.\r\n@pagerduty-incident-responder analyze incident #7, thanks", "7"),
            (
                "@pagerduty-incident-responder analyze incident https://acme.pagerduty.com/incidents/Q2ISKGUCZ3ZJ4K",
                "Q2ISKGUCZ3ZJ4K",
            ),
            (
                "@pagerduty-incident-responder analyze incident https://acme.eu.pagerduty.com/incidents/Q2ISKGUCZ3ZJ4K.",
                "Q2ISKGUCZ3ZJ4K",
            ),
            ("@pagerduty-incident-responder hello\n@pagerduty-incident-responder analyze incident 1", "1"),
            ("@pagerduty-incident-responder analyze incident 1\n@pagerduty-incident-responder analyze incident 2", "1"),
        ] {
            assert_eq!(find(body), analyze(reference), "{body}");
        }
    }

    #[test]
    fn a_rollback_is_asked_for_in_the_same_way() {
        let found = find("@pagerduty-incident-responder Rollback incident #12345.");
        assert_eq!(found, Some(Command::Rollback("12345".parse().expect("a number"))));
        assert_eq!(find("> @pagerduty-incident-responder rollback incident 5"), None);
    }

    #[test]
    fn other_words_ask_for_help() {
        for body in [
            "@pagerduty-incident-responder rollback",
            "@pagerduty-incident-responder roll back incident 5",
            "@pagerduty-incident-responder rollback commit 5",
            "@pagerduty-incident-responder",
            "@pagerduty-incident-responder help",
            "@pagerduty-incident-responder analyze incident",
            "@pagerduty-incident-responder analyze incident #0",
            "@pagerduty-incident-responder analyze incident 1234567890",
            "@pagerduty-incident-responder: analyze incident 5",
            "@pagerduty-incident-responder analyze incident https://acme.example.com/incidents/Q2ISKGUCZ3ZJ4K",
            "@pagerduty-incident-responder analyze incident http://acme.pagerduty.com/incidents/Q2ISKGUCZ3ZJ4K",
        ] {
            assert_eq!(find(body), Some(Command::Help), "{body}");
        }
    }

    #[test]
    fn quoted_and_foreign_mentions_are_no_commands() {
        for body in [
            "",
            "please ask @pagerduty-incident-responder analyze incident 5",
            "> @pagerduty-incident-responder analyze incident 5",
            "> quoted\n@pagerduty-incident-responder analyze incident 5",
            "```\n@pagerduty-incident-responder analyze incident 5\n```",
            "    @pagerduty-incident-responder analyze incident 5",
            "`@pagerduty-incident-responder analyze incident 5`",
            "`a\n@pagerduty-incident-responder analyze incident 5 b`",
            "<div>\n@pagerduty-incident-responder analyze incident 5\n</div>",
            "<!--\n@pagerduty-incident-responder analyze incident 5\n-->",
            "[a\n@pagerduty-incident-responder analyze incident 5](https://example.com)",
            "@pagerduty-incident-responder-two analyze incident 5",
            "@pagerduty-incident-responder/team analyze incident 5",
            "@pagerduty-incident-responderanalyze incident 5",
        ] {
            assert_eq!(find(body), None, "{body}");
        }
    }

    #[test]
    fn a_huge_comment_is_read_up_to_the_limit() {
        let command = "@pagerduty-incident-responder analyze incident 5";
        let mut late = "é\n".repeat(BODY_LIMIT);
        late.push_str(command);
        assert_eq!(find(&late), None);
        let early = format!("{command}\n{}", "x".repeat(5_000_000));
        assert_eq!(find(&early), analyze("5"));
    }

    proptest! {
        #[test]
        fn no_text_panics(body in ".{0,40}(@pagerduty-incident-responder)?.{0,40}\\PC{0,40}") {
            let _ = find(&body);
        }
    }
}
