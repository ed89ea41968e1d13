//! What to build and run: as the configuration says, or found from the sources and Makefiles. Pure.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use regex::Regex;

use super::own_check;
use crate::model::ids::RepositoryPath;
use crate::model::proof::{Kind, LimitSource, ManifestLimit, Origin, Recipe, Subject};
use crate::settings::config_file::{ProveCommand, ProveConfig};

/// One run takes no longer where nobody says.
const SECONDS: u32 = 10;
/// The memory of a run where nobody says: small, so that a leak shows soon, and enough for a small service.
const MEMORY_LIMIT: u64 = 64 << 20;
/// A repository's own check builds first: it may take this much longer, in seconds, and this much memory, in bytes.
const CHECK_SECONDS: u32 = 60;
const CHECK_MEMORY: u64 = 1 << 30;
/// A program of more files is built by its own build system, which must be named.
const MOST_FILES: usize = 200;
/// The program that a build of ours makes, in the folder of its `main`.
const PROGRAM: &str = "proof-program";

/// A `main` with a body, whatever its type and parameters are.
static MAIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^[^\n;#*/]*\bmain\s*\([^;{}]*\)\s*\{").expect("a valid pattern"));

/// What is known when a recipe is looked for.
struct Known<'a> {
    /// The service's C sources and headers with their text.
    sources: Vec<(&'a RepositoryPath, &'a str)>,
    /// The file with the fault.
    fault: &'a RepositoryPath,
    /// The Makefiles, as folder and text.
    makefiles: Vec<(&'a str, &'a str)>,
    manifest_limit: Option<&'a ManifestLimit>,
}

/// The recipes to try, best first: the first that builds the base is used. `compiler` is the one that is there.
///
/// # Errors
/// Why nothing can be run, as a clause.
pub(super) fn recipes(subject: &Subject, compiler: Option<&str>) -> Result<Vec<Recipe>, String> {
    if let Some(recipe) = &subject.configured {
        return Ok(vec![recipe.clone()]);
    }
    let known = Known::of(subject);
    let needed = || compiler.ok_or("there is no C compiler here, and no `prove` block says how to build");
    let main = match main_file(&known) {
        Ok(main) => main,
        Err(why) => {
            let (folder, target) = own_check::target(&known.makefiles, folder_of(known.fault)).ok_or(why)?;
            return Ok(vec![check_recipe(folder, target, needed()?)]);
        }
    };
    let compiler = needed()?;
    let (folder, name) = main.as_str().rsplit_once('/').unwrap_or(("", main.as_str()));
    let mut found = vec![Recipe {
        build: Some(build_command(&known, main, compiler)?),
        ..template(known.manifest_limit, Origin::SingleMain, folder, format!("exec ./{PROGRAM}"))
    }];
    if known.makefiles.iter().any(|(beside, _)| *beside == folder) {
        let stem = name.strip_suffix(".c").unwrap_or(name);
        found.push(Recipe {
            build: Some(format!("make CC={compiler} CFLAGS='-O0 -g'")),
            ..template(known.manifest_limit, Origin::Makefile, folder, format!("exec ./{}", quoted(stem)))
        });
    }
    Ok(found)
}

/// Whether a recipe can be found at all, before the files of a build are read: the same on every machine. Gives whether it is
/// a repository's own check, which may read any file of the tree.
///
/// # Errors
/// Why none can be found, as a clause.
pub(super) fn look_ahead(subject: &Subject) -> Result<bool, String> {
    let found = recipes(subject, Some("cc"))?;
    Ok(found.iter().any(|recipe| recipe.origin == Origin::OwnCheck))
}

/// Whether a path is a Makefile's, or that of a part of one.
pub(super) fn is_makefile(path: &str) -> bool {
    is_whole_makefile(path) || path.ends_with(".mk")
}

fn is_whole_makefile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["Makefile", "makefile", "GNUmakefile"].contains(&name)
}

