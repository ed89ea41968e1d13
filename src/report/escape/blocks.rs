//! Foreign text as code, and the shapes that hold pieces: folds, tables, hidden comments.

use std::fmt::Write as _;

use crate::characters::{
    ELLIPSIS, ZERO_WIDTH_SPACE, is_bidi_control, is_invisible, lines, split_at_most, without_terminal_sequences,
};
use crate::redact::token_shapes;

use super::Markdown;
use super::inline::{defuse, escape, visible};

/// A good default for the lines of a code block: what a person still scrolls through.
pub const MOST_LINES: usize = 200;

/// Longer lines of a code block are cut, in characters: minified files and core dumps are of no use to a reader.
const LONGEST_LINE: usize = 500;

/// The longest code span, in characters: a deep path with a line number fits.
const LONGEST_SPAN: usize = 300;

/// How much of a text is looked at in bytes; more would not fit into a comment.
const LONGEST_READ: usize = 256 * 1024;

/// What a code block holds, for GitHub's highlighter. Foreign text never chooses the info string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Logs, notes and whatever has no syntax.
    Text,
    /// A unified diff.
    Diff,
    /// C source.
    C,
    /// A shell session or a command to type.
    Console,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// A chart that GitHub draws. Its text is ours; foreign words in it must have been cleaned.
    Mermaid,
}

impl Language {
    fn info_string(self) -> &'static str {
        match self {
            Language::Text => "text",
            Language::Diff => "diff",
            Language::C => "c",
            Language::Console => "console",
            Language::Yaml => "yaml",
            Language::Json => "json",
            Language::Mermaid => "mermaid",
        }
    }
}

/// A path, a function's name or a commit as code on one line. Empty for text that shows nothing.
///
/// Text with a backtick, a pipe or a bracket is written with `<code>` tags instead: no number of backticks holds a pipe
/// inside of a table cell, and a link whose text begins with a span that holds `]:` would define a reference.
pub fn code_span(text: &str) -> Markdown {
    let text = visible(text, LONGEST_SPAN);
    if text.is_empty() {
        return Markdown::default();
    }
    if text.contains(['`', '|', '[', ']']) {
        return Markdown(format!("<code>{}</code>", escape(&defuse(&text))));
    }
    // A reply by mail quotes the span without its backticks, and a mention in it would then page somebody.
    Markdown(format!("`{}`", text.replace('@', &format!("@{ZERO_WIDTH_SPACE}"))))
}

/// Lines of source, a log or a diff, at most `most_lines` of them; more are counted below the block.
///
/// The fence is longer than any run of backticks inside, so that the text cannot end it. What cannot be seen is dropped,
/// but characters that reorder a line are shown by their number, since they are a way to hide code from a reviewer.
pub fn code_block(text: &str, language: Language, most_lines: usize) -> Markdown {
    let (read, unread) = split_at_most(text, LONGEST_READ);
    let visible = visible_code(read);
    // What is invisible is gone by now and nothing is cut yet, so that no secret is hidden or halved.
    let redacted = token_shapes(&visible);
    let all: Vec<&str> = redacted.lines().collect();
    let shown: Vec<String> = all.iter().take(most_lines).map(|line| cut_line(line)).collect();
    let fence = "`".repeat(shown.iter().map(|line| longest_backtick_run(line)).max().unwrap_or(0).max(2) + 1);
    let mut block = format!("\n\n{fence}{}\n", language.info_string());
    for line in &shown {
        block.push_str(line);
        block.push('\n');
    }
    block.push_str(&fence);
    block.push_str("\n\n");
    match (all.len() - shown.len(), unread.is_empty()) {
        (0, true) => {}
        (more, true) => block.push_str(&format!("{ELLIPSIS} and {more} more lines.\n\n")),
        // What was not read has no lines that could be counted.
        (_, false) => block.push_str(&format!("{ELLIPSIS} and more.\n\n")),
    }
    Markdown(block)
}

