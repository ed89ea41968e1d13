//! One run: started, sampled, held to its limits, ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::cell::Cell;
use super::confined::Confined;
use super::memory_group::MemoryGroup;
use super::process_tree::{ProcessTree, Used};
use super::sandbox::{Event, Spec};
use super::sanitizer;
use crate::model::proof::{Activity, End, Limiter, Measured, Sample, Stop};

/// Between two samples: 25 a second.
const INTERVAL: Duration = Duration::from_millis(40);
/// Every so many samples the slower figures are read: processor time, the folder's size, the group's kills.
const SLOW: u32 = 6;
/// Starting takes milliseconds; on a machine that is very busy, seconds.
const START: Duration = Duration::from_secs(20);
/// A run that prints more is stopped, in bytes.
const MOST_PRINTED: u64 = 64 << 20;
/// A run whose folder is larger is stopped, in bytes and in entries.
const MOST_DISK: (u64, usize) = (256 << 20, 20_000);
/// Reading the size of a large tree takes milliseconds, so it is done again only after so many times as long, and no later
/// than after a second.
const DISK_SHARE: u32 = 100;
const LONGEST_UNSEEN: Duration = Duration::from_secs(1);
/// A run with more processes at once is stopped. Each takes some 250 KB of a memory group, so that this many are seen
/// before they fill it.
pub(super) const MOST_PROCESSES: usize = 64;
/// At most so many samples are kept; with more, every other one is dropped and the distance doubled.
const MOST_SAMPLES: usize = 1_000;
/// The last lines of an output that are kept for a report, in bytes.
const SHOWN_OUTPUT: usize = 2_000;

/// `SIGXFSZ`: a file grew beyond its limit.
const FILE_TOO_LARGE: i32 = 25;

/// What a run is held to.
pub(super) struct Bounds<'a> {
    /// The longest time.
    pub(super) time: Duration,
    /// Memory, in bytes.
    pub(super) memory: u64,
    /// Set when the whole job is to end.
    pub(super) cancelled: &'a AtomicBool,
    /// How the other side fares, where this one may end when it has outlived that one for long enough.
    pub(super) outlive: Option<&'a Lifetime>,
    /// Where this side tells how it fares.
    pub(super) lifetime: Option<&'a Lifetime>,
}

/// How long the base lived, once it is dead.
#[derive(Debug, Default)]
pub(super) struct Lifetime(AtomicU64);

impl Lifetime {
    fn ended(&self, after: Duration) {
        self.0.store(u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1), Ordering::Release);
    }

    /// How long is long enough to have outlived it: three times as long, and no less than three seconds. A leak that
    /// kills in a second would show again in this time.
    fn enough(&self) -> Option<Duration> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            lived => Some(Duration::from_millis(lived.saturating_mul(3)).max(Duration::from_secs(3))),
        }
    }
}

/// Runs a command of a cell to its end and measures it.
///
/// # Errors
/// Where it was not started, and why.
pub(super) fn measure(launcher: &Path, cell: &Cell, mut spec: Spec, bounds: &Bounds) -> Result<Measured, String> {
    let group = if cell.may_join_groups() { MemoryGroup::create(bounds.memory).ok() } else { None };
    spec.join = group.as_ref().map(MemoryGroup::processes_file);
    let confined = Confined::start(launcher, cell.keeper_user, spec).map_err(|why| why.to_string())?;
    let namespaces = started(&confined, bounds.cancelled)?;
    let mut run = Run {
        tree: ProcessTree::new(confined.keeper(), usize::from(namespaces)),
        confined,
        group,
        folder: cell.folder.clone(),
        start: Instant::now(),
        series: Series::default(),
        peak: (0, 0),
        most_processes: 0,
        next_disk_look: Duration::ZERO,
    };
    let end = run.watch(bounds);
    let lasted = run.start.elapsed();
    if let Some(lifetime) = bounds.lifetime {
        lifetime.ended(lasted);
    }
    Ok(run.finish(end, lasted))
}

