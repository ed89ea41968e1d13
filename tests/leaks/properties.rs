//! What holds for any input.

use super::{FIXTURES, analyze, file, fixture};
use pagerduty_incident_responder::c::report::Leak;
use pagerduty_incident_responder::c::syntax::Tree;
use pagerduty_incident_responder::c::{self, Options};
use pagerduty_incident_responder::model::edit;
use proptest::prelude::*;

/// Pieces of C, put together without sense: what a parser that recovers makes the most of.
const PIECES: &[&str] = &[
    "int f(char *p)\n{\n",
    "}\n",
    "{",
    "if (p)\n",
    "else\n",
    "while (n--)\n",
    "do {",
    "} while (0);\n",
    "for (;;)\n",
    "switch (n) {\n",
    "case 1:\n",
    "default:\n",
    "goto out;\n",
    "out:\n",
    "return p;\n",
    "break;\n",
    "continue;\n",
    "p = malloc(4);\n",
    "char *q = strdup(p);\n",
    "free(p);\n",
    "free(q);\n",
    "p = realloc(p, n);\n",
    "*out = p;\n",
    "p->next = q;\n",
    "a[i] = q;\n",
    "(*call)(p);\n",
    "x = y ? p : q;\n",
    "p && free(p);\n",
    "getline(&p, &n, in);\n",
    "#if A\n",
    "#else\n",
    "#endif\n",
    "#define M(a) free(a)\n",
    "#define F(x) for (x = 0; x < 3; x++)\n",
    "M(p);\n",
    "F(i) {\n",
    "__attribute__((cleanup(c))) char *z = strdup(p);\n",
    "({ p; });\n",
    "/*",
    "*/",
    "\"",
    "'",
    "\\\n",
    "\r\n",
    "f(p);\n",
    "static char *s;\n",
    "s = p;\n",
    "union { char *a; char *b; } u;\n",
    "u.a = p;\n",
    "asm(\"\");\n",
];

/// A fixture with a piece cut out and another put in.
fn mutated() -> impl Strategy<Value = String> {
    (0..FIXTURES.len(), any::<prop::sample::Index>(), 0usize..40, "[ (){};*&=#\"a-z\n]{0,6}").prop_map(
        |(which, cut, length, put)| {
            let mut text = fixture(FIXTURES[which]);
            let start = cut.index(text.len());
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &put);
            text
        },
    )
}

fn jumble() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

/// What a function of a made-up program does with memory. `f@` is the function itself, `f#` another one, perhaps of
/// another file; `see#` and `keep#` have no bodies.
const DEEDS: &[&str] = &[
    "void *f@(int n) { void *p = malloc(8); if (n > 3) f#(n); return p; }\n",
    "void *f@(int n) { void *p = f#(n); if (n) return 0; free(p); return 0; }\n",
    "void *f@(int n) { void *p = f#(n); see#(p); if (n > 1) return 0; free(p); return 0; }\n",
    "void *f@(int n) { void *p = malloc(n); see#(p); return 0; }\n",
    "void *f@(int n) { void *p = malloc(n); if (keep#(p) < 0) return 0; free(p); return 0; }\n",
    "void *f@(int n) { void *(*call)(int) = f#; void *p = call(n); if (n == 2) return p; see#(p); free(p); return 0; }\n",
    "void *f@(int n) { void *p = take#(n); if (n) return 0; give#(p); return 0; }\n",
    "void *f@(int n) { void *p = take#(n); n++; give#(p); return 0; }\n",
    "void *f@(int n) { struct box *b = calloc(1, sizeof *b); b->one = f#(n); b->two = strdup(\"2\"); return b; }\n",
    "void f@_set(struct box *b, const char *to) { free(b->two); b->two = strdup(to); see#(b->two); }\n",
    "void f@_free(struct box *b) { free(b->one); free(b); }\n",
    "void f@_drop(struct box *b) { see#(b->one); free(b); }\n",
    "static void *own(int n) { return f#(n); }\nvoid *f@(int n) { void *p = own(n); if (n) free(p); return 0; }\n",
    "void *f@(int n) { void *p = malloc(8); hooks.made = f#; hooks.made(n); see#(p); free(p); return 0; }\n",
    "void f@(void **out) { *out = malloc(8); see#(*out); }\n",
];

/// Files of such a program.
const PARTS: [&str; 4] = ["a.c", "b.c", "c.c", "d.c"];

/// The functions of a program: each its file, what it does, and the number of the other one.
fn program() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    prop::collection::vec((0..PARTS.len(), 0..DEEDS.len(), 0usize..10), 3..14)
}

