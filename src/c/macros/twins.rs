//! Macros that stand for the debugging twin of a function: `#define xmalloc(n) debug_malloc(n, __FILE__, __LINE__)` in
//! one branch of a condition, the body of `xmalloc` in the other. The body is what runs, so the macro is left out.

use super::{Macro, balanced};
use crate::c::names::{Name, Set};

/// Leaves out the macros that are a call of another function and whose name is a function's with a body in `text`.
pub(super) fn without_twins(text: &str, mut found: Vec<(Name, Macro)>) -> Vec<(Name, Macro)> {
    if found.iter().any(|(name, definition)| is_call_of_another(*name, definition)) {
        let heads = heads(text);
        found.retain(|(name, definition)| !is_call_of_another(*name, definition) || !heads.contains(name));
    }
    found
}

/// Whether a macro is the name of another function, or one call of something that is not called as the macro is.
pub(super) fn is_another_function(name: Name, definition: &Macro) -> bool {
    let body = definition.body.trim();
    let is_name = !body.is_empty() && body.chars().all(is_part_of_name) && Name::of(body) != name;
    is_name && definition.parameters.is_none() || is_call_of_another(name, definition)
}

/// Whether a function-like macro is one call and nothing else, of something that is not called as the macro is.
fn is_call_of_another(name: Name, definition: &Macro) -> bool {
    let body = definition.body.trim();
    let pointer = balanced(body.as_bytes()).filter(|end| *end < body.len());
    let callee = pointer.unwrap_or_else(|| body.find(|c: char| !is_part_of_name(c) && c != '.').unwrap_or(body.len()));
    let arguments = body[callee..].trim_start();
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    definition.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty())
        && (body.starts_with(starts) || pointer.is_some())
        && Name::of(&body[..callee]) != name
        && balanced(arguments.as_bytes()) == Some(arguments.len())
}

/// The names that stand before a parenthesis in lines that look like the head of a function's body: they begin at the
/// margin and do not end in a semicolon.
fn heads(text: &str) -> Set<Name> {
    let mut heads = Set::default();
    let mut before = "";
    for line in text.lines() {
        let end = line.trim_end();
        if line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !end.ends_with(';') {
            for (at, _) in line.match_indices('(') {
                let head = line[..at].trim_end();
                let start = head.rfind(|c: char| !is_part_of_name(c)).map_or(0, |last| last + 1);
                // The first word of a line is a function's name only where the type stands in the line above.
                let has_type = before.ends_with('*') || before.ends_with(is_part_of_name);
                if start < head.len() && (start > 0 || has_type) {
                    heads.insert(Name::of(&head[start..]));
                }
            }
        }
        before = end;
    }
    heads
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::super::definitions;
    use crate::c::names::Name;

    fn names(text: &str) -> Vec<Name> {
        definitions(text).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_macro_beside_a_body_of_its_name_is_left_out() {
        let debug = "#ifdef DEBUG\n#define xmalloc(n) debug_malloc(n, __FILE__, __LINE__)\n#else\n";
        for body in [
            "static void *xmalloc(size_t n)\n{\n",
            "LIB_INLINE(void *) xmalloc(size_t n)\n",
            "void *\nxmalloc (size_t n)\n{\n",
        ] {
            assert_eq!(names(&format!("{debug}{body}")), [], "{body}");
        }
    }

    #[test]
    fn other_macros_stay() {
        for (text, name) in [
            ("#define xmalloc(n) debug_malloc(n)\nvoid *xmalloc(size_t n);\n", "xmalloc"),
            ("#define CALLBACK(name) void name(int argument)\nstatic CALLBACK(tick)\n{\n", "CALLBACK"),
            ("#define xfree(p) do { free(p); (p) = 0; } while (0)\nvoid xfree(void *p)\n{\n", "xfree"),
            ("#define TEST(name) run(name)\nTEST(first)\n{\n", "TEST"),
        ] {
            assert_eq!(names(text), [Name::of(name)], "{text}");
        }
    }
}
