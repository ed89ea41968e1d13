//! The runner's two files: step outputs and the job summary.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::redact::Redactor;
use crate::report::escape::Markdown;
use crate::settings::Runner;
use crate::settings::outputs::Output;

/// Below the runner's limit of 1 MiB on a step's summary, past which all of it is dropped.
const LARGEST_SUMMARY: u64 = 900 * 1024;

/// GitHub's limit on all outputs of a job, in bytes.
const LARGEST_OUTPUTS: usize = 1_000_000;

/// Written once where a summary had to end early.
const SUMMARY_IS_CUT: &str = "\n\n(The rest is left out: GitHub takes no longer summaries.)\n";

/// Where the runner wants outputs and summary; either may be absent, and then nothing is written.
#[derive(Debug, Clone, Default)]
pub struct RunnerFiles {
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
}

impl RunnerFiles {
    /// The files that the runner named.
    pub fn new(runner: &Runner) -> RunnerFiles {
        RunnerFiles { output: runner.output.clone(), summary: runner.step_summary.clone() }
    }

    /// Sets step outputs, each value without secrets.
    ///
    /// # Errors
    /// Where the file cannot be written, the values are together larger than GitHub takes, or the system gives no
    /// random numbers for the mark that ends a value.
    pub fn set_outputs(&self, values: &[(Output, &str)], redactor: &Redactor) -> Result<(), Failure> {
        let Some(path) = &self.output else { return Ok(()) };
        let mut block = String::new();
        for (output, value) in values {
            block.push_str(&heredoc(*output, &redactor.redact(value), &random_delimiter()?)?);
        }
        if block.len() > LARGEST_OUTPUTS {
            return Err(Failure::configuration(
                format!("The step outputs are {} bytes long, and GitHub takes {LARGEST_OUTPUTS}.", block.len()),
                "Read the report from the job summary instead.",
            ));
        }
        append(path, &block)
    }

    /// Adds to the job summary as many whole pieces as fit, without secrets, and a word about those that do not.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn append_summary(&self, pieces: &[Markdown], redactor: &Redactor) -> Result<(), Failure> {
        let Some(path) = &self.summary else { return Ok(()) };
        let present = std::fs::metadata(path).map_or(0, |file| file.len());
        let mut left = LARGEST_SUMMARY.saturating_sub(present + SUMMARY_IS_CUT.len() as u64);
        let mut text = String::new();
        for piece in pieces {
            let piece = redactor.redact(piece.as_str());
            let Some(rest) = left.checked_sub(piece.len() as u64) else {
                text.push_str(if present < LARGEST_SUMMARY { SUMMARY_IS_CUT } else { "" });
                break;
            };
            text.push_str(&piece);
            left = rest;
        }
        append(path, &text)
    }
}

/// `name<<delimiter`, the value, the delimiter: the form that may hold any value of several lines.
fn heredoc(output: Output, value: &str, delimiter: &str) -> Result<String, Failure> {
    if value.contains(delimiter) || output.name.contains(delimiter) {
        return Err(Failure::peer(
            format!("The value of the output `{}` holds the random mark that should end it.", output.name),
            "Run again; if it happens twice, the machine's random numbers cannot be trusted.",
        ));
    }
    Ok(format!("{}<<{delimiter}\n{value}\n{delimiter}\n", output.name))
}

/// 128 bits of the operating system's randomness: a value that was written by others cannot foresee them.
fn random_delimiter() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).map_err(|why| {
        Failure::configuration(
            format!("Random numbers cannot be read from /dev/urandom: {why}."),
            "Run in the action's own image, or give this process a /dev with urandom.",
        )
    })?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("ghadelimiter_{digits}"))
}

/// The runner may have written before us, so that these files are only ever added to.
fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.flush()
    });
    written.map_err(|why| {
        Failure::configuration(
            format!("The runner's file {} cannot be written: {why}.", path.display()),
            "Check that the volume is mounted and has room; in the action the runner mounts it by itself.",
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::super::oracle::read_outputs;
    use super::*;
    use crate::markdown;
    use crate::report::escape::{Language, code_block};
    use crate::settings::outputs;

    fn files(folder: &Path) -> RunnerFiles {
        RunnerFiles { output: Some(folder.join("output")), summary: Some(folder.join("summary")) }
    }

    #[test]
    fn outputs_come_back_as_they_were_set() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = files(folder.path());
        let redactor = Redactor::new([SecretString::from("u+very-secret")]);
        files.set_outputs(&[(outputs::RESULT, "fixed"), (outputs::BRANCH, "a\nbranch=b")], &redactor).expect("written");
        files.set_outputs(&[(outputs::REPORT_PATH, "key u+very-secret")], &redactor).expect("written");
        let text = std::fs::read_to_string(folder.path().join("output")).expect("the file is there");
        let expected = [("result", "fixed"), ("branch", "a\nbranch=b"), ("report-path", "key REDACTED")];
        assert_eq!(read_outputs(&text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_value_that_knows_its_delimiter_is_refused() {
        let refused = heredoc(outputs::RESULT, "x\nghadelimiter_1\nadmin=true", "ghadelimiter_1");
        assert!(refused.is_err());
    }

    #[test]
    fn delimiters_differ() {
        assert_ne!(random_delimiter(), random_delimiter());
    }

    #[test]
    fn a_summary_keeps_whole_pieces_within_the_limit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = files(folder.path());
        let line = "x".repeat(400);
        let piece = code_block(&format!("{line}\n").repeat(100), Language::Text, 200);
        for _ in 0..3 {
            let pieces = vec![piece.clone(); 10];
            files.append_summary(&pieces, &Redactor::default()).expect("written");
        }
        let text = std::fs::read_to_string(folder.path().join("summary")).expect("the file is there");
        assert!(text.len() as u64 <= LARGEST_SUMMARY);
        assert!(text.len() as u64 > LARGEST_SUMMARY - 100_000);
        assert_eq!(text.matches("```").count() % 2, 0);
        assert!(text.ends_with(SUMMARY_IS_CUT));
    }

    #[test]
    fn a_summary_is_redacted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let redactor = Redactor::new([SecretString::from("fixedwords")]);
        files(folder.path()).append_summary(&[markdown!["the fixedwords"]], &redactor).expect("written");
        let text = std::fs::read_to_string(folder.path().join("summary")).expect("the file is there");
        assert_eq!(text, "the REDACTED");
    }

    #[test]
    fn outside_of_a_workflow_nothing_is_written() {
        let nowhere = RunnerFiles::default();
        assert!(nowhere.set_outputs(&[(outputs::RESULT, "fixed")], &Redactor::default()).is_ok());
        assert!(nowhere.append_summary(&[markdown!["x"]], &Redactor::default()).is_ok());
    }

    #[test]
    fn an_unwritable_file_is_named() {
        let files = RunnerFiles { output: Some("/nonexistent/folder/output".into()), summary: None };
        let failure = files.set_outputs(&[(outputs::RESULT, "x")], &Redactor::default()).expect_err("no such folder");
        assert!(failure.problem.contains("/nonexistent/folder/output"), "{failure}");
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in any::<String>()) {
            let block = heredoc(outputs::RESULT, &value, "ghadelimiter_0123").expect("the mark is not in it");
            prop_assert_eq!(read_outputs(&block), vec![("result".to_owned(), value)]);
        }
    }
}