fn written(functions: &[(usize, usize, usize)]) -> Vec<c::SourceFile> {
    let head =
        "#include <stdlib.h>\nstruct box { char *one; char *two; };\nextern struct { void *(*made)(int); } hooks;\n";
    let part = |number: usize| {
        let own = functions.iter().enumerate().filter(|(_, (part, ..))| *part == number);
        let deed = |(at, (_, deed, other)): (usize, &(usize, usize, usize))| {
            let deed = DEEDS[*deed].replace("see#", &format!("see{}", other % 3));
            let deed = deed.replace("keep#", &format!("keep{}", other % 2));
            let deed = deed
                .replace("take#", &format!("take{}", other % 2))
                .replace("give#", &format!("release_{}", other % 3));
            deed.replace('@', &at.to_string()).replace('#', &other.to_string())
        };
        let text: String = own.map(deed).collect();
        file(PARTS[number], &format!("{head}{text}"))
    };
    (0..PARTS.len()).map(part).collect()
}

fn errors(text: &str) -> usize {
    Tree::parse(text.into()).map_or(0, |tree| tree.errors())
}

/// The text with the first fix of every function.
fn patched(leaks: &[Leak], text: &str) -> String {
    let mut functions: Vec<&str> = Vec::new();
    let mut edits = Vec::new();
    for leak in leaks {
        if let Some(fix) = leak.fix.as_ref().filter(|_| !functions.contains(&leak.function.as_str())) {
            functions.push(&leak.function);
            edits.extend(fix.edits.iter().cloned());
        }
    }
    edit::apply(text, &edits).unwrap_or_else(|| text.to_owned())
}

/// An open quotation makes the parser read on somewhere else; what a patch does to that shows in the whole file only.
#[test]
fn a_patch_in_a_file_with_an_open_quotation_adds_no_parse_error() {
    let text = fixture("doubts.c");
    let (before, rest) =
        text.split_once("            continue;\n        look(text);\n        free(text);").expect("a loop");
    let text = format!("{before}      \"        look(text);\n        free(text);{rest}");
    let leaks = analyze("broken.c", &text).findings;
    assert!(leaks.iter().any(|leak| leak.fix.is_some()), "what lies far from it is mended all the same");
    for fix in leaks.iter().filter_map(|leak| leak.fix.as_ref()) {
        let after = edit::apply(&text, &fix.edits).expect("a fix applies to its own file");
        assert!(errors(&after) <= errors(&text), "{}", fix.diff);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,400}") {
        analyze("any.c", &text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        analyze("any.c", &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn pieces_of_c_without_sense_never_panic(text in jumble()) {
        analyze("jumble.c", &text);
    }

    #[test]
    fn a_patch_of_broken_c_applies_and_adds_no_parse_error(text in mutated()) {
        for leak in analyze("broken.c", &text).findings {
            if let Some(fix) = &leak.fix {
                let after = edit::apply(&text, &fix.edits).expect("a fix applies to its own file");
                prop_assert!(errors(&after) <= errors(&text));
            }
        }
    }

    #[test]
    fn patching_again_and_again_comes_to_an_end(text in mutated()) {
        // A function with several findings is patched once in each round.
        let (mut text, mut rounds) = (text, 0);
        loop {
            let after = patched(&analyze("broken.c", &text).findings, &text);
            if after == text {
                break;
            }
            rounds += 1;
            prop_assert!(rounds <= 8, "patched {rounds} times:\n{after}");
            text = after;
        }
    }

    #[test]
    fn the_order_of_files_does_not_matter(seed in prop::collection::vec(any::<u32>(), FIXTURES.len())) {
        let files: Vec<_> = FIXTURES.iter().map(|name| file(name, &fixture(name))).collect();
        let mut shuffled: Vec<_> = files.iter().cloned().zip(seed).collect();
        shuffled.sort_by_key(|(_, at)| *at);
        let shuffled = shuffled.into_iter().map(|(file, _)| file).collect();
        let (one, two) = (c::analyze(files, &Options::default()), c::analyze(shuffled, &Options::default()));
        prop_assert_eq!(one.findings, two.findings);
        prop_assert_eq!(one.gaps, two.gaps);
    }

    #[test]
    fn a_file_alone_is_told_of_as_with_all_others(which in 0..FIXTURES.len()) {
        let files: Vec<_> = FIXTURES.iter().map(|name| file(name, &fixture(name))).collect();
        let all = c::analyze(files.clone(), &Options::default());
        let only = Options { only: vec![FIXTURES[which].to_owned()], ..Options::default() };
        let own: Vec<Leak> = all.findings.into_iter().filter(|leak| leak.file == FIXTURES[which]).collect();
        prop_assert_eq!(c::analyze(files, &only).findings, own);
    }

    #[test]
    fn a_file_of_a_made_up_program_alone_is_told_of_as_with_all_others(functions in program()) {
        let files = written(&functions);
        let all = c::analyze(files.clone(), &Options::default());
        for one in &files {
            let only = c::analyze(files.clone(), &Options { only: vec![one.path.clone()], ..Options::default() });
            let own: Vec<&Leak> = all.findings.iter().filter(|leak| leak.file == one.path).collect();
            prop_assert_eq!(only.findings.iter().collect::<Vec<_>>(), own, "{} of {:#?}", one.path, files);
        }
    }
}
