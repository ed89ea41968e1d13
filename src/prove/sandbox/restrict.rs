//! Taking the rights away: limits, user, files, system calls, in the order in which each is still permitted.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::filter::Filters;
use super::{Identity, Limits, OwnProgram, Spec, raw};

/// The newest rules that we know; an older kernel keeps those that it has.
const RULES: ABI = ABI::V6;

/// Programs, libraries and what they need to start. Read and executed, never written.
const SYSTEM: [&str; 15] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
];

/// Devices that hold nothing.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Everything prepared, so that the new process only has to apply it.
pub(super) struct Walls {
    identity: Identity,
    limits: Limits,
    group: Option<File>,
    rules: Option<RulesetCreated>,
    filters: Filters,
}

impl Walls {
    /// Opens and compiles what is needed while we may still do so. `own_proc` says that `/proc` shows this sandbox alone.
    ///
    /// # Errors
    /// Where this kernel lacks what is required.
    pub(super) fn prepare(spec: &Spec, own_proc: bool) -> io::Result<Walls> {
        let group = spec.join.as_ref().map(|file| File::options().write(true).open(file)).transpose()?;
        Ok(Walls {
            identity: spec.identity,
            limits: spec.limits,
            group,
            rules: Some(file_rules(spec, own_proc)?),
            filters: Filters::compile()?,
        })
    }

    /// Applies all of it to the calling process.
    ///
    /// # Errors
    /// Where one wall cannot be put up: then the command must not be started.
    pub(super) fn raise(&mut self) -> io::Result<()> {
        raw::close_others_on_exec()?;
        if let Some(group) = &mut self.group {
            group.write_all(b"0")?;
        }
        // Our own allocator does without large pages; what is proven uses memory as it does anywhere else.
        let _ = prctl::set_thp_disable(false);
        // Should the machine run out of memory, this is to be ended first. Where it cannot be said, the kernel chooses.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        limit(self.limits)?;
        leave_our_user(self.identity)?;
        prctl::set_no_new_privs()?;
        let rules = self.rules.take().ok_or_else(|| io::Error::other("the rules were applied before"))?;
        let status = rules.restrict_self().map_err(io::Error::other)?;
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err(io::Error::other("this kernel has no Landlock, or it is switched off"));
        }
        self.filters.install()
    }
}

fn limit(limits: Limits) -> io::Result<()> {
    let all = [
        (Resource::RLIMIT_CPU, limits.cpu_seconds),
        (Resource::RLIMIT_FSIZE, limits.file_bytes),
        (Resource::RLIMIT_NPROC, limits.processes),
        (Resource::RLIMIT_NOFILE, limits.open_files),
        // A core file would be the whole memory, in our folder or wherever the machine's pattern puts it.
        (Resource::RLIMIT_CORE, 0),
    ];
    all.into_iter().try_for_each(|(resource, most)| Ok(setrlimit(resource, most, most)?))
}

fn leave_our_user(identity: Identity) -> io::Result<()> {
    match identity {
        Identity::Throwaway(id) => {
            setgroups(&[])?;
            let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
            setresgid(group, group, group)?;
            setresuid(user, user, user)?;
        }
        // In a user namespace that maps nobody, no program gets any capability back.
        Identity::Unmapped => unshare(CloneFlags::CLONE_NEWUSER)?,
    }
    Ok(())
}

fn file_rules(spec: &Spec, own_proc: bool) -> io::Result<RulesetCreated> {
    let own = PathFd::new(&spec.folder).map_err(io::Error::other)?;
    let handled = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(RULES)))
        .and_then(|rules| rules.scope(Scope::from_all(RULES)))
        .and_then(Ruleset::create);
    let mut rules = handled
        .and_then(|rules| rules.add_rule(PathBeneath::new(own, AccessFs::from_all(RULES))))
        .map_err(io::Error::other)?;
    let read = AccessFs::from_read(RULES);
    for path in SYSTEM {
        rules = allow(rules, Path::new(path), read)?;
    }
    for path in DEVICES {
        rules = allow(rules, Path::new(path), AccessFs::ReadFile | AccessFs::WriteFile)?;
    }
    if own_proc {
        rules = allow(rules, Path::new("/proc"), AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    if spec.own_program == OwnProgram::Allowed {
        rules = allow(rules, Path::new("/proc/self/exe"), AccessFs::ReadFile | AccessFs::Execute)?;
    }
    Ok(rules)
}

/// Allows what is there; a path that this system lacks needs no rule.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    let Ok(file) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(RULES) };
    rules.add_rule(PathBeneath::new(file, access)).map_err(io::Error::other)
}
