//! A stand-in GitHub on loopback: REST, GraphQL and git over a real bare repository.
//!
//! It answers what a workflow's own token meets: permissions that are missing, drafts that are not supported, refs
//! that exist already, rate-limit headers, pages. Commits made through GraphQL are real commits in the repository.

mod commits;
mod gate;
mod git_http;
mod graphql;
mod issues;
mod objects;
mod pulls;
mod records;
mod refs;
mod shapes;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use serde_json::{Value, json};

use crate::server::{Journal, Server, lock};

pub use gate::Scripted;
pub use records::{Ability, Access, Grants, Person, Records};
pub use shapes::Links;

/// Whether the API lives on a host of its own, as on github.com, or below the web host, as on GitHub Enterprise Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hosts {
    /// `https://api.github.com` and `https://api.github.com/graphql` beside `https://github.com`.
    #[default]
    Separate,
    /// `https://HOST/api/v3` and `https://HOST/api/graphql`.
    Enterprise,
}

/// The running stand-in. It stops when this value is dropped.
pub struct GitHub {
    shared: Shared,
    links: Links,
    graphql: String,
    _servers: [Server; 2],
}

/// What every handler sees.
#[derive(Clone)]
struct Shared {
    records: Arc<Mutex<Records>>,
    links: Arc<OnceLock<Links>>,
    bare: Arc<PathBuf>,
    requests: Journal,
    git_requests: Journal,
}

impl GitHub {
    /// Serves the bare repository `bare` as `records.repository`.
    ///
    /// # Errors
    /// Where no port of 127.0.0.1 can be had.
    pub async fn start(bare: &Path, hosts: Hosts, records: Records) -> anyhow::Result<GitHub> {
        let shared = Shared {
            records: Arc::new(Mutex::new(records)),
            links: Arc::default(),
            bare: Arc::new(bare.to_owned()),
            requests: Journal::default(),
            git_requests: Journal::default(),
        };
        let web = Server::start(|_| enterprise(&shared)).await?;
        let api = Server::start(|_| api(&shared).route("/graphql", graphql_route(&shared))).await?;
        let (api_url, graphql) = match hosts {
            Hosts::Separate => (api.url(), format!("{}/graphql", api.url())),
            Hosts::Enterprise => (format!("{}/api/v3", web.url()), format!("{}/api/graphql", web.url())),
        };
        let repository = lock(&shared.records).repository.clone();
        let links = Links { api: api_url, web: web.url(), repository };
        let links = shared.links.get_or_init(|| links).clone();
        Ok(GitHub { shared, links, graphql, _servers: [web, api] })
    }

    /// The addresses of the API (`GITHUB_API_URL`) and of the pages (`GITHUB_SERVER_URL`).
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// `GITHUB_GRAPHQL_URL`.
    pub fn graphql_url(&self) -> &str {
        &self.graphql
    }

    /// What it knows, to be read or changed while it runs. Do not hold it across an `await`.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        lock(&self.shared.records)
    }

    /// The bare repository behind it.
    pub fn bare(&self) -> &Path {
        &self.shared.bare
    }

    /// REST and GraphQL requests, as method and path template: `POST /repos/{owner}/{repo}/pulls`.
    pub fn requests(&self) -> &Journal {
        &self.shared.requests
    }

    /// Requests of git's own protocol: `GET info/refs`, `POST git-upload-pack`.
    pub fn git_requests(&self) -> &Journal {
        &self.shared.git_requests
    }
}

impl Shared {
    fn records(&self) -> MutexGuard<'_, Records> {
        lock(&self.records)
    }

    fn links(&self) -> Links {
        self.links.get().cloned().unwrap_or_default()
    }
}

/// GitHub's way to say no: a status, and a body with `message`. Boxed, since refusals are rare.
struct Refusal(Box<(StatusCode, HeaderMap, Value)>);

/// What a handler answers.
type Reply = Result<Response, Refusal>;

