//! What the tests compare with: how the runner reads a step's lines and files.
//!
//! Rules of `Runner.Common/ActionCommand.cs`, `Runner.Worker/ActionCommandManager.cs` and
//! `Runner.Worker/FileCommandManager.cs` of <https://github.com/actions/runner>, retold in our own words. Its text
//! comparisons are culture-sensitive: characters without weight are as good as absent, so that they are removed first
//! here, which finds more commands than the runner does.

use crate::characters::is_invisible;

/// The commands a runner obeys, without regard to case.
const COMMANDS: [&str; 15] = [
    "set-env",
    "set-output",
    "save-state",
    "add-path",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "warning",
    "error",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];

/// A command that a runner would obey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveCommand {
    pub(super) name: String,
    pub(super) data: String,
}

/// Every command in what a step printed.
pub(super) fn live_commands(printed: &str) -> Vec<LiveCommand> {
    // .NET ends a line at each of these; the wider set stands for whatever sits between us and the runner.
    let line_ends = ['\n', '\r', '\u{0B}', '\u{0C}', '\u{85}', '\u{2028}', '\u{2029}'];
    printed.split(line_ends).filter_map(|line| live_command(line).or_else(|| live_command(&weightless(line)))).collect()
}

fn weightless(line: &str) -> String {
    line.chars().filter(|c| !is_invisible(*c)).collect()
}

fn live_command(line: &str) -> Option<LiveCommand> {
    colon_command(line).or_else(|| hash_command(line))
}

/// `::name properties::data`, after leading white space.
fn colon_command(line: &str) -> Option<LiveCommand> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let data = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    Some(LiveCommand { name: registered(head)?, data })
}

/// `##[name properties]data`, anywhere in the line. Any further mark is tried too, though the runner tries the first.
fn hash_command(line: &str) -> Option<LiveCommand> {
    line.match_indices("##[").find_map(|(at, mark)| {
        let (head, data) = line.get(at + mark.len()..)?.split_once(']')?;
        Some(LiveCommand { name: registered(head)?, data: data.to_owned() })
    })
}

fn registered(head: &str) -> Option<String> {
    let name = head.split(' ').next()?.to_ascii_lowercase();
    COMMANDS.contains(&name.as_str()).then_some(name)
}

/// The outputs in a file of outputs. Panics where the runner would refuse the file.
pub(super) fn read_outputs(text: &str) -> Vec<(String, String)> {
    let mut outputs = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").unwrap_or(usize::MAX);
        assert!(equals != heredoc, "not an output: {line:?}");
        if equals < heredoc {
            outputs.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
            continue;
        }
        let (name, delimiter) = (&line[..heredoc], &line[heredoc + 2..]);
        let mut value: Vec<&str> = Vec::new();
        loop {
            match lines.next() {
                Some(end) if end == delimiter => break,
                Some(part) => value.push(part),
                None => panic!("the delimiter {delimiter:?} is missing"),
            }
        }
        outputs.push((name.to_owned(), value.join("\n")));
    }
    outputs
}
