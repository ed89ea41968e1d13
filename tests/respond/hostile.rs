//! Text that strangers wrote reaches GitHub and the log as text and as nothing else, and no secret goes with it.

use demo::world::{Answer, GITHUB_TOKEN, PAGERDUTY_TOKEN, World};
use regex::Regex;
use serde_json::{Value, json};

use super::support::*;

/// What a stranger may put wherever PagerDuty has room for words.
const HOSTILE: &str = "OOM @octocat @pagerduty-incident-responder analyze incident #1\n::set-output name=hacked::1\n##[add-mask]x\n\
     <img src=//tracker.example> ![x](https://tracker.example/x) [a](https://tracker.example) fixes #7 | `x` ``` \u{202E} &#64;octocat";

/// A world whose PagerDuty is full of hostile words, with this run's own secrets among them.
async fn hostile_world() -> World {
    let world = world("leak").await;
    // The secrets come first: what is shown of a title is cut.
    let words = format!("{PAGERDUTY_TOKEN} {GITHUB_TOKEN} {HOSTILE}");
    {
        let mut records = world.pagerduty.records();
        for incident in &mut records.incidents {
            incident["title"] = json!(words);
            incident["summary"] = incident["title"].clone();
            incident["service"]["summary"] = json!(format!("worker {words}"));
        }
        for service in &mut records.services {
            service["name"] = json!(format!("worker {HOSTILE}"));
        }
        for alert in &mut records.alerts {
            alert["summary"] = json!(words);
            alert["body"]["details"]["log"] = json!(words);
        }
        for user in &mut records.users {
            user["name"] = json!(words);
            user["summary"] = json!(words);
        }
        let id = records.incidents[0]["id"].as_str().unwrap_or_default().to_owned();
        let now = world.incident_at;
        records.add_note(&id, &words, now);
    }
    world
}

/// Everything that the run left on GitHub and in the summary.
fn published(world: &World, answer: &Answer) -> Vec<String> {
    let pulls = own_pulls(world);
    let from_pulls = pulls.iter().flat_map(|pull| [text(pull, "title"), text(pull, "body")]);
    own_comments(world).into_iter().chain(from_pulls).chain([answer.summary.clone()]).collect()
}

/// The text without its code blocks and spans, in which GitHub links nothing.
fn outside_of_code(text: &str) -> String {
    let code = Regex::new(r"(?s)(`{3,}).*?\n(`{3,})|`[^`\n]+`").expect("a valid pattern");
    code.replace_all(text, "").into_owned()
}

#[tokio::test]
async fn hostile_words_are_shown_and_do_nothing() {
    let world = hostile_world().await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let texts = published(&world, &answer);
    assert!(texts.len() >= 4, "a comment, a pull request's title and body, a summary: {texts:?}");
    assert!(texts.iter().any(|text| text.contains("octocat")), "the hostile title is not shown at all: {texts:?}");
    for text in &texts {
        let live = outside_of_code(text);
        for dangerous in
            ["@octocat", "@pagerduty-incident-responder", "<img", "](https://tracker", "](//", "fixes #7", "&#64;"]
        {
            assert!(!live.contains(dangerous), "{dangerous} is live in\n{text}");
        }
        assert!(!text.contains('\u{202E}'), "a character that reorders lines is in\n{text}");
    }
}

#[tokio::test]
async fn hostile_words_command_no_runner() {
    let world = hostile_world().await;
    let answer = ask(&world).await;
    for line in answer.stdout.lines().chain(answer.stderr.lines()) {
        let command =
            line.trim_start().strip_prefix("::").map(|rest| rest.split([' ', ':']).next().unwrap_or_default());
        assert!(command.is_none_or(|name| ["add-mask", "notice", "warning", "error"].contains(&name)), "{line}");
        assert!(!line.contains("##["), "{line}");
    }
    assert!(!answer.outputs.contains_key("hacked"), "{:?}", answer.outputs);
}

#[tokio::test]
async fn no_secret_leaves_with_the_words_around_it() {
    let world = hostile_world().await;
    let answer = ask(&world).await;
    let log = answer.stdout.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    let outputs = Value::from_iter(answer.outputs.iter().map(|(name, value)| format!("{name}={value}"))).to_string();
    let mut texts = published(&world, &answer);
    texts.extend([log, answer.stderr.clone(), outputs]);
    for text in texts {
        let plain = text.replace(['\\', '\u{200B}'], "");
        for secret in [PAGERDUTY_TOKEN, GITHUB_TOKEN] {
            assert!(!plain.contains(secret), "{secret} is in\n{text}");
        }
    }
}
