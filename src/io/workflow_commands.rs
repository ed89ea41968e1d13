//! The one writer to standard output and standard error, and the files by which the runner takes results.
//!
//! The runner of GitHub Actions reads every line that a step prints, and obeys some of them: `::add-mask::…`,
//! `::error::…`, `##[group]…`. What others wrote must therefore never reach it unchanged. So nothing in this program
//! prints by itself: the log (through `tracing`), panics, the words of child processes and results all go through the
//! [`Console`]. The first thing it writes are the masks of this run's secrets.
//!
//! Outside of a workflow it writes plain lines for people to standard error, and results to standard output.

use std::any::Any;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tracing::Level;

use crate::failure::Failure;
use crate::redact::Redactor;
use crate::settings::environment::Environment;
use crate::settings::{GITHUB_TOKEN, PAGERDUTY_TOKEN};

mod files;
mod lines;
mod log;
#[cfg(test)]
mod oracle;

pub use files::RunnerFiles;
use lines::{escape_data, escape_property, harmless, harmless_json};

/// GitHub shows no more annotations of one severity for a step; what comes after is a plain line of the log.
const MOST_ANNOTATIONS: usize = 10;

/// The variables besides our own inputs that may hold a credential. The runner masks most of them; texts that we send
/// or write must not hold them either.
const SECRET_VARIABLES: [&str; 6] = [
    "PAGERDUTY_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "PAGERDUTY_USER_API_KEY",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

/// Who reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A person at a terminal, or a program that was piped to.
    Terminal,
    /// The runner of GitHub Actions.
    Runner(DebugLog),
}

/// Whether the workflow's debug log is on (`RUNNER_DEBUG=1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugLog {
    /// `::debug::` lines are shown.
    On,
    /// They are not written at all.
    Off,
}

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Something was left out or went another way.
    Warning,
    /// The run fails because of it.
    Error,
}

/// A line of the log that GitHub also shows on the run's page and beside the code.
#[derive(Debug, Clone, Copy)]
pub struct Annotation<'a> {
    /// How loud it is.
    pub severity: Severity,
    /// What it says; may be foreign text of several lines.
    pub message: &'a str,
    /// A path in the repository with a line, from 1, where it belongs to one.
    pub place: Option<(&'a str, usize)>,
}

impl<'a> Annotation<'a> {
    /// An annotation of the run as a whole.
    pub fn new(severity: Severity, message: &'a str) -> Annotation<'a> {
        Annotation { severity, message, place: None }
    }
}

/// What a program, not a person, reads from standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// JSON, which stays valid JSON whoever reads along.
    Json,
    /// Anything else, such as a patch.
    Text,
}

/// The one writer. Clones share it.
#[derive(Clone)]
pub struct Console {
    audience: Audience,
    redactor: Arc<Redactor>,
    sinks: Arc<Mutex<Sinks>>,
}

struct Sinks {
    /// The log. In a workflow also the results, so that both keep their order.
    log: Box<dyn Write + Send>,
    /// Results, outside of a workflow.
    results: Box<dyn Write + Send>,
    /// How many annotations of each severity there were.
    annotations: [usize; 3],
}

impl Console {
    /// The console of this process. In a workflow it masks the run's secrets before anything else is written.
    pub fn start(environment: &Environment) -> Console {
        let is_workflow = environment.variable("GITHUB_ACTIONS").as_deref() == Some("true");
        let debug = match environment.variable("RUNNER_DEBUG").as_deref() {
            Some("1") => DebugLog::On,
            _ => DebugLog::Off,
        };
        let redactor = Redactor::new(secrets_of(environment));
        if is_workflow {
            Console::new(Audience::Runner(debug), redactor, std::io::stdout(), std::io::sink())
        } else {
            Console::new(Audience::Terminal, redactor, std::io::stderr(), std::io::stdout())
        }
    }

    /// A console over any two writers: for the log and, at a terminal, for results.
    pub fn new(
        audience: Audience,
        redactor: Redactor,
        log: impl Write + Send + 'static,
        results: impl Write + Send + 'static,
    ) -> Console {
        let sinks = Sinks { log: Box::new(log), results: Box::new(results), annotations: [0; 3] };
        let console = Console { audience, redactor: Arc::new(redactor), sinks: Arc::new(Mutex::new(sinks)) };
        console.write_masks();
        console
    }

    /// Takes this run's secrets out of a text that is sent or written by others than this console.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Who reads along.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// Words for a person: part of the log in a workflow, the result of a command at a terminal.
    pub fn say(&self, text: &str) {
        self.write_result(&(harmless(text, &self.redactor).join("\n") + "\n"));
    }

    /// A result for a program. Its bytes stay as they are, less secrets, unless the runner would read them as well:
    /// then only what it would obey is changed. Standard output that was redirected to a file is exact in any case.
    pub fn document(&self, text: &str, format: DocumentFormat) {
        if self.audience == Audience::Terminal || stdout_is_a_file() {
            return self.write_result(&self.redactor.redact(text));
        }
        match format {
            DocumentFormat::Json => self.write_result(&harmless_json(&self.redactor.redact(text))),
            DocumentFormat::Text => self.say(text),
        }
    }

