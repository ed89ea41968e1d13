//! One request to GitHub: authenticated, bounded, paced, counted, repeated only where that is safe.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::{Method, Response, StatusCode};
use octocrab::Octocrab;
use reqwest::redirect;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::deployments::Known;
use crate::failure::Failure;
use crate::model::ids::RepositoryName;
use crate::redact::Redactor;
use crate::settings::GitHubAccess;

/// A request that takes longer is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// So many writes of a run go out unspaced; GitHub's secondary limits ask for a second between the later ones.
const UNSPACED_WRITES: u32 = 10;
/// The pause between writes after that.
const WRITE_SPACING: Duration = Duration::from_secs(1);
/// All waiting of one request together, however long GitHub would have us wait.
const WAIT_LIMIT: Duration = Duration::from_secs(120);
/// The workflow's own token has 1,000 requests an hour for the whole repository; the last of them are left to others.
const RESERVE: u32 = 100;

/// A connection to GitHub for one repository.
pub struct GitHub {
    rest: Base,
    graphql: Base,
    server: Url,
    repository: RepositoryName,
    redactor: Redactor,
    requests: AtomicU32,
    request_limit: u32,
    remaining: AtomicU32,
    writes: Mutex<Writes>,
    pub(super) known: Mutex<Known>,
}

/// One of the two addresses, split into what octocrab is given and what is put before every route.
struct Base {
    client: Octocrab,
    path: String,
}

#[derive(Default)]
struct Writes {
    count: u32,
    last: Option<Instant>,
}

/// Why a request had no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// GitHub answered with an error.
    Refused {
        /// The HTTP status, 200 for an error of GraphQL.
        status: u16,
        /// GitHub's own words, with the details of a 422.
        message: String,
        /// Method and route.
        request: String,
        /// The permissions that GitHub says the route accepts.
        accepted_permissions: Option<String>,
    },
    /// No connection, a timeout, a broken answer.
    Unreachable {
        /// Method and route.
        request: String,
        /// What the network said.
        why: String,
    },
    /// The answer is no JSON or lacks what it must have.
    Unreadable {
        /// Method and route.
        request: String,
        /// What is wrong with it.
        why: String,
    },
    /// GitHub asks to wait longer than we would.
    RateLimited {
        /// Method and route.
        request: String,
    },
    /// The run has made as many requests as `operations-per-run` allows.
    BudgetSpent {
        /// The limit.
        limit: u32,
    },
}

impl ApiError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            ApiError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether GitHub's words contain `text`, without regard to case.
    pub fn says(&self, text: &str) -> bool {
        let ApiError::Refused { message, .. } = self else { return false };
        message.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
    }

    /// Whether the token lacks a permission, as it does on forks and in restricted organisations.
    pub fn lacks_permission(&self) -> bool {
        self.status() == Some(403) && self.says("not accessible")
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        match error {
            ApiError::Refused { status: 401, request, .. } => Failure::peer(
                format!("GitHub does not accept the token (401 on {request})."),
                "Pass a valid token in `github-token`, or leave the input out for the workflow's own.",
            ),
            ApiError::Refused { status: 403, message, request, accepted_permissions } => {
                let needs = accepted_permissions.map_or(String::new(), |needs| format!(" The route accepts: {needs}."));
                Failure::peer(
                    format!("GitHub refuses {request}: {message}.{needs}"),
                    "Give the job `permissions: { contents: write, pull-requests: write, issues: write }`.",
                )
            }
            ApiError::Refused { status, message, request, .. } => Failure::peer(
                format!("GitHub answered {status} to {request}: {message}."),
                "Check that the repository and the token's permissions are what the workflow expects, then run again.",
            ),
            ApiError::Unreachable { request, why } => Failure::peer(
                format!("GitHub could not be reached for {request}: {why}."),
                "Run the job again; check the runner's network if it stays so.",
            ),
            ApiError::Unreadable { request, why } => Failure::peer(
                format!("GitHub's answer to {request} cannot be read: {why}."),
                "Run the job again; a proxy between the runner and GitHub may be answering instead.",
            ),
            ApiError::RateLimited { request } => Failure::peer(
                format!("GitHub's rate limit is reached ({request})."),
                "Wait until the limit is renewed, at most an hour, or pass a token with a limit of its own.",
            ),
            ApiError::BudgetSpent { limit } => Failure::peer(
                format!("This run has made the {limit} requests that `operations-per-run` allows."),
                "The next run continues; raise `operations-per-run` if that is too slow.",
            ),
        }
    }
}

/// One attempt's outcome that may be worth another attempt.
struct Attempt {
    error: ApiError,
    again: Again,
}

enum Again {
    Never,
    Soon,
    After(Duration),
}

