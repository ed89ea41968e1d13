//! Go panics, fatal errors and goroutine dumps.
//!
//! ```text
//! panic: runtime error: index out of range [5] with length 3
//! goroutine 1 [running]:
//! main.(*Worker).process(0xc000010000, 0x5)
//!     /app/worker/process.go:41 +0x1d
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^(?:created by )?(?P<function>[\w./*()\[\]{}·%~-]+?)(?:\([^()]*(?:\{[^}]*\})?[^()]*\))?(?: in goroutine \d+)?\s+(?P<file>\S+\.(?:go|s)):(?P<line>\d+)(?: \+0x[0-9a-f]+)?\s*$",
);

static ERROR: Pattern = Pattern::new(
    r"^\s*(?:panic: |fatal error: |runtime: goroutine stack exceeds|unexpected fault address|WARNING: DATA RACE)|\[recovered\]\s*$",
);

/// `package.function(arguments)`, joined with the line that says where.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let function = group(&found, "function")?;
    // A compiler's complaint begins with a file; a frame has a package before its function.
    if !function.contains('.') || function.ends_with(".go") {
        return None;
    }
    Some(Frame::new(Some(function), group(&found, "file"), group(&found, "line")))
}

/// The line of the panic.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
