//! The repository itself: its record, who may do what in it, its branches and refs.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::{Refusal, Reply, Shared, created, ok, text};
use crate::git::git;

/// Owner, repository and one more part of a path.
pub(super) type Named = Path<(String, String, String)>;

pub(super) async fn repository(State(shared): State<Shared>) -> Reply {
    let head = git(&shared.bare, &["symbolic-ref", "--short", "HEAD"]).await?;
    let mut record = shared.links().repository_record(&head);
    record["permissions"] = json!({"admin": false, "maintain": false, "push": false, "triage": false, "pull": false});
    ok(record)
}

/// The legacy field knows `admin`, `write`, `read` and `none` only.
pub(super) async fn permission(State(shared): State<Shared>, Path((.., login)): Named) -> Reply {
    let records = shared.records();
    let Some(person) = records.person(&login) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, &format!("{login} is not a user")));
    };
    let mut user = shared.links().user(person);
    user["role_name"] = json!(person.permission);
    ok(json!({"permission": person.permission, "role_name": person.permission, "user": user}))
}

/// 204 for somebody who may at least read, as GitHub answers for a collaborator.
pub(super) async fn collaborator(State(shared): State<Shared>, Path((.., login)): Named) -> Reply {
    match shared.records().person(&login) {
        Some(person) if person.permission != "none" => Ok(StatusCode::NO_CONTENT.into_response()),
        _ => Err(Refusal::not_found()),
    }
}

/// A workflow's own token has no user: GitHub refuses this request.
pub(super) async fn user() -> Reply {
    Err(Refusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration"))
}

/// Creating a ref is atomic: of two requests, one gets 422.
pub(super) async fn create(State(shared): State<Shared>, Json(new): Json<Value>) -> Reply {
    let (name, sha) = (text(&new, "ref"), text(&new, "sha"));
    let refuse = |message: &str| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    if !name.starts_with("refs/") || git(&shared.bare, &["check-ref-format", name]).await.is_err() {
        return refuse("Reference name must start with 'refs/' and be valid");
    }
    if git(&shared.bare, &["cat-file", "-e", &format!("{sha}^{{commit}}")]).await.is_err() {
        return refuse("Object does not exist");
    }
    // An empty old value means that the ref must not exist.
    if git(&shared.bare, &["update-ref", name, sha, ""]).await.is_err() {
        return refuse("Reference already exists");
    }
    created(shared.links().reference(name, sha))
}

pub(super) async fn update(State(shared): State<Shared>, Path((.., name)): Named, Json(change): Json<Value>) -> Reply {
    let (name, sha) = (format!("refs/{name}"), text(&change, "sha"));
    let Some(old) = revision(&shared, &name).await else {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Reference does not exist"));
    };
    let forward = git(&shared.bare, &["merge-base", "--is-ancestor", &old, sha]).await.is_ok();
    if !forward && change["force"] != true {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Update is not a fast forward"));
    }
    git(&shared.bare, &["update-ref", &name, sha]).await?;
    ok(shared.links().reference(&name, sha))
}

/// The commit a branch points to.
pub(super) async fn resolve(shared: &Shared, branch: &str) -> Option<String> {
    revision(shared, &format!("refs/heads/{branch}")).await
}

async fn revision(shared: &Shared, name: &str) -> Option<String> {
    git(&shared.bare, &["rev-parse", "--verify", "--quiet", "--end-of-options", name]).await.ok()
}
