//! Macros of the tree: found by a scan of the lines, before anything is parsed, because a header's macro is needed in
//! every file that uses it.
//!
//! The same scan blanks out what would only confuse the parser: attributes, and macros that stand for nothing. Blanks
//! keep every position in the file as it was.

mod branches;
mod definitions;
mod loops;
mod noise;
mod twins;

pub use branches::one_branch;
pub use definitions::definitions;
pub(in crate::c) use noise::is_tag_of_an_argument;
pub use noise::without_noise;

use super::ir::FileId;
use super::knowledge::assertions::{self, Claim};
use super::knowledge::{Deed, Knowledge, sounds_like_release};
use super::names::{Map, Name, Set};
use super::syntax::Tree;
use std::ops::Range;
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
    /// Which files are no headers.
    sources: Vec<bool>,
    /// The macros that are called like a function that is known.
    known: Set<Name>,
    cleaners: Set<Name>,
    /// Words that stand for nothing: every definition is empty, or there is none and the word is well known.
    noise: Set<Name>,
    /// Macros without parentheses that some definition makes stand for nothing.
    hollow: Set<Name>,
    /// Macros that mean what well-known assertions of their names claim, whatever they are replaced with.
    claims: Map<Name, Claim>,
    /// Macros with parentheses that are whole statements, so that whoever uses them may leave out the semicolon.
    statements: Set<Name>,
    /// Macros without parentheses that open a loop.
    loops: Set<Name>,
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
        let sources = paths.iter().map(|path| path.ends_with(".c")).collect();
        let mut table =
            MacroTable { folders, sources, cleaners, noise, claims: assertions::claims(), ..MacroTable::default() };
        for (file, list) in found.into_iter().enumerate() {
            for (name, definition) in list.into_iter().filter(|(name, _)| !table.claims.contains_key(name)) {
                table.definitions.entry(name).or_default().push((FileId(file as u32), Arc::new(definition)));
            }
        }
        table.find_cleaners();
        table.find_noise();
        table.clear_bodies();
        table.find_statements();
        table.end_statements();
        table.find_loops();
        table
    }

    /// Forgets the macros that only put another function in the place of one that hands out, takes back or copies memory, or
    /// ends the program, and is known (`#define malloc(n) (*allocate)(n)`): what they stand for does the same, and is seldom
    /// known itself. So are those forgotten that put nothing in the place of one, or of one that keeps memory, for systems
    /// that lack the library.
    /// Where a file defines a macro as such a function and, for another configuration, as one of the project that counts
    /// what is in use, the plain form stays.
    pub fn leave_to(&mut self, knowledge: &Knowledge) {
        self.known = self.definitions.keys().filter(|name| knowledge.of(**name).is_some()).copied().collect();
        let is_plain = |one: &Macro| {
            let callee = &one.body[..word_length(one.body.as_bytes())];
            let is_use = one.parameters.is_some() || callee.len() == one.body.len();
            is_use && knowledge.of(Name::of(callee)).is_some_and(|deed| deed.is_of_memory())
        };
        for (name, all) in &mut self.definitions {
            if all.len() > 1 {
                let plain = all.iter().filter(|(_, one)| is_plain(one)).map(|(home, _)| *home);
                let plain: Vec<FileId> = plain.collect();
                all.retain(|(home, one)| is_plain(one) || !plain.contains(home));
            }
            let Some(deed) = knowledge.of(*name) else { continue };
            let stands_by_itself = deed.is_of_memory() || matches!(deed, Deed::Copy | Deed::Exit);
            if stands_by_itself {
                all.retain(|(_, definition)| !twins::is_another_function(*name, definition));
            }
            if stands_by_itself || matches!(deed, Deed::Take { .. }) {
                all.retain(|(_, definition)| !is_nothing(&definition.body) && !is_idle(definition));
                self.noise.remove(name);
            }
        }
        self.definitions.retain(|_, all| !all.is_empty());
    }

    /// What a file calls a function that it defines as `name`, where a macro of its own gives it another name.
    pub fn renamed(&self, name: Name, file: FileId) -> Option<&str> {
        let own = self.definitions.get(&name)?.iter().filter(|(home, _)| *home == file);
        let mut bodies = own.filter(|(_, one)| one.parameters.is_none()).map(|(_, one)| &*one.body);
        bodies.find(|body| !body.is_empty() && word_length(body.as_bytes()) == body.len() && Name::of(body) != name)
    }

    /// The definition that `file` most likely sees: its own, else the one of the nearest folder, else the first.
    /// Among several of one file the longest wins: the others are usually the empty form for another configuration. But
    /// whole statements without arguments that are nothing in another configuration only tell where the program is.
    pub fn find(&self, name: Name, file: FileId) -> Option<&Arc<Macro>> {
        let all = self.definitions.get(&name)?;
        // What one source calls by the name of a known function is that function to all others.
        let is_seen = |home: FileId| self.may_see(file, home) || !self.known.contains(&name);
        if let [(home, only)] = all.as_slice() {
            return Some(only).filter(|_| is_seen(*home));
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
            let is_instrument = self.hollow.contains(&name) && is_instrument(definition);
            (near(*other), !is_instrument, !is_idle(definition), definition.body.len(), usize::MAX - at)
        };
        let seen = all.iter().enumerate().filter(|(_, (home, _))| is_seen(*home));
        seen.max_by_key(rank).map(|(_, (_, definition))| definition)
    }

    /// Whether a file may see what another one defines: its own, and that of headers.
    fn may_see(&self, file: FileId, home: FileId) -> bool {
        home == file || self.sources.get(home.0 as usize) != Some(&true)
    }

    /// The function that `name` stands for, if a macro makes it another name for one: `#define xfree free`. Known functions
    /// keep their names, and what a source file calls so by itself, a test for instance, is nothing to others.
    pub fn alias(&self, name: Name, file: FileId) -> Option<&str> {
        const VALUES: &[&str] = &["NULL", "true", "false", "TRUE", "FALSE", "return", "sizeof", "void"];
        let is_seen = self.definitions.get(&name)?.iter().any(|(home, _)| self.may_see(file, *home));
        let found = self.find(name, file).filter(|found| is_seen && found.parameters.is_none())?;
        let body = &*found.body;
        let is_word = !body.is_empty()
            && word_length(body.as_bytes()) == body.len()
            && !body.starts_with(|c: char| c.is_ascii_digit())
            && !VALUES.contains(&body);
        (is_word && Name::of(body) != name && !self.known.contains(&name)).then_some(body)
    }

    /// What is so behind an assertion of this name.
    pub fn claim(&self, name: Name) -> Option<Claim> {
        self.claims.get(&name).copied()
    }

    /// Whether a word, whose name is `name`, makes the compiler clean a variable up: a macro for the `cleanup` attribute, perhaps through
    /// others, or one of the well-known words for it where the tree does not define it.
    fn cleans_up(&self, word: &str, name: Name) -> bool {
        let well_known = word == "g_autofree" || word.starts_with("_cleanup_");
        self.cleaners.contains(&name) || well_known && !self.definitions.contains_key(&name)
    }

    /// The macros whose replacement is the `cleanup` attribute or begins with such a macro, other macros before it left out.
    fn find_cleaners(&mut self) {
        let mut found: Set<Name> = Set::default();
        for _ in 0..MAX_CLEANER_DEPTH {
            let cleans = |(name, all): (&Name, &Vec<(FileId, Arc<Macro>)>)| {
                all.iter().any(|(_, definition)| self.begins_with_cleanup(&definition.body, &found)).then_some(*name)
            };
            let more: Set<Name> = self.definitions.iter().filter_map(cleans).collect();
            if more.len() == found.len() {
                break;
            }
            found = more;
        }
        self.cleaners = found;
    }

    /// Whether a replacement begins with the `cleanup` attribute or with one of `found`; macros may stand before it.
    fn begins_with_cleanup(&self, body: &str, found: &Set<Name>) -> bool {
        let mut rest = body.trim_start();
        loop {
            let (word, behind) = rest.split_at(word_length(rest.as_bytes()));
            let name = Name::of(word);
            match word {
                "__attribute__" | "__attribute" => return rest.contains("cleanup"),
                _ if found.contains(&name) => return true,
                _ if word.is_empty() || !self.definitions.contains_key(&name) => return false,
                _ => rest = behind.trim_start(),
            }
        }
    }

    /// Whether `name` is a macro with parentheses.
    fn takes_arguments(&self, name: Name) -> bool {
        self.definitions.get(&name).is_some_and(|all| all.iter().any(|(_, definition)| definition.parameters.is_some()))
    }

    /// The macros of which every definition stands for nothing, or in another configuration for an argument that brings its
    /// comma along. Every word of every file is looked up among them.
    fn find_noise(&mut self) {
        let is_argument = |one: &Macro| one.parameters.is_none() && one.body.trim_end().ends_with(',');
        let all_empty = |all: &[(FileId, Arc<Macro>)]| {
            all.iter().any(|(_, one)| is_nothing(&one.body))
                && all.iter().all(|(_, one)| is_nothing(&one.body) || is_argument(one))
        };
        let empty = self.definitions.iter().filter(|(_, all)| all_empty(all)).map(|(name, _)| *name);
        self.noise.extend(empty);
        // One test that says `#define static` to reach another file's functions must not make all the tree's locals forget.
        for keyword in ["static", "extern", "const", "auto", "register", "volatile", "inline"] {
            self.noise.remove(&Name::of(keyword));
        }
        let is_hollow = |one: &Macro| one.parameters.is_none() && is_nothing(&one.body);
        let any = |all: &[(FileId, Arc<Macro>)]| all.iter().any(|(_, one)| is_hollow(one));
        self.hollow = self.definitions.iter().filter(|(_, all)| any(all)).map(|(name, _)| *name).collect();
    }

    /// Blanks the words that stand for nothing in the replacements as well: `(EXTENSION ({ … }))` is no call.
    fn clear_bodies(&mut self) {
        let noise = &self.noise;
        rewrite(&mut self.definitions, |body| without_words(body, |word| noise.contains(&Name::of(word))));
    }

    /// Ends the statements that replacements leave open: `({ CHECKED(type) container_of(pointer, type, member); })`.
    fn end_statements(&mut self) {
        let statements = &self.statements;
        rewrite(&mut self.definitions, |body| with_ends(body, |word| statements.contains(&Name::of(word))));
    }

    fn find_statements(&mut self) {
        let are = |all: &[(FileId, Arc<Macro>)]| all.iter().all(|(_, one)| is_statement(one));
        self.statements = self.definitions.iter().filter(|(_, all)| are(all)).map(|(name, _)| *name).collect();
    }
}

