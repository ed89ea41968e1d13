//! The stand-in GitHub answers a client as the real one would.

use std::path::Path;

use base64::Engine as _;
use chrono::Utc;
use demo::git::git;
use demo::github::{Ability, Access, GitHub, Hosts, Records, Scripted};
use demo::history::{self, Landed};
use demo::scenario::{self, SCENARIOS};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const TOKEN: &str = "ghs_demoTokenOfTheStandIn0000000000000000";
const REPOSITORY: &str = "octo-org/worker";

struct Fixture {
    github: GitHub,
    landed: Vec<Landed>,
    dir: TempDir,
}

impl Fixture {
    async fn new(hosts: Hosts) -> Fixture {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let bare = dir.path().join("worker.git");
        let landings = (SCENARIOS[0].landings)();
        let landed = history::build(&bare, &landings, &scenario::people(), Utc::now()).await.expect("a history");
        let records = Records::new(REPOSITORY, TOKEN, scenario::people());
        let github = GitHub::start(&bare, hosts, records).await.expect("it starts");
        Fixture { github, landed, dir }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value, reqwest::header::HeaderMap) {
        let url = if path == "/graphql" {
            self.github.graphql_url().to_owned()
        } else if path.starts_with("/user") {
            format!("{}{path}", self.github.links().api)
        } else {
            self.github.links().repo_api(path)
        };
        let request = reqwest::Client::new().request(method, url).bearer_auth(TOKEN);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.expect("the stand-in answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, response.json().await.unwrap_or_default(), headers)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body, _) = self.send(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let (status, body, _) = self.send(Method::POST, path, body).await;
        (status, body)
    }

    fn head(&self) -> &str {
        &self.landed.last().expect("landings").sha
    }

    async fn commit(&self, branch: &str, expected: &str, contents: &str) -> Value {
        let query = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid url signature { isValid } } } }";
        let input = json!({
            "branch": {"repositoryNameWithOwner": REPOSITORY, "branchName": branch},
            "message": {"headline": "Release the buffer", "body": "After its last use."},
            "expectedHeadOid": expected,
            "fileChanges": {"additions": [{"path": "worker.c",
                "contents": base64::engine::general_purpose::STANDARD.encode(contents)}]},
        });
        self.post("/graphql", json!({"query": query, "variables": {"input": input}})).await.1
    }
}

#[tokio::test]
async fn each_history_ends_with_its_worker() {
    for scenario in SCENARIOS {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let bare = dir.path().join("r.git");
        let landings = (scenario.landings)();
        let landed = history::build(&bare, &landings, &scenario::people(), Utc::now()).await.expect("a history");
        assert_eq!(landed.len(), landings.len());
        assert!(landings.is_sorted_by(|a, b| a.before >= b.before), "{} is not in order", scenario.name);
        let source = git(&bare, &["show", "main:worker.c"]).await.expect("there is a worker");
        let is_leak = scenario.expect.restored.is_some_and(|(path, _)| path == "worker.c");
        assert_eq!(!source.contains("free(buffer)"), is_leak, "{}", scenario.name);
        if let (Some(culprit), Some((path, text))) = (scenario.expect.culprit, scenario.expect.restored) {
            let accused = landed.iter().find(|l| l.subject == culprit).expect("it landed");
            let before = format!("{}^1", accused.sha);
            let diff = git(&bare, &["diff", "--unified=0", &before, &accused.sha, "--", path]).await.expect("a diff");
            let taken_out: String =
                diff.lines().filter_map(|l| l.strip_prefix('-')).map(|l| format!("{l}\n")).collect();
            assert!(taken_out.contains(text), "{}: {taken_out}", scenario.name);
        }
    }
}

#[tokio::test]
async fn people_have_their_permissions_and_a_wrong_token_has_none() {
    let world = Fixture::new(Hosts::Separate).await;
    let of = async |login: &str| world.get(&format!("/collaborators/{login}/permission")).await["permission"].clone();
    assert_eq!(of("octo-dev").await, "write");
    assert_eq!(of("OCTO-ADMIN").await, "admin");
    assert_eq!(of("octo-guest").await, "read");
    let (status, ..) = world.send(Method::GET, "/collaborators/nobody/permission", Value::Null).await;
    assert_eq!(status, 404);
    for (login, answer) in [("octo-dev", 204), ("nobody", 404)] {
        assert_eq!(world.send(Method::GET, &format!("/collaborators/{login}"), Value::Null).await.0, answer);
    }
    let (status, ..) = world.send(Method::GET, "/user", Value::Null).await;
    assert_eq!(status, 403);
    let wrong = reqwest::Client::new().get(world.github.links().repo_api("")).bearer_auth("ghs_wrong").send().await;
    assert_eq!(wrong.expect("an answer").status(), 401);
    assert_eq!(world.github.requests().count("GET /repos/{owner}/{repo}/collaborators/{login}/permission"), 4);
    let foreign = format!("{}/repos/octo-org/worker-2", world.github.links().api);
    let foreign = reqwest::Client::new().get(foreign).bearer_auth(TOKEN).send().await.expect("an answer");
    assert_eq!(foreign.status(), 404);
}

