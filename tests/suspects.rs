//! Naming the landing at fault, through the command line: real histories in, verdicts out.

#[path = "support/sandbox.rs"]
mod sandbox;

use std::process::{Command, Output};

use pagerduty_incident_responder::model::ids::CommitSha;
use sandbox::{BEGINNING, Sandbox};
use serde_json::Value;

const TRACE: &str = "Worker crashes on every job since noon\n\n\
    Traceback (most recent call last):\n  \
      File \"/app/worker/controller.py\", line 12, in run\n    \
        process_job(job)\n  \
      File \"/app/worker/process.py\", line 4, in process_job\n    \
        return job[\"payload\"][\"retries\"] + backoff_seconds(job)\n\
    KeyError: 'payload'\n";

/// A day on which one landing breaks what the trace shows, and others do something else.
struct Day {
    sandbox: Sandbox,
    culprit: CommitSha,
    others: Vec<CommitSha>,
}

fn day() -> Day {
    let sandbox = Sandbox::new();
    sandbox.write(
        "worker/controller.py",
        "import process\n\n\ndef run(jobs):\n    for job in jobs:\n        process_job(job)\n",
    );
    sandbox.write("worker/process.py", "def process_job(job):\n    return job[\"retries\"]\n");
    sandbox.write("web/index.html", "<h1>Jobs</h1>\n");
    sandbox.commit(0, "Begin");
    let mut others = vec![
        sandbox.land(30, "web/index.html", "<h1>All jobs</h1>\n", "Rename the page (#20)"),
        sandbox.land(31, "docs/jobs.md", "A job that crashes is tried again.\n", "Explain when a worker crashes"),
    ];
    let culprit = sandbox.land(
        32,
        "worker/process.py",
        "from timing import backoff_seconds\n\ndef process_job(job):\n    return job[\"payload\"][\"retries\"] + backoff_seconds(job)\n",
        "Wait longer between retries (#21)",
    );
    for hour in 33..36 {
        let path = format!("web/page_{hour}.html");
        others.push(sandbox.land(hour, &path, "<p>Nothing of interest</p>\n", &format!("Add page {hour}")));
    }
    Day { sandbox, culprit, others }
}

fn suspects(sandbox: &Sandbox, text: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("incident.txt");
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagerduty-incident-responder"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg("suspects").arg("--repo").arg(sandbox.path()).arg("--text").arg(&file).args(arguments);
    command.output().expect("it ran")
}

