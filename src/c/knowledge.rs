//! Knowledge: what functions do whose bodies are not in the tree.
//!
//! One row a function. The tables in `system` and `libraries` hold the C library and other libraries; a project adds its own in its
//! configuration. A function with a body in the tree is learned from its body instead, unless it has a row here.

pub mod assertions;
pub mod constants;
pub mod errno;
mod libraries;
mod system;

use super::names::{Map, Name, NameTable, Set};

/// What is said of each of the names that rows list.
fn by_name<T: Copy>(rows: &[(T, &str)]) -> Map<Name, T> {
    let all = rows.iter().flat_map(|(said, names)| names.split_whitespace().map(|name| (Name::of(name), *said)));
    all.collect()
}

/// What a function does with memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Its result, unless null, must be given to `release`.
    Acquire {
        /// The function that releases it.
        release: Name,
        /// Whether the memory starts out as zero.
        zeroed: bool,
        /// Whether the result can be null.
        nullable: bool,
    },
    /// Like `Acquire` where an argument is null; else the result is that argument (`getcwd`, `realpath`).
    AcquireUnless {
        /// The number of the argument.
        argument: u32,
        /// The function that releases it.
        release: Name,
    },
    /// Releases what an argument points to.
    Release {
        /// The number of the argument.
        argument: u32,
        /// Whether it releases what hangs below as well, as a destructor may; `free` does not.
        deep: bool,
        /// Whether it does nothing where it is given null; others crash, abort or complain.
        takes_null: bool,
    },
    /// `realloc`: on success the first argument is released and the result is new; on failure neither.
    Reallocate {
        /// The number of the argument that holds the old block.
        argument: u32,
        /// The function that releases the result.
        release: Name,
        /// Whether the first argument is released on failure too (`reallocf`), or failure ends the process.
        nullable: bool,
    },
    /// Looks at its arguments and keeps none; its result belongs to someone else.
    Borrow,
    /// Like `Borrow`, and the result is, or points into, an argument.
    Alias {
        /// The number of the argument.
        argument: u32,
        /// Whether the result is null where nothing was found.
        nullable: bool,
    },
    /// Copies what the second argument points to over what the first does, and returns the first.
    Copy,
    /// Gives the pointer that an argument points to, and moves that one on within its text: `strsep`.
    Cut {
        /// The number of the argument.
        argument: u32,
    },
    /// Puts something that must be released where an argument points to.
    Fill {
        /// The number of the argument.
        argument: u32,
        /// The function that releases it.
        release: Name,
        /// Which results mean that it did.
        success: Success,
    },
    /// Does not return.
    Exit,
    /// Memory on the stack.
    Stack,
    /// Keeps what an argument and those behind it point to, and releases it in its own time.
    Take {
        /// The number of the first argument that is kept.
        argument: u32,
    },
    /// Fills memory with a byte.
    Set,
    /// Tells whether a pointer is none, but the number of an error; by the same pointer always the same.
    ErrorTest {
        /// Whether null counts as one.
        null: bool,
    },
}

impl Deed {
    /// Whether it hands out memory or takes it back.
    pub fn is_of_memory(self) -> bool {
        matches!(
            self,
            Deed::Acquire { .. }
                | Deed::AcquireUnless { .. }
                | Deed::Release { .. }
                | Deed::Reallocate { .. }
                | Deed::Fill { .. }
        )
    }
}

/// Which results of a filling function mean success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// 0.
    Zero,
    /// Not negative.
    NotNegative,
    /// More than 0; 0 does not happen (`asprintf` of something that is not empty).
    Positive,
    /// Anything but 0.
    NonZero,
    /// The place is filled whatever the result (`getline`).
    Always,
}

/// The rows, by function.
#[derive(Debug)]
pub struct Knowledge {
    rows: Map<Name, Deed>,
    writes: Map<Name, u32>,
    /// The rows that give way to a body of the tree: those of libraries, which a tree may be, or replace.
    yielding: Set<Name>,
    names: NameTable,
}

/// A row of a project's own, as its configuration gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The function.
    pub function: String,
    /// What it does.
    pub deed: Deed,
    /// The function that releases what it acquires, as text for the fix.
    pub release: Option<String>,
}

