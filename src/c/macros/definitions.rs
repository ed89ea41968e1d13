//! Reading `#define` lines: name, parameters, and a body that is fit to be read as C.

use super::{Macro, balanced, logical_lines, twins, wipe};
use crate::c::names::Name;
use std::sync::OnceLock;

/// The macros that `text` defines, in order, without those that stand for another form of a function of `text`.
pub fn definitions(text: &str) -> Vec<(Name, Macro)> {
    let found = logical_lines(text).filter_map(|(start, end)| definition(text.get(start..end)?)).collect();
    twins::without_twins(text, found)
}

fn definition(line: &str) -> Option<(Name, Macro)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(word);
    if name.is_empty() {
        return None;
    }
    let (parameters, list, body): (Option<Vec<Name>>, Option<&str>, &str) = match rest.strip_prefix('(') {
        Some(tail) => {
            let (list, body) = tail.split_once(')')?;
            let one = |parameter: &str| {
                let parameter = parameter.trim().trim_end_matches('\\').trim();
                Name::of(if parameter.ends_with("...") { "__VA_ARGS__" } else { parameter })
            };
            (Some(list.split(',').filter(|p| !p.trim().is_empty()).map(one).collect()), Some(list), body)
        }
        None => (None, None, rest),
    };
    let body = body.replace("\\\r\n", "\n").replace("\\\n", "\n");
    let mut body = without_pragmas(without_comments(body.trim()).trim());
    if let Some(list) = &list {
        body = with_nameless_tail(body, list);
        body = without_parameter_casts(&with_texts(&body), list);
    }
    Some((Name::of(name), Macro { parameters, body: body.into(), syntax: OnceLock::new() }))
}

/// A variadic tail that has a name (`args...`) reads as the one that has none.
fn with_nameless_tail(body: String, parameters: &str) -> String {
    let tail =
        parameters.rsplit(',').next().and_then(|last| last.trim().trim_end_matches('\\').trim().strip_suffix("..."));
    let Some(tail) = tail.map(str::trim).filter(|tail| !tail.is_empty()) else { return body };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(body.len());
    let mut rest = body.as_str();
    while let Some(start) = rest.find(is_word) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c: char| !is_word(c)).unwrap_or(word.len()));
        out.push_str(before);
        out.push_str(if word == tail { "__VA_ARGS__" } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `#parameter`, which makes a text of an argument, reads as a text.
fn with_texts(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let (mut rest, mut is_quoted) = (body, false);
    while let Some(at) = rest.find(['#', '"', '\\']) {
        let (before, mark) = rest.split_at(at);
        out.push_str(before);
        let next = mark.get(1..2).unwrap_or("");
        let length = match &mark[..1] {
            "\\" => mark.chars().take(2).map(char::len_utf8).sum(),
            "#" if next == "#" => 2,
            "#" if !is_quoted => {
                let word = mark[1..].trim_start();
                let length = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
                out.push_str("\"\"");
                rest = &word[length..];
                continue;
            }
            quote => {
                is_quoted ^= quote == "\"";
                1
            }
        };
        out.push_str(&mark[..length]);
        rest = &mark[length..];
    }
    out.push_str(rest);
    out
}

/// `(TYPE)(value)`, where `TYPE` is a parameter that says by its name what it stands for, reads as a call before the
/// macro is opened: the cast is blanked out.
fn without_parameter_casts(body: &str, parameters: &str) -> String {
    let mut out = body.to_owned();
    for parameter in parameters.split(',').map(str::trim) {
        let lower = parameter.to_ascii_lowercase();
        if !(lower.contains("type") || lower.trim_matches('_') == "t") {
            continue;
        }
        let mut from = 0;
        while let Some(at) = out.get(from..).and_then(|rest| rest.find('(')).map(|at| at + from) {
            from = at + 1;
            let inside = out[from..].find(')').map_or("", |end| &out[from..from + end]);
            let is_called = out[..at].trim_end().ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if inside.trim() == parameter && !is_called {
                out.replace_range(at..from + inside.len() + 1, &" ".repeat(inside.len() + 2));
            }
        }
    }
    out
}

/// `body` without `_Pragma("…")`, which may stand anywhere and is no C to the parser.
fn without_pragmas(body: &str) -> String {
    let mut out = body.as_bytes().to_vec();
    for word in ["_Pragma", "__pragma"] {
        for (at, _) in body.match_indices(word) {
            let behind = &body[at + word.len()..];
            let blanks = behind.len() - behind.trim_start().len();
            if let Some(length) = balanced(behind.trim_start().as_bytes()) {
                wipe(&mut out, at..at + word.len() + blanks + length);
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| body.to_owned()).trim().to_owned()
}

/// `body` without comments, which would swallow what is put behind it.
fn without_comments(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find("/*").into_iter().chain(rest.find("//")).min() {
        // A slash pair inside a string literal is not a comment; an odd number of quotes before it says so.
        let Some((before, comment)) = rest.split_at_checked(at) else { break };
        if before.matches('"').count() % 2 == 1 {
            let keep = at + 2;
            out.push_str(rest.get(..keep).unwrap_or(before));
            rest = rest.get(keep..).unwrap_or("");
            continue;
        }
        out.push_str(before);
        out.push(' ');
        let end = if comment.starts_with("/*") { comment.find("*/").map(|end| end + 2) } else { comment.find('\n') };
        rest = end.and_then(|end| comment.get(end..)).unwrap_or("");
    }
    out.push_str(rest);
    out
}