impl Refusal {
    fn new(status: StatusCode, message: &str) -> Refusal {
        let body =
            json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.as_str()});
        Refusal(Box::new((status, HeaderMap::new(), body)))
    }

    fn not_found() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 422 "Validation Failed" with one entry in `errors`.
    fn validation(error: Value) -> Refusal {
        let mut refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed");
        refusal.0.2["errors"] = json!([error]);
        refusal
    }

    /// The usual kind of [`Refusal::validation`].
    fn invalid(resource: &str, message: &str) -> Refusal {
        Refusal::validation(json!({"resource": resource, "code": "custom", "message": message}))
    }

    /// 403 for a token without the permission, which the header names.
    fn not_accessible(needed: &'static str) -> Refusal {
        let mut refusal = Refusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration");
        refusal.0.1.insert("x-accepted-github-permissions", HeaderValue::from_static(needed));
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, headers, body) = *self.0;
        (status, headers, axum::Json(body)).into_response()
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Refusal {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, &format!("the stand-in itself failed: {error:#}"))
    }
}

fn ok(value: impl Into<Value>) -> Reply {
    Ok(axum::Json(value.into()).into_response())
}

fn created(value: Value) -> Reply {
    Ok((StatusCode::CREATED, axum::Json(value)).into_response())
}

/// The text of a field of a request's body, or of a record; empty where it is absent.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The REST API. Paths are the templates under which requests are counted.
fn api(shared: &Shared) -> Router {
    let repository = Router::new()
        .route("/", get(refs::repository))
        .route("/collaborators/{login}", get(refs::collaborator))
        .route("/collaborators/{login}/permission", get(refs::permission))
        .route("/git/blobs", post(objects::create_blob))
        .route("/git/commits", post(objects::create_commit))
        .route("/git/commits/{sha}", get(objects::commit))
        .route("/git/refs", post(refs::create))
        .route("/git/refs/{*ref}", patch(refs::update))
        .route("/git/trees", post(objects::create_tree))
        .route("/commits", get(commits::list))
        .route("/commits/{ref}", get(commits::named))
        .route("/compare/{*basehead}", get(commits::compare))
        .route("/deployments", get(commits::deployments))
        .route("/deployments/{id}/statuses", get(commits::deployment_statuses))
        .route("/issues", get(issues::list).post(issues::create))
        .route("/issues/{number}", get(issues::get_one).patch(issues::update))
        .route("/issues/{number}/comments", get(issues::comments).post(issues::comment))
        .route("/issues/{number}/labels", post(issues::add_labels))
        .route("/issues/comments", get(issues::all_comments))
        .route("/issues/comments/{id}", patch(issues::update_comment))
        .route("/issues/comments/{id}/reactions", post(issues::react))
        .route("/pulls", get(pulls::list).post(pulls::create))
        .route("/pulls/{number}", get(pulls::get_one))
        .route("/pulls/{number}/requested_reviewers", post(pulls::request_reviewers))
        .route("/pulls/{number}/comments", get(pulls::comments))
        .route("/pulls/{number}/comments/{id}/replies", post(pulls::reply))
        .route("/pulls/comments/{id}", patch(pulls::update_comment))
        .route("/pulls/comments/{id}/reactions", post(pulls::react));
    Router::new()
        .nest("/repos/{owner}/{repo}", repository)
        .route("/user", get(refs::user))
        .route_layer(middleware::from_fn_with_state(shared.clone(), gate::gate))
        .fallback(gate::unknown)
        .with_state(shared.clone())
}

fn graphql_route(shared: &Shared) -> axum::routing::MethodRouter {
    post(graphql::answer)
        .route_layer(middleware::from_fn_with_state(shared.clone(), gate::gate))
        .with_state(shared.clone())
}

/// The web host: git's protocol at `/OWNER/NAME[.git]`, and the API below `/api` as Enterprise Server has it.
fn enterprise(shared: &Shared) -> Router {
    Router::new()
        .nest("/api/v3", api(shared))
        .route("/api/graphql", graphql_route(shared))
        .route("/{owner}/{repo}/{*service}", get(git_http::serve).post(git_http::serve).with_state(shared.clone()))
}