impl<'a> Known<'a> {
    fn of(subject: &'a Subject) -> Known<'a> {
        let of_service: HashSet<&RepositoryPath> = subject.sources.iter().collect();
        let sources = subject.files.iter().filter(|file| of_service.contains(&file.path));
        let makefiles = subject.files.iter().filter(|file| is_whole_makefile(file.path.as_str()));
        Known {
            sources: sources.filter_map(|file| Some((&file.path, std::str::from_utf8(&file.contents).ok()?))).collect(),
            fault: &subject.fault,
            makefiles: makefiles
                .filter_map(|file| Some((folder_of(&file.path), std::str::from_utf8(&file.contents).ok()?)))
                .collect(),
            manifest_limit: subject.manifest_limit.as_ref(),
        }
    }
}

/// The recipe of a `prove` block.
pub(super) fn configured(config: &ProveConfig, manifest_limit: Option<&ManifestLimit>) -> Recipe {
    let (kind, command) = match &config.command {
        ProveCommand::Run(command) => (Kind::Service, command),
        ProveCommand::Test(command) => (Kind::Test, command),
    };
    let base = template(manifest_limit, Origin::Configured, "", command.clone());
    Recipe {
        build: config.build.clone(),
        kind,
        seconds: config.seconds.unwrap_or(SECONDS),
        memory_limit: config.memory_limit.map_or(base.memory_limit, |limit| limit.bytes()),
        limit_from: if config.memory_limit.is_some() { LimitSource::Configured } else { base.limit_from.clone() },
        expected_exit: config.expect.map_or(0, i32::from),
        ..base
    }
}

fn template(manifest_limit: Option<&ManifestLimit>, origin: Origin, folder: &str, run: String) -> Recipe {
    let (memory_limit, limit_from) = match manifest_limit {
        Some(limit) => (limit.bytes, LimitSource::Manifest(limit.path.clone())),
        None => (MEMORY_LIMIT, LimitSource::Chosen),
    };
    Recipe {
        origin,
        folder: folder.to_owned(),
        build: None,
        run,
        kind: Kind::Service,
        seconds: SECONDS,
        memory_limit,
        limit_from,
        expected_exit: 0,
    }
}

/// How a repository's own check is run. Its output tells, not the service's memory limit: compilers need more.
fn check_recipe(folder: &str, target: &str, compiler: &str) -> Recipe {
    Recipe {
        kind: Kind::Test,
        seconds: CHECK_SECONDS,
        memory_limit: CHECK_MEMORY,
        ..template(None, Origin::OwnCheck, folder, format!("exec make CC={compiler} {target}"))
    }
}

/// The one `main` of the service, or the one beside the fault.
fn main_file<'a>(known: &Known<'a>) -> Result<&'a RepositoryPath, String> {
    let programs = known.sources.iter().filter(|(path, text)| is_c(path) && MAIN.is_match(text));
    let mains: Vec<&RepositoryPath> = programs.map(|(path, _)| *path).collect();
    let beside = |path: &&&RepositoryPath| folder_of(path) == folder_of(known.fault);
    let near: Vec<&&RepositoryPath> = mains.iter().filter(beside).collect();
    match (mains.as_slice(), near.as_slice()) {
        ([only], _) => Ok(only),
        (_, [only]) => Ok(only),
        ([], _) => Err("none of the service's C files has a `main`, and no `prove` block says what to run".to_owned()),
        (several, _) => {
            let named: Vec<&str> = several.iter().take(3).map(|path| path.as_str()).collect();
            Err(format!(
                "the service has {} programs ({}), and no `prove` block says which one to run",
                several.len(),
                named.join(", ")
            ))
        }
    }
}

/// One command that compiles and links the `main` with every file that has none.
fn build_command(known: &Known, main: &RepositoryPath, compiler: &str) -> Result<String, String> {
    let home = folder_of(main);
    let below = |path: &RepositoryPath| home.is_empty() || path.as_str().starts_with(&format!("{home}/"));
    // Files beside and below the main belong to it. A fault elsewhere shows that the program is spread wider.
    let everywhere = !below(known.fault);
    let others = known
        .sources
        .iter()
        .filter(|(path, text)| is_c(path) && *path != main && !MAIN.is_match(text) && (everywhere || below(path)));
    let files: Vec<&RepositoryPath> = std::iter::once(main).chain(others.map(|(path, _)| *path)).collect();
    if files.len() > MOST_FILES {
        return Err(format!("the program has {} files, and no `prove` block says how to build it", files.len()));
    }
    let headers = known.sources.iter().filter(|(path, _)| path.as_str().ends_with(".h"));
    let folders: BTreeSet<&str> = headers.map(|(path, _)| folder_of(path)).collect();
    let includes =
        folders.into_iter().filter(|folder| *folder != home).map(|folder| format!("-I{}", seen_from(home, folder)));
    let names = files.iter().map(|path| seen_from(home, path.as_str()));
    let words: Vec<String> = includes.chain(names).map(|word| quoted(&word)).collect();
    Ok(format!("{compiler} -O0 -g -o {PROGRAM} {} -lm -lpthread", words.join(" ")))
}

fn is_c(path: &RepositoryPath) -> bool {
    path.as_str().ends_with(".c")
}

