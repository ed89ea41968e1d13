//! Stack traces as people publish them: ten of each format, read through the front door, and no damage to them panics.

use std::path::{Path, PathBuf};

use pagerduty_incident_responder::diagnose::symptom::{self, Frame, TraceFormat};
use proptest::prelude::*;

const FORMATS: [(&str, TraceFormat); 12] = [
    ("gdb", TraceFormat::Gdb),
    ("sanitizer", TraceFormat::Sanitizer),
    ("valgrind", TraceFormat::Valgrind),
    ("rust", TraceFormat::Rust),
    ("go", TraceFormat::Go),
    ("python", TraceFormat::Python),
    ("java", TraceFormat::Java),
    ("javascript", TraceFormat::JavaScript),
    ("ruby", TraceFormat::Ruby),
    ("php", TraceFormat::Php),
    ("dotnet", TraceFormat::DotNet),
    ("kernel", TraceFormat::Kernel),
];

/// Logs of compilers and tests are complaints, not frames.
const LOGS: [&str; 2] = ["compiler", "test_log"];

/// One case of a fixture: its name, its text, and what must be read of it.
struct Case {
    name: String,
    text: String,
    expected: Vec<String>,
}

fn cases(format: &str) -> Vec<Case> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/traces");
    let path = folder.join(format!("{format}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let cases = text.split("### ").skip(1).map(|case| {
        let (name, body) = case.split_once('\n').expect("a name and a trace");
        let (expected, text): (Vec<&str>, Vec<&str>) = body.lines().partition(|line| line.starts_with("=> "));
        let expected = expected.into_iter().map(|line| line.trim_start_matches("=> ").to_owned()).collect();
        Case { name: format!("{format}: {name}"), text: text.join("\n"), expected }
    });
    cases.collect()
}

fn shown(frame: &Frame) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let line = frame.line.map_or("-".to_owned(), |line| line.to_string());
    format!("{} | {} | {line}", text(&frame.function), text(&frame.file))
}

#[test]
fn ten_public_traces_of_each_format_are_read() {
    let mut wrong = String::new();
    for (name, format) in FORMATS {
        let cases = cases(name);
        assert!(cases.len() >= 10, "{name} has {} traces", cases.len());
        for case in cases {
            let symptom = symptom::read(&case.text);
            let read: Vec<String> = symptom.frames().map(shown).collect();
            let others: Vec<TraceFormat> =
                symptom.traces.iter().map(|trace| trace.format).filter(|it| *it != format).collect();
            if read != case.expected || !others.is_empty() {
                wrong += &format!(
                    "{}: {others:?}\n  {}\nnot\n  {}\n",
                    case.name,
                    read.join("\n  "),
                    case.expected.join("\n  ")
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn ten_public_logs_of_compilers_and_tests_are_read() {
    let mut wrong = String::new();
    for name in LOGS {
        let cases = cases(name);
        assert!(cases.len() >= 10, "{name} has {} logs", cases.len());
        for case in cases {
            let complaints = symptom::read(&case.text).complaints.into_iter().map(|it| {
                let line = it.line.map_or("-".to_owned(), |line| line.to_string());
                format!("{} | {line}", it.file)
            });
            let read: Vec<String> = complaints.collect();
            if read != case.expected {
                wrong += &format!("{}:\n  {}\nnot\n  {}\n", case.name, read.join("\n  "), case.expected.join("\n  "));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// All traces of all formats.
fn texts() -> Vec<String> {
    let names = FORMATS.iter().map(|(name, _)| *name).chain(LOGS);
    names.flat_map(cases).map(|case| case.text).collect()
}

proptest! {
    #[test]
    fn a_trace_that_was_cut_off_is_read_as_far_as_it_goes(index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let texts = texts();
        let text = index.get(&texts);
        let end = text.floor_char_boundary(at.index(text.len() + 1));
        let whole = symptom::read(text).frames().count();
        let cut = symptom::read(&text[..end]).frames().count();
        prop_assert!(cut <= whole + 1, "a cut frame may read as another, never as many: {cut} of {whole}");
    }

    #[test]
    fn damaged_traces_never_panic(
        index in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, "\\PC{0,8}|[\\x00-\\x1f]{0,3}|[(){}<>\\[\\]:#@.+0-9]{0,12}"), 1..12),
    ) {
        let mut text = index.get(&texts()).clone();
        for (at, length, replacement) in edits {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
            text.replace_range(start..end, &replacement);
        }
        let symptom = symptom::read(&text);
        for frame in symptom.frames() {
            prop_assert!(frame.simple_name().is_none_or(|name| !name.is_empty()));
        }
    }
}
