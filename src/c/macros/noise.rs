//! What would only confuse the parser is blanked out: attributes, macros that stand for nothing, what is never compiled.

use super::branches::wipe_dead;
use super::{MacroTable, balanced, continues, fill, find, loops, next_line, skip_literal, wipe, word_length};
use crate::c::knowledge::is_loud;
use crate::c::names::Name;
use std::ops::Range;

/// `text` with attributes, vanishing macros and what no configuration compiles replaced by blanks, positions unchanged.
pub fn without_noise(text: &str, macros: &MacroTable) -> String {
    let mut out = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut line_start = true;
    // The last byte that is no blank and in no comment, and so stands before the next word.
    let mut before = b'\n';
    while at < bytes.len() {
        match bytes[at] {
            b'#' if line_start => {
                let start = at;
                while at < bytes.len() {
                    let end = next_line(bytes, at);
                    let more = continues(&bytes[at..end]);
                    at = end;
                    if !more {
                        break;
                    }
                }
                wipe_torn_definition(text, start..at, &mut out);
                before = b'\n';
                continue;
            }
            b'\n' => line_start = true,
            b' ' | b'\t' | b'\r' => {}
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = next_line(bytes, at).saturating_sub(1).max(at + 2);
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at = skip_literal(bytes, at, quote);
                (line_start, before) = (false, quote);
                continue;
            }
            first if first.is_ascii_alphabetic() || first == b'_' => {
                let word = Word { text, at, end: at + word_length(&bytes[at..]), before };
                let is_hollow = line_start && word.is_hollow_line(macros);
                (line_start, before) = (false, first);
                at = if is_hollow || word.is_annotation(macros) || word.is_tag_of_an_argument() {
                    wipe(&mut out, at..word.end);
                    word.end
                } else {
                    blank(&word, &mut out, macros)
                };
                continue;
            }
            first if first.is_ascii_digit() => {
                // A literal's suffix is not a name.
                at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
                (line_start, before) = (false, first);
                continue;
            }
            other => (line_start, before) = (false, other),
        }
        at += 1;
    }
    wipe_dead(text, &mut out);
    // Only ASCII bytes at character boundaries were replaced, so this is UTF-8 as before.
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Whether a word is the `struct` of a type that is one of several arguments: `before` it stands no blank, and `behind` it the rest.
pub(in crate::c) fn is_tag_of_an_argument(before: u8, word: &str, behind: &str) -> bool {
    if !matches!(before, b',' | b'(') || !matches!(word, "struct" | "union" | "enum") {
        return false;
    }
    let name = behind.trim_ascii_start();
    let next = name[word_length(name.as_bytes())..].trim_ascii_start().bytes().next();
    name.len() < behind.len() && matches!((before, next), (b',', Some(b',' | b')')) | (b'(', Some(b',')))
}

/// Blanks a definition that the parser would take for ended where a comment begins, and what follows for code. A comment that
/// is still open at its end is left.
fn wipe_torn_definition(text: &str, directive: Range<usize>, out: &mut [u8]) {
    let line = text.get(directive.clone()).unwrap_or("");
    let is_definition = line[1..].trim_start().starts_with("define");
    let mut end = 0;
    while let Some(open) = line[end..].find("/*").filter(|_| is_definition) {
        let Some(close) = line[end + open + 2..].find("*/") else {
            return wipe(out, directive.start..directive.start + end + open);
        };
        end += open + 2 + close + 2;
    }
    if end > 0 {
        wipe(out, directive);
    }
}

/// Macros of GLib that take a type, for trees that do not define them.
const TAKING_TYPES: &[&str] = &["g_new", "g_new0", "g_renew", "g_try_new", "g_try_new0", "g_try_renew", "g_newa"];

/// Arguments of a macro beside a string are looked for in so many bytes: parentheses that are never closed would be
/// followed to the end of the file from each of them.
const MAX_ARGUMENTS: usize = 1_000;

/// A word, and what stands before it.
struct Word<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    /// The last byte before it that is no blank and in no comment.
    before: u8,
}

