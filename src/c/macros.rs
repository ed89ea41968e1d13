//! Macros of the tree: found by a scan of the lines, before anything is parsed, because a header's macro is needed in
//! every file that uses it.
//!
//! The same scan blanks out what would only confuse the parser: attributes, and macros that stand for nothing. Blanks
//! keep every position in the file as it was.

mod definitions;
mod twins;

pub use definitions::definitions;

use super::ir::FileId;
use super::knowledge::Knowledge;
use super::names::{Map, Name, Set};
use super::syntax::Tree;
use std::sync::{Arc, OnceLock};

/// A macro's definition.
#[derive(Debug)]
pub struct Macro {
    /// The parameters' names; `None` for a macro without parentheses. A variadic tail is `__VA_ARGS__`.
    pub parameters: Option<Vec<Name>>,
    /// The replacement, continuation lines joined.
    pub body: Arc<str>,
    /// The replacement as syntax, read by whoever opens the macro first: a header's macro is opened in many files.
    /// `None` inside if it is not to be read as C.
    pub syntax: OnceLock<Option<Arc<Tree>>>,
}

/// All macros of the tree.
#[derive(Debug, Default)]
pub struct MacroTable {
    definitions: Map<Name, Vec<(FileId, Arc<Macro>)>>,
    folders: Vec<Box<str>>,
    cleaners: Set<Name>,
    /// Words that stand for nothing: every definition is empty, or there is none and the word is well known.
    noise: Set<Name>,
}

/// Macros for the `cleanup` attribute are looked for through so many others.
const MAX_CLEANER_DEPTH: usize = 4;

/// Macros of well-known libraries that stand for nothing a leak depends on, for trees that do not define them.
const VANISHING: &[&str] = &[
    "G_BEGIN_DECLS",
    "G_END_DECLS",
    "__BEGIN_DECLS",
    "__END_DECLS",
    "__unused",
    "__maybe_unused",
    "__must_check",
    "__init",
    "__exit",
    "__cold",
    "__hot",
    "__force",
    "__user",
    "__THROW",
    "__wur",
    "__restrict",
    "__extension__",
    "__inline",
    "__inline__",
    "ATTRIBUTE_UNUSED",
    "UNUSED_ATTR",
    "NORETURN",
    "WINAPI",
    "APIENTRY",
    "CALLBACK",
    "__cdecl",
    "__stdcall",
    "_Noreturn",
    "noreturn",
];

