//! The command with which a repository checks itself: a target of its Makefile, known by its name. Pure.

use std::cmp::Reverse;

/// Words of a target whose tests look at memory by the way they are compiled.
const SANITIZERS: [&str; 5] = ["asan", "lsan", "san", "sanitize", "sanitizer"];
/// Words of a target that runs a checker of memory, as it says itself.
const CHECKERS: [&str; 4] = ["valgrind", "memcheck", "leakcheck", "memtest"];
/// Words of a target that runs something. Without one, `asan` may be a build and nothing else.
const RUNS: [&str; 4] = ["check", "run", "test", "tests"];

/// How much a target tells of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// It tests, and a leak need not show.
    Tests,
    /// A leak that its tests reach shows.
    LooksAtMemory,
}

/// The folder and the target that say most of a fault in the folder `fault`, among Makefiles given as folder and text: of those
/// in the fault's folder and above it, one that looks at memory before one that only tests, then the nearest.
pub(super) fn target<'a>(makefiles: &[(&'a str, &'a str)], fault: &str) -> Option<(&'a str, &'a str)> {
    let holds_fault = |folder: &str| {
        folder.is_empty() || fault.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let near = makefiles.iter().filter(|(folder, _)| holds_fault(folder));
    let targets = near.flat_map(|(folder, text)| targets(text).map(move |target| (*folder, target)));
    let known = targets.filter_map(|(folder, target)| Some(((worth(target)?, folder.len(), Reverse(target)), folder)));
    known.max().map(|((_, _, Reverse(target)), folder)| (folder, target))
}

/// The targets of explicit rules, in their order. Patterns, variables and special targets are none that a person types.
fn targets(makefile: &str) -> impl Iterator<Item = &str> {
    let is_rule = |line: &&str| !line.starts_with(['\t', ' ', '#', '.']);
    let rules = makefile.lines().filter(is_rule).filter_map(|line| line.split_once(':'));
    // `NAME := value` and `NAME ::= value` set a variable.
    let rules = rules.filter(|(_, rest)| !rest.trim_start_matches(':').starts_with('='));
    let is_plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    rules.flat_map(|(names, _)| names.split_ascii_whitespace()).filter(is_plain)
}

fn worth(target: &str) -> Option<Worth> {
    let lower = target.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(['-', '_']).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let is_leak_check = has(&["leak", "leaks"]) && has(&RUNS);
    if has(&CHECKERS) || is_leak_check || (has(&SANITIZERS) && has(&RUNS)) {
        return Some(Worth::LooksAtMemory);
    }
    ["check", "test", "tests"].contains(&lower.as_str()).then_some(Worth::Tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_looks_at_memory_is_preferred_then_the_nearest() {
        let root = ("", "CC := gcc\nall: lib.a\n\t$(CC) -c x.c\ntest check: all\n\t./t\ntest-asan: all\n\t./t\n");
        let lib = ("lib", "test::\n\t./t\n");
        let elsewhere = ("tools", "valgrind:\n\tvalgrind ./t\n");
        assert_eq!(target(&[root, lib, elsewhere], "lib/json"), Some(("", "test-asan")));
        let plain = ("", "check: all\n\t./t\n");
        assert_eq!(target(&[plain, lib, elsewhere], "lib"), Some(("lib", "test")));
        assert_eq!(target(&[plain, lib, elsewhere], "library"), Some(("", "check")));
    }

    #[test]
    fn only_what_runs_by_its_name_counts() {
        let told = |text: &str| target(&[("", text)], "").map(|(_, target)| target.to_owned());
        assert_eq!(told("asan: all\nsanitize:\ncontest:\nlatest:\n%.test: %.c\n$(test): x\n.PHONY: test\n"), None);
        assert_eq!(told("test ::= check\ntest := a:b\n#test: a\n\ttest: a\n"), None);
        assert_eq!(told("run_asan:\n").as_deref(), Some("run_asan"));
        assert_eq!(told("test:\ncheck:\n").as_deref(), Some("check"));
        assert_eq!(told("leak-check:\ntest:\n").as_deref(), Some("leak-check"));
    }
}
