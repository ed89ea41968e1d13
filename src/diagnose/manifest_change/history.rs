//! A file's former versions, made from its present one and the differences of the landings: nothing more has to be read.

use crate::model::ids::RepositoryPath;
use crate::model::landing::{ChangeStatus, Extent, FileChange, Hunk, Landing, LineKind};

/// A file around one landing.
pub(super) struct Version<'a> {
    /// The landing.
    pub(super) landing: &'a Landing,
    /// The file before it.
    pub(super) before: String,
    /// The file after it.
    pub(super) after: String,
}

/// A file's versions, newest first.
pub(super) struct Versions<'a> {
    /// As far as they are certain.
    pub(super) versions: Vec<Version<'a>>,
    /// Whether a difference did not fit the text, so that older versions are not known.
    pub(super) broken: bool,
}

/// Goes back from the present text, landing by landing (newest first).
pub(super) fn versions<'a>(present: &str, path: &RepositoryPath, landings: &'a [Landing]) -> Versions<'a> {
    let mut text = present.to_owned();
    let mut path = path;
    let mut found = Versions { versions: Vec::new(), broken: false };
    for landing in landings {
        let Some(change) = landing.changes.iter().find(|change| change.path == *path) else { continue };
        if change.status == ChangeStatus::Added {
            return found;
        }
        let before = if landing.extent == Extent::Whole { undo(&text, change) } else { None };
        let Some(before) = before else {
            found.broken = true;
            return found;
        };
        found.versions.push(Version { landing, before: before.clone(), after: text });
        text = before;
        path = change.old_path.as_ref().unwrap_or(path);
    }
    found
}

/// The text before a change, or `None` where the change does not fit the text.
fn undo(after: &str, change: &FileChange) -> Option<String> {
    let lines: Vec<&str> = after.lines().collect();
    let mut before: Vec<&str> = Vec::with_capacity(lines.len());
    let mut at = 0;
    for hunk in &change.hunks {
        let start = (hunk.new_start as usize).saturating_sub(usize::from(hunk.new_lines > 0));
        before.extend(lines.get(at..start)?);
        let new: Vec<&str> = side(hunk, LineKind::Added);
        at = start + new.len();
        if lines.get(start..at)? != new.as_slice() {
            return None;
        }
        before.extend(side(hunk, LineKind::Removed));
    }
    before.extend(lines.get(at..)?);
    let mut text = before.join("\n");
    if after.ends_with('\n') {
        text.push('\n');
    }
    Some(text)
}

/// The lines of a hunk on one side: context and the changed ones.
fn side(hunk: &Hunk, changed: LineKind) -> Vec<&str> {
    hunk.lines().filter(|(kind, _)| *kind == LineKind::Context || *kind == changed).map(|(_, line)| line).collect()
}
