//! GitHub's own description of its REST API between the responder and the stand-in: every request that the responder
//! sends, and every answer that the stand-in gives, must be as GitHub's schema says.
//!
//! Runs where `PRISM_HOME` names a folder into which npm installed `@stoplight/prism-cli` and `@octokit/openapi`;
//! `.ci/real-peers` makes it. Elsewhere the test is ignored, and a line says why.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use demo::pagerduty::NewIncident;
use demo::world::{Comment, Event, Place, Settings, World};
use libtest_mimic::Trial;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::{run, skipped};

/// A configuration without which a sweep does nothing.
const MAPPED: &str = "services:\n  worker-deployment:\n    paths: [worker.c]\n";

/// The paths below `/repos/{owner}/{repo}` that the responder asks for. The whole description takes a minute to load.
const PATHS: [&str; 26] = [
    "",
    "/collaborators/{username}",
    "/collaborators/{username}/permission",
    "/commits",
    "/commits/{ref}",
    "/deployments",
    "/deployments/{deployment_id}/statuses",
    "/git/blobs",
    "/git/commits",
    "/git/commits/{commit_sha}",
    "/git/refs",
    "/git/trees",
    "/issues",
    "/issues/comments",
    "/issues/comments/{comment_id}",
    "/issues/comments/{comment_id}/reactions",
    "/issues/{issue_number}",
    "/issues/{issue_number}/comments",
    "/issues/{issue_number}/labels",
    "/pulls",
    "/pulls/comments/{comment_id}",
    "/pulls/comments/{comment_id}/reactions",
    "/pulls/{pull_number}",
    "/pulls/{pull_number}/comments",
    "/pulls/{pull_number}/comments/{comment_id}/replies",
    "/pulls/{pull_number}/requested_reviewers",
];

/// One test; ignored, with the reason beside its name, where npm's packages are absent.
pub(crate) fn trials() -> Vec<Trial> {
    let name = "github_openapi: requests and answers are as GitHub's description says";
    vec![match std::env::var_os("PRISM_HOME").map(PathBuf::from) {
        Some(home) => Trial::test(name, move || run(as_described(home))),
        None => skipped(name, "PRISM_HOME names no folder with prism and GitHub's description"),
    }]
}

async fn as_described(home: PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = folder.path().join("github.json");
    let whole = home.join("node_modules/@octokit/openapi/generated/api.github.com.json");
    let whole = std::fs::read(&whole).unwrap_or_else(|why| panic!("{}: {why}", whole.display()));
    let whole: Value = serde_json::from_slice(&whole).expect("JSON");
    std::fs::write(&description, reduced(&whole).to_string()).expect("may be written");

    for place in [Place::Issue, Place::Diff] {
        let mut world = World::start(Settings::of("leak")).await.expect("a world");
        world.raise_incident().await.expect("an incident");
        // The requests are on trial here, and running the service takes seconds.
        world.variables.push(("INPUT_PROVE".to_owned(), "off".to_owned()));
        world.land(".github/incident-responder.yml", MAPPED).await.expect("it lands");
        world.pagerduty.records().add_incident(NewIncident {
            title: "worker-deployment answers slowly".to_owned(),
            service: "PSVC001".to_owned(),
            status: "triggered".to_owned(),
            urgency: "low".to_owned(),
            priority: None,
            created_at: world.incident_at,
        });
        // A tag that an alert names is looked up as well.
        world.git(&["tag", "v1.4.2", "main"]).await.expect("a tag");
        world.pagerduty.records().alerts[0]["body"]["details"]["version"] = json!("1.4.2");
        let log = folder.path().join("prism.log");
        let (url, mut prism) = proxy(&home, &description, &world.github.links().api, &log).await;
        world.variables.push(("GITHUB_API_URL".to_owned(), url));
        let ask = || world.comment(Comment::asking("@pagerduty-incident-responder analyze incident #12345").on(place));
        // Twice, so that an answer which exists is met too; and the sweep, which opens an issue for the second incident.
        for event in [ask(), ask(), world.schedule()] {
            respond(&world, &event).await;
        }
        prism.kill().await.expect("it can be ended");
        let log = std::fs::read_to_string(&log).expect("a log");
        assert!(log.contains("Forwarding"), "prism was asked:\n{log}");
        let wrong = violations(&log);
        assert!(wrong.is_empty(), "{wrong:#?}");
        let tags = world.github.requests().count("GET /repos/{owner}/{repo}/commits/{ref}");
        assert!(tags > 0, "the tag was looked up");
        let opened = world.github.requests().count("POST /repos/{owner}/{repo}/pulls");
        let reported = world.github.requests().count("POST /repos/{owner}/{repo}/issues");
        assert_eq!((opened, reported), (1, 1), "the flow went to its end");
    }
}

/// What prism found wrong, each with the request that it belongs to: the log tells it after the forwarding.
fn violations(log: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut request = "";
    for line in log.lines() {
        if let Some((_, forwarded)) = line.split_once("Forwarding ") {
            request = forwarded;
        } else if let Some((_, violation)) = line.split_once("Violation: ") {
            found.insert(format!("{request} {violation}"));
        }
    }
    found
}

async fn respond(world: &World, event: &Event) {
    let binary = Path::new(env!("CARGO_BIN_EXE_pagerduty-incident-responder"));
    let answer = world.respond(binary, event, &[]).await.expect("the responder runs");
    assert_eq!(answer.exit_code, Some(0), "{}\n{}", answer.stdout, answer.stderr);
}

/// Starts prism in front of `upstream`; its log names each violation.
async fn proxy(home: &Path, description: &Path, upstream: &str, log: &Path) -> (String, Child) {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let mut prism = Command::new(home.join("node_modules/.bin/prism"))
        .arg("proxy")
        .arg(description)
        .args([upstream, "--host", "127.0.0.1", "--port", &address.port().to_string()])
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(log).expect("may be written"))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("prism starts");
    while TcpStream::connect(address).await.is_err() {
        assert_eq!(prism.try_wait().expect("a child of ours"), None, "prism ended before it listened");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (format!("http://{address}"), prism)
}

/// The description cut down to [`PATHS`] and what they refer to.
fn reduced(whole: &Value) -> Value {
    let mut paths = Map::new();
    for path in PATHS {
        let path = format!("/repos/{{owner}}/{{repo}}{path}");
        assert!(whole["paths"][&path].is_object(), "GitHub describes no {path}");
        paths.insert(path.clone(), whole["paths"][&path].clone());
    }
    let mut reduced =
        json!({"openapi": whole["openapi"], "info": whole["info"], "servers": whole["servers"], "paths": paths});
    let mut seen = BTreeSet::new();
    let mut open = references(&reduced["paths"]);
    while let Some(reference) = open.pop() {
        if !seen.insert(reference.clone()) {
            continue;
        }
        let pointer = reference.trim_start_matches('#');
        let target = whole.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        open.extend(references(target));
        let place = pointer.trim_start_matches('/').split('/').fold(&mut reduced, |at, part| &mut at[part]);
        *place = target.clone();
    }
    reduced
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => {
            let own = object.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(object.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