impl GitHub {
    /// Prepares the connection; nothing is sent yet. The redactor takes secrets out of whatever is written.
    ///
    /// # Errors
    /// A configuration failure where no HTTP client can be made of the addresses and the token.
    pub fn new(access: &GitHubAccess, request_limit: u32, redactor: Redactor) -> Result<GitHub, Failure> {
        let unusable = |why: &dyn std::fmt::Display| {
            Failure::configuration(
                format!("No connection to {} can be prepared: {why}.", access.api),
                "Check GITHUB_API_URL, GITHUB_GRAPHQL_URL and the machine's certificates.",
            )
        };
        let http = reqwest::Client::builder()
            .user_agent(concat!("pagerduty-incident-responder/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .timeout(REQUEST_TIMEOUT)
            .redirect(same_origin())
            .build()
            .map_err(|why| unusable(&why))?;
        let base = |address: &Url| -> Result<Base, Failure> {
            let client = Octocrab::builder()
                .base_uri(address.origin().ascii_serialization())
                .map_err(|why| unusable(&why))?
                .personal_token(access.token.expose_secret())
                .build_with_reqwest(http.clone())
                .map_err(|why| unusable(&why))?;
            Ok(Base { client, path: address.path().trim_end_matches('/').to_owned() })
        };
        Ok(GitHub {
            rest: base(&access.api)?,
            graphql: base(&access.graphql)?,
            server: access.server.clone(),
            repository: access.repository.clone(),
            redactor,
            requests: AtomicU32::new(0),
            request_limit,
            remaining: AtomicU32::new(u32::MAX),
            writes: Mutex::default(),
            known: Mutex::default(),
        })
    }

    /// The repository that every route belongs to.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// A page of the repository for people.
    pub fn page(&self, path: &[&str], query: Option<&str>) -> Url {
        let mut page = self.server.clone();
        if let Ok(mut segments) = page.path_segments_mut() {
            segments.pop_if_empty().extend([&self.repository.owner, &self.repository.name]).extend(path);
        }
        page.set_query(query);
        page
    }

    /// How many requests were sent so far, repetitions included.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether another incident may be begun: our own budget has room for it and GitHub's is not nearly used up.
    pub fn can_afford(&self, requests: u32) -> bool {
        let left = self.remaining.load(Ordering::Relaxed);
        self.requests() + requests <= self.request_limit && left >= RESERVE
    }

    /// `GET /repos/OWNER/NAME{route}`; `None` for 404.
    pub(super) async fn find<T: DeserializeOwned>(&self, route: &str) -> Result<Option<T>, ApiError> {
        match self.get(route).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET /repos/OWNER/NAME{route}`.
    pub(super) async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, ApiError> {
        self.rest(Method::GET, route, None).await
    }

    /// A write to `/repos/OWNER/NAME{route}`, spaced as GitHub asks.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        body: &Value,
    ) -> Result<T, ApiError> {
        self.wait_for_turn().await;
        self.rest(method, route, Some(&self.redactor.redact_json(body))).await
    }

    /// A query of GraphQL that changes nothing.
    pub(super) async fn query<T: DeserializeOwned>(&self, document: &str, variables: Value) -> Result<T, ApiError> {
        let body = json!({ "query": document, "variables": variables });
        // A query may be repeated like a GET although it travels as a POST.
        let answer: GraphqlAnswer<T> = self.send(&self.graphql, &Method::POST, "", Some(&body), Repeat::Freely).await?;
        answer.into_data()
    }

    /// A mutation of GraphQL.
    pub(super) async fn mutate<T: DeserializeOwned>(&self, document: &str, variables: Value) -> Result<T, ApiError> {
        self.wait_for_turn().await;
        let body = json!({ "query": document, "variables": self.redactor.redact_json(&variables) });
        let answer: GraphqlAnswer<T> =
            self.send(&self.graphql, &Method::POST, "", Some(&body), Repeat::Carefully).await?;
        answer.into_data()
    }

    async fn rest<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        body: Option<&Value>,
    ) -> Result<T, ApiError> {
        let route = format!("/repos/{}{route}", self.repository);
        let repeat = match method {
            Method::GET | Method::PUT | Method::DELETE => Repeat::Freely,
            _ => Repeat::Carefully,
        };
        self.send(&self.rest, &method, &route, body, repeat).await
    }

    async fn wait_for_turn(&self) {
        let mut writes = self.writes.lock().await;
        writes.count += 1;
        if let Some(last) = writes.last.filter(|_| writes.count > UNSPACED_WRITES) {
            tokio::time::sleep_until(last + WRITE_SPACING).await;
        }
        writes.last = Some(Instant::now());
    }

    /// Sends a request until it is answered, may not be repeated, or has waited long enough.
    async fn send<T: DeserializeOwned>(
        &self,
        base: &Base,
        method: &Method,
        route: &str,
        body: Option<&Value>,
        repeat: Repeat,
    ) -> Result<T, ApiError> {
        let mut pauses = ExponentialBuilder::default().with_jitter().with_max_times(3).build();
        let mut waited = Duration::ZERO;
        loop {
            let Attempt { error, again } = match self.attempt(base, method, route, body, repeat).await {
                Ok(answer) => return Ok(answer),
                Err(attempt) => attempt,
            };
            let pause = match (again, pauses.next()) {
                (Again::Soon, Some(pause)) => pause,
                (Again::After(asked), Some(pause)) => asked.max(pause),
                (Again::Never, _) | (_, None) => return Err(error),
            };
            waited += pause;
            if waited > WAIT_LIMIT {
                return Err(error);
            }
            tracing::info!("GitHub did not answer {method} {route}; trying again in {} s", pause.as_secs_f32());
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        base: &Base,
        method: &Method,
        route: &str,
        body: Option<&Value>,
        repeat: Repeat,
    ) -> Result<T, Attempt> {
        let never = |error| Attempt { error, again: Again::Never };
        let request = if route.is_empty() { format!("{method} GraphQL") } else { format!("{method} {route}") };
        let unreachable = |why: octocrab::Error| ApiError::Unreachable { request: request.clone(), why: cause(&why) };
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.request_limit {
            return Err(never(ApiError::BudgetSpent { limit: self.request_limit }));
        }
        let builder = http::Request::builder().method(method).uri(format!("{}{route}", base.path));
        let message = base.client.build_request(builder, body).map_err(|why| never(unreachable(why)))?;
        let response = base.client.execute(message).await.map_err(|why| {
            let again = if repeat == Repeat::Freely || never_left(&why) { Again::Soon } else { Again::Never };
            Attempt { error: unreachable(why), again }
        })?;
        let (status, limits) = (response.status(), Limits::of(&response));
        if let Some(remaining) = limits.remaining {
            self.remaining.store(remaining, Ordering::Relaxed);
        }
        let text = base.client.body_to_string(response).await.map_err(|why| {
            let again = if repeat == Repeat::Freely { Again::Soon } else { Again::Never };
            Attempt { error: unreachable(why), again }
        })?;
        if status.is_success() {
            let text = if text.trim().is_empty() { "null" } else { &text };
            return serde_json::from_str(text)
                .map_err(|why| never(ApiError::Unreadable { request, why: why.to_string() }));
        }
        Err(refused(request, status, &text, limits, repeat))
    }
}

/// Whether a request may be sent twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// The second has no further effect.
    Freely,
    /// Only where the first certainly had none.
    Carefully,
}

/// What GitHub says of its limits in an answer's head.
struct Limits {
    remaining: Option<u32>,
    retry_after: Option<Duration>,
    accepted_permissions: Option<String>,
}

impl Limits {
    fn of<B>(response: &Response<B>) -> Limits {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        Limits {
            remaining: header("x-ratelimit-remaining").and_then(|text| text.parse().ok()),
            retry_after: header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs),
            accepted_permissions: header("x-accepted-github-permissions").map(str::to_owned),
        }
    }
}

/// GitHub's own error body.
#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Value>,
}

fn refused(request: String, status: StatusCode, text: &str, limits: Limits, repeat: Repeat) -> Attempt {
    let body: ErrorBody = serde_json::from_str(text).unwrap_or_default();
    let details = body.errors.iter().map(|error| match error {
        Value::String(text) => text.clone(),
        other => other.get("message").and_then(Value::as_str).map_or_else(|| other.to_string(), str::to_owned),
    });
    let message = std::iter::once(body.message.clone()).chain(details).filter(|text| !text.is_empty());
    let message: String = message.collect::<Vec<_>>().join(": ").chars().take(500).collect();
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN
            && (limits.retry_after.is_some() || limits.remaining == Some(0) || message.contains("rate limit")));
    if limited {
        // Without a hint GitHub asks for at least a minute.
        let pause = limits.retry_after.unwrap_or(Duration::from_secs(60));
        return Attempt { error: ApiError::RateLimited { request }, again: Again::After(pause) };
    }
    let again = if status.is_server_error() && repeat == Repeat::Freely { Again::Soon } else { Again::Never };
    let accepted_permissions = limits.accepted_permissions;
    Attempt { error: ApiError::Refused { status: status.as_u16(), message, request, accepted_permissions }, again }
}

#[derive(Deserialize)]
struct GraphqlAnswer<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<ErrorBody>,
}

impl<T> GraphqlAnswer<T> {
    fn into_data(self) -> Result<T, ApiError> {
        let request = "POST GraphQL".to_owned();
        if !self.errors.is_empty() {
            let message = self.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(": ");
            return Err(ApiError::Refused { status: 200, message, request, accepted_permissions: None });
        }
        self.data.ok_or(ApiError::Unreadable { request, why: "it has neither data nor errors".to_owned() })
    }
}

/// A renamed repository answers with a redirect; the token follows it on the same host only.
fn same_origin() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first().map(|url| url.origin());
        if attempt.previous().len() <= 3 && first == Some(attempt.url().origin()) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// Whether the connection was never made, so that even a write can be repeated.
fn never_left(error: &octocrab::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if current.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect) {
            return true;
        }
        source = current.source();
    }
    false
}

/// The innermost cause: the outer ones only say that a request failed.
fn cause(error: &octocrab::Error) -> String {
    let mut current: &dyn std::error::Error = error;
    while let Some(next) = current.source() {
        current = next;
    }
    current.to_string()
}
