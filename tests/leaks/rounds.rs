//! Loops and callbacks, what the parser tears apart, and which of several bodies a file means.

use super::{analyze, c, file};
use pagerduty_incident_responder::c::Options;

/// What a wrapper gives says whether its callee kept the value.
#[test]
fn a_wrapper_tells_on_which_result_a_value_is_kept() {
    let text = "struct chain { struct chain *next; void *value; };\n\
                static struct chain *insert_at(struct chain **place, void *value)\n{\n    struct chain *link;\n\n    \
                if (value == NULL)\n        return NULL;\n    link = calloc(1, sizeof(*link));\n    if (link == NULL)\n        \
                return NULL;\n    link->value = value;\n    link->next = *place;\n    *place = link;\n    return link;\n}\n\
                static struct chain *insert_first(struct chain **head, void *value)\n{\n    return insert_at(head, value);\n}\n\
                int keep(struct chain **head, const char *text)\n{\n    char *copy = strdup(text);\n\n    if (copy == NULL)\n        \
                return -1;\n    if (insert_first(head, copy) == NULL) {\n        free(copy);\n        return -2;\n    }\n    return 0;\n}\n";
    assert_eq!(analyze("keep.c", text).findings, []);
    assert_eq!(analyze("keep.c", &text.replace("        free(copy);\n", "")).findings.len(), 1);
}

/// `getline` says the size as well: a text need not end where it begins.
#[test]
fn the_size_that_getline_gives_is_not_what_it_was() {
    let text = "int kind(FILE *from)\n{\n    char *line = NULL;\n    size_t size = 0;\n    int kind;\n\n    \
                if (getline(&line, &size, from) == -1) {\n        free(line);\n        return -1;\n    }\n    \
                char *at = line, *end = line + size;\n    while (*at != '\\n' && at != end)\n        at++;\n    *at = 0;\n    \
                kind = line[0];\n    if (kind == 'T')\n        return 1;\n    free(line);\n    return 2;\n}\n";
    assert_eq!(analyze("kind.c", text).findings.len(), 1);
    assert_eq!(analyze("kind.c", &text.replace("        return 1;", "        kind = 1;")).findings, []);
}

/// A file means the body whose header it includes, and not another program's.
#[test]
fn of_several_bodies_a_file_means_the_one_whose_header_it_includes() {
    let first =
        "#include \"first-list.h\"\nvoid list_clear(struct list *l)\n{\n    free(l->head);\n    l->head = NULL;\n}\n";
    let second = "#include \"second-list.h\"\nint length;\nvoid list_clear(struct list *l)\n{\n    if (length > 3)\n        \
                  puts(\"long\");\n    if (length > 4)\n        puts(\"longer\");\n    puts(l->head);\n}\n";
    let user = |header: &str| {
        format!(
            "#include \"{header}\"\nstruct list {{ char *head; }};\nint use(int n)\n{{\n    struct list l;\n\n    \
             l.head = malloc(n);\n    if (l.head == NULL)\n        return -1;\n    list_clear(&l);\n    return 0;\n}}\n"
        )
    };
    let told = |header: &str| {
        let files = vec![file("first-list.c", first), file("second-list.c", second), file("use.c", &user(header))];
        let all = c::analyze(files, &Options::default()).findings;
        all.iter().filter(|leak| leak.function == "use").count()
    };
    assert_eq!((told("first-list.h"), told("second-list.h")), (0, 1));
}

/// `EV_A_ fd` is read as the parameter of a declaration, and the rest of the arguments as a statement.
#[test]
fn what_is_torn_off_an_unreadable_statement_belongs_to_it() {
    let text = "int once(struct base *base, int fd, int events)\n{\n    struct once *once = malloc(16);\n\n    \
                if (once == NULL)\n        return -1;\n    ev_once (EV_A_ fd, events & (READ | WRITE), later, (void *)once);\n    \
                return 0;\n}\n";
    assert_eq!(analyze("once.c", text).findings, []);
    assert_eq!(analyze("once.c", &text.replace("(void *)once", "(void *)base")).findings.len(), 1);
}

/// `#define EACH for (…)` opens a loop, and the function goes on behind its block.
#[test]
fn a_macro_without_parentheses_may_open_a_loop() {
    let text = "#define EACH3 for (c = 0; c < 3; c++)\nint sum(int n)\n{\n    int c, row, total = 0;\n    int *rows = calloc(n, 12);\n\n    \
                if (rows == NULL)\n        return -1;\n    for (row = 0; row < n; row++)\n        EACH3 rows[row] += c;\n    \
                for (row = 0; row < n; row++) {\n        EACH3 {\n            total += rows[row] * c;\n        }\n    }\n    \
                free(rows);\n    return total;\n}\n";
    assert_eq!(analyze("sum.c", text).findings, []);
    let lost = analyze("sum.c", &text.replace("    free(rows);\n", ""));
    let [leak] = lost.findings.as_slice() else { panic!("one finding, not {:?}", lost.findings) };
    assert!(leak.no_fix_reason.as_ref().is_some_and(|why| why.contains("EACH3")), "{:?}", leak.no_fix_reason);
}

