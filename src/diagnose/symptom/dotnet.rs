//! .NET stack traces.
//!
//! ```text
//! Unhandled exception. System.NullReferenceException: Object reference not set
//!    at Example.Worker.Process(Byte[] buffer) in /src/Worker.cs:line 41
//!    at System.Threading.ThreadPoolWorkQueue.Dispatch()
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*at (?P<function>[\w.<>`+|\[\], $@-]+?)(?:\((?P<arguments>[^()]*)\)| \([^()]*\) \[0x[0-9a-f]+\])(?: in (?P<file>.+?):(?:line )?(?P<line>\d+))?\s*$",
);

static ERROR: Pattern =
    Pattern::new(r"^\s*(?:Unhandled [Ee]xception[.:]|--->)|^\s*(?:[A-Z]\w*\.)+[A-Z]\w*(?:Exception|Error): ");

/// `at Namespace.Class.Method(arguments) in file:line N`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let found = FRAME.captures(line)?;
    let (function, file) = (group(&found, "function")?, group(&found, "file"));
    // Mono prints `<filename unknown>:0` where it knows none.
    let file = file.filter(|file| !file.starts_with('<'));
    // Without a file this could be Java's native method or V8's anonymous place; .NET's namespaces begin with a capital.
    let is_namespace = function.starts_with(char::is_uppercase) && function.contains('.');
    let arguments = found.name("arguments").map_or("", |arguments| arguments.as_str());
    let foreign = arguments.contains(':')
        || arguments.starts_with('<')
        || arguments.ends_with(".java")
        || arguments.ends_with("Method");
    if file.is_none() && (!is_namespace || foreign || arguments.starts_with("index ")) {
        return None;
    }
    let line = file.and_then(|_| group(&found, "line"));
    Some(Frame::new(Some(function), file, line))
}

/// The exception's own line.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
