//! What the tests compare with: texts made to break out, and comrak as a second opinion on what Markdown means.

use std::sync::LazyLock;

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regex::Regex;

/// Pieces that mean something to Markdown, HTML, GitHub, git or a terminal, to be strung together.
const HOSTILE: &[&str] = &[
    "@",
    "@octocat",
    "@org/team",
    "#",
    "#1",
    "o/r#2",
    "GH-3",
    "gh-",
    "0123456789abcdef0123456789abcdef01234567",
    "abcdefa",
    "https://",
    "http://example.org/a_b",
    "//example.org",
    "www.",
    "WWW.example.org",
    "mailto:",
    "a@b.example",
    "xmpp:x@y.z",
    "&",
    "&#64;",
    "&commat;",
    "&lt;",
    "<",
    ">",
    "<b>",
    "</details>",
    "<!--",
    "-->",
    "<script>alert(1)</script>",
    "<img src=//x>",
    "`",
    "```",
    "~~~",
    "``` ",
    "*",
    "**",
    "_",
    "__",
    "~~",
    "[",
    "]",
    "(",
    ")",
    "[x](y)",
    "![a](b)",
    "[^1]",
    "[^1]: note",
    "[x]: /y",
    "- [ ] task",
    "+ ",
    "1. ",
    "1)",
    "> ",
    "# ",
    "===",
    "---",
    "***",
    "|",
    "|-|",
    "\\",
    "\\|",
    "$",
    "$$",
    "$`",
    ":tada:",
    ":100:",
    ":",
    "/",
    ".",
    "!",
    "\"",
    "'",
    "=",
    "{",
    "}",
    "^",
    "%0A",
    "\n",
    "\n\n",
    "\r",
    "\t",
    " ",
    "    ",
    "\u{0B}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{200B}",
    "\u{200D}",
    "\u{AD}",
    "\u{202E}",
    "\u{2066}",
    "\u{FEFF}",
    "\u{0}",
    "\u{1B}[31m",
    "\u{FE0F}",
    "\u{E0041}",
    "\u{1FEF}",
    "\u{37E}",
    "e\u{301}",
    "\u{338}",
    "word",
    "fix",
    "Fixes #7",
    "closes ",
    "[skip ci]",
    "[skip ",
    "ci]",
    "skip-checks:true",
    "Co-authored-by: x",
    "Signed-off-by:",
    "::set-output name=a::b",
    "##[add-mask]x",
    "7",
    "z",
];

/// Strings of up to twelve hostile pieces.
pub(super) fn hostile_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(HOSTILE), 0..12).prop_map(|pieces| pieces.concat())
}

/// What GitHub turns into a mention, a reference or a link when it stands in rendered text.
static LIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]|[0-9a-f]{7}|://|www\.|:[0-9]*[a-z_+-][a-z0-9_+-]*:|:100:|:1234:")
        .expect("a valid pattern")
});

fn options() -> Options<'static> {
    let mut options = Options::default();
    let on = &mut options.extension;
    on.autolink = true;
    on.table = true;
    on.strikethrough = true;
    on.tasklist = true;
    on.footnotes = true;
    on.inline_footnotes = true;
    on.alerts = true;
    on.math_dollars = true;
    on.math_code = true;
    on.description_lists = true;
    options.parse.relaxed_autolinks = true;
    options.parse.relaxed_tasklist_matching = true;
    options
}

/// Calls `see` for every node of the parsed document, parents first.
fn walk(markdown: &str, mut see: impl FnMut(&NodeValue)) {
    let arena = Arena::new();
    let options = options();
    for node in parse_document(&arena, markdown, &options).descendants() {
        see(&node.data.borrow().value);
    }
}

/// The rendered text, once it is certain that it is text (or code) and nothing in it is live.
pub(super) fn rendered_as_text(markdown: &str) -> Result<String, TestCaseError> {
    let mut rendered = String::new();
    let mut result: TestCaseResult = Ok(());
    walk(markdown, |node| match node {
        NodeValue::Document | NodeValue::Paragraph => {}
        NodeValue::Table(_) | NodeValue::TableRow(_) | NodeValue::TableCell => {}
        NodeValue::Text(text) => {
            rendered.push_str(text);
        }
        NodeValue::Code(code) => rendered.push_str(&code.literal),
        other => result = Err(TestCaseError::fail(format!("{markdown:?} has {other:?}"))),
    });
    result?;
    let mut outside_of_code = String::new();
    walk(markdown, |node| match node {
        NodeValue::Text(text) => outside_of_code.push_str(text),
        _ => outside_of_code.push(' '),
    });
    prop_assert!(!LIVE.is_match(&outside_of_code), "{:?} renders {:?}", markdown, outside_of_code);
    Ok(rendered)
}

/// The names of the blocks, parents first, without the document itself.
pub(super) fn outline(markdown: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    walk(markdown, |node| match node {
        NodeValue::Paragraph => names.push("paragraph"),
        NodeValue::CodeBlock(_) => names.push("code block"),
        NodeValue::HtmlBlock(_) => names.push("html block"),
        NodeValue::Table(_) => names.push("table"),
        NodeValue::TableRow(_) => names.push("row"),
        NodeValue::TableCell => names.push("cell"),
        node if node.block() && !matches!(node, NodeValue::Document) => names.push("other"),
        _ => {}
    });
    names
}

/// The kinds of all nodes but text, parents first: what a document looks like whatever its words are.
pub(super) fn shape(markdown: &str) -> Vec<String> {
    let mut kinds = Vec::new();
    walk(markdown, |node| {
        if !matches!(node, NodeValue::Text(_)) {
            let kind = format!("{node:?}");
            kinds.push(kind.split(['(', ' ']).next().unwrap_or_default().to_owned());
        }
    });
    kinds
}

/// The text of the document's code blocks.
pub(super) fn code_in(markdown: &str) -> String {
    let mut code = String::new();
    walk(markdown, |node| {
        if let NodeValue::CodeBlock(block) = node {
            code.push_str(&block.literal);
        }
    });
    code
}

/// Where the document's links and images lead.
pub(super) fn links_in(markdown: &str) -> Vec<String> {
    let mut addresses = Vec::new();
    walk(markdown, |node| {
        if let NodeValue::Link(link) | NodeValue::Image(link) = node {
            addresses.push(link.url.clone());
        }
    });
    addresses
}
