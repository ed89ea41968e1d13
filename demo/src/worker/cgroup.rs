//! A memory cgroup of our own, for one run: made, limited, read, removed. Version 1 and version 2 of the interface.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};

/// Numbers the groups of this process, since several runs may go on side by side.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A memory cgroup without processes of others. It is removed when this value is dropped.
#[derive(Debug)]
pub struct MemoryGroup {
    path: PathBuf,
    version: Version,
}

/// The two interfaces of the kernel: <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html> and
/// <https://docs.kernel.org/admin-guide/cgroup-v2.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl MemoryGroup {
    /// Makes a group below this process's own, or below one of its parents, whichever may be written first.
    ///
    /// # Errors
    /// Where this machine has no memory cgroup, or none that we may write: the text says which and why.
    pub fn create(limit: u64) -> anyhow::Result<MemoryGroup> {
        let own = fs::read_to_string("/proc/self/cgroup").context("no cgroups here: /proc/self/cgroup")?;
        let (version, root, inside) = memory_hierarchy(&own)?;
        let name = format!("incident-demo-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut refused = None;
        for parent in inside.ancestors() {
            let parent = root.join(parent.strip_prefix("/").unwrap_or(parent));
            match try_create(&parent.join(&name), version, limit) {
                Ok(group) => return Ok(group),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| anyhow::anyhow!("no memory cgroup to write below {}", root.display())))
    }

    /// The file into which a process writes its id in order to join.
    pub fn processes_file(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    /// The most memory the group ever used, in bytes.
    ///
    /// # Errors
    /// Where the kernel does not tell it (before Linux 5.19 with version 2).
    pub fn peak(&self) -> anyhow::Result<u64> {
        let file = match self.version {
            Version::V1 => "memory.max_usage_in_bytes",
            Version::V2 => "memory.peak",
        };
        let text = self.read(file)?;
        text.trim().parse().with_context(|| format!("{file} holds no number: {text:?}"))
    }

    /// How many processes of the group the kernel killed because of the limit.
    ///
    /// # Errors
    /// Where the kernel does not tell it.
    pub fn oom_kills(&self) -> anyhow::Result<u64> {
        let file = match self.version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        let text = self.read(file)?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|c| c.trim().parse().ok()).with_context(|| format!("{file} has no oom_kill"))
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = self.path.join(file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The kernel frees a killed process's memory a moment after it was reaped; until then the group is busy.
        for _ in 0..50 {
            if fs::remove_dir(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Finds the hierarchy with the memory controller: its version, where it is mounted, and our own place in it.
fn memory_hierarchy(own: &str) -> anyhow::Result<(Version, &'static Path, &Path)> {
    let mut unified = None;
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        if controllers.split(',').any(|c| c == "memory") {
            return Ok((Version::V1, Path::new("/sys/fs/cgroup/memory"), Path::new(path)));
        }
        if controllers.is_empty() {
            unified = Some(Path::new(path));
        }
    }
    match unified {
        Some(path) => Ok((Version::V2, Path::new("/sys/fs/cgroup"), path)),
        None => bail!("this process is in no memory cgroup"),
    }
}

fn try_create(path: &Path, version: Version, limit: u64) -> anyhow::Result<MemoryGroup> {
    fs::create_dir(path).with_context(|| format!("may not make the cgroup {}", path.display()))?;
    let group = MemoryGroup { path: path.to_owned(), version };
    let write = |file: &str, value: &str| {
        let file = path.join(file);
        fs::write(&file, value).with_context(|| format!("may not write {}", file.display()))
    };
    match version {
        Version::V1 => {
            write("memory.limit_in_bytes", &limit.to_string())?;
            // Swap would let the worker grow beyond its limit. Both files are absent where the kernel has no swap.
            let _ = write("memory.swappiness", "0");
            let _ = write("memory.memsw.limit_in_bytes", &limit.to_string());
        }
        Version::V2 => {
            // Absent where the parent does not hand the controller down. Switching that on would change the machine.
            write("memory.max", &limit.to_string())?;
            let _ = write("memory.swap.max", "0");
        }
    }
    // A join that the kernel would refuse (a version 2 group of another delegation) is better known now.
    group.peak().and_then(|_| group.oom_kills())?;
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_read_from_the_process_file() {
        let v1 = "9:name=systemd:/\n4:cpu,memory:/a/b\n0::/\n";
        let (version, root, inside) = memory_hierarchy(v1).expect("has memory");
        assert_eq!((version, root, inside), (Version::V1, Path::new("/sys/fs/cgroup/memory"), Path::new("/a/b")));

        let v2 = "0::/user.slice/session-1.scope\n";
        let (version, root, inside) = memory_hierarchy(v2).expect("has memory");
        assert_eq!(version, Version::V2);
        assert_eq!((root, inside), (Path::new("/sys/fs/cgroup"), Path::new("/user.slice/session-1.scope")));

        assert!(memory_hierarchy("3:cpu:/\n").is_err());
    }
}
