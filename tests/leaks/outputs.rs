//! What functions hand out and take: the numbers by which they tell that they did not, what releases it, and who may keep it.

use super::{analyze, c, file};
use pagerduty_incident_responder::c::Options;

/// The numbers of a table of errors are in a file that only a build makes.
#[test]
fn the_number_of_an_error_table_is_never_a_success() {
    let text = "int get(char **to, int n)\n{\n    if (n > 3)\n        return BOX_ET_TOO_LARGE;\n    *to = malloc(n);\n    \
                return *to ? 0 : BOX_ET_NO_MEMORY;\n}\n\
                int use(int n)\n{\n    char *box;\n    int error = get(&box, n);\n\n    if (error == BOX_ET_NO_MEMORY)\n        \
                return -1;\n    if (error)\n        return -2;\n    n = box[0];\n    free(box);\n    return n;\n}\n";
    assert_eq!(analyze("box.c", text).findings, []);
    let lost = text.replace("    free(box);\n", "");
    assert_eq!(analyze("box.c", &lost).findings.len(), 1);
}

/// One file includes the other: what ends a structure there does not take an array of numbers.
#[test]
fn what_releases_a_structure_of_an_included_file_is_not_called_with_numbers() {
    let common = "typedef int offset;\ntypedef struct automaton { int *nodes; } automaton;\nstruct pairs { offset *start, *end; };\n\
                  #define resized(p, type, n) ((type *)realloc(p, (n) * sizeof(type)))\n#define let_go(p) free(p)\n";
    let compile = "static void automaton_free(automaton *it)\n{\n    let_go(it->nodes);\n    let_go(it);\n}\n\
                   int automaton_init(automaton **to)\n{\n    automaton *it = *to;\n\n    it = resized(*to, automaton, 1);\n    \
                   if (it == NULL)\n        return -1;\n    *to = it;\n    if (it->nodes == NULL) {\n        automaton_free(it);\n        \
                   *to = NULL;\n        return -2;\n    }\n    return 0;\n}\n";
    let run = "int copy_pairs(struct pairs *pairs, int n)\n{\n    offset *start = resized(NULL, offset, n);\n    \
               offset *end = resized(NULL, offset, n);\n\n    if (start == NULL || end == NULL)\n        return -1;\n    \
               pairs->start = start;\n    pairs->end = end;\n    return 0;\n}\n";
    let files = vec![file("common.h", common), file("compile.c", compile), file("run.c", run)];
    let told = c::analyze(files, &Options::default()).findings;
    let fixes: Vec<String> = told.iter().filter_map(|leak| Some(leak.fix.as_ref()?.diff.clone())).collect();
    assert!(!told.is_empty() && !fixes.concat().contains("automaton_free"), "{told:?}");
    assert!(fixes.iter().any(|diff| diff.contains("+        free(start);")), "{fixes:?}");
}

/// `LIST_ADD(const char *, item);` is read as a type, and may be anything.
#[test]
fn a_macro_that_takes_a_type_and_is_not_defined_may_keep_what_it_is_given() {
    let text = "int add(const char *from)\n{\n    char *item = strdup(from);\n\n    if (item == NULL)\n        return -1;\n    \
                LIST_ADD(const char *, item);\n    return 0;\n}\n";
    assert_eq!(analyze("add.c", text).findings, []);
    assert_eq!(analyze("add.c", &text.replace("LIST_ADD(const char *, item);", "puts(item);")).findings.len(), 1);
}

/// A header of one library makes `abort` nothing, for a system that it is built on without the C library.
#[test]
fn what_ends_the_program_does_so_whatever_one_header_makes_of_it() {
    let header = "#define abort() /* as nothing */\n";
    let text = "void fail(const char *what)\n{\n    puts(what);\n    abort();\n}\n\
                int use(int n)\n{\n    char *box = malloc(n);\n\n    if (box == NULL)\n        return -1;\n    if (n == 7)\n    {\n        \
                fail(\"seven\");\n        return 7;\n    }\n    free(box);\n    return 0;\n}\n";
    let files = vec![file("port/port.h", header), file("use.c", text)];
    assert_eq!(c::analyze(files, &Options::default()).findings, []);
    assert_eq!(analyze("use.c", &text.replace("abort", "pause")).findings.len(), 1);
}

/// The arrays of GLib, and a release of which the tree shows that it takes more than the pointer.
#[test]
fn arrays_of_glib_are_released_by_what_takes_them_alone() {
    let text = "GPtrArray *names(void)\n{\n    GPtrArray *all = g_ptr_array_new();\n\n    g_ptr_array_add(all, g_strdup(\"a\"));\n    \
                if (g_ptr_array_index(all, 0) == NULL)\n        return NULL;\n    return all;\n}\n";
    let diff = super::only_diff(text);
    assert!(diff.contains("+        g_ptr_array_unref(all);"), "{diff}");
    let other = "void drop(GPtrArray *all)\n{\n    g_ptr_array_free(all, TRUE);\n}\n\
                 void use(int n)\n{\n    GPtrArray *all = g_ptr_array_new();\n\n    g_ptr_array_free(all, n);\n}\n";
    let told = analyze("names.c", &format!("{other}{text}")).findings;
    let [leak] = told.as_slice() else { panic!("one finding, not {told:?}") };
    assert!(leak.fix.is_none(), "{:?}", leak.fix);
}

/// What a macro is handed is read as if it stood by itself: behind it, nothing seems to be come to.
#[test]
fn no_patch_is_offered_where_a_macro_is_handed_a_jump() {
    let text = "int serve(int n)\n{\n    char *box = malloc(n);\n    int ret = 0;\n\n    if (box == NULL)\n        return -1;\n    \
                if (n > 3) {\n        ret = -2;\n        goto out;\n    }\n    CHECK(n == 7, \"seven\", ret = -1; goto out);\n    \
                free(box);\nout:\n    return ret;\n}\n";
    let jump = analyze("serve.c", text).findings;
    assert!(jump.iter().all(|leak| leak.fix.is_none()), "{jump:?}");
    let plain = analyze("serve.c", &text.replace("CHECK(n == 7, \"seven\", ret = -1; goto out);", "look(n);")).findings;
    assert!(plain.len() == 1 && plain[0].fix.is_some(), "{plain:?}");
}

/// What adds to a string of GLib gives it back.
#[test]
fn a_string_of_glib_stays_what_it_is_when_something_is_added() {
    let text = "char *escape(const char *from)\n{\n    GString *to = g_string_new(\"\");\n\n    for (; *from; from++)\n        \
                to = *from == '&' ? g_string_append(to, \"&amp;\") : g_string_append_c(to, *from);\n    \
                return g_string_free(to, FALSE);\n}\n\
                int length(const char *from)\n{\n    GString *to = g_string_new(from);\n    int length;\n\n    \
                to = g_string_append(to, \".\");\n    length = to->len;\n    g_string_free(to, TRUE);\n    return length;\n}\n";
    assert_eq!(analyze("escape.c", text).findings, []);
    assert_eq!(analyze("escape.c", &text.replace("    g_string_free(to, TRUE);\n", "")).findings.len(), 1);
}
