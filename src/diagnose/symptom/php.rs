//! PHP errors and stack traces.
//!
//! ```text
//! PHP Fatal error:  Uncaught TypeError: bad in /app/src/Worker.php:41
//! #0 /app/src/Worker.php(27): Worker->process(NULL)
//! #1 {main}
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*#(?P<number>\d+) (?:(?P<file>[^\s()]+\.(?:php|inc|phtml|module)(?:\(\d+\) : eval\(\)'d code)?)\((?P<line>\d+)\): |\[internal function\]: )(?P<function>[\w\\]+(?:->|::)?[\w{}\\]*)",
);

static THROWN: Pattern = Pattern::new(
    r"(?:error|Warning|Notice|Deprecated|Exception).*? in (?P<file>(?:[A-Za-z]:)?[^\s:]+\.(?:php|inc|phtml|module))(?::| on line )(?P<line>\d+)",
);

/// `#0 file(line): Class->method()`, or the place in the message itself.
pub(super) fn frame(line: &str) -> Option<Frame> {
    if let Some(found) = THROWN.captures(line) {
        return Some(Frame::new(None, group(&found, "file"), group(&found, "line")));
    }
    let found = FRAME.captures(line)?;
    // The number is left out: the place where it was thrown stands before frame 0 and belongs to the same trace.
    Some(Frame::new(group(&found, "function"), group(&found, "file"), group(&found, "line")))
}

/// The message's own line, which may be a frame as well.
pub(super) fn is_error(line: &str) -> bool {
    line.contains("PHP Fatal error") || line.contains("PHP Parse error") || line.contains("Uncaught ")
}
