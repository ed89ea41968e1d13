//! Stacks of JavaScript engines: V8's `at`, and the `@` of the others.
//!
//! ```text
//! TypeError: Cannot read properties of undefined (reading 'length')
//!     at process (/app/src/worker.js:41:13)
//!     at async Promise.all (index 0)
//! controller@https://example.com/app.js:27:5
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static V8: Pattern = Pattern::new(
    r"^\s*at (?P<function>(?:async |new )?[^()]+?) \((?:file://|webpack://)?(?P<file>[^()]+?):(?P<line>\d+):\d+\)\s*$",
);

/// A frame without a function.
static V8_PLACE: Pattern =
    Pattern::new(r"^\s*at (?:async )?(?:file://|webpack://)?(?P<file>[^\s()]+?):(?P<line>\d+):\d+\s*$");

static OTHERS: Pattern = Pattern::new(
    r"^\s*(?P<function>[\w$.<>/]*)@(?P<file>[^\s@]+?\.(?:[cm]?[jt]sx?|html|vue)\S*?):(?P<line>\d+)(?::\d+)?\s*$",
);

static ERROR: Pattern = Pattern::new(
    r"^\s*(?:Uncaught )?(?:\(in promise\) )?(?:Type|Reference|Syntax|Range|Assertion|Eval|URI)?Error(?: \[\w+\])?: ",
);

/// `at function (file:line:column)` or `function@file:line:column`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = V8.captures(line).or_else(|| V8_PLACE.captures(line)).or_else(|| OTHERS.captures(line))?;
    let function = found
        .name("function")
        .map(|name| name.as_str())
        .map(|name| name.trim_start_matches("async ").trim_start_matches("new "));
    let function = function.and_then(|name| name.split(" [as ").next()).filter(|name| !name.starts_with('<'));
    Some(Frame::new(function, group(&found, "file"), group(&found, "line")))
}

/// The error's own line.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
