//! How one file came to be as it is: its landings, its lines' origins, and when a text came or went.

use std::collections::HashMap;

use chrono::DateTime;

use super::git::unreadable;
use super::log::{HEADER_FORMAT, LogReader};
use super::objects::Object;
use super::{Repository, checked};
use crate::failure::Failure;
use crate::model::evidence::Gap;
use crate::model::ids::{CommitSha, RepositoryPath, Timestamp};
use crate::model::landing::Person;

/// How many bytes of one version of a file are searched.
const VERSION_LIMIT: u64 = 8 << 20;

/// The landings that changed one file, newest first, up to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHistory {
    /// The file. Former names are not followed.
    pub path: RepositoryPath,
    /// Newest first.
    pub revisions: Vec<FileRevision>,
    /// Whether older revisions exist that were not looked at.
    pub gap: Option<Gap>,
}

/// One landing that changed the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRevision {
    /// The landing.
    pub commit: CommitSha,
    /// Its first parent.
    pub parent: Option<CommitSha>,
    /// When it landed.
    pub committed_at: Timestamp,
    /// Who wrote it.
    pub author: Person,
    /// The first line of its message.
    pub subject: String,
    /// The file's content before.
    old_blob: String,
    /// The file's content after.
    new_blob: String,
}

/// A landing after which a text stands more or less often in a file than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence<'a> {
    /// The landing.
    pub revision: &'a FileRevision,
    /// How often the text stood in the file before it.
    pub before: usize,
    /// How often it stands there after it.
    pub after: usize,
}

/// Where one line of a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// The line's number in the commit that was asked about, from 1.
    pub line: u32,
    /// The landing that wrote it. `None` where it is older than the history that was looked at.
    pub commit: Option<CommitSha>,
    /// When that landed.
    pub committed_at: Timestamp,
}

impl Repository {
    /// The landings that changed `path`, at most `limit` of them, back from `commit`. A limit that was hit is told as a gap.
    ///
    /// In a private clone the file's versions are fetched in one request, so that blame and search need no more.
    pub fn file_history(
        &self,
        commit: &CommitSha,
        path: &RepositoryPath,
        limit: usize,
    ) -> Result<FileHistory, Failure> {
        let what = "read a file's history";
        let arguments = [
            "log".to_owned(),
            "--first-parent".to_owned(),
            HEADER_FORMAT.to_owned(),
            "-z".to_owned(),
            "--raw".to_owned(),
            "--no-abbrev".to_owned(),
            "--no-renames".to_owned(),
            "--diff-merges=first-parent".to_owned(),
            "--encoding=UTF-8".to_owned(),
            format!("--max-count={}", limit.saturating_add(1).min(i32::MAX as usize)),
            "--end-of-options".to_owned(),
            checked(commit)?.to_owned(),
            "--".to_owned(),
            path.as_str().to_owned(),
        ];
        let mut running = self.git.start(what, arguments, None)?;
        let mut revisions = Vec::new();
        let mut reader = LogReader::new(&mut running.stdout, 0);
        while let Some((landing, raw)) = reader.next_landing().map_err(|error| unreadable(what, &error))? {
            let Some(change) = raw.into_iter().next() else { continue };
            revisions.push(FileRevision {
                commit: landing.commit,
                parent: landing.parents.into_iter().next(),
                committed_at: landing.committed_at,
                author: landing.author,
                subject: landing.subject,
                old_blob: change.old_id,
                new_blob: change.new_id,
            });
        }
        running.finish()?;
        let older = revisions.len() > limit;
        revisions.truncate(limit);
        let blobs = revisions.iter().flat_map(|revision| [revision.old_blob.as_str(), revision.new_blob.as_str()]);
        self.fetch_blobs(blobs)?;
        let gap = older.then(|| {
            Gap::new(
                format!("changes of {path} before its last {limit}"),
                format!("at most {limit} landings of a file are read"),
            )
        });
        Ok(FileHistory { path: path.clone(), revisions, gap })
    }