impl Word<'_> {
    fn spelled(&self) -> &str {
        &self.text[self.at..self.end]
    }

    /// What follows the word, blanks left out.
    fn rest(&self) -> &str {
        self.text[self.end..].trim_ascii_start()
    }

    /// Whether it is the `struct` of a type that is an argument of several, which only a macro takes:
    /// `free(container_of(pointer, struct item, member))`. A parameter without a name means the same without it.
    fn is_tag_of_an_argument(&self) -> bool {
        is_tag_of_an_argument(self.before, self.spelled(), &self.text[self.end..])
    }

    /// Whether it is all of its line from the word on, and a macro that stands for nothing in some configuration: what it is
    /// elsewhere (a pragma) is no part of a statement.
    fn is_hollow_line(&self, macros: &MacroTable) -> bool {
        let line = self.text[self.end..].lines().next().unwrap_or("");
        let word = self.spelled();
        line.trim().is_empty() && is_loud(word) && macros.hollow.contains(&Name::of(word))
    }

    /// Whether it is a macro that annotates a pointer, as in `void *NULLABLE data`: it stands between a star and a name.
    fn is_annotation(&self, macros: &MacroTable) -> bool {
        let next = &self.rest()[..word_length(self.rest().as_bytes())];
        let is_macro = |word: &str| {
            let name = Name::of(word);
            is_loud(word) || macros.noise.contains(&name) || macros.definitions.contains_key(&name)
        };
        self.before == b'*'
            && next.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && is_macro(self.spelled())
            && !is_macro(next)
            && !next.starts_with("__attribute")
    }

    /// Where the semicolon could stand that is left out behind a macro which is a statement by itself: a blank before what
    /// follows in another line, or the end of the line. Places are counted in bytes, so that nothing moves.
    fn end_of_statement(&self) -> Option<usize> {
        let open = self.text.len() - self.rest().len();
        let near = &self.text.as_bytes()[open..];
        let stop = open + balanced(&near[..near.len().min(MAX_ARGUMENTS)])?;
        let next = self.text[stop..].trim_ascii_start();
        let follows = next.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '*' | '}'));
        let is_other = &next[..word_length(next.as_bytes())] == "else";
        let between = &self.text[stop..self.text.len() - next.len()];
        let line_end = between.find('\n')?;
        let blank = between.rfind([' ', '\t', '\r']).unwrap_or(line_end);
        (self.is_alone() && follows && !is_other).then_some(stop + blank)
    }

    /// Whether a statement may begin here.
    fn is_alone(&self) -> bool {
        matches!(self.before, b';' | b'{' | b'}' | b')' | b':' | b'\n')
    }

    /// Where a use of a macro ends that stands beside a string (`"a" QUOTED("b") "c"`), and where its arguments begin:
    /// without them it reads as part of the string.
    fn beside_a_string(&self) -> Option<(usize, usize)> {
        let open = self.text.len() - self.rest().len();
        let near = &self.text.as_bytes()[open..];
        let stop = open + balanced(&near[..near.len().min(MAX_ARGUMENTS)])?;
        let is_beside = self.before == b'"' || self.text[stop..].trim_ascii_start().starts_with('"');
        let is_keyword =
            matches!(self.spelled(), "if" | "while" | "switch" | "return" | "sizeof" | "asm" | "__asm__" | "__asm");
        (is_beside && !is_keyword).then_some((open, stop))
    }
}

/// What stands for the attribute behind a variable's name that makes the compiler clean it up.
const CLEANED_UP: &[u8] = b"/*cleanup*/";

