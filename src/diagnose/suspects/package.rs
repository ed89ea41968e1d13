//! Packages and versions: a build log names what it builds, and a landing that moved that package to that version is suspicious.
//!
//! A package's recipe is a file whose name, or a folder above it, is the package's name. Elsewhere the name has to stand in an
//! added line of a build file, such as a manifest or a lock file.

use super::document::has_word;
use super::paths::{FileKind, kind};
use crate::diagnose::symptom::Package;
use crate::model::landing::{FileChange, Hunk, Landing, LineKind};

/// The recipe and the version: nothing is left to chance. The lesser degrees are chosen by hand.
const RECIPE_AND_VERSION: f64 = 1.0;
/// A line of a build file that has both.
const LINE_WITH_BOTH: f64 = 0.8;
/// The recipe was changed, and the subject says so.
const RECIPE_AND_SUBJECT: f64 = 0.6;
/// The recipe, or a line that names the package without its version.
const NAME_ALONE: f64 = 0.4;

/// How surely the landing changes one of the packages, between 0 and 1.
pub(super) fn changed(packages: &[Package], landing: &Landing) -> f64 {
    if packages.is_empty() {
        return 0.0;
    }
    let subject = landing.subject.to_ascii_lowercase();
    let in_file = |change: &FileChange| in_file(packages, &subject, change);
    landing.changes.iter().map(in_file).fold(0.0, f64::max)
}

fn in_file(packages: &[Package], subject: &str, change: &FileChange) -> f64 {
    let path = change.path.as_str().to_ascii_lowercase();
    let is_build = kind(&path) == FileKind::Build;
    let recipes: Vec<&Package> = packages.iter().filter(|package| is_recipe(&path, &package.name)).collect();
    if recipes.is_empty() && !is_build {
        return 0.0;
    }
    let mut best = recipes.iter().map(|it| if subject.contains(&it.name) { RECIPE_AND_SUBJECT } else { NAME_ALONE });
    let mut best = best.next().map_or(0.0, |first| best.fold(first, f64::max));
    for (line_kind, line) in change.hunks.iter().flat_map(Hunk::lines) {
        if line_kind == LineKind::Context {
            continue;
        }
        if recipes.iter().any(|package| line.contains(&package.version)) {
            return RECIPE_AND_VERSION;
        }
        if is_build && best < LINE_WITH_BOTH {
            best = best.max(in_line(packages, &line.to_ascii_lowercase(), line_kind));
        }
    }
    best
}

fn in_line(packages: &[Package], line: &str, line_kind: LineKind) -> f64 {
    let of = |package: &Package| match (has_word(line, &package.name), line.contains(&package.version)) {
        (true, true) => LINE_WITH_BOTH,
        (true, false) if line_kind == LineKind::Added => NAME_ALONE,
        _ => 0.0,
    };
    packages.iter().map(of).fold(0.0, f64::max)
}

/// `package/tcf/tcf.mk` is the recipe of `tcf`.
fn is_recipe(path: &str, name: &str) -> bool {
    path.split('/').any(|part| part == name || part.rsplit_once('.').is_some_and(|(stem, _)| stem == name))
}

#[cfg(test)]
mod tests {
    use super::in_file;
    use crate::diagnose::symptom::Package;
    use crate::model::ids::RepositoryPath;
    use crate::model::landing::{ChangeStatus, Content, FileChange, Hunk};

    fn change(path: &str, text: &str) -> FileChange {
        let hunk = Hunk {
            old_start: 1,
            old_lines: 1,
            new_start: 1,
            new_lines: 1,
            section: String::new(),
            text: text.to_owned(),
        };
        FileChange {
            path: RepositoryPath::new(path),
            old_path: None,
            status: ChangeStatus::Modified,
            old_mode: None,
            new_mode: None,
            content: Content::Text,
            hunks: vec![hunk],
        }
    }

    #[test]
    fn a_version_in_the_recipe_says_more_than_a_name_in_a_manifest() {
        let packages = [Package { name: "ring".to_owned(), version: "2.4.1".to_owned() }];
        let value = |path, text, subject| in_file(&packages, subject, &change(path, text));
        assert_eq!(value("package/ring/ring.mk", "-VERSION = 2.3\n+VERSION = 2.4.1\n", ""), 1.0);
        assert_eq!(value("package.json", "-  \"ring\": \"2.3\"\n+  \"ring\": \"2.4.1\"\n", ""), 0.8);
        assert_eq!(value("package/ring/ring.mk", "+OPTION = y\n", "ring: new option"), 0.6);
        assert_eq!(value("package.json", "+  \"ring\": \"3\"\n", ""), 0.4);
        assert_eq!(value("package.json", "+  \"string\": \"2.4.1\"\n", ""), 0.0);
        assert_eq!(value("src/main.c", "+ring 2.4.1\n", ""), 0.0);
    }
}
