//! The landings of a window, with their differences.

use std::collections::HashSet;
use std::io::BufRead;

use super::git::unreadable;
use super::log::{HEADER_FORMAT, LogReader, STREAM_FLAGS};
use super::objects::Object;
use super::{Copy, Repository, TreeFile, checked};
use crate::failure::Failure;
use crate::model::evidence::Gap;
use crate::model::ids::{CommitSha, Timestamp};
use crate::model::landing::{Extent, Landing, Window};

/// Git takes fewer seconds than these (March 1973) for a date in words, and would read the wrong commits. No repository is so old.
const GIT_EPOCH: i64 = 100_000_000;

/// How much of the history is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LandingLimits {
    /// How many landings are read, newest first.
    pub landings: usize,
    /// How many bytes of hunks are kept of one landing.
    pub bytes_each: usize,
    /// How many bytes of hunks are kept of all of them together.
    pub bytes_total: usize,
}

impl Default for LandingLimits {
    /// Enough for a busy day of the largest projects; 64 MB of differences at most.
    fn default() -> Self {
        LandingLimits { landings: 2_000, bytes_each: 4 << 20, bytes_total: 64 << 20 }
    }
}

/// Landings, newest first, and what could not be read of them.
#[derive(Debug, Clone, Default)]
pub struct Landings {
    /// Newest first.
    pub landings: Vec<Landing>,
    /// Limits that were hit, ends of a shallow history, commits that are not on the branch.
    pub gaps: Vec<Gap>,
}

impl Repository {
    /// The landings of the branch that ends at `head` inside the window, with their differences against the first parent.
    pub fn landings(&self, head: &CommitSha, window: Window, limits: LandingLimits) -> Result<Landings, Failure> {
        kept(limits, |visit| self.each_landing(head, window, limits, visit))
    }

    /// These commits as landings, in the order given.
    ///
    /// # Errors
    /// Where the repository lacks one of them.
    pub fn landings_of(&self, commits: &[CommitSha], limits: LandingLimits) -> Result<Landings, Failure> {
        if commits.is_empty() {
            return Ok(Landings::default());
        }
        kept(limits, |visit| self.stream_named(commits, limits, visit))
    }

    /// The same, one at a time while git still prints, for readers who keep only what they need of each. Gives the gaps.
    pub fn each_landing(
        &self,
        head: &CommitSha,
        window: Window,
        limits: LandingLimits,
        visit: impl FnMut(Landing),
    ) -> Result<Vec<Gap>, Failure> {
        self.fetch_window(head, window)?;
        let mut arguments = log_arguments(head, window, limits.landings.saturating_add(1))?;
        arguments.splice(2..2, STREAM_FLAGS.map(str::to_owned));
        self.stream(arguments, None, limits, visit)
    }

    /// The newest landing of the branch that ends at `head` and was committed by `until`: the branch as it was then. `None` where the
    /// branch is younger.
    pub fn tip_by(&self, head: &CommitSha, until: Timestamp) -> Result<Option<CommitSha>, Failure> {
        if before_git_time(until) {
            return Ok(None);
        }
        let arguments = [
            "rev-list".to_owned(),
            "--first-parent".to_owned(),
            format!("--until=@{}", until.timestamp()),
            "--max-count=1".to_owned(),
            "--end-of-options".to_owned(),
            checked(head)?.to_owned(),
            "--".to_owned(),
        ];
        let printed = self.git.output("find the branch's state at a moment", arguments, None, 4096)?;
        let commit = String::from_utf8_lossy(&printed).trim().to_owned();
        Ok((!commit.is_empty()).then(|| CommitSha::new(commit)))
    }

