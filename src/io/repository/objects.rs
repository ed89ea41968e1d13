//! Reading objects through one long-lived `git cat-file --batch`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::git::{Deadline, Git, unreadable};
use crate::failure::Failure;

/// What `cat-file` answered for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    /// It is there and was read whole.
    Found { id: String, kind: String, bytes: Vec<u8> },
    /// It is there and larger than asked for.
    TooLarge { bytes: u64 },
    /// There is none of that name.
    Missing,
}

/// A running `cat-file`, started at the first question and ended with its owner.
#[derive(Default)]
pub(super) struct ObjectReader {
    process: Option<Process>,
}

struct Process {
    child: Arc<Mutex<Child>>,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl ObjectReader {
    /// Reads the named objects in order. Names are object ids or names of refs, never paths, so no name can hold a line feed.
    /// A failure ends the process, and the next question starts a new one.
    pub(super) fn read(&mut self, git: &Git, names: &[&str], limit: u64) -> Result<Vec<Object>, Failure> {
        let what = "read objects";
        let mut process = match self.process.take() {
            Some(process) => process,
            None => Process::start(git, what)?,
        };
        let mut deadline = Deadline::arm(&process.child, git.deadline());
        let answers = process.ask(names, limit);
        let expired = deadline.disarm();
        match answers {
            Ok(answers) => {
                self.process = Some(process);
                Ok(answers)
            }
            Err(error) if expired => Err(Failure::peer(
                format!("git did not {what} in time and was stopped ({error})"),
                "Try again; if the repository is very large, narrow the paths in the configuration.",
            )),
            Err(error) => Err(unreadable(what, &error)),
        }
    }
}

impl Process {
    fn start(git: &Git, what: &str) -> Result<Process, Failure> {
        let mut child = git.spawn(what, ["cat-file", "--batch"], Stdio::piped())?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let Some(mut stderr) = stderr {
            // Drained so that git never blocks on it; what is missing is told by the answers themselves.
            std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        }
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(Failure::peer(
                format!("git was started without a pipe when it was asked to {what}"),
                "Try again.",
            ));
        };
        let child = Arc::new(Mutex::new(child));
        Ok(Process { child, stdin, stdout: BufReader::with_capacity(1 << 16, stdout) })
    }

    /// Asks from a thread of its own, since git answers while we still ask and both pipes are finite.
    fn ask(&mut self, names: &[&str], limit: u64) -> std::io::Result<Vec<Object>> {
        let mut question = names.join("\n");
        if names.is_empty() {
            return Ok(Vec::new());
        }
        question.push('\n');
        let (stdin, stdout) = (&mut self.stdin, &mut self.stdout);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || stdin.write_all(question.as_bytes()).and_then(|()| stdin.flush()));
            let answers = names.iter().map(|_| answer(stdout, limit)).collect::<std::io::Result<Vec<_>>>();
            let written = writer.join().unwrap_or_else(|_| Err(std::io::Error::other("the writing thread ended")));
            answers.and_then(|answers| written.map(|()| answers))
        })
    }
}

impl Drop for Process {
    /// `cat-file` only reads, so stopping it at any time is harmless.
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// One answer: `ID KIND SIZE`, the bytes and a line feed; or `NAME missing`.
fn answer(from: &mut impl BufRead, limit: u64) -> std::io::Result<Object> {
    let mut header = Vec::new();
    from.by_ref().take(4096).read_until(b'\n', &mut header)?;
    let header = String::from_utf8_lossy(&header);
    let Some(header) = header.strip_suffix('\n') else {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the answer ended early"));
    };
    let mut words = header.split(' ');
    let (Some(id), Some(kind), Some(size), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Ok(Object::Missing);
    };
    let size: u64 = size.parse().map_err(|_| std::io::Error::other("the answer's size is not a number"))?;
    let found = if size > limit {
        std::io::copy(&mut from.by_ref().take(size), &mut std::io::sink())?;
        Object::TooLarge { bytes: size }
    } else {
        let mut bytes = Vec::new();
        from.by_ref().take(size).read_to_end(&mut bytes)?;
        Object::Found { id: id.to_owned(), kind: kind.to_owned(), bytes }
    };
    let mut line_feed = [0];
    from.read_exact(&mut line_feed)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Object, answer};

    #[test]
    fn an_answer_is_found_too_large_or_missing() {
        let mut stream: &[u8] = b"aa blob 3\nx\ny\nbb blob 9\n123456789\nrefs/heads/x missing\ncc ambiguous\n";
        let next = |stream: &mut &[u8]| answer(stream, 4).ok();
        let found = Object::Found { id: "aa".into(), kind: "blob".into(), bytes: b"x\ny".to_vec() };
        assert_eq!(next(&mut stream), Some(found));
        assert_eq!(next(&mut stream), Some(Object::TooLarge { bytes: 9 }));
        assert_eq!(next(&mut stream), Some(Object::Missing));
        assert_eq!(next(&mut stream), Some(Object::Missing));
        assert_eq!(next(&mut stream), None, "the stream has ended");
    }
}
