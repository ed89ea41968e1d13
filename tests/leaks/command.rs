//! The command `leaks` as a program: what it prints, writes, leaves alone and ends with.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const LEAKY: &str = "#include <stdlib.h>\n#include <string.h>\n\nint leaky(const char *name)\n{\n    char *copy = strdup(name);\n\n    if (copy == NULL)\n        return -1;\n    if (copy[0] == 'x')\n        return 1;\n    free(copy);\n    return 0;\n}\n";
const SOUND: &str = "int sound(void)\n{\n    return 1;\n}\n";

fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder of our own");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("the folder is writable");
        fs::write(path, text).expect("the folder is writable");
    }
    folder
}

fn leaks(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pagerduty-incident-responder"))
        .current_dir(folder)
        .env_clear()
        .arg("leaks")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON on the standard output")
}

fn gaps(output: &Output) -> Vec<String> {
    let told = json(output)["gaps"].as_array().expect("gaps").clone();
    told.iter()
        .map(|gap| format!("{}: {}", gap["what"].as_str().unwrap_or(""), gap["why"].as_str().unwrap_or("")))
        .collect()
}

#[test]
fn the_json_keeps_its_contract() {
    let folder = tree(&[("src/a.c", LEAKY), ("b.c", SOUND)]);
    let output = leaks(folder.path(), &["--format", "json", "."]);
    assert_eq!(output.status.code(), Some(1));
    let told = json(&output);
    let [finding] = told["findings"].as_array().expect("findings").as_slice() else { panic!("one finding: {told}") };
    assert_eq!(finding["detector"], "memory_leak");
    assert_eq!(finding["file"], "src/a.c");
    assert_eq!(finding["function"], "leaky");
    assert_eq!(finding["variable"], "copy");
    assert_eq!((&finding["line"], &finding["lost_at"]), (&Value::from(6), &Value::from(11)));
    assert!(["high", "medium", "low"].contains(&finding["confidence"].as_str().expect("a word")));
    let trace = finding["trace"].as_array().expect("a trace");
    assert!(
        trace.len() >= 2 && trace.iter().all(|step| step["line"].is_u64() && step["note"].is_string()),
        "{trace:?}"
    );
    assert!(finding["fix"]["why"].is_string() && finding["no_fix_reason"].is_null(), "{finding}");
    let diff = finding["fix"]["diff"].as_str().expect("a diff");
    assert!(diff.starts_with("--- a/src/a.c\n+++ b/src/a.c\n@@"), "{diff}");
    assert_eq!(told["gaps"], Value::Array(Vec::new()));
}

