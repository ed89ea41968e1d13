//! A server that is a child process.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use pagerduty_incident_responder::failure::FailureKind;
use pagerduty_incident_responder::io::pagerduty::PagerDuty;
use pagerduty_incident_responder::settings::pagerduty::{PagerDutySettings, Route};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stand_in::{TOKEN, World, now, recorded, reference, settings};

/// A folder with the answers of one version, each in a file of one line.
pub(crate) fn replies(version: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keep = |name: &str, json: Value| std::fs::write(folder.path().join(name), json.to_string()).expect("a file");
    let all = recorded("tools");
    let tools = all.get(version).and_then(Value::as_object).expect("a recorded version");
    let listed: Vec<Value> = tools.iter().map(|(name, schema)| json!({"name": name, "inputSchema": schema})).collect();
    keep("tools.json", json!({"tools": listed}));
    for tool in tools.keys() {
        keep(tool, recorded(tool));
    }
    folder
}

/// Settings for the test server, with an environment that holds a secret of somebody else's.
pub(crate) fn server(folder: &Path, manner: &str) -> PagerDutySettings {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pagerduty/fixtures/server.sh");
    let line = format!("sh '{script}' '{}' {manner}", folder.display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let environment = [
        (OsString::from("PATH"), path),
        (OsString::from("GITHUB_TOKEN"), OsString::from("ghs_secret")),
        (OsString::from("PAGERDUTY_API_HOST"), OsString::from("https://api.eu.pagerduty.com")),
    ];
    settings(Route::command(&line, environment).expect("a command"))
}

#[tokio::test]
async fn a_child_gives_the_same_incident_as_http() {
    let over_http = World::new("1.1.0").start().await.connect().await;
    let mut expected = over_http.incident(&reference("42"), now()).await.expect("the incident is there").value;
    // The script answers every list of incidents alike, so the urgency cannot be told and the priority stands in.
    expected.severity = pagerduty_incident_responder::model::incident::Severity::Priority("P1".into());
    for (version, manner) in [("0.17.0", ""), ("1.0.0", "noisy"), ("1.1.0", "")] {
        let folder = replies(version);
        let pager = PagerDuty::connect(&server(folder.path(), manner)).await.expect("the script answers");
        let reading = pager.incident(&reference("42"), now()).await.expect("the incident is there");
        assert_eq!(reading.value, expected, "{version}");
        assert_eq!(reading.gaps, [], "{version}");
        pager.close().await;
    }
}

#[tokio::test]
async fn a_child_sees_the_token_and_nothing_it_does_not_need() {
    let folder = replies("1.1.0");
    let pager = PagerDuty::connect(&server(folder.path(), "")).await.expect("the script answers");
    pager.close().await;
    let seen = std::fs::read_to_string(folder.path().join("environment")).expect("the script wrote it");
    assert!(seen.contains(&format!("PAGERDUTY_USER_API_KEY={TOKEN}\n")), "{seen}");
    assert!(seen.contains("PAGERDUTY_API_HOST=https://api.eu.pagerduty.com\n"), "{seen}");
    for foreign in ["GITHUB", "CARGO", "ghs_secret"] {
        assert!(!seen.contains(foreign), "{foreign}: {seen}");
    }
}

#[tokio::test]
async fn a_child_that_ends_at_once_has_its_last_words_told() {
    let folder = replies("1.1.0");
    let failure = PagerDuty::connect(&server(folder.path(), "dies")).await.expect_err("it does not live");
    assert_eq!(failure.kind, FailureKind::Peer);
    assert_eq!(
        failure.problem,
        "Could not connect to PagerDuty's MCP server at the command `sh`: the server could not be reached \
         (`sh` ended at once and said: ModuleNotFoundError: no module named pagerduty, key ***)."
    );
}

#[tokio::test]
async fn a_child_that_leaves_is_told_apart_from_one_that_is_silent() {
    let folder = replies("1.1.0");
    let pager = PagerDuty::connect(&server(folder.path(), "leaves")).await.expect("the script answers");
    let failure = pager.incident(&reference("42"), now()).await.expect_err("it left");
    assert!(failure.problem.contains("the server closed the connection before it answered"), "{failure}");

    let folder = replies("1.1.0");
    let mut limited = server(folder.path(), "silent");
    let pager = PagerDuty::connect(&limited).await.expect("the script answers");
    pager.close().await;
    limited.limits.call = Duration::from_millis(300);
    let pager = PagerDuty::connect(&limited).await;
    // On a busy machine the list of tools may take longer than that; both are told as silence.
    let failure = match pager {
        Ok(pager) => pager.incident(&reference("42"), now()).await.expect_err("it is silent"),
        Err(failure) => failure,
    };
    assert!(failure.problem.contains("no answer came within 0.3 s"), "{failure}");
}

#[tokio::test]
async fn a_program_that_does_not_exist() {
    let route = Route::command("no-such-program-anywhere --x", []).expect("a command");
    let failure = PagerDuty::connect(&settings(route)).await.expect_err("there is no such program");
    assert!(failure.problem.contains("`no-such-program-anywhere` does not start: No such file"), "{failure}");
}
