//! The C leak engine through its front door: fixtures whose functions name their verdict, patches that are compiled
//! and run, and properties that hold for any input.

#[path = "leaks/command.rs"]
mod command;
#[path = "leaks/outputs.rs"]
mod outputs;
#[path = "leaks/properties.rs"]
mod properties;
#[path = "leaks/rounds.rs"]
mod rounds;

use pagerduty_incident_responder::c::report::Leak;
use pagerduty_incident_responder::c::{self, Analysis, Options, SourceFile};
use pagerduty_incident_responder::model::edit;
use std::path::{Path, PathBuf};
use std::process::Command;

const FIXTURES: &[&str] = &[
    "worker.c",
    "templates.c",
    "summaries.c",
    "abstains.c",
    "loop_macros.c",
    "places.c",
    "limits.c",
    "destructors.c",
    "beliefs.c",
    "structures.c",
    "doubts.c",
    "silences.c",
    "macros.c",
    "agreements.c",
    "keepers.c",
    "readings.c",
    "crowded.c",
    "claims.c",
    "containers.c",
    "outputs.c",
    "rounds.c",
];

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/c").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.into() }
}

fn analyze(path: &str, text: &str) -> Analysis {
    c::analyze(vec![file(path, text)], &Options::default())
}

/// The names of the functions that a fixture defines with a verdict.
fn verdicts(text: &str) -> Vec<(String, bool)> {
    let mut names: Vec<(String, bool)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#', '/'])) {
        let Some((head, _)) = line.split_once('(') else { continue };
        let name = head.rsplit([' ', '*']).next().unwrap_or("").to_owned();
        if name.ends_with("_bad") || name.ends_with("_ok") {
            names.push((name.clone(), name.ends_with("_bad")));
        }
    }
    names
}

fn all_fixes(leaks: &[Leak], text: &str) -> String {
    let mut functions: Vec<&str> = Vec::new();
    let mut edits = Vec::new();
    for leak in leaks {
        let fix = leak.fix.as_ref().unwrap_or_else(|| panic!("{}: {:?}", leak.function, leak.no_fix_reason));
        if !functions.contains(&leak.function.as_str()) {
            functions.push(&leak.function);
            edits.extend(fix.edits.iter().cloned());
        }
    }
    edit::apply(text, &edits).expect("fixes of different functions do not overlap")
}

#[test]
fn every_fixture_function_gets_its_verdict() {
    for name in FIXTURES {
        let text = fixture(name);
        let told = analyze(name, &text).findings;
        for (function, bad) in verdicts(&text) {
            let found = told.iter().filter(|leak| leak.function == function).count();
            assert_eq!(found, usize::from(bad), "{name}: {function}");
        }
    }
}

#[test]
fn what_no_patch_is_safe_for_is_told_with_the_reason() {
    let text = fixture("unpatched.c");
    let told = analyze("unpatched.c", &text).findings;
    for (function, bad) in verdicts(&text) {
        let found: Vec<&Leak> = told.iter().filter(|leak| leak.function == function).collect();
        assert_eq!(found.len(), usize::from(bad), "{function}");
        for leak in found {
            assert!(leak.fix.is_none() && leak.no_fix_reason.is_some(), "{function}: {:?}", leak.fix);
        }
    }
}

/// The patch of the only finding.
fn only_diff(text: &str) -> String {
    let analysis = analyze("text.c", text);
    let [leak] = analysis.findings.as_slice() else { panic!("one finding, not {:?}", analysis.findings) };
    leak.fix.as_ref().unwrap_or_else(|| panic!("{:?}", leak.no_fix_reason)).diff.clone()
}

#[test]
fn the_address_of_a_pointer_is_cast_for_a_release_that_takes_any() {
    let text = "void box_free(void **box) { free(*box); *box = NULL; }\n\
        int f(int a) {\n    char *text = malloc(8);\n    if (text == NULL)\n        return 1;\n    if (a)\n        return 2;\n    \
        box_free((void **)&text);\n    return 0;\n}\n";
    assert!(only_diff(text).contains("+        box_free((void **)&text);"), "{}", only_diff(text));
}

