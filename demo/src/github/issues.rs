//! Issues, their comments, reactions and labels. A pull request is an issue too, as far as these go.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Refusal, Reply, Shared, created, gate, ok, shapes::time, text};

/// A request's query string.
pub(super) type Parameters = Query<HashMap<String, String>>;
/// Owner and repository come first in every path; the gate has checked them.
pub(super) type Number = Path<(String, String, u64)>;

/// GitHub's limit of a body, in characters of UTF-16: <https://github.com/orgs/community/discussions/27190>.
const BODY_LIMIT: usize = 65_536;

/// Cuts a list into pages of `per_page` (30, at most 100) and names the next one in a `link` header.
pub(super) fn page(shared: &Shared, OriginalUri(uri): &OriginalUri, query: &Parameters, items: Vec<Value>) -> Reply {
    let number = |name: &str, default: usize| query.get(name).and_then(|v| v.parse().ok()).unwrap_or(default).max(1);
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let last = items.len().div_ceil(size).max(1);
    let part: Vec<Value> = items.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    let mut response = Json(part).into_response();
    if page < last {
        let others = query.iter().filter(|(k, _)| *k != "page").map(|(k, v)| format!("{k}={v}&"));
        let base = format!("{}{}?{}", shared.links().host(), uri.path(), others.collect::<String>());
        let link = format!(r#"<{base}page={}>; rel="next", <{base}page={last}>; rel="last""#, page + 1);
        if let Ok(link) = link.parse() {
            response.headers_mut().insert("link", link);
        }
    }
    Ok(response)
}

/// Refuses a body that GitHub finds too long.
pub(super) fn check_body(resource: &str, body: &str) -> Result<(), Refusal> {
    match body.encode_utf16().count() {
        0..=BODY_LIMIT => Ok(()),
        _ => Err(Refusal::invalid(resource, &format!("body is too long (maximum is {BODY_LIMIT} characters)"))),
    }
}

/// Whether a record was touched at or after `since`, where the query names one.
pub(super) fn since(record: &Value, query: &Parameters) -> bool {
    let moment = |text: &str| text.parse::<DateTime<Utc>>().ok();
    match query.get("since").and_then(|s| moment(s)) {
        Some(since) => moment(text(record, "updated_at")).is_some_and(|at| at >= since),
        None => true,
    }
}

/// Whether a record is in the state asked for: `open` (the default), `closed` or `all`.
pub(super) fn in_state(record: &Value, query: &Parameters) -> bool {
    let wanted = query.get("state").map_or("open", String::as_str);
    wanted == "all" || record["state"] == wanted
}

/// Copies the fields of `change` that a record may be changed in.
pub(super) fn merge(record: &mut Value, change: &Value, fields: &[&str]) {
    for field in fields {
        if let Some(value) = change.get(field) {
            record[*field] = value.clone();
        }
    }
    record["updated_at"] = json!(time(Utc::now()));
}

fn find(items: &[Value], field: &str, value: u64) -> Result<Value, Refusal> {
    items.iter().find(|i| i[field] == value).cloned().ok_or_else(Refusal::not_found)
}

pub(super) async fn list(State(shared): State<Shared>, uri: OriginalUri, query: Parameters) -> Reply {
    let wanted: Vec<&str> = query.get("labels").map(|l| l.split(',').collect()).unwrap_or_default();
    let labelled = |issue: &Value| {
        let names: Vec<&str> = issue["labels"].as_array().into_iter().flatten().map(|l| text(l, "name")).collect();
        wanted.iter().all(|w| names.iter().any(|n| n.eq_ignore_ascii_case(w)))
    };
    let by = |issue: &Value| query.get("creator").is_none_or(|login| issue["user"]["login"] == login.as_str());
    let mut found = shared.records().issues.clone();
    found.retain(|issue| in_state(issue, &query) && since(issue, &query) && labelled(issue) && by(issue));
    if query.get("direction").is_none_or(|d| d != "asc") {
        found.reverse();
    }
    page(&shared, &uri, &query, found)
}

pub(super) async fn create(State(shared): State<Shared>, Json(new): Json<Value>) -> Reply {
    check_body("Issue", text(&new, "body"))?;
    if text(&new, "title").is_empty() {
        return Err(Refusal::invalid("Issue", "title can't be blank"));
    }
    let mut records = shared.records();
    let me = records.me.clone();
    let new = json!({"title": new["title"], "body": new["body"], "labels": new["labels"]});
    created(records.open_issue(&shared.links(), &new, &me, Utc::now(), false))
}

pub(super) async fn get_one(State(shared): State<Shared>, Path((.., number)): Number) -> Reply {
    ok(find(&shared.records().issues, "number", number)?)
}

pub(super) async fn update(
    State(shared): State<Shared>,
    Path((.., number)): Number,
    Json(change): Json<Value>,
) -> Reply {
    check_body("Issue", text(&change, "body"))?;
    let mut records = shared.records();
    let issue = records.issue_mut(number).ok_or_else(Refusal::not_found)?;
    merge(issue, &change, &["title", "body", "state", "state_reason"]);
    ok(issue.clone())
}

pub(super) async fn comments(
    State(shared): State<Shared>,
    Path((.., number)): Number,
    uri: OriginalUri,
    query: Parameters,
) -> Reply {
    find(&shared.records().issues, "number", number)?;
    let suffix = format!("/issues/{number}");
    let mut found = shared.records().comments.clone();
    found.retain(|comment| text(comment, "issue_url").ends_with(&suffix) && since(comment, &query));
    page(&shared, &uri, &query, found)
}

/// The comments of the whole repository.
pub(super) async fn all_comments(State(shared): State<Shared>, uri: OriginalUri, query: Parameters) -> Reply {
    let mut found = shared.records().comments.clone();
    found.retain(|comment| since(comment, &query));
    if query.get("sort").is_some_and(|by| by == "updated") {
        found.sort_by(|a, b| text(a, "updated_at").cmp(text(b, "updated_at")));
    }
    page(&shared, &uri, &query, found)
}

pub(super) async fn comment(State(shared): State<Shared>, Path((.., number)): Number, Json(new): Json<Value>) -> Reply {
    let mut records = shared.records();
    let is_pull = find(&records.issues, "number", number)?["pull_request"].is_object();
    gate::may_write(&records.grants, is_pull)?;
    check_body("IssueComment", text(&new, "body"))?;
    let me = records.me.clone();
    created(records.add_comment(&shared.links(), number, text(&new, "body"), &me, Utc::now()))
}

pub(super) async fn update_comment(
    State(shared): State<Shared>,
    Path((.., id)): Number,
    Json(new): Json<Value>,
) -> Reply {
    check_body("IssueComment", text(&new, "body"))?;
    let mut records = shared.records();
    let comment = records.comments.iter_mut().find(|c| c["id"] == id).ok_or_else(Refusal::not_found)?;
    merge(comment, &new, &["body"]);
    ok(comment.clone())
}

pub(super) async fn react(State(shared): State<Shared>, Path((.., id)): Number, Json(new): Json<Value>) -> Reply {
    find(&shared.records().comments, "id", id)?;
    add_reaction(&shared, id, text(&new, "content"))
}

/// 201 for a new reaction, 200 where the same account reacted so before.
pub(super) fn add_reaction(shared: &Shared, comment: u64, content: &str) -> Reply {
    const KNOWN: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];
    if !KNOWN.contains(&content) {
        return Err(Refusal::invalid("Reaction", "content is not included in the list"));
    }
    let mut records = shared.records();
    let user = shared.links().user(&records.me);
    let same = |r: &&Value| r["comment_id"] == comment && r["content"] == content && r["user"] == user;
    if let Some(reaction) = records.reactions.iter().find(same) {
        return ok(reaction.clone());
    }
    let id = records.new_id();
    let reaction = json!({"id": id, "node_id": format!("REA_{id:x}"), "user": user, "content": content,
        "created_at": time(Utc::now()), "comment_id": comment});
    records.reactions.push(reaction.clone());
    created(reaction)
}

pub(super) async fn add_labels(
    State(shared): State<Shared>,
    Path((.., number)): Number,
    Json(new): Json<Value>,
) -> Reply {
    let mut records = shared.records();
    let issue = find(&records.issues, "number", number)?;
    gate::may_write(&records.grants, issue["pull_request"].is_object())?;
    let names = if new.is_array() { &new } else { &new["labels"] };
    let mut all = issue["labels"].as_array().cloned().unwrap_or_default();
    for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let label = records.label(&shared.links(), name);
        if !all.contains(&label) {
            all.push(label);
        }
    }
    if let Some(issue) = records.issue_mut(number) {
        issue["labels"] = json!(all);
    }
    if let Some(pull) = records.pull_mut(number) {
        pull["labels"] = json!(all);
    }
    ok(all)
}
