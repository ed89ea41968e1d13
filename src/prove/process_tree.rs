//! What the processes of a run use, read from `/proc` by walking from parent to children.

use std::collections::{BTreeMap, VecDeque};
use std::fs;

/// More processes than this are not walked; a run has far fewer before it is stopped.
const MOST_PROCESSES: usize = 512;
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
        ProcessTree { keeper, stages, used: BTreeMap::new(), looks: 0, ready: 0 }
    }

    /// Reads memory, and remembers what each process has used so far.
    pub(super) fn read(&mut self) -> Usage {
        let mut usage = Usage::default();
        let mut is_ready = false;
        for process in self.processes() {
            let Some(status) = fs::read_to_string(format!("/proc/{process}/status")).ok() else { continue };
            let status = Status::parse(&status);
            usage.resident += status.resident;
            usage.data += status.data;
            usage.processes += 1;
            is_ready |= status.is_ready;
            self.used.entry(process).or_default().waits = status.waits;
        }
        self.looks += 1;
        self.ready += u64::from(is_ready);
        usage
    }

    /// Processor time and waits of all processes so far, also of those that are gone.
    pub(super) fn used(&mut self) -> Used {
        for (process, used) in &mut self.used {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            used.cpu_ms = used.cpu_ms.max(cpu_ms(&stat).unwrap_or(0));
        }
        let none = Used { looks: self.looks, ready: self.ready, ..Used::default() };
        self.used.values().fold(none, |sum, one| Used {
            cpu_ms: sum.cpu_ms + one.cpu_ms,
            waits: sum.waits + one.waits,
            ..sum
        })
    }

    /// Every process of the command, breadth first.
    fn processes(&self) -> Vec<u32> {
        let mut open: VecDeque<(u32, usize)> = VecDeque::from([(self.keeper, 0)]);
        let mut found = Vec::new();
        while let Some((process, depth)) = open.pop_front() {
            if depth > self.stages {
                found.push(process);
            }
            if found.len() + open.len() < MOST_PROCESSES {
                open.extend(children(process).into_iter().map(|child| (child, depth + 1)));
            }
        }
        found
    }
}

/// The children of every thread of a process.
fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let files = threads.flatten().map(|thread| thread.path().join("children"));
    let lists = files.filter_map(|file| fs::read_to_string(file).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// The lines of `/proc/PID/status` that count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    resident: u64,
    data: u64,
    waits: u64,
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
        let text = "Name:\tVmRSS: 1\nState:\tR (running)\nVmData:\t   2048 kB\nVmRSS:\t  1024 kB\nvoluntary_ctxt_switches:\t7\n";
        assert_eq!(Status::parse(text), Status { resident: 1 << 20, data: 2 << 20, waits: 7, is_ready: true });
        assert_eq!(Status::parse(""), Status::default());
    }

    #[test]
    fn a_name_with_brackets_hides_no_field() {
        let stat = "12 (a) b) R 1 1 1 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_ms(stat), Some(1750));
        assert_eq!(cpu_ms("12 (a"), None);
    }
}