    /// The landings of `history` after which `needle` stands more or less often in the file than before, newest first.
    pub fn pickaxe<'a>(&self, history: &'a FileHistory, needle: &str) -> Result<Vec<Occurrence<'a>>, Failure> {
        let mut ids: Vec<&str> =
            history.revisions.iter().flat_map(|r| [r.old_blob.as_str(), r.new_blob.as_str()]).collect();
        ids.sort_unstable();
        ids.dedup();
        let objects = self.read_objects(&ids, VERSION_LIMIT)?;
        let counts: HashMap<&str, usize> =
            ids.iter().copied().zip(objects.iter().map(|object| occurrences(object, needle))).collect();
        let count = |id: &str| counts.get(id).copied().unwrap_or(0);
        let occurrences = history.revisions.iter().map(|revision| Occurrence {
            revision,
            before: count(&revision.old_blob),
            after: count(&revision.new_blob),
        });
        Ok(occurrences.filter(|it| it.before != it.after).collect())
    }

    /// Which landing wrote each of the lines `first..=last` of the history's file, as it is at `commit`.
    /// Looks no further back than `history` does.
    pub fn blame(
        &self,
        commit: &CommitSha,
        history: &FileHistory,
        (first, last): (u32, u32),
    ) -> Result<Vec<BlamedLine>, Failure> {
        let mut arguments: Vec<String> =
            ["blame", "--line-porcelain", "--first-parent", "--no-progress", "--encoding=UTF-8"]
                .map(str::to_owned)
                .to_vec();
        arguments.push(format!("-L{},{}", first.max(1), last.max(first).max(1)));
        let end = history.gap.as_ref().and(history.revisions.last()).and_then(|revision| revision.parent.as_ref());
        match end {
            Some(end) => arguments.push(format!("{}..{}", checked(end)?, checked(commit)?)),
            None => arguments.push(checked(commit)?.to_owned()),
        }
        arguments.extend(["--".to_owned(), history.path.as_str().to_owned()]);
        let printed = self.git.output("blame lines of a file", arguments, None, 32 << 20)?;
        Ok(blamed_lines(&String::from_utf8_lossy(&printed), end))
    }

    /// Whether `ancestor` is reachable from `descendant`. A commit is its own ancestor.
    pub fn is_ancestor(&self, ancestor: &CommitSha, descendant: &CommitSha) -> Result<bool, Failure> {
        let what = "compare two commits";
        let arguments = ["merge-base", "--is-ancestor", checked(ancestor)?, checked(descendant)?];
        let mut running = self.git.start(what, arguments, None)?;
        let (status, stderr) = running.end()?;
        match status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(super::git::refused(what, status, &stderr)),
        }
    }

    /// The newest commit on the branch that ends at `head` whose author has this e-mail address.
    pub fn newest_commit_by(&self, head: &CommitSha, email: &str) -> Result<Option<CommitSha>, Failure> {
        let arguments = [
            "log".to_owned(),
            "--fixed-strings".to_owned(),
            "--regexp-ignore-case".to_owned(),
            "--max-count=1".to_owned(),
            "--no-mailmap".to_owned(),
            "--format=%H".to_owned(),
            format!("--author=<{email}>"),
            "--end-of-options".to_owned(),
            checked(head)?.to_owned(),
            "--".to_owned(),
        ];
        let printed = self.git.output("find a person's commits", arguments, None, 4096)?;
        let commit = String::from_utf8_lossy(&printed).trim().to_owned();
        Ok((!commit.is_empty()).then(|| CommitSha::new(commit)))
    }
}

/// How often a text stands in an object. A version that is missing or too large counts as empty on both sides.
fn occurrences(object: &Object, needle: &str) -> usize {
    match object {
        Object::Found { bytes, .. } if !needle.is_empty() => String::from_utf8_lossy(bytes).matches(needle).count(),
        _ => 0,
    }
}

/// `git blame --line-porcelain`: `ID OLD NEW …`, header lines, then the line itself behind a tab.
fn blamed_lines(printed: &str, end: Option<&CommitSha>) -> Vec<BlamedLine> {
    let (mut lines, mut current, mut time, mut at_boundary) = (Vec::new(), None, 0_i64, false);
    for text in printed.lines() {
        if text.starts_with('\t') {
            if let Some((commit, line)) = current.take() {
                let beyond = at_boundary && end.is_some();
                let committed_at = DateTime::from_timestamp(time, 0).unwrap_or_default();
                lines.push(BlamedLine { line, commit: (!beyond).then_some(commit), committed_at });
            }
            at_boundary = false;
        } else if current.is_none() {
            let mut words = text.split(' ');
            let line = words.clone().nth(2).and_then(|line| line.parse().ok());
            current = words.next().map(CommitSha::new).zip(line);
        } else if let Some(seconds) = text.strip_prefix("committer-time ") {
            time = seconds.parse().unwrap_or(0);
        } else if text == "boundary" {
            at_boundary = true;
        }
    }
    lines
}