impl MacroTable {
    /// The table of the definitions that [`definitions`] found in each file; `paths` are the files' paths.
    pub fn new(found: Vec<Vec<(Name, Macro)>>, paths: &[&str]) -> MacroTable {
        let folders = paths.iter().map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder).into()).collect();
        let (cleaners, noise) = (Set::default(), VANISHING.iter().map(|word| Name::of(word)).collect());
        let mut table = MacroTable { definitions: Map::default(), folders, cleaners, noise };
        for (file, list) in found.into_iter().enumerate() {
            for (name, definition) in list {
                table.definitions.entry(name).or_default().push((FileId(file as u32), Arc::new(definition)));
            }
        }
        table.find_cleaners();
        table.find_noise();
        table
    }

    /// Forgets the macros that only put another function in the place of one that hands out or takes back memory and is
    /// known (`#define malloc(n) (*allocate)(n)`): what they stand for does the same, and is seldom known itself.
    pub fn leave_to(&mut self, knowledge: &Knowledge) {
        for (name, all) in &mut self.definitions {
            if knowledge.of(*name).is_some_and(|deed| deed.is_of_memory()) {
                all.retain(|(_, definition)| !twins::is_another_function(*name, definition));
            }
        }
        self.definitions.retain(|_, all| !all.is_empty());
    }

    /// The definition that `file` most likely sees: its own, else the one of the nearest folder, else the first.
    /// Among several of one file the longest wins: the others are usually the empty form for another configuration.
    pub fn find(&self, name: Name, file: FileId) -> Option<&Arc<Macro>> {
        let all = self.definitions.get(&name)?;
        if let [(_, only)] = all.as_slice() {
            return Some(only);
        }
        let home = self.folders.get(file.0 as usize).map_or("", |folder| folder);
        let near = |other: FileId| -> usize {
            if other == file {
                return usize::MAX;
            }
            let folder = self.folders.get(other.0 as usize).map_or("", |folder| folder);
            folder.bytes().zip(home.bytes()).take_while(|(a, b)| a == b).count()
        };
        let rank = |(at, (other, definition)): &(usize, &(FileId, Arc<Macro>))| {
            (near(*other), definition.body.len(), usize::MAX - at)
        };
        all.iter().enumerate().max_by_key(rank).map(|(_, (_, definition))| definition)
    }

    /// Whether a word, whose name is `name`, makes the compiler clean a variable up: a macro for the `cleanup` attribute, perhaps through
    /// others, or one of the well-known words for it where the tree does not define it.
    fn cleans_up(&self, word: &str, name: Name) -> bool {
        let well_known = word == "g_autofree" || word.starts_with("_cleanup_");
        self.cleaners.contains(&name) || well_known && !self.definitions.contains_key(&name)
    }

    /// The macros whose replacement is the `cleanup` attribute, or begins with such a macro.
    fn find_cleaners(&mut self) {
        let mut found: Set<Name> = Set::default();
        for _ in 0..MAX_CLEANER_DEPTH {
            let cleans = |(name, all): (&Name, &Vec<(FileId, Arc<Macro>)>)| {
                let cleaner = all.iter().any(|(_, definition)| {
                    let body = definition.body.trim_start();
                    let word = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
                    match &body[..word] {
                        "__attribute__" | "__attribute" => body.contains("cleanup"),
                        first => found.contains(&Name::of(first)),
                    }
                });
                cleaner.then_some(*name)
            };
            let more: Set<Name> = self.definitions.iter().filter_map(cleans).collect();
            if more.len() == found.len() {
                break;
            }
            found = more;
        }
        self.cleaners = found;
    }

    /// Whether `name` is a macro with parentheses.
    fn takes_arguments(&self, name: Name) -> bool {
        self.definitions.get(&name).is_some_and(|all| all.iter().any(|(_, definition)| definition.parameters.is_some()))
    }

    /// The macros of which every definition stands for nothing. Every word of every file is looked up among them.
    fn find_noise(&mut self) {
        let all_empty = |all: &[(FileId, Arc<Macro>)]| all.iter().all(|(_, one)| is_nothing(&one.body));
        let empty = self.definitions.iter().filter(|(_, all)| all_empty(all)).map(|(name, _)| *name);
        self.noise.extend(empty);
    }
}

/// Whether a replacement text holds only attributes and qualifiers.
fn is_nothing(body: &str) -> bool {
    if body.contains("cleanup") || body.contains("noreturn") {
        return false;
    }
    let mut rest = body.trim();
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        match &rest[..word] {
            "__attribute__" | "__attribute" | "__declspec" | "_Pragma" => {
                let tail = rest[word..].trim_start();
                let Some(length) = balanced(tail.as_bytes()) else { return false };
                rest = tail[length..].trim_start();
            }
            "extern" | "inline" | "__inline" | "__inline__" | "const" | "restrict" | "__restrict" | "volatile"
            | "__extension__" | "__cdecl" | "__stdcall" => rest = rest[word..].trim_start(),
            _ => return false,
        }
    }
    true
}

/// The length of the parenthesised text that `bytes` starts with.
fn balanced(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Start and end of every preprocessor line, continuation lines included.
fn logical_lines(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            let mut end = next_line(bytes, at);
            let directive = bytes[start..end].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'#');
            while directive && continues(&bytes[start..end]) && end < bytes.len() {
                end = next_line(bytes, end);
            }
            at = end;
            if directive {
                return Some((start, end));
            }
        }
        None
    })
}

fn next_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |length| from + length + 1)
}

fn continues(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\\")
}

