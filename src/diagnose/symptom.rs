//! What the incident says: stack frames, error lines, files, identifiers, packages and images found in its text.
//!
//! Each trace format is one small file with a function that reads one frame from one line, and a row in `FORMATS`.
//! Adding a format means adding a file and a row. Reading never fails: a text in which nothing is recognised is a [`Symptom`]
//! with words and nothing else.

mod compiler;
mod dotnet;
mod frame;
mod gdb;
mod go;
mod java;
mod javascript;
mod kernel;
mod lines;
mod mentions;
mod pattern;
mod php;
mod python;
mod ruby;
mod rust;
mod sanitizer;
mod test_log;
mod valgrind;

use crate::model::evidence::Gap;

pub use frame::{Frame, TraceFormat};
pub use mentions::{Package, identifiers};

/// How many bytes of an incident's text are read. Longer texts are logs, and the fault stands at their beginning or their end,
/// so half of this is read from each.
pub const TEXT_LIMIT: usize = 256 * 1024;

/// How many frames are kept. Deeper stacks are recursions that repeat themselves.
const FRAME_LIMIT: usize = 400;

/// What was recognised in an incident's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symptom {
    /// The traces in order of appearance.
    pub traces: Vec<Trace>,
    /// Lines that say what went wrong, as they stand, without quoting marks.
    pub error_lines: Vec<String>,
    /// Files and lines that compilers and tests complain about.
    pub complaints: Vec<Complaint>,
    /// Files named anywhere else.
    pub files: Vec<String>,
    /// Names that look like code, in order of first appearance, each once.
    pub identifiers: Vec<String>,
    /// Packages with versions.
    pub packages: Vec<Package>,
    /// Container images, as `name:tag`.
    pub images: Vec<String>,
    /// The whole text that was read, without quoting marks.
    pub text: String,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// One stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Who printed it.
    pub format: TraceFormat,
    /// The innermost frame first, whatever the order in the text.
    pub frames: Vec<Frame>,
}

/// A place that a compiler, linker or test names, and what it says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file as it was printed.
    pub file: String,
    /// The line, where one was printed.
    pub line: Option<u32>,
    /// The rest of the line. Empty for the chain of includes that led there.
    pub message: String,
}

/// In which order a format prints its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    InnermostFirst,
    InnermostLast,
}

/// One trace format.
struct Format {
    name: TraceFormat,
    order: Order,
    /// Reads one frame from one line.
    frame: fn(&str) -> Option<Frame>,
    /// Whether a line says what went wrong.
    is_error: fn(&str) -> bool,
}

/// Every format. A line belongs to the first one that reads it, so the stricter stand before the looser.
const FORMATS: [Format; 12] = [
    Format { name: TraceFormat::Python, order: Order::InnermostLast, frame: python::frame, is_error: python::is_error },
    Format { name: TraceFormat::Php, order: Order::InnermostFirst, frame: php::frame, is_error: php::is_error },
    Format { name: TraceFormat::Gdb, order: Order::InnermostFirst, frame: gdb::frame, is_error: gdb::is_error },
    Format {
        name: TraceFormat::Sanitizer,
        order: Order::InnermostFirst,
        frame: sanitizer::frame,
        is_error: sanitizer::is_error,
    },
    Format {
        name: TraceFormat::Valgrind,
        order: Order::InnermostFirst,
        frame: valgrind::frame,
        is_error: valgrind::is_error,
    },
    Format {
        name: TraceFormat::DotNet,
        order: Order::InnermostFirst,
        frame: dotnet::frame,
        is_error: dotnet::is_error,
    },
    Format { name: TraceFormat::Java, order: Order::InnermostFirst, frame: java::frame, is_error: java::is_error },
    Format {
        name: TraceFormat::JavaScript,
        order: Order::InnermostFirst,
        frame: javascript::frame,
        is_error: javascript::is_error,
    },
    Format { name: TraceFormat::Go, order: Order::InnermostFirst, frame: go::frame, is_error: go::is_error },
    Format { name: TraceFormat::Rust, order: Order::InnermostFirst, frame: rust::frame, is_error: rust::is_error },
    Format { name: TraceFormat::Ruby, order: Order::InnermostFirst, frame: ruby::frame, is_error: ruby::is_error },
    Format {
        name: TraceFormat::Kernel,
        order: Order::InnermostFirst,
        frame: kernel::frame,
        is_error: kernel::is_error,
    },
];

