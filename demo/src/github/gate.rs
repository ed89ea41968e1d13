//! What stands before every request of the API: the journal, the token, scripted answers, permissions, rate limits.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Access, Refusal, Reply, Shared, ok};

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
    let mut response = match check(&shared, &line, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => *refused,
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

fn check(shared: &Shared, line: &str, request: &Request) -> Result<(), Box<Response>> {
    let refuse = |refusal: Refusal| Err(Box::new(refusal.into_response()));
    let mut records = shared.records();
    let token = request.headers().get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let token = token.split_once(' ').map_or("", |(_, token)| token.trim());
    if token != records.token {
        return refuse(Refusal::new(StatusCode::UNAUTHORIZED, "Bad credentials"));
    }
    if let Some(at) = records.script.iter().position(|s| s.request == line)
        && let Some(scripted) = records.script.remove(at)
    {
        return Err(Box::new(scripted.into_response()));
    }
    let path = request.uri().path();
    let repository =
        path.split_once("/repos/").map(|(_, rest)| rest.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"));
    if repository.is_some_and(|named| !named.eq_ignore_ascii_case(&records.repository)) {
        return refuse(Refusal::not_found());
    }
    let (needed, granted) = permission_for(request.method(), line, &records.grants);
    if granted == Access::Read {
        let mut response =
            Refusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration").into_response();
        response.headers_mut().insert("x-accepted-github-permissions", HeaderValue::from_static(needed));
        return Err(Box::new(response));
    }
    Ok(())
}

/// The permission that a write needs, as `x-accepted-github-permissions` names it, and what the token has of it.
/// Comments on pull requests are checked by their handler, which knows what the number belongs to.
fn permission_for(method: &Method, line: &str, grants: &super::Grants) -> (&'static str, Access) {
    let needs = |part: &str| line.contains(part);
    if method == Method::GET || needs("/graphql") || needs("/issues/{number}/") {
        ("", Access::Write)
    } else if needs("/git/") {
        ("contents=write", grants.contents)
    } else if needs("/pulls") {
        ("pull_requests=write", grants.pull_requests)
    } else if needs("/issues/comments") {
        either(grants)
    } else {
        ("issues=write", grants.issues)
    }
}

/// What serves both issues and pull requests takes either permission.
pub(super) fn either(grants: &super::Grants) -> (&'static str, Access) {
    let both = [grants.issues, grants.pull_requests];
    let access = if both.contains(&Access::Write) { Access::Write } else { Access::Read };
    ("issues=write; pull_requests=write", access)
}

/// Refuses a write on issue `number` for want of `issues` (or, for a pull request, `pull_requests`).
pub(super) fn may_write(shared: &Shared, is_pull: bool) -> Result<(), Response> {
    let grants = shared.records().grants;
    if (if is_pull { grants.pull_requests } else { grants.issues }) == Access::Write {
        return Ok(());
    }
    let mut response = Refusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration").into_response();
    let needed = HeaderValue::from_static("issues=write; pull_requests=write");
    response.headers_mut().insert("x-accepted-github-permissions", needed);
    Err(response)
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

/// `GET /rate_limit`.
pub(super) async fn rate_limit(State(shared): State<Shared>) -> Reply {
    let remaining = shared.records().rate_remaining;
    let core = json!({"limit": RATE_LIMIT, "remaining": remaining, "used": RATE_LIMIT.saturating_sub(remaining),
        "reset": chrono::Utc::now().timestamp() + 3600, "resource": "core"});
    ok(json!({"resources": {"core": core.clone()}, "rate": core}))
}

/// A path that this stand-in does not have: counted, so that a test sees it, and 404 as GitHub says.
pub(super) async fn unknown(State(shared): State<Shared>, request: Request) -> Response {
    shared.requests.record(format!("{} {} (unknown)", request.method(), request.uri().path()));
    Refusal::not_found().into_response()
}
