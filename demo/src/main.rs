//! `cargo run -p demo`: one incident from the kill to the pull request, on this machine, with nothing made up between.

mod screen;
mod story;

use std::process::ExitCode;

use demo::scenario::{self, SCENARIOS, Scenario};
use tokio::signal::unix::{SignalKind, signal};

use screen::Screen;

const USAGE: &str = "\
usage: cargo run -p demo [-- [--keep] NAME | --list | --help]

Kills a leaking worker at its memory limit, raises the incident in a stand-in PagerDuty, runs the real responder on a
comment that asks for it, and shows what it left on a stand-in GitHub. Everything stays on loopback and is removed.

  NAME     the scenario (the first of the list where none is named)
  --list   name the scenarios
  --keep   keep the repository and name its folder
  --help   this text";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Run(&'static str, Folder),
    List,
    Help,
    Unknown(String),
}

/// What becomes of the world's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folder {
    Remove,
    Keep,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut screen = Screen::stdout();
    match wish(std::env::args().skip(1)) {
        Wish::Help => screen.line(USAGE),
        Wish::List => SCENARIOS.iter().for_each(|s| screen.line(&format!("{:<14} {}", s.name, s.about))),
        Wish::Unknown(word) => {
            screen.line(&format!("There is no scenario or option {word:?}.\n\n{USAGE}"));
            return ExitCode::from(2);
        }
        Wish::Run(name, folder) => {
            return run(&mut screen, scenario::find(name).unwrap_or(&SCENARIOS[0]), folder).await;
        }
    }
    ExitCode::SUCCESS
}

async fn run(screen: &mut Screen, scenario: &'static Scenario, folder: Folder) -> ExitCode {
    // A signal drops the story, and with it the worker, the responder, both servers and the folders.
    let told = tokio::select! {
        told = story::tell(screen, scenario, folder) => told,
        _ = asked_to_end(SignalKind::interrupt()) => return ExitCode::from(130),
        _ = asked_to_end(SignalKind::terminate()) => return ExitCode::from(143),
    };
    match told {
        Ok(story::Verdict::AsExpected) => ExitCode::SUCCESS,
        Ok(story::Verdict::Differs) => ExitCode::FAILURE,
        Err(error) => {
            screen.line(&format!("\nThe demo could not go on: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal; for ever where it cannot be received.
async fn asked_to_end(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

fn wish(words: impl Iterator<Item = String>) -> Wish {
    let (mut name, mut folder) = (SCENARIOS[0].name, Folder::Remove);
    for word in words {
        match word.as_str() {
            "--list" => return Wish::List,
            "--help" | "-h" => return Wish::Help,
            "--keep" => folder = Folder::Keep,
            other => match scenario::find(other) {
                Some(scenario) => name = scenario.name,
                None => return Wish::Unknown(word),
            },
        }
    }
    Wish::Run(name, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_wishes() {
        let of = |words: &[&str]| wish(words.iter().map(|w| (*w).to_owned()));
        assert_eq!(of(&[]), Wish::Run("leak", Folder::Remove));
        assert_eq!(of(&["--keep", "old-bug"]), Wish::Run("old-bug", Folder::Keep));
        assert_eq!(of(&["--list"]), Wish::List);
        assert_eq!(of(&["leek"]), Wish::Unknown("leek".to_owned()));
    }
}
