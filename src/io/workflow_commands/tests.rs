use proptest::prelude::*;
use secrecy::SecretString;
use tracing_subscriber::layer::SubscriberExt;

use super::log::ConsoleLayer;
use super::oracle::live_commands;
use super::*;

/// A writer whose bytes a test can read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("only text is written")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn console(audience: Audience) -> (Console, Shared, Shared) {
    console_with(audience, Redactor::default())
}

fn console_with(audience: Audience, redactor: Redactor) -> (Console, Shared, Shared) {
    let (log, results) = (Shared::default(), Shared::default());
    (Console::new(audience, redactor, log.clone(), results.clone()), log, results)
}

const QUIET: Audience = Audience::Runner(DebugLog::Off);

#[test]
fn masks_come_first_and_cover_every_form() {
    let (console, log, _) = console_with(QUIET, Redactor::new([SecretString::from("u+ab%cd\nsecond-line")]));
    console.say("started");
    let text = log.text();
    let masks: Vec<_> = live_commands(&text).into_iter().map(|command| (command.name, command.data)).collect();
    assert!(text.starts_with("::add-mask::u+ab%25cd%0Asecond-line\n"), "{text}");
    assert!(masks.iter().all(|(name, _)| name == "add-mask"), "{masks:?}");
    assert!(masks.iter().any(|(_, data)| data == "second-line"), "{masks:?}");
    assert!(text.ends_with("\nstarted\n"), "{text}");
}

#[test]
fn a_terminal_gets_no_commands() {
    let redactor = Redactor::new([SecretString::from("u+abcdefgh")]);
    let (console, log, results) = console_with(Audience::Terminal, redactor);
    console.annotate(Annotation {
        severity: Severity::Warning,
        message: "leaks u+abcdefgh",
        place: Some(("worker.c", 26)),
    });
    console.failure(&Failure::configuration("The key is empty.", "Set it."));
    console.log_line(Level::DEBUG, "git", "took 3 ms\nand more");
    console.say("done");
    insta::assert_snapshot!(log.text(), @r"
    warning: worker.c:26: leaks REDACTED
    error: The key is empty.
      Set it.
    debug git: took 3 ms
    debug git: and more
    ");
    assert_eq!(results.text(), "done\n");
}

#[test]
fn a_runner_gets_annotations() {
    let (console, log, _) = console(QUIET);
    console.annotate(Annotation { severity: Severity::Notice, message: "100%\nsure", place: Some(("a,b:c.c", 26)) });
    console.failure(&Failure::peer("PagerDuty said ::error::no.", "Check the key."));
    console.log_line(Level::INFO, "repository", "::warning::from a commit");
    console.foreign("git", "remote: ##[error]oops");
    console.log_line(Level::DEBUG, "repository", "not shown");
    insta::assert_snapshot!(log.text(), @r"
    ::notice file=a%2Cb%3Ac.c,line=26::100%25%0Asure
    ::error::PagerDuty said ::error::no.%0ACheck the key.
    info repository: \::warning::from a commit
    info git: remote: ##\[error]oops
    ");
}

#[test]
fn the_debug_log_is_a_command_of_its_own() {
    let (console, log, _) = console(Audience::Runner(DebugLog::On));
    console.log_line(Level::DEBUG, "git", "a\nb");
    assert_eq!(log.text(), "::debug::git: a%0Ab\n");
}

#[test]
fn after_ten_annotations_lines_are_plain() {
    let (console, log, _) = console(QUIET);
    for _ in 0..12 {
        console.annotate(Annotation { severity: Severity::Warning, message: "again", place: None });
    }
    console.annotate(Annotation { severity: Severity::Error, message: "another kind", place: None });
    let text = log.text();
    assert_eq!(text.lines().filter(|line| *line == "::warning::again").count(), 10);
    assert_eq!(text.lines().filter(|line| *line == "warning: again").count(), 2);
    assert!(text.ends_with("::error::another kind\n"));
}

#[test]
fn a_document_is_exact_at_a_terminal_and_harmless_json_to_a_runner() {
    let json = "{\"title\":\"##[error]x\",\"hidden\":\"a\u{200B}b\"}";
    let (terminal, _, results) = console(Audience::Terminal);
    terminal.document(json, DocumentFormat::Json);
    assert_eq!(results.text(), json);
    let shown = super::lines::harmless_json(json);
    assert!(live_commands(&shown).is_empty(), "{shown}");
    let same: serde_json::Value = serde_json::from_str(&shown).expect("still JSON");
    assert_eq!(same, serde_json::from_str::<serde_json::Value>(json).expect("JSON"));
}

#[test]
fn events_of_the_log_arrive() {
    let (console, log, _) = console(QUIET);
    let subscriber = tracing_subscriber::registry().with(ConsoleLayer { console });
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(landings = 3, "read {}", "##[group]x");
        tracing::warn!("limit was hit");
        tracing::warn!(target: "rmcp::transport", "library's business");
        tracing::info!(only = "a field");
    });
    insta::assert_snapshot!(log.text(), @r"
    info tests: read ##\[group]x (landings: 3)
    ::warning::limit was hit
    warn rmcp: library's business
    info tests: only: a field
    ");
}

#[test]
fn a_panic_says_where_and_why() {
    let formatted: Box<dyn Any> = Box::new(format!("index {}", 7));
    let message = panic_message(Some("src/plan.rs:3:7"), formatted.as_ref());
    assert!(message.starts_with("Internal error at src/plan.rs:3:7: index 7\nThis is a fault"), "{message}");
    assert!(panic_message(None, &"fixed words").starts_with("Internal error: fixed words\n"));
    assert!(panic_message(None, &7_u8).starts_with("Internal error: no reason given\n"));
}

#[test]
fn the_environment_decides_who_reads() {
    let empty = Environment::default();
    let workflow = empty.clone().with_variable("GITHUB_ACTIONS", "true");
    assert_eq!(Console::start(&empty).audience(), Audience::Terminal);
    let secrets = secrets_of(&workflow.with_input("pagerduty-token", "u+abcdefgh").with_variable("GH_TOKEN", "x"));
    let redactor = Redactor::new(secrets);
    assert_eq!(redactor.redact("u+abcdefgh x"), "REDACTED x");
}

/// Pieces that a runner may take for a command, and what may stand around them.
const HOSTILE: &[&str] = &[
    "::error::",
    "::add-mask ::",
    "##[group]",
    "##[set-output name=a]",
    "::",
    ":",
    "##[",
    "##",
    "#",
    "[",
    "]",
    "add-mask",
    "ADD-MASK",
    "set-output name=a",
    "set-env name=B",
    "error",
    "warning file=x",
    "stop-commands",
    "group",
    "debug",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{0B}",
    "\u{0C}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{0}",
    "\u{AD}",
    "\u{200B}",
    "\u{200D}",
    "\u{2060}",
    "\u{FEFF}",
    "\u{1B}[31m",
    "\u{1B}]",
    "\u{7}",
    "\u{3000}",
    "\u{A0}",
    "%0A",
    "%",
    "\\",
    "x",
    "data",
    "\u{202E}",
    "\u{E0020}",
    "\u{301}",
    "token",
    "resumed",
];

fn hostile_lines() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(HOSTILE), 0..14).prop_map(|pieces| pieces.concat())
}

