//! The inverse of a landing, computed as a merge of trees without a work tree.
//!
//! Taking a landing back is a three-way merge: what it left behind is the base, the head of the branch is one side, and what was
//! there before it is the other. For a merge commit the first parent is what was there before. `git merge-tree` takes its
//! base from history (2.40 can be told one, 2.38 cannot), so three commits are made up around the three trees. They and what
//! the merge writes go to a scratch repository that borrows the objects of the real one, into which nothing is written.

use std::path::PathBuf;

use tempfile::TempDir;

use super::git::{Git, Network, refused, unreadable};
use super::log::{HEADER_FORMAT, LogReader, RawChange};
use super::objects::{Object, ObjectReader};
use super::{DEADLINE, Repository, checked};
use crate::diagnose::summary;
use crate::failure::Failure;
use crate::model::ids::{CommitSha, RepositoryPath};
use crate::model::landing::{FileMode, takes_back};
use crate::model::rollback::{FileState, Inverse, InverseChange, Later};

/// A file that an inverse changes may have this many bytes. GitHub takes bodies of a few tens of megabytes.
const FILE_LIMIT: u64 = 8 << 20;
/// Landings since the culprit that are read.
const LATER_LIMIT: usize = 5_000;
/// Versions that are fetched to see where a file went that the head no longer has.
const MOVED_LIMIT: usize = 2_000;
/// How many bytes a listing of changes may have.
const LIST_LIMIT: u64 = 64 << 20;

/// A commit's tree and first parent.
struct Commit {
    tree: String,
    parent: Option<CommitSha>,
}

impl Repository {
    /// What taking `landing` back would change at `head`.
    ///
    /// # Errors
    /// Where git cannot be run. What this repository cannot answer (the first commit, a shallow end, a file that is too large) is
    /// [`Inverse::Unknown`].
    pub fn inverse(&self, landing: &CommitSha, head: &CommitSha) -> Result<Inverse, Failure> {
        let unknown = |why: &str| Ok(Inverse::Unknown(why.to_owned()));
        let (Some(culprit), Some(ours)) = (self.commit(landing)?, self.commit(head)?) else {
            return unknown("the repository does not have the commit");
        };
        let Some(parent) = culprit.parent else { return unknown("nothing was there before the first commit") };
        let Some(before) = self.commit(&parent)? else { return unknown("the clone's history ends at the landing") };
        self.fetch_for_inverse(&culprit.tree, &before.tree, head)?;
        let scratch = self.scratch(&ours.tree)?;
        let base = scratch.commit(&culprit.tree, None)?;
        let sides = [scratch.commit(&ours.tree, Some(&base))?, scratch.commit(&before.tree, Some(&base))?];
        match scratch.merge(&sides)? {
            Merged::Conflicts(paths) => Ok(Inverse::Conflicts(paths)),
            Merged::Tree(tree) => {
                let changed = listed(&scratch.git, &ours.tree, &tree)?;
                scratch.contents(changed)
            }
        }
    }

    /// The landings after `landing` up to `head`: those that changed one of its files, and those that say they take it back.
    ///
    /// # Errors
    /// Where git cannot be run or the repository lacks the commits.
    pub fn later(&self, landing: &CommitSha, head: &CommitSha) -> Result<Later, Failure> {
        let mut later = Later::default();
        let Some(Commit { tree, parent: Some(parent) }) = self.commit(landing)? else { return Ok(later) };
        let Some(before) = self.commit(&parent)? else { return Ok(later) };
        let own = listed(&self.git, &before.tree, &tree)?;
        let is_own = |path: &RepositoryPath| own.iter().any(|change| change.change.path == *path);
        let what = "read the landings after one";
        let mut arguments = ["log", "--first-parent", HEADER_FORMAT].map(str::to_owned).to_vec();
        arguments.extend(super::landings::LISTING_FLAGS.map(str::to_owned));
        arguments.push(format!("--max-count={}", LATER_LIMIT + 1));
        arguments.extend(["--end-of-options".to_owned(), format!("{}..{}", checked(landing)?, checked(head)?)]);
        arguments.push("--".to_owned());
        let mut running = self.git.start(what, arguments, None)?;
        let (mut reader, mut seen) = (LogReader::new(&mut running.stdout, 0), 0);
        while let Some((other, _)) = reader.next_landing().map_err(|error| unreadable(what, &error))? {
            seen += 1;
            if seen > LATER_LIMIT {
                later.cut = true;
                return Ok(later);
            }
            if takes_back(&format!("{}\n{}", other.subject, other.body), landing) {
                later.reverts.push(summary(&other));
            }
            if let Some(change) = other.changes.iter().find(|change| is_own(&change.path)) {
                later.on_same_files.push((summary(&other), change.path.clone()));
            }
        }
        running.finish().map(|()| later)
    }

