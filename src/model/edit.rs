//! Edits: the smallest change on the original bytes, and the diff that shows it.

use similar::TextDiff;
use std::ops::Range;

/// Replaces the bytes from `start` to `end` of one file by `text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// The first byte replaced.
    pub start: usize,
    /// One past the last byte replaced; equal to `start` for an insertion.
    pub end: usize,
    /// What stands there afterwards.
    pub text: String,
}

impl Edit {
    /// An insertion.
    pub fn insert(at: usize, text: impl Into<String>) -> Edit {
        Edit { start: at, end: at, text: text.into() }
    }

    /// A replacement.
    pub fn replace(start: usize, end: usize, text: impl Into<String>) -> Edit {
        Edit { start, end, text: text.into() }
    }
}

/// Applies edits. `None` if two overlap, one lies outside, or one would cut a character in two. Insertions at the same
/// place are made in the order given.
pub fn apply(original: &str, edits: &[Edit]) -> Option<String> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.start, edit.end));
    let mut out = String::with_capacity(original.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in sorted {
        if edit.start < at || edit.end < edit.start {
            return None;
        }
        out.push_str(original.get(at..edit.start)?);
        original.get(edit.start..edit.end)?;
        out.push_str(&edit.text);
        at = edit.end;
    }
    out.push_str(original.get(at..)?);
    Some(out)
}

/// Where a byte of the edited text was in the original; inserted bytes are told as the place of the insertion.
pub fn original_position(edited: usize, edits: &[Edit]) -> usize {
    let mut shift = 0isize;
    for (edit, range) in placed(edits) {
        if edited < range.start {
            break;
        }
        if edited < range.end {
            return edit.start;
        }
        shift = range.end as isize - edit.end as isize;
    }
    edited.saturating_add_signed(-shift)
}

/// Where what the edits wrote stands in the edited text.
pub fn written(edits: &[Edit]) -> Vec<Range<usize>> {
    placed(edits).into_iter().map(|(_, range)| range).collect()
}

/// The edits in their order, and where in the edited text stands what each wrote.
fn placed(edits: &[Edit]) -> Vec<(&Edit, Range<usize>)> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.start, edit.end));
    let mut shift = 0isize;
    let place = |edit: &Edit| {
        let start = edit.start.saturating_add_signed(shift);
        shift += edit.text.len() as isize - (edit.end - edit.start) as isize;
        start..start + edit.text.len()
    };
    let ranges: Vec<Range<usize>> = sorted.iter().copied().map(place).collect();
    sorted.into_iter().zip(ranges).collect()
}

/// The unified diff of one file, as `git apply` takes it: `a/` and `b/` before `path`, three lines of context. A line ends
/// with a line feed alone, as it does for git.
pub fn unified_diff(path: &str, before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    TextDiff::configure()
        .newline_terminated(true)
        .diff_slices(&before, &after)
        .unified_diff()
        .context_radius(3)
        .header(&quoted(&format!("a/{path}")), &quoted(&format!("b/{path}")))
        .to_string()
}

/// A path as git writes it in a patch: quoted like a string of C where it holds what would end the line or the quotes.
fn quoted(path: &str) -> String {
    if !path.contains(|c: char| c.is_control() || c == '"' || c == '\\') {
        return path.to_owned();
    }
    let mut out = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Control characters have at most two bytes in UTF-8.
            c if c.is_control() => c.to_string().bytes().for_each(|byte| out.push_str(&format!("\\{byte:03o}"))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_disjoint_and_keep_every_other_byte() {
        let edits = [Edit::insert(2, "X"), Edit::replace(3, 4, "YY"), Edit::insert(2, "Z")];
        assert_eq!(apply("abcdef", &edits).as_deref(), Some("abXZcYYef"));
        assert_eq!(apply("abc", &[Edit::replace(0, 2, ""), Edit::replace(1, 3, "")]), None);
        assert_eq!(apply("abc", &[Edit::insert(9, "x")]), None);
        assert_eq!(apply("ä", &[Edit::insert(1, "x")]), None);
    }

    #[test]
    fn positions_map_back() {
        let edits = [Edit::insert(2, "XY"), Edit::replace(4, 5, "")];
        // abXYcdf
        let back: Vec<usize> = (0..7).map(|at| original_position(at, &edits)).collect();
        assert_eq!(back, [0, 1, 2, 2, 2, 3, 5]);
    }

    #[test]
    fn what_was_written_stands_where_the_text_says() {
        let edits = [Edit::insert(1, "xy"), Edit::replace(2, 3, "")];
        assert_eq!(apply("abcd", &edits).as_deref(), Some("axybd"));
        assert_eq!(written(&edits), [1..3, 4..4]);
    }

    #[test]
    fn a_diff_has_the_prefixes_git_wants() {
        let diff = unified_diff("src/a.c", "one\ntwo\n", "one\nfree(p);\ntwo\n");
        insta::assert_snapshot!(diff, @r"
        --- a/src/a.c
        +++ b/src/a.c
        @@ -1,2 +1,3 @@
         one
        +free(p);
         two
        ");
    }
}
