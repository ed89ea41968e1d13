//! The stream of `git log -z --raw --patch`, read commit by commit.
//!
//! The stream is unambiguous although messages and files may hold anything: a header's fields end with NUL, which no message holds,
//! and a hunk says how many lines it has, so no line of a file is ever taken for structure.

use std::io::BufRead;

use chrono::DateTime;

use crate::model::ids::{CommitSha, RepositoryPath};
use crate::model::landing::{
    ChangeStatus, Content, Extent, FileChange, FileMode, Hunk, Landing, Person, pull_request_of,
};

/// Commit, parents, author's name and address, committer's time, message.
pub(super) const HEADER_FORMAT: &str = "--format=%x01%H%x00%P%x00%an%x00%ae%x00%ct%x00%B%x00";

/// Flags that make the stream what this reader expects, whatever the repository's configuration says.
pub(super) const STREAM_FLAGS: [&str; 24] = [
    "-z",
    "--raw",
    "--patch",
    "--no-abbrev",
    "--diff-merges=first-parent",
    "--find-renames",
    "-l400",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--no-notes",
    "--no-mailmap",
    "--no-decorate",
    "--encoding=UTF-8",
    "--output-indicator-new=+",
    "--output-indicator-old=-",
];

/// One entry of the raw listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawChange {
    /// The change without its hunks.
    pub(super) change: FileChange,
    /// The blob before; all zeros where there was none.
    pub(super) old_id: String,
    /// The blob after; all zeros where there is none.
    pub(super) new_id: String,
}

/// Reads landings from git's stream.
pub(super) struct LogReader<R> {
    source: R,
    /// How many bytes of hunks are kept per landing.
    hunk_bytes: usize,
    /// How many of them the current landing has left.
    left: usize,
    extent: Extent,
    line: Vec<u8>,
    /// Whether `line` was read too early and is the next line still.
    held: bool,
}

impl<R: BufRead> LogReader<R> {
    /// Keeps at most `hunk_bytes` bytes of hunks per landing; what goes beyond is read and dropped, and the landing says so.
    pub(super) fn new(source: R, hunk_bytes: usize) -> LogReader<R> {
        LogReader { source, hunk_bytes, left: 0, extent: Extent::Whole, line: Vec::new(), held: false }
    }

    /// The next landing, `None` at the end of the stream. An error is a stream that is not git's.
    pub(super) fn next_landing(&mut self) -> std::io::Result<Option<(Landing, Vec<RawChange>)>> {
        self.skip_separators()?;
        match self.peek()? {
            None => return Ok(None),
            Some(0x01) => self.source.consume(1),
            Some(_) => return Err(broken("a commit does not begin with its marker")),
        }
        (self.left, self.extent) = (self.hunk_bytes, Extent::Whole);
        let mut landing = self.header()?;
        let raw = self.raw_listing()?;
        landing.changes = raw.iter().map(|entry| entry.change.clone()).collect();
        self.patches(&mut landing.changes)?;
        landing.extent = self.extent;
        Ok(Some((landing, raw)))
    }

    fn header(&mut self) -> std::io::Result<Landing> {
        let commit = CommitSha::new(self.field()?);
        let parents = self.field()?.split_whitespace().map(CommitSha::new).collect();
        let author = Person { name: self.field()?, email: self.field()? };
        let seconds: i64 = self.field()?.parse().map_err(|_| broken("a commit's time is not a number"))?;
        let committed_at =
            DateTime::from_timestamp(seconds, 0).ok_or_else(|| broken("a commit's time is out of range"))?;
        let message = self.field()?;
        let (subject, body) = message.split_once('\n').unwrap_or((&message, ""));
        Ok(Landing {
            pull_request: pull_request_of(subject),
            subject: subject.to_owned(),
            body: body.trim_matches('\n').to_owned(),
            commit,
            parents,
            author,
            committed_at,
            changes: Vec::new(),
            extent: Extent::Whole,
        })
    }