/// Puts what `rewritten` makes of a replacement in its place, if that is anything.
fn rewrite(definitions: &mut Map<Name, Vec<(FileId, Arc<Macro>)>>, rewritten: impl Fn(&str) -> Option<String>) {
    for (_, definition) in definitions.values_mut().flatten() {
        let Some(definition) = Arc::get_mut(definition) else { continue };
        if let Some(body) = rewritten(&definition.body) {
            definition.body = body.into();
        }
    }
}

/// `text` with semicolons behind macros that are whole statements where another statement follows in the same line; `None`
/// where there are none. A blank makes room for each.
fn with_ends(text: &str, is_statement: impl Fn(&str) -> bool) -> Option<String> {
    edited(text, |out, word| {
        if !is_statement(&text[word.clone()]) {
            return;
        }
        let gap = text[word.end..].bytes().take_while(u8::is_ascii_whitespace).count();
        let arguments = balanced(&text.as_bytes()[word.end + gap..]);
        let end = arguments.map_or(text.len(), |arguments| word.end + gap + arguments);
        let behind = text.get(end..).unwrap_or("");
        let next = behind.trim_ascii_start();
        let follows = &next[..word_length(next.as_bytes())];
        if next.len() < behind.len() && !follows.is_empty() && follows != "else" {
            out[end] = b';';
        }
    })
}

