//! One session with a server: asks questions within limits of time, number and concurrency, and counts them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use rmcp::ServiceError;
use rmcp::model::{CallToolRequestParams, PaginatedRequestParams, Tool};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::dialect::{Call, Dialect, Question};
use super::envelope;
use super::fault::{self, Fault};
use super::transport::{self, Session};
use crate::settings::pagerduty::{Limits, PagerDutySettings, Route, Token};

/// Pages of `tools/list` that are read. The known servers need one.
const TOOL_PAGES: usize = 5;
/// Calls at a time over HTTP.
const LANES_OVER_HTTP: usize = 6;
/// Calls at a time over stdio: the local server works on one after the other, and a queue there would eat the time
/// that each call is given.
const LANES_OVER_STDIO: usize = 1;
/// How long the end of a session is waited for over HTTP, where nothing depends on it.
const FAREWELL_OVER_HTTP: Duration = Duration::from_secs(2);
/// The same over stdio: three seconds for the child to end by itself, three more after a signal, then it is killed.
const FAREWELL_OVER_STDIO: Duration = Duration::from_secs(8);

/// An open session and what its server can do.
pub(crate) struct Connection {
    session: Session,
    dialect: Dialect,
    lanes: Semaphore,
    farewell: Duration,
    limits: Limits,
    token: Token,
    requests: AtomicU32,
}

/// What one piece of work may use: time and requests.
#[derive(Debug)]
pub(crate) struct Allowance {
    until: Instant,
    total: Duration,
    left: AtomicU32,
}

/// An answer with the call it answers.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The JSON the tool returned, still in its envelope.
    pub(crate) value: Value,
    /// What was sent.
    pub(crate) call: Call,
}

impl Connection {
    /// Connects, shakes hands and reads which tools there are: two requests for the known servers.
    pub(crate) async fn open(settings: &PagerDutySettings) -> Result<Connection, Fault> {
        let session = transport::open(settings).await?;
        let (lanes, farewell) = match settings.route {
            Route::Http { .. } => (LANES_OVER_HTTP, FAREWELL_OVER_HTTP),
            Route::Command(_) => (LANES_OVER_STDIO, FAREWELL_OVER_STDIO),
        };
        let mut connection = Connection {
            session,
            dialect: Dialect::default(),
            lanes: Semaphore::new(lanes),
            farewell,
            limits: settings.limits,
            token: settings.token.clone(),
            requests: AtomicU32::new(1),
        };
        let tools = connection.tools().await?;
        connection.dialect = Dialect::new(
            tools.into_iter().map(|tool| (tool.name.into_owned(), Value::Object((*tool.input_schema).clone()))),
        );
        Ok(connection)
    }

    /// What the server can do.
    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The requests sent so far: the handshake, the lists of tools and every call of a tool, retries included.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// A new allowance of `requests` and the total time of the settings, from now on.
    pub(crate) fn allowance(&self, requests: u32) -> Allowance {
        let total = self.limits.total;
        Allowance { until: Instant::now() + total, total, left: AtomicU32::new(requests) }
    }

    /// Asks one question. A read that failed for a passing reason is repeated at most twice.
    pub(crate) async fn ask(
        &self,
        question: Question,
        wanted: &[(&'static str, Value)],
        allowance: &Allowance,
    ) -> Result<Answer, Fault> {
        let call = self.dialect.call(question, wanted)?;
        let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(400)).with_max_times(2);
        let value = (|| self.ask_once(&call, allowance)).retry(pauses).when(Fault::is_transient).await?;
        Ok(Answer { value, call })
    }

    /// Ends the session: the server is told, a child process is waited for and, if it does not end, killed.
    pub(crate) async fn close(mut self) {
        if let Err(error) = self.session.close_with_timeout(self.farewell).await {
            tracing::debug!("the session with the PagerDuty server did not end cleanly: {error}");
        }
    }

    async fn ask_once(&self, call: &Call, allowance: &Allowance) -> Result<Value, Fault> {
        let Ok(_lane) = tokio::time::timeout_at(allowance.until, self.lanes.acquire()).await else {
            return Err(Fault::Timeout(allowance.total));
        };
        let time = allowance.take(self.limits.call)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(tool = %call.tool, dropped = ?call.dropped, "asking PagerDuty");
        let parameters = CallToolRequestParams::new(call.tool.clone()).with_arguments(call.arguments.clone());
        match tokio::time::timeout(time, self.session.call_tool(parameters)).await {
            Ok(Ok(result)) => envelope::value(&call.tool, result, self.token.reveal()),
            Ok(Err(error)) => Err(self.explained(&call.tool, error)),
            Err(_) => Err(Fault::Timeout(time)),
        }
    }

    /// Why a request failed. One answer may break off while the session lives on.
    fn explained(&self, tool: &str, error: ServiceError) -> Fault {
        match fault::from_service_error(tool, error, self.token.reveal()) {
            Fault::Ended if !self.session.is_transport_closed() => Fault::StreamBroken,
            other => other,
        }
    }

    async fn tools(&self) -> Result<Vec<Tool>, Fault> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for page in 0..TOOL_PAGES {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let parameters = (page > 0).then(|| PaginatedRequestParams::default().with_cursor(cursor.take()));
            let listed = tokio::time::timeout(self.limits.call, self.session.list_tools(parameters))
                .await
                .map_err(|_| Fault::Timeout(self.limits.call))?
                .map_err(|error| self.explained("tools/list", error))?;
            tools.extend(listed.tools);
            cursor = listed.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(tools)
    }
}

impl Allowance {
    /// Takes one request out; returns how long it may last.
    fn take(&self, call: Duration) -> Result<Duration, Fault> {
        let time = self.until.saturating_duration_since(Instant::now());
        if time.is_zero() {
            return Err(Fault::Timeout(self.total));
        }
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.map(|_| time.min(call)).map_err(|_| Fault::TooManyRequests)
    }
}