#[test]
fn what_an_unknown_function_makes_of_a_structure_is_a_use_of_it() {
    let text = "struct tree { int size; };\n\
        struct tree *tree_new(void) { return calloc(1, sizeof(struct tree)); }\n\
        void tree_free(struct tree *tree) { free(tree); }\n\
        struct node *tree_find(struct tree *tree, int key);\n\
        int f(int key) {\n    struct tree *root = tree_new();\n    struct node *first;\n\n    if (root == NULL)\n        return -1;\n    \
        if (key == 0) {\n        tree_free(root);\n        return 0;\n    }\n    first = tree_find(root, key);\n    \
        key = node_number(first);\n    show(key);\n    return 0;\n}\n";
    let diff = only_diff(text);
    assert!(diff.contains(" show(key);\n+    tree_free(root);\n"), "{diff}");
}

#[test]
fn the_workers_buffer_is_released_after_its_last_use() {
    let text = fixture("worker.c");
    let analysis = analyze("worker.c", &text);
    let [leak] = analysis.findings.as_slice() else { panic!("one finding, not {:?}", analysis.findings) };
    assert_eq!((leak.line, leak.variable.as_str(), leak.function.as_str()), (24, "buffer", "main"));
    let fix = leak.fix.as_ref().expect("a fix");
    insta::assert_snapshot!(fix.diff, @r"
    --- a/worker.c
    +++ b/worker.c
    @@ -25,6 +25,7 @@
             if (buffer == NULL)
                 return 1;
             process_work(buffer);
    +        free(buffer);
             sleep(1);
         }
         return 0;
    ");
}

#[test]
fn a_patched_fixture_is_quiet_and_patching_twice_changes_nothing() {
    for name in FIXTURES {
        let text = fixture(name);
        let after = all_fixes(&analyze(name, &text).findings, &text);
        let again = analyze(name, &after);
        assert!(again.findings.is_empty(), "{name}: {:?}", again.findings);
    }
}

#[test]
fn a_pointer_to_const_is_released_through_a_cast() {
    let text = "#include <string.h>\nint f(const char *name)\n{\n    const char *copy = strdup(name);\n    \
                if (copy == NULL)\n        return -1;\n    return copy[0] == 'x' ? 1 : 2;\n}\n";
    let told = analyze("f.c", text).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    let fix = leak.fix.as_ref().expect("a fix");
    assert!(fix.diff.contains("free((void *)copy);"), "{}", fix.diff);
}

