//! Functions that the parser took into the one before them: where it lost count of the braces it goes on to the end of the
//! file. People end a function with a brace at the beginning of a line, and write none there within one.

use super::{At, Lowerer};
use crate::c::macros;
use crate::c::syntax::Tree;
use std::sync::Arc;

/// So many functions of a file are cut apart: each cut reads the rest of what was swallowed once more.
const MAX_CUTS: u32 = 16;

impl Lowerer<'_> {
    /// The definitions, those that hold others cut where they end.
    pub(super) fn apart(&mut self, definitions: Vec<At>) -> Vec<At> {
        let mut cuts = MAX_CUTS;
        let mut apart = Vec::with_capacity(definitions.len());
        for definition in definitions {
            self.cut(definition, &mut cuts, &mut apart);
        }
        apart
    }

    fn cut(&mut self, definition: At, cuts: &mut u32, apart: &mut Vec<At>) {
        let whole = self.frames.node(definition);
        let own = if whole.damaged && *cuts > 0 { own_length(self.frames.text(definition)) } else { None };
        let Some(own) = own else { return apart.push(definition) };
        *cuts -= 1;
        let (start, end) = (whole.span.start as usize, whole.span.end as usize);
        let behind = self.definitions_between(definition, start + own, end);
        if behind.is_empty() {
            return apart.push(definition);
        }
        apart.extend(self.definitions_between(definition, start, start + own));
        for other in behind {
            self.cut(other, cuts, apart);
        }
    }

    /// The definitions in a part of the file that `at` stands in, read by itself.
    fn definitions_between(&mut self, at: At, start: usize, end: usize) -> Vec<At> {
        let text: Arc<str> = only(self.frames.whole_text(at), start, end).into();
        let Some(tree) = Tree::parse(text) else { return Vec::new() };
        let frame = self.frames.open_file(Arc::new(tree));
        self.top_level(frame);
        self.definitions(frame)
    }
}

/// How long a definition is that ends before `text` does: up to the first brace that closes at the beginning of a line.
fn own_length(text: &str) -> Option<usize> {
    let end = text.find("\n}")? + 2;
    text[end..].contains(|c: char| !c.is_whitespace() && c != ';').then_some(end)
}

/// `text` with blanks everywhere but from `start` to `end`, so that places stay the same.
fn only(text: &str, start: usize, end: usize) -> String {
    let mut out = text.as_bytes().to_vec();
    macros::wipe(&mut out, 0..start);
    macros::wipe(&mut out, end..text.len());
    // Nodes begin and end between characters, so this is UTF-8 as before.
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_ends_with_a_brace_at_the_beginning_of_a_line() {
        let own = "int f(void)\n{\n  if (x) {\n  }\n}";
        assert_eq!(own_length(&format!("{own}\nint g(void)\n{{\n}}")), Some(own.len()));
        assert_eq!(own_length("int f(void)\n{\n}\n;"), None);
        assert_eq!(own_length("int f(void) { }"), None);
    }

    #[test]
    fn what_is_left_out_is_blank() {
        assert_eq!(only("ä\nb\nc", 3, 4), "  \nb\n ");
    }
}
