//! One line of foreign text inside of our sentences.
//!
//! Four steps, in this order: the text becomes one visible line ([`one_line`]); secrets of known shape are taken out;
//! words that GitHub would turn into mentions, references and links get a zero width space
//! ([`defuse`]); what Markdown and HTML would read as markup is escaped ([`escape`]).

use crate::characters::{ZERO_WIDTH_SPACE, one_line, split_at_most};
use crate::redact::token_shapes;

use super::Markdown;

/// How much of a text is looked at in bytes, far more than is ever shown: a bound on the work for a text of megabytes.
const LONGEST_READ: usize = 64 * 1024;

/// A hexadecimal word of this length is linked to a commit, so that no run may reach it.
const SHORTEST_COMMIT_LINK: usize = 7;

/// What CommonMark and GitHub's extensions read as markup anywhere in a line.
const MARKUP: &str = r"\`*[]~|$^";

/// The foreign text as one harmless line of at most `limit` characters, cut with `…`.
///
/// It may stand anywhere in a paragraph, a heading, a list item, a table cell or a link's text.
pub fn inline(text: &str, limit: usize) -> Markdown {
    Markdown(escape(&defuse(&visible(text, limit))))
}

/// The text as one line without secrets of known shape: still foreign, but short and visible.
pub(super) fn visible(text: &str, limit: usize) -> String {
    let (read, _) = split_at_most(text, LONGEST_READ);
    // Invisible characters go first, so that they cannot hide a secret, and the cut comes last, so that it cannot
    // leave half of one.
    one_line(&token_shapes(&one_line(read, LONGEST_READ)), limit)
}

/// Puts zero width spaces where GitHub would find a mention, a reference to an issue or commit, an address or an emoji.
///
/// Zero width spaces rather than code spans, because a quoting mail reply loses code spans and keeps these.
pub(super) fn defuse(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut hex_run = 0;
    for (at, c) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        hex_run = if c.is_ascii_hexdigit() { hex_run + 1 } else { 0 };
        let splits_hex = hex_run == SHORTEST_COMMIT_LINK;
        if splits_hex || splits_address(&out, rest) {
            out.push(ZERO_WIDTH_SPACE);
        }
        if splits_hex {
            hex_run = 1;
        }
        out.push(c);
        let is_reference = c == '@' || c == '#' || (c == '-' && ends_with_ignoring_case(&out, "gh-"));
        if is_reference || opens_emoji(rest) {
            out.push(ZERO_WIDTH_SPACE);
        }
    }
    out
}

/// True before the `//` of `https://` (or at the start, since a colon may stand before it) and the dot of `www.`.
fn splits_address(written: &str, rest: &str) -> bool {
    let may_follow_scheme = written.is_empty() || written.ends_with(':');
    (may_follow_scheme && rest.starts_with("//")) || (rest.starts_with('.') && ends_with_ignoring_case(written, "www"))
}

/// True for a text that starts like `:tada:`. Of numbers only 100 and 1234 are pictures; others are times of a day.
fn opens_emoji(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(':') else { return false };
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-')));
    let Some((name, after)) = end.and_then(|end| rest.split_at_checked(end)) else { return false };
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    after.starts_with(':') && (!is_number || ["100", "1234"].contains(&name))
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let tail = text.len().checked_sub(end.len()).and_then(|at| text.get(at..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Escapes what CommonMark, GitHub's extensions and HTML would read as markup, and no more: a squash merge makes a commit
/// message of these texts, and mail shows them as they are.
///
/// `&` becomes an entity as well, so that `&#64;` cannot come back as `@` once the Markdown is rendered.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut chars = text.chars().peekable();
    let mut previous = None;
    let mut start = Start::Marks;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if MARKUP.contains(c) || start.gives_meaning_to(c) || neighbours_give_meaning_to(c, previous, next) => {
                out.extend(['\\', c]);
            }
            c => out.push(c),
        }
        start = start.after(c);
        previous = Some(c);
    }
    out
}

/// What a text began with so far. A line's first characters may make it a list, a heading, a rule or a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing, or nothing but punctuation.
    Marks,
    /// Nothing but digits.
    Digits,
    /// Words.
    Words,
}

impl Start {
    /// Whether `c` may mean something because of what it comes after.
    fn gives_meaning_to(self, c: char) -> bool {
        match self {
            Start::Marks => "-+=#(.):".contains(c),
            Start::Digits => ".)".contains(c),
            Start::Words => false,
        }
    }