impl Row {
    /// Reads what `function` does from the words of the table, such as `acquire pool_free` or `take 1`.
    ///
    /// # Errors
    /// A sentence that says what can be written instead.
    pub fn parse(function: &str, text: &str) -> Result<Row, String> {
        let is_name = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !is_name(function) {
            return Err(format!("{function:?} is no name of a C function"));
        }
        let mut names = NameTable::default();
        let mut words = text.split_whitespace();
        let deed = deed(&mut names, &mut words).filter(|_| words.next().is_none()).ok_or_else(|| {
            format!(
                "{text:?} says nothing about `{function}`; write one of `acquire RELEASE`, `acquire-zeroed RELEASE` \
                 (both also with `-always`), `acquire-unless N RELEASE`, `release N`, `free N`, `reallocate RELEASE N`, \
                 `fill N RELEASE zero|positive|not-negative|non-zero|always`, `take N`, `alias N`, `find N`, `borrow`, `exit`"
            )
        })?;
        let release = match deed {
            Deed::Acquire { release, .. } | Deed::Reallocate { release, .. } | Deed::Fill { release, .. } => {
                Some(names.text(release).to_owned())
            }
            _ => None,
        };
        match release.as_deref() {
            Some(release) if !is_name(release) => Err(format!("{release:?} is no name of a C function")),
            _ => Ok(Row { function: function.to_owned(), deed, release }),
        }
    }
}

impl Knowledge {
    /// The built-in rows and `more`, which win.
    pub fn with(more: &[Row]) -> Knowledge {
        let mut knowledge = Knowledge {
            rows: Map::default(),
            writes: Map::default(),
            yielding: Set::default(),
            names: NameTable::default(),
        };
        for line in libraries::LIBRARIES {
            knowledge.read(line);
        }
        knowledge.yielding = knowledge.rows.keys().copied().collect();
        for line in system::SYSTEM {
            knowledge.read(line);
        }
        for line in system::WRITES {
            let Some((number, functions)) = line.split_once(':') else { continue };
            let Ok(number) = number.parse() else { continue };
            knowledge.writes.extend(functions.split_whitespace().map(|function| (Name::of(function), number)));
        }
        for row in more {
            if let Some(release) = &row.release {
                knowledge.names.intern(release);
            }
            let name = knowledge.names.intern(&row.function);
            knowledge.rows.insert(name, row.deed);
            knowledge.yielding.remove(&name);
        }
        knowledge
    }

    /// Forgets the rows of libraries whose functions the tree defines: it may be that library, or use its names for
    /// something else.
    pub fn yield_to(&mut self, defined: impl Fn(Name) -> bool) {
        let yielding = &self.yielding;
        self.rows.retain(|name, _| !(yielding.contains(name) && defined(*name)));
    }

    /// Whether the row of a function gives way to a body.
    pub fn yields(&self, function: Name) -> bool {
        self.yielding.contains(&function)
    }

    /// What is known of a function.
    pub fn of(&self, function: Name) -> Option<Deed> {
        self.rows.get(&function).copied()
    }

    /// The argument of a function of the C library whose target it writes to, if there is one.
    pub fn writes(&self, function: Name) -> Option<u32> {
        self.writes.get(&function).copied()
    }

    /// The texts of the names in the table.
    pub fn names(&self) -> &NameTable {
        &self.names
    }

    /// Reads one line of the table: the deed's word, its arguments, a colon, the functions.
    fn read(&mut self, line: &str) {
        let Some((head, functions)) = line.split_once(':') else { return };
        let mut words = head.split_whitespace();
        let Some(deed) = deed(&mut self.names, &mut words) else { return };
        for function in functions.split_whitespace() {
            let name = self.names.intern(function);
            self.rows.insert(name, deed);
            // What fortified headers and compilers make of it.
            let built_in = self.names.intern(&format!("__builtin_{function}"));
            self.rows.insert(built_in, deed);
        }
    }
}

/// The number of an argument, counted from 0; the first where none is given.
fn first_unless_told<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<u32> {
    words.next().map_or(Some(0), |word| word.parse().ok())
}

/// Reads a deed and its arguments.
fn deed<'a>(names: &mut NameTable, words: &mut impl Iterator<Item = &'a str>) -> Option<Deed> {
    let kind = words.next()?;
    let argument = |word: Option<&str>| word.and_then(|word| word.parse().ok());
    Some(match kind {
        "release" | "release-not-null" | "free" => Deed::Release {
            argument: first_unless_told(words)?,
            deep: kind != "free",
            takes_null: kind != "release-not-null",
        },
        "acquire-unless" => {
            Deed::AcquireUnless { argument: argument(words.next())?, release: names.intern(words.next()?) }
        }
        "alias" | "find" => Deed::Alias { argument: argument(words.next())?, nullable: kind == "find" },
        "copy" => Deed::Copy,
        "cut" => Deed::Cut { argument: first_unless_told(words)? },
        "take" => Deed::Take { argument: argument(words.next())? },
        "fill" => Deed::Fill {
            argument: argument(words.next())?,
            release: names.intern(words.next()?),
            success: match words.next()? {
                "zero" => Success::Zero,
                "not-negative" => Success::NotNegative,
                "positive" => Success::Positive,
                "non-zero" => Success::NonZero,
                "always" => Success::Always,
                _ => return None,
            },
        },
        "acquire" | "acquire-zeroed" | "acquire-always" | "acquire-zeroed-always" => Deed::Acquire {
            release: names.intern(words.next()?),
            zeroed: kind.contains("zeroed"),
            nullable: !kind.ends_with("always"),
        },
        "reallocate" | "reallocate-always" => Deed::Reallocate {
            release: names.intern(words.next()?),
            nullable: kind == "reallocate",
            argument: first_unless_told(words)?,
        },
        "borrow" => Deed::Borrow,
        "exit" => Deed::Exit,
        "stack" => Deed::Stack,
        "set" => Deed::Set,
        "error-test" | "error-test-or-null" => Deed::ErrorTest { null: kind.ends_with("null") },
        _ => return None,
    })
}

