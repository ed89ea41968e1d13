//! One side of a proof: a folder and a user of its own, and how commands are confined to them.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

use super::Level;
use super::sandbox::{Identity, Limits, Namespaces, OwnProgram, Spec};
use crate::model::proof::TreeFile;

/// Users that are taken, by number: below the 65,536 of most containers, above those that systems give out.
const USERS: std::ops::Range<u32> = 64_100..65_000;

/// What every command may use besides memory and time.
const FILE_BYTES: u64 = 64 << 20;
const OPEN_FILES: u64 = 256;
/// Processes and threads together, far more than a small service has; a run with [`super::run::MOST_PROCESSES`] processes
/// is stopped before.
const PROCESSES: u64 = 192;

/// A side's place. Its folder is removed by the owner of the folder above.
pub(super) struct Cell {
    /// The folder of this side; all that it may write to.
    pub(super) folder: PathBuf,
    /// The repository's files in it.
    pub(super) tree: PathBuf,
    temporary: PathBuf,
    identity: Identity,
    /// As whom the keeper itself runs, where that is not us.
    pub(super) keeper_user: Option<u32>,
    namespaces: Namespaces,
    lease: Option<Lease>,
}

impl Cell {
    /// Makes the folder `name` below `parent` and finds a user for it.
    ///
    /// # Errors
    /// Where a folder cannot be made or handed over, or no user is free.
    pub(super) fn create(parent: &Path, name: &str, level: Level) -> io::Result<Cell> {
        let folder = parent.join(name);
        let (tree, temporary) = (folder.join("tree"), folder.join("tmp"));
        fs::create_dir_all(&tree)?;
        fs::create_dir_all(&temporary)?;
        let is_root = nix::unistd::geteuid().is_root();
        let lease = if is_root { Some(Lease::take()?) } else { None };
        let user = lease.as_ref().map(|lease| lease.user);
        let (identity, keeper_user, namespaces) = match (user, level) {
            (Some(user), Level::Strongest) => (Identity::Throwaway(user), None, Namespaces::Try),
            (Some(user), Level::WithoutNamespaces) => (Identity::Throwaway(user), None, Namespaces::Without),
            (Some(user), Level::OrdinaryUser) => (Identity::Unmapped, Some(user), Namespaces::Require),
            (None, _) => (Identity::Unmapped, None, Namespaces::Require),
        };
        let cell = Cell { folder, tree, temporary, identity, keeper_user, namespaces, lease };
        [&cell.folder, &cell.tree, &cell.temporary].into_iter().try_for_each(|path| cell.hand_over(path, 0o700))?;
        Ok(cell)
    }

    /// Writes the repository's files into the tree. Paths that lead elsewhere cannot come from git and are refused.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub(super) fn lay_out(&self, files: &[TreeFile]) -> io::Result<()> {
        for file in files {
            let mut folder = self.tree.clone();
            let parts: Vec<&str> = file.path.as_str().split('/').collect();
            if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
                return Err(io::Error::other(format!("{} is no path inside of a tree", file.path)));
            }
            let (name, folders) = parts.split_last().ok_or_else(|| io::Error::other("an empty path"))?;
            for part in folders {
                folder.push(part);
                if !folder.is_dir() {
                    fs::create_dir(&folder)?;
                    self.hand_over(&folder, 0o700)?;
                }
            }
            let target = folder.join(name);
            fs::write(&target, &file.contents)?;
            self.hand_over(&target, file.mode.0 & 0o777)?;
        }
        Ok(())
    }

    /// How a command is confined here; `directory` is relative to the tree.
    pub(super) fn spec(&self, command: Vec<String>, directory: &str, cpu_seconds: u64) -> Spec {
        Spec {
            command,
            folder: self.folder.clone(),
            directory: self.tree.join(directory),
            temporary: self.temporary.clone(),
            identity: self.identity,
            namespaces: self.namespaces,
            own_program: OwnProgram::Hidden,
            join: None,
            limits: Limits { cpu_seconds, file_bytes: FILE_BYTES, processes: PROCESSES, open_files: OPEN_FILES },
        }
    }

    /// Whether commands run as a user that nobody else is.
    pub(super) fn has_own_user(&self) -> bool {
        matches!(self.identity, Identity::Throwaway(_))
    }

    /// Whether the kernel's memory groups are within reach of the command's starter.
    pub(super) fn may_join_groups(&self) -> bool {
        self.keeper_user.is_none()
    }

    fn hand_over(&self, path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        match &self.lease {
            Some(lease) => chown(path, Some(lease.user), Some(lease.user)),
            None => Ok(()),
        }
    }
}

/// A user's number, ours as long as this value lives: an abstract socket of that name is the lock, which the kernel
/// takes back when we end in whatever way.
#[derive(Debug)]
struct Lease {
    user: u32,
    _lock: UnixListener,
}

impl Lease {
    fn take() -> io::Result<Lease> {
        let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let is_known = |user: u32| known.lines().any(|line| line.split(':').nth(2) == Some(user.to_string().as_str()));
        let running: Vec<u32> = owners_of_processes();
        // Runs that begin at the same time start their search at different places.
        let count = USERS.end - USERS.start;
        let shift = std::process::id() % count;
        let candidates = USERS.map(|user| USERS.start + (user - USERS.start + shift) % count);
        for user in candidates.filter(|user| !is_known(*user) && !running.contains(user)) {
            let address = SocketAddr::from_abstract_name(format!("pagerduty-incident-responder-user-{user}"))?;
            if let Ok(lock) = UnixListener::bind_addr(&address) {
                return Ok(Lease { user, _lock: lock });
            }
        }
        Err(io::Error::other("no user number is free for a proof"))
    }
}

fn owners_of_processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes =
        entries.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    processes.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.uid()).collect()
}
