//! Foreign text as lines that no runner obeys and no terminal acts on.

use crate::characters::{ELLIPSIS, is_invisible, lines, split_at_most, without_terminal_sequences};
use crate::redact::Redactor;

/// The longest line of the log, in bytes.
const LONGEST_LINE: usize = 4_000;

/// The most lines of one message.
const MOST_LINES: usize = 500;

/// How much of a message is looked at, in bytes.
const LONGEST_READ: usize = 1024 * 1024;

/// The lines of a text, at least one, without secrets, invisible characters and live workflow commands.
///
/// Invisible characters go first: the runner compares without regard to them, so that `:\u{AD}:` would count as `::`.
pub(super) fn harmless(text: &str, redactor: &Redactor) -> Vec<String> {
    let (read, unread) = split_at_most(text, LONGEST_READ);
    let visible: Vec<String> = lines(&without_terminal_sequences(read)).map(visible_line).collect();
    let redacted = redactor.redact(&visible.join("\n")).into_owned();
    let mut harmless: Vec<String> = redacted.split('\n').take(MOST_LINES).map(harmless_line).collect();
    if redacted.split('\n').nth(MOST_LINES).is_some() || !unread.is_empty() {
        harmless.push(ELLIPSIS.to_string());
    }
    harmless
}

fn visible_line(line: &str) -> String {
    line.chars().filter(|c| !is_invisible(*c)).collect::<String>().trim_end().to_owned()
}

/// `::` may not come first and `##[` not at all; both stay readable.
fn harmless_line(line: &str) -> String {
    let (line, cut) = split_at_most(line, LONGEST_LINE);
    let mut harmless = line.replace("##[", "##\\[");
    let indent = harmless.len() - harmless.trim_start().len();
    if harmless.get(indent..).is_some_and(|text| text.starts_with("::")) {
        harmless.insert(indent, '\\');
    }
    if !cut.is_empty() {
        harmless.push(ELLIPSIS);
    }
    harmless
}

/// JSON that means the same and holds no marker: both can stand in strings only, where a character may be written by
/// its number. A line of JSON never begins with a colon, so that `::` needs nothing.
pub(super) fn harmless_json(json: &str) -> String {
    let json = json.replace("##[", "#\\u0023[");
    // Unlike a line feed, these may stand unescaped in a string, and something may take them for the end of a line.
    let json = json.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    json.chars().fold(String::with_capacity(json.len()), |mut out, c| {
        if is_invisible(c) {
            out.push_str(&escape_units(c))
        } else {
            out.push(c)
        }
        out
    })
}

fn escape_units(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// The data of a workflow command on one line, as the runner undoes it.
pub(super) fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command, where commas and colons mean something as well.
pub(super) fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