/// `text` with blanks in the place of some of its words; `None` where it has none of them.
fn without_words(text: &str, is_noise: impl Fn(&str) -> bool) -> Option<String> {
    edited(text, |out, word| {
        if is_noise(&text[word.clone()]) {
            wipe(out, word);
        }
    })
}

/// `text` after `edit` was told where each of its words stands; `None` where it changed nothing.
fn edited(text: &str, edit: impl Fn(&mut [u8], Range<usize>)) -> Option<String> {
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let length = word_length(&text.as_bytes()[at..]);
        if length > 0 {
            edit(&mut out, at..at + length);
        }
        at += length.max(1);
    }
    (out != text.as_bytes()).then(|| String::from_utf8(out).ok()).flatten()
}

/// Whether a replacement is one or more whole statements: it ends as such, and is no list of values.
fn is_statement(definition: &Macro) -> bool {
    let body = definition.body.trim();
    definition.parameters.is_some() && body.ends_with(['}', ';']) && !body.starts_with(['{', '='])
}

/// Whether a replacement only names its arguments, as in `((void)(value))`, or does nothing at all, as in `do {} while (0)`.
fn is_idle(definition: &Macro) -> bool {
    let Some(parameters) = &definition.parameters else { return false };
    let mut rest = definition.body.trim();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = rest.split_at(word_length(rest.as_bytes()));
        let is_argument = parameters.contains(&Name::of(word)) && !behind.trim_start().starts_with('(');
        rest = match word {
            "void" | "do" | "while" | "0" | "NULL" => behind,
            "" if matches!(first, '(' | ')' | '{' | '}' | ',' | ';') || first.is_whitespace() => {
                &rest[first.len_utf8()..]
            }
            _ if is_argument => behind,
            _ => return false,
        };
    }
    true
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
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ if depth == 0 => return None,
            quote @ (b'"' | b'\'') => {
                at = skip_literal(bytes, at, quote);
                continue;
            }
            _ => {}
        }
        at += 1;
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

