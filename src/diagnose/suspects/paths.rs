//! Paths: whether a printed one means one of the repository's, and what kind of file it is.

use std::collections::HashMap;

/// How surely a printed path means a changed one: 1 where one is the end of the other, less where only the last parts agree.
/// Zero where the file names differ.
pub(super) fn agreement(printed: &str, changed: &str, uniqueness: Uniqueness) -> f64 {
    let mut ours = parts(changed).rev();
    let mut theirs = parts(printed).rev();
    let mut same = 0;
    loop {
        match (ours.next(), theirs.next()) {
            (Some(a), Some(b)) if a == b => same += 1,
            (Some(_), Some(_)) => break,
            // One of them ended: it is the end of the other. A bare name is the end of many paths.
            (None, _) | (_, None) => {
                return if same == 1 && is_common(changed) { 0.3 } else { f64::from(u8::from(same > 0)) };
            }
        }
    }
    match (same, uniqueness) {
        (0, _) => 0.0,
        (1, _) if is_common(changed) => 0.1,
        (1, Uniqueness::OneOfItsName) => 0.9,
        (1, Uniqueness::Unknown) => 0.5,
        _ => 0.8,
    }
}

/// Whether the tree has several files of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uniqueness {
    OneOfItsName,
    Unknown,
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How many files of a tree have each name.
pub(super) fn name_counts<'p>(paths: impl Iterator<Item = &'p str>) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    for path in paths {
        *counts.entry(file_name(path).to_owned()).or_insert(0) += 1;
    }
    counts
}

/// The parts of a path without the dots that say "here" and "above".
fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && !part.bytes().all(|b| b == b'.'))
}

/// Names that many folders have, so that the name alone proves nothing.
fn is_common(path: &str) -> bool {
    const COMMON: [&str; 18] = [
        "Makefile",
        "Makefile.am",
        "CMakeLists.txt",
        "meson.build",
        "Kconfig",
        "BUILD",
        "BUILD.gn",
        "Dockerfile",
        "__init__.py",
        "main.c",
        "main.go",
        "main.rs",
        "mod.rs",
        "lib.rs",
        "index.js",
        "index.ts",
        "package.json",
        "README.md",
    ];
    COMMON.contains(&file_name(path))
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FileKind {
    /// It runs, or is compiled into what runs.
    Code,
    /// It says how things are built, packaged, deployed or configured.
    Build,
    /// It only tests.
    Test,
    /// People read it.
    Documentation,
}

/// By folder and name alone, in the order tests, documentation, build, code.
pub(super) fn kind(path: &str) -> FileKind {
    let lower = path.to_ascii_lowercase();
    let name = file_name(&lower);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let folder = |names: &[&str]| lower.split('/').rev().skip(1).any(|part| names.contains(&part));
    let stem = name.split('.').next().unwrap_or(name);
    if folder(&["test", "tests", "testing", "spec", "specs", "__tests__", "testdata", "unittests", "testsuite"])
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("_unittest")
        || name.contains(".test.")
        || name.contains(".spec.")
    {
        return FileKind::Test;
    }
    let prose =
        ["md", "rst", "txt", "adoc", "1", "3", "5", "7", "8", "tex", "texi", "html", "svg", "png"].contains(&extension);
    let about = [
        "readme",
        "changelog",
        "changes",
        "news",
        "authors",
        "maintainers",
        "license",
        "copying",
        "todo",
        "contributing",
        "codeowners",
    ];
    if about.contains(&stem)
        || (prose && name != "cmakelists.txt" && name != "requirements.txt")
        || folder(&["doc", "docs", "documentation"])
    {
        return FileKind::Documentation;
    }
    let build_name = [
        "makefile",
        "cmakelists",
        "kconfig",
        "dockerfile",
        "config",
        "meson",
        "configure",
        "jenkinsfile",
        "gemfile",
        "requirements",
        "deps",
    ]
    .contains(&stem);
    let build_extension = [
        "mk", "cmake", "am", "ac", "m4", "in", "yml", "yaml", "toml", "lock", "json", "gn", "gni", "gradle", "hash",
        "bzl", "ini", "cfg", "conf", "mod", "sum", "tf",
    ]
    .contains(&extension);
    if build_name || build_extension { FileKind::Build } else { FileKind::Code }
}

#[cfg(test)]
mod tests {
    use super::{FileKind, Uniqueness, agreement, kind};

    #[test]
    fn a_printed_path_may_be_longer_or_shorter() {
        let unknown = |printed, changed| agreement(printed, changed, Uniqueness::Unknown);
        assert_eq!(unknown("/build/app/../src/worker.c", "src/worker.c"), 1.0);
        assert_eq!(unknown("worker.c", "src/worker.c"), 1.0);
        assert_eq!(unknown("../drivers/net/ena/ena.h", "drivers/net/ena/ena.h"), 1.0);
        assert_eq!(unknown("build/include/ring.h", "lib/ring/ring.h"), 0.5);
        assert_eq!(agreement("build/include/ring.h", "lib/ring/ring.h", Uniqueness::OneOfItsName), 0.9);
        assert_eq!(unknown("old/ring/ring.h", "lib/ring/ring.h"), 0.8);
        assert_eq!(unknown("other/Makefile", "src/Makefile"), 0.1);
        assert_eq!(unknown("worker.c", "src/coworker.c"), 0.0);
    }

    #[test]
    fn files_are_told_apart_by_folder_and_name() {
        for (path, expected) in [
            ("src/worker.c", FileKind::Code),
            ("src/worker_test.go", FileKind::Test),
            ("tests/helpers.py", FileKind::Test),
            ("docs/guide.md", FileKind::Documentation),
            ("README", FileKind::Documentation),
            ("package/foo/foo.mk", FileKind::Build),
            ("k8s/deployment.yaml", FileKind::Build),
            ("CMakeLists.txt", FileKind::Build),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
