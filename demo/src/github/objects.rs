//! Git's objects one by one, as the REST API has them: blobs, trees, commits.

use anyhow::Context;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use serde_json::{Value, json};

use super::refs::Named;
use super::{Refusal, Reply, Shared, created, ok, text};
use crate::git::{git, run};

/// A commit with its tree and parents.
pub(super) async fn commit(State(shared): State<Shared>, Path((.., sha)): Named) -> Reply {
    let missing = |_| Refusal::not_found();
    let tree = git(&shared.bare, &["rev-parse", "--verify", &format!("{sha}^{{tree}}")]).await.map_err(missing)?;
    ok(json!({"sha": sha, "tree": {"sha": tree}, "verification": {"verified": false, "reason": "unsigned"}}))
}

pub(super) async fn create_blob(State(shared): State<Shared>, Json(new): Json<Value>) -> Reply {
    let contents = match text(&new, "encoding") {
        "base64" => base64::engine::general_purpose::STANDARD
            .decode(text(&new, "content"))
            .map_err(|_| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "content is not valid Base64"))?,
        _ => text(&new, "content").as_bytes().to_vec(),
    };
    let blob = run(&shared.bare, &["hash-object", "-w", "--stdin"], &contents, &[]).await?;
    created(json!({"sha": String::from_utf8_lossy(&blob).trim()}))
}

/// A tree made of another one: an entry with an object replaces a path, one without removes it.
pub(super) async fn create_tree(State(shared): State<Shared>, Json(new): Json<Value>) -> Reply {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let index = folder.path().join("index").display().to_string();
    let environment = [("GIT_INDEX_FILE", index.as_str())];
    run(&shared.bare, &["read-tree", text(&new, "base_tree")], b"", &environment).await?;
    for entry in new["tree"].as_array().into_iter().flatten() {
        let (path, mode) = (text(entry, "path"), text(entry, "mode"));
        if !["100644", "100755", "120000", "160000", "040000"].contains(&mode) {
            let message = "tree.mode is not one of 100644, 100755, 040000, 160000, 120000";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message));
        }
        let entry = match entry["sha"].as_str() {
            Some(object) => format!("{mode},{object},{path}"),
            None => {
                remove(&shared.bare, path, &environment).await?;
                continue;
            }
        };
        run(&shared.bare, &["update-index", "--add", "--cacheinfo", &entry], b"", &environment).await?;
    }
    let tree = run(&shared.bare, &["write-tree"], b"", &environment).await?;
    created(json!({"sha": String::from_utf8_lossy(&tree).trim()}))
}

/// Takes a path out of an index. `--force-remove` would want a work tree.
pub(super) async fn remove(bare: &std::path::Path, path: &str, environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let entry = format!("0 {}\t{path}\0", "0".repeat(40));
    run(bare, &["update-index", "-z", "--index-info"], entry.as_bytes(), environment).await.map(drop)
}

/// A commit. It is signed only where the caller names no author, since GitHub signs in the token's own name.
pub(super) async fn create_commit(State(shared): State<Shared>, Json(new): Json<Value>) -> Reply {
    let me = shared.records().me.clone();
    let environment = [
        ("GIT_AUTHOR_NAME", me.login.as_str()),
        ("GIT_AUTHOR_EMAIL", me.email.as_str()),
        ("GIT_COMMITTER_NAME", "GitHub"),
        ("GIT_COMMITTER_EMAIL", "noreply@github.com"),
    ];
    let parents = new["parents"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut arguments = vec!["commit-tree", text(&new, "tree")];
    arguments.extend(parents.flat_map(|parent| ["-p", parent]));
    arguments.extend(["-F", "-"]);
    let commit = run(&shared.bare, &arguments, text(&new, "message").as_bytes(), &environment).await?;
    let signed = new["author"].is_null() && new["committer"].is_null();
    let reason = if signed { "valid" } else { "unsigned" };
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    created(json!({"sha": commit, "verification": {"verified": signed, "reason": reason}}))
}
