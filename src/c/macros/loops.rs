//! Macros without parentheses that open a loop: `#define EACH_COLOUR for (c = 0; c < 3; c++)`. The grammar takes such a word
//! for a type or an error, and what follows for no block of its own.

use super::{MacroTable, balanced, word_length};
use crate::c::names::{Name, Set};

/// A macro is followed to the loop it stands for through so many others.
const MAX_DEPTH: usize = 4;

impl MacroTable {
    /// The macros without parentheses of which every definition opens a loop.
    pub(super) fn find_loops(&mut self) {
        let opens = |name: &&Name| {
            let all = &self.definitions[*name];
            all.iter().all(|(_, one)| one.parameters.is_none() && self.opens_loop(&one.body, 0))
        };
        let found: Set<Name> = self.definitions.keys().filter(opens).copied().collect();
        self.loops = found;
    }

    /// Whether a word is a macro without parentheses that opens a loop.
    pub fn is_bare_loop(&self, word: &str) -> bool {
        !self.loops.is_empty() && self.loops.contains(&Name::of(word))
    }

    /// Whether a replacement is the head of a loop and no more, perhaps by way of another macro.
    fn opens_loop(&self, body: &str, depth: usize) -> bool {
        let body = body.trim();
        let (word, rest) = body.split_at(word_length(body.as_bytes()));
        let rest = rest.trim_start();
        let is_head = rest.is_empty() || balanced(rest.as_bytes()) == Some(rest.len());
        if word.is_empty() || !is_head {
            return false;
        }
        if matches!(word, "for" | "while") {
            return !rest.is_empty();
        }
        let inner = self.definitions.get(&Name::of(word)).filter(|_| depth < MAX_DEPTH);
        inner.is_some_and(|all| all.iter().all(|(_, one)| self.opens_loop(&one.body, depth + 1)))
    }
}

/// A head of the same length, which asks for what nobody knows: a loop where there is room for one, else a branch. `None`
/// where there is no room for either.
pub(super) fn head(length: usize) -> Option<String> {
    let word = if length >= "while(_)".len() { "while" } else { "if" };
    let room = length.checked_sub(word.len() + "(_)".len())?;
    Some(format!("{word}{}(_)", " ".repeat(room)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::macros::definitions;

    #[test]
    fn macros_that_open_loops_are_told_from_others() {
        let text = "#define FOR(n) for (c = 0; c < (n); c++)\n#define FOR3 FOR(3)\n#define EVER for (;;)\n\
                    #define ALL FOR3\n#define DO for (;;) {\n#define N 3\n#define W while\n#define LOOP LOOP\n";
        let table = MacroTable::new(vec![definitions(text)], &["a.h"]);
        let found = ["FOR", "FOR3", "EVER", "ALL", "DO", "N", "W", "LOOP"].map(|word| table.is_bare_loop(word));
        assert_eq!(found, [false, true, true, true, false, false, false, false]);
    }

    #[test]
    fn a_head_takes_the_room_of_the_word() {
        assert_eq!(head(4), None);
        assert_eq!(head(6).as_deref(), Some("if (_)"));
        assert_eq!(head(9).as_deref(), Some("while (_)"));
    }
}
