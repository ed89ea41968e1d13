//! The few calls that Rust cannot check: all `unsafe` of the project stands in this file, each with its reason.

#![expect(unsafe_code, reason = "what runs between fork and exec, and system calls without a safe wrapper")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Does `work` in the new process, after `fork` and before it becomes the command; an error ends it there and is what
/// `spawn` gives.
pub(super) fn before_exec(
    command: &mut Command,
    work: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> &mut Command {
    // SAFETY: the standard library asks that `work` does nothing that another thread of the parent could have left
    // half-done, such as taking a lock. Every caller is a stage of the sandbox that has one thread at that time.
    unsafe { command.pre_exec(work) }
}

/// Marks every descriptor but the three standard ones to be closed by `exec`, also those that we inherited ourselves.
pub(super) fn close_others_on_exec() -> io::Result<()> {
    let (first, last, flags) = (3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: `close_range(2)` takes three numbers and no memory of ours. With this flag nothing is closed now, so no
    // owner of a descriptor is surprised.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes a system call that must be refused, with arguments that are harmless if it is not: zero, or the two that are given.
/// Gives the error number, or 0 where the call was done.
pub(super) fn refused_with(number: libc::c_long, first: libc::c_long, second: libc::c_long) -> i32 {
    // SAFETY: the callers pass numbers only, and every pointer among the arguments is null: the kernel answers EFAULT or
    // EINVAL where it does not refuse. Nothing of our memory is touched.
    let result = unsafe { libc::syscall(number, first, second, 0_usize, 0_usize, 0_usize, 0_usize) };
    if result >= 0 { 0 } else { io::Error::last_os_error().raw_os_error().unwrap_or(0) }
}