/// Views are joined where there are many: what may still lead to what was released is remembered.
#[test]
fn nothing_is_released_that_a_member_of_the_caller_may_lead_to() {
    let text = "struct req { char *a, *b, *c; void *loop, *done; };\nint submit(void *loop, struct req *r);\n\
                int keep(void *loop, struct req *r, const char *a, const char *b, const char *c, void *done)\n{\n    \
                size_t la = a ? strlen(a) + 1 : 0, lb = b ? strlen(b) + 1 : 0, lc = c ? sizeof(*c) : 0, length = 0;\n    char *buf;\n\n    \
                if (r == NULL || (a == NULL && b == NULL))\n        return -1;\n    buf = malloc(la + lb + lc);\n    if (!buf)\n        \
                return -1;\n    if (loop)\n        submit(loop, NULL);\n    r->loop = loop;\n    r->a = r->b = r->c = NULL;\n    if (c) {\n        \
                r->c = memcpy(buf + length, c, sizeof(*c));\n        length += sizeof(*c);\n    }\n    if (b) {\n        \
                r->b = memcpy(buf + length, b, lb);\n        length += lb;\n    }\n    if (a)\n        \
                r->a = memcpy(buf + length, a, la);\n    if (done) {\n        submit(loop, r);\n        return 0;\n    }\n    \
                submit(loop, r);\n    return 1;\n}\n";
    let fixes = analyze("keep.c", text).findings.into_iter().filter_map(|leak| leak.fix);
    assert_eq!(fixes.map(|fix| fix.diff).collect::<Vec<_>>(), Vec::<String>::new());
}

/// A structure whose address was put elsewhere is looked into by whoever is called later.
#[test]
fn nothing_is_released_out_of_a_structure_that_others_were_led_to() {
    let text = "struct images { char *prefix; int number; };\nstruct draw { struct { void *context; } image; };\nint play(struct draw *draw);\n\
                int convert(struct draw *draw, const char *name)\n{\n    struct images images;\n\n    images.number = 0;\n    \
                images.prefix = strdup(name);\n    if (images.prefix == NULL)\n        return -1;\n    \
                draw->image.context = (void *)(&images);\n    if (name[0])\n        return play(draw);\n    return 0;\n}\n";
    let fixes = analyze("convert.c", text).findings.into_iter().filter_map(|leak| leak.fix);
    assert_eq!(fixes.map(|fix| fix.diff).collect::<Vec<_>>(), Vec::<String>::new());
}

/// A function with many acquisitions has more paths than are walked; of one acquisition alone there are few.
#[test]
fn a_leak_is_told_behind_more_paths_than_are_walked() {
    let mut text = "int many(const char *given, int n)\n{\n    int status = 0;\n".to_owned();
    for number in 0..24 {
        text += &format!("    char *part{number} = NULL;\n");
    }
    for number in 0..24 {
        text += &format!(
            "    if (n & {}) {{\n        part{number} = strdup(given);\n        if (part{number} == NULL) {{\n            \
             status = -{number};\n            goto out;\n        }}\n        puts(part{number});\n    }}\n",
            1u32 << number
        );
    }
    text += "out:\n";
    for number in 0..24 {
        text += &format!("    free(part{number});\n");
    }
    text += "    return status;\n}\n";
    assert_eq!(analyze("many.c", &text).findings, []);
    let lost = analyze("many.c", &text.replace("    free(part17);\n", ""));
    assert_eq!(lost.findings.iter().map(|leak| leak.variable.as_str()).collect::<Vec<_>>(), ["part17"]);
}

/// What a test calls by another name keeps its name everywhere else.
#[test]
fn the_names_that_one_source_gives_functions_are_nothing_to_others() {
    let test = "#define list_append test_list_append\nint test_list_append(struct list *l, char *item)\n{\n    return strlen(item) > 3;\n}\n";
    let list = "struct list { char *head; };\nvoid list_append(struct list *l, char *item)\n{\n    l->head = item;\n}\n\
                int create(struct list *l)\n{\n    char *item = malloc(8);\n\n    if (item == NULL)\n        return -1;\n    \
                item[0] = 0;\n    list_append(l, item);\n    return 0;\n}\n";
    let files = vec![file("test.c", test), file("list.c", list)];
    assert_eq!(c::analyze(files, &Options::default()).findings, []);
}

/// `(struct link *)((char *)item + list->offset)`: what is linked there is kept.
#[test]
fn an_item_is_kept_by_who_is_given_a_place_somewhere_in_it() {
    let text = "struct list { size_t offset; struct link head; };\n\
                static void insert(struct list *list, void *item)\n{\n    \
                link_add((struct link *)(((char *)item) + list->offset), &list->head);\n}\n\
                int post(struct list *list, int number)\n{\n    int *item = malloc(64);\n\n    if (item == NULL)\n        return -1;\n    \
                item[0] = number;\n    insert(list, item);\n    return 0;\n}\n";
    assert_eq!(analyze("post.c", text).findings, []);
    assert_eq!(analyze("post.c", &text.replace("((char *)item) + list->offset", "&list->head")).findings.len(), 1);
}

/// What a long list puts far behind in a structure that is not known is out of sight, as in a short one.
#[test]
fn nothing_is_said_of_what_a_list_puts_into_an_unknown_structure() {
    let list = |before: usize| {
        format!(
            "int keep(int n)\n{{\n    char *item = malloc(n);\n    struct table t = {{ {}item }};\n\n    if (t.last == NULL)\n        \
             return -2;\n    puts(t.last);\n    return 0;\n}}\n",
            "1, ".repeat(before)
        )
    };
    let told = [1, 63, 64, 70].map(|before| analyze("keep.c", &list(before)).findings.len());
    assert_eq!(told, [0; 4]);
}
