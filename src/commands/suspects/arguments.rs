//! What the command is asked for, and the files that it reads.

use std::path::{Path, PathBuf};

use chrono::DateTime;
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::model::ids::{CommitSha, Timestamp};

/// Texts and lists beyond this are not read: they are dumps, given by mistake.
const FILE_LIMIT: u64 = 64 << 20;

/// Rank the landings before an incident by how likely each caused it, or say that nobody can tell.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 answered, be it \"inconclusive\"; 1 git failed; 2 usage, or a file could not be read."
)]
pub struct SuspectsArguments {
    /// The repository: a folder with a clone, bare or with a work tree, which is only read.
    #[arg(long, value_name = "DIR")]
    pub(super) repo: PathBuf,

    /// What the incident says: title, details, stack traces, logs. `-` reads the standard input.
    #[arg(long, value_name = "FILE")]
    text: PathBuf,

    /// When the incident began: RFC 3339, such as 2025-10-16T12:00:00Z, or seconds since 1970. Nothing later is read. Without
    /// it: now.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) until: Option<Timestamp>,

    /// How far before that landings are read, in hours (1 to 720).
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub(super) hours: u32,

    /// Rank these commits instead of the window's landings: a full commit id a line.
    #[arg(long, value_name = "FILE")]
    candidates: Option<PathBuf>,

    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The first suspects with their reasons.
    Text,
    /// One object with `verdict` and all `suspects`, best first.
    Json,
}

impl SuspectsArguments {
    /// What the incident says.
    pub(super) fn read_text(&self) -> Result<String, Failure> {
        let text = read("text", &self.text)?;
        if text.trim().is_empty() {
            return Err(Failure::configuration(
                format!("{} is empty, so there is nothing to compare the landings with.", self.text.display()),
                "Give the incident's title, details, stack traces or log lines.",
            ));
        }
        Ok(text)
    }

    /// The commits to rank, where they are given. Empty lines and lines that begin with `#` are passed over.
    pub(super) fn read_candidates(&self) -> Result<Option<Vec<CommitSha>>, Failure> {
        let Some(path) = &self.candidates else { return Ok(None) };
        let text = read("candidates", path)?;
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let named = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        named.map(|(number, line)| commit(line, number, path)).collect::<Result<Vec<_>, _>>().map(Some)
    }
}

fn commit(text: &str, number: usize, path: &Path) -> Result<CommitSha, Failure> {
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id {
        return Ok(CommitSha::new(text.to_ascii_lowercase()));
    }
    let shown: String = text.chars().take(80).collect();
    Err(Failure::configuration(
        format!("Line {number} of {} is not a full commit id: {shown:?}.", path.display()),
        "Write one commit a line with all of its 40 (or 64) hexadecimal digits, as `git rev-list` prints them.",
    ))
}

/// The file's text. Bytes that are no text are replaced: logs have some.
fn read(option: &str, path: &Path) -> Result<String, Failure> {
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::configuration(
            format!("`--{option} {}` cannot be read: {why}.", path.display()),
            "Give a readable file of at most 64 MB, or `-` for the standard input.",
        )
    };
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let mut input = std::io::Read::take(std::io::stdin().lock(), FILE_LIMIT);
        std::io::Read::read_to_end(&mut input, &mut bytes).map_err(|why| unusable(&why))?;
        bytes
    } else {
        let size = std::fs::metadata(path).map_err(|why| unusable(&why))?.len();
        if size > FILE_LIMIT {
            return Err(unusable(&format!("it has {size} bytes")));
        }
        std::fs::read(path).map_err(|why| unusable(&why))?
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// RFC 3339, or seconds since 1970.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(seconds) = text.strip_prefix('@').unwrap_or(text).parse::<i64>() {
        return DateTime::from_timestamp(seconds, 0).ok_or_else(|| "the year is out of range".to_owned());
    }
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed
        .map(|at| at.to_utc())
        .map_err(|why| format!("{why}; write it as 2025-10-16T12:00:00Z (RFC 3339), or as seconds since 1970"))
}
