//! `leaks`: the engine by itself, on a tree of C, from the command line.

mod json;
mod read;
mod sarif;
mod text;

use crate::c::report::Leak;
use crate::c::{self, Analysis, Options, SourceFile};
use crate::failure::Failure;
use crate::model::edit;
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
    let options = Options { only, ..Options::default() };
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
        print(&patch(&analysis, &texts))?;
    } else {
        if arguments.fix {
            write_fixes(&analysis, &texts)?;
        }
        print(&match arguments.format {
            Format::Text => text::render(&analysis, &texts),
            Format::Json => json::render(&analysis),
            Format::Sarif => sarif::render(&analysis, &texts),
        })?;
    }
    Ok(if analysis.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
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

/// Each file with fixes, as it is and as it will be. A fix that overlaps with an earlier one of the same file is left
/// for the next run.
fn fixed<'a>(analysis: &Analysis, texts: &BTreeMap<&str, &'a SourceFile>) -> Vec<(&'a SourceFile, String)> {
    let mut by_file: BTreeMap<&str, Vec<&Leak>> = BTreeMap::new();
    for leak in &analysis.findings {
        by_file.entry(&leak.file).or_default().push(leak);
    }
    let mut results = Vec::new();
    for (path, leaks) in by_file {
        let Some(file) = texts.get(path) else { continue };
        let (mut edits, mut functions) = (Vec::new(), Vec::new());
        for leak in leaks {
            let Some(fix) = &leak.fix else { continue };
            // Two fixes were each proven alone. Of one function only one is taken at a time.
            if functions.contains(&&leak.function) {
                continue;
            }
            functions.push(&leak.function);
            edits.extend(fix.edits.iter().cloned());
        }
        if let Some(after) = edit::apply(&file.text, &edits)
            && after != *file.text
        {
            results.push((*file, after));
        }
    }
    results
}

fn patch(analysis: &Analysis, texts: &BTreeMap<&str, &SourceFile>) -> String {
    let files = fixed(analysis, texts);
    files.iter().map(|(file, after)| edit::unified_diff(&file.path, &file.text, after)).collect()
}

/// Writes every file beside its place first, then moves all of them there.
fn write_fixes(analysis: &Analysis, texts: &BTreeMap<&str, &SourceFile>) -> Result<(), Failure> {
    let failed = |path: &str, why: std::io::Error| {
        Failure::configuration(
            format!("The fix for {path} could not be written: {why}."),
            "Make the folder writable; no file was changed.",
        )
    };
    let mut ready = Vec::new();
    for (file, after) in fixed(analysis, texts) {
        let target = std::path::Path::new(&file.path);
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
        let write = || -> std::io::Result<tempfile::NamedTempFile> {
            let mut beside = tempfile::NamedTempFile::new_in(folder)?;
            beside.write_all(after.as_bytes())?;
            beside.as_file().sync_all()?;
            std::fs::set_permissions(beside.path(), std::fs::metadata(target)?.permissions())?;
            Ok(beside)
        };
        ready.push((target.to_owned(), write().map_err(|why| failed(&file.path, why))?));
    }
    for (target, beside) in ready {
        beside.persist(&target).map_err(|why| failed(&target.display().to_string(), why.error))?;
    }
    Ok(())
}