#[test]
fn a_finding_without_a_fix_says_why() {
    let used_last = LEAKY.replace(
        "    if (copy[0] == 'x')\n        return 1;\n    free(copy);\n    return 0;",
        "    if (copy[1])\n        return copy[0];\n    free(copy);\n    return 0;",
    );
    let folder = tree(&[("a.c", &used_last)]);
    let told = json(&leaks(folder.path(), &["--format", "json", "a.c"]));
    let finding = &told["findings"][0];
    assert!(finding["fix"].is_null(), "{finding}");
    assert!(finding["no_fix_reason"].as_str().is_some_and(|why| !why.is_empty()), "{finding}");
    let text = leaks(folder.path(), &["a.c"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("No fix: "));
    assert!(leaks(folder.path(), &["--diff", "a.c"]).stdout.is_empty());
}

#[test]
fn the_exit_code_says_nothing_found_found_or_not_usable() {
    let folder = tree(&[("a.c", LEAKY), ("b.c", SOUND), ("note.txt", "")]);
    let code = |arguments: &[&str]| leaks(folder.path(), arguments).status.code();
    assert_eq!(code(&["b.c"]), Some(0));
    assert_eq!(code(&["."]), Some(1));
    for unusable in [
        &["note.txt"] as &[&str],
        &["absent"],
        &[],
        &["--format", "xml", "."],
        &["--fix", "--diff", "."],
        &["--only", "note.txt", "."],
    ] {
        assert_eq!(code(unusable), Some(2), "{unusable:?}");
    }
}

#[test]
fn one_file_alone_is_reported_as_it_is_with_all_others() {
    let maker = "#include <stdlib.h>\nchar *make(void)\n{\n    return malloc(4);\n}\n";
    let user = "char *make(void);\nvoid use(void)\n{\n    char *made = make();\n    made[0] = 1;\n}\n";
    let folder = tree(&[("maker.c", maker), ("user.c", user), ("a.c", LEAKY)]);
    let all = json(&leaks(folder.path(), &["--format", "json", "."]));
    let own: Vec<&Value> =
        all["findings"].as_array().expect("findings").iter().filter(|f| f["file"] == "user.c").collect();
    assert_eq!(own.len(), 1);
    let one = json(&leaks(folder.path(), &["--format", "json", "--only", "./user.c", "."]));
    assert_eq!(one["findings"].as_array().expect("findings").iter().collect::<Vec<_>>(), own);
}

#[test]
fn the_patch_is_taken_by_git_and_removes_what_was_found() {
    let odd = "a folder/with \"quotes\".c";
    let folder = tree(&[(odd, LEAKY), ("plain.c", &LEAKY.replace("leaky", "other").replace('\n', "\r\n"))]);
    let diff = leaks(folder.path(), &["--diff", "."]);
    assert_eq!(diff.status.code(), Some(1));
    let patch = folder.path().join("fix.patch");
    fs::write(&patch, &diff.stdout).expect("writable");
    let applied = Command::new("git")
        .current_dir(folder.path())
        .env("GIT_CEILING_DIRECTORIES", folder.path().parent().expect("a parent"))
        .args(["apply", "fix.patch"])
        .output()
        .expect("git runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let after = leaks(folder.path(), &["--format", "json", "."]);
    assert_eq!((after.status.code(), json(&after)["findings"].as_array().map(Vec::len)), (Some(0), Some(0)));
}

#[test]
fn fixes_are_written_once_and_keep_the_mode() {
    let folder = tree(&[("a.c", LEAKY)]);
    let file = folder.path().join("a.c");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("ours");
    assert_eq!(leaks(folder.path(), &["--fix", "a.c"]).status.code(), Some(1));
    let after = fs::read_to_string(&file).expect("still there");
    assert_eq!(after.matches("free(copy);").count(), 2, "{after}");
    assert_eq!(fs::metadata(&file).expect("still there").permissions().mode() & 0o777, 0o640);
    assert_eq!(leaks(folder.path(), &["--fix", "a.c"]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).expect("still there"), after);
    assert_eq!(fs::read_dir(folder.path()).expect("ours").count(), 1, "something was left beside the file");
}

#[test]
fn a_named_link_is_fixed_where_it_leads() {
    let folder = tree(&[("real/a.c", LEAKY)]);
    let link = folder.path().join("link.c");
    symlink("real/a.c", &link).expect("ours");
    assert_eq!(leaks(folder.path(), &["--fix", "link.c"]).status.code(), Some(1));
    assert!(fs::symlink_metadata(&link).expect("still there").is_symlink());
    let after = fs::read_to_string(folder.path().join("real/a.c")).expect("there");
    assert_eq!(after.matches("free(copy);").count(), 2, "{after}");
}

#[test]
fn what_cannot_be_read_is_told_and_what_leaves_the_tree_is_left_alone() {
    let outside = tree(&[("a.c", LEAKY)]);
    let folder = tree(&[("b.c", SOUND), ("other.cpp", ""), ("inside.c", SOUND)]);
    let at = |name: &str| folder.path().join(name);
    fs::write(at("latin.c"), b"/* \xe9 */\n").expect("writable");
    fs::write(at("large.c"), " ".repeat(5 << 20)).expect("writable");
    symlink(outside.path().join("a.c"), at("away.c")).expect("ours");
    symlink(outside.path(), at("folder_away")).expect("ours");
    symlink("inside.c", at("near.c")).expect("ours");
    let output = leaks(folder.path(), &["--fix", "--format", "json", "."]);
    assert_eq!(output.status.code(), Some(0), "nothing outside is found");
    assert_eq!(
        gaps(&output),
        [
            "away.c: it is a link that leaves the tree",
            "folder_away: it is a link that leaves the tree",
            "1 C++ file: only C is read",
            "large.c: it is larger than 4 MiB",
            "latin.c: it is not all UTF-8: no patch shows a line that is not",
        ]
    );
    assert_eq!(fs::read_to_string(outside.path().join("a.c")).expect("there"), LEAKY);
}

/// A name in Latin-1 in a comment keeps nobody from a fix, unless the patch would have to show it.
#[test]
fn a_file_that_is_not_all_utf8_is_read_and_fixed_byte_for_byte() {
    let folder = tree(&[]);
    let bytes = |comment: &[u8], text: &str| [comment, b"\n\n\n\n", text.as_bytes()].concat();
    let name = b"/* Andr\xe9 */";
    fs::write(folder.path().join("a.c"), bytes(name, LEAKY)).expect("writable");
    let told = leaks(folder.path(), &["--fix", "--format", "json", "."]);
    assert_eq!(gaps(&told), ["a.c: it is not all UTF-8: no patch shows a line that is not"]);
    assert!(json(&told)["findings"][0]["fix"]["diff"].is_string(), "{told:?}");
    let after = fs::read(folder.path().join("a.c")).expect("still there");
    assert!(after.starts_with(name), "the name stays what it was");
    assert_eq!(leaks(folder.path(), &["."]).status.code(), Some(0));
    let beside = LEAKY.replacen("return", "/* @ */ return", 3).into_bytes();
    let beside: Vec<u8> = beside.into_iter().map(|byte| if byte == b'@' { 0xe9 } else { byte }).collect();
    fs::write(folder.path().join("a.c"), beside).expect("writable");
    let told = json(&leaks(folder.path(), &["--format", "json", "."]));
    let reason = told["findings"][0]["no_fix_reason"].as_str().unwrap_or_default();
    assert!(reason.contains("UTF-8"), "{told}");
}

#[test]
fn the_repositorys_own_file_teaches_functions() {
    let text = "char *pool_strdup(const char *);\nint user(const char *name)\n{\n    char *copy = pool_strdup(name);\n    return copy[0];\n}\n";
    let folder = tree(&[("a.c", text)]);
    assert_eq!(leaks(folder.path(), &["."]).status.code(), Some(0));
    let file = folder.path().join(".github/incident-responder.yml");
    fs::create_dir(folder.path().join(".github")).expect("writable");
    fs::write(&file, "memory:\n  pool_strdup: acquire-always pool_free\n").expect("writable");
    let told = leaks(folder.path(), &["--format", "json", "."]);
    assert_eq!(json(&told)["findings"][0]["variable"], "copy");
    fs::write(&file, "memory:\n  pool_strdup: acquires\n").expect("writable");
    let refused = leaks(folder.path(), &["."]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("pool_strdup"), "{refused:?}");
}

#[test]
fn the_sarif_has_what_code_scanning_asks_for() {
    let folder = tree(&[("src/a b.c", LEAKY), ("latin.cc", "")]);
    let log = json(&leaks(folder.path(), &["--format", "sarif", "."]));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string() && driver["semanticVersion"].is_string());
    let rule = &driver["rules"][0];
    for text in ["shortDescription", "fullDescription", "help"] {
        assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    let [result] = run["results"].as_array().expect("results").as_slice() else { panic!("one result: {log}") };
    assert_eq!((&result["ruleId"], &result["ruleIndex"]), (&rule["id"], &Value::from(0)));
    assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().expect("a level")));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/a%20b.c");
    assert_eq!(place["region"]["startLine"], 6);
    assert!(result["partialFingerprints"].as_object().is_some_and(|prints| !prints.is_empty()));
    let flow = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().expect("a flow");
    assert!(flow.iter().all(|step| step["location"]["message"]["text"].is_string()), "{flow:?}");
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("notifications");
    assert_eq!((notes.len(), &run["invocations"][0]["executionSuccessful"]), (1, &Value::from(true)));
}