    /// The named commits as landings, in the order given. Those that are later than `until` are not read and end as gaps: they cannot
    /// have caused what happened before them. Whoever names a commit that the branch ending at `head` does not reach vouches for
    /// it (a release branch, a pull request that was squashed later), so it is read, and a gap says so.
    pub fn named_landings(
        &self,
        head: &CommitSha,
        commits: &[CommitSha],
        until: Timestamp,
        limits: LandingLimits,
        visit: impl FnMut(Landing),
    ) -> Result<Vec<Gap>, Failure> {
        let (readable, mut gaps) = self.readable(commits, until)?;
        if readable.is_empty() {
            return Ok(gaps);
        }
        gaps.extend(self.strays(head, &readable)?);
        gaps.extend(self.stream_named(&readable, limits, visit)?);
        Ok(gaps)
    }

    /// One commit as a landing.
    pub fn landing(&self, commit: &CommitSha, limits: LandingLimits) -> Result<Landing, Failure> {
        let mut found = None;
        self.stream_named(std::slice::from_ref(commit), limits, |landing| found = Some(landing))?;
        found.ok_or_else(|| Failure::peer(format!("the repository has no commit {commit}"), "Check the commit id."))
    }

    /// Fetches, in one request, the file contents that a run will need: those of the landings' differences and those of the files
    /// at `head` that `wanted` picks. Saves requests; nothing depends on it. Does nothing in a folder that is only read.
    pub fn prefetch(
        &self,
        head: &CommitSha,
        landings: &[CommitSha],
        wanted: impl Fn(&TreeFile) -> bool,
    ) -> Result<(), Failure> {
        if self.copy == Copy::Foreign {
            return Ok(());
        }
        let files = self.files(head)?;
        let picked = files.iter().filter(|file| file.mode.is_file() && wanted(file)).map(|file| file.blob.as_str());
        let compared = self.named_blobs(landings)?;
        self.fetch_blobs(picked.chain(compared.iter().map(String::as_str)))?;
        self.state().fetched_landings.extend(landings.iter().cloned());
        Ok(())
    }

    fn fetch_window(&self, head: &CommitSha, window: Window) -> Result<(), Failure> {
        if self.copy == Copy::Foreign || self.state().fetched_windows.contains(&(head.clone(), window)) {
            return Ok(());
        }
        let ids = self.window_blobs(head, window)?;
        self.fetch_blobs(ids.iter().map(String::as_str))?;
        self.state().fetched_windows.insert((head.clone(), window));
        Ok(())
    }

    /// The ids of all blobs that the differences of the commits compare. Without commits git would list the head.
    fn named_blobs(&self, commits: &[CommitSha]) -> Result<Vec<String>, Failure> {
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        self.listed_blobs(named_arguments(&LISTING_FLAGS), Some(listed(commits)?.into_bytes()))
    }

    /// Visits the commits in their order.
    fn stream_named(
        &self,
        commits: &[CommitSha],
        limits: LandingLimits,
        visit: impl FnMut(Landing),
    ) -> Result<Vec<Gap>, Failure> {
        let is_here = self.copy == Copy::Foreign || {
            let fetched = &self.state().fetched_landings;
            commits.iter().all(|commit| fetched.contains(commit))
        };
        if !is_here {
            self.fetch_blobs(self.named_blobs(commits)?.iter().map(String::as_str))?;
        }
        self.stream(named_arguments(&STREAM_FLAGS), Some(listed(commits)?.into_bytes()), limits, visit)
    }

    /// The ids of all blobs that the window's differences compare. Needs trees only, so nothing is fetched for it.
    fn window_blobs(&self, head: &CommitSha, window: Window) -> Result<Vec<String>, Failure> {
        let mut arguments = log_arguments(head, window, usize::MAX >> 1)?;
        arguments.splice(2..2, LISTING_FLAGS.map(str::to_owned));
        self.listed_blobs(arguments, None)
    }

