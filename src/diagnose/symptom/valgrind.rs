//! Valgrind's tools: memcheck, helgrind and others.
//!
//! ```text
//! ==7== Invalid read of size 8
//! ==7==    at 0x4214AD: open_cfm (a2dp.c:730)
//! ==7==    by 0x4E79D12: g_main_context_dispatch (in /usr/lib/libglib-2.0.so.0)
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?P<position>at|by) 0x[0-9A-Fa-f]+: (?P<function>\S.*?)(?: \((?:(?P<file>[^():]+):(?P<line>\d+)|(?:with)?in (?P<module>[^()]*)|in)\))?\s*$",
);

static ERROR: Pattern = Pattern::new(
    r"^\s*(?:Invalid (?:read|write|free)|Conditional jump or move depends|Use of uninitialised value|Syscall param .* uninitialised|Mismatched free)|(?:definitely|indirectly|possibly) lost in loss record",
);

/// `at 0x…: function (file:line)`; the word `at` begins a stack.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let mut frame = Frame::new(
        group(&found, "function").filter(|name| *name != "???"),
        group(&found, "file"),
        group(&found, "line"),
    );
    frame.number = (group(&found, "position") == Some("at")).then_some(0);
    Some(frame)
}

/// The first line of a report.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
