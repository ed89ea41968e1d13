//! Patches that do harm. Each ends with the right verdict, on every level of isolation, and leaves nothing behind.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use pagerduty_incident_responder::model::proof::{End, Proof, Stop, Verdict};

use super::Case;
use super::support::*;

/// What is tried on every level.
pub(crate) const CASES: &[Case] = &[
    ("a_patch_that_does_not_fix_is_withdrawn", a_patch_that_does_not_fix_is_withdrawn),
    ("a_patch_that_breaks_the_build_is_worse", a_patch_that_breaks_the_build_is_worse),
    ("a_patch_that_crashes_is_worse", a_patch_that_crashes_is_worse),
    ("a_patch_that_hangs_is_worse", a_patch_that_hangs_is_worse),
    ("a_patch_that_spins_is_worse", a_patch_that_spins_is_worse),
    ("forking_without_end_is_stopped", forking_without_end_is_stopped),
    ("many_files_are_stopped", many_files_are_stopped),
    ("one_large_file_is_stopped", one_large_file_is_stopped),
    ("a_gigabyte_of_output_is_stopped", a_gigabyte_of_output_is_stopped),
    ("who_leaves_its_session_is_ended_too", who_leaves_its_session_is_ended_too),
    ("nothing_can_be_got_at_by_a_run", nothing_can_be_got_at_by_a_run),
    ("nothing_can_be_got_at_by_a_build", nothing_can_be_got_at_by_a_build),
    ("a_cancelled_run_ends_at_once", a_cancelled_run_ends_at_once),
];