    fn commit(&self, id: &CommitSha) -> Result<Option<Commit>, Failure> {
        let Some(Object::Found { kind, bytes, .. }) = self.read_objects(&[checked(id)?], 1 << 20)?.pop() else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes);
        let field =
            |name: &str| text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name));
        let parent = field("parent ").map(CommitSha::new);
        Ok(field("tree ").filter(|_| kind == "commit").map(|tree| Commit { tree: tree.to_owned(), parent }))
    }

    /// Fetches, for a private copy, what the merge will compare: both sides of the landing, the same files at the head and, where
    /// the head no longer has one of them, everything that may be where it went.
    fn fetch_for_inverse(&self, after: &str, before: &str, head: &CommitSha) -> Result<(), Failure> {
        if self.copy == super::Copy::Foreign {
            return Ok(());
        }
        let files = self.files(head)?;
        let at_head: std::collections::HashMap<&str, &str> =
            files.iter().map(|file| (file.path.as_str(), file.blob.as_str())).collect();
        let own = listed(&self.git, before, after)?;
        let mut wanted = blobs(&own);
        wanted.extend(own.iter().filter_map(|it| at_head.get(it.change.path.as_str()).map(|id| (*id).to_owned())));
        // How a file merges is written there; without its contents git would silently merge it as text.
        let attributes = files.iter().filter(|file| file.path.as_str().rsplit('/').next() == Some(".gitattributes"));
        wanted.extend(attributes.map(|file| file.blob.clone()));
        let is_gone = |it: &RawChange| it.change.new_mode.is_some() && !at_head.contains_key(it.change.path.as_str());
        if own.iter().any(is_gone) {
            let since = listed(&self.git, after, checked(head)?)?;
            let new = since.iter().filter(|it| it.change.old_mode.is_none()).take(MOVED_LIMIT);
            wanted.extend(new.map(|it| it.new_id.clone()));
        }
        self.fetch_blobs(wanted.iter().map(String::as_str))
    }

    /// An empty repository that borrows this one's objects. What decides how files merge (`.gitattributes`) is read from `tree`.
    fn scratch(&self, tree: &str) -> Result<Scratch, Failure> {
        let folder = match (&self.git.directory, self.copy) {
            (Some(directory), super::Copy::Private) => directory.parent().map(PathBuf::from),
            _ => None,
        };
        let unusable = |why: std::io::Error| {
            Failure::configuration(
                format!("No temporary folder can be made for a merge: {why}."),
                "Make RUNNER_TEMP, or the system's temporary folder, writable and give it space.",
            )
        };
        let folder = match folder {
            Some(parent) => TempDir::with_prefix_in("merge-", parent),
            None => TempDir::with_prefix("merge-"),
        };
        let folder = folder.map_err(unusable)?;
        let directory = folder.path().join("scratch.git");
        let format = if tree.len() == 64 { "sha256" } else { "sha1" };
        let maker = Git::new(None, Network::Forbidden, folder.path().to_owned(), DEADLINE);
        let init =
            ["init", "--quiet", "--bare", "--template=", &format!("--object-format={format}")].map(str::to_owned);
        let place = directory.clone().into_os_string();
        maker.output("make a scratch repository", init.map(Into::into).into_iter().chain([place]), None, 1 << 16)?;
        let info = directory.join("objects/info");
        std::fs::create_dir_all(&info).map_err(unusable)?;
        let mut alternates = self.objects_folder().into_os_string().into_encoded_bytes();
        alternates.push(b'\n');
        std::fs::write(info.join("alternates"), alternates).map_err(unusable)?;
        let git = Git::new(Some(directory), Network::Forbidden, folder.path().to_owned(), DEADLINE)
            .with_setting("user.name", "none")
            .with_setting("user.email", "none")
            .with_setting("attr.tree", tree);
        Ok(Scratch { git, _folder: folder })
    }

    /// Where the objects are. A linked work tree shares those of the main one.
    fn objects_folder(&self) -> PathBuf {
        self.common_directory().unwrap_or_default().join("objects")
    }
}

