//! Names that stand in the text outside of traces: identifiers, files, packages, images.

use std::collections::HashSet;

use super::pattern::{Pattern, group};

/// How many names of one kind are kept.
const LIMIT: usize = 1_000;

static IDENTIFIER: Pattern = Pattern::new(r"[A-Za-z_$][A-Za-z0-9_$]{2,79}");

static FILE: Pattern = Pattern::new(
    r"(?:[\w.+-]*/)*[\w+-][\w.+-]*\.(?:[A-Za-z]\w{0,7})\b|(?:[\w.+-]+/)+[\w.+-]+|\b(?:Makefile|Dockerfile|Kconfig|CMakeLists\.txt)\b",
);

static PACKAGE: Pattern = Pattern::new(
    r"(?:^|[\s/>'\x22(])(?P<name>[A-Za-z][A-Za-z0-9_.+]*(?:-[A-Za-z][A-Za-z0-9_+]*)*)(?:-|@|==|\s+v?|:\s?v?)(?P<version>v?\d+(?:\.\d+)+[\w.-]*|[0-9a-f]{40})",
);

static IMAGE: Pattern =
    Pattern::new(r#"(?i)\bimage:?\s+["']?(?P<image>[a-z0-9][\w./-]*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?)["']?"#);

/// A package and its version, as a build log or lock file writes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    /// The name.
    pub name: String,
    /// The version, without a leading `v`.
    pub version: String,
}

/// Words that look like names in code: with an underscore or a digit inside, a capital after a small letter, or all capitals.
/// Plain words are left out, since any text has them.
pub fn identifiers(text: &str) -> Vec<String> {
    let words = IDENTIFIER.captures_all(text).filter_map(|found| found.get(0)).map(|found| found.as_str());
    distinct(words.filter(|word| is_code(word)).map(str::to_owned))
}

/// Paths and file names.
pub(super) fn files(text: &str) -> Vec<String> {
    let found = FILE.captures_all(text).filter_map(|found| found.get(0)).map(|found| found.as_str());
    distinct(found.filter(|file| file.chars().any(char::is_alphabetic)).map(str::to_owned))
}

/// `name-1.2.3`, `name@1.2.3`, `name==1.2.3`, `name 1.2.3`.
pub(super) fn packages(text: &str) -> Vec<Package> {
    distinct(PACKAGE.captures_all(text).filter_map(|found| {
        let version = group(&found, "version")?.trim_start_matches('v').trim_end_matches('.').to_owned();
        Some(Package { name: group(&found, "name")?.to_owned(), version })
    }))
}

/// Container images after the word `image`.
pub(super) fn images(text: &str) -> Vec<String> {
    let found = IMAGE.captures_all(text).filter_map(|found| group(&found, "image"));
    distinct(found.filter(|image| image.contains([':', '/'])).map(str::to_owned))
}

fn is_code(word: &str) -> bool {
    let inner = word.trim_matches('_');
    let bytes = inner.as_bytes();
    let hump = bytes.windows(2).any(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    let capitals = bytes.len() >= 4 && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let digit = bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
    let hexadecimal = bytes.len() >= 6 && bytes.iter().all(u8::is_ascii_hexdigit);
    (inner.contains('_') || hump || capitals || digit) && !hexadecimal && !is_number(inner)
}

/// `x86_64` is a name, `0x7fff` is not, and neither is what is left of it when the zero is cut.
fn is_number(word: &str) -> bool {
    word.strip_prefix('x').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn distinct<T: Clone + Eq + std::hash::Hash>(found: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    found.filter(|item| seen.insert(item.clone())).take(LIMIT).collect()
}