/// A name that no other run has, now or in another test.
fn new_marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("hostile-{}-{}-end", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs the leaking worker against a patch, and sees that nothing is left of it. The marker is the run's argument, so that
/// every process of it can be told, and a file of that name lies in its folder.
#[track_caller]
fn against(level: Level, patched: &str) -> Proof {
    against_with(level, patched, &new_marker())
}

#[track_caller]
fn against_with(level: Level, patched: &str, marker: &str) -> Proof {
    let mut job = job(LEAKING, patched);
    job.recipes[0].run = format!("touch {marker}; exec ./proof-program {marker}");
    let proof = prove(level, &job);
    expect_nothing_left(marker);
    proof
}

#[track_caller]
fn expect(proof: &Proof, verdict: Verdict, why: &str) {
    assert_eq!(proof.verdict, verdict, "{proof:#?}");
    assert!(proof.why.contains(why), "{why} is not in {:?}", proof.why);
}

fn a_patch_that_does_not_fix_is_withdrawn(level: Level) {
    let proof = against(level, &format!("{LEAKING}\n/* free(buffer); */\n"));
    expect(&proof, Verdict::NotFixed, "memory ran out");
    assert!(proof.withdraws());
}

fn a_patch_that_breaks_the_build_is_worse(level: Level) {
    let proof = against(level, &repaired().replace("free(buffer)", "free(buffer"));
    expect(&proof, Verdict::Worse, "does not build");
    assert!(proof.withdraws());
    assert!(
        matches!(proof.patched.expect("the build was tried").end, End::NotBuilt(told) if told.contains("worker.c"))
    );
}

fn a_patch_that_crashes_is_worse(level: Level) {
    let proof = against(level, &repaired().replace("free(buffer);", "free(buffer); free(buffer - 1);"));
    expect(&proof, Verdict::Worse, "signal");
}

fn a_patch_that_hangs_is_worse(level: Level) {
    let proof = against(level, &repaired_and("", "pause();"));
    expect(&proof, Verdict::Worse, "stands still");
}

fn a_patch_that_spins_is_worse(level: Level) {
    let proof = against(level, &repaired_and("", "for (volatile int turn = 0;; turn++) {}"));
    expect(&proof, Verdict::Worse, "goes round in circles");
}

fn forking_without_end_is_stopped(level: Level) {
    let proof = against(level, &repaired_and("", "for (;;) if (fork() == 0) setsid();"));
    assert!(proof.withdraws(), "{proof:#?}");
    // Between two looks so many processes can be made that the kernel is the first to stop them.
    let end = proof.patched.expect("it ran").end;
    assert!([End::Stopped(Stop::Processes), End::OutOfMemory].contains(&end), "{end:?}");
}

fn many_files_are_stopped(level: Level) {
    let helpers = "#include <stdio.h>\n#include <fcntl.h>\nstatic char block[1 << 20];";
    let work = "for (int number = 0;; number++) { char name[32]; sprintf(name, \"file-%d\", number); \
        int file = open(name, O_CREAT | O_WRONLY, 0600); write(file, block, sizeof block); close(file); }";
    expect(&against(level, &repaired_and(helpers, work)), Verdict::Worse, Stop::Disk.words());
}

fn one_large_file_is_stopped(level: Level) {
    let helpers = "#include <fcntl.h>\nstatic char block[1 << 20];";
    let work = "int file = open(\"file\", O_CREAT | O_WRONLY, 0600); for (;;) write(file, block, sizeof block);";
    expect(&against(level, &repaired_and(helpers, work)), Verdict::Worse, Stop::Disk.words());
}

fn a_gigabyte_of_output_is_stopped(level: Level) {
    let helpers = "static char block[1 << 20];";
    let work = "for (int count = 0; count < 1024; count++) write(1, block, sizeof block);";
    let proof = against(level, &repaired_and(helpers, work));
    expect(&proof, Verdict::Worse, Stop::Output.words());
    assert!(proof.patched.expect("it ran").output.len() < 10_000, "most of it is dropped");
}

fn who_leaves_its_session_is_ended_too(level: Level) {
    let work = "if (fork() == 0) { setsid(); if (fork() == 0) { for (;;) pause(); } _exit(0); }";
    expect(&against(level, &repaired_and("", work)), Verdict::ReproducedAndFixed, "memory stays below");
}

/// What lies about on the machine while a patch looks for it.
struct Treasure {
    folder: tempfile::TempDir,
    tcp: TcpListener,
    sockets: [UnixListener; 2],
    marker: String,
}

impl Treasure {
    fn lay() -> Treasure {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open_to_all = |path: &std::path::Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions can be set");
        };
        open_to_all(folder.path(), 0o755);
        let (secret, socket) = (folder.path().join("token"), folder.path().join("docker.sock"));
        std::fs::write(&secret, "ghs_notToBeRead").expect("a file can be written");
        open_to_all(&secret, 0o644);
        let named = UnixListener::bind(&socket).expect("a socket can be bound");
        open_to_all(&socket, 0o777);
        let marker = new_marker();
        let address = SocketAddr::from_abstract_name(&marker).expect("a name");
        let unnamed = UnixListener::bind_addr(&address).expect("a socket can be bound");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        Treasure { folder, tcp, sockets: [named, unnamed], marker }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The worker that looks for all of it before it works.
    fn snooping(&self) -> String {
        let port = self.tcp.local_addr().expect("it is bound").port();
        let defines = format!(
            "#define RUNNER {}\n#define PORT {port}\n#define SOCKET {:?}\n#define SECRET {:?}\n#define WORKSPACE {:?}\n\
             #define MARKER {:?}\n#include <unistd.h>\n",
            std::process::id(),
            self.path("docker.sock"),
            self.path("token"),
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            self.marker,
        );
        repaired_and(&format!("{defines}{}", include_str!("snoop.c")), "snoop();")
    }

    #[track_caller]
    fn expect_untouched(&self) {
        self.tcp.set_nonblocking(true).expect("it can be asked");
        assert!(self.tcp.accept().is_err(), "somebody connected to the port");
        for socket in &self.sockets {
            socket.set_nonblocking(true).expect("it can be asked");
            assert!(socket.accept().is_err(), "somebody connected to a socket");
        }
        let outside = format!("{}-outside", self.marker);
        for folder in ["/tmp", "/dev/shm"] {
            assert!(!std::path::Path::new(folder).join(&outside).exists(), "something was written into {folder}");
        }
    }
}

fn nothing_can_be_got_at_by_a_run(level: Level) {
    let treasure = Treasure::lay();
    let proof = against_with(level, &treasure.snooping(), &treasure.marker);
    expect(&proof, Verdict::ReproducedAndFixed, "memory stays below");
    let output = proof.patched.expect("it ran").output;
    assert!(output.contains(" attempts\n"), "it looked for nothing:\n{output}");
    assert!(!output.contains("LEAKED"), "{output}");
    treasure.expect_untouched();
}

fn nothing_can_be_got_at_by_a_build(level: Level) {
    let treasure = Treasure::lay();
    let incbin = format!("__asm__(\".data\\n.incbin \\\"{}\\\"\\n.text\");\n", treasure.path("token"));
    let proof = against(level, &format!("{incbin}{}", repaired()));
    expect(&proof, Verdict::Worse, "does not build");
    assert!(!format!("{proof:?}").contains("notToBeRead"), "{proof:#?}");
}

fn a_cancelled_run_ends_at_once(level: Level) {
    let marker = new_marker();
    let mut job = job(LEAKING, &repaired());
    // Without the flag it would go on for two minutes.
    job.recipes[0].seconds = 120;
    job.recipes[0].run = format!("exec sleep 120 # {marker}");
    let cancelled = AtomicBool::new(false);
    let proof = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(2));
            cancelled.store(true, Ordering::Relaxed);
        });
        prove_until(level, &job, &cancelled)
    });
    expect(&proof, Verdict::NotRun, "cancelled");
    expect_nothing_left(&marker);
}
