//! The repository, read with the `git` program: the one place that knows how git is called.
//!
//! Two ways in: [`Repository::open`] reads a folder that belongs to somebody else and never writes into it;
//! [`Repository::clone_from`] makes a private copy that has all commits and trees, but file contents only on request.
//! Everything is synchronous, since git's answers are consumed as they come; an asynchronous caller runs these methods on a
//! blocking thread. Calls are few and combined: each starts one process, apart from [`Repository::head`] and
//! [`Repository::read_files`], which share one that lives as long as the repository.

mod clone;
mod git;
mod history;
mod inverse;
mod landings;
mod log;
mod objects;
mod stretch;
mod tree;
mod version;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::failure::Failure;
use crate::model::ids::{BranchName, CommitSha};

pub use clone::Remote;
pub use history::{BlamedLine, FileHistory, FileRevision, Occurrence};
pub use landings::{LandingLimits, Landings};
pub use stretch::Stretch;
pub use tree::{FileRead, TreeFile};

use git::{Git, Network};
use objects::{Object, ObjectReader};

/// How long one call of git may take. A clone of a large repository takes longest.
const DEADLINE: Duration = Duration::from_secs(300);

/// A repository that can be read.
pub struct Repository {
    git: Git,
    objects: Mutex<ObjectReader>,
    copy: Copy,
    state: Mutex<State>,
}

/// Whose copy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// Somebody else's folder: only read.
    Foreign,
    /// Our own partial clone: file contents are fetched when needed.
    Private,
}

/// What was learned so far, so that it is asked once.
#[derive(Default)]
struct State {
    /// Blobs that were fetched or found.
    present: HashSet<String>,
    /// Windows whose blobs are all present.
    fetched_windows: HashSet<(CommitSha, crate::model::landing::Window)>,
    /// Landings whose blobs are all present.
    fetched_landings: HashSet<CommitSha>,
    /// Files by commit.
    trees: HashMap<CommitSha, Arc<Vec<TreeFile>>>,
}

impl Repository {
    /// Opens a repository that lies in a folder, bare or with a work tree, and reads it only: no fetch, no gc, no index, no lock.
    ///
    /// A configuration failure where the folder holds no repository, or where git is missing or older than 2.38.
    pub fn open(directory: &Path) -> Result<Repository, Failure> {
        let git_directory = locate(directory).ok_or_else(|| {
            Failure::configuration(
                format!("{} is not a git repository", directory.display()),
                "Give a folder that holds a clone, bare or with a work tree.",
            )
        })?;
        let git = Git::new(Some(git_directory), Network::Forbidden, PathBuf::from("/dev/null"), DEADLINE);
        version::check(&git)?;
        Ok(Repository::new(git, Copy::Foreign))
    }

    /// Makes a private copy of `remote` inside `folder`, which must exist and which the caller removes in the end.
    ///
    /// All commits and trees of one branch come at once; file contents follow when they are needed, in one request for many.
    pub fn clone_from(remote: &Remote, folder: &Path) -> Result<Repository, Failure> {
        clone::clone(remote, folder, DEADLINE).map(|git| Repository::new(git, Copy::Private))
    }

    /// How many git processes this repository has started so far.
    pub fn processes(&self) -> u32 {
        self.git.started()
    }

    /// The name of the branch that `HEAD` stands for: in a clone, the remote's default branch.
    pub fn default_branch(&self) -> Result<BranchName, Failure> {
        let what = "read the name of the default branch";
        let output = self.git.output(what, ["symbolic-ref", "--short", "HEAD"], None, 4096)?;
        Ok(BranchName::new(String::from_utf8_lossy(&output).trim()))
    }

    /// The commit at the tip of `branch`, or of the default branch.
    pub fn head(&self, branch: Option<&BranchName>) -> Result<CommitSha, Failure> {
        let name = match branch {
            Some(branch) if is_plain_branch(branch.as_str()) => format!("refs/heads/{branch}"),
            Some(branch) => return Err(no_such_branch(branch.as_str())),
            None => "HEAD".to_owned(),
        };
        match self.read_objects(&[&name], u64::from(u32::MAX))?.pop() {
            Some(Object::Found { id, kind, .. }) if kind == "commit" => Ok(CommitSha::new(id)),
            _ => Err(no_such_branch(branch.map_or("HEAD", BranchName::as_str))),
        }
    }

    /// The directory that holds objects and refs: a linked work tree shares it with the main one.
    fn common_directory(&self) -> Option<PathBuf> {
        let directory = self.git.directory.as_ref()?;
        let common = std::fs::read_to_string(directory.join("commondir"));
        Some(common.map_or_else(|_| directory.clone(), |common| directory.join(common.trim())))
    }

    fn new(git: Git, copy: Copy) -> Repository {
        Repository { git, objects: Mutex::default(), copy, state: Mutex::default() }
    }

    /// Reads objects by id or ref name.
    fn read_objects(&self, names: &[&str], limit: u64) -> Result<Vec<Object>, Failure> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).read(&self.git, names, limit)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The git directory of a clone: the folder itself, its `.git`, or what a `.git` file points at (submodules, linked work trees).
fn locate(directory: &Path) -> Option<PathBuf> {
    let directory = directory.canonicalize().ok()?;
    let inner = directory.join(".git");
    if inner.is_dir() {
        return Some(inner);
    }
    if let Ok(text) = std::fs::read_to_string(&inner) {
        return directory.join(text.strip_prefix("gitdir:")?.trim()).canonicalize().ok();
    }
    (directory.join("HEAD").is_file() && directory.join("objects").is_dir()).then_some(directory)
}

/// Whether a branch name can be asked for as it is: git forbids the rest in names (`git check-ref-format`).
fn is_plain_branch(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.is_empty() && !name.contains(forbidden) && !name.contains("..") && !name.contains("@{")
}

fn no_such_branch(name: &str) -> Failure {
    Failure::peer(
        format!("the repository has no branch {name:?} with a commit on it"),
        "Check the branch's name, and that the repository is not empty.",
    )
}

/// A commit id can be passed to git only if it is one: hexadecimal digits, 40 or 64 of them.
fn checked(commit: &CommitSha) -> Result<&str, Failure> {
    let text = commit.as_str();
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id {
        Ok(text)
    } else {
        Err(Failure::configuration(
            format!("{text:?} is not a full commit id"),
            "Give the 40 (or 64) hexadecimal digits of a commit.",
        ))
    }
}
