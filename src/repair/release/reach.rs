//! What a release needs where it is put: a function that the file knows, and a variable that exists there in every
//! configuration.

use super::layout::is_jump;
use crate::c::Tree as SourceTree;
use crate::c::names::Name;
use crate::c::report::FileView;
use crate::c::syntax::{Kind, Span};
use crate::model::edit::Edit;

/// Headers within headers are followed this deep.
const MAX_INCLUDES: usize = 4;

/// Whether a file can call a function, or why not: it, or a header that it includes, mentions it, or another file of its folder
/// does. A tree may hold several programs, and what one of them releases with is unknown to the others.
pub(super) fn callable(tree: &SourceTree, view: &FileView, name: Name) -> Result<(), String> {
    let is_library = tree.program.knowledge.of(name).is_some();
    let name = tree.program.text(name);
    let folder = folder_of(view.path);
    let is_known = is_library
        || has_word(view.text, name)
        || tree.files.iter().any(|file| folder_of(&file.path) == folder && has_word(&file.text, name))
        || headers_know(tree, view, name);
    if is_known { Ok(()) } else { Err(format!("`{name}`, which releases it elsewhere, is not known here")) }
}

fn headers_know(tree: &SourceTree, view: &FileView, name: &str) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    let mut level: Vec<&str> = vec![view.text];
    for _ in 0..MAX_INCLUDES {
        let mut next = Vec::new();
        for header in level.iter().flat_map(|text| included(text)) {
            if seen.contains(&header) {
                continue;
            }
            seen.push(header);
            let is_it =
                |path: &str| path.strip_suffix(header).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
            next.extend(tree.files.iter().filter(|file| is_it(&file.path)).map(|file| &*file.text));
        }
        if next.iter().any(|text| has_word(text, name)) {
            return true;
        }
        level = next;
    }
    false
}

/// The headers that a text includes, as it spells them, without leading `../`.
fn included(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?.trim_start();
        let name = rest.get(1..)?.split(['"', '>']).next()?;
        Some(name.trim_start_matches("../").trim_start_matches("./")).filter(|name| !name.is_empty())
    })
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether each edit stands where the variable `word` exists, and holds something, whatever the preprocessor is told:
/// under every condition of its declaration, and of its acquisition at `acquired` unless it has a value before.
pub(super) fn exists_everywhere(view: &FileView, function: Span, acquired: u32, word: &str, edits: &[Edit]) -> bool {
    let Some(text) = view.text.get(function.start as usize..function.end as usize) else { return false };
    let Some(declared) = words(text, word).next() else { return true };
    let place = |at: usize| branches(text, at.saturating_sub(function.start as usize));
    let declaration = branches(text, declared);
    let has_value = text[declared + word.len()..].trim_start().starts_with('=');
    let acquisition = place(acquired as usize);
    edits.iter().all(|edit| {
        let here = place(edit.start);
        let holds = |conditions: &[Branch]| conditions.iter().all(|condition| here.contains(condition));
        holds(&declaration) && (has_value || holds(&acquisition))
    })
}

/// So many mentions of a function are looked at, which is more than most files have.
const MAX_MENTIONS: usize = 40;

/// Whether the file mentions a function of the tree under no more conditions than each edit stands under, if it mentions it
/// at all: a header that is included under a condition is not there without it.
pub(super) fn is_mentioned_everywhere(tree: &SourceTree, view: &FileView, name: Name, edits: &[Edit]) -> bool {
    if tree.program.knowledge.of(name).is_some() {
        return true;
    }
    let mentions: Vec<usize> = words(view.text, tree.program.text(name)).take(MAX_MENTIONS).collect();
    let is_under_less = |edit: &Edit| {
        let here = branches(view.text, edit.start);
        let mut around = mentions.iter().map(|at| branches(view.text, *at));
        around.any(|conditions| conditions.iter().all(|condition| here.contains(condition)))
    };
    mentions.is_empty() || edits.iter().all(is_under_less)
}

/// Whether what comes right after an edit reads `errno`, which the release may change. `free` leaves it alone, as POSIX.1-2024
/// asks of it and the C libraries do.
pub(super) fn spoils_errno(view: &FileView, releaser: &str, edits: &[Edit]) -> bool {
    releaser != "free" && edits.iter().any(|edit| reads_errno(view, edit.start as u32))
}

