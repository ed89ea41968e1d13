//! AddressSanitizer, LeakSanitizer, ThreadSanitizer, UndefinedBehaviorSanitizer.
//!
//! ```text
//! ==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010
//!     #1 0x4f8e2c in process_work src/worker.c:41:9
//!     #2 0x7f2b in start (/usr/lib/libfoo.so.1+0xefba8)
//! src/worker.c:12:5: runtime error: signed integer overflow
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?:#(?P<number>\d+)|\[ref\])\s+(?:0x[0-9a-fA-F]+\s+)?(?:in\s+)?(?P<function>\S.*?)\s+(?:\((?P<module>[^()\s]*\+0x[0-9a-f]+)\)(?:\s+\(BuildId: \w+\))?|(?P<file>(?:[A-Za-z]:)?[^\s():]+\.\w+):(?P<line>\d+)(?::\d+)?)\s*$",
);

static ERROR: Pattern = Pattern::new(
    r"\b(?:ERROR|WARNING|SUMMARY): (?:Address|Leak|Thread|Memory|UndefinedBehavior|HWAddress)Sanitizer|: runtime error: |^\s*(?:Direct|Indirect) leak of \d+ byte",
);

/// `#1 0x4f8e2c in function file:line:column` or `… (module+0x…)`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    // A debugger prints arguments and the word `at`.
    if line.contains(") at ") {
        return None;
    }
    Some(
        Frame::new(group(&found, "function"), group(&found, "file"), group(&found, "line"))
            .numbered(group(&found, "number")),
    )
}

/// The first line of a report, and the runtime errors of the undefined behaviour sanitizer.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
