//! Which system calls a command may not make.
//!
//! A list of what is refused, not of what is allowed: the commands are other people's programs, built by other people's
//! compilers. Landlock knows TCP only, so sockets are refused here: none but UNIX stream sockets can be made, and those
//! can be connected to nothing (the Docker socket is one). `socketpair` and pipes still work.

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Calls that are refused whatever their arguments are.
pub(super) const REFUSED: &[c_long] = &[
    // Seeing into and steering other processes. `ptrace` itself is left, since LeakSanitizer stops its own threads with it:
    // Landlock lets it reach nothing outside of the sandbox, which the probe tries.
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Connections. A request through io_uring would pass no filter at all.
    libc::SYS_connect,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Keys, handles of files, and the machine itself.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// The x32 table of an x86-64 kernel has the same calls with this bit, and numbers of its own for some.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;
/// x32's own numbers: process_vm_readv, process_vm_writev, kexec_load.
#[cfg(target_arch = "x86_64")]
const X32_OWN: [c_long; 3] = [539, 540, 528];

/// The compiled filters, in the order in which they are installed.
pub(super) struct Filters {
    refuse: BpfProgram,
    pretend_absent: BpfProgram,
}

impl Filters {
    /// Compiles the filters for this machine.
    ///
    /// # Errors
    /// Where there is no such filter for the machine's architecture.
    pub(super) fn compile() -> io::Result<Filters> {
        let mut refused: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
        refused.insert(libc::SYS_socket, vec![other_family()?, datagrams()?]);
        refused.insert(libc::SYS_sendto, vec![addressed()?]);
        refused.insert(libc::SYS_clone, namespace_flags()?);
        refused.insert(libc::SYS_ioctl, vec![typing(libc::TIOCSTI)?, typing(libc::TIOCLINUX)?]);
        // The flags of clone3 lie behind a pointer. Told that it is absent, C libraries fall back to clone.
        let absent = Rules::from([(libc::SYS_clone3, Vec::new())]);
        Ok(Filters { refuse: program(refused, libc::EPERM)?, pretend_absent: program(absent, libc::ENOSYS)? })
    }

    /// Installs them for this process and all that it starts; `no_new_privs` is set with them. There is no way back.
    pub(super) fn install(&self) -> io::Result<()> {
        seccompiler::apply_filter(&self.pretend_absent).map_err(io::Error::other)?;
        seccompiler::apply_filter(&self.refuse).map_err(io::Error::other)
    }
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn program(rules: Rules, error: i32) -> io::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let action = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(with_x32(rules), SeccompAction::Allow, action, architecture);
    filter.and_then(BpfProgram::try_from).map_err(io::Error::other)
}

#[cfg(target_arch = "x86_64")]
fn with_x32(mut rules: Rules) -> Rules {
    let doubled: Vec<(c_long, Vec<SeccompRule>)> =
        rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
    rules.extend(doubled);
    rules.extend(X32_OWN.map(|call| (call | X32, Vec::new())));
    rules
}

#[cfg(not(target_arch = "x86_64"))]
fn with_x32(rules: Rules) -> Rules {
    rules
}

fn rule(conditions: Vec<(u8, SeccompCmpArgLen, SeccompCmpOp, u64)>) -> io::Result<SeccompRule> {
    let conditions = conditions
        .into_iter()
        .map(|(argument, length, operation, value)| SeccompCondition::new(argument, length, operation, value))
        .collect::<Result<Vec<_>, _>>();
    conditions.and_then(SeccompRule::new).map_err(io::Error::other)
}

/// `socket` of another family than UNIX: the internet, packets, netlink, virtual machines.
fn other_family() -> io::Result<SeccompRule> {
    rule(vec![(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, number(libc::AF_UNIX))])
}

/// `socket` for datagrams, which reach a named socket without being connected. The lower four bits are the type.
fn datagrams() -> io::Result<SeccompRule> {
    rule(vec![(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(0xf), number(libc::SOCK_DGRAM))])
}

/// `sendto` with an address.
fn addressed() -> io::Result<SeccompRule> {
    rule(vec![(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)])
}

/// `ioctl` that types into a terminal.
fn typing(request: libc::c_ulong) -> io::Result<SeccompRule> {
    rule(vec![(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request)])
}

/// `clone` with a flag that makes a namespace.
fn namespace_flags() -> io::Result<Vec<SeccompRule>> {
    const FLAGS: [i32; 7] = [
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let one = |flag: i32| rule(vec![(0, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(number(flag)), number(flag))]);
    FLAGS.into_iter().map(one).collect()
}

fn number(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}
