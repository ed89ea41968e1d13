//! One call of the `git` program: a known environment, a bounded answer, a deadline.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::failure::Failure;

/// How much of what git says on standard error is kept, in bytes. The rest is read and dropped.
const STDERR_LIMIT: u64 = 16 * 1024;

/// Variables of our own environment that git may see: where programs, proxies, certificates and temporary files are.
const PASSED_ON: [&str; 14] = [
    "PATH",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GIT_EXEC_PATH",
];

/// Settings that hold for every call, whatever the repository's own configuration says. They keep git from writing on its own
/// account, from running programs that the repository names, and from translating or decorating what we parse.
const FIXED_SETTINGS: [(&str, &str); 14] = [
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.commitGraph", "true"),
    ("credential.helper", ""),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("advice.graftFileDeprecated", "false"),
    ("log.showSignature", "false"),
    ("color.ui", "false"),
    ("diff.suppressBlankEmpty", "false"),
];

/// May git talk to a server?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// Over `http`, `https` and `file` only.
    Allowed,
    /// Not at all: a missing object is an error, never a fetch into somebody's repository.
    Forbidden,
}

/// How git is called for one repository, and how often it was.
pub(super) struct Git {
    /// The repository, where there is one yet.
    pub(super) directory: Option<PathBuf>,
    network: Network,
    home: PathBuf,
    secret_settings: Vec<(String, SecretString)>,
    deadline: Duration,
    started: AtomicU32,
}

/// A running git: read its answer, then [`Running::finish`] it.
pub(super) struct Running {
    child: Arc<Mutex<Child>>,
    what: String,
    deadline: Deadline,
    stderr: Option<JoinHandle<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    /// What git prints.
    pub(super) stdout: BufReader<ChildStdout>,
}

/// Kills a child when time is up, unless dropped before.
pub(super) struct Deadline {
    disarm: Option<mpsc::Sender<()>>,
    watcher: Option<JoinHandle<bool>>,
}

impl Git {
    /// `home` stands in for the user's home folder and need not exist.
    pub(super) fn new(directory: Option<PathBuf>, network: Network, home: PathBuf, deadline: Duration) -> Git {
        Git { directory, network, home, secret_settings: Vec::new(), deadline, started: AtomicU32::new(0) }
    }

    /// Adds a setting whose value must appear neither in arguments nor in files.
    pub(super) fn with_secret_setting(mut self, key: String, value: SecretString) -> Git {
        self.secret_settings.push((key, value));
        self
    }

    /// Adds a setting for every call.
    pub(super) fn with_setting(self, key: &str, value: &str) -> Git {
        self.with_secret_setting(key.to_owned(), SecretString::from(value.to_owned()))
    }

    /// How many processes were started so far.
    pub(super) fn started(&self) -> u32 {
        self.started.load(Ordering::Relaxed)
    }

    /// How long one call may take.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Starts `git ARGUMENTS` and feeds it `input`. The answer is read from [`Running::stdout`].
    pub(super) fn start<I, S>(&self, what: &str, arguments: I, input: Option<Vec<u8>>) -> Result<Running, Failure>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        let mut child = self.spawn(what, arguments, if input.is_some() { Stdio::piped() } else { Stdio::null() })?;
        let stdout = child.stdout.take().ok_or_else(|| no_pipe(what))?;
        let stderr = child.stderr.take().ok_or_else(|| no_pipe(what))?;
        let stdin = child.stdin.take();
        let child = Arc::new(Mutex::new(child));
        Ok(Running {
            deadline: Deadline::arm(&child, self.deadline),
            child,
            what: what.to_owned(),
            stderr: Some(std::thread::spawn(move || read_bounded(stderr))),
            writer: stdin.zip(input).map(|(stdin, bytes)| std::thread::spawn(move || feed(stdin, &bytes))),
            stdout: BufReader::with_capacity(1 << 16, stdout),
        })
    }

    /// Runs `git ARGUMENTS` to its end and gives what it printed, at most `limit` bytes: more is a failure.
    pub(super) fn output<I, S>(
        &self,
        what: &str,
        arguments: I,
        input: Option<Vec<u8>>,
        limit: u64,
    ) -> Result<Vec<u8>, Failure>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        let mut running = self.start(what, arguments, input)?;
        let mut bytes = Vec::new();
        let read = (&mut running.stdout).take(limit.saturating_add(1)).read_to_end(&mut bytes);
        if bytes.len() as u64 > limit {
            return Err(Failure::peer(
                format!("git answered with more than {limit} bytes when asked to {what}"),
                "Narrow the paths or the window in the configuration.",
            ));
        }
        read.map_err(|error| unreadable(what, &error))?;
        running.finish().map(|()| bytes)
    }

    /// Starts git with pipes for its answer and the given standard input.
    pub(super) fn spawn<I, S>(&self, what: &str, arguments: I, stdin: Stdio) -> Result<Child, Failure>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        let mut command = Command::new("git");
        command.env_clear().envs(self.environment());
        command.arg("--no-pager");
        if let Some(directory) = &self.directory {
            let mut flag = OsString::from("--git-dir=");
            flag.push(directory);
            command.arg(flag);
        }
        command.args(arguments.into_iter().map(Into::into));
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.started.fetch_add(1, Ordering::Relaxed);
        command.spawn().map_err(|error| {
            Failure::configuration(
                format!("git could not be started to {what}: {error}"),
                "Install git 2.38 or later and make sure that it is on PATH.",
            )
        })
    }

    /// Everything git may know of the outside.
    fn environment(&self) -> BTreeMap<OsString, OsString> {
        let mut environment: BTreeMap<OsString, OsString> =
            PASSED_ON.iter().filter_map(|name| std::env::var_os(name).map(|value| (name.into(), value))).collect();
        let protocols = match self.network {
            Network::Allowed => "http:https:file",
            Network::Forbidden => "",
        };
        let fixed = [
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
            ("XDG_CONFIG_HOME", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "true"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_ALLOW_PROTOCOL", protocols),
        ];
        environment.extend(fixed.map(|(name, value)| (name.into(), value.into())));
        environment.insert("HOME".into(), self.home.clone().into());
        if self.network == Network::Forbidden {
            environment.insert("GIT_NO_LAZY_FETCH".into(), "1".into());
        }
        let mut settings: Vec<(&str, &str)> = FIXED_SETTINGS.to_vec();
        settings.extend(self.secret_settings.iter().map(|(key, value)| (key.as_str(), value.expose_secret())));
        for (index, (key, value)) in settings.iter().enumerate() {
            environment.insert(format!("GIT_CONFIG_KEY_{index}").into(), key.into());
            environment.insert(format!("GIT_CONFIG_VALUE_{index}").into(), value.into());
        }
        environment.insert("GIT_CONFIG_COUNT".into(), settings.len().to_string().into());
        environment
    }
}

