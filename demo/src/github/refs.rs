//! The repository itself: its record, who may do what in it, its branches and refs.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::{Refusal, Reply, Shared, commits, created, ok, text};
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
    ok(json!({"permission": person.permission, "role_name": person.permission, "user": shared.links().user(person)}))
}

/// 204 for whoever has a role here, 404 for everybody else.
pub(super) async fn collaborator(State(shared): State<Shared>, Path((.., login)): Named) -> Reply {
    let records = shared.records();
    match records.person(&login) {
        Some(person) if person.permission != "none" => Ok(StatusCode::NO_CONTENT.into_response()),
        _ => Err(Refusal::not_found()),
    }
}

/// A workflow's own token has no user: GitHub refuses this request.
pub(super) async fn user() -> Reply {
    Err(Refusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration"))
}

pub(super) async fn profile(State(shared): State<Shared>, Path(login): Path<String>) -> Reply {
    let records = shared.records();
    let found = records.person(&login).map(|person| shared.links().user(person));
    found.map_or_else(|| Err(Refusal::not_found()), ok)
}

pub(super) async fn branch(State(shared): State<Shared>, Path((.., branch)): Named) -> Reply {
    let Some(sha) = resolve(&shared, &branch).await else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Branch not found"));
    };
    let commit = commits::one(&shared, &sha).await?.ok_or_else(Refusal::not_found)?;
    ok(json!({"name": branch, "commit": commit, "protected": false}))
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

pub(super) async fn delete(State(shared): State<Shared>, Path((.., name)): Named) -> Reply {
    let name = format!("refs/{name}");
    if revision(&shared, &name).await.is_none() {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Reference does not exist"));
    }
    git(&shared.bare, &["update-ref", "-d", &name]).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn get_one(State(shared): State<Shared>, Path((.., name)): Named) -> Reply {
    let name = format!("refs/{name}");
    let sha = revision(&shared, &name).await.ok_or_else(Refusal::not_found)?;
    ok(shared.links().reference(&name, &sha))
}

pub(super) async fn matching(State(shared): State<Shared>, Path((.., prefix)): Named) -> Reply {
    let listed = git(&shared.bare, &["for-each-ref", "--format=%(refname) %(objectname)"]).await?;
    let prefix = format!("refs/{prefix}");
    let found = listed.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| name.starts_with(&prefix));
    ok(found.map(|(name, sha)| shared.links().reference(name, sha)).collect::<Vec<_>>())
}

/// The commit a branch points to.
pub(super) async fn resolve(shared: &Shared, branch: &str) -> Option<String> {
    revision(shared, &format!("refs/heads/{branch}")).await
}

async fn revision(shared: &Shared, name: &str) -> Option<String> {
    git(&shared.bare, &["rev-parse", "--verify", "--quiet", "--end-of-options", name]).await.ok()
}
