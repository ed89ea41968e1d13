//! What stands before every request of the API: the journal, the token, scripted answers, permissions, rate limits.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Access, Grants, Refusal, Shared};

/// GitHub's limit for a workflow's own token: requests per hour and repository.
const RATE_LIMIT: u32 = 1000;

/// An answer prepared for the next request that matches, in place of the real one.
#[derive(Debug, Clone)]
pub struct Scripted {
    /// The request it is for, as the journal writes it: `POST /repos/{owner}/{repo}/pulls`.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
    /// Headers such as `retry-after`.
    pub headers: Vec<(&'static str, String)>,
}

impl Scripted {
    /// An answer with `message` and no header of its own.
    pub fn new(request: &str, status: u16, message: &str) -> Scripted {
        Scripted { request: request.to_owned(), status, body: json!({"message": message}), headers: Vec::new() }
    }

    /// The same with a header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Scripted {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// The middleware: counts, lets in or refuses, and adds the rate-limit headers.
pub(super) async fn gate(State(shared): State<Shared>, path: MatchedPath, request: Request, next: Next) -> Response {
    let template = path.as_str().trim_start_matches("/api/v3").trim_start_matches("/api");
    let line = format!("{} {}", request.method(), template.trim_end_matches('/'));
    shared.requests.record(&line);
    let mut response = match refused(&shared, &line, &request) {
        None => next.run(request).await,
        Some(refused) => refused,
    };
    let remaining = {
        let mut records = shared.records();
        records.rate_remaining = records.rate_remaining.saturating_sub(1);
        records.rate_remaining
    };
    let reset = chrono::Utc::now().timestamp() + 3600;
    let headers = response.headers_mut();
    let figures = [
        ("x-ratelimit-limit", RATE_LIMIT.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-used", RATE_LIMIT.saturating_sub(remaining).to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", if template == "/graphql" { "graphql" } else { "core" }.to_owned()),
    ];
    for (name, value) in figures {
        if let (false, Ok(value)) = (headers.contains_key(name), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// The answer that this request gets without being handled, if any.
fn refused(shared: &Shared, line: &str, request: &Request) -> Option<Response> {
    let refuse = |refusal: Refusal| Some(refusal.into_response());
    let mut records = shared.records();
    let token = request.headers().get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let token = token.split_once(' ').map_or("", |(_, token)| token.trim());
    if token != records.token {
        return refuse(Refusal::new(StatusCode::UNAUTHORIZED, "Bad credentials"));
    }
    if let Some(at) = records.script.iter().position(|s| s.request == line)
        && let Some(scripted) = records.script.remove(at)
    {
        return Some(scripted.into_response());
    }
    let path = request.uri().path();
    let repository =
        path.split_once("/repos/").map(|(_, rest)| rest.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"));
    if repository.is_some_and(|named| !named.eq_ignore_ascii_case(&records.repository)) {
        return refuse(Refusal::not_found());
    }
    let (needed, granted) = permission_for(request.method(), line, &records.grants);
    (granted == Access::Read).then(|| Refusal::not_accessible(needed).into_response())
}

/// The permission that a write needs, as `x-accepted-github-permissions` names it, and what the token has of it.
/// Comments on pull requests are checked by their handler, which knows what the number belongs to.
fn permission_for(method: &Method, line: &str, grants: &Grants) -> (&'static str, Access) {
    let needs = |part: &str| line.contains(part);
    if method == Method::GET || needs("/graphql") || needs("/issues/{number}/") {
        ("", Access::Write)
    } else if needs("/git/") {
        ("contents=write", grants.contents)
    } else if needs("/pulls") {
        ("pull_requests=write", grants.pull_requests)
    } else if needs("/issues/comments") {
        (EITHER, if grants.issues == Access::Write { Access::Write } else { grants.pull_requests })
    } else {
        ("issues=write", grants.issues)
    }
}

/// What serves both issues and pull requests takes either permission.
const EITHER: &str = "issues=write; pull_requests=write";

/// Refuses a write on an issue for want of `issues`, on a pull request for want of `pull_requests`.
pub(super) fn may_write(grants: &Grants, is_pull: bool) -> Result<(), Refusal> {
    let granted = if is_pull { grants.pull_requests } else { grants.issues };
    if granted == Access::Write { Ok(()) } else { Err(Refusal::not_accessible(EITHER)) }
}

impl IntoResponse for Scripted {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.body)).into_response();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A path that this stand-in does not have: counted, so that a test sees it, and 404 as GitHub says.
pub(super) async fn unknown(State(shared): State<Shared>, request: Request) -> Response {
    shared.requests.record(format!("{} {} (unknown)", request.method(), request.uri().path()));
    Refusal::not_found().into_response()
}
