//! What the processes of a run use, read from `/proc` by walking from parent to children.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::Read;

/// More processes than this are not walked; a run has far fewer before it is stopped.
const MOST_PROCESSES: usize = 512;
/// What is read of a file of `/proc` at most, in bytes. A status takes 1,500, and the ids of [`MOST_PROCESSES`] children 4,000.
const LONGEST_FILE: usize = 16 * 1024;
/// A clock tick of `/proc/PID/stat`: `USER_HZ` is 100 on every architecture that Linux has for us.
const TICK_MS: u64 = 10;

/// The processes below a keeper, and what those used that are gone.
#[derive(Debug)]
pub(super) struct ProcessTree {
    keeper: u32,
    /// Stages of ours between the keeper and the command.
    stages: usize,
    used: BTreeMap<u32, Used>,
    looks: u64,
    ready: u64,
    files: Files,
}

/// One moment of the tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Sum of `VmRSS`, in bytes.
    pub(super) resident: u64,
    /// Sum of `VmData`, in bytes.
    pub(super) data: u64,
    /// How many processes there are.
    pub(super) processes: usize,
}

/// Processor time and waits since a process started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// Processor time, in milliseconds.
    pub(super) cpu_ms: u64,
    /// Voluntary context switches of its main thread.
    pub(super) waits: u64,
    /// How often the tree was looked at.
    pub(super) looks: u64,
    /// At how many of these looks a process was running or ready to run.
    pub(super) ready: u64,
}

impl ProcessTree {
    /// The tree below a keeper, with so many stages of ours before the command.
    pub(super) fn new(keeper: u32, stages: usize) -> ProcessTree {
        ProcessTree { keeper, stages, used: BTreeMap::new(), looks: 0, ready: 0, files: Files::default() }
    }

    /// Reads memory, and remembers what each process has used so far.
    pub(super) fn read(&mut self) -> Usage {
        let mut usage = Usage::default();
        let mut is_ready = false;
        let mut open: VecDeque<(u32, usize)> = VecDeque::from([(self.keeper, 0)]);
        while let Some((process, depth)) = open.pop_front() {
            // The first thread of a stage starts the next one and adopts orphans, and what a stage uses is ours.
            let mut has_one_thread = true;
            if depth > self.stages {
                let Some(status) = self.files.read(&format!("/proc/{process}/status")).map(Status::parse) else {
                    continue;
                };
                usage.resident += status.resident;
                usage.data += status.data;
                usage.processes += 1;
                is_ready |= status.is_ready;
                has_one_thread = status.threads == 1;
                self.used.entry(process).or_default().waits = status.waits;
            }
            if usage.processes + open.len() < MOST_PROCESSES {
                self.files.children(process, has_one_thread, |child| open.push_back((child, depth + 1)));
            }
        }
        self.looks += 1;
        self.ready += u64::from(is_ready);
        usage
    }

    /// Processor time and waits of all processes so far, also of those that are gone.
    pub(super) fn used(&mut self) -> Used {
        for (process, used) in &mut self.used {
            let stat = self.files.read(&format!("/proc/{process}/stat")).unwrap_or_default();
            used.cpu_ms = used.cpu_ms.max(cpu_ms(stat).unwrap_or(0));
        }
        let none = Used { looks: self.looks, ready: self.ready, ..Used::default() };
        self.used.values().fold(none, |sum, one| Used {
            cpu_ms: sum.cpu_ms + one.cpu_ms,
            waits: sum.waits + one.waits,
            ..sum
        })
    }
}

/// Reads small files, 25 times a second, into one buffer.
#[derive(Debug, Default)]
struct Files {
    buffer: Vec<u8>,
}

impl Files {
    /// What a file holds; nothing where it is gone, or is no text.
    fn read(&mut self, path: &str) -> Option<&str> {
        self.buffer.resize(LONGEST_FILE, 0);
        let mut file = File::open(path).ok()?;
        let mut length = 0;
        while let Some(rest @ [_, ..]) = self.buffer.get_mut(length..) {
            match file.read(rest) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(_) => return None,
            }
        }
        std::str::from_utf8(self.buffer.get(..length)?).ok()
    }

    /// Gives the children of every thread of a process.
    fn children(&mut self, process: u32, has_one_thread: bool, mut give: impl FnMut(u32)) {
        let mut of_thread = |path: &str| {
            let list = self.read(path).unwrap_or_default();
            list.split_ascii_whitespace().filter_map(|id| id.parse().ok()).for_each(&mut give);
        };
        if has_one_thread {
            return of_thread(&format!("/proc/{process}/task/{process}/children"));
        }
        for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            of_thread(&thread.path().join("children").to_string_lossy());
        }
    }
}

/// The lines of `/proc/PID/status` that count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    resident: u64,
    data: u64,
    waits: u64,
    threads: u64,
    is_ready: bool,
}

impl Status {
    fn parse(text: &str) -> Status {
        let number = |rest: &str| rest.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        let mut status = Status::default();
        for line in text.lines() {
            match line.split_once(':') {
                Some(("VmRSS", rest)) => status.resident = number(rest) * 1024,
                // Running and waiting for a processor are one state, so a busy machine does not hide who never waits.
                Some(("State", rest)) => status.is_ready = rest.trim_start().starts_with('R'),
                Some(("VmData", rest)) => status.data = number(rest) * 1024,
                Some(("Threads", rest)) => status.threads = number(rest),
                Some(("voluntary_ctxt_switches", rest)) => status.waits = number(rest),
                _ => {}
            }
        }
        status
    }
}

/// User and system time. The name, in brackets, may hold anything, so fields are counted from the last bracket.
fn cpu_ms(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) * TICK_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_count_are_read() {
        let text = "Name:\tVmRSS: 1\nState:\tR (running)\nVmData:\t   2048 kB\nVmRSS:\t  1024 kB\nThreads:\t3\nvoluntary_ctxt_switches:\t7\n";
        assert_eq!(
            Status::parse(text),
            Status { resident: 1 << 20, data: 2 << 20, waits: 7, threads: 3, is_ready: true }
        );
        assert_eq!(Status::parse(""), Status::default());
    }

    #[test]
    fn a_name_with_brackets_hides_no_field() {
        let stat = "12 (a) b) R 1 1 1 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_ms(stat), Some(1750));
        assert_eq!(cpu_ms("12 (a"), None);
    }
}
