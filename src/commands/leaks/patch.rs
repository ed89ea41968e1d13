//! Fixes as one patch, or written into the files.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::c::report::Leak;
use crate::c::{Analysis, SourceFile, source};
use crate::failure::Failure;
use crate::model::edit;

/// All fixes as one unified diff that `git apply` takes.
pub(super) fn diff(analysis: &Analysis, texts: &BTreeMap<&str, &SourceFile>) -> String {
    let files = fixed(analysis, texts);
    files.iter().map(|(file, after)| edit::unified_diff(&file.path, &file.text, after)).collect()
}

/// Each file with fixes, as it is and as it will be. Two fixes were each proven alone, so of one function only one is
/// taken; the others are left for the next run.
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
            let Some(fix) = leak.fix.as_ref().filter(|_| !functions.contains(&&leak.function)) else { continue };
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

/// A file whose new text lies ready beside it.
struct Ready {
    place: PathBuf,
    before: Vec<u8>,
    beside: tempfile::NamedTempFile,
}

/// Writes the fixes: every new text beside its place first, then all of them are moved there. If one cannot be moved,
/// those before it are put back.
pub(super) fn write(analysis: &Analysis, texts: &BTreeMap<&str, &SourceFile>) -> Result<(), Failure> {
    let mut ready = Vec::new();
    for (file, after) in fixed(analysis, texts) {
        ready.push(prepare(file, &after).map_err(|why| failure(&file.path, &why, "no file was changed"))?);
    }
    let mut done: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for Ready { place, before, beside } in ready {
        if let Err(why) = beside.persist(&place) {
            let back = |(place, before): &(PathBuf, Vec<u8>)| {
                beside_of(place, before)?.persist(place).map_err(|why| why.error)
            };
            let lost: Vec<String> =
                done.iter().filter(|one| back(one).is_err()).map(|(place, _)| place.display().to_string()).collect();
            let left = match lost.as_slice() {
                [] => "no file was changed".to_owned(),
                some => format!("these were changed already and could not be put back: {}", some.join(", ")),
            };
            return Err(failure(&place.display().to_string(), &why.error, &left));
        }
        done.push((place, before));
    }
    Ok(())
}

fn failure(path: &str, why: &io::Error, left: &str) -> Failure {
    Failure::configuration(
        format!("The fix for {path} could not be written: {why}; {left}."),
        "Make the file's folder writable and let nobody else change the file meanwhile.",
    )
}

/// Puts the new text beside the file, or beside what the file is a link to, so that moving it changes no more than the
/// text. Refuses a file that is no longer what was analysed.
fn prepare(file: &SourceFile, after: &str) -> io::Result<Ready> {
    let place = std::fs::canonicalize(&file.path)?;
    let before = std::fs::read(&place)?;
    let is_same = source::decode(&before).0 == *file.text;
    let after = source::encode(&before, after).filter(|_| is_same);
    let beside = beside_of(&place, &after.ok_or_else(|| io::Error::other("it has changed since it was read"))?)?;
    Ok(Ready { place, before, beside })
}

fn beside_of(place: &Path, text: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let folder = place.parent().unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text)?;
    std::fs::set_permissions(beside.path(), std::fs::metadata(place)?.permissions())?;
    beside.as_file().sync_all()?;
    Ok(beside)
}