fn folder_of(path: &RepositoryPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path as it is seen from a folder; both relative to the root.
fn seen_from(folder: &str, path: &str) -> String {
    let parts = |text: &'_ str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(folder), parts(path));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let seen: Vec<&str> = up.chain(to.iter().skip(common).map(String::as_str)).collect();
    if seen.is_empty() { ".".to_owned() } else { seen.join("/") }
}

/// A word for the shell, and never an option: file names are other people's.
fn quoted(word: &str) -> String {
    let word = if word.starts_with('-') && !word.starts_with("-I") { format!("./{word}") } else { word.to_owned() };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::landing::FileMode;
    use crate::model::proof::TreeFile;
    use crate::settings::config_file::ConfigFile;

    fn subject(files: &[(&str, &str)], fault: &str) -> Subject {
        let file = |(path, text): &(&str, &str)| TreeFile {
            path: RepositoryPath::new(*path),
            contents: text.as_bytes().to_vec(),
            mode: FileMode::REGULAR,
        };
        Subject {
            configured: None,
            sources: files.iter().map(|(path, _)| RepositoryPath::new(*path)).collect(),
            fault: RepositoryPath::new(fault),
            manifest_limit: None,
            files: files.iter().map(file).collect(),
            patch: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn told(files: &[(&str, &str)], fault: &str, makefiles: &[&str]) -> String {
        let makefiles = makefiles.iter().map(|path| (*path, ""));
        let files: Vec<(&str, &str)> = files.iter().copied().chain(makefiles).collect();
        match recipes(&subject(&files, fault), Some("cc")) {
            Ok(recipes) => {
                let line = |recipe: &Recipe| {
                    format!("[{}] {} && {}", recipe.folder, recipe.build.as_deref().unwrap_or(""), recipe.run)
                };
                recipes.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(why) => why,
        }
    }

    const MAIN_TEXT: &str = "int main(void)\n{\n    return 0;\n}\n";

    #[test]
    fn one_program_is_found() {
        insta::assert_snapshot!(told(&[("worker.c", MAIN_TEXT)], "worker.c", &["Makefile"]), @r"
        [] cc -O0 -g -o proof-program worker.c -lm -lpthread && exec ./proof-program
        [] make CC=cc CFLAGS='-O0 -g' && exec ./worker
        ");
    }

    #[test]
    fn files_beside_and_headers_elsewhere_belong_to_it() {
        let files = [
            ("src/worker/main.c", "static int run(void);\nint main(int argc, char **argv) {\n"),
            ("src/worker/odd name;.c", "int f(void) { return 0; }"),
            ("src/worker/-o.c", ""),
            ("src/other/util.c", "int g(void) { return 0; }"),
            ("include/worker.h", "int main(void);"),
        ];
        insta::assert_snapshot!(told(&files, "src/worker/main.c", &["Makefile"]), @r"[src/worker] cc -O0 -g -o proof-program -I../../include main.c 'odd name;.c' ./-o.c -lm -lpthread && exec ./proof-program");
        insta::assert_snapshot!(told(&files, "src/other/util.c", &[]), @r"[src/worker] cc -O0 -g -o proof-program -I../../include main.c 'odd name;.c' ./-o.c ../other/util.c -lm -lpthread && exec ./proof-program");
    }

    #[test]
    fn what_is_not_clear_is_not_guessed() {
        let two = [("a/a.c", MAIN_TEXT), ("b/b.c", MAIN_TEXT), ("lib/l.c", "void f(void) {}")];
        insta::assert_snapshot!(told(&two, "lib/l.c", &[]), @"the service has 2 programs (a/a.c, b/b.c), and no `prove` block says which one to run");
        insta::assert_snapshot!(told(&two, "b/b.c", &[]), @"[b] cc -O0 -g -o proof-program b.c -lm -lpthread && exec ./proof-program");
        insta::assert_snapshot!(told(&[("l.c", "int domain(void) {}\nint main(void);\n")], "l.c", &[]), @"none of the service's C files has a `main`, and no `prove` block says what to run");
    }

    #[test]
    fn without_one_program_the_repository_s_own_check_is_run() {
        let files = [("a/a.c", MAIN_TEXT), ("b/b.c", MAIN_TEXT), ("lib/l.c", "void f(void) {}")];
        let with = |makefile| [files.as_slice(), &[("Makefile", makefile)]].concat();
        insta::assert_snapshot!(told(&with("all:\n\tcc a.c\ncheck: all\n\t./t\n"), "lib/l.c", &[]), @"[]  && exec make CC=cc check");
        insta::assert_snapshot!(told(&with("all:\n\tcc a.c\n"), "lib/l.c", &[]), @"the service has 2 programs (a/a.c, b/b.c), and no `prove` block says which one to run");
        insta::assert_snapshot!(told(&with("check:\n\t./t\n"), "b/b.c", &[]), @"[b] cc -O0 -g -o proof-program b.c -lm -lpthread && exec ./proof-program");
    }

    #[test]
    fn the_configuration_wins() {
        let text = "services:\n  worker:\n    prove:\n      build: make all\n      test: ./check\n      seconds: 30\n      memory-limit: 32Mi\n      expect: 3\n";
        let file = ConfigFile::parse("file", text).expect("valid");
        let config = file.service("", "worker").and_then(|service| service.prove.as_ref());
        let limit = ManifestLimit { bytes: 1 << 20, path: "k8s/a.yaml".to_owned() };
        let recipe = configured(config.expect("a block"), Some(&limit));
        assert_eq!((recipe.build.as_deref(), recipe.run.as_str()), (Some("make all"), "./check"));
        assert_eq!((recipe.kind, recipe.seconds, recipe.expected_exit), (Kind::Test, 30, 3));
        assert_eq!((recipe.memory_limit, recipe.limit_from), (32 << 20, LimitSource::Configured));
    }
}
