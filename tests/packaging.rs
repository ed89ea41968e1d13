//! What is shipped around the program: action, image, workflows and documents, held against the code and each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pagerduty_incident_responder::settings::INPUTS;
use pagerduty_incident_responder::settings::config_file::ConfigFile;
use pagerduty_incident_responder::settings::outputs::OUTPUTS;
use regex::Regex;
use serde_yaml::Value;

/// Events that hand a write token to runs that others start.
const REFUSED_EVENTS: [&str; 2] = ["pull_request_target", "workflow_run"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn yaml(name: &str, text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// The entries of a mapping, in their order; empty for anything else.
fn entries(value: &Value) -> Vec<(String, &Value)> {
    let mapping = value.as_mapping().into_iter().flatten();
    mapping.filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))).collect()
}

fn files(folder: &str, extension: &str) -> Vec<String> {
    let folder = root().join(folder);
    let listing = std::fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut paths = Vec::new();
    for path in listing.map(|entry| entry.expect("a readable entry").path()) {
        let shown = path.strip_prefix(root()).expect("below the root").display().to_string();
        if path.is_dir() {
            paths.extend(files(&shown, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            paths.push(shown);
        }
    }
    paths.sort();
    paths
}

fn action() -> Value {
    yaml("action.yml", &text("action.yml"))
}

mod action_file {
    use super::*;

    #[test]
    fn inputs_are_those_that_the_settings_read() {
        let action = action();
        let described: Vec<(String, String)> = entries(&action["inputs"])
            .into_iter()
            .map(|(name, input)| (name, input["default"].as_str().unwrap_or_default().to_owned()))
            .collect();
        let read: Vec<(String, String)> = INPUTS
            .iter()
            .map(|input| match input.name {
                // Only a workflow knows the job's token; to the program an empty value is a mistake.
                "github-token" => (input.name.to_owned(), "${{ github.token }}".to_owned()),
                name => (name.to_owned(), input.default.to_owned()),
            })
            .collect();
        assert_eq!(described, read);
    }

    #[test]
    fn outputs_are_those_that_the_program_sets() {
        let action = action();
        let described: Vec<String> = entries(&action["outputs"]).into_iter().map(|(name, _)| name).collect();
        let set: Vec<&str> = OUTPUTS.iter().map(|output| output.name).collect();
        assert_eq!(described, set);
    }

    #[test]
    fn everything_is_described_in_sentences() {
        let action = action();
        for part in ["inputs", "outputs"] {
            for (name, value) in entries(&action[part]) {
                let description = value["description"].as_str().unwrap_or_default();
                assert!(description.len() > 20 && description.ends_with('.'), "{part}.{name}: {description:?}");
                // The runner hands these two to Docker instead of the program.
                assert!(!["args", "entrypoint"].contains(&name.as_str()), "{name}");
            }
        }
    }

    #[test]
    fn the_marketplace_accepts_it() {
        let action = action();
        let description = action["description"].as_str().unwrap_or_default();
        assert!((1..125).contains(&description.len()), "{} characters", description.len());
        assert!(action["name"].is_string() && action["author"].is_string());
        assert!(["bell", "alert-triangle", "activity"].contains(&action["branding"]["icon"].as_str().unwrap_or("")));
        assert!(["green", "red"].contains(&action["branding"]["color"].as_str().unwrap_or("")));
    }

    #[test]
    fn the_release_finds_the_line_that_it_replaces() {
        assert_eq!(action()["runs"]["using"], Value::from("docker"));
        assert_eq!(text("action.yml").lines().filter(|line| *line == "  image: Dockerfile").count(), 1);
        assert!(text(".github/workflows/release.yml").contains("s|^  image: Dockerfile\\$|"));
    }
}

mod image {
    use super::*;

    /// Instruction and arguments of each line of the Dockerfile, continued lines joined.
    fn instructions() -> Vec<(String, String)> {
        let joined = text("Dockerfile").replace("\\\n", " ");
        let lines = joined.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).map(|(word, rest)| (word.to_owned(), rest.to_owned())).collect()
    }

    #[test]
    fn the_runner_decides_on_user_and_folder() {
        for (word, rest) in instructions() {
            assert!(!["USER", "WORKDIR", "CMD", "SHELL", "ADD"].contains(&word.as_str()), "{word} {rest}");
        }
    }

    #[test]
    fn the_program_itself_is_the_entrypoint() {
        let instructions = instructions();
        let entrypoints: Vec<&str> =
            instructions.iter().filter(|(word, _)| word == "ENTRYPOINT").map(|(_, rest)| rest.as_str()).collect();
        // The action's image and the one with a toolchain.
        assert_eq!(entrypoints.len(), 2, "{entrypoints:?}");
        for entrypoint in entrypoints {
            let words: Vec<String> = serde_json::from_str(entrypoint).expect("the exec form is a JSON array");
            assert_eq!(words, [concat!("/usr/local/bin/", env!("CARGO_PKG_NAME"))]);
        }
        let last = instructions.last().map(|(word, _)| word.as_str());
        assert_eq!(last, Some("ENTRYPOINT"), "the last stage is what the action runs");
    }

    #[test]
    fn base_images_can_be_given_by_digest() {
        let instructions = instructions();
        let arguments: BTreeSet<String> = instructions
            .iter()
            .filter(|(word, _)| word == "ARG")
            .filter_map(|(_, rest)| Some(rest.split_once('=')?.0.to_owned()))
            .collect();
        let mut stages = BTreeSet::new();
        for (_, rest) in instructions.iter().filter(|(word, _)| word == "FROM") {
            let (image, stage) = rest.split_once(" AS ").expect("every stage has a name");
            let argument = image.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            assert!(argument.is_some_and(|name| arguments.contains(name)) || stages.contains(image), "{image}");
            stages.insert(stage.to_owned());
        }
        assert_eq!(arguments, BTreeSet::from(["BASE".to_owned(), "RUST".to_owned()]));
    }

    #[test]
    fn the_compiler_is_new_enough() {
        let version = |text: &str| -> Vec<u32> { text.split('.').filter_map(|part| part.parse().ok()).collect() };
        let dockerfile = text("Dockerfile");
        let compiler = dockerfile.split("rust:").nth(1).and_then(|rest| rest.split('-').next()).expect("a tag of rust");
        assert!(version(compiler) >= version(env!("CARGO_PKG_RUST_VERSION")), "{compiler}");
    }

    #[test]
    fn the_build_sees_every_folder_that_cargo_needs() {
        let ignored = text(".dockerignore");
        let kept: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
        let manifest = text("Cargo.toml");
        let mut needed = vec!["Cargo.toml", "Cargo.lock", "src", "demo"];
        // Cargo reads no manifest whose declared targets have no files.
        needed.extend(manifest.contains("[[bench]]").then_some("benches"));
        needed.extend(manifest.contains("[[test]]").then_some("tests"));
        for needed in needed {
            assert!(kept.contains(needed), "{needed}");
        }
        let members = regex_all(&manifest, r#"(?m)^members = \[(.*)\]"#);
        assert_eq!(members, [r#""demo""#], "a new member of the workspace belongs into .dockerignore as well");
    }
}

mod build {
    use super::*;

    /// Each crate that cargo compiles for a choice of packages, with its features.
    fn compiled(choice: &[&str]) -> BTreeSet<String> {
        let form = ["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}|{f}"];
        let mut cargo = std::process::Command::new(env!("CARGO"));
        let output = cargo.current_dir(root()).args(form).args(choice).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("names are text");
        text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    }

    #[test]
    fn a_newcomer_compiles_each_crate_once() {
        let demo = compiled(&["--package", "demo", "--edges", "normal,build"]);
        let tests = compiled(&["--workspace", "--edges", "normal,build,dev"]);
        let twice: Vec<&String> = demo.difference(&tests).collect();
        assert!(
            twice.is_empty(),
            "the tests want other features of {twice:?}; ask for them in demo/Cargo.toml as well"
        );
    }
}

mod workflows {
    use super::*;

    fn each(mut check: impl FnMut(&str, &str, &Value)) {
        let names = files(".github/workflows", "yml");
        assert!(names.len() >= 4, "{names:?}");
        for name in names {
            let text = text(&name);
            check(&name, &text, &yaml(&name, &text));
        }
    }

    fn steps(job: &Value) -> impl Iterator<Item = &Value> {
        job["steps"].as_sequence().into_iter().flatten()
    }

    #[test]
    fn nothing_is_permitted_that_is_not_named() {
        each(|name, text, workflow| {
            assert_eq!(entries(&workflow["permissions"]).len(), 0, "{name}");
            assert!(workflow["permissions"].is_mapping(), "{name}: `permissions: {{}}` at the top");
            for (job, value) in entries(&workflow["jobs"]) {
                assert!(value["timeout-minutes"].is_number(), "{name}: {job} has no timeout");
                for (scope, right) in entries(&value["permissions"]) {
                    let line = format!("      {scope}: {} # ", right.as_str().unwrap_or_default());
                    assert!(text.contains(&line), "{name}: {job} does not say what {scope} is for");
                }
                assert!(!entries(&value["permissions"]).is_empty(), "{name}: {job}");
            }
        });
    }

    #[test]
    fn no_event_brings_foreign_code() {
        each(|name, _, workflow| {
            let events = entries(&workflow["on"]);
            assert!(!events.is_empty(), "{name}: no events");
            for (event, _) in events {
                assert!(!REFUSED_EVENTS.contains(&event.as_str()), "{name}: {event}");
            }
        });
    }

    #[test]
    fn actions_are_pinned_by_commit() {
        let pinned = Regex::new(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$").expect("a valid pattern");
        each(|name, text, workflow| {
            for step in entries(&workflow["jobs"]).iter().flat_map(|(_, job)| steps(job)) {
                let Some(uses) = step["uses"].as_str() else { continue };
                assert!(uses == "./" || pinned.is_match(uses), "{name}: {uses}");
                let line = text.lines().find(|line| line.contains(uses)).unwrap_or_default();
                assert!(uses == "./" || line.contains(" # v"), "{name}: {uses} does not say its version");
                if uses.starts_with("actions/checkout@") {
                    assert_eq!(step["with"]["persist-credentials"], Value::from(false), "{name}");
                }
            }
        });
    }

    #[test]
    fn no_expression_is_pasted_into_a_script() {
        each(|name, _, workflow| {
            for step in entries(&workflow["jobs"]).iter().flat_map(|(_, job)| steps(job)) {
                let script = step["run"].as_str().unwrap_or_default();
                assert!(!script.contains("${{"), "{name}: {script}");
            }
        });
    }

    #[test]
    fn the_examples_use_inputs_that_exist() {
        each(|name, _, workflow| check_uses(name, workflow));
    }
}

mod documents {
    use super::*;

    #[test]
    fn examples_are_valid() {
        let names: Vec<String> = files("docs", "md")
            .into_iter()
            .chain(["README.md".to_owned()])
            .filter(|name| root().join(name).exists())
            .collect();
        let mut workflows = 0;
        for name in &names {
            for block in regex_all(&text(name), r"(?s)```yaml\n(.*?)\n```") {
                let value = yaml(name, &block);
                if value.get("jobs").is_some() {
                    workflows += 1;
                    assert!(value["permissions"].as_mapping().is_some_and(|it| it.is_empty()), "{name}: permissions");
                    check_uses(name, &value);
                } else if value.get("services").is_some() {
                    ConfigFile::parse(name, &block).unwrap_or_else(|why| panic!("{name}: {why}"));
                }
            }
        }
        assert!(workflows >= 1, "no example workflow in {names:?}");
    }

    #[test]
    fn every_input_output_and_key_is_described() {
        let page = text("docs/configuration.md");
        for input in INPUTS {
            let default = if input.default.is_empty() { String::new() } else { format!("`{}`", input.default) };
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", input.name)));
            let row = row.unwrap_or_else(|| panic!("{} has no row", input.name));
            assert!(row.split('|').nth(2).is_some_and(|cell| cell.contains(&default)), "{row}");
        }
        for output in OUTPUTS {
            assert!(page.lines().any(|line| line.starts_with("| ") && line.contains(&format!("`{}`", output.name))));
        }
        let unknown = ConfigFile::parse("file", "no-such-key: 1").expect_err("the key is unknown").to_string();
        let keys = regex_all(&unknown, "`([a-z-]+)`");
        assert!(keys.len() > 4, "{unknown}");
        for key in keys.iter().filter(|key| *key != "no-such-key") {
            assert!(page.contains(&format!("{key}:")), "{key}");
        }
    }

    #[test]
    fn links_between_documents_lead_somewhere() {
        for name in files("docs", "md").into_iter().chain([".github/CONTRIBUTING.md".to_owned()]) {
            let folder = root().join(&name).parent().map(Path::to_path_buf).expect("a file has a folder");
            for target in regex_all(&text(&name), r"\]\(([^)#:]+)(?:#[^)]*)?\)") {
                assert!(folder.join(&target).exists(), "{name} links to {target}");
            }
        }
    }

    #[test]
    fn both_licences_are_here() {
        assert_eq!(env!("CARGO_PKG_LICENSE"), "MIT OR Apache-2.0");
        assert!(text("LICENSE-MIT").starts_with("MIT License"));
        assert!(text("LICENSE-APACHE").contains("Version 2.0, January 2004"));
    }

    #[test]
    fn no_report_holds_the_words_that_wake_us() {
        for name in files("src/report", "rs") {
            assert!(!text(&name).contains(concat!("@", env!("CARGO_PKG_NAME"))), "{name}");
        }
    }
}

/// The steps of a workflow that use this action pass no input that it does not have.
fn check_uses(name: &str, workflow: &Value) {
    let jobs = entries(&workflow["jobs"]);
    let steps = jobs.iter().flat_map(|(_, job)| job["steps"].as_sequence().into_iter().flatten());
    let ours = format!("/{}@", env!("CARGO_PKG_NAME"));
    for step in steps {
        let uses = step["uses"].as_str().unwrap_or_default();
        if uses != "./" && !uses.contains(&ours) {
            continue;
        }
        for (input, _) in entries(&step["with"]) {
            assert!(INPUTS.iter().any(|known| known.name == input), "{name}: there is no input {input}");
        }
    }
}

/// What the first group of a pattern matched, each time.
fn regex_all(text: &str, pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
}
