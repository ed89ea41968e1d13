//! A memory group of the kernel for one run: made, limited, read, removed. Both versions of the interface.
//!
//! <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html> and <https://docs.kernel.org/admin-guide/cgroup-v2.html>.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Tells the groups of this process apart, since two runs go on side by side.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// What the names of all groups begin with; the process that made it follows.
const PREFIX: &str = "incident-proof-";

/// How often, and how long apart, removing a group is tried: the kernel frees a killed process's memory a little later.
const REMOVALS: (u32, Duration) = (100, Duration::from_millis(10));

/// A group that nobody else uses. It is removed when this value goes.
#[derive(Debug)]
pub(super) struct MemoryGroup {
    folder: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl MemoryGroup {
    /// Makes a group with a limit in bytes, below our own group or the nearest of its parents that may be written.
    ///
    /// # Errors
    /// Where this machine has no memory groups, or none that we may write.
    pub(super) fn create(limit: u64) -> io::Result<MemoryGroup> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let (version, root, inside) =
            hierarchy(&own).ok_or_else(|| io::Error::other("this process is in no memory group"))?;
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut refused = io::Error::other("no memory group may be made");
        for parent in inside.ancestors() {
            let parent = root.join(parent.strip_prefix("/").unwrap_or(parent));
            remove_forgotten(&parent);
            let folder = parent.join(&name);
            match (MemoryGroup { folder, version }).set_up(limit) {
                Ok(group) => return Ok(group),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    fn set_up(self, limit: u64) -> io::Result<MemoryGroup> {
        fs::create_dir(&self.folder)?;
        let write = |file: &str, value: &str| fs::write(self.folder.join(file), value);
        let limit = limit.to_string();
        match self.version {
            Version::One => {
                write("memory.limit_in_bytes", &limit)?;
                // With swap it would outgrow its limit. The files are absent where the kernel does not count swap.
                let _ = write("memory.swappiness", "0");
                let _ = write("memory.memsw.limit_in_bytes", &limit);
            }
            Version::Two => {
                // Absent where the parent does not hand the controller down.
                write("memory.max", &limit)?;
                let _ = write("memory.swap.max", "0");
            }
        }
        self.peak()?;
        self.oom_kills()?;
        Ok(self)
    }

    /// The file into which a process writes `0` in order to join.
    pub(super) fn processes_file(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// The most memory that was ever used, in bytes.
    ///
    /// # Errors
    /// Where the kernel does not tell it: version 2 does since Linux 5.19.
    pub(super) fn peak(&self) -> io::Result<u64> {
        let file = match self.version {
            Version::One => "memory.max_usage_in_bytes",
            Version::Two => "memory.peak",
        };
        let text = fs::read_to_string(self.folder.join(file))?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// How many of its processes the kernel ended because of the limit.
    ///
    /// # Errors
    /// Where the kernel does not tell it.
    pub(super) fn oom_kills(&self) -> io::Result<u64> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(self.folder.join(file))?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
        count.ok_or_else(|| io::Error::other(format!("{file} has no oom_kill")))
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let (times, pause) = REMOVALS;
        for _ in 0..times {
            if fs::remove_dir(&self.folder).is_ok() || !self.folder.exists() {
                return;
            }
            std::thread::sleep(pause);
        }
        tracing::warn!("the memory group {} could not be removed", self.folder.display());
    }
}

/// Removes the empty groups of processes that were killed before they could do it.
fn remove_forgotten(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker.to_string()).exists()) {
            // The kernel refuses while a process is in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The hierarchy with the memory controller: its version, where it is mounted, and our own place in it.
fn hierarchy(own: &str) -> Option<(Version, &'static Path, &Path)> {
    let mut unified = None;
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        if controllers.split(',').any(|controller| controller == "memory") {
            return Some((Version::One, Path::new("/sys/fs/cgroup/memory"), Path::new(path)));
        }
        if controllers.is_empty() {
            unified = Some(Path::new(path));
        }
    }
    unified.map(|path| (Version::Two, Path::new("/sys/fs/cgroup"), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_told_apart() {
        let (version, root, inside) = hierarchy("9:name=systemd:/\n4:cpu,memory:/a/b\n0::/\n").expect("has memory");
        assert_eq!((version, root, inside), (Version::One, Path::new("/sys/fs/cgroup/memory"), Path::new("/a/b")));
        let (version, root, inside) = hierarchy("0::/user.slice/a.scope\n").expect("has memory");
        assert_eq!(
            (version, root, inside),
            (Version::Two, Path::new("/sys/fs/cgroup"), Path::new("/user.slice/a.scope"))
        );
        assert_eq!(hierarchy("3:cpu:/\n"), None);
    }
}
