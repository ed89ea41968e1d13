//! Opens the wire: streamable HTTP with the token in a header, or a child process with the token in its environment.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use rmcp::RoleClient;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService, ServiceExt};
use rmcp::transport::TokioChildProcess;
use rmcp::transport::common::client_side_sse::NeverRetry;
use rmcp::transport::streamable_http_client::{StreamableHttpClientTransport, StreamableHttpClientTransportConfig};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::task::JoinHandle;
use url::Url;

use super::fault::{self, Fault};
use crate::settings::pagerduty::{
    self as settings, AuthScheme, Limits, PagerDutySettings, Route, ServerCommand, Token,
};

/// An open session with an MCP server.
pub(crate) type Session = RunningService<RoleClient, ClientConfig>;

/// The longest line of a child's standard error that is logged in one piece, in bytes.
const LOGGED_LINE: u64 = 500;

/// Connects and shakes hands: one request, within the limits of the settings.
pub(crate) async fn open(settings: &PagerDutySettings) -> Result<Session, Fault> {
    match &settings.route {
        Route::Http { address, scheme } => over_http(address, *scheme, &settings.token, &settings.limits).await,
        Route::Command(command) => over_stdio(command, &settings.token, &settings.limits).await,
    }
}

/// Who we are, offering the newest protocol version that still begins with `initialize`: every PagerDuty server
/// seen so far speaks 2025-06-18.
fn client() -> ClientConfig {
    let us = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    ClientConfig::new(ClientCapabilities::default(), us).with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
}

async fn over_http(address: &Url, scheme: AuthScheme, token: &Token, limits: &Limits) -> Result<Session, Fault> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(limits.connect)
        // A redirect would carry the token wherever it points.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
    if settings::is_loopback(address) {
        builder = builder.no_proxy();
    }
    let http = builder.build().map_err(|error| Fault::Unreachable(error.to_string()))?;
    let headers = HashMap::from([(AUTHORIZATION, authorization(scheme, token)?)]);
    let mut config = StreamableHttpClientTransportConfig::with_uri(address.as_str()).custom_headers(headers);
    // By default a stream that breaks off is resumed again and again with growing pauses, and a cut answer looks like
    // silence until the time of the call is up. A server that wants to be asked again still says so itself.
    config.retry_config = Arc::new(NeverRetry::default());
    let transport = StreamableHttpClientTransport::with_client(http, config);
    settled(client().serve(transport), limits.call, token).await
}

/// The header's value, marked so that no debug output shows it.
fn authorization(scheme: AuthScheme, token: &Token) -> Result<HeaderValue, Fault> {
    let text = match scheme {
        AuthScheme::Token => format!("Token token={}", token.reveal()),
        AuthScheme::Bearer => format!("Bearer {}", token.reveal()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| Fault::Unauthorised)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn over_stdio(server: &ServerCommand, token: &Token, limits: &Limits) -> Result<Session, Fault> {
    let mut command = Command::new(&server.program);
    command
        .args(&server.arguments)
        .env_clear()
        .envs(server.environment.iter().map(|(name, value)| (name, value)))
        .env("PAGERDUTY_USER_API_KEY", token.reveal())
        .kill_on_drop(true);
    // Lines on its standard output that are not JSON, such as the banner of older servers, are skipped by rmcp.
    let (process, errors) = TokioChildProcess::builder(command)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Fault::Unreachable(format!("`{}` does not start: {error}", server.program)))?;
    let errors = errors.map(|errors| ErrorOutput::follow(errors, token.clone()));
    let session = settled(client().serve(process), limits.start_of_a_command(), token).await;
    match (session, errors) {
        // A program that ends at once has usually said why.
        (Err(Fault::Ended), Some(errors)) => Err(errors.last_words().await.map_or(Fault::Ended, |words| {
            Fault::Unreachable(format!("`{}` ended at once and said: {words}", server.program))
        })),
        (session, _) => session,
    }
}

/// The handshake within its time.
async fn settled(
    handshake: impl Future<Output = Result<Session, ClientInitializeError>>,
    limit: Duration,
    token: &Token,
) -> Result<Session, Fault> {
    match tokio::time::timeout(limit, handshake).await {
        Ok(done) => done.map_err(|error| fault::from_initialize_error(error, token.reveal())),
        Err(_) => Err(Fault::Timeout(limit)),
    }
}

/// A child's standard error on its way into our log.
struct ErrorOutput {
    last: Arc<Mutex<Option<String>>>,
    reader: JoinHandle<()>,
}

impl ErrorOutput {
    /// Logs every line, at debug level: it is the child's talk, not ours.
    fn follow(output: impl AsyncRead + Send + Unpin + 'static, token: Token) -> ErrorOutput {
        let last = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&last);
        let reader = tokio::spawn(async move {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            // An endless line is logged in pieces rather than kept.
            while let Ok(1..) = (&mut output).take(LOGGED_LINE).read_until(b'\n', &mut line).await {
                let words = fault::one_line(&String::from_utf8_lossy(&line), token.reveal());
                line.clear();
                if !words.is_empty() {
                    tracing::debug!(target: "pagerduty_mcp_server", "{words}");
                    *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
                }
            }
        });
        ErrorOutput { last, reader }
    }

    /// The last line, after the child has ended; not waited for longer than a second.
    async fn last_words(self) -> Option<String> {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.reader).await;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
