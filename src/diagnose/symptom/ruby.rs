//! Ruby backtraces.
//!
//! ```text
//! app/worker.rb:41:in `process': undefined method `size' for nil:NilClass (NoMethodError)
//!     from app/worker.rb:27:in 'Worker#controller'
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?:\d+: )?(?:from )?(?P<file>(?:[A-Za-z]:)?[^\s:]+\.(?:rb|rake|erb|ru|gemspec)):(?P<line>\d+):in [`'](?P<function>[^'`]+)'",
);

/// Where in the method: `block (2 levels) in`.
static INSIDE: Pattern = Pattern::new(r"^(?:(?:block|rescue|ensure)(?: \(\d+ levels\))? in )+");

static ERROR: Pattern =
    Pattern::new(r"\.(?:rb|rake|erb|ru):\d+:in [`'][^']+': |\((?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\)\s*$");

/// `file:line:in 'function'`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let printed = group(&found, "function")?;
    let inside = INSIDE.find(printed).map_or(0, |found| found.end());
    let function = printed.get(inside..);
    let function = function.filter(|name| !name.starts_with('<'));
    Some(Frame::new(function, group(&found, "file"), group(&found, "line")))
}

/// The first line of a backtrace, which is a frame as well.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
