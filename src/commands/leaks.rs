//! `leaks`: the engine by itself, on a tree of C, from the command line.

mod json;
mod patch;
mod read;
mod sarif;
mod text;

use crate::c::{self, Options, SourceFile};
use crate::failure::Failure;
use crate::settings::config_file::ConfigFile;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Find memory leaks in C sources, and repair them.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing found; 1 something found; 2 usage, or nothing could be read.")]
pub struct LeaksArguments {
    /// Files and folders of C sources. Everything below them is read for what it teaches.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Report this file alone; may be given several times.
    #[arg(long, value_name = "FILE")]
    only: Vec<PathBuf>,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the fixes as one patch that `git apply` takes, instead of the findings.
    #[arg(long, conflicts_with = "fix")]
    diff: bool,
    /// Write the fixes into the files: all of them or, if anything goes wrong, none.
    #[arg(long)]
    fix: bool,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Excerpts of the source for a person.
    Text,
    /// One object with `findings` and `gaps`.
    Json,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
}

/// Runs the command.
pub fn run(arguments: &LeaksArguments) -> Result<ExitCode, Failure> {
    let reading = read::read(&arguments.paths)?;
    let only = arguments.only.iter().map(|path| read::shown(path)).collect();
    let files = reading.files.clone();
    let options = Options { only, knowledge: knowledge()? };
    if let Some(missing) = options.only.iter().find(|one| !files.iter().any(|file| file.path == **one)) {
        return Err(Failure::configuration(
            format!("`--only {missing}` names no file that was read."),
            "Name a C file below the given paths, as it is seen from the current directory.",
        ));
    }
    let mut analysis = c::analyze(reading.files, &options);
    analysis.gaps.splice(0..0, reading.gaps);
    let texts: BTreeMap<&str, &SourceFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    if arguments.diff {
        print(&patch::diff(&analysis, &texts))?;
    } else {
        if arguments.fix {
            patch::write(&analysis, &texts)?;
        }
        print(&match arguments.format {
            Format::Text => text::render(&analysis, &texts),
            Format::Json => json::render(&analysis),
            Format::Sarif => sarif::render(&analysis, &texts),
        })?;
    }
    Ok(if analysis.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The repository's own file: what it says of C functions counts here as well.
const CONFIG_FILE: &str = ".github/incident-responder.yml";

fn knowledge() -> Result<Vec<c::knowledge::Row>, Failure> {
    match std::fs::read_to_string(CONFIG_FILE) {
        Ok(text) => Ok(ConfigFile::parse(CONFIG_FILE, &text)?.memory),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(why) => Err(Failure::configuration(
            format!("{CONFIG_FILE} could not be read: {why}."),
            "Make it readable and save it as UTF-8, or move it away.",
        )),
    }
}

/// Prints to the standard output. A reader that has gone away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::configuration(
            format!("The findings could not be printed: {why}."),
            "Check where the standard output leads to.",
        )),
        _ => Ok(()),
    }
}
