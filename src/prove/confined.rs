//! A command in the sandbox, seen from the runner: start it, hear of it, end it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::sandbox::{Event, SUBCOMMAND, Spec, Stage};

/// So much of the output's beginning and of its end is kept, in bytes each; the rest is read and dropped.
const KEPT: usize = 32 * 1024;
/// A keeper ends everything in milliseconds. One that does not is ended itself after this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// A line of an event is short; more than this is not ours.
const LONGEST_EVENT: u64 = 64 * 1024;

/// A running command. When this value goes, everything that the command started is ended and waited for.
pub(super) struct Confined {
    child: Child,
    /// Open as long as the command may run.
    leash: Option<ChildStdin>,
    events: Receiver<Event>,
    output: Arc<Output>,
    reader: Option<JoinHandle<()>>,
}

/// What the command has printed so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Confined {
    /// Starts a keeper for the command. That the command runs is told by an event.
    ///
    /// # Errors
    /// Where our own program cannot be started.
    pub(super) fn start(launcher: &Path, keeper_user: Option<u32>, spec: Spec) -> std::io::Result<Confined> {
        let stage = serde_json::to_string(&Stage::Keep(spec)).map_err(std::io::Error::other)?;
        let mut command = Command::new(launcher);
        command
            .args([SUBCOMMAND, &stage])
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(user) = keeper_user {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn()?;
        let leash = child.stdin.take();
        let output = Arc::new(Output::default());
        let reader = child.stdout.take().map(|stream| {
            let output = Arc::clone(&output);
            std::thread::spawn(move || output.read(stream))
        });
        let (sender, events) = mpsc::channel();
        if let Some(stream) = child.stderr.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.take(LONGEST_EVENT)).lines().map_while(Result::ok);
                for event in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                    // The receiver goes with its owner, who then wants to hear nothing more.
                    let _ = sender.send(event);
                }
            });
        }
        Ok(Confined { child, leash, events, output, reader })
    }

    /// The next event, or nothing in the given time; a keeper that is gone without one counts as a refusal.
    pub(super) fn event(&self, patience: Duration) -> Option<Event> {
        match self.events.recv_timeout(patience) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Refused("the keeper ended without a word".to_owned())),
        }
    }

    /// The keeper's process.
    pub(super) fn keeper(&self) -> u32 {
        self.child.id()
    }

    /// How much was printed so far, in bytes.
    pub(super) fn printed(&self) -> u64 {
        self.output.bytes.load(Ordering::Relaxed)
    }

    /// Ends everything and waits for it; gives what was printed, its middle left out where it was long.
    pub(super) fn end(mut self) -> String {
        self.end_all();
        let kept = self.output.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = [kept.head.as_slice(), kept.tail.as_slice()].concat();
        String::from_utf8_lossy(&whole).into_owned()
    }

    fn end_all(&mut self) {
        drop(self.leash.take());
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                // Process 1 of a namespace takes all others with it; without namespaces this leaves some behind.
                tracing::warn!("the keeper of a proof did not end by itself");
                let _ = self.child.kill();
                let _ = self.child.wait();
                // One that was left behind may hold the pipe for ever, so nobody waits for its end.
                self.reader = None;
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        self.end_all();
    }
}

impl Output {
    fn read(&self, mut stream: impl Read) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            self.bytes.fetch_add(count as u64, Ordering::Relaxed);
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.add(buffer.get(..count).unwrap_or_default());
        }
    }
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = KEPT - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(rest);
        let surplus = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_of_a_long_output_are_kept() {
        let output = Output::default();
        let text = [b"first\n".to_vec(), vec![b'x'; 10 * KEPT], b"last\n".to_vec()].concat();
        output.read(text.as_slice());
        let kept = output.kept.lock().expect("nobody else");
        assert!(kept.head.starts_with(b"first\n") && kept.tail.ends_with(b"last\n"));
        assert_eq!((kept.head.len(), kept.tail.len()), (KEPT, KEPT));
        assert_eq!(output.bytes.load(Ordering::Relaxed), text.len() as u64);
    }
}