/// `text` with attributes and vanishing macros replaced by blanks, positions unchanged.
pub fn without_noise(text: &str, macros: &MacroTable) -> String {
    let mut out = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut line_start = true;
    while at < bytes.len() {
        match bytes[at] {
            b'#' if line_start => {
                while at < bytes.len() {
                    let end = next_line(bytes, at);
                    let more = continues(&bytes[at..end]);
                    at = end;
                    if !more {
                        break;
                    }
                }
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
                line_start = false;
                continue;
            }
            first if first.is_ascii_alphabetic() || first == b'_' => {
                line_start = false;
                let length = word_length(&bytes[at..]);
                at = if is_annotation(text, at, length, macros) {
                    out[at..at + length].fill(b' ');
                    at + length
                } else {
                    blank(text, &mut out, at, length, macros)
                };
                continue;
            }
            first if first.is_ascii_digit() => {
                // A literal's suffix is not a name.
                at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
                line_start = false;
                continue;
            }
            _ => line_start = false,
        }
        at += 1;
    }
    // Only ASCII bytes at character boundaries were replaced, so this is UTF-8 as before.
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Whether the word at `at` is a macro that annotates a pointer, as in `void *NULLABLE data`: it stands between a star and
/// a name.
fn is_annotation(text: &str, at: usize, length: usize, macros: &MacroTable) -> bool {
    let (before, rest) = (text[..at].trim_ascii_end(), &text[at + length..]);
    let next = rest.trim_ascii_start();
    let next = &next[..word_length(next.as_bytes())];
    let is_macro = |word: &str| {
        let is_loud = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        word.bytes().all(is_loud)
            || macros.noise.contains(&Name::of(word))
            || macros.definitions.contains_key(&Name::of(word))
    };
    before.ends_with('*')
        && rest.starts_with(|c: char| c.is_ascii_whitespace())
        && is_macro(&text[at..at + length])
        && next.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !is_macro(next)
        && !next.starts_with("__attribute")
}

/// How many bytes of a name `bytes` begins with.
fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

/// Puts the storage class `auto` in the place of a macro that makes the compiler clean a variable up: it says so in a
/// word that every parser knows, and that nobody writes for its own sake. Returns where to go on.
fn mark_automatic(bytes: &[u8], out: &mut [u8], at: usize, end: usize) -> usize {
    const WORD: &[u8] = b"auto";
    let gap = bytes[end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let stop = balanced(&bytes[end + gap..]).map_or(end, |length| end + gap + length);
    if stop - at < WORD.len() {
        return end;
    }
    for byte in out[at..stop].iter_mut().filter(|byte| !matches!(**byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    out[at..at + WORD.len()].copy_from_slice(WORD);
    stop
}

/// An argument of a macro that is a pointer type (`CAST(char *, text)`) is no expression: a name takes its place, so that
/// the others can be read.
fn name_types(bytes: &[u8], out: &mut [u8], end: usize) {
    let open = end + bytes[end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let Some(close) = balanced(&bytes[open..]).map(|length| open + length - 1) else { return };
    let (mut depth, mut start) = (0usize, open + 1);
    for at in open + 1..=close {
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b',' | b')' if depth == 0 => {
                let argument = bytes[start..at].trim_ascii();
                if argument.len() > 1 && argument.ends_with(b"*") {
                    let from = start + bytes[start..at].iter().take_while(|b| b.is_ascii_whitespace()).count();
                    for byte in out[from..from + argument.len()].iter_mut().filter(|b| !matches!(**b, b'\n' | b'\r')) {
                        *byte = b'_';
                    }
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
    for byte in out[at..=open].iter_mut().filter(|byte| !matches!(**byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    out[close] = b' ';
    Some(name)
}

/// Blanks the word at `at` and its parentheses if it stands for nothing; returns where to go on.
fn blank(text: &str, out: &mut [u8], at: usize, length: usize, macros: &MacroTable) -> usize {
    let end = at + length;
    let word = &text[at..end];
    if word == "for" {
        return open_head(text.as_bytes(), out, at, end).unwrap_or(end);
    }
    let name = Name::of(word);
    let attribute = matches!(word, "__attribute__" | "__attribute" | "__declspec");
    if macros.cleans_up(word, name) {
        return mark_automatic(text.as_bytes(), out, at, end);
    }
    if !attribute && !word.starts_with("G_GNUC_") && !macros.noise.contains(&name) {
        if text[end..].trim_start().starts_with('(') && macros.takes_arguments(name) {
            name_types(text.as_bytes(), out, end);
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
    if attribute && (all.contains("cleanup") || all.contains("noreturn")) {
        return stop;
    }
    for byte in &mut out[at..stop] {
        if *byte != b'\n' && *byte != b'\r' {
            *byte = b' ';
        }
    }
    stop
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

fn skip_literal(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// `text` with one branch of every preprocessor condition, the others and the directives replaced by blanks. For files
/// whose branches cut statements in two, which no parser of unprocessed C can read.
pub fn one_branch(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    // For each open condition: whether the text before the current directive was kept, and whether a branch was.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut dead_from: Option<usize> = None;
    for (start, end) in logical_lines(text) {
        let line = text[start..end].trim_start().trim_start_matches('#').trim_start();
        let word = line.find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len());
        let (directive, condition) = (&line[..word], line[word..].trim());
        let outer = open.iter().all(|(kept, _)| *kept);
        match directive {
            "if" | "ifdef" | "ifndef" => {
                let taken = !(directive == "if" && condition.starts_with('0'));
                open.push((taken, taken));
                if outer && !taken {
                    dead_from = Some(end);
                }
            }
            "else" | "elif" => {
                if let Some((kept, done)) = open.pop() {
                    let around = open.iter().all(|(kept, _)| *kept);
                    if around && kept {
                        dead_from = Some(end);
                    } else if around && !done {
                        wipe(&mut out, dead_from.take(), start);
                    }
                    open.push((!done, true));
                }
            }
            "endif" => {
                open.pop();
                if open.iter().all(|(kept, _)| *kept) {
                    wipe(&mut out, dead_from.take(), start);
                }
            }
            _ => continue,
        }
        wipe(&mut out, Some(start), end);
    }
    wipe(&mut out, dead_from, text.len());
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn wipe(out: &mut [u8], from: Option<usize>, to: usize) {
    if let Some(range) = from.and_then(|from| out.get_mut(from..to)) {
        for byte in range.iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> MacroTable {
        MacroTable::new(vec![definitions(text)], &["a.h"])
    }

    #[test]
    fn a_definition_joins_its_lines_and_drops_its_comments() {
        let found = definitions("#define XFREE(p) do { \\\n  free(p); /* gone */ \\\n  (p) = NULL; } while (0)\n");
        let [(name, only)] = found.as_slice() else { panic!("one definition") };
        assert_eq!(*name, Name::of("XFREE"));
        assert_eq!(only.parameters, Some(vec![Name::of("p")]));
        assert!(only.body.contains("(p) = NULL") && !only.body.contains("gone") && !only.body.contains('\\'));
    }

    #[test]
    fn macros_that_stand_for_nothing_are_blanked_in_place() {
        let macros =
            table("#define API __attribute__((visibility(\"default\")))\n#define CHECKED(a, b)\n#define N 3\n");
        let text = "API int f(void) CHECKED(1, (2)) { return N; }\n#ifdef API\n";
        let clean = without_noise(text, &macros);
        assert_eq!(clean.len(), text.len());
        assert_eq!(clean.split_whitespace().collect::<Vec<_>>().join(" "), "int f(void) { return N; } #ifdef API");
    }

    #[test]
    fn one_branch_of_each_condition_is_kept() {
        let text = "#if 0\na\n#else\nb\n#endif\n#ifdef X\nc\n# if Y\nd\n# else\ne\n# endif\n#else\nf\n#endif\ng\n";
        let kept = one_branch(text);
        assert_eq!(kept.split_whitespace().collect::<String>(), "bcdg");
        assert_eq!(kept.len(), text.len());
    }
}