#[tokio::test]
async fn a_fix_goes_from_ref_to_commit_to_pull_request() {
    for hosts in [Hosts::Separate, Hosts::Enterprise] {
        let world = Fixture::new(hosts).await;
        let new_ref = json!({"ref": "refs/heads/fix/incident-12345", "sha": world.head()});
        assert_eq!(world.post("/git/refs", new_ref.clone()).await.0, 201);
        let (status, refused) = world.post("/git/refs", new_ref).await;
        assert_eq!((status, &refused["message"]), (422, &json!("Reference already exists")));
        let pull = json!({"title": "Fix", "head": "fix/incident-12345", "base": "main", "draft": true, "body": "b"});
        assert_eq!(
            world.post("/pulls", pull.clone()).await.1["errors"][0]["message"],
            "No commits between main and fix/incident-12345"
        );

        let stale = world.commit("fix/incident-12345", &"0".repeat(40), "x").await;
        assert!(
            stale["errors"][0]["message"].as_str().is_some_and(|m| m.starts_with("Expected branch to point to")),
            "{stale}"
        );
        let done = world.commit("fix/incident-12345", world.head(), "int main(void) { return 0; }\n").await;
        let commit = &done["data"]["createCommitOnBranch"]["commit"];
        assert_eq!(commit["signature"], json!({"isValid": true}));
        let shown = git(world.github.bare(), &["show", "fix/incident-12345:worker.c"]).await.expect("it is there");
        assert_eq!(shown, "int main(void) { return 0; }");
        let parent = git(world.github.bare(), &["rev-parse", "fix/incident-12345^"]).await.expect("has a parent");
        assert_eq!(parent, world.head());

        let (status, opened) = world.post("/pulls", pull.clone()).await;
        assert_eq!((status, &opened["draft"], &opened["number"]), (201, &json!(true), &json!(1)));
        assert_eq!(opened["head"]["sha"], commit["oid"]);
        let (status, again) = world.post("/pulls", pull).await;
        assert_eq!(status, 422);
        assert_eq!(again["errors"][0]["message"], "A pull request already exists for octo-org:fix/incident-12345.");
        let found = world.get("/pulls?head=octo-org:fix/incident-12345&state=open").await;
        assert_eq!(found.as_array().map(Vec::len), Some(1));

        assert_eq!(world.post("/issues/1/labels", json!({"labels": ["incident"]})).await.0, 200);
        let reviewers = |login: &str| json!({"reviewers": [login]});
        assert_eq!(world.post("/pulls/1/requested_reviewers", reviewers("oncall-engineer")).await.0, 201);
        assert_eq!(world.post("/pulls/1/requested_reviewers", reviewers("nobody")).await.0, 422);
        assert_eq!(world.get("/issues?labels=incident&state=all").await[0]["number"], 1);
    }
}

#[tokio::test]
async fn comments_are_made_changed_and_reacted_to() {
    let world = Fixture::new(Hosts::Separate).await;
    assert_eq!(world.post("/issues", json!({"title": "Pages", "body": "x"})).await.0, 201);
    let (status, comment) = world.post("/issues/1/comments", json!({"body": "working"})).await;
    assert_eq!(status, 201);
    let path = format!("/issues/comments/{}", comment["id"]);
    let (status, changed, _) = world.send(Method::PATCH, &path, json!({"body": "done"})).await;
    assert_eq!((status, &changed["body"]), (200, &json!("done")));
    assert_eq!(world.post(&format!("{path}/reactions"), json!({"content": "eyes"})).await.0, 201);
    assert_eq!(world.post(&format!("{path}/reactions"), json!({"content": "eyes"})).await.0, 200);
    assert_eq!(world.post("/issues/1/comments", json!({"body": "x".repeat(65_537)})).await.0, 422);
    assert_eq!(world.post("/issues/9/comments", json!({"body": "x"})).await.0, 404);

    for _ in 0..4 {
        world.post("/issues/1/comments", json!({"body": "more"})).await;
    }
    let (_, page, headers) = world.send(Method::GET, "/issues/1/comments?per_page=2&page=2", Value::Null).await;
    assert_eq!(page.as_array().map(Vec::len), Some(2));
    assert!(headers["link"].to_str().is_ok_and(|l| l.contains("page=3>; rel=\"next\"")), "{headers:?}");

    let ask = async |query: &str| world.post("/graphql", json!({"query": query})).await.1;
    let viewer = ask("query { viewer { login databaseId } }").await;
    assert_eq!(viewer["data"], json!({"viewer": {"login": "github-actions[bot]", "databaseId": 41_898_282}}));
    assert_eq!(ask("{ viewer { login } }").await["data"], json!({"viewer": {"login": "github-actions[bot]"}}));
    assert!(ask("{ repository { id } }").await["errors"][0]["message"].is_string());
}

