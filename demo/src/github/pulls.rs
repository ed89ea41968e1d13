//! Pull requests, their reviewers and the comments on their diffs.

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use chrono::Utc;
use serde_json::{Value, json};

use super::issues::{self, Number, Parameters, add_reaction, check_body, in_state, merge, page};
use super::{Ability, Links, Person, Records, Refusal, Reply, Shared, created, ok, refs, shapes::time, text};

pub(super) async fn list(State(shared): State<Shared>, uri: OriginalUri, query: Parameters) -> Reply {
    let matches =
        |pull: &Value, half: &str, field: &str| query.get(half).is_none_or(|w| pull[half][field] == w.as_str());
    let mut found = shared.records().pulls.clone();
    found.retain(|pull| in_state(pull, &query) && matches(pull, "head", "label") && matches(pull, "base", "ref"));
    found.reverse();
    for pull in &mut found {
        refresh(&shared, pull).await;
    }
    page(&shared, &uri, &query, found)
}

pub(super) async fn get_one(State(shared): State<Shared>, Path((.., number)): Number) -> Reply {
    let mut pull = shared.records().pull_mut(number).cloned().ok_or_else(Refusal::not_found)?;
    refresh(&shared, &mut pull).await;
    ok(pull)
}

/// Opens a pull request after the checks that GitHub makes, in GitHub's words.
pub(super) async fn create(State(shared): State<Shared>, Json(new): Json<Value>) -> Reply {
    check_body("PullRequest", text(&new, "body"))?;
    let (head, base) = (text(&new, "head"), text(&new, "base"));
    let owner = shared.links().repository.split('/').next().unwrap_or_default().to_owned();
    let branch = head.strip_prefix(&format!("{owner}:")).unwrap_or(head);
    let invalid =
        |field: &str| Refusal::validation(json!({"resource": "PullRequest", "field": field, "code": "invalid"}));
    let head_sha = refs::resolve(&shared, branch).await.ok_or_else(|| invalid("head"))?;
    let base_sha = refs::resolve(&shared, base).await.ok_or_else(|| invalid("base"))?;
    if crate::git::git(&shared.bare, &["merge-base", "--is-ancestor", &head_sha, &base_sha]).await.is_ok() {
        return Err(Refusal::invalid("PullRequest", &format!("No commits between {base} and {branch}")));
    }
    let mut records = shared.records();
    let label = format!("{owner}:{branch}");
    let is_draft = new["draft"] == true;
    if records.pulls_by_actions == Ability::Refused {
        let message = "GitHub Actions is not permitted to create or approve pull requests.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    if is_draft && records.drafts == Ability::Refused {
        let message = "Draft pull requests are not supported in this repository.";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    if records.pulls.iter().any(|p| p["state"] == "open" && p["head"]["label"] == label) {
        return Err(Refusal::invalid("PullRequest", &format!("A pull request already exists for {label}.")));
    }
    let me = records.me.clone();
    created(open(&mut records, &shared.links(), &new, &me, branch, [&head_sha, &base_sha]))
}

/// Makes the records of a pull request: its issue half and its own.
pub(super) fn open(
    records: &mut Records,
    links: &Links,
    new: &Value,
    author: &Person,
    branch: &str,
    [head_sha, base_sha]: [&str; 2],
) -> Value {
    let now = Utc::now();
    let mut pull = records.open_issue(links, new, author, now, true);
    let number = pull["number"].as_u64().unwrap_or_default();
    let owner = links.repository.split('/').next().unwrap_or_default().to_owned();
    let repository = links.repository_record("main");
    let half = |name: &str, sha: &str| json!({"label": format!("{owner}:{name}"), "ref": name, "sha": sha, "user": repository["owner"], "repo": repository});
    if let (Some(pull), Value::Object(fields)) = (pull.as_object_mut(), links.pull_fields(number)) {
        pull.extend(fields);
    }
    pull["head"] = half(branch, head_sha);
    pull["base"] = half(text(new, "base"), base_sha);
    pull["draft"] = json!(new["draft"] == true);
    pull["maintainer_can_modify"] = json!(new["maintainer_can_modify"] == true);
    records.pulls.push(pull.clone());
    pull
}

pub(super) async fn request_reviewers(
    State(shared): State<Shared>,
    Path((.., number)): Number,
    Json(new): Json<Value>,
) -> Reply {
    let mut records = shared.records();
    let logins: Vec<String> =
        new["reviewers"].as_array().into_iter().flatten().filter_map(|l| l.as_str().map(str::to_owned)).collect();
    let refuse = |message: &str| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    let author = records.pull_mut(number).ok_or_else(Refusal::not_found)?["user"]["login"].clone();
    let mut reviewers = Vec::new();
    for login in &logins {
        match records.person(login).filter(|p| p.permission != "none") {
            Some(person) if author == person.login.as_str() => {
                return refuse("Review cannot be requested from pull request author.");
            }
            Some(person) => reviewers.push(shared.links().user(person)),
            None => {
                return refuse(&format!(
                    "Reviews may only be requested from collaborators. One or more of the users or teams you \
                     specified is not a collaborator of the {} repository.",
                    records.repository
                ));
            }
        }
    }
    let pull = records.pull_mut(number).ok_or_else(Refusal::not_found)?;
    pull["requested_reviewers"] = Value::Array(reviewers);
    created(pull.clone())
}

pub(super) async fn comments(
    State(shared): State<Shared>,
    Path((.., number)): Number,
    uri: OriginalUri,
    query: Parameters,
) -> Reply {
    let suffix = format!("/pulls/{number}");
    let mut found = shared.records().review_comments.clone();
    found.retain(|comment| text(comment, "pull_request_url").ends_with(&suffix) && issues::since(comment, &query));
    page(&shared, &uri, &query, found)
}

/// A comment on a line of pull request `number`'s diff.
pub(super) fn review_comment(records: &mut Records, links: &Links, number: u64, body: &str, author: &Person) -> Value {
    let id = records.new_id();
    let mut comment = links.comment(id, number, body, author, Utc::now());
    comment["url"] = json!(links.repo_api(&format!("/pulls/comments/{id}")));
    comment["pull_request_url"] = json!(links.repo_api(&format!("/pulls/{number}")));
    comment["html_url"] = json!(format!("{}/pull/{number}#discussion_r{id}", links.page()));
    comment["_links"] = json!({"self": {"href": comment["url"]}, "html": {"href": comment["html_url"]},
        "pull_request": {"href": comment["pull_request_url"]}});
    let head = records.pull_mut(number).map_or(Value::Null, |pull| pull["head"]["sha"].clone());
    comment["commit_id"] = head.clone();
    comment["original_commit_id"] = head;
    comment["path"] = json!("worker.c");
    comment["diff_hunk"] = json!("@@ -1 +1 @@");
    comment["pull_request_review_id"] = json!(id + 1);
    records.review_comments.push(comment.clone());
    comment
}

pub(super) async fn reply(
    State(shared): State<Shared>,
    Path((.., number, id)): Path<(String, String, u64, u64)>,
    Json(new): Json<Value>,
) -> Reply {
    check_body("PullRequestReviewComment", text(&new, "body"))?;
    let mut records = shared.records();
    if !records.review_comments.iter().any(|c| c["id"] == id) {
        return Err(Refusal::not_found());
    }
    let me = records.me.clone();
    let mut comment = review_comment(&mut records, &shared.links(), number, text(&new, "body"), &me);
    comment["in_reply_to_id"] = json!(id);
    if let Some(last) = records.review_comments.last_mut() {
        *last = comment.clone();
    }
    created(comment)
}

pub(super) async fn update_comment(
    State(shared): State<Shared>,
    Path((.., id)): Number,
    Json(new): Json<Value>,
) -> Reply {
    check_body("PullRequestReviewComment", text(&new, "body"))?;
    let mut records = shared.records();
    let comment = records.review_comments.iter_mut().find(|c| c["id"] == id).ok_or_else(Refusal::not_found)?;
    merge(comment, &new, &["body"]);
    ok(comment.clone())
}

pub(super) async fn react(State(shared): State<Shared>, Path((.., id)): Number, Json(new): Json<Value>) -> Reply {
    if !shared.records().review_comments.iter().any(|c| c["id"] == id) {
        return Err(Refusal::not_found());
    }
    add_reaction(&shared, id, text(&new, "content"))
}

/// Brings an open pull request's head up to its branch, which may have moved since.
async fn refresh(shared: &Shared, pull: &mut Value) {
    if pull["state"] == "open"
        && let Some(sha) = refs::resolve(shared, text(&pull["head"], "ref")).await
    {
        pull["head"]["sha"] = json!(sha);
    }
    pull["updated_at"] = json!(pull["updated_at"].as_str().map_or_else(|| time(Utc::now()), str::to_owned));
}
