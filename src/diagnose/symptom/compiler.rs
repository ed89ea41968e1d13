//! What compilers, linkers, linters and build tools complain about.
//!
//! ```text
//! src/worker.c:41:9: error: too few arguments to function 'process'
//! In file included from src/worker.h:3:0,
//! worker.cpp(508) : error C3861: 'process': identifier not found
//!  --> src/main.rs:4:10
//! worker.c:(.text+0x1d): undefined reference to `process'
//! Makefile:2944: recipe for target 'check' failed
//! ```

use super::Complaint;
use super::pattern::{Pattern, group};

static PLACE: Pattern = Pattern::new(
    r"^\s*(?:\[[^\]]*\]\s*)?(?:/usr/bin/ld: )?(?P<file>(?:[A-Za-z]:)?[^\s:()'`‘]*[\w+-]\.\w{1,8}|(?:[\w./+-]*/)?(?:Makefile|Kconfig|Dockerfile|CMakeLists)\S*?):(?:(?P<line>\d+)(?::\d+)?|\([^)]*\))(?::\d+)?(?:(?::\s*|\s+)(?P<message>\S.*)|:?,?$)",
);

static CMAKE: Pattern =
    Pattern::new(r"^CMake (?:Error|Warning)(?: \(dev\))? at (?P<file>[^\s:]+):(?P<line>\d+) \((?P<message>[^)]+)\)");

static PARENTHESES: Pattern =
    Pattern::new(r"^\s*(?P<file>(?:[A-Za-z]:)?[^\s:()]+\.\w{1,8})\((?P<line>\d+)(?:,\d+)?\)\s*:\s*(?P<message>\S.*)$");

static INCLUDED: Pattern = Pattern::new(r"^\s*(?:In file included )?from (?P<file>[^\s:,]+\.\w{1,5}):(?P<line>\d+)");

static INLINED: Pattern = Pattern::new(r"^\s*inlined from .* at\s+(?P<file>[^\s:,]+\.\w{1,5}):(?P<line>\d+)");

static ARROW: Pattern = Pattern::new(r"^\s*--> (?P<file>[^\s:]+\.\w{1,5}):(?P<line>\d+)");

static IN_FUNCTION: Pattern =
    Pattern::new(r"^(?P<file>[^\s:]+\.\w{1,5}):\s+(?P<message>[Ii]n (?:member )?function .*)$");

static ERROR: Pattern = Pattern::new(
    r"(?i)(?:^|[\s:\])])(?:fatal )?error(?:\[\w+\]|\s+\w{1,3}\d+)?\s?:|\bundefined (?:reference|symbol)|\bmultiple definition of|\bunresolved external|: warning: |\bcannot find -l|No rule to make target|\*\*\* \[|ld returned \d|Command not found|command not found|No such file or directory|Permission denied|^FAILED: |ninja: build stopped|CMake Error|meson\.build:\d+:\d+: ERROR|\bImport(?:ing)? .* not found|\bPackage .* was not found",
);

/// A file and line with what is said about them.
pub(super) fn complaint(line: &str) -> Option<Complaint> {
    let patterns = [&CMAKE, &INCLUDED, &INLINED, &ARROW, &IN_FUNCTION, &PARENTHESES, &PLACE];
    let found = patterns.into_iter().find_map(|pattern| pattern.captures(line))?;
    let file = group(&found, "file")?.replace('\\', "/");
    let message = found.name("message").map_or("", |message| message.as_str()).trim();
    let line = found.name("line").and_then(|line| line.as_str().parse().ok());
    Some(Complaint { file, line, message: message.to_owned() })
}

/// Whether a build tool calls this an error.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
