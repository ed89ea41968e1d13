//! `tracing` into the console: the only subscriber this program has.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::{Annotation, Audience, Console, DebugLog, Severity};

/// The start of the targets of our own events; a crate's name with underscores.
const OWN_TARGET: &str = env!("CARGO_CRATE_NAME");

impl Console {
    /// Sends every event of the process to this console. Call once; a second call changes nothing.
    ///
    /// `directives` are those of [`EnvFilter`], as `RUST_LOG` holds them; without any, our own events are shown from
    /// INFO, or from DEBUG where the workflow's debug log is on, and those of libraries from WARN. rmcp is left out, since it
    /// calls each lost connection fatal that we tell, and mend, ourselves.
    pub fn install_log(&self, directives: Option<&str>) {
        let own = match self.audience() {
            Audience::Runner(DebugLog::On) => "debug",
            _ => "info",
        };
        let filter = EnvFilter::builder()
            .with_default_directive(LevelFilter::WARN.into())
            .parse_lossy(directives.map_or_else(|| format!("warn,rmcp=off,{OWN_TARGET}={own}"), str::to_owned));
        let subscriber = tracing_subscriber::registry().with(filter).with(ConsoleLayer { console: self.clone() });
        // It fails only where a subscriber is installed already, as in a test of the whole program.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

/// Writes each event as lines of the console.
pub(super) struct ConsoleLayer {
    pub(super) console: Console,
}

impl<S: Subscriber> Layer<S> for ConsoleLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = EventText::default();
        event.record(&mut text);
        let text = text.finish();
        let metadata = event.metadata();
        // Warnings of libraries are for the log alone: nobody who reads a run's page could act on them.
        let severity = match *metadata.level() {
            Level::ERROR => Some(Severity::Error),
            Level::WARN => Some(Severity::Warning),
            _ => None,
        };
        match severity.filter(|_| metadata.target().starts_with(OWN_TARGET)) {
            Some(severity) => self.console.annotate(Annotation { severity, message: &text, place: None }),
            None => self.console.log_line(*metadata.level(), short(metadata.target()), &text),
        }
    }
}

/// `pagerduty_incident_responder::io::github` is `github` to a reader; a library is its own name.
fn short(target: &str) -> &str {
    let (first, last) = target.split_once("::").map_or((target, target), |(first, rest)| (first, rest));
    if first == OWN_TARGET { last.rsplit("::").next().unwrap_or(last) } else { first }
}

/// The message of an event with its fields behind it, as `message (key: value, key: value)`.
#[derive(Default)]
struct EventText {
    message: String,
    fields: String,
}

impl EventText {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = if field.name() == "message" {
            self.message.write_fmt(value)
        } else {
            let separator = if self.fields.is_empty() { "" } else { ", " };
            write!(self.fields, "{separator}{}: {value}", field.name())
        };
    }

    fn finish(self) -> String {
        match (self.message.is_empty(), self.fields.is_empty()) {
            (_, true) => self.message,
            (true, false) => self.fields,
            (false, false) => format!("{} ({})", self.message, self.fields),
        }
    }
}

impl Visit for EventText {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}
