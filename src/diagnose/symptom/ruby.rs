//! Ruby backtraces.
//!
//! ```text
//! app/worker.rb:41:in `process': undefined method `size' for nil:NilClass (NoMethodError)
//!     from app/worker.rb:27:in 'Worker#controller'
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?:\d+: )?(?P<from>from )?(?P<file>(?:[A-Za-z]:)?[^\s:]+):(?P<line>\d+):in [`'](?P<function>[^'`]+)'",
);

/// Endings of Ruby's files. Programs have none.
const ENDINGS: [&str; 5] = [".rb", ".rake", ".erb", ".ru", ".gemspec"];

/// Where in the method: `block (2 levels) in`.
static INSIDE: Pattern = Pattern::new(r"^(?:(?:block|rescue|ensure)(?: \(\d+ levels\))? in )+");

static ERROR: Pattern =
    Pattern::new(r"\.(?:rb|rake|erb|ru):\d+:in [`'][^']+': |\((?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\)\s*$");

/// `file:line:in 'function'`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let file = group(&found, "file")?;
    if found.name("from").is_none() && !ENDINGS.iter().any(|ending| file.ends_with(ending)) {
        return None;
    }
    let printed = group(&found, "function")?;
    let inside = INSIDE.find(printed).map_or(0, |found| found.end());
    let function = printed.get(inside..);
    let function = function.filter(|name| !name.starts_with('<'));
    Some(Frame::new(function, Some(file), group(&found, "line")))
}

/// The first line of a backtrace, which is a frame as well.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