/// Waits until the command runs; gives whether it has namespaces of its own.
///
/// # Errors
/// Where it was refused or does not start.
pub(super) fn started(confined: &Confined, cancelled: &AtomicBool) -> Result<bool, String> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline && !cancelled.load(Ordering::Relaxed) {
        match confined.event(INTERVAL) {
            Some(Event::Started { namespaces }) => return Ok(namespaces),
            Some(Event::Refused(why)) => return Err(why),
            Some(Event::Exited(_) | Event::Signalled(_)) => return Err("it ended before it was started".to_owned()),
            None => {}
        }
    }
    Err("it was not started in time".to_owned())
}

/// A run while it goes on.
struct Run {
    confined: Confined,
    tree: ProcessTree,
    group: Option<MemoryGroup>,
    folder: PathBuf,
    start: Instant,
    series: Series,
    /// The most resident and allocated memory that was seen.
    peak: (u64, u64),
    /// The most processes that were seen at once.
    most_processes: usize,
    /// When the folder's size is read again, since the start.
    next_disk_look: Duration,
}

impl Run {
    fn watch(&mut self, bounds: &Bounds) -> End {
        for tick in 0_u32.. {
            let next = INTERVAL * (tick + 1);
            match self.confined.event(next.saturating_sub(self.start.elapsed())) {
                Some(Event::Exited(code)) => return self.ended(End::Exited(code)),
                Some(Event::Signalled(FILE_TOO_LARGE)) => return End::Stopped(Stop::Disk),
                Some(Event::Signalled(signal)) => return self.ended(End::Signalled(signal)),
                Some(Event::Refused(_)) => return End::Stopped(Stop::Cancelled),
                Some(Event::Started { .. }) | None => {}
            }
            let found = self.sample(bounds).or_else(|| if tick % SLOW == 0 { self.look_closer() } else { None });
            if let Some(end) = found {
                return end;
            }
        }
        End::StillRunning
    }

    /// The kernel ends one process of a group; how the command itself then ended does not matter.
    fn ended(&self, by_itself: End) -> End {
        if self.oom_kills() > 0 { self.out_of_memory() } else { by_itself }
    }

    /// Very many processes use up memory as well, but that is not what a leak looks like.
    fn out_of_memory(&self) -> End {
        if self.most_processes > MOST_PROCESSES { End::Stopped(Stop::Processes) } else { End::OutOfMemory }
    }

    fn sample(&mut self, bounds: &Bounds) -> Option<End> {
        let (usage, at) = (self.tree.read(), self.start.elapsed());
        self.most_processes = self.most_processes.max(usage.processes);
        // Between two processes, or at the very end, there is nothing to read.
        if usage.processes > 0 {
            let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
            self.series.add(Sample { at_ms, resident: usage.resident, data: usage.data });
            self.peak = (self.peak.0.max(usage.resident), self.peak.1.max(usage.data));
        }
        let enough = bounds.outlive.and_then(Lifetime::enough).map_or(bounds.time, |enough| enough.min(bounds.time));
        if bounds.cancelled.load(Ordering::Relaxed) {
            Some(End::Stopped(Stop::Cancelled))
        } else if usage.processes > MOST_PROCESSES {
            Some(End::Stopped(Stop::Processes))
        } else if self.group.is_none() && usage.resident >= bounds.memory {
            Some(End::OutOfMemory)
        } else if self.confined.printed() > MOST_PRINTED {
            Some(End::Stopped(Stop::Output))
        } else {
            (at >= enough).then_some(End::StillRunning)
        }
    }

    fn look_closer(&mut self) -> Option<End> {
        let used = self.tree.used();
        self.series.used.push((self.start.elapsed(), used));
        if self.oom_kills() > 0 {
            return Some(self.out_of_memory());
        }
        if self.start.elapsed() < self.next_disk_look {
            return None;
        }
        let (begun, is_too_large) = (Instant::now(), is_too_large(&self.folder));
        self.next_disk_look = self.start.elapsed() + (begun.elapsed() * DISK_SHARE).min(LONGEST_UNSEEN);
        is_too_large.then_some(End::Stopped(Stop::Disk))
    }

