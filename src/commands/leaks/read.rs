//! Which files are read.

use crate::c::{SourceFile, source};
use crate::failure::Failure;
use crate::model::evidence::Gap;
use rayon::prelude::*;
use std::path::{Component, Path, PathBuf};

/// A file larger than this is not read: it is generated, and would take the time of the rest.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Folders nested deeper than this are not followed.
const MAX_DEPTH: usize = 64;

/// What was read.
pub(super) struct Reading {
    pub(super) files: Vec<SourceFile>,
    pub(super) gaps: Vec<Gap>,
}

/// A path as findings show it: relative to the current directory where it lies below.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let parts: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    parts.to_string_lossy().into_owned()
}

/// Reads the C sources of files and folders.
pub(super) fn read(paths: &[PathBuf]) -> Result<Reading, Failure> {
    let roots = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut found = Found { roots, files: Vec::new(), other: 0, gaps: Vec::new() };
    for path in paths {
        if !path.exists() {
            return Err(Failure::configuration(
                format!("{} does not exist.", path.display()),
                "Name files or folders of C sources.",
            ));
        }
        found.visit(path, 0);
    }
    found.files.sort();
    found.files.dedup();
    let mut gaps = found.gaps;
    if found.other > 0 {
        let what = if found.other == 1 { "1 C++ file".to_owned() } else { format!("{} C++ files", found.other) };
        gaps.push(Gap::new(what, "only C is read"));
    }
    let results: Vec<(Option<SourceFile>, Option<Gap>)> = found.files.par_iter().map(|path| read_file(path)).collect();
    let (files, more): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    let files: Vec<SourceFile> = files.into_iter().flatten().collect();
    gaps.extend(more.into_iter().flatten());
    if files.is_empty() {
        return Err(Failure::configuration(
            "No C source could be read.",
            "Name files that end in .c or .h, or folders that hold such files.",
        ));
    }
    Ok(Reading { files, gaps })
}

struct Found {
    /// What was asked for, without links.
    roots: Vec<PathBuf>,
    files: Vec<PathBuf>,
    other: usize,
    gaps: Vec<Gap>,
}

impl Found {
    fn visit(&mut self, path: &Path, depth: usize) {
        let Ok(kind) = std::fs::symlink_metadata(path) else { return };
        if depth > 0 && kind.is_symlink() {
            return self.link(path);
        }
        if !path.is_dir() {
            return self.file(path);
        }
        if depth > MAX_DEPTH {
            return self.gaps.push(Gap::new(shown(path), "the folders are nested too deeply"));
        }
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                entries.sort();
                for entry in entries {
                    if entry.file_name().is_none_or(|name| name != ".git") {
                        self.visit(&entry, depth + 1);
                    }
                }
            }
            Err(why) => self.gaps.push(Gap::new(shown(path), format!("it could not be listed: {why}"))),
        }
    }

    /// What a link leads to is read where it lies, if it lies in the tree; no link leads out of the tree.
    fn link(&mut self, path: &Path) {
        let Ok(target) = path.canonicalize() else { return };
        let inside = self.roots.iter().any(|root| target.starts_with(root));
        if !inside && (target.is_dir() || is_c(&target)) {
            self.gaps.push(Gap::new(shown(path), "it is a link that leaves the tree"));
        }
    }

    fn file(&mut self, path: &Path) {
        if is_c(path) {
            return self.files.push(path.to_owned());
        }
        const OTHER: [&str; 10] = ["cc", "cpp", "cxx", "c++", "C", "hpp", "hh", "hxx", "h++", "ipp"];
        let extension = path.extension().and_then(|extension| extension.to_str());
        self.other += usize::from(extension.is_some_and(|extension| OTHER.contains(&extension)));
    }
}

fn is_c(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "c" || extension == "h")
}

/// The text of a file, and what could not be read of it.
fn read_file(path: &Path) -> (Option<SourceFile>, Option<Gap>) {
    let name = shown(path);
    match read_text(path) {
        Ok((text, is_whole)) => {
            let gap = (!is_whole).then(|| Gap::new(name.clone(), source::NOT_WHOLE));
            (Some(SourceFile { path: name, text: text.into() }), gap)
        }
        Err(why) => (None, Some(Gap::new(name, why))),
    }
}

/// The text of a file, and whether that is all of it; or why there is none.
fn read_text(path: &Path) -> Result<(String, bool), String> {
    let failed = |why: std::io::Error| format!("it could not be read: {why}");
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(format!("it is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    std::fs::read(path).map_err(failed).map(|bytes| source::decode(&bytes))
}
