//! Macros opened the way the preprocessor does it: the text of the arguments is put into the text of the replacement, and
//! that is parsed anew. It takes longer than opening the parsed replacement and is done only where that cannot say what
//! the macro means: arguments that are no expressions (`INIT(p, .name = name)`), and names made of two (`a##b`).

use super::is_word;
use crate::c::macros::{Macro, is_tag_of_an_argument};
use crate::c::names::Name;

/// Whether a replacement joins names. A `##` that only swallows the comma before the variadic tail does not.
pub(super) fn joins_names(body: &str) -> bool {
    body.match_indices("##").any(|(at, _)| !body[at + 2..].trim_start().starts_with("__VA_ARGS__"))
}

/// The replacement of a macro with parameters as used with `arguments`, a parenthesised list. `None` where their number
/// does not fit.
pub(super) fn substituted(definition: &Macro, arguments: &str) -> Option<String> {
    let parameters = definition.parameters.as_ref()?;
    let inside = arguments.trim().strip_prefix('(')?.strip_suffix(')')?;
    let given = split(inside);
    let is_variadic = parameters.last() == Some(&Name::of("__VA_ARGS__"));
    let fixed = parameters.len() - usize::from(is_variadic);
    if given.len() < fixed || given.len() > fixed && !is_variadic && !(fixed == 0 && inside.trim().is_empty()) {
        return None;
    }
    let rest = given.get(fixed..).unwrap_or(&[]).join(",");
    let value = |word: &str| {
        let number = parameters.iter().position(|parameter| *parameter == Name::of(word))?;
        Some(if is_variadic && number == fixed { rest.trim() } else { given[number].trim() })
    };
    Some(without_typeof(&replaced(&definition.body, value)))
}

/// A replacement with each word replaced that `value` has something for. `None` if it has none.
pub(super) fn spelled_out<'a>(body: &str, value: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let text = replaced(body, value);
    (text != body).then_some(text)
}

/// `typeof (…)` reads as a type that the grammar knows: whose it is does not matter here.
fn without_typeof(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = tokens(rest).find(|token| matches!(token.text, "typeof" | "__typeof__" | "__typeof")) {
        let at = found.at + found.text.len();
        let blanks = rest[at..].len() - rest[at..].trim_start().len();
        let Some(length) = bracketed(&rest[at + blanks..]) else { break };
        out.push_str(&rest[..found.at]);
        out.push_str("int");
        rest = &rest[at + blanks + length..];
    }
    out.push_str(rest);
    out
}

/// A text without the `struct` of types that are arguments: `container_of(pointer, struct item, member)` is no C to a
/// parser that does not know the macro. `None` if there is none.
pub(super) fn without_tags(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut is_behind_tag) = (b' ', false);
    for token in tokens(text) {
        let is_blank = token.text.trim().is_empty();
        let is_tag = is_tag_of_an_argument(before, token.text, &text[token.at + token.text.len()..]);
        is_behind_tag = is_tag || is_blank && is_behind_tag;
        if !is_behind_tag {
            out.push_str(token.text);
        }
        before = if is_blank { before } else { token.text.as_bytes()[0] };
    }
    (out.len() < text.len()).then_some(out)
}

/// The length of the parenthesised text that a text begins with.
fn bracketed(text: &str) -> Option<usize> {
    let mut depth = 0i32;
    for token in tokens(text) {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (token.text == ")").then_some(token.at + 1);
        }
    }
    None
}

/// Splits at the commas that stand in no bracket and no literal.
fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0i32, 0);
    for token in tokens(list) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => {
                parts.push(&list[start..token.at]);
                start = token.at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

/// `body` with `value` of each word that has one; `##` and the blanks around it vanish.
fn replaced<'a>(body: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(body.len());
    let mut is_joined = false;
    for token in tokens(body) {
        if token.text == "##" {
            out.truncate(out.trim_end().len());
            is_joined = true;
            continue;
        }
        if is_joined && token.text.trim().is_empty() {
            continue;
        }
        is_joined = false;
        out.push_str(value(token.text).unwrap_or(token.text));
    }
    out
}

/// A piece of a text: a word, a literal, `##`, or any other single character.
struct Token<'a> {
    at: usize,
    text: &'a str,
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let token = Token { at, text: &rest[..length(rest)] };
        at += token.text.len();
        Some(token)
    })
}

/// The length of the token that a text, which is not empty, begins with.
fn length(rest: &str) -> usize {
    let first = rest.chars().next().unwrap_or(' ');
    if is_word(first) {
        return rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    }
    if rest.starts_with("##") {
        return 2;
    }
    if first != '"' && first != '\'' {
        return first.len_utf8();
    }
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == first && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::macros::definitions;

    fn opened(define: &str, arguments: &str) -> Option<String> {
        let all = definitions(define);
        substituted(&all.first().expect("one macro").1, arguments)
    }

    #[test]
    fn arguments_take_the_place_of_parameters() {
        let init = "#define INIT(this, ...) (this) = make(); *(this) = (struct box){ __VA_ARGS__ }\n";
        assert_eq!(
            opened(init, "(p, .name = \"a,b\", .pair = { 1, 2 })").as_deref(),
            Some("(p) = make(); *(p) = (struct box){ .name = \"a,b\", .pair = { 1, 2 } }")
        );
        let new = "#define NEW(p, ...) *(p) = (typeof (*(p))){ __VA_ARGS__ }\n";
        assert_eq!(opened(new, "(*at, .a = 1)").as_deref(), Some("*(*at) = (int){ .a = 1 }"));
        assert_eq!(opened("#define JOIN(a, b) a ## _ ## b(a)\n", "(list, free)").as_deref(), Some("list_free(list)"));
        assert_eq!(opened("#define ONE(a) a\n", "(x, y)"), None);
        assert_eq!(opened("#define NONE() f()\n", "()").as_deref(), Some("f()"));
    }

    #[test]
    fn tags_of_arguments_vanish() {
        assert_eq!(without_tags("around(p, struct item, list)").as_deref(), Some("around(p, item, list)"));
        assert_eq!(without_tags("at(struct item, union word)").as_deref(), Some("at(item, word)"));
        assert_eq!(without_tags("sizeof(struct item) + ((struct item *)p)->n + (struct item){ 0 }.n"), None);
        assert_eq!(without_tags("structured(p, instruct)"), None);
        assert_eq!(without_tags("f(struct"), None);
    }

    #[test]
    fn a_comma_before_the_tail_joins_no_names() {
        assert!(!joins_names("log(text, ##__VA_ARGS__)"));
        assert!(joins_names("prefix_##name"));
    }
}