fn reads_errno(view: &FileView, at: u32) -> bool {
    let syntax = &view.syntax;
    let path = syntax.path_to(Span { start: at, end: at + 1 });
    let is_block = |node: u32| matches!(syntax.node(node).kind, Kind::CompoundStatement | Kind::CaseStatement);
    let Some(block) = path.into_iter().rev().find(|node| is_block(*node)) else { return false };
    for next in syntax.children(block).filter(|node| syntax.node(*node).span.end > at) {
        if tells_errno(syntax.slice(next)) {
            return true;
        }
        // Whatever is called next may fail by itself, and a jump ends the block.
        let ends = |node: u32| is_jump(syntax.node(node).kind) || syntax.node(node).kind == Kind::CallExpression;
        if ends(next) || syntax.below(next).any(ends) {
            return false;
        }
    }
    false
}

/// Whether a statement reads `errno`, or calls what does so by its name or for its format.
fn tells_errno(statement: &str) -> bool {
    const CALLS: &[&str] = &["perror", "err", "warn", "verr", "vwarn"];
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = statement;
    while let Some(start) = rest.find(is_part) {
        let word = &rest[start..];
        let word = &word[..word.find(|c| !is_part(c)).unwrap_or(word.len())];
        rest = &rest[start + word.len()..];
        let is_call = rest.trim_start().starts_with('(');
        if word == "errno" || is_call && (word.contains("errno") || CALLS.contains(&word)) {
            return true;
        }
    }
    statement.contains("%m")
}

/// A branch of a preprocessor's condition. Conditions that are written alike are one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Branch<'a> {
    /// The directives of the condition up to this branch, as they are written.
    lines: Vec<&'a str>,
    /// Where the branch begins, if its condition begins before the text does.
    start: Option<usize>,
}

/// The branches around a place, outermost first. A condition that begins before the text does begins with its next branch.
fn branches(text: &str, at: usize) -> Vec<Branch<'_>> {
    let mut open: Vec<Branch> = Vec::new();
    let mut start = 0;
    for whole in text.get(..at).unwrap_or(text).split_inclusive('\n') {
        let line = whole.trim();
        if let Some(directive) = line.strip_prefix('#').map(str::trim_start) {
            let line = without_remark(directive);
            if directive.starts_with("if") {
                open.push(Branch { lines: vec![line], start: None });
            } else if directive.starts_with("el") {
                let mut branch = open.pop().unwrap_or(Branch { lines: Vec::new(), start: Some(start) });
                branch.lines.push(line);
                open.push(branch);
            } else if directive.starts_with("endif") {
                open.pop();
            }
        }
        start += whole.len();
    }
    open
}

/// A directive without a remark behind it.
fn without_remark(directive: &str) -> &str {
    let end = ["//", "/*"].iter().filter_map(|mark| directive.find(mark)).min();
    directive[..end.unwrap_or(directive.len())].trim_end()
}

/// The directives around a place, outermost first, without their `#`; of branches behind `#else` or `#elif` that one.
pub(super) fn directives(text: &str, at: usize) -> Vec<&str> {
    branches(text, at).iter().filter_map(|branch| branch.lines.last().copied()).collect()
}

/// Whether `text` holds `word` as a whole identifier.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// Where `word` stands as a whole identifier.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(inner) && !after.is_some_and(inner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_knows_the_conditions_around_it() {
        let text = "p\n#if X // why\nq\n# else\nr\n#endif\nt\n#if X\nu\n#else /* not X */\nv\n#endif\n";
        let of = |what: &str| branches(text, text.find(what).expect("it stands there"));
        let lines = |what: &str| of(what).into_iter().map(|branch| branch.lines).collect::<Vec<_>>();
        assert_eq!((lines("p"), lines("q"), lines("t")), (vec![], vec![vec!["if X"]], vec![]));
        assert_eq!((of("q\n"), of("r\n")), (of("u\n"), of("v\n")), "conditions that are written alike are one");
    }

    #[test]
    fn branches_of_conditions_that_begin_before_differ() {
        let text = "#else\np\n#endif\n#else\nq\n";
        assert_ne!(branches(text, 7), branches(text, text.len()));
    }

    #[test]
    fn headers_are_read_as_they_are_spelled() {
        let text = "#include <a/b.h>\n  # include \"../c.h\"\nint include;\n";
        assert_eq!(included(text).collect::<Vec<_>>(), ["a/b.h", "c.h"]);
    }
}
