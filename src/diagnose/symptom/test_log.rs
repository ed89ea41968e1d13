//! What test runners print about failures.
//!
//! ```text
//! worker_test.go:41: got 1, want 2
//! FAILED tests/test_worker.py::test_process - AssertionError
//! worker: src/worker.c:41: process: Assertion `buffer' failed.
//! [  FAILED  ] Worker.Process (0 ms)
//! not ok 3 - process
//! ```

use super::Complaint;
use super::pattern::{Pattern, group};

static NODE: Pattern = Pattern::new(r"^(?:FAILED|ERROR) (?P<file>[^\s:]+\.py)(?:::(?P<message>\S+))?");

static ASSERTION: Pattern =
    Pattern::new(r"(?:^|[\s:])(?P<file>[\w./+-]+\.\w{1,5}):(?P<line>\d+):?\s+(?P<message>.*\b[Aa]ssert.*)$");

static ERROR: Pattern = Pattern::new(
    r"^\s*(?:--- FAIL: |FAILED |FAIL:? |not ok \d|\[  FAILED  \]|[●✕✗×] |AssertionError\b|test \S+ \.\.\. FAILED|Expected: |E   )|\b[Aa]ssertion\b.*\bfailed\b|\bassert(?:ion)? .* failed\b|^\s*\S*: Assertion [`'‘]",
);

/// A test's file, or the place of an assertion.
pub(super) fn complaint(line: &str) -> Option<Complaint> {
    let found = NODE.captures(line).or_else(|| ASSERTION.captures(line))?;
    let message = found.name("message").map_or("", |message| message.as_str()).trim();
    let line = found.name("line").and_then(|line| line.as_str().parse().ok());
    Some(Complaint { file: group(&found, "file")?.to_owned(), line, message: message.to_owned() })
}

/// Whether a test runner calls this a failure.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