#[test]
fn the_oracle_sees_commands_before_they_are_made_harmless() {
    for live in ["::error::x", " \u{AD}::ADD-MASK::x", "a ##[set-env name=x]y", "\u{2028}:\u{200B}:debug::x"] {
        assert_eq!(live_commands(live).len(), 1, "{live:?}");
        let (console, log, _) = console(QUIET);
        console.say(live);
        assert_eq!(live_commands(&log.text()), [], "{live:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn nothing_foreign_is_obeyed(text in hostile_lines(), path in hostile_lines()) {
        let (console, log, _) = console(QUIET);
        console.say(&text);
        console.foreign("git", &text);
        console.log_line(Level::WARN, &path, &text);
        prop_assert_eq!(live_commands(&log.text()), []);
    }

    #[test]
    fn an_annotation_is_the_one_command_it_should_be(text in hostile_lines(), path in hostile_lines()) {
        let (console, log, _) = console(QUIET);
        console.annotate(Annotation { severity: Severity::Error, message: &text, place: Some((&path, 1)) });
        let found = live_commands(&log.text());
        prop_assert_eq!(found.len(), 1);
        prop_assert!(found.iter().all(|command| command.name == "error"));
    }

    #[test]
    fn json_stays_json(text in hostile_lines(), key in hostile_lines()) {
        let value = serde_json::json!({ key: [text] });
        for json in [value.to_string(), serde_json::to_string_pretty(&value).expect("a value")] {
            let shown = super::lines::harmless_json(&json);
            prop_assert_eq!(live_commands(&shown), []);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("still JSON"), value.clone());
        }
    }
}
