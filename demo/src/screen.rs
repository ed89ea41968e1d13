//! Calm output: headings, indented lines, boxes of text. Colour only on a terminal.

use std::io::{IsTerminal, Write};

/// Longer boxes are cut, so that the whole story stays readable.
const BOX_LINES: usize = 60;

/// Where the story is told.
pub(crate) struct Screen {
    out: Box<dyn Write>,
    colours: Colours,
}

/// Whether escape sequences may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    On,
    Off,
}

impl Screen {
    /// Standard output; with colours where it is a terminal and `NO_COLOR` is not set (<https://no-color.org>).
    pub(crate) fn stdout() -> Screen {
        let out = std::io::stdout();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = if out.is_terminal() && !plain { Colours::On } else { Colours::Off };
        Screen { out: Box::new(out), colours }
    }

    /// A heading, after an empty line.
    pub(crate) fn heading(&mut self, text: &str) {
        let text = self.paint("1", text);
        self.line(&format!("\n{text}"));
    }

    /// An indented line.
    pub(crate) fn say(&mut self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// A line that says whether something is as expected.
    pub(crate) fn check(&mut self, is_so: bool, text: &str) {
        let mark = if is_so { self.paint("32", "ok     ") } else { self.paint("31", "DIFFERS") };
        self.say(&format!("{mark} {text}"));
    }

    /// Text of others, line by line behind a bar. Lines of a diff are coloured.
    pub(crate) fn quote(&mut self, text: &str) {
        let text = printable(text);
        let lines: Vec<&str> = text.trim().lines().collect();
        for line in lines.iter().take(BOX_LINES) {
            let painted = match line.chars().next() {
                Some('+') => self.paint("32", line),
                Some('-') => self.paint("31", line),
                _ => (*line).to_owned(),
            };
            self.line(format!("  | {painted}").trim_end());
        }
        if lines.len() > BOX_LINES {
            self.line(&format!("  | … and {} more lines", lines.len() - BOX_LINES));
        }
    }

    /// A line as it is. A reader that has gone away (a closed pipe) is no reason to fail.
    pub(crate) fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colours {
            Colours::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colours::Off => text.to_owned(),
        }
    }
}

/// Drops HTML comments, which nobody sees on GitHub, and everything a terminal would act upon.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("<!--") {
        shown += before;
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    shown += rest;
    shown.retain(|c| c == '\n' || !(c.is_control() || c == '\u{200b}'));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_only() {
        assert_eq!(printable("<!-- marker -->\na\u{1b}[31mb\u{200b}c\r\n<!-- open"), "\na[31mbc\n");
    }
}
