//! GraphQL: who am I, and `createCommitOnBranch`.

use std::collections::BTreeSet;

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use serde_json::{Value, json};

use super::{Access, Reply, Shared, objects, ok, refs, text};
use crate::git::{git, run};

/// GraphQL says no with HTTP 200 and `errors`.
struct Errors(Value);

impl From<anyhow::Error> for Errors {
    fn from(error: anyhow::Error) -> Errors {
        Errors::of("INTERNAL", &format!("Something went wrong while executing your query: {error:#}"))
    }
}

impl Errors {
    fn of(kind: &str, message: &str) -> Errors {
        Errors(json!([{"type": kind, "message": message}]))
    }
}

/// `POST /graphql`. A document is not parsed: the operation is known by its field's name, and the answer holds only
/// fields whose names stand in the document, so that a client which forgets to ask for one does not get it.
pub(super) async fn answer(State(shared): State<Shared>, Json(request): Json<Value>) -> Reply {
    let document = text(&request, "query");
    let words: BTreeSet<&str> = document.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    let whole = if words.contains("createCommitOnBranch") {
        create_commit(&shared, &request["variables"]["input"]).await.map(|made| json!({"createCommitOnBranch": made}))
    } else if words.contains("viewer") {
        let me = shared.records().me.clone();
        Ok(json!({"viewer": {"login": me.login, "id": format!("BOT_{}", me.id), "databaseId": me.id}}))
    } else {
        Err(Errors::of("undefinedField", "The stand-in knows viewer and createCommitOnBranch only"))
    };
    match whole {
        Ok(whole) => ok(json!({"data": asked_for(&words, &whole)})),
        Err(Errors(errors)) => ok(json!({"data": {"createCommitOnBranch": null}, "errors": errors})),
    }
}

fn asked_for(words: &BTreeSet<&str>, value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let asked = object.iter().filter(|(name, _)| words.contains(name.as_str()));
    Value::Object(asked.map(|(name, value)| (name.clone(), asked_for(words, value))).collect())
}

/// A real commit on a branch that exists and is where the caller thinks it is.
async fn create_commit(shared: &Shared, input: &Value) -> Result<Value, Errors> {
    if shared.records().grants.contents == Access::Read {
        return Err(Errors::of("FORBIDDEN", "Resource not accessible by integration"));
    }
    let branch = text(&input["branch"], "branchName").trim_start_matches("refs/heads/").to_owned();
    let repository = text(&input["branch"], "repositoryNameWithOwner");
    let known = repository.eq_ignore_ascii_case(&shared.records().repository);
    let head = if known { refs::resolve(shared, &branch).await } else { None };
    let Some(head) = head else {
        let message = format!("A ref named \"refs/heads/{branch}\" does not exist in the repository.");
        return Err(Errors::of("NOT_FOUND", &message));
    };
    let expected = text(input, "expectedHeadOid");
    let stale = |expected: &str, found: &str| {
        let message =
            format!("Expected branch to point to \"{expected}\" but it points to \"{found}\".  Pull and try again.");
        Errors::of("STALE_DATA", &message)
    };
    if head != expected {
        return Err(stale(expected, &head));
    }
    if text(&input["message"], "headline").is_empty() {
        return Err(Errors::of("UNPROCESSABLE", "A commit message headline is required"));
    }
    let commit = write_commit(shared, input, &head).await?;
    if git(&shared.bare, &["update-ref", &format!("refs/heads/{branch}"), &commit, &head]).await.is_err() {
        return Err(stale(expected, "another commit"));
    }
    let url = format!("{}/commit/{commit}", shared.links().page());
    let signature = json!({"isValid": true, "state": "VALID", "wasSignedByGitHub": true});
    let commit = json!({"oid": commit, "url": url, "commitUrl": url, "signature": signature});
    Ok(json!({"commit": commit, "ref": {"name": branch, "target": {"oid": commit["oid"]}}}))
}

/// Builds the tree in an index of its own and commits it. A file that exists keeps its mode; a new one gets 100644.
async fn write_commit(shared: &Shared, input: &Value, parent: &str) -> anyhow::Result<String> {
    let index = tempfile::tempdir()?;
    let index = index.path().join("index").display().to_string();
    let me = shared.records().me.clone();
    let environment = [
        ("GIT_INDEX_FILE", index.as_str()),
        ("GIT_AUTHOR_NAME", me.login.as_str()),
        ("GIT_AUTHOR_EMAIL", me.email.as_str()),
        ("GIT_COMMITTER_NAME", "GitHub"),
        ("GIT_COMMITTER_EMAIL", "noreply@github.com"),
    ];
    let git_in_index = async |arguments: &[&str], input: &[u8]| -> anyhow::Result<String> {
        let output = run(&shared.bare, arguments, input, &environment).await?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    };
    git_in_index(&["read-tree", parent], b"").await?;
    for addition in input["fileChanges"]["additions"].as_array().into_iter().flatten() {
        let path = text(addition, "path");
        let contents = base64::engine::general_purpose::STANDARD.decode(text(addition, "contents"));
        let contents = contents.with_context(|| format!("contents of {path} are not base64"))?;
        let blob = git_in_index(&["hash-object", "-w", "--stdin"], &contents).await?;
        let entry = git_in_index(&["ls-files", "--stage", "--", path], b"").await?;
        let mode = entry.split(' ').next().filter(|mode| !mode.is_empty()).unwrap_or("100644");
        git_in_index(&["update-index", "--add", "--cacheinfo", &format!("{mode},{blob},{path}")], b"").await?;
    }
    for deletion in input["fileChanges"]["deletions"].as_array().into_iter().flatten() {
        objects::remove(&shared.bare, text(deletion, "path"), &environment).await?;
    }
    let tree = git_in_index(&["write-tree"], b"").await?;
    let message = [text(&input["message"], "headline"), text(&input["message"], "body")].join("\n\n");
    git_in_index(&["commit-tree", &tree, "-p", parent, "-F", "-"], message.trim_end().as_bytes()).await
}
