//! Ruby backtraces.
//!
//! ```text
//! app/worker.rb:41:in `process': undefined method `size' for nil:NilClass (NoMethodError)
//!     from app/worker.rb:27:in 'Worker#controller'
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?:\d+: )?(?:from )?(?P<file>[^\s:]+\.(?:rb|rake|erb|ru|gemspec)):(?P<line>\d+):in [`'](?P<function>[^'`]+)'",
);

static ERROR: Pattern =
    Pattern::new(r"\.(?:rb|rake|erb|ru):\d+:in [`'][^']+': |\((?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\)\s*$");

/// `file:line:in 'function'`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let printed = group(&found, "function")?;
    let function =
        printed.trim_start_matches("block in ").trim_start_matches("rescue in ").trim_start_matches("ensure in ");
    let function = Some(function).filter(|name| !name.starts_with('<'));
    Some(Frame::new(function, group(&found, "file"), group(&found, "line")))
}

/// The first line of a backtrace, which is a frame as well.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