    /// `:OLDMODE NEWMODE OLDID NEWID STATUS` NUL PATH NUL, and a second path for renames and copies.
    pub(super) fn raw_listing(&mut self) -> std::io::Result<Vec<RawChange>> {
        self.skip_separators()?;
        let mut entries = Vec::new();
        while self.peek()? == Some(b':') {
            self.source.consume(1);
            let meta = self.field()?;
            let mut words = meta.split(' ');
            let mut word = || words.next().ok_or_else(|| broken("a listed change lacks a field"));
            let (old_mode, new_mode, old_id, new_id) =
                (mode(word()?), mode(word()?), word()?.to_owned(), word()?.to_owned());
            let status = status(word()?);
            let first = RepositoryPath::new(self.field()?);
            let moved = matches!(status, ChangeStatus::Renamed | ChangeStatus::Copied);
            let (path, old_path) =
                if moved { (RepositoryPath::new(self.field()?), Some(first)) } else { (first, None) };
            let content = Content::Text;
            let change = FileChange { path, old_path, status, old_mode, new_mode, content, hunks: Vec::new() };
            entries.push(RawChange { change, old_id, new_id });
        }
        Ok(entries)
    }

    /// The patches come in the listing's order; a changed type prints two of them, a removal and an addition.
    fn patches(&mut self, changes: &mut [FileChange]) -> std::io::Result<()> {
        self.skip_separators()?;
        let (mut next, mut halves) = (0, 0);
        while self.peek()? == Some(b'd') {
            let Some(change) = changes.get_mut(next) else { return Err(broken("there are more patches than changes")) };
            self.patch(change)?;
            halves += 1;
            if change.status != ChangeStatus::TypeChanged || halves == 2 {
                (next, halves) = (next + 1, 0);
            }
        }
        Ok(())
    }

    /// One file's patch: `diff --git`, more header lines, then hunks.
    fn patch(&mut self, change: &mut FileChange) -> std::io::Result<()> {
        self.read_line()?;
        loop {
            match self.peek()? {
                None | Some(0 | 0x01 | b':') => return Ok(()),
                Some(b'@') => change.hunks.extend(self.hunk()?),
                Some(_) => {
                    self.read_line()?;
                    if self.line.starts_with(b"diff --git ") {
                        self.held = true;
                        return Ok(());
                    }
                    if self.line.starts_with(b"Binary files ") {
                        change.content = Content::Binary;
                    }
                }
            }
        }
    }

    /// A hunk's header and as many lines as it says. `None` where they do not fit into the byte limit.
    fn hunk(&mut self) -> std::io::Result<Option<Hunk>> {
        self.read_line()?;
        let mut hunk = hunk_header(&self.line).ok_or_else(|| broken("a hunk's header is not one"))?;
        let (mut old, mut new) = (hunk.old_lines, hunk.new_lines);
        let (mut bytes, mut fits) = (Vec::new(), true);
        while old > 0 || new > 0 {
            if self.read_line()? == 0 {
                return Err(broken("a hunk ended early"));
            }
            match self.line.first() {
                Some(b'+') => new = new.saturating_sub(1),
                Some(b'-') => old = old.saturating_sub(1),
                // The remark that a last line has no line feed.
                Some(b'\\') => continue,
                _ => (old, new) = (old.saturating_sub(1), new.saturating_sub(1)),
            }
            fits = fits && bytes.len() + self.line.len() <= self.left;
            if fits {
                bytes.extend_from_slice(&self.line);
            }
        }
        if self.peek()? == Some(b'\\') {
            self.read_line()?;
        }
        if !fits {
            (self.left, self.extent) = (0, Extent::Cut);
            return Ok(None);
        }
        self.left -= bytes.len();
        hunk.text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Ok(Some(hunk))
    }

    fn skip_separators(&mut self) -> std::io::Result<()> {
        while let Some(0 | b'\n') = self.peek()? {
            self.source.consume(1);
        }
        Ok(())
    }

    fn peek(&mut self) -> std::io::Result<Option<u8>> {
        if self.held {
            return Ok(self.line.first().copied());
        }
        Ok(self.source.fill_buf()?.first().copied())
    }