    fn oom_kills(&self) -> u64 {
        self.group.as_ref().and_then(|group| group.oom_kills().ok()).unwrap_or(0)
    }

    fn finish(mut self, end: End, lasted: Duration) -> Measured {
        let used = self.tree.used();
        self.series.used.push((lasted, used));
        let limiter = match &self.group {
            Some(_) => Limiter::Kernel { oom_kill: self.oom_kills() },
            None => Limiter::Watch,
        };
        // The kernel's own count decides on life and death, so it is the one that is told. Sums of `VmRSS` differ a little:
        // they hold shared pages once for each process, and pages of libraries that are counted elsewhere.
        let counted = self.group.as_ref().and_then(|group| group.peak().ok());
        let output = self.confined.end();
        Measured {
            end,
            lasted_ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
            peak_resident: counted.unwrap_or(self.peak.0),
            peak_data: self.peak.1,
            limiter,
            activity: self.series.activity(lasted),
            samples: self.series.samples,
            sanitizer: sanitizer::headlines(&output),
            output: last_lines(&output),
        }
    }
}

/// What was read over time.
#[derive(Debug, Default)]
struct Series {
    samples: Vec<Sample>,
    /// How many of the next samples are left out.
    skipping: u32,
    seen: u32,
    used: Vec<(Duration, Used)>,
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.skipping + 1) {
            return;
        }
        self.samples.push(sample);
        if self.samples.len() >= MOST_SAMPLES {
            let mut keep = true;
            self.samples.retain(|_| {
                keep = !keep;
                !keep
            });
            self.skipping = self.skipping * 2 + 1;
        }
    }

    /// What was used in each half.
    fn activity(&self, lasted: Duration) -> Activity {
        let half = self.used.iter().rfind(|(at, _)| *at <= lasted / 2).map(|(_, used)| *used).unwrap_or_default();
        let whole = self.used.last().map(|(_, used)| *used).unwrap_or_default();
        Activity {
            cpu_first_ms: half.cpu_ms,
            cpu_second_ms: whole.cpu_ms.saturating_sub(half.cpu_ms),
            waits_second: whole.waits.saturating_sub(half.waits),
            looks_second: whole.looks.saturating_sub(half.looks),
            ready_second: whole.ready.saturating_sub(half.ready),
        }
    }
}

/// Whether a folder holds more than it may. Links are not followed, and what cannot be read counts as nothing.
fn is_too_large(folder: &Path) -> bool {
    let (mut bytes, mut entries) = (0_u64, 0_usize);
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            entries += 1;
            // Blocks, since a file with holes takes less than its length.
            bytes += std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
            if bytes > MOST_DISK.0 || entries > MOST_DISK.1 {
                return true;
            }
            if metadata.is_dir() {
                open.push(entry.path());
            }
        }
    }
    false
}

/// The end of an output, from the beginning of a line.
fn last_lines(output: &str) -> String {
    let mut from = output.len().saturating_sub(SHOWN_OUTPUT);
    while !output.is_char_boundary(from) {
        from += 1;
    }
    let tail = output.get(from..).unwrap_or_default();
    match (from, tail.split_once('\n')) {
        (1.., Some((_, lines))) => lines.to_owned(),
        _ => tail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_a_thousand_samples_at_most() {
        let mut series = Series::default();
        for at_ms in 0..50_000 {
            series.add(Sample { at_ms, resident: 1, data: 1 });
        }
        assert!(series.samples.len() <= MOST_SAMPLES && series.samples.len() > MOST_SAMPLES / 4);
        assert!(series.samples.is_sorted_by_key(|sample| sample.at_ms));
    }

    #[test]
    fn an_output_is_cut_at_a_line() {
        assert_eq!(last_lines("a\nb\n"), "a\nb\n");
        let long = format!("{}\nlast line\n", "ä".repeat(SHOWN_OUTPUT));
        assert_eq!(last_lines(&long), "last line\n");
    }
}