/// Words in the name of a function that releases what it is given. Only a guess, and only used where the body is not
/// in the tree.
pub fn sounds_like_release(name: &str) -> bool {
    const WORDS: &[&str] =
        &["free", "unref", "destroy", "dispose", "delete", "cleanup", "release", "relinquish", "deinit"];
    let begins_or_ends = |part: &str, word: &str| {
        let (first, last) = (part.get(..word.len()), part.len().checked_sub(word.len()).and_then(|at| part.get(at..)));
        [first, last].into_iter().flatten().any(|part| part.eq_ignore_ascii_case(word))
    };
    let is_frozen = |part: &str| part.len() > 4 && part.to_ascii_lowercase().contains("freeze");
    (has_word(name, WORDS) || words(name).any(|part| begins_or_ends(part, "free")))
        && !words(name).any(is_frozen)
        && !has_word(name, &["lock"])
}

/// The words of a name: between underscores, and where a small letter is followed by a capital one.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let bytes = rest.as_bytes();
            let turn = bytes.windows(2).position(|pair| !pair[0].is_ascii_uppercase() && pair[1].is_ascii_uppercase());
            let (word, behind) = rest.split_at_checked(turn.map_or(rest.len(), |at| at + 1)).unwrap_or((rest, ""));
            rest = behind;
            (!word.is_empty()).then_some(word)
        })
    })
}

/// Whether one of the words of a name is among `wanted`, which are in small letters.
fn has_word(name: &str, wanted: &[&str]) -> bool {
    words(name).any(|word| wanted.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
}

/// Words in the name of a function at whose end a structure is of no more use.
pub fn sounds_like_the_end(name: &str) -> bool {
    const WORDS: &[&str] =
        &["fini", "finish", "finalize", "close", "exit", "term", "terminate", "shutdown", "drop", "unload"];
    sounds_like_release(name) || has_word(name, WORDS)
}

/// Words in the name of a function that looks something up, compares or prints, and keeps nothing. Only a guess, and
/// only used where the body is not in the tree.
pub fn sounds_like_a_question(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "lookup", "find", "search", "cmp", "compare", "equal", "equals", "match", "matches", "exists", "contains",
        "has", "print", "printf", "log", "debug", "warn", "warning", "trace", "dump",
    ];
    const KEEPING: &[&str] =
        &["add", "insert", "create", "set", "new", "store", "append", "push", "register", "attach", "or", "replace"];
    has_word(name, WORDS) && !has_word(name, KEEPING)
}

/// Words in the name of a function that keeps what it is given, for the arguments behind the first, which is what it
/// puts them into. Only a guess, and only used where the body is not in the tree.
pub fn sounds_like_keeping(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "add",
        "append",
        "prepend",
        "insert",
        "push",
        "put",
        "enqueue",
        "queue",
        "register",
        "attach",
        "link",
        "set",
        "setopt",
        "connect",
        "subscribe",
        "install",
        "store",
        "assign",
        "schedule",
        "send",
        "submit",
        "post",
        "publish",
        "hook",
        "set0",
        "add0",
        "push0",
        "setspecific",
        "async",
    ];
    has_word(name, WORDS)
}

/// Words in the name of a constant that is the number of an error, such as `ENOMEM` or `NO_SECTION`. Only a guess, and only
/// used where its value is not known.
pub fn sounds_like_an_error(name: &str) -> bool {
    const WORDS: &[&str] =
        &["err", "error", "fail", "failed", "failure", "no", "not", "invalid", "bad", "denied", "unknown", "nomem"];
    let is_errno = name.starts_with('E') && !name.contains('_') || name.starts_with("EAI_");
    is_loud(name) && (is_errno || has_word(name, WORDS))
}

