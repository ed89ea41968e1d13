//! Python tracebacks. They print the innermost frame last.
//!
//! ```text
//! Traceback (most recent call last):
//!   File "worker/process.py", line 41, in process
//!     return buffer[index]
//! IndexError: list index out of range
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r#"^\s*(?:(?:\([^()]*\)|\S+)\s+)?File "(?P<file>[^"]+)", line (?P<line>\d+)(?:,? in (?P<function>[^\s,]+))?,?\s*$"#,
);

static ERROR: Pattern = Pattern::new(
    r"^\s*(?:E\s+)?(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Failure)\b(?::|\s*$)|^\s*(?:[a-z_]+\.)+error: ",
);

/// `File "path", line N, in function`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let function = group(&found, "function").filter(|function| !function.starts_with('<'));
    Some(Frame::new(function, group(&found, "file"), group(&found, "line")))
}

/// `SomeError: what went wrong`.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