fn until(hour: i64) -> String {
    (BEGINNING + hour * 3600).to_string()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

fn commits(value: &Value) -> Vec<String> {
    let suspects = value["suspects"].as_array().expect("suspects");
    suspects.iter().map(|it| it["commit"].as_str().expect("a commit").to_owned()).collect()
}

#[test]
fn the_landing_whose_lines_are_on_the_stack_is_accused_with_reasons() {
    let day = day();
    let value = json(&suspects(&day.sandbox, TRACE, &["--until", &until(40), "--format", "json"]));
    assert_eq!(value["verdict"], "accused", "{value:#}");
    let first = &value["suspects"][0];
    assert_eq!(first["commit"], day.culprit.as_str());
    assert_eq!(first["pull_request"], 21);
    let reasons = first["reasons"].to_string();
    assert!(reasons.contains("worker/process.py") && reasons.contains("on the stack"), "{reasons}");
    assert_eq!(commits(&value).len(), 1 + day.others.len(), "every landing of the window is listed: {value:#}");
    let probabilities: Vec<f64> =
        value["suspects"].as_array().expect("a list").iter().filter_map(|it| it["probability"].as_f64()).collect();
    let sum: f64 = probabilities.iter().sum::<f64>() + value["none_of_these"].as_f64().expect("a number");
    assert!((sum - 1.0).abs() < 1e-9 && probabilities.is_sorted_by(|a, b| a >= b), "{value:#}");
    let unexplained = value["suspects"].as_array().expect("a list").iter().filter(|it| it["reasons"][0].is_null());
    assert_eq!(unexplained.count(), 0, "each is explained in words");
}

#[test]
fn the_text_for_people_says_the_same() {
    let day = day();
    let output = suspects(&day.sandbox, TRACE, &["--until", "2025-10-17T16:00:00Z"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with(&format!("Accused: {}", day.culprit.short())), "{text}");
    assert!(text.contains("Wait longer between retries (#21), octo-dev"), "{text}");
}

#[test]
fn a_repair_in_the_future_is_never_read() {
    let day = day();
    let before = json(&suspects(&day.sandbox, TRACE, &["--until", &until(40), "--format", "json"]));
    let repaired = "def process_job(job):\n    return job[\"retries\"]\n";
    let message = format!("Repair KeyError in process_job\n\n{TRACE}\nFixes: {}", day.culprit);
    let future = day.sandbox.land(41, "worker/process.py", repaired, &message);
    let after = json(&suspects(&day.sandbox, TRACE, &["--until", &until(40), "--format", "json"]));
    assert_eq!(before, after, "what comes later changes nothing, not even a probability");
    assert!(!after.to_string().contains(future.as_str()));

    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("candidates");
    std::fs::write(&list, format!("# all\n{}\n{future}\n\n{}\n", day.culprit, day.others[0])).expect("written");
    let list = list.display().to_string();
    let arguments = ["--until", &until(40), "--candidates", &list, "--format", "json"];
    let value = json(&suspects(&day.sandbox, TRACE, &arguments));
    assert_eq!(commits(&value), [day.culprit.as_str(), day.others[0].as_str()]);
    assert!(value["gaps"].to_string().contains("later than the incident"), "{value:#}");
}

#[test]
fn another_branch_is_not_read() {
    let day = day();
    day.sandbox.git(36, &["checkout", "--quiet", "-b", "elsewhere"]);
    let message = format!("Repair KeyError in process_job\n\nFixes: {}", day.culprit);
    let stray = day.sandbox.land(36, "worker/process.py", "def process_job(job):\n    return 1\n", &message);
    day.sandbox.git(36, &["checkout", "--quiet", "main"]);
    let value = json(&suspects(&day.sandbox, TRACE, &["--until", &until(40), "--format", "json"]));
    assert!(!value.to_string().contains(stray.as_str()), "{value:#}");
}

#[test]
fn where_nothing_fits_nobody_is_accused_and_it_says_what_would_help() {
    let day = day();
    let text = "Checkout latency above two seconds in region north\n";
    let output = suspects(&day.sandbox, text, &["--until", &until(40)]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.starts_with("Inconclusive among 6 landings"), "{text}");
    assert!(text.contains("What would tell:") && text.contains("A stack trace"), "{text}");
    assert!(text.contains("And 1 less likely ones."), "the first five are shown: {text}");
}

#[test]
fn a_window_without_landings_is_inconclusive() {
    let day = day();
    let value = json(&suspects(&day.sandbox, TRACE, &["--until", &until(20), "--hours", "4", "--format", "json"]));
    assert_eq!((value["verdict"].as_str(), commits(&value).len()), (Some("inconclusive"), 0), "{value:#}");
    assert_eq!(value["none_of_these"], 1.0);
}

#[test]
fn documentation_alone_is_held_back() {
    let sandbox = Sandbox::new();
    sandbox.land(0, "README.md", "Jobs\n", "Begin");
    let words = "The retry queue overflows when the broker restarts.\n";
    let documentation = sandbox.land(30, "docs/queue.md", words, "Describe the retry queue");
    let code = sandbox.land(31, "src/queue.txt.rs", words, "Change the retry queue");
    let text = "retry queue overflows since the broker restarts";
    let value = json(&suspects(&sandbox, text, &["--until", &until(40), "--format", "json"]));
    assert_eq!(commits(&value), [code.as_str(), documentation.as_str()], "{value:#}");
    assert!(value["suspects"][1]["reasons"].to_string().contains("documentation only"), "{value:#}");
}

#[test]
fn a_dependency_that_moved_to_the_version_in_the_log_is_named() {
    let sandbox = Sandbox::new();
    let lock = |version: &str| {
        format!("{{\n  \"name\": \"shop\",\n  \"dependencies\": {{\n    \"ringbuffer\": \"{version}\"\n  }}\n}}\n")
    };
    sandbox.land(0, "package.json", &lock("1.9.0"), "Begin");
    for hour in 25..30 {
        sandbox.land(hour, &format!("src/page{hour}.js"), "export default 1;\n", &format!("Page {hour}"));
    }
    let moved = sandbox.land(30, "package.json", &lock("2.4.1"), "Update dependencies");
    let text =
        "npm ERR! code ELIFECYCLE\nnpm ERR! ringbuffer@2.4.1 install: `node-gyp rebuild`\nnpm ERR! Exit status 1\n";
    let value = json(&suspects(&sandbox, text, &["--until", &until(40), "--format", "json"]));
    assert_eq!(value["suspects"][0]["commit"], moved.as_str(), "{value:#}");
    assert!(value["suspects"][0]["reasons"].to_string().contains("a package that the incident names"), "{value:#}");
}

#[test]
fn the_answer_is_the_same_every_time() {
    let day = day();
    let arguments = ["--until", &until(40), "--format", "json"];
    let first = suspects(&day.sandbox, TRACE, &arguments).stdout;
    assert_eq!(first, suspects(&day.sandbox, TRACE, &arguments).stdout);
}

#[test]
fn wrong_input_is_told_with_a_remedy() {
    let day = day();
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("candidates");
    std::fs::write(&list, "0123abc\n").expect("written");
    let list = list.display().to_string();
    for (text, arguments, code, words) in [
        (TRACE, vec!["--until", "yesterday"], 2, "RFC 3339"),
        (TRACE, vec!["--hours", "0"], 2, "1..=720"),
        (TRACE, vec!["--candidates", "/nowhere/at/all"], 2, "--candidates /nowhere/at/all"),
        (TRACE, vec!["--candidates", list.as_str()], 2, "not a full commit id"),
        (TRACE, vec!["--until", "17"], 2, "no commit by 1970"),
        ("\n", vec![], 2, "is empty"),
        (TRACE, vec!["--format", "yaml"], 2, "invalid value"),
    ] {
        let output = suspects(&day.sandbox, text, &arguments);
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}

#[test]
fn a_folder_without_a_repository_is_usage_and_a_damaged_one_is_gits_failure() {
    let day = day();
    let nowhere = Sandbox::new();
    std::fs::remove_dir_all(nowhere.path().join(".git")).expect("removed");
    let output = suspects(&nowhere, TRACE, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a git repository"));

    std::fs::remove_dir_all(day.sandbox.path().join(".git/objects")).expect("removed");
    std::fs::create_dir(day.sandbox.path().join(".git/objects")).expect("made");
    let output = suspects(&day.sandbox, TRACE, &["--until", &until(40)]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
