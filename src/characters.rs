//! Characters that hide: which ones a reader cannot see, which ones reorder what is seen, and where a line ends.
//!
//! Titles, alert details, commit messages and log lines are written by others. Before such text is searched for
//! anything dangerous, what is invisible has to go, or `:<U+200B>:` passes a search for `::` and still acts as one.
//! Every other module that makes text safe ([`crate::report::escape`], [`crate::redact`] and the log) starts here.

use unicode_normalization::UnicodeNormalization;

/// U+200B, the zero width space: put inside of words that GitHub would otherwise turn into mentions and links.
pub const ZERO_WIDTH_SPACE: char = '\u{200B}';

/// What stands at the end of text that was cut.
pub const ELLIPSIS: char = '…';

/// True for a character that reorders the text around it (Unicode's `Bidi_Control`).
///
/// With these a reviewer sees other code than the compiler does, which is why code blocks name them.
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// True for a character that ends a line for one reader or another: LF, VT, FF, CR, NEL, LS and PS.
pub fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\u{0B}' | '\u{0C}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// True for a character that shows nothing: controls, bidi controls, zero width and default-ignorable characters.
///
/// White space is visible in this sense (it separates words), so tabs and line breaks are not meant.
pub fn is_invisible(c: char) -> bool {
    if c.is_whitespace() {
        return false;
    }
    c.is_control() || is_default_ignorable(c)
}

/// Unicode's `Default_Ignorable_Code_Point`, which includes the bidi controls, with the interlinear annotation marks
/// (U+FFF9 to U+FFFB) beside them.
fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The text as one visible line: NFC, nothing invisible, every run of white space one space, trimmed, at most `limit`
/// characters (Unicode scalar values) of which the last is `…` where something was cut.
///
/// Reads no more of the text than it needs, so that five megabytes cost what two hundred characters cost.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = Vec::new();
    let mut pending_space = false;
    // Composing can only meet characters that the first filter let through, and it makes none of those it drops.
    for c in text.chars().filter(|c| !is_invisible(*c)).nfc() {
        if c.is_whitespace() {
            pending_space = !line.is_empty();
            continue;
        }
        if pending_space {
            line.push(' ');
            pending_space = false;
        }
        line.push(c);
        if line.len() > limit {
            return cut(&line, limit);
        }
    }
    line.into_iter().collect()
}

/// The first `limit - 1` characters with an ellipsis, without a space before it.
fn cut(line: &[char], limit: usize) -> String {
    let Some(kept) = limit.checked_sub(1) else { return String::new() };
    let kept: String = line.iter().take(kept).collect();
    format!("{}{ELLIPSIS}", kept.trim_end())
}

/// The text up to at most `most` bytes, and the rest; never cuts a character in two.
pub fn split_at_most(text: &str, most: usize) -> (&str, &str) {
    let at = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.split_at(at)
}

/// The lines of a text, whoever's idea of a line break is meant: `\r\n` counts as one, the others each for themselves.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((at, c)) = text.char_indices().find(|(_, c)| is_line_break(*c)) else {
            rest = None;
            return (!text.is_empty()).then_some(text);
        };
        let line = text.get(..at)?;
        let after = text.get(at + c.len_utf8()..)?;
        rest = Some(if c == '\r' { after.strip_prefix('\n').unwrap_or(after) } else { after });
        Some(line)
    })
}

/// The text without the escape sequences that colour a terminal (`ESC [ … letter`, `ESC ] … BEL`, `ESC` and one more).
///
/// Without this a coloured log line would keep the visible halves, `[31m`, once the escape character is dropped.
pub fn without_terminal_sequences(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\u{1B}', Some('[')) => {
                chars.next();
                skip_control_sequence(&mut chars);
            }
            ('\u{1B}', Some(']')) => {
                while chars.next_if(|c| *c != '\u{07}' && *c != '\u{1B}' && !is_line_break(*c)).is_some() {}
                chars.next_if_eq(&'\u{07}');
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// Eats the parameters and the final letter of a control sequence (ECMA-48: 0x20 to 0x3F, then 0x40 to 0x7E).
fn skip_control_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_composed_visible_and_trimmed() {
        assert_eq!(one_line(" e\u{301}\u{200B}t\u{85}e\u{2028}\t x\u{0} \n", 100), "ét e x");
    }

    #[test]
    fn hidden_characters_do_not_keep_letters_from_composing() {
        assert_eq!(one_line("e\u{200D}\u{301}", 10), "é");
    }

    #[test]
    fn what_reorders_is_also_invisible() {
        let bidi: Vec<char> = ('\0'..=char::MAX).filter(|c| is_bidi_control(*c)).collect();
        assert_eq!(bidi.len(), 12);
        assert!(bidi.iter().all(|c| is_invisible(*c)));
    }

    #[test]
    fn a_cut_line_ends_in_an_ellipsis_within_the_limit() {
        assert_eq!(one_line("four of five", 8), "four of…");
        assert_eq!(one_line("four of five", 12), "four of five");
        assert_eq!(one_line("four", 1), "…");
        assert_eq!(one_line("four", 0), "");
    }

    #[test]
    fn a_split_keeps_characters_whole() {
        assert_eq!(split_at_most("aé", 2), ("a", "é"));
        assert_eq!(split_at_most("aé", 3), ("aé", ""));
        assert_eq!(split_at_most("", 3), ("", ""));
    }

    #[test]
    fn every_kind_of_line_break_ends_a_line() {
        let all = "a\r\nb\rc\nd\u{0B}e\u{0C}f\u{85}g\u{2028}h\u{2029}\n";
        assert_eq!(lines(all).collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f", "g", "h", ""]);
        assert_eq!(lines("").count(), 0);
    }

    #[test]
    fn colours_leave_nothing_behind() {
        assert_eq!(without_terminal_sequences("\u{1B}[1;31mred\u{1B}[0m \u{1B}]0;title\u{07}plain"), "red plain");
        assert_eq!(without_terminal_sequences("cut \u{1B}["), "cut ");
    }

    proptest! {
        #[test]
        fn one_line_settles_at_once(text in any::<String>(), limit in 0usize..40) {
            let once = one_line(&text, limit);
            prop_assert!(once.chars().count() <= limit);
            prop_assert!(!once.chars().any(|c| is_invisible(c) || is_line_break(c)));
            prop_assert_eq!(one_line(&once, limit), once);
        }

        #[test]
        fn lines_lose_nothing_but_their_ends(text in any::<String>()) {
            let kept: String = lines(&text).collect();
            let expected: String = text.chars().filter(|c| !is_line_break(*c)).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