    /// What a child process said on its standard error, with the program's name before each line.
    pub fn foreign(&self, program: &'static str, text: &str) {
        self.log_line(Level::INFO, program, text);
    }

    /// The end of a run: what is wrong, and what to do.
    pub fn failure(&self, failure: &Failure) {
        self.annotate(Annotation { severity: Severity::Error, message: &failure.to_string(), place: None });
    }

    /// Shows an annotation in a workflow, a line that says the same elsewhere or once GitHub would show no more.
    pub fn annotate(&self, annotation: Annotation<'_>) {
        let Annotation { severity, message, place } = annotation;
        let message = harmless(message, &self.redactor).join("\n");
        let place = place.map(|(path, line)| (harmless(path, &self.redactor).join(" "), line));
        let mut sinks = self.lock();
        let may_annotate = matches!(self.audience, Audience::Runner(_)) && sinks.may_annotate(severity);
        let text = if may_annotate {
            workflow_command(severity, &message, place)
        } else {
            let place = place.map(|(path, line)| format!("{path}:{line}: ")).unwrap_or_default();
            let lines = harmless(&format!("{place}{message}"), &self.redactor);
            format!("{}: {}\n", severity.word(), lines.join("\n  "))
        };
        write(&mut sinks.log, &text);
    }

    /// One event of the log. `source` names the part of the program, or the program, that speaks.
    pub(crate) fn log_line(&self, level: Level, source: &str, text: &str) {
        let lines = harmless(text, &self.redactor);
        let source = harmless(source, &self.redactor).join(" ");
        let word = level.as_str().to_ascii_lowercase();
        let written = match (self.audience, level) {
            (Audience::Runner(DebugLog::Off), Level::DEBUG | Level::TRACE) => return,
            (Audience::Runner(DebugLog::On), Level::DEBUG | Level::TRACE) => {
                format!("::debug::{}\n", escape_data(&format!("{source}: {}", lines.join("\n"))))
            }
            _ => lines.iter().map(|line| format!("{word} {source}: {line}\n")).collect(),
        };
        write(&mut self.lock().log, &written);
    }

    /// Makes a panic one annotation with its place instead of a page on standard error.
    pub fn install_panic_hook(&self) {
        let console = self.clone();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string);
            let message = panic_message(place.as_deref(), panic.payload());
            console.annotate(Annotation { severity: Severity::Error, message: &message, place: None });
        }));
    }

    /// Whether colours may be used in results.
    pub fn is_interactive(&self) -> bool {
        self.audience == Audience::Terminal && std::io::stdout().is_terminal()
    }

    fn write_masks(&self) {
        if self.audience == Audience::Terminal {
            return;
        }
        let mut masks = String::new();
        for value in self.redactor.values_to_mask() {
            masks.push_str(&format!("::add-mask::{}\n", escape_data(value.expose_secret())));
        }
        write(&mut self.lock().log, &masks);
    }

    fn write_result(&self, text: &str) {
        let mut sinks = self.lock();
        match self.audience {
            Audience::Terminal => write(&mut sinks.results, text),
            Audience::Runner(_) => write(&mut sinks.log, text),
        }
    }

    /// Whoever panicked while writing left at worst half a line behind; that is no reason to say nothing more.
    fn lock(&self) -> MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sinks {
    /// Counts an annotation; false once GitHub would not show it.
    fn may_annotate(&mut self, severity: Severity) -> bool {
        let [notices, warnings, errors] = &mut self.annotations;
        let count = match severity {
            Severity::Notice => notices,
            Severity::Warning => warnings,
            Severity::Error => errors,
        };
        *count += 1;
        *count <= MOST_ANNOTATIONS
    }
}

impl Severity {
    /// The workflow command of this severity, which is also the word for a terminal.
    fn word(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// What a panic says. Its reason may quote foreign text, which the console makes harmless.
fn panic_message(place: Option<&str>, payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let why = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    format!("Internal error{place}: {why}\nThis is a fault of the program; please report it with the lines above.")
}

fn workflow_command(severity: Severity, message: &str, place: Option<(String, usize)>) -> String {
    let properties = match place {
        Some((path, line)) => format!(" file={},line={line}", escape_property(&path)),
        None => String::new(),
    };
    format!("::{}{properties}::{}\n", severity.word(), escape_data(message))
}

/// A log cannot report that it cannot be written, and a reader who has gone must not end the run.
fn write(sink: &mut Box<dyn Write + Send>, text: &str) {
    let _ = sink.write_all(text.as_bytes()).and_then(|()| sink.flush());
}

/// True where standard output was redirected to a file, so that no runner reads along.
fn stdout_is_a_file() -> bool {
    std::fs::metadata("/proc/self/fd/1").is_ok_and(|stdout| stdout.is_file())
}

fn secrets_of(environment: &Environment) -> Vec<SecretString> {
    let inputs = [PAGERDUTY_TOKEN, GITHUB_TOKEN].map(|input| environment.input(input));
    let variables = SECRET_VARIABLES.iter().filter_map(|name| environment.variable(name));
    inputs.into_iter().chain(variables).map(SecretString::from).collect()
}

#[cfg(test)]
mod tests;