    fn listed_blobs(&self, arguments: Vec<String>, input: Option<Vec<u8>>) -> Result<Vec<String>, Failure> {
        let what = "list the changed files";
        let mut running = self.git.start(what, arguments, input)?;
        let mut ids = Vec::new();
        let mut reader = LogReader::new(&mut running.stdout, 0);
        while let Some((_, raw)) = reader.next_landing().map_err(|error| unreadable(what, &error))? {
            // A submodule's entry names a commit of another repository, which must not be asked for here.
            let sides = raw
                .into_iter()
                .flat_map(|entry| [(entry.change.old_mode, entry.old_id), (entry.change.new_mode, entry.new_id)]);
            ids.extend(
                sides.filter(|(mode, _)| *mode != Some(crate::model::landing::FileMode::SUBMODULE)).map(|(_, id)| id),
            );
        }
        running.finish()?;
        Ok(ids)
    }

    /// Runs `git log` and visits each landing as it comes.
    fn stream(
        &self,
        arguments: Vec<String>,
        input: Option<Vec<u8>>,
        limits: LandingLimits,
        mut visit: impl FnMut(Landing),
    ) -> Result<Vec<Gap>, Failure> {
        let what = "read the landings";
        let grafts = self.shallow_ends();
        let mut running = self.git.start(what, arguments, input)?;
        let (mut seen, mut gaps) = (0, Vec::new());
        let mut reader = LogReader::new(&mut running.stdout, limits.bytes_each);
        loop {
            match reader.next_landing() {
                Ok(Some(_)) if seen == limits.landings => {
                    let why = format!("more than {seen} landings lie in the window");
                    gaps.push(Gap::new("older landings of the window", why));
                    return Ok(gaps);
                }
                Ok(Some((mut landing, _))) => {
                    seen += 1;
                    if grafts.contains(&landing.commit) {
                        landing.changes.clear();
                        landing.extent = Extent::Unknown;
                    }
                    gaps.extend(gap_of(&landing));
                    visit(landing);
                }
                Ok(None) => break,
                // Git's own last words say more than a stream that broke off.
                Err(error) => return Err(running.finish().err().unwrap_or_else(|| unreadable(what, &error))),
            }
        }
        running.finish()?;
        Ok(gaps)
    }

    /// The commits at which a shallow clone's history ends. Their differences would show the whole tree as new.
    fn shallow_ends(&self) -> HashSet<CommitSha> {
        let Some(common) = self.common_directory() else { return HashSet::new() };
        let text = std::fs::read_to_string(common.join("shallow")).unwrap_or_default();
        text.lines().map(CommitSha::new).collect()
    }

    /// Which of the commits may be read: those that are there and were committed by `until`.
    pub(super) fn readable(
        &self,
        commits: &[CommitSha],
        until: Timestamp,
    ) -> Result<(Vec<CommitSha>, Vec<Gap>), Failure> {
        let names = commits.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
        let objects = self.read_objects(&names, 1 << 20)?;
        let (mut readable, mut gaps) = (Vec::new(), Vec::new());
        for (commit, object) in commits.iter().zip(&objects) {
            match committed_at(object) {
                None => gaps.push(Gap::new(format!("commit {}", commit.short()), "the repository does not have it")),
                Some(at) if at > until.timestamp() => {
                    gaps.push(Gap::new(format!("commit {}", commit.short()), "it is later than the incident"));
                }
                Some(_) => readable.push(commit.clone()),
            }
        }
        Ok((readable, gaps))
    }

    /// A gap for each of the commits that the branch ending at `head` does not reach.
    fn strays(&self, head: &CommitSha, commits: &[CommitSha]) -> Result<Vec<Gap>, Failure> {
        let what = "compare the commits with the branch";
        let mut list: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        list.push_str(&format!("^{}\n", checked(head)?));
        let arguments = ["rev-list", "--stdin"].map(str::to_owned);
        let mut running = self.git.start(what, arguments, Some(list.into_bytes()))?;
        let lines = (&mut running.stdout).lines().collect::<Result<HashSet<String>, _>>();
        let beyond = lines.map_err(|error| unreadable(what, &error))?;
        running.finish()?;
        let stray = commits.iter().filter(|commit| beyond.contains(commit.as_str()));
        let gap = |commit: &CommitSha| {
            let why = "the branch does not reach it; it is ranked because it was named";
            Gap::new(format!("whether commit {} ever ran", commit.short()), why)
        };
        Ok(stray.map(gap).collect())
    }
}

