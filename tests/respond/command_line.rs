//! The same answer from a terminal.

use std::process::Output;

use demo::world::{PAGERDUTY_TOKEN, World};
use serde_json::Value;

use super::support::*;

async fn analyze(world: &World, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("PAGERDUTY_TOKEN", PAGERDUTY_TOKEN).env("TMPDIR", world.folder());
    let address = world.pagerduty.mcp_url();
    command.args(["analyze", "--incident", "12345", "--pagerduty-mcp-url", &address]).args(arguments);
    command.kill_on_drop(true).output().await.expect("the responder ran")
}

#[tokio::test]
async fn a_folder_is_analysed_without_github() {
    let world = world("leak").await;
    let folder = world.github.bare().display().to_string();
    let output = analyze(&world, &["--repository", &folder]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("worker.c:26") && text.contains("Create branch fix/incident-12345"), "{text}");
    assert_eq!(world.github.requests().total(), 0);
    assert!(branches(&world).await.is_empty());
}

#[tokio::test]
async fn json_has_finding_plan_and_outcome() {
    let world = world("leak").await;
    let folder = world.github.bare().display().to_string();
    let output = analyze(&world, &["--repository", &folder, "--format", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!(value["findings"][0]["line"], 26, "{value:#}");
    assert_eq!(value["plan"]["branch"], "fix/incident-12345");
    assert_eq!(value["outcome"]["state"], "planned");
}

#[tokio::test]
async fn a_folder_that_is_no_repository_is_a_usage_error() {
    let world = world("leak").await;
    let output = analyze(&world, &["--repository", "/nowhere/at/all"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a git repository"));
}

#[tokio::test]
async fn help_explains_itself_and_a_bare_call_is_not_a_workflow() {
    let help = tokio::process::Command::new(binary()).arg("--help").output().await.expect("it ran");
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(text.contains("analyze") && text.contains("Exit codes"), "{text}");
    let bare = tokio::process::Command::new(binary()).env_clear().output().await.expect("it ran");
    assert_eq!(bare.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bare.stderr).contains("not a workflow"));
}
