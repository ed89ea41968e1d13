//! Backtraces of gdb, lldb and crash reporters.
//!
//! ```text
//! Program terminated with signal SIGSEGV, Segmentation fault.
//! #0  0x00007f in process_work (buffer=0x0) at src/worker.c:41
//! #1  controller () at worker.c:27
//! #2  0x00007f in clone () from /lib/libc.so.6
//!   * frame #0: 0x0000 worker`process_work(buffer=0x0) at worker.c:41:9
//! ```

use super::frame::Frame;
use super::pattern::{Pattern, group};

static FRAME: Pattern = Pattern::new(
    r"^\s*(?:\* )?(?:frame )?#?(?P<number>\d+):?\s+(?:(?:0x)?[0-9a-fA-F]{6,16} in\s+)?(?:0x[0-9a-fA-F]+ \S+`)?(?P<function>[A-Za-z_~][\w:~<>,.@$ ]*?)\s*(?:\((?P<arguments>.*)\))?\s+(?:at\s+(?P<file>[^\s():]+):(?P<line>\d+)(?::\d+)?|from\s+(?P<module>/\S+|\S+\.so\S*))\.?\s*$",
);

/// A frame of code without debug information.
static UNPLACED: Pattern = Pattern::new(
    r"^\s*#(?P<number>\d+)\s+0x[0-9a-fA-F]+ in (?P<function>[A-Za-z_~][\w:~<>,.@$ ]*?)\s*\((?:[^()]*=.*)?\)\s*$",
);

/// The same of lldb, which prints how far into the function.
static UNPLACED_LLDB: Pattern = Pattern::new(
    r"^\s*(?:\* )?frame #(?P<number>\d+): 0x[0-9a-fA-F]+ \S+`(?P<function>[A-Za-z_~][\w:~<>,.@$ ]*?)(?:\(.*\))?(?: \+ \d+)?\s*$",
);

/// Colleagues paste stacks without numbers, or with the file in a column of its own.
static BARE: Pattern = Pattern::new(
    r"^\s*(?:(?P<number>\d+)\s+)?(?P<function>[A-Za-z_]\w*)\s*(?:\(.*\)\s+at\s+|\s{2,})(?P<file>[\w./+-]+\.(?:c|cc|cpp|cxx|h|hh|hpp)):(?P<line>\d+)\s*$",
);

/// What is left of a frame whose first line was cut off.
static TAIL: Pattern = Pattern::new(r"^\s*\w+=.*\)\s+at\s+(?P<file>[\w./+-]+):(?P<line>\d+)\s*$");

static ERROR: Pattern = Pattern::new(
    r"(?i)\bsegmentation fault\b|\bsegfault\b|Program (?:received|terminated with) signal|^\s*\(gdb\) bt$|\bSIG(?:SEGV|ABRT|BUS|FPE|ILL)\b|core dumped",
);

/// `#1  0x… in function (arguments) at file:line`, and what people make of it.
pub(super) fn frame(line: &str) -> Option<Frame> {
    if let Some(found) = UNPLACED.captures(line).or_else(|| UNPLACED_LLDB.captures(line)) {
        return Some(Frame::new(group(&found, "function"), None, None).numbered(group(&found, "number")));
    }
    let found = FRAME.captures(line).or_else(|| BARE.captures(line)).or_else(|| TAIL.captures(line))?;
    // Without a mark and without arguments it is the numbered line of another language.
    if found.name("module").is_none() && !line.contains(['#', '(']) && !BARE.matches(line) {
        return None;
    }
    Some(
        Frame::new(group(&found, "function"), group(&found, "file"), group(&found, "line"))
            .numbered(group(&found, "number")),
    )
}

/// The signal that ended the program.
pub(super) fn is_error(line: &str) -> bool {
    ERROR.matches(line)
}
