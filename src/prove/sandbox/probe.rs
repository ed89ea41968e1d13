//! Trying every wall from inside: what a report says of the isolation was seen to hold, moments before.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid, getgroups, getppid, getuid, setuid};
use serde::{Deserialize, Serialize};

use super::raw;
use crate::model::proof::Wall;

/// What is tried. All of it exists, so that a refusal is a refusal and not a lack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attempts {
    /// A file beside the command's folder that anybody may read.
    pub(crate) file: PathBuf,
    /// A socket beside the command's folder that anybody may connect to.
    pub(crate) socket: PathBuf,
    /// Our runner's process.
    pub(crate) runner: i32,
    /// The command's own folder.
    pub(crate) own: PathBuf,
}

/// One attempt and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// The wall that should have held.
    pub(crate) wall: Wall,
    /// What was tried, as a clause after "it could".
    pub(crate) what: String,
    /// Whether it was refused.
    pub(crate) refused: Refused,
}

/// Whether an attempt was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refused {
    /// The wall held.
    Yes,
    /// It did not.
    No,
}

impl From<bool> for Refused {
    fn from(is_refused: bool) -> Refused {
        if is_refused { Refused::Yes } else { Refused::No }
    }
}

/// Tries everything and prints the list as one line of JSON. Ends with 3 where its own folder is not writable, since then
/// nothing could be built either.
pub(super) fn run(attempts: &Attempts) -> ExitCode {
    if fs::write(attempts.own.join("probe"), "probe").is_err() {
        return ExitCode::from(3);
    }
    let _ = fs::remove_file(attempts.own.join("probe"));
    let all = [user(), files(attempts), network(attempts), processes(attempts), system_calls(), environment()].concat();
    let Ok(line) = serde_json::to_string(&all) else { return ExitCode::FAILURE };
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn tried(wall: Wall, what: impl Into<String>, is_refused: bool) -> Tried {
    Tried { wall, what: what.into(), refused: is_refused.into() }
}

fn user() -> Vec<Tried> {
    let groups_gone = getgroups().is_ok_and(|groups| groups.iter().all(|group| group.as_raw() == nobody_or(getuid())));
    vec![
        tried(Wall::User, "be root", !getuid().is_root() && setuid(Uid::from_raw(0)).is_err()),
        tried(Wall::User, "keep the groups of its starter", groups_gone),
        tried(Wall::User, "gain rights from a program", prctl::get_no_new_privs() == Ok(true)),
    ]
}

/// In a namespace that maps nobody, groups cannot be given up, but all of them are shown, and count, as nobody's.
fn nobody_or(user: Uid) -> u32 {
    const OVERFLOW: u32 = 65_534;
    if user.as_raw() == OVERFLOW { OVERFLOW } else { user.as_raw() }
}

fn files(attempts: &Attempts) -> Vec<Tried> {
    let parent = attempts.file.parent().unwrap_or(Path::new("/"));
    let mut all = vec![
        tried(Wall::Files, "read a file outside of its folder", fs::read(&attempts.file).is_err()),
        tried(Wall::Files, "write a file outside of its folder", fs::write(&attempts.file, "x").is_err()),
        tried(Wall::Files, "list the folder above", fs::read_dir(parent).is_err()),
    ];
    for folder in ["/tmp", "/var/tmp", "/dev/shm", "/run"].map(Path::new).into_iter().filter(|path| path.is_dir()) {
        let path = folder.join(format!("incident-responder-probe-{}", std::process::id()));
        let is_refused = fs::write(&path, "x").is_err();
        let _ = fs::remove_file(&path);
        all.push(tried(Wall::Files, format!("write into {}", folder.display()), is_refused));
    }
    all
}

fn network(attempts: &Attempts) -> Vec<Tried> {
    const FAMILIES: [(i32, &str); 5] = [
        (libc::AF_INET, "IPv4"),
        (libc::AF_INET6, "IPv6"),
        (libc::AF_NETLINK, "netlink"),
        (libc::AF_PACKET, "packet"),
        (libc::AF_VSOCK, "virtual machine"),
    ];
    let refused = |family: i32| raw::refused_with(libc::SYS_socket, family.into(), 0) == libc::EPERM;
    let mut all: Vec<Tried> = FAMILIES
        .into_iter()
        .map(|(family, name)| tried(Wall::Network, format!("make an {name} socket"), refused(family)))
        .collect();
    all.push(tried(Wall::Network, "connect to a local socket", UnixStream::connect(&attempts.socket).is_err()));
    let docker = Path::new("/var/run/docker.sock");
    all.push(tried(Wall::Network, "connect to the Docker socket", UnixStream::connect(docker).is_err()));
    all
}

fn processes(attempts: &Attempts) -> Vec<Tried> {
    let proc = |file: &str| fs::read(format!("/proc/{}/{file}", attempts.runner));
    let is_ours = |text: &[u8]| text.windows(NAME.len()).any(|part| part == NAME);
    let cmdline_hidden = proc("cmdline").map_or(true, |text| !is_ours(&text));
    vec![
        tried(Wall::Processes, "read the runner's variables", proc("environ").is_err()),
        tried(Wall::Processes, "read the runner's memory", proc("mem").is_err()),
        tried(Wall::Processes, "read the runner's command line", cmdline_hidden),
        tried(Wall::Processes, "signal the runner", kill(Pid::from_raw(attempts.runner), None).is_err()),
        tried(Wall::Processes, "trace the runner", !traces(attempts.runner)),
        tried(Wall::Processes, "trace its keeper", !traces(getppid().as_raw())),
    ]
}

/// Whether a process can be traced. Seizing it does not stop it, and ends with the tracer.
fn traces(process: i32) -> bool {
    raw::refused_with(libc::SYS_ptrace, libc::PTRACE_SEIZE.into(), process.into()) == 0
}

/// Part of our program's name, by which a command line is known to be the runner's and not that of a namesake by number.
const NAME: &[u8] = b"incident-responder";

fn system_calls() -> Vec<Tried> {
    let calls: [(libc::c_long, &str); 9] = [
        (libc::SYS_mount, "mount"),
        (libc::SYS_unshare, "make a namespace"),
        (libc::SYS_keyctl, "ask for keys"),
        (libc::SYS_bpf, "load a kernel program"),
        (libc::SYS_userfaultfd, "handle faults of memory"),
        (libc::SYS_perf_event_open, "measure the machine"),
        (libc::SYS_io_uring_setup, "make a ring of requests"),
        (libc::SYS_process_vm_readv, "read another process's memory"),
        (libc::SYS_chroot, "change its root"),
    ];
    let one = |(call, what): (libc::c_long, &str)| {
        tried(Wall::SystemCalls, what, raw::refused_with(call, 0, 0) == libc::EPERM)
    };
    calls.map(one).to_vec()
}

fn environment() -> Vec<Tried> {
    const OURS: [&str; 4] = ["PATH", "HOME", "TMPDIR", "LANG"];
    let only_ours = std::env::vars_os().all(|(name, _)| OURS.iter().any(|ours| name == *ours));
    vec![tried(Wall::Environment, "see a variable of its starter", only_ours)]
}
