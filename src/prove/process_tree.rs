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
    /// How long its main thread was ready to run while others ran, in milliseconds.
    pub(super) queued_ms: u64,
}

impl ProcessTree {
    /// The tree below a keeper, with so many stages of ours before the command.
    pub(super) fn new(keeper: u32, stages: usize) -> ProcessTree {
        ProcessTree { keeper, stages, used: BTreeMap::new() }
    }

    /// Reads memory, and remembers what each process has used so far.
    pub(super) fn read(&mut self) -> Usage {
        let mut usage = Usage::default();
        for process in self.processes() {
            let Some(status) = fs::read_to_string(format!("/proc/{process}/status")).ok() else { continue };
            let status = Status::parse(&status);
            usage.resident += status.resident;
            usage.data += status.data;
            usage.processes += 1;
            self.used.entry(process).or_default().waits = status.waits;
        }
        usage
    }

    /// Processor time and waits of all processes so far, also of those that are gone.
    pub(super) fn used(&mut self) -> Used {
        for (process, used) in &mut self.used {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            used.cpu_ms = used.cpu_ms.max(cpu_ms(&stat).unwrap_or(0));
            let scheduled = fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
            used.queued_ms = used.queued_ms.max(queued_ms(&scheduled).unwrap_or(0));
        }
        self.used.values().fold(Used::default(), |sum, one| Used {
            cpu_ms: sum.cpu_ms + one.cpu_ms,
            waits: sum.waits + one.waits,
            queued_ms: sum.queued_ms + one.queued_ms,
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
}

impl Status {
    fn parse(text: &str) -> Status {
        let number = |rest: &str| rest.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        let mut status = Status::default();
        for line in text.lines() {
            match line.split_once(':') {
                Some(("VmRSS", rest)) => status.resident = number(rest) * 1024,
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

/// The second of the three numbers of `schedstat`, in nanoseconds: <https://docs.kernel.org/scheduler/sched-stats.html>.
/// A kernel without that file counts as one on which nobody ever waits for a processor.
fn queued_ms(schedstat: &str) -> Option<u64> {
    Some(schedstat.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_count_are_read() {
        let text = "Name:\tVmRSS: 1\nVmData:\t   2048 kB\nVmRSS:\t  1024 kB\nvoluntary_ctxt_switches:\t7\n";
        assert_eq!(Status::parse(text), Status { resident: 1 << 20, data: 2 << 20, waits: 7 });
        assert_eq!(Status::parse(""), Status::default());
    }

    #[test]
    fn a_name_with_brackets_hides_no_field() {
        let stat = "12 (a) b) R 1 1 1 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_ms(stat), Some(1750));
        assert_eq!(cpu_ms("12 (a"), None);
        assert_eq!(queued_ms("120000000 45000000 9\n"), Some(45));
        assert_eq!(queued_ms(""), None);
    }
}