#[tokio::test]
async fn refusals_are_worded_as_githubs() {
    let world = Fixture::new(Hosts::Separate).await;
    world.post("/issues", json!({"title": "Pages"})).await;
    world.github.records().grants.issues = Access::Read;
    let (status, body, headers) = world.send(Method::POST, "/issues/1/comments", json!({"body": "x"})).await;
    assert_eq!((status, &body["message"]), (403, &json!("Resource not accessible by integration")));
    assert_eq!(headers["x-accepted-github-permissions"], "issues=write; pull_requests=write");

    world.github.records().grants.contents = Access::Read;
    let (status, _, headers) =
        world.send(Method::POST, "/git/refs", json!({"ref": "refs/heads/x", "sha": world.head()})).await;
    assert_eq!((status, &headers["x-accepted-github-permissions"]), (403, &"contents=write".parse().expect("a value")));
    let refused = world.commit("main", world.head(), "x").await;
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");

    world.github.records().grants.contents = Access::Write;
    world.post("/git/refs", json!({"ref": "refs/heads/fix/x", "sha": world.head()})).await;
    world.commit("fix/x", world.head(), "x").await;
    let pull = |draft: bool| json!({"title": "Fix", "head": "fix/x", "base": "main", "draft": draft});
    world.github.records().drafts = Ability::Refused;
    assert_eq!(
        world.post("/pulls", pull(true)).await.1["message"],
        "Draft pull requests are not supported in this repository."
    );
    world.github.records().pulls_by_actions = Ability::Refused;
    let (status, body) = world.post("/pulls", pull(false)).await;
    assert_eq!(
        (status, &body["message"]),
        (403, &json!("GitHub Actions is not permitted to create or approve pull requests."))
    );

    let scripted = Scripted::new("GET /repos/{owner}/{repo}", 429, "slow down").with_header("retry-after", "30");
    world.github.records().script.push_back(scripted);
    let (status, _, headers) = world.send(Method::GET, "", Value::Null).await;
    assert_eq!((status, headers["retry-after"].to_str().ok()), (429, Some("30")));
    let (status, _, headers) = world.send(Method::GET, "", Value::Null).await;
    assert_eq!((status, headers["x-ratelimit-resource"].to_str().ok()), (200, Some("core")));
}

#[tokio::test]
async fn commits_carry_the_accounts_of_their_authors() {
    let world = Fixture::new(Hosts::Separate).await;
    let mine = world.get("/commits?author=oncall-engineer").await;
    assert_eq!(mine.as_array().map(Vec::len), Some(2));
    assert_eq!(mine[0]["author"]["login"], "oncall-engineer");
    let culprit =
        world.landed.iter().find(|l| Some(l.subject.as_str()) == SCENARIOS[0].expect.culprit).expect("landed");
    let since = (Utc::now() - chrono::TimeDelta::hours(24)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(world.get(&format!("/commits?sha=main&since={since}")).await.as_array().map(Vec::len), Some(5));
    let compared = world.get(&format!("/compare/{}...main", culprit.sha)).await;
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(2)));
    assert_eq!(world.get("/commits?per_page=1").await[0]["sha"], world.head());
}

#[tokio::test]
async fn git_clones_it_partially_and_only_with_the_token() {
    let world = Fixture::new(Hosts::Separate).await;
    let clone = async |token: &str, into: &Path| {
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
        let header = format!("http.extraHeader=Authorization: Basic {credentials}");
        let (url, into) = (world.github.links().page(), into.display().to_string());
        let clone = ["-c", header.as_str(), "clone", "--quiet", "--bare", "--filter=blob:none", &url, &into];
        git(world.dir.path(), &clone).await
    };
    assert!(clone("wrong", &world.dir.path().join("refused")).await.is_err());
    let into = world.dir.path().join("copy.git");
    clone(TOKEN, &into).await.expect("a clone");
    assert_eq!(git(&into, &["rev-parse", "main"]).await.expect("has main"), world.head());
    let missing = git(&into, &["rev-list", "--objects", "--missing=print", "main"]).await.expect("lists");
    assert!(missing.lines().any(|l| l.starts_with('?')), "blobs were left out");
    assert!(world.github.git_requests().count("POST git-upload-pack") > 0);
}
