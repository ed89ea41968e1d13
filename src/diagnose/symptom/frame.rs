//! One frame of a stack.

use super::pattern::Pattern;

/// Who printed a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TraceFormat {
    /// A debugger's backtrace of C or C++.
    Gdb,
    /// AddressSanitizer and its sisters.
    Sanitizer,
    /// Valgrind's tools.
    Valgrind,
    /// A Rust panic.
    Rust,
    /// A Go panic or goroutine dump.
    Go,
    /// A Python traceback.
    Python,
    /// A stack trace of Java, Kotlin or Scala.
    Java,
    /// A stack of V8, SpiderMonkey or JavaScriptCore.
    JavaScript,
    /// A Ruby backtrace.
    Ruby,
    /// A PHP stack trace.
    Php,
    /// A .NET stack trace.
    DotNet,
    /// A Linux kernel oops, warning or call trace.
    Kernel,
}

/// One frame: what was running, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The function as it was printed, without arguments, hashes and compiler suffixes.
    pub function: Option<String>,
    /// The file as it was printed, with slashes for the backslashes of Windows.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The frame's number where the format prints one; 0 begins a new trace.
    pub number: Option<u32>,
}

/// What compilers append to the name of a function that they split or specialised.
static COMPILER_SUFFIX: Pattern =
    Pattern::new(r"(\.(isra|constprop|part|cold|lto_priv|llvm)(\.\d+)*)+$|::h[0-9a-f]{16,20}$|@@?[\w.]+$");

impl Frame {
    /// A frame of what was captured; empty captures count as nothing.
    pub(super) fn new(function: Option<&str>, file: Option<&str>, line: Option<&str>) -> Frame {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Frame {
            function: function.map(str::trim).map(without_suffix).and_then(text),
            file: file.map(|file| file.trim().replace('\\', "/")).filter(|file| !file.is_empty()),
            line: line.and_then(|line| line.parse().ok()),
            number: None,
        }
    }

    /// With the number the format printed.
    pub(super) fn numbered(mut self, number: Option<&str>) -> Frame {
        self.number = number.and_then(|number| number.parse().ok());
        self
    }

    /// The function's own name, without namespaces, packages, receivers and type arguments.
    pub fn simple_name(&self) -> Option<String> {
        let name = without_type_arguments(self.function.as_deref()?);
        // Go prints a receiver in parentheses before the method; everywhere else parentheses hold arguments.
        let after_receiver = name.rsplit_once(").").map_or(name.as_str(), |(_, method)| method);
        let plain = after_receiver.split('(').next().unwrap_or(after_receiver);
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        plain.rsplit(|c: char| !is_word(c)).find(|part| !part.is_empty()).map(str::to_owned)
    }

    /// Whether it begins a new trace when `so_far` frames of the current one were read.
    pub(super) fn starts_trace(&self, so_far: usize) -> bool {
        so_far > 0 && self.number == Some(0)
    }
}

/// `std::vector<int>::at` without `<int>`. An unbalanced bracket, as in `operator<`, ends the name.
fn without_type_arguments(name: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

fn without_suffix(name: &str) -> &str {
    match COMPILER_SUFFIX.find(name) {
        Some(found) => name.get(..found.start()).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::Frame;

    #[test]
    fn names_lose_what_compilers_and_languages_add() {
        let name = |function: &str| Frame::new(Some(function), None, None).simple_name();
        for (printed, simple) in [
            ("do_softirq_own_stack.isra.4", "do_softirq_own_stack"),
            ("build_flows.constprop.0.cold", "build_flows"),
            ("core::panicking::panic::h0123456789abcdef", "panic"),
            ("main.(*Server).Handle", "Handle"),
            ("com.example.Main.run", "run"),
            ("std::vector<int>::at", "at"),
            ("<app::Worker as core::ops::Drop>::drop", "drop"),
            ("memcpy@@GLIBC_2.14", "memcpy"),
        ] {
            assert_eq!(name(printed).as_deref(), Some(simple), "{printed}");
        }
    }
}