/// Reads an incident's text: its title, details and notes, one after the other.
pub fn read(text: &str) -> Symptom {
    let (text, gap) = bounded(text);
    let lines = lines::unwrapped(&text);
    let mut symptom = Symptom { text: lines.join("\n"), gaps: gap.into_iter().collect(), ..Symptom::default() };
    let mut frames = 0;
    let mut open: Option<(Order, Trace)> = None;
    let mut said: Option<Order> = None;
    for line in &lines {
        said = order_said(line).or(said);
        let read = FORMATS.iter().find_map(|format| (format.frame)(line).map(|frame| (format, frame)));
        match read {
            Some((format, frame)) if frames < FRAME_LIMIT => {
                frames += 1;
                match &mut open {
                    Some((_, trace)) if trace.format == format.name && !frame.starts_trace(trace.frames.len()) => {
                        trace.frames.push(frame);
                    }
                    _ => {
                        close(&mut symptom, open.take());
                        let order = said.take().unwrap_or(format.order);
                        open = Some((order, Trace { format: format.name, frames: vec![frame] }));
                    }
                }
            }
            Some(_) => {}
            None => {
                // Python prints the source line after each frame, so one line in between does not end a trace.
                let ends = line.trim().is_empty() || FORMATS.iter().any(|format| (format.is_error)(line));
                if ends {
                    close(&mut symptom, open.take());
                }
                other_line(&mut symptom, line);
            }
        }
    }
    close(&mut symptom, open.take());
    symptom.identifiers = mentions::identifiers(&symptom.text);
    symptom.packages = mentions::packages(&symptom.text);
    symptom.images = mentions::images(&symptom.text);
    symptom.files = mentions::files(&symptom.text);
    symptom
}

impl Symptom {
    /// All frames, the traces in order, innermost first.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.traces.iter().flat_map(|trace| &trace.frames)
    }

    /// Whether anything but plain words was recognised.
    pub fn is_prose(&self) -> bool {
        self.traces.is_empty() && self.complaints.is_empty() && self.error_lines.is_empty()
    }
}

/// Python says in which order it prints, and debuggers of it print the other way round.
fn order_said(line: &str) -> Option<Order> {
    if line.contains("(most recent call first)") {
        Some(Order::InnermostFirst)
    } else {
        line.contains("(most recent call last)").then_some(Order::InnermostLast)
    }
}

/// A line that is no frame: perhaps a complaint, perhaps an error.
fn other_line(symptom: &mut Symptom, line: &str) {
    let complaint = compiler::complaint(line).or_else(|| test_log::complaint(line));
    let says_error =
        FORMATS.iter().any(|format| (format.is_error)(line)) || compiler::is_error(line) || test_log::is_error(line);
    symptom.complaints.extend(complaint);
    if says_error {
        symptom.error_lines.push(line.trim().to_owned());
    }
}

fn close(symptom: &mut Symptom, open: Option<(Order, Trace)>) {
    let Some((order, mut trace)) = open else { return };
    if order == Order::InnermostLast {
        trace.frames.reverse();
    }
    symptom.traces.push(trace);
}

/// The first and the last half of the limit, cut at line ends.
fn bounded(text: &str) -> (String, Option<Gap>) {
    if text.len() <= TEXT_LIMIT {
        return (text.to_owned(), None);
    }
    let half = TEXT_LIMIT / 2;
    let head_end = text.floor_char_boundary(half);
    let tail_start = text.ceil_char_boundary(text.len() - half);
    let (head, tail) = (text.get(..head_end).unwrap_or_default(), text.get(tail_start..).unwrap_or_default());
    let gap =
        Gap::new("the middle of the incident's text", format!("it has {} bytes and {TEXT_LIMIT} are read", text.len()));
    (format!("{head}\n{tail}"), Some(gap))
}