    /// Up to the next line feed, which is kept. Zero at the end of the stream.
    fn read_line(&mut self) -> std::io::Result<usize> {
        if std::mem::take(&mut self.held) {
            return Ok(self.line.len());
        }
        self.line.clear();
        self.source.read_until(b'\n', &mut self.line)
    }

    /// Up to the next NUL, which is not kept.
    fn field(&mut self) -> std::io::Result<String> {
        self.line.clear();
        self.source.read_until(0, &mut self.line)?;
        if self.line.pop() != Some(0) {
            return Err(broken("the stream ended inside a field"));
        }
        Ok(String::from_utf8_lossy(&self.line).into_owned())
    }
}

/// `@@ -12,3 +14 @@ section`; a missing count is 1.
fn hunk_header(line: &[u8]) -> Option<Hunk> {
    let line = String::from_utf8_lossy(line);
    let rest = line.trim_end_matches('\n').strip_prefix("@@ -")?;
    let (ranges, section) = rest.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let ((old_start, old_lines), (new_start, new_lines)) = (range(old)?, range(new)?);
    Some(Hunk { old_start, old_lines, new_start, new_lines, section: section.trim().to_owned(), text: String::new() })
}

fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, lines)) => Some((start.parse().ok()?, lines.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

/// Six octal digits; all zeros stand for no file.
fn mode(text: &str) -> Option<FileMode> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode != 0).map(FileMode)
}

fn status(letter: &str) -> ChangeStatus {
    match letter.as_bytes().first() {
        Some(b'A') => ChangeStatus::Added,
        Some(b'D') => ChangeStatus::Deleted,
        Some(b'R') => ChangeStatus::Renamed,
        Some(b'C') => ChangeStatus::Copied,
        Some(b'T') => ChangeStatus::TypeChanged,
        _ => ChangeStatus::Modified,
    }
}

fn broken(why: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LogReader;
    use crate::model::landing::Extent;

    const STREAM: &[u8] = b"\x01c1\0p1 p2\0A\0a@b\x0017\0Subject\n\nBody\n\0\0\n:100644 100755 aa bb M\0f\0:000000 100644 00 cc A\0g\0\0diff --git a/f b/f\nold mode 100644\nnew mode 100755\n@@ -1,2 +1 @@ fn x\n-\x01c9\n one\n\\ No newline at end of file\ndiff --git a/g b/g\n@@ -0,0 +1 @@\n+two\n\x01c2\0\0A\0a@b\x0018\0Other\0\0";

    /// Reads to the end or the first error; gives what was read.
    fn read(stream: &[u8], buffer: usize, limit: usize) -> Vec<String> {
        let mut reader = LogReader::new(std::io::BufReader::with_capacity(buffer, stream), limit);
        let mut read = Vec::new();
        while let Ok(Some((landing, _))) = reader.next_landing() {
            let hunks: Vec<&str> = landing.changes.iter().flat_map(|c| &c.hunks).map(|h| h.text.as_str()).collect();
            read.push(format!(
                "{} {} {:?} {}",
                landing.commit,
                landing.changes.len(),
                hunks,
                landing.extent == Extent::Whole
            ));
        }
        read
    }

    #[test]
    fn the_size_of_gits_writes_does_not_matter() {
        let whole = [r#"c1 2 ["-\u{1}c9\n one\n", "+two\n"] true"#, "c2 0 [] true"];
        for buffer in 1..80 {
            assert_eq!(read(STREAM, buffer, 1000), whole, "buffer of {buffer}");
        }
        assert_eq!(read(STREAM, 80, 9), ["c1 2 [] false", "c2 0 [] true"], "what comes after a cut is cut as well");
    }

    proptest! {
        #[test]
        fn a_damaged_stream_ends_early_and_never_panics(at in 0..STREAM.len(), with in proptest::collection::vec(any::<u8>(), 0..8)) {
            let mut stream = STREAM.to_vec();
            stream.splice(at..(at + with.len()).min(STREAM.len()), with);
            prop_assert!(read(&stream, 16, 1000).len() <= 4);
        }
    }
}
