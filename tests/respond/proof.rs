//! When nothing is run, and what is said then.

use demo::world::{Comment, Settings};

use super::support::*;

/// What the pull request says of the proof.
async fn told(variables: &[(&str, &str)], inputs: &[(&str, &str)]) -> String {
    let mut world = proving_world(Settings::of("leak")).await;
    world.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let answer = respond(&world, &world.comment(Comment::asking(COMMAND)), inputs).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("proof").map(String::as_str), Some("not-run"), "{:?}", answer.outputs);
    assert_eq!(answer.outputs.get("proof-chart"), None);
    text(&own_pulls(&world).pop().expect("a pull request"), "body")
}

#[tokio::test]
async fn on_a_machine_that_is_kept_nothing_is_run_unasked() {
    let body = told(&[("RUNNER_ENVIRONMENT", "self-hosted")], &[]).await;
    assert!(body.contains("- Not run: this machine is kept after the job"), "{body}");
    assert!(body.contains("without \\`prove: on\\`"), "{body}");
}

#[tokio::test]
async fn switched_off_nothing_is_run() {
    let body = told(&[], &[("prove", "off")]).await;
    assert!(body.contains("**Not run**: it is switched off by"), "{body}");
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    let world = proving_world(Settings::of("leak")).await;
    let second = "int main(void)\n{\n    return 0;\n}\n";
    commit(&world, "tool.c", second).await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let body = text(&own_pulls(&world).pop().expect("a pull request"), "body");
    assert!(body.contains("the service has 2 programs"), "{body}");
}

#[tokio::test]
async fn the_code_of_a_folder_is_not_run_unasked() {
    let world = proving_world(Settings::of("leak")).await;
    let address = world.pagerduty.mcp_url();
    let mut command = tokio::process::Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("PAGERDUTY_TOKEN", demo::world::PAGERDUTY_TOKEN).env("RUNNER_ENVIRONMENT", "github-hosted");
    command.args(["analyze", "--incident", "12345", "--pagerduty-mcp-url", &address, "--repository"]);
    let output = command.arg(world.github.bare()).kill_on_drop(true).output().await.expect("it ran");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("**Not run**: what is checked out in a folder"), "{said}");
}

#[tokio::test]
async fn one_incident_is_planned_and_published_at_a_time() {
    let world = proving_world(Settings::of("leak")).await;
    for mode in ["plan", "publish"] {
        let answer = respond(&world, &world.schedule(), &[("mode", mode)]).await;
        expect_code(&answer, 0);
        assert_eq!(answer.outputs.get("result").map(String::as_str), Some("skipped"), "{}", answer.stdout);
        assert_eq!(answer.outputs.get("plan-path"), None);
    }
}