/// The lines with line feeds between them, without terminal colours and what cannot be seen, bidi controls by number.
fn visible_code(text: &str) -> String {
    let text = without_terminal_sequences(text);
    let mut shown = String::with_capacity(text.len());
    for line in lines(&text) {
        for c in line.chars() {
            if is_bidi_control(c) {
                // Writing to a `String` cannot fail.
                let _ = write!(shown, "<U+{:04X}>", u32::from(c));
            } else if !is_invisible(c) {
                shown.push(c);
            }
        }
        shown.push('\n');
    }
    shown
}

fn cut_line(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}{ELLIPSIS}", split_at_most(line, at).0),
        None => line.to_owned(),
    }
}

fn longest_backtick_run(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A part that is folded away under a line of our own words.
pub fn details(summary: &'static str, body: impl Into<Markdown>) -> Markdown {
    let mut fold = Markdown(format!("\n\n<details>\n<summary>{summary}</summary>\n\n"));
    fold.push(body);
    fold.push("\n\n</details>\n\n");
    fold
}

/// A table. A cell is one line; a row with too few cells is filled up, and what is too many is left out.
pub fn table(header: &[&'static str], rows: impl IntoIterator<Item = Vec<Markdown>>) -> Markdown {
    let mut table = String::from("\n\n");
    table.push_str(&row(header.iter().map(|words| (*words).to_owned())));
    table.push_str(&row(header.iter().map(|_| "---".to_owned())));
    for cells in rows {
        let cells = cells.into_iter().map(|cell| cell_text(&cell.0)).chain(std::iter::repeat(String::new()));
        table.push_str(&row(cells.take(header.len())));
    }
    table.push_str("\n\n");
    Markdown(table)
}

fn row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// One line, and every pipe behind a backslash, because a bare one would end the cell even inside of code.
fn cell_text(text: &str) -> String {
    let line = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" ");
    let mut cell = String::with_capacity(line.len());
    let mut previous = ' ';
    for c in line.chars() {
        if c == '|' && previous != '\\' {
            cell.push('\\');
        }
        cell.push(c);
        previous = c;
    }
    // A backslash at the end would take the table's own pipe with it.
    if previous == '\\' {
        cell.push(' ');
    }
    cell
}

/// A comment that is not shown: the mark by which a later run finds what an earlier one wrote.
///
/// Only letters, digits and `. : = _ / -` are kept, and no two hyphens in a row, so that it ends where we end it.
pub fn hidden_comment(text: &str) -> Markdown {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars().filter(|c| c.is_ascii_alphanumeric() || " .:=_/-".contains(*c)) {
        if !(c == '-' && kept.ends_with('-')) {
            kept.push(c);
        }
    }
    Markdown(format!("<!-- {} -->", kept.trim_matches([' ', '-'])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::inline;
    use super::super::oracle::{code_in, hostile_text, outline, rendered_as_text};
    use super::*;
    use crate::markdown;

    #[test]
    fn a_fence_outlasts_the_backticks_inside() {
        let block = code_block("```\n````js\nok", Language::Text, 10);
        insta::assert_snapshot!(block.as_str().trim(), @r"
        `````text
        ```
        ````js
        ok
        `````
        ");
    }

    #[test]
    fn long_blocks_are_cut_and_say_so() {
        let block = code_block("1\n2\n3\n4\n5", Language::Text, 3);
        assert!(block.as_str().ends_with("3\n```\n\n… and 2 more lines.\n\n"), "{block}");
        let block = code_block(&"x".repeat(501), Language::Text, 3);
        assert!(block.as_str().contains(&format!("{}…\n", "x".repeat(500))), "{block}");
    }

    #[test]
    fn reordering_characters_are_named_in_code() {
        let block = code_block("+ if (admin\u{202E}) {\u{200B}\t\u{1B}[31mred", Language::Diff, 3);
        assert!(block.as_str().contains("+ if (admin<U+202E>) {\tred\n"), "{block}");
    }

    #[test]
    fn a_token_is_not_halved_by_a_cut() {
        let token = format!("ghs_{}", "a1B2".repeat(10));
        let block = code_block(&format!("{}{token}", "x".repeat(490)), Language::Text, 3);
        assert!(block.as_str().contains("xREDACTED\n"), "{block}");
    }

    #[test]
    fn spans_choose_the_form_that_holds() {
        assert_eq!(code_span("src/worker.c:26").as_str(), "`src/worker.c:26`");
        assert_eq!(code_span("a`b|c").as_str(), "<code>a\\`b\\|c</code>");
        assert_eq!(code_span("slots[i]:").as_str(), r"<code>slots\[i\]:</code>");
        assert_eq!(code_span("@octocat").as_str(), "`@\u{200B}octocat`");
        assert!(code_span("\u{200B}\n").is_empty());
    }

    #[test]
    fn a_table_keeps_its_shape() {
        let rows = vec![
            vec![inline("a|b", 20), code_span("x|y")],
            vec![code_block("p | q", Language::Text, 5), "one".into(), "too many".into()],
            vec!["alone".into()],
        ];
        insta::assert_snapshot!(table(&["Suspect", "Why"], rows).as_str().trim(), @r"
        | Suspect | Why |
        | --- | --- |
        | a\|b | <code>x\|y</code> |
        | ```text p \| q ``` | one |
        | alone |  |
        ");
    }

    #[test]
    fn a_hidden_comment_cannot_be_ended_from_inside() {
        let mark = hidden_comment("responder:v1 incident=Q1--><script> kind=fix--");
        assert_eq!(mark.as_str(), "<!-- responder:v1 incident=Q1-script kind=fix -->");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn a_code_block_holds_its_text(text in hostile_text()) {
            let document = markdown!["Before ", code_block(&text, Language::Text, 50), "after"];
            prop_assert_eq!(outline(document.as_str()), ["paragraph", "code block", "paragraph"]);
            let expected = token_shapes(&visible_code(&text)).into_owned();
            prop_assert_eq!(code_in(document.as_str()), expected);
        }

        #[test]
        fn a_fold_holds_its_body(text in hostile_text()) {
            let body = markdown![inline(&text, 60), code_block(&text, Language::C, 9), code_span(&text)];
            let document = markdown!["a", details("Log", body), "b"];
            let shape = outline(document.as_str());
            prop_assert_eq!(shape.iter().filter(|node| **node == "html block").count(), 2, "{:?}", shape);
            prop_assert_eq!(shape.iter().filter(|node| **node == "code block").count(), 1, "{:?}", shape);
        }

        #[test]
        fn a_span_shows_its_text_in_a_sentence(text in hostile_text()) {
            let document = markdown!["at ", code_span(&text), " of ", inline(&text, 300)];
            let rendered = rendered_as_text(&document.as_str().replace("<code>", "").replace("</code>", ""))?;
            let shown = visible(&text, 300);
            let expected = format!("at {shown} of {shown}");
            prop_assert_eq!(rendered.replace(ZERO_WIDTH_SPACE, ""), expected.trim());
        }

        #[test]
        fn a_row_has_as_many_cells_as_the_header(text in hostile_text(), which in 0..4) {
            let cell = match which {
                0 => inline(&text, 100),
                1 => code_span(&text),
                2 => code_block(&text, Language::Text, 5),
                _ => markdown![code_span(&text), inline(&text, 20)],
            };
            let document = table(&["A", "B"], [vec![cell.clone(), cell], vec!["x".into(), "y".into()]]);
            let shape = outline(document.as_str());
            prop_assert_eq!(shape, ["table", "row", "cell", "cell", "row", "cell", "cell", "row", "cell", "cell"]);
            let bare = document.as_str().replace("<code>", "·").replace("</code>", "·");
            rendered_as_text(&bare)?;
        }
    }
}
