//! Lines as their program printed them: without the marks of mails and logs, and with wrapped frames joined.

use super::pattern::Pattern;

/// Quoting of mails, valgrind's and sanitizers' process number, a journal's front, the kernel's clock and thread.
static MARKS: Pattern = Pattern::new(
    r"^(?:\s*(?:>|\|)\s?)*(?:\s*==\d+==\s?|\*\*\d+\*\*\s?)?(?:(?:\S+ +){3,5}kernel: )?(?:(?:<\d>\s?)?\[\s*\d+\.\d{3,9}\](?:\[\s*[TC]\d+\])?\s?)?",
);

/// A frame that begins with its number or address and may go on in the next line.
static BEGINS_FRAME: Pattern = Pattern::new(
    r"^\s*(?:#\d+|\d+:?|\[ref\])\s+\S|^\s*(?:at|by) 0x[0-9A-Fa-f]+:|^\s*inlined from|^[\w./*()\[\]{}·-]+\(.*\)$|^created by \S",
);

/// The place of a frame that was printed in the line before.
static ONLY_PLACE: Pattern =
    Pattern::new(r"^\s*(?:at\s+)?[^\s():]*[\w\]]\.\w{1,6}:\d+(?::\d+)?,?(?:\s\+0x[0-9a-f]+)?$|^\s+\([\w/.+-]+:\d+\)$");

/// A place that is there already, so that the frame is complete.
static HAS_PLACE: Pattern = Pattern::new(r"\.\w{1,6}:\d+\)?(?::\d+)?\)?$");

/// The text's lines, unquoted and unwrapped.
pub(super) fn unwrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = without_marks(line.trim_end().trim_end_matches("<br>"));
        let joins = ONLY_PLACE.matches(line)
            && lines.last().is_some_and(|last| BEGINS_FRAME.matches(last) && !HAS_PLACE.matches(last));
        match lines.last_mut() {
            Some(last) if joins => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// The line without the marks at its front. Indentation after them is kept.
fn without_marks(line: &str) -> &str {
    match MARKS.find(line) {
        Some(found) if found.end() > 0 => line.get(found.end()..).unwrap_or(line),
        _ => line,
    }
}
