//! How long the C leak engine takes: to parse, to learn functions from their bodies, to walk paths, and for a whole tree
//! of three sizes, which shows that time grows with the tree and no faster. `cargo bench --bench leaks`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pagerduty_incident_responder::c::syntax;
use pagerduty_incident_responder::c::{self, Options, SourceFile, Tree};

/// Lines of one generated module, about.
const LINES: usize = 90;

/// A module as they are found in old, large programs: a structure with its constructor and destructor, a reader that
/// fills an out-parameter, and a caller with several error paths, one of which leaks.
fn module(number: usize) -> SourceFile {
    let n = number;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#define RELEASE_{n}(p) do {{ free(p); (p) = NULL; }} while (0)

struct item_{n} {{ char *name; struct item_{n} *next; int count; }};

struct item_{n} *item_{n}_new(const char *name)
{{
    struct item_{n} *item = calloc(1, sizeof(*item));

    if (item == NULL)
        return NULL;
    item->name = strdup(name);
    if (item->name == NULL) {{
        free(item);
        return NULL;
    }}
    return item;
}}

void item_{n}_free(struct item_{n} *item)
{{
    if (item == NULL)
        return;
    free(item->name);
    free(item);
}}

static int read_{n}(FILE *in, char **out)
{{
    char *line = NULL;
    size_t size = 0;

    if (getline(&line, &size, in) < 0) {{
        free(line);
        return -1;
    }}
    *out = line;
    return 0;
}}

int load_{n}(const char *path, int flags)
{{
    struct item_{n} *item, *list = NULL;
    char *line = NULL;
    int result = -1, count;
    FILE *in = fopen(path, \"r\");

    if (in == NULL)
        return -1;
    for (count = 0; count < 100; count++) {{
        if (read_{n}(in, &line) < 0)
            break;
        if (flags & 1 && line[0] == '#') {{
            RELEASE_{n}(line);
            continue;
        }}
        item = item_{n}_new(line);
        if (item == NULL)
            goto out;
        item->next = list;
        list = item;
        RELEASE_{n}(line);
    }}
    switch (flags & 6) {{
    case 0:
        result = count;
        break;
    case 2:
        fprintf(stderr, \"%d\\n\", count);
        return -2;
    default:
        result = item_{p}_known(flags);
    }}
out:
    while (list != NULL) {{
        item = list->next;
        item_{n}_free(list);
        list = item;
    }}
    fclose(in);
    return result;
}}

int item_{n}_known(int flags)
{{
    return flags > {n} ? {n} : -1;
}}
",
        p = n.saturating_sub(1),
    );
    SourceFile { path: format!("module_{n}.c"), text: text.into() }
}

fn modules(lines: usize) -> Vec<SourceFile> {
    (0..lines / LINES).map(module).collect()
}

/// One function of `count` decisions in a row, each of which acquires and releases.
fn decisions(count: usize) -> SourceFile {
    let mut text = String::from("#include <stdlib.h>\nint decide(int flags)\n{\n    int sum = 0;\n");
    for n in 0..count {
        let _ = write!(
            text,
            "    char *p{n} = malloc(8);\n    if (p{n} == NULL)\n        return -1;\n    if (flags > {n})\n        sum += p{n}[0];\n    free(p{n});\n"
        );
    }
    text.push_str("    return sum;\n}\n");
    SourceFile { path: "decisions.c".to_owned(), text: text.into() }
}

/// `depth` wrappers around an allocation, each in a file of its own.
fn wrappers(depth: usize) -> Vec<SourceFile> {
    let one = |n: usize| {
        let body = match n {
            0 => "malloc(size)".to_owned(),
            _ => format!("wrap_{}(size)", n - 1),
        };
        let text = format!(
            "void *wrap_{n}(unsigned long size)\n{{\n    void *p = {body};\n    if (!p)\n        return 0;\n    return p;\n}}\n"
        );
        SourceFile { path: format!("wrap_{n}.c"), text: text.into() }
    };
    (0..depth).map(one).collect()
}

fn parsing(bench: &mut Criterion) {
    let file = module(0);
    let mut group = bench.benchmark_group("parsing");
    group.throughput(Throughput::Bytes(file.text.len() as u64));
    group.bench_function("one module", |bench| bench.iter(|| syntax::Tree::parse(black_box(file.text.clone()))));
    group.finish();
}

fn summaries(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("summaries");
    for depth in [10, 100] {
        let files = wrappers(depth);
        group.throughput(Throughput::Elements(depth as u64));
        group.bench_function(BenchmarkId::new("wrappers", depth), |bench| {
            bench.iter_batched(|| files.clone(), |files| Tree::read(files, &[]), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn paths(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("paths");
    for count in [10, 40] {
        let file = decisions(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("decisions", count), |bench| {
            bench.iter_batched(|| vec![file.clone()], |files| Tree::read(files, &[]), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn whole_tree(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("whole tree");
    group.sample_size(10);
    for lines in [1_000, 10_000, 100_000] {
        let files = modules(lines);
        group.throughput(Throughput::Elements(lines as u64));
        group.bench_function(BenchmarkId::new("lines", lines), |bench| {
            bench.iter_batched(
                || files.clone(),
                |files| c::analyze(files, &Options::default()),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, parsing, summaries, paths, whole_tree);
criterion_main!(benches);