/// Whether a name is a number's that `compile_et` makes from a table of errors (`EXT2_ET_NO_MEMORY`), in a file that is not
/// there before a build. None of them is 0, since the table's name is in its upper bits (com_err(3)). Nor is any of those of
/// `getaddrinfo` (RFC 3493, 6.1), which are less than 0 on some systems.
pub fn is_of_an_error_table(name: &str) -> bool {
    (name.contains("_ET_") || name.starts_with("EAI_")) && is_loud(name)
}

/// Whether a name is written in capitals, as those of macros and constants are.
pub fn is_loud(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Words in the name of a function that only finds or converts what others own, or walks over it. Only a guess, and only
/// used where the body is not in the tree or does not say.
pub fn sounds_like_lookup(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "find",
        "lookup",
        "first",
        "next",
        "last",
        "prev",
        "peek",
        "search",
        "entry",
        "pop",
        "each",
        "foreach",
        "get0",
        "cast",
        "container",
        "parent",
    ];
    let lower = name.to_ascii_lowercase();
    let picks = ["_get_for_", "_get_by_", "_get_from_"].iter().any(|word| lower.contains(word));
    picks || lower.ends_with("_get") || lower.starts_with("to_") || has_word(name, WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_can_be_read() {
        for line in system::SYSTEM.iter().chain(libraries::LIBRARIES) {
            let mut knowledge = Knowledge::with(&[]);
            knowledge.rows.clear();
            knowledge.read(line);
            assert!(!knowledge.rows.is_empty(), "{line}");
        }
    }

    #[test]
    fn no_function_stands_in_the_table_twice() {
        let mut seen = std::collections::HashSet::new();
        for line in system::SYSTEM.iter().chain(libraries::LIBRARIES) {
            let (_, functions) = line.split_once(':').expect("a deed and its functions");
            for function in functions.split_whitespace() {
                assert!(seen.insert(function), "{function}");
            }
        }
    }

    #[test]
    fn a_body_of_the_tree_wins_over_a_library_of_the_same_name() {
        let name = |text| Name::of(text);
        let mut knowledge = Knowledge::with(&[Row { function: "g_free".into(), deed: Deed::Borrow, release: None }]);
        knowledge.yield_to(|_| true);
        assert_eq!(knowledge.of(name("json_string")), None);
        assert_eq!(knowledge.of(name("g_free")), Some(Deed::Borrow), "the project's configuration stands");
        assert!(knowledge.of(name("strdup")).is_some(), "the C library stands");
        assert_eq!(knowledge.of(name("__builtin_strdup")), knowledge.of(name("strdup")));
    }

    #[test]
    fn a_projects_own_row_wins() {
        let row = Row { function: "malloc".into(), deed: Deed::Borrow, release: None };
        assert_eq!(Knowledge::with(&[row]).of(Name::of("malloc")), Some(Deed::Borrow));
        let release = Name::of("free");
        let malloc = Deed::Acquire { release, zeroed: false, nullable: true };
        assert_eq!(Knowledge::with(&[]).of(Name::of("malloc")), Some(malloc));
    }

    #[test]
    fn names_that_sound_like_a_question() {
        for name in ["tree_lookup", "find_user", "key_cmp", "LOG_DEBUG", "name_exists"] {
            assert!(sounds_like_a_question(name), "{name}");
        }
        for name in ["find_or_create", "log_add", "keep", "match_set", "catalog"] {
            assert!(!sounds_like_a_question(name), "{name}");
        }
    }

    #[test]
    fn rows_are_read_from_the_words_of_the_table_and_nothing_else() {
        let row = Row::parse("pool_open", "fill 1 pool_free zero").expect("a row");
        assert_eq!(row.release.as_deref(), Some("pool_free"));
        assert!(matches!(row.deed, Deed::Fill { argument: 1, success: Success::Zero, .. }));
        for (function, text) in [
            ("pool_open", ""),
            ("pool_open", "acquire"),
            ("pool_open", "acquire pool_free 2"),
            ("pool_open", "acquire pool->free"),
            ("pool_open", "release first"),
            ("pool_open", "fill 1 pool_free sometimes"),
            ("pool open", "borrow"),
        ] {
            assert!(Row::parse(function, text).is_err(), "{function}: {text}");
        }
    }

    #[test]
    fn names_that_sound_like_a_release() {
        for name in
            ["foo_free", "g_object_unref", "xfree", "free_list", "EVP_PKEY_free", "list_destroy", "DestroyBoxInfo"]
        {
            assert!(sounds_like_release(name), "{name}");
        }
        for name in ["freeze", "unfreeze_all", "foo_new", "lock_release", "reference"] {
            assert!(!sounds_like_release(name), "{name}");
        }
    }
}
