//! The keeper: starts the confined command, reports on it, and leaves nothing of it behind.

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid, getgid, getpid, getuid, setgroups, setresgid, setresuid};

use super::restrict::Walls;
use super::{Event, Identity, Namespaces, SUBCOMMAND, Spec, Stage, raw};

/// Between two looks at what is still there after everything was ended.
const PAUSE: Duration = Duration::from_millis(5);

/// The first stage: makes namespaces where it may, and becomes or starts the keeper of the command.
pub(super) fn keep(spec: Spec) -> ExitCode {
    let made = match spec.namespaces {
        Namespaces::Without => Err(Errno::EPERM),
        Namespaces::Try | Namespaces::Require => make_namespaces(spec.identity),
    };
    match made {
        Ok(()) => as_init(spec),
        Err(_) if spec.namespaces != Namespaces::Require => {
            guard(&spec, Surroundings { namespaces: false, own_proc: false })
        }
        Err(why) => refuse(&format!("namespaces may not be made here: {}", why.desc())),
    }
}

/// The second stage, process 1 of the namespaces: gives them a `/proc` of their own.
pub(super) fn init(spec: Spec) -> ExitCode {
    // Should the first stage be killed, nobody would read our events any more.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let nothing = None::<&str>;
    let private = mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let own_proc = private.and_then(|()| mount(Some("proc"), "/proc", Some("proc"), flags, nothing)).is_ok();
    guard(&spec, Surroundings { namespaces: true, own_proc })
}

/// Ends everything that a user may end, ourselves excepted: Linux leaves the caller of `kill(-1)` out.
pub(super) fn end_all_of(user: u32) -> ExitCode {
    let (id, group) = (Uid::from_raw(user), Gid::from_raw(user));
    // Never as root: there, -1 is the whole machine.
    if id.is_root() {
        return ExitCode::from(2);
    }
    let became = setgroups(&[]).and_then(|()| setresgid(group, group, group)).and_then(|()| setresuid(id, id, id));
    if became.is_err() || getuid() != id {
        return ExitCode::from(1);
    }
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    ExitCode::SUCCESS
}

/// Where the command will be.
#[derive(Clone, Copy)]
struct Surroundings {
    namespaces: bool,
    own_proc: bool,
}

fn make_namespaces(identity: Identity) -> Result<(), Errno> {
    let flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    match identity {
        Identity::Throwaway(_) => unshare(flags),
        Identity::Unmapped => {
            let (user, group) = (getuid(), getgid());
            unshare(flags | CloneFlags::CLONE_NEWUSER)?;
            let map = |file: &str, text: String| std::fs::write(file, text).map_err(|_| Errno::EPERM);
            map("/proc/self/setgroups", "deny".to_owned())?;
            map("/proc/self/uid_map", format!("0 {user} 1"))?;
            map("/proc/self/gid_map", format!("0 {group} 1"))
        }
    }
}

/// Starts ourselves again as process 1 of the new namespaces, and ends as it does.
fn as_init(spec: Spec) -> ExitCode {
    let Ok(stage) = serde_json::to_string(&Stage::Init(spec)) else { return refuse("the stage cannot be written") };
    let status = Command::new("/proc/self/exe").args([SUBCOMMAND, &stage]).env_clear().status();
    match status {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(why) => refuse(&format!("the second stage was not started: {why}")),
    }
}

/// Starts the command, waits for it, ends what it left, and reports.
fn guard(spec: &Spec, surroundings: Surroundings) -> ExitCode {
    if let Err(why) = prctl::set_child_subreaper(true) {
        return refuse(&format!("orphans cannot be adopted: {why}"));
    }
    let command = match start(spec, surroundings) {
        Ok(id) => id,
        Err(why) => return refuse(&why),
    };
    report(&Event::Started { namespaces: surroundings.namespaces });
    let ender = Ender { identity: spec.identity, namespaces: surroundings.namespaces };
    // From here on there are two threads, and nothing is started with walls any more.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        ender.end_all();
    });
    let end = wait_for(command);
    reap_all(ender);
    report(&end);
    ExitCode::SUCCESS
}

fn start(spec: &Spec, surroundings: Surroundings) -> Result<Pid, String> {
    let (program, arguments) = spec.command.split_first().ok_or("there is no command")?;
    let mut walls = Walls::prepare(spec, surroundings.own_proc).map_err(|why| why.to_string())?;
    // Both streams of the command go where the runner reads them; our own standard error is for events.
    let output = std::io::stdout().as_fd().try_clone_to_owned().map_err(|why| why.to_string())?;
    let errors = output.try_clone().map_err(|why| why.to_string())?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&spec.directory)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", &spec.temporary)
        .env("TMPDIR", &spec.temporary)
        .env("LANG", "C")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    let child = raw::before_exec(&mut command, move || walls.raise()).spawn();
    let child = child.map_err(|why| format!("{program} was not started: {why}"))?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}

/// Waits for the command and, meanwhile, for every orphan that it leaves to us.
fn wait_for(command: Pid) -> Event {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(id, code)) if id == command => return Event::Exited(code),
            Ok(WaitStatus::Signaled(id, signal, _)) if id == command => return Event::Signalled(signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Event::Signalled(Signal::SIGKILL as i32),
        }
    }
}

/// Ends and waits until nobody is left; what forks at that moment is caught by the next turn.
fn reap_all(ender: Ender) {
    ender.end_all();
    let mut since_last = 0;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => {
                std::thread::sleep(PAUSE);
                since_last += 1;
                if since_last % 10 == 0 {
                    ender.end_all();
                }
            }
            _ => {}
        }
    }
}

/// Who ends what a command started.
#[derive(Clone, Copy)]
struct Ender {
    identity: Identity,
    namespaces: bool,
}

impl Ender {
    fn end_all(self) {
        if self.namespaces && getpid() == Pid::from_raw(1) {
            // As process 1 we end everybody else of our namespace, and nobody outside of it.
            let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        } else if let Identity::Throwaway(user) = self.identity
            && let Ok(stage) = serde_json::to_string(&Stage::EndAllOf(user))
        {
            // Another thread may have waited for it already, which is as good.
            let _ = Command::new("/proc/self/exe").args([SUBCOMMAND, &stage]).env_clear().status();
        }
    }
}

fn refuse(why: &str) -> ExitCode {
    report(&Event::Refused(why.to_owned()));
    ExitCode::from(1)
}

fn report(event: &Event) {
    let Ok(mut line) = serde_json::to_string(event) else { return };
    line.push('\n');
    // Where nobody listens any more, there is nobody to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
