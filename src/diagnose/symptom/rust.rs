//! Rust panics with their backtraces.
//!
//! ```text
//! thread 'main' panicked at src/main.rs:4:10:
//! called `Option::unwrap()` on a `None` value
//!    4: worker::process
//!              at ./src/main.rs:4:10
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?P<number>\d+):\s+(?:0x[0-9a-f]+ - )?(?P<function>[\w<_$][\w:<>{}#&*$, \[\]()'-]*?)(?:\s+at (?P<file>\S+?):(?P<line>\d+)(?::\d+)?)?\s*$",
);

static PANIC: Pattern = Pattern::new(r"\bpanicked at (?:'.*', )?(?P<file>[^\s':]+\.rs):(?P<line>\d+):\d+:?\s*$");

/// `4: path::function`, joined with the line that says where; or the line of the panic itself.
pub(super) fn frame(line: &str) -> Option<Frame> {
    if let Some(found) = PANIC.captures(line) {
        let mut frame = Frame::new(None, group(&found, "file"), group(&found, "line"));
        frame.number = Some(0);
        return Some(frame);
    }
    let found = FRAME.captures(line)?;
    let has_path = group(&found, "function").is_some_and(|function| function.contains("::"));
    if !has_path && group(&found, "file").is_none() {
        return None;
    }
    // The number is left out: the panic's own line stands before frame 0 and belongs to the same trace.
    Some(Frame::new(group(&found, "function"), group(&found, "file"), group(&found, "line")))
}

/// The line of the panic.
pub(super) fn is_error(line: &str) -> bool {
    line.contains("' panicked at ") || line.starts_with("fatal runtime error: ")
}