/// Keeps the landings that `read` visits within the limit of all of them together.
fn kept(
    limits: LandingLimits,
    read: impl FnOnce(&mut dyn FnMut(Landing)) -> Result<Vec<Gap>, Failure>,
) -> Result<Landings, Failure> {
    let (mut landings, mut left, mut cut) = (Vec::new(), limits.bytes_total, 0_usize);
    let mut gaps = read(&mut |mut landing| {
        cut += usize::from(fit(&mut landing, &mut left));
        landings.push(landing);
    })?;
    if cut > 0 {
        let why = format!("all differences together exceed {} bytes", limits.bytes_total);
        gaps.push(Gap::new(format!("the lines of {cut} landings"), why));
    }
    Ok(Landings { landings, gaps })
}

/// `git log` over the commits that it is given on its standard input, and no others.
fn named_arguments(flags: &[&str]) -> Vec<String> {
    let all = ["log", "--no-walk=unsorted", HEADER_FORMAT].into_iter().chain(flags.iter().copied()).chain(["--stdin"]);
    all.map(str::to_owned).collect()
}

/// Commits a line each, as git reads them.
fn listed(commits: &[CommitSha]) -> Result<String, Failure> {
    commits.iter().map(|commit| checked(commit).map(|id| format!("{id}\n"))).collect()
}

/// Flags of a listing that names blobs and needs none.
pub(super) const LISTING_FLAGS: [&str; 6] =
    ["-z", "--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent", "--encoding=UTF-8"];

/// Whether git would read a moment as a date in words. No repository is so old.
pub(super) fn before_git_time(moment: Timestamp) -> bool {
    moment.timestamp() < GIT_EPOCH
}

/// `git log --first-parent` over the window. Flags for what to print go behind the second argument.
fn log_arguments(head: &CommitSha, window: Window, most: usize) -> Result<Vec<String>, Failure> {
    Ok(vec![
        "log".to_owned(),
        "--first-parent".to_owned(),
        HEADER_FORMAT.to_owned(),
        format!("--since=@{}", window.from.timestamp()),
        format!("--until=@{}", window.until.timestamp()),
        format!("--max-count={}", most.min(i32::MAX as usize)),
        "--end-of-options".to_owned(),
        checked(head)?.to_owned(),
        "--".to_owned(),
    ])
}

/// The committer's time of a commit object, in seconds since 1970.
fn committed_at(object: &Object) -> Option<i64> {
    let Object::Found { kind, bytes, .. } = object else { return None };
    let text = String::from_utf8_lossy(bytes);
    let header = text.split("\n\n").next().filter(|_| kind == "commit")?;
    let line = header.lines().find_map(|line| line.strip_prefix("committer "))?;
    line.rsplit(' ').nth(1)?.parse().ok()
}

fn gap_of(landing: &Landing) -> Option<Gap> {
    let why = match landing.extent {
        Extent::Whole => return None,
        Extent::Cut => "its difference is larger than the limit",
        Extent::Unknown => "the clone is shallow and its history ends there",
    };
    Some(Gap::new(format!("lines of landing {}", landing.commit.short()), why))
}

/// Drops the hunks that do not fit into what is left; true when some were dropped.
fn fit(landing: &mut Landing, left: &mut usize) -> bool {
    let size: usize = landing.changes.iter().flat_map(|change| &change.hunks).map(|hunk| hunk.text.len()).sum();
    if size <= *left {
        *left -= size;
        return false;
    }
    *left = 0;
    landing.extent = Extent::Cut;
    landing.changes.iter_mut().for_each(|change| change.hunks.clear());
    true
}
