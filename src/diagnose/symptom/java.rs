//! Stack traces of Java, Kotlin, Scala and Groovy.
//!
//! ```text
//! Exception in thread "main" java.lang.NullPointerException: buffer
//!     at com.example.worker.Worker.process(Worker.java:41)
//! Caused by: java.io.IOException
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*at (?:[\w.@-]*/)*(?P<function>[\w$.<>-]+)\((?:(?P<file>[\w$-]+\.(?:java|kt|kts|scala|groovy|clj))(?::(?P<line>\d+))?|Native Method|Unknown Source|<generated>)\)",
);

static ERROR: Pattern =
    Pattern::new(r"^\s*(?:Exception in thread|Caused by: )|^\s*(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error)\b");

/// `at package.Class.method(File.java:41)`. The file becomes a path by way of the package.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let function = group(&found, "function")?;
    let mut packages: Vec<&str> = function.split('.').take_while(|part| part.starts_with(char::is_lowercase)).collect();
    let file = group(&found, "file").map(|file| {
        packages.push(file);
        packages.join("/")
    });
    Some(Frame::new(Some(function), file.as_deref(), group(&found, "line")))
}

/// The exception's own line.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