/// What the result is made with is released once the result is known, and not before.
#[test]
fn a_result_waits_for_the_release_of_what_it_is_made_with() {
    let text = fixture("templates.c");
    let told = analyze("templates.c", &text).findings;
    let fix_of = |name: &str| {
        let leak = told.iter().find(|leak| leak.function == name).expect("it is told");
        leak.fix.as_ref().expect("a fix").diff.clone()
    };
    let fixes = fix_of("measured_bad") + &fix_of("measured_again_bad");
    let changed: Vec<&str> =
        fixes.lines().filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++")).collect();
    insta::assert_snapshot!(changed.join("\n"), @r"
    --- a/templates.c
    +    int ret;
    -    return (int)strlen(copy);
    +    ret = (int)strlen(copy);
    +    free(copy);
    +    return ret;
    --- a/templates.c
    -        return (strlen(copy) + ret);
    +        ret = strlen(copy) + ret;
    +        free(copy);
    +        return ret;
    ");
}

/// The only branch of an `if` without braces has no room for it, a type without a name cannot be said again, and a pointer may lead
/// into what is released.
#[test]
fn a_result_that_cannot_wait_is_left_alone() {
    let bare =
        "int f(const char *name)\n{\n\tchar *copy = strdup(name);\n\tif (copy)\n\t\treturn copy[0];\n\treturn 0;\n}\n";
    let unnamed =
        "struct { int a; } f(const char *name)\n{\n\tchar *copy = strdup(name);\n\treturn pair_of(copy[0]);\n}\n";
    let within = "char *f(const char *name)\n{\n\tchar *copy = strdup(name);\n\treturn part_of(copy[0]);\n}\n";
    let marked = "API int f(const char *name)\n{\n\tchar *copy = strdup(name);\n\treturn part_of(copy[0]);\n}\n";
    for text in [bare, unnamed, within, marked] {
        let told = analyze("f.c", &format!("#include <string.h>\n{text}")).findings;
        let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
        assert!(leak.fix.is_none(), "{:?}", leak.fix);
    }
}

/// A pointer or an array that is called like a result is none.
#[test]
fn a_result_waits_in_a_variable_of_its_own_type() {
    for other in ["*ret", "ret[2]", "*ret = 0"] {
        let text = format!(
            "int f(const char *name)\n{{\n\tint {other};\n\tchar *copy = strdup(name);\n\treturn part_of(copy[0], ret);\n}}\n"
        );
        let told = analyze("f.c", &text).findings;
        let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
        let fix = leak.fix.as_ref().expect("a fix");
        assert!(fix.diff.contains("+\tint rc;\n") && fix.diff.contains("+\trc = part_of"), "{}", fix.diff);
    }
}

/// Two structures come from one allocator: what empties the one does not take the other.
#[test]
fn what_releases_a_structure_is_not_called_with_another() {
    let text = "struct box { char *name; int id; };\nvoid box_drop(struct box *b)\n{\n\tif (!b)\n\t\treturn;\n\tfree(b->name);\n\tfree(b);\n}\n\
                int make(struct box **to)\n{\n\tLid *lid = malloc(sizeof(*lid));\n\tstruct box *box;\n\tif (!lid)\n\t\treturn -1;\n\
                \tlid->id = 1;\n\tbox = malloc(sizeof(*box));\n\tif (!box)\n\t\treturn -1;\n\tbox->id = lid->id;\n\tbox->name = 0;\n\
                \tif (box->id < 0) {\n\t\tbox_drop(box);\n\t\treturn -1;\n\t}\n\t*to = box;\n\treturn 0;\n}\n";
    let told = analyze("box.c", text).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    let fix = leak.fix.as_ref().expect("a fix");
    assert!(fix.diff.contains("free(lid);") && !fix.diff.contains("box_drop(lid)"), "{}", fix.diff);
}

/// A variable and what is done with it may stand under one condition that is written twice.
#[test]
fn conditions_that_are_written_alike_are_one() {
    let text = "#include <string.h>\nint f(const char *name)\n{\n#ifdef WITH_COPY\n\tchar *copy;\n#else // none\n\tint none;\n#endif\n\
                #ifdef WITH_COPY // as above\n\tcopy = strdup(name);\n\tif (!copy)\n\t\treturn -1;\n\tlook(copy[0]);\n\treturn 1;\n#endif\n\treturn 0;\n}\n";
    let told = analyze("f.c", text).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    assert!(leak.fix.is_some(), "{:?}", leak.no_fix_reason);
}

#[test]
fn line_ends_and_tabs_stay_as_they_are() {
    let text = fixture("templates.c").replace("    ", "\t").replace('\n', "\r\n");
    let after = all_fixes(&analyze("templates.c", &text).findings, &text);
    assert!(after.split('\n').rev().skip(1).all(|line| line.ends_with('\r')), "a bare line end was written");
    assert!(!after.lines().any(|line| line.starts_with(' ') && line.trim_start().starts_with("free")), "{after}");
}

#[test]
fn a_function_of_another_file_is_known_and_the_order_of_files_does_not_matter() {
    let maker = file("maker.c", "#include <stdlib.h>\nchar *make(void)\n{\n\treturn malloc(4);\n}\n");
    let text = "char *make(void);\nint use(int n)\n{\n\tchar *p = make();\n\tif (n)\n\t\treturn 1;\n\tfree(p);\n\treturn 0;\n}\n";
    let user = file("user.c", text);
    let one = c::analyze(vec![maker.clone(), user.clone()], &Options::default());
    let two = c::analyze(vec![user, maker], &Options::default());
    assert_eq!(one.findings, two.findings);
    assert_eq!(one.findings.iter().map(|leak| (leak.file.as_str(), leak.line)).collect::<Vec<_>>(), [("user.c", 4)]);
}

#[test]
fn a_member_given_in_one_file_and_forgotten_in_another_is_told_where_it_is_forgotten() {
    let header = file("node.h", "struct node { char *name; char *tag; };\n");
    let giver = "#include \"node.h\"\nvoid node_set(struct node *n, const char *to)\n{\n\tfree(n->tag);\n\tn->tag = strdup(to);\n\tfree(n->name);\n\tn->name = strdup(to);\n}\n";
    let end = "#include \"node.h\"\nvoid node_free (struct node *n)\n{\n\tfree (n->name);\n\tfree (n);\n}\n";
    let files = vec![header, file("giver.c", giver), file("node.c", end)];
    let findings = c::analyze(files, &Options::default()).findings;
    let [leak] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
    assert_eq!((leak.file.as_str(), leak.variable.as_str(), leak.line), ("node.c", "n->tag", 5));
    assert!(leak.trace[0].note.ends_with("(giver.c:5)"), "{:?}", leak.trace);
    let fix = leak.fix.as_ref().expect("a fix");
    assert!(fix.diff.contains("+\tfree (n->tag);\n \tfree (n);"), "{}", fix.diff);
}

/// What fills the siblings of a forgotten member, and what its name is elsewhere, only the rest of the tree can say.
#[test]
fn a_report_of_one_file_knows_what_fills_its_members_in_others() {
    const HEADER: &str = "
struct text { char *bytes; };
struct item { struct text name; struct text path; struct text owner; struct text flags; };
void text_set(struct text *text, const char *bytes);
void text_free(struct text *text);
";
    let with_header =
        |path: &str, body: &str| file(path, &format!("#include <stdlib.h>\n#include <string.h>\n{HEADER}{body}"));
    let files = vec![
        with_header(
            "item.c",
            "void item_free(struct item *item)\n{\n    text_free(&item->name);\n    text_free(&item->path);\n    text_free(&item->owner);\n    free(item);\n}\n",
        ),
        with_header(
            "text.c",
            "void text_set(struct text *text, const char *bytes)\n{\n    free(text->bytes);\n    text->bytes = strdup(bytes);\n}\nvoid text_free(struct text *text)\n{\n    free(text->bytes);\n    text->bytes = NULL;\n}\n",
        ),
        with_header(
            "fill.c",
            "void item_fill(struct item *item, const char *line)\n{\n    text_set(&item->name, line);\n    text_set(&item->path, line);\n    text_set(&item->flags, line);\n}\n",
        ),
    ];
    let found = |only: &[&str]| {
        let options = Options { only: only.iter().map(|path| (*path).to_owned()).collect(), ..Options::default() };
        let leaks = c::analyze(files.clone(), &options).findings;
        leaks.iter().map(|leak| leak.variable.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["item->flags"]);
    assert_eq!(found(&["item.c"]), found(&[]));
}

#[test]
fn a_test_that_ends_at_an_expectation_leaves_its_memory_to_nobody() {
    let text = "#define EXPECT(what) do { if (!(what)) return -1; } while (0)\nint look(const char *text);\nint run(void)\n{\n\tchar *copy = strdup(\"a\");\n\tif (!copy)\n\t\treturn -1;\n\tEXPECT(copy[0] == 'a');\n\tfree(copy);\n\treturn 0;\n}\n";
    assert_eq!(analyze("src/run.c", text).findings.len(), 1);
    assert_eq!(analyze("tests/run.c", text).findings, []);
    assert_eq!(analyze("src/run_test.c", text).findings, []);
}

/// Nearly everybody loses what it gives: then it is not understood what becomes of that.
#[test]
fn what_everybody_loses_is_told_of_nobody() {
    let lost = |functions: usize, released: usize| {
        let mut text = "char *made_of(int n)\n{\n\treturn malloc(n);\n}\n".to_owned();
        for number in 0..functions {
            text += &format!("int loser_{number}(int n)\n{{\n\tchar *p = made_of(n);\n\treturn p ? 1 : n;\n}}\n");
        }
        for number in 0..released {
            text += &format!("int user_{number}(int n)\n{{\n\tchar *p = made_of(n);\n\tfree(p);\n\treturn n;\n}}\n");
        }
        analyze("a.c", &text).findings.len()
    };
    assert_eq!(lost(3, 0), 3);
    assert_eq!(lost(12, 0), 0);
    assert_eq!(lost(12, 3), 12);
}

/// A macro opens the function around it, so its statements belong to no body: what they release or set, nobody can say.
#[test]
fn what_code_outside_bodies_reaches_is_left_alone() {
    let text = "struct box { char *name; char *tag; };\n#define CALLBACK(name, arg) static int name(void *it) { arg = it;\n\
                void box_set(struct box *b, const char *to)\n{\n\tb->tag = strdup(to);\n\tb->name = strdup(to);\n}\n\
                void box_free(struct box *b)\n{\n\tfree(b->name);\n\tfree(b);\n}\n";
    assert_eq!(analyze("box.c", text).findings.len(), 1);
    let stray = format!("{text}CALLBACK(stop, struct box *b)\n\tfree(b->tag);\n\treturn 0;\n}}\n");
    assert_eq!(analyze("box.c", &stray).findings, []);
    let text = "static int wanted;\nint look(const char *text);\nint run(const char *from)\n{\n\tchar *copy = strdup(from);\n\tif (!copy)\n\t\treturn -1;\n\tif (wanted)\n\t\treturn 1;\n\tfree(copy);\n\treturn 0;\n}\n";
    assert_eq!(analyze("run.c", text).findings, [], "nobody ever wants it");
    assert_eq!(analyze("run.c", &format!("{text}BEGIN_LOAD\n\twanted = 1;\nEND_LOAD\n")).findings.len(), 1);
    let table = "static struct option options[] = { { \"wanted\", 0, &wanted, 1 } };\n";
    assert_eq!(analyze("run.c", &text.replacen('\n', &format!("\n{table}"), 1)).findings.len(), 1);
}

/// Where a function is declared and called and has no body in the tree, there are sources of another kind, which may write what
/// is not static.
#[test]
fn a_global_may_be_written_by_sources_that_are_not_there() {
    let text = "int wanted = 0;\nint run(const char *from)\n{\n\tchar *copy = strdup(from);\n\tif (!copy)\n\t\treturn -1;\n\tif (wanted)\n\t\treturn 1;\n\tfree(copy);\n\treturn 0;\n}\n";
    assert_eq!(analyze("run.c", text).findings, []);
    let parser = "int yyparse(void);\nint read_all(void)\n{\n\treturn yyparse();\n}\n";
    assert_eq!(analyze("run.c", &format!("{text}{parser}")).findings.len(), 1);
}

/// What the compiler would not take is not offered: a union's members share one name in the engine.
#[test]
fn a_place_that_the_function_does_not_spell_is_not_released() {
    let text = "struct other { union { void *any; char *text; } value; };\nstruct box { union { char *text; int *number; } value; int kind; };\n\
                static void box_set(struct box *b, const char *to)\n{\n\tb->value.text = strdup(to);\n}\n\
                int use(const char *to)\n{\n\tstruct box b;\n\tbox_set(&b, to);\n\treturn b.kind;\n}\n";
    for leak in analyze("box.c", text).findings {
        assert!(leak.fix.is_none(), "{:?}", leak.fix);
    }
}

/// Where a structure is not known, its members are taken for what members of their names are elsewhere; but an array is never
/// given a value.
#[test]
fn a_member_that_is_given_a_value_is_no_array() {
    let text = "struct line { char data[8]; };\nint f(int n)\n{\n\toutside own;\n\town.data = malloc(n);\n\tif (!own.data)\n\t\treturn -1;\n\
                \tmemset(own.data, 0, n);\n\tfree(own.data);\n\treturn 0;\n}\n";
    assert_eq!(analyze("f.c", text).findings, []);
}

/// A test that stands in for the library in the same file only fails: the library's own body is meant.
#[test]
fn a_body_that_only_fails_stands_for_no_other() {
    let library = "char *text_of(int n)\n{\n\treturn n ? \"some\" : 0;\n}\n";
    let user = "int look(const char *text);\nint run(const char *from)\n{\n\tchar *copy = strdup(from);\n\tif (!copy)\n\t\treturn -1;\n\
                \tlook(text_of(1));\n\tif (copy[0] == 'x')\n\t\treturn 1;\n\tfree(copy);\n\treturn 0;\n}\n\
                #ifdef UNIT_TEST\nchar *text_of(int n)\n{\n\tassert(0);\n}\n#endif\n";
    let files = vec![file("library.c", library), file("user.c", user)];
    assert_eq!(c::analyze(files, &Options::default()).findings.len(), 1);
}

/// A test that says `#define static` to reach the functions of another file speaks of itself alone: a static local keeps what
/// it is given.
#[test]
fn a_keyword_is_a_keyword_whatever_another_file_makes_of_it() {
    let cached = "#include <string.h>\nchar *name_of(const char *from)\n{\n\tstatic char *name;\n\tif (!name)\n\t\tname = strdup(from);\n\
                  \treturn name;\n}\nint look(const char *text);\nint use(const char *from)\n{\n\tchar *n = name_of(from);\n\treturn n ? n[0] : 0;\n}\n";
    let files = vec![file("name.c", cached), file("test.c", "#define static\n#include \"name.c\"\n")];
    assert_eq!(c::analyze(files, &Options::default()).findings, []);
    let lost = cached.replace("static char", "char");
    assert_eq!(analyze("name.c", &lost).findings.len(), 1);
}

/// Where a library is lacking, its functions are put down to nothing: whoever has it keeps what is given to it.
#[test]
fn a_macro_that_does_nothing_is_not_what_a_known_function_does() {
    let header =
        "#ifdef HAVE_JSON\n#include <json.h>\n#else\n#define json_object_object_add(o, k, v) ((void)(v))\n#endif\n";
    let body = "int show(struct json_object *root)\n{\n\tstruct json_object *item = json_object_new_object();\n\
                \tjson_object_object_add(root, \"item\", item);\n\treturn 0;\n}\n";
    assert_eq!(analyze("show.c", &format!("{header}{body}")).findings, []);
    assert_eq!(
        analyze("show.c", &body.replace("object_add(root, \"item\", item)", "get_type(item)")).findings.len(),
        1
    );
}

/// What a library's macro does with a member that it is told by name cannot be seen, whatever else it is told.
#[test]
fn a_member_that_a_macro_is_told_by_name_is_left_alone() {
    let text = "struct box { char *label; char *name; };\ntypedef struct box Box;\n\
                void box_set(Box *box, const char *text)\n{\n    free(box->label);\n    box->label = strdup(text);\n\
                    free(box->name);\n    box->name = strdup(text);\n}\n\
                void box_declare(void *properties)\n{\n    DECLARE(properties, Box, label, .readable = 1);\n}\n\
                static void finalize(void *object)\n{\n    Box *box = private_of(object);\n    free(box->name);\n    \
                    PARENT(object)->finalize(object);\n}\n";
    assert_eq!(analyze("box.c", text).findings, []);
    let untold = text.replace("Box, label, .readable = 1", "PROPERTY_LABEL");
    let told = analyze("box.c", &untold).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    assert_eq!((leak.function.as_str(), leak.variable.as_str()), ("finalize", "box->label"));
}

/// `G_DECLARE_FINAL_TYPE(Box, box, …)` declares `Box` for `struct _Box`.
#[test]
fn a_type_that_only_a_macro_declares_is_the_structure_of_its_name() {
    let text = "G_DECLARE_FINAL_TYPE(Box, box, MY, BOX, Object)\nstruct _Box { char *label; char *name; };\n\
                void box_set(Box *box, const char *text)\n{\n    free(box->label);\n    box->label = strdup(text);\n\
                    free(box->name);\n    box->name = strdup(text);\n}\n\
                static void finalize(void *object)\n{\n    Box *box = MY_BOX(object);\n    free(box->name);\n    \
                    PARENT(object)->finalize(object);\n}\n";
    assert_eq!(analyze("box.c", text).findings.len(), 1);
}

/// Nobody writes a call that always fails: where one library's function asserts what another's of that name does not ask
/// for, callers that give it null mean the other one.
#[test]
fn a_call_with_null_that_would_always_fail_means_another_function() {
    let library = "void note(struct context *context, const char *text)\n{\n    assert(context);\n    keep(context, text);\n    \
                   keep(context, text);\n}\n";
    let program = "int copy(const char *from)\n{\n    char *text = strdup(from);\n    if (text == NULL)\n        return -1;\n    \
                   if (text[0] == 'x') {\n        note(NULL, \"x\");\n        return -2;\n    }\n    free(text);\n    return 0;\n}\n";
    let told = c::analyze(vec![file("note.c", library), file("copy.c", program)], &Options::default()).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    assert_eq!((leak.file.as_str(), leak.line, leak.lost_at), ("copy.c", 3, 8));
}

/// What also hangs too deep in the caller's memory to be told is not the caller's alone.
#[test]
fn memory_that_also_hangs_out_of_sight_is_not_handed_out() {
    let text = "int fill(struct reader *reader, char **out)\n{\n    struct cache *cache = reader->format->data;\n    \
                if (cache->buffer == NULL)\n        cache->buffer = malloc(100);\n    if (cache->buffer == NULL)\n        \
                return -1;\n    *out = cache->buffer;\n    return 0;\n}\n\
                int show(struct reader *reader)\n{\n    char *out = NULL;\n    if (fill(reader, &out) != 0)\n        \
                return -1;\n    puts(out);\n    return 0;\n}\n";
    assert_eq!(analyze("show.c", text).findings, []);
    let own = text.replace("    if (cache->buffer == NULL)\n        cache->buffer = malloc(100);\n", "").replace(
        "    if (cache->buffer == NULL)\n        return -1;\n    *out = cache->buffer;",
        "    *out = malloc(100);\n    if (*out == NULL)\n        return -1;",
    );
    assert_eq!(analyze("show.c", &own).findings.len(), 1);
}

/// The members of a union share their storage, and the patch says the one that the function says.
#[test]
fn a_member_of_a_union_is_released_by_the_name_that_the_function_says() {
    let text = "struct value { union { unsigned char small; struct { char *v; int n; } text; struct { char *v; } data; } of; };\n\
                int make(int n)\n{\n    struct value value;\n    value.of.data.v = malloc(n);\n    if (value.of.data.v == NULL)\n        \
                return -1;\n    if (n > 3)\n        return 1;\n    free(value.of.data.v);\n    return 0;\n}\n";
    let told = analyze("make.c", text).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    let fix = leak.fix.as_ref().expect("a fix");
    assert!(fix.diff.contains("+        free(value.of.data.v);"), "{}", fix.diff);
}

/// Where a function has more outcomes than are told one by one, a number that one of them writes may be any number.
#[test]
fn a_number_that_one_of_many_outcomes_writes_may_be_any() {
    let case = |n: u32| format!("    case {n}:\n        *kind = {n};\n        return 1;\n");
    let cases: String = (0..20).map(case).collect();
    let text = format!(
        "int parse(const char *text, int *kind)\n{{\n    switch (text[0]) {{\n{cases}    }}\n    return -1;\n}}\n\
         int read(const char *text)\n{{\n    int kind = 0;\n    char *copy = malloc(10);\n    if (copy == NULL)\n        \
         return -1;\n    if (parse(text, &kind) < 0) {{\n        free(copy);\n        return -1;\n    }}\n    \
         if (kind == 7)\n        return 7;\n    free(copy);\n    return 0;\n}}\n"
    );
    let told = analyze("read.c", &text).findings;
    assert_eq!(told.iter().map(|leak| leak.variable.as_str()).collect::<Vec<_>>(), ["copy"]);
}

/// Members that are released before what holds them get the cast that a pointer to const needs, and stand as the block does, not
/// as a label.
#[test]
fn what_hangs_below_is_released_with_a_cast_and_within_its_block() {
    let text = "#include <stdlib.h>\n#include <string.h>\nstruct pair { const char *name; int size; };\n\
                void use(struct pair *pair);\nvoid show(const char *name)\n{\n    struct pair *pair = calloc(1, sizeof(*pair));\n    \
                if (pair == NULL)\n        exit(1);\n    pair->name = strdup(name);\n    if (name[0] == 'x')\n        goto end;\n    \
                puts(pair->name);\nend: ;\n}\n";
    let told = analyze("show.c", text).findings;
    let leak = told.iter().find(|leak| leak.variable == "pair").unwrap_or_else(|| panic!("{told:?}"));
    let fix = leak.fix.as_ref().unwrap_or_else(|| panic!("{:?}", leak.no_fix_reason));
    assert!(fix.diff.contains("+    free((void *)pair->name);\n+    free(pair);\n }"), "{}", fix.diff);
}

/// A structure that has a stream mostly has its descriptor, too, and may have closed that long before.
#[test]
fn a_stream_that_a_destructor_forgets_is_told_and_left_alone() {
    let text = "struct line { FILE *read; char *buffer; int fd; };\n\
                struct line *line_new(int fd)\n{\n    struct line *line = calloc(1, sizeof(*line));\n    if (line == NULL)\n        \
                exit(1);\n    line->fd = fd;\n    line->read = fdopen(fd, \"r\");\n    line->buffer = strdup(\"\");\n    \
                return line;\n}\nvoid line_free(struct line *line)\n{\n    close(line->fd);\n    free(line->buffer);\n    free(line);\n}\n";
    let told = analyze("line.c", text).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    assert_eq!((leak.variable.as_str(), leak.fix.is_none()), ("line->read", true));
    let other = text.replace("fdopen(fd, \"r\")", "fopen(\"name\", \"r\")");
    assert!(analyze("line.c", &other).findings.iter().all(|leak| leak.fix.is_some()));
}

/// A function whose header is included under a condition is not there without it.
#[test]
fn a_release_that_some_configuration_lacks_is_not_called_in_it() {
    let body = "struct plugin *load(const char *name, int other)\n{\n    struct plugin *plugin = NULL;\n#ifdef HAVE_PYTHON\n    \
                plugin = python_create(name);\n#endif\n#ifdef HAVE_C\n    if (other)\n        plugin = c_create(name);\n#endif\n    \
                return plugin;\n}\n";
    let uses = "#ifdef HAVE_PYTHON\nvoid stop(struct plugin *plugin)\n{\n    python_destroy(plugin);\n}\n#endif\n";
    let python = "struct plugin *python_create(const char *name)\n{\n    struct plugin *plugin = malloc(10);\n    if (plugin == NULL)\n        \
                  abort();\n    use(name);\n    return plugin;\n}\nvoid python_destroy(struct plugin *plugin)\n{\n    free(plugin);\n}\n";
    let fix = |text: String| {
        let files = vec![file("load.c", &text), file("python.c", python)];
        let told = c::analyze(files, &Options::default()).findings;
        let leak = told.into_iter().find(|leak| leak.function == "load").expect("a finding");
        leak.fix.map(|fix| fix.diff)
    };
    assert_eq!(fix(format!("{uses}{body}")), None);
    let everywhere = format!("{uses}{body}")
        .replace("#ifdef HAVE_PYTHON\n", "")
        .replace("#ifdef HAVE_C\n", "")
        .replace("#endif\n", "");
    assert!(fix(everywhere).expect("a fix").contains("python_destroy(plugin);"));
}

#[test]
fn one_file_alone_is_reported_when_asked_for() {
    let text = fixture("templates.c");
    let files = vec![file("a.c", &text), file("b.c", &text.replace("main", "other_main"))];
    let options = Options { only: vec!["b.c".to_owned()], ..Options::default() };
    let analysis = c::analyze(files, &options);
    assert!(!analysis.findings.is_empty() && analysis.findings.iter().all(|leak| leak.file == "b.c"));
}

/// Compiles and runs a program under the sanitizers; `None` where the compiler has none.
fn run_sanitized(name: &str, text: &str) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let source: PathBuf = folder.path().join(name);
    let program = folder.path().join("program");
    std::fs::write(&source, text).expect("the folder is writable");
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-g", "-fsanitize=address,leak", "-o"])
        .args([&program, &source])
        .output()
        .ok()?;
    if !compiled.status.success() {
        let why = String::from_utf8_lossy(&compiled.stderr).into_owned();
        assert!(why.contains("sanitize") || why.contains("asan"), "{name} does not compile: {why}");
        return None;
    }
    let ran = Command::new(&program).env("ASAN_OPTIONS", "detect_leaks=1").output().ok()?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    // Where tracing is forbidden, the leak checker says so and checks nothing.
    (!said.contains("LeakSanitizer has encountered a fatal error")).then(|| (ran.status.success(), said))
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was skipped")]
fn patched_programs_run_clean_under_the_sanitizers() {
    let mut skipped = 0;
    for name in [
        "templates.c",
        "summaries.c",
        "places.c",
        "destructors.c",
        "structures.c",
        "macros.c",
        "crowded.c",
        "containers.c",
        "outputs.c",
    ] {
        let text = fixture(name);
        let after = all_fixes(&analyze(name, &text).findings, &text);
        match (run_sanitized(name, &text), run_sanitized(name, &after)) {
            (Some((before_clean, _)), Some((after_clean, said))) => {
                assert!(!before_clean, "{name} leaks before it is patched, or the sanitizer is blind");
                assert!(after_clean, "{name}, patched: {said}");
            }
            _ => skipped += 1,
        }
    }
    if skipped > 0 {
        eprintln!("skipped {skipped} programs: no compiler with sanitizers");
    }
}