impl Running {
    /// Waits for the end and turns a bad one into a failure that quotes git.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let (status, stderr) = self.end()?;
        if status.success() { Ok(()) } else { Err(refused(&self.what, status, &stderr)) }
    }

    /// Waits for the end; gives the exit status and what git said on standard error.
    pub(super) fn end(&mut self) -> Result<(ExitStatus, String), Failure> {
        let status = wait(&self.child).map_err(|error| unreadable(&self.what, &error))?;
        let expired = self.deadline.disarm();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if let Some(writer) = self.writer.take() {
            // A writer that git hung up on has nothing more to say; git's own exit status tells the story.
            let _ = writer.join();
        }
        if expired {
            return Err(Failure::peer(
                format!("git did not {} in time and was stopped", self.what),
                "Try again; if the repository is very large, narrow the window or the paths in the configuration.",
            ));
        }
        Ok((status, String::from_utf8_lossy(&stderr).into_owned()))
    }
}

impl Drop for Running {
    /// A git whose answer nobody reads to the end is stopped, so that nothing is left running.
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(child.try_wait(), Ok(None)) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Deadline {
    /// Starts the clock for `child`.
    pub(super) fn arm(child: &Arc<Mutex<Child>>, limit: Duration) -> Deadline {
        let (disarm, disarmed) = mpsc::channel::<()>();
        let child = Arc::clone(child);
        let watcher = std::thread::spawn(move || {
            let expired = disarmed.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if expired {
                let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
            }
            expired
        });
        Deadline { disarm: Some(disarm), watcher: Some(watcher) }
    }

    /// Stops the clock; true when time was up before.
    pub(super) fn disarm(&mut self) -> bool {
        drop(self.disarm.take());
        self.watcher.take().and_then(|watcher| watcher.join().ok()).unwrap_or(false)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// The failure for an exit status that is not zero.
pub(super) fn refused(what: &str, status: ExitStatus, stderr: &str) -> Failure {
    let said = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").trim();
    let (problem, remedy) = (format!("git could not {what} ({status}): {said}"), remedy_for(stderr));
    Failure::peer(problem, remedy)
}

/// What to do about the refusals that users really meet.
fn remedy_for(stderr: &str) -> &'static str {
    let has = |needle: &str| stderr.contains(needle);
    if has("could not read Username") || has("Authentication failed") || has("error: 401") || has("error: 403") {
        "Give a token that may read the repository's contents (permission `contents: read`)."
    } else if has("not found") || has("error: 404") {
        "Check the repository's and the branch's name, and that the token may read its contents."
    } else if has("Could not resolve host") || has("Failed to connect") || has("Connection refused") {
        "Check the network and the proxy settings, then try again."
    } else if has("promisor remote") || has("missing blob") || has("lazy fetching disabled") {
        "This clone lacks objects and is only read; give a full clone, or OWNER/NAME to make a private copy."
    } else {
        "Check that the repository is readable with plain git."
    }
}

/// Waits without holding the lock, so that the deadline can still kill.
fn wait(child: &Mutex<Child>) -> std::io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// Keeps the first bytes and drains the rest, so that git never blocks on a full pipe.
fn read_bounded(mut source: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = source.by_ref().take(STDERR_LIMIT).read_to_end(&mut kept);
    let _ = std::io::copy(&mut source, &mut std::io::sink());
    kept
}

/// Writes all and closes. A git that ended early makes this fail, and its exit status says why.
fn feed(mut stdin: ChildStdin, bytes: &[u8]) {
    let _ = stdin.write_all(bytes);
}

/// The failure for a pipe that broke.
pub(super) fn unreadable(what: &str, error: &std::io::Error) -> Failure {
    Failure::peer(format!("what git printed could not be read when it was asked to {what}: {error}"), "Try again.")
}

/// The failure for a pipe that is not there.
fn no_pipe(what: &str) -> Failure {
    Failure::peer(format!("git was started without a pipe when it was asked to {what}"), "Try again.")
}