/// The directives of a text: where each begins and ends, its word, and what follows that.
fn directives(text: &str) -> impl Iterator<Item = (usize, usize, &str, &str)> {
    logical_lines(text).map(|(start, end)| {
        let line = text[start..end].trim_start().trim_start_matches('#').trim_start();
        let (word, rest) = line.split_at(word_length(line.as_bytes()));
        (start, end, word, rest.trim())
    })
}

/// Blanks a part of a text; lines stay as long as they are.
pub(super) fn wipe(out: &mut [u8], part: Range<usize>) {
    fill(out, part, b' ');
}

fn fill(out: &mut [u8], part: Range<usize>, with: u8) {
    let bytes = out.get_mut(part).into_iter().flatten();
    bytes.filter(|byte| !matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = with);
}

fn next_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |length| from + length + 1)
}

fn continues(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\\")
}

/// How many bytes of a name `bytes` begins with.
fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
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

/// Whether a replacement is statements that take no arguments and release nothing, by the names in it.
fn is_instrument(definition: &Macro) -> bool {
    let body = definition.body.trim();
    let mut words = body.split(|c: char| !c.is_alphanumeric() && c != '_');
    definition.parameters.is_none() && body.ends_with(';') && !words.any(sounds_like_release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_joins_its_lines_and_drops_its_comments() {
        let found = definitions("#define XFREE(p) do { \\\n  free(p); /* gone */ \\\n  (p) = NULL; } while (0)\n");
        let [(name, only)] = found.as_slice() else { panic!("one definition") };
        assert_eq!(*name, Name::of("XFREE"));
        assert_eq!(only.parameters, Some(vec![Name::of("p")]));
        assert!(only.body.contains("(p) = NULL") && !only.body.contains("gone") && !only.body.contains('\\'));
    }

    #[test]
    fn statements_within_a_definition_are_ended() {
        let text = "#define CHECKED(a) switch (0) { case (a):; }\n\
                    #define around(p) ({ CHECKED(sizeof(p) == 4) inner(p); })\n\
                    #define both(p) do { CHECKED(p); CHECKED(p) } while (0)\n";
        let table = MacroTable::new(vec![definitions(text)], &["a.h"]);
        let body = |name: &str| &*table.find(Name::of(name), FileId(0)).expect("a definition").body;
        assert_eq!(body("around"), "({ CHECKED(sizeof(p) == 4);inner(p); })");
        assert_eq!(body("both"), "do { CHECKED(p); CHECKED(p) } while (0)");
    }
}
