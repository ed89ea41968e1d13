//! The rules of the house, kept by a test: who may touch the world, and how large a room may be.

use std::path::{Path, PathBuf};

/// Rooms that may name the world outside: the edge.
const EDGE: [&str; 5] = ["src/main.rs", "src/io/", "src/io.rs", "src/commands", "src/prove"];

/// Words of the world outside, and what they stand for.
const WORLD: [(&str, &str); 12] = [
    ("tokio", "an async runtime"),
    ("reqwest", "the network"),
    ("octocrab", "the network"),
    ("rmcp", "the network"),
    ("std::net", "the network"),
    ("std::env", "the environment"),
    ("std::fs", "files"),
    ("std::process::Command", "processes"),
    ("tempfile", "files"),
    ("Utc::now", "a clock"),
    ("SystemTime", "a clock"),
    ("Instant::now", "a clock"),
];

/// More lines than this are more than one subject.
const LINES: usize = 600;

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.join("src")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root).expect("below the root").display().to_string();
                found.push((name, std::fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    found.sort();
    found
}

/// The code of a file: without comments, and up to its tests.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let body = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    body.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or(line)))
}

#[test]
fn the_core_names_nothing_of_the_world_outside() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        if EDGE.iter().any(|edge| file.starts_with(edge)) {
            continue;
        }
        for (line, code) in code(&text) {
            for (word, what) in WORLD {
                if code.contains(word) {
                    broken.push(format!("{file}:{line} names {word} ({what})"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "only {} may do that:\n{}", EDGE.join(", "), broken.join("\n"));
}

#[test]
fn no_room_is_larger_than_one_subject() {
    let large: Vec<String> = sources()
        .into_iter()
        .map(|(file, text)| (text.lines().count(), file))
        .filter(|(lines, _)| *lines > LINES)
        .map(|(lines, file)| format!("{file}: {lines} lines"))
        .collect();
    assert!(large.is_empty(), "split these:\n{}", large.join("\n"));
}

#[test]
fn every_room_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(file, text)| !file.ends_with("tests.rs") && !text.starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "these have no first line that says what they are for: {silent:?}");
}

#[test]
fn only_the_grammar_holds_the_words_that_wake_us() {
    let others: Vec<String> = sources()
        .into_iter()
        .filter(|(file, _)| file != "src/trigger/mention.rs" && !file.contains("test"))
        .filter(|(_, text)| code(text).any(|(_, code)| code.contains("@pagerduty-incident-responder")))
        .map(|(file, _)| file)
        .collect();
    assert!(others.is_empty(), "these could print them: {others:?}");
}