/// Puts the storage class `auto` in the place of a macro that makes the compiler clean a variable up: it says so in a
/// word that every parser knows, and that nobody writes for its own sake. Returns where to go on.
fn mark_automatic(bytes: &[u8], out: &mut [u8], at: usize, end: usize) -> usize {
    const WORD: &[u8] = b"auto";
    let gap = bytes[end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let stop = balanced(&bytes[end + gap..]).map_or(end, |length| end + gap + length);
    if stop - at < WORD.len() {
        return end;
    }
    wipe(out, at..stop);
    out[at..at + WORD.len()].copy_from_slice(WORD);
    stop
}

/// Whether an argument is the type of a number in several words.
fn is_long_type(argument: &[u8]) -> bool {
    const WORDS: &[&[u8]] =
        &[b"const", b"signed", b"unsigned", b"char", b"short", b"int", b"long", b"float", b"double"];
    let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    argument.contains(&b' ') && words.all(|word| WORDS.contains(&word))
}

/// An argument of a macro that is a pointer type (`CAST(char *, text)`) or has several words (`NEW(unsigned char, 5)`), or in
/// a statement of its own a structure (`LIST_ADD(struct item, &list, item);`), is no expression: a name takes its place, so
/// that the others can be read.
fn name_types(bytes: &[u8], out: &mut [u8], end: usize, is_statement: bool) {
    let open = end + bytes[end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let Some(close) = balanced(&bytes[open..]).map(|length| open + length - 1) else { return };
    let (mut depth, mut start) = (0usize, open + 1);
    for at in open + 1..=close {
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b',' | b')' if depth == 0 => {
                let argument = bytes[start..at].trim_ascii();
                let is_structure = argument.starts_with(b"struct ") || argument.starts_with(b"union ");
                let is_pointer = argument.len() > 1 && argument.ends_with(b"*");
                if is_pointer || is_long_type(argument) || is_statement && is_structure {
                    let from = start + bytes[start..at].iter().take_while(|b| b.is_ascii_whitespace()).count();
                    fill(out, from..from + argument.len(), b'_');
                }
                start = at + 1;
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' | b'\'' => return,
            _ => {}
        }
    }
}

/// `for (EACH(item, list))`, whose head is a macro alone, becomes `EACH(item, list)`, the form that other such macros
/// have; returns where to go on, `None` if this is an ordinary loop.
fn open_head(bytes: &[u8], out: &mut [u8], at: usize, end: usize) -> Option<usize> {
    let blanks = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let open = end + blanks(end);
    let close = open + balanced(&bytes[open..])?.checked_sub(1)?;
    let name = open + 1 + blanks(open + 1);
    let length = word_length(&bytes[name..]);
    let arguments = name + length + blanks(name + length);
    let behind = arguments + balanced(&bytes[arguments..close])?;
    if length == 0 || behind + blanks(behind) != close || bytes[open..close].contains(&b';') {
        return None;
    }
    wipe(out, at..open + 1);
    out[close] = b' ';
    Some(name)
}

/// Blanks a word and its parentheses if it stands for nothing; returns where to go on.
fn blank(place: &Word, out: &mut [u8], macros: &MacroTable) -> usize {
    let &Word { text, at, end, .. } = place;
    let word = place.spelled();
    if word == "for" {
        return open_head(text.as_bytes(), out, at, end).unwrap_or(end);
    }
    let name = Name::of(word);
    let attribute = matches!(word, "__attribute__" | "__attribute" | "__declspec");
    if macros.cleans_up(word, name) {
        return mark_automatic(text.as_bytes(), out, at, end);
    }
    if place.is_alone() && macros.is_bare_loop(word) {
        if let Some(head) = loops::head(word.len()) {
            out[at..end].copy_from_slice(head.as_bytes());
        }
        return end;
    }
    if !attribute && !word.starts_with("G_GNUC_") && !macros.noise.contains(&name) {
        if let Some((open, stop)) = place.beside_a_string() {
            wipe(out, open..stop);
            return stop;
        }
        if macros.statements.contains(&name)
            && let Some(at) = place.end_of_statement()
        {
            out[at] = b';';
        }
        if place.rest().starts_with('(') && (macros.takes_arguments(name) || TAKING_TYPES.contains(&word)) {
            name_types(text.as_bytes(), out, end, place.is_alone());
        }
        return end;
    }
    let defined = macros.definitions.get(&name);
    let takes_arguments = match defined {
        Some(all) => all.iter().any(|(_, definition)| definition.parameters.is_some()),
        None => attribute || word.starts_with("G_GNUC_"),
    };
    let bytes = text.as_bytes();
    let gap = bytes[end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let arguments = if takes_arguments { balanced(&bytes[end + gap..]).map(|n| end + gap + n) } else { None };
    let stop = arguments.unwrap_or(end);
    if takes_arguments && !attribute && arguments.is_none() && defined.is_some() {
        return end; // A function-like macro without arguments is no use of it.
    }
    let all = &text[at..stop];
    let is_cleanup = attribute && all.contains("cleanup");
    let is_behind = place.before.is_ascii_alphanumeric() || matches!(place.before, b'_' | b']' | b'*');
    if is_cleanup && !is_behind || attribute && all.contains("noreturn") {
        return stop;
    }
    wipe(out, at..stop);
    if is_cleanup {
        // Behind a name the parser takes no attribute where a value follows, but it takes a remark.
        out[at..at + CLEANED_UP.len()].copy_from_slice(CLEANED_UP);
    }
    stop
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::macros::definitions;

    fn table(text: &str) -> MacroTable {
        MacroTable::new(vec![definitions(text)], &["a.h"])
    }

    fn words(text: &str, macros: &MacroTable) -> String {
        let clean = without_noise(text, macros);
        assert_eq!(clean.len(), text.len());
        clean.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn macros_that_stand_for_nothing_are_blanked_in_place() {
        let macros =
            table("#define API __attribute__((visibility(\"default\")))\n#define CHECKED(a, b)\n#define N 3\n");
        let text = "API int f(void) CHECKED(1, (2)) { return N; }\n#ifdef API\n";
        assert_eq!(words(text, &macros), "int f(void) { return N; } #ifdef API");
    }

    #[test]
    fn macros_that_annotate_pointers_are_blanked_and_names_are_not() {
        let macros =
            table("#define NULLABLE _Nullable\n#define UNUSED __attribute__((unused))\n#define times(a) (a)\n");
        let text = "T *NULLABLE make(U * NULLABLE one, V *two UNUSED, W *const three, X *four ATTR) { return a * b; }";
        let clean = "T * make(U * one, V *two , W *const three, X *four ATTR) { return a * b; }";
        assert_eq!(words(text, &macros), clean);
    }

    #[test]
    fn a_macro_beside_a_string_is_part_of_it() {
        let text = "f(WIDE(\"r%d\") \",\" WIDE(\"r%d\"), g(\"x\"), sizeof(x) \"y\"); // \"z\"\nfree(p); h(\")\");";
        let clean = "f(WIDE \",\" WIDE , g(\"x\"), sizeof(x) \"y\"); // \"z\" free(p); h(\")\");";
        assert_eq!(words(text, &MacroTable::default()), clean);
    }

    #[test]
    fn what_is_never_compiled_is_blanked() {
        let text = "#if 0 /* old */\na\n# ifdef X\nb\n# endif\n#else\nc\n#endif\n#if 1\nd\n#else\ne\n#endif\n";
        let clean = "#if 0 /* old */ #else c #endif #if 1 d #else #endif";
        assert_eq!(words(text, &MacroTable::default()), clean);
    }
}
