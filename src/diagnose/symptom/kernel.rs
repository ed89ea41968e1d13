//! Oopses, warnings and call traces of the Linux kernel.
//!
//! ```text
//! BUG: kernel NULL pointer dereference, address: 0000000000000008
//! RIP: 0010:nf_ct_frag6_gather+0x1d/0x90 [nf_defrag_ipv6]
//!  ? __die_body+0x1a/0x60
//!  [<ffffffff810e31fe>] run_timer_softirq+0x20e/0x2c0
//! WARNING: CPU: 0 PID: 1 at net/core/dev.c:1234 dev_open+0x1d/0x90
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?:(?:RIP|EIP|IP|PC is at|LR is at|pc|lr) ?:?\s*(?:[0-9a-f]{4}:)?\s*)?(?:\[<[0-9a-f]+>\]\s+)?(?P<unsure>\? )?(?P<function>[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?:\s+\[(?P<module>\w+)[^\]]*\])?\s*$",
);

/// What `scripts/decode_stacktrace.sh` makes of a frame.
static DECODED: Pattern = Pattern::new(
    r"^\s*(?:\? )?(?P<function>[A-Za-z_][\w.]*)(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?(?: \[\w+\])? \((?P<file>[\w./-]+\.[chS]):(?P<line>\d+)(?: [^()]*)?\)(?: \[?\w+\]?)?\s*$",
);

static WARNING: Pattern =
    Pattern::new(r"^\s*WARNING: .*\bat (?P<file>[\w./-]+\.[chS]):(?P<line>\d+)(?: (?P<function>\w+)\+0x)?");

static BUG: Pattern = Pattern::new(r"^\s*kernel BUG at (?P<file>[\w./-]+\.[chS]):(?P<line>\d+)");

static ERROR: Pattern = Pattern::new(
    r"\b(?:kernel NULL pointer|unable to handle|general protection fault|Oops:|Kernel panic|BUG: |soft lockup|Out of memory: Kill|invoked oom-killer|KASAN: |UBSAN: |refcount_t: )",
);

/// `function+0x20e/0x2c0 [module]`, with or without its address; and the places of warnings.
pub(super) fn frame(line: &str) -> Option<Frame> {
    if let Some(found) = WARNING.captures(line).or_else(|| BUG.captures(line)) {
        let function = found.name("function").map(|function| function.as_str());
        return Some(Frame::new(function, group(&found, "file"), group(&found, "line")));
    }
    if let Some(found) = DECODED.captures(line) {
        return Some(Frame::new(group(&found, "function"), group(&found, "file"), group(&found, "line")));
    }
    let found = FRAME.captures(line)?;
    Some(Frame::new(group(&found, "function"), None, None))
}

/// The line that says what the kernel met.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