    fn after(self, c: char) -> Start {
        match self {
            Start::Marks | Start::Digits if c.is_ascii_digit() => Start::Digits,
            Start::Marks if !c.is_alphanumeric() => Start::Marks,
            _ => Start::Words,
        }
    }
}

/// An underscore inside of a word emphasises nothing. An exclamation mark at the end makes an image of a link of ours.
fn neighbours_give_meaning_to(c: char, previous: Option<char>, next: Option<char>) -> bool {
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    match c {
        '_' => !(is_word(previous) && is_word(next)),
        '!' => next.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::oracle::{hostile_text, rendered_as_text, shape};
    use super::*;

    fn shown(text: &str) -> String {
        inline(text, 200).to_string().replace(ZERO_WIDTH_SPACE, "·")
    }

    #[test]
    fn each_rule_by_example() {
        let table: Vec<String> = [
            "worker.c:26 leaks 10 MB",
            "@octocat and team @org/team",
            "see #1, GH-2, o/r#3 and 0123456789abcdef",
            "fixes https://github.com/o/r/issues/1 or www.example.org",
            "&#64;octocat &commat;octocat <img src=x>",
            "[link](https://x) ![image](//x) `code` **bold** ~~gone~~ $x$",
            "1. list",
            "10:100:20 :tada: at 10:44:20",
            "2026-11-22 process_work() _x_ worker-deployment + 1 = 2!",
            "- + = # (a)",
            "a\u{202E}b\nc\u{200B}d",
        ]
        .iter()
        .map(|text| shown(text))
        .collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        worker.c:26 leaks 10 MB
        @·octocat and team @·org/team
        see #·1, GH-·2, o/r#·3 and 012345·6789ab·cdef
        fixes https:·//github.com/o/r/issues/1 or www·.example.org
        &amp;\#·64;octocat &amp;commat;octocat &lt;img src=x&gt;
        \[link\](https:·//x) !\[image\](//x) \`code\` \*\*bold\*\* \~\~gone\~\~ \$x\$
        1\. list
        10:·100:20 :·tada: at 10:44:20
        2026-11-22 process_work() \_x\_ worker-deployment + 1 = 2\!
        \- \+ \= \#· \(a)
        ab cd
        ");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(inline(&"x".repeat(5_000_000), 5).to_string(), "xxxx…");
    }

    #[test]
    fn a_token_is_gone_before_it_is_cut_or_escaped() {
        let token = format!("ghs_{}", "a1B2".repeat(10));
        assert_eq!(inline(&format!("key {token} leaked"), 8).to_string(), "key RED…");
        assert_eq!(inline(&token.replace("2a", "2\u{200B}a"), 99).to_string(), "REDACTED");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn nothing_but_the_text_itself_is_rendered(text in hostile_text()) {
            let expected = visible(&text, 200);
            let rendered = rendered_as_text(inline(&text, 200).as_str())?;
            prop_assert_eq!(rendered.replace(ZERO_WIDTH_SPACE, ""), expected);
        }

        #[test]
        fn a_piece_gives_no_other_shape_to_what_stands_around_it(text in hostile_text(), other in hostile_text()) {
            let piece = inline(&text, 100);
            if piece.is_empty() {
                return Ok(());
            }
            for (before, after) in [
                ("", ""), ("Words\n", "\n"), ("Words\n", "\nwords"), ("- ", ""), ("1. ", "\n2. x"), ("> ", ""), ("## ", ""),
                ("**", "**"), ("a `b` ", " `c`"), ("", "[x](https://example.org)"), ("| a |\n| --- |\n| ", " |"), ("(", ")"),
            ] {
                let around = |middle: &str| shape(&format!("{before}{middle}{after}"));
                prop_assert_eq!(around(piece.as_str()), around("x"), "{:?} between {:?} and {:?}", piece, before, after);
                let both = format!("{} {}", piece, inline(&other, 100));
                prop_assert_eq!(around(both.trim()), around("x"), "{:?} between {:?} and {:?}", both, before, after);
            }
        }

        #[test]
        fn two_pieces_side_by_side_are_as_safe(left in hostile_text(), right in hostile_text()) {
            let both = crate::markdown![inline(&left, 60), " ", inline(&right, 60)];
            rendered_as_text(both.as_str())?;
        }

        #[test]
        fn any_text_is_safe(text in any::<String>()) {
            rendered_as_text(inline(&text, 200).as_str())?;
        }
    }
}