/// A repository for one merge, removed with this value.
struct Scratch {
    git: Git,
    _folder: TempDir,
}

/// What a merge gave.
enum Merged {
    Tree(String),
    Conflicts(Vec<RepositoryPath>),
}

impl Scratch {
    fn commit(&self, tree: &str, parent: Option<&str>) -> Result<String, Failure> {
        let mut arguments = vec!["commit-tree", tree, "-m", "side"];
        arguments.extend(parent.iter().flat_map(|parent| ["-p", parent]));
        let printed = self.git.output("make up a commit", arguments, None, 1 << 10)?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    /// Exit code 0 and a tree, or 1, a tree with markers in it, and the names of the files that have them.
    fn merge(&self, [ours, theirs]: &[String; 2]) -> Result<Merged, Failure> {
        let what = "merge two trees";
        let arguments = ["merge-tree", "--write-tree", "-z", "--no-messages", "--name-only", ours, theirs];
        let mut running = self.git.start(what, arguments, None)?;
        let mut printed = Vec::new();
        std::io::copy(&mut std::io::Read::take(&mut running.stdout, LIST_LIMIT), &mut printed)
            .map_err(|error| unreadable(what, &error))?;
        let (status, stderr) = running.end()?;
        let printed = String::from_utf8_lossy(&printed);
        let mut fields = printed.split(['\0', '\n']).filter(|field| !field.is_empty());
        let tree = fields.next().unwrap_or_default().to_owned();
        match status.code() {
            Some(0) if !tree.is_empty() => Ok(Merged::Tree(tree)),
            Some(1) if !tree.is_empty() => {
                let mut paths: Vec<RepositoryPath> = fields.map(RepositoryPath::new).collect();
                paths.dedup();
                Ok(Merged::Conflicts(paths))
            }
            _ => Err(refused(what, status, &stderr)),
        }
    }

    /// The changed files with their bytes on both sides.
    fn contents(&self, changed: Vec<RawChange>) -> Result<Inverse, Failure> {
        if let Some(odd) = changed.iter().find(|it| it.change.path.as_str().contains('\u{fffd}')) {
            return Ok(Inverse::Unknown(format!("the name of {} is not UTF-8", odd.change.path)));
        }
        let ids = blobs(&changed);
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        let objects = ObjectReader::default().read(&self.git, &names, FILE_LIMIT)?;
        let read: std::collections::HashMap<&str, &Object> = names.iter().copied().zip(&objects).collect();
        let state = |mode: Option<FileMode>, id: &str| match (mode, read.get(id)) {
            (None, _) => Ok(None),
            (Some(FileMode::SUBMODULE), _) => Ok(Some(FileState { mode: FileMode::SUBMODULE, contents: Vec::new() })),
            (Some(mode), Some(Object::Found { bytes, .. })) => Ok(Some(FileState { mode, contents: bytes.clone() })),
            (Some(_), Some(Object::TooLarge { bytes })) => Err(format!("a file has {bytes} bytes")),
            (Some(_), Some(Object::Missing) | None) => Err("the clone lacks the contents of a file".to_owned()),
        };
        let mut changes = Vec::with_capacity(changed.len());
        for RawChange { change, old_id, new_id } in &changed {
            match (state(change.old_mode, old_id), state(change.new_mode, new_id)) {
                (Ok(before), Ok(after)) => changes.push(InverseChange { path: change.path.clone(), before, after }),
                (Err(why), _) | (_, Err(why)) => return Ok(Inverse::Unknown(format!("{}: {why}", change.path))),
            }
        }
        Ok(Inverse::Clean(changes))
    }
}

/// The differences of two trees, file by file and without renames.
fn listed(git: &Git, before: &str, after: &str) -> Result<Vec<RawChange>, Failure> {
    let what = "compare two trees";
    let arguments =
        ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--end-of-options", before, after];
    let printed = git.output(what, arguments, None, LIST_LIMIT)?;
    LogReader::new(printed.as_slice(), 0).raw_listing().map_err(|error| unreadable(what, &error))
}

/// The ids of the files on both sides. A submodule's id names a commit of another repository.
fn blobs(changes: &[RawChange]) -> Vec<String> {
    let sides = changes.iter().flat_map(|it| [(it.change.old_mode, &it.old_id), (it.change.new_mode, &it.new_id)]);
    sides.filter(|(mode, _)| mode.is_some_and(|mode| mode != FileMode::SUBMODULE)).map(|(_, id)| id.clone()).collect()
}
