//! What can go wrong in one call, told apart so that each cause gets its own advice.
//!
//! PagerDuty's servers report most refusals as a successful HTTP answer with `isError: true` and a sentence;
//! this file is the only one that reads such sentences. No fault carries a value that came with an answer,
//! except [`Fault::Refused`], which holds a short, cleaned and redacted piece of the server's own words.

use std::error::Error as StdError;
use std::time::Duration;

use rmcp::ServiceError;
use rmcp::service::ClientInitializeError;
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use crate::failure::Failure;

/// Why one call gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 401: the token is unknown, expired or deactivated.
    Unauthorised,
    /// 403: the token is valid and may not do this.
    Forbidden,
    /// 404 from PagerDuty: nothing is known under that name.
    NotFound,
    /// 404 from the web server: the address is not that of an MCP server.
    NoSuchAddress,
    /// 429: too many requests.
    RateLimited,
    /// A 5xx or another status that says the server is at fault.
    ServerFailed(u16),
    /// A 3xx. It is not followed, so that the token never reaches another host.
    Redirected,
    /// The server does not offer a tool for this question.
    ToolMissing(String),
    /// The server did not accept the arguments.
    WrongArguments,
    /// No answer in time.
    Timeout(Duration),
    /// No connection. The text is the operating system's or the TLS library's reason.
    Unreachable(String),
    /// The server's process or connection ended before the answer.
    Ended,
    /// The answer stopped in the middle.
    Truncated,
    /// The event stream that was to bring the answer ended before it; the library does not tell a stream that was
    /// cut off from one that it gave up for its size.
    StreamBroken,
    /// The answer is longer than 16 MiB.
    TooLarge,
    /// The answer is not JSON.
    NotJson,
    /// The answer is JSON of an unknown shape; the text names the keys that were there, never values.
    UnknownShape(String),
    /// The answer is about another thing than the one asked for.
    WrongThing,
    /// The requests allowed for one piece of work are used up.
    TooManyRequests,
    /// Any other refusal, in the server's words: one line of at most 200 characters, without the token.
    Refused(String),
}

impl Fault {
    /// True where the same read may well succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Fault::RateLimited | Fault::ServerFailed(502..=504))
    }

    /// The cause as a clause that follows "because".
    pub(crate) fn because(&self) -> String {
        match self {
            Fault::Unauthorised => "the token was not accepted (401)".into(),
            Fault::Forbidden => "the token may not read this (403)".into(),
            Fault::NotFound => "PagerDuty has no such thing (404)".into(),
            Fault::NoSuchAddress => "nothing is served at that address (404)".into(),
            Fault::RateLimited => "PagerDuty asks to slow down (429)".into(),
            Fault::ServerFailed(status) => format!("the server failed (HTTP {status})"),
            Fault::Redirected => "the server answered with a redirect, which is not followed".into(),
            Fault::ToolMissing(tools) => format!("the server offers no tool for it (looked for {tools})"),
            Fault::WrongArguments => "the server did not accept the arguments of the call".into(),
            Fault::Timeout(after) => format!("no answer came within {} s", seconds(*after)),
            Fault::Unreachable(reason) => format!("the server could not be reached ({reason})"),
            Fault::Ended => "the server closed the connection before it answered".into(),
            Fault::Truncated => "the answer stopped in the middle".into(),
            Fault::StreamBroken => "the answer was cut off on its way, or is larger than 16 MiB".into(),
            Fault::TooLarge => "the answer is larger than 16 MiB".into(),
            Fault::NotJson => "the answer is not JSON".into(),
            Fault::UnknownShape(keys) => format!("the answer has an unknown shape ({keys})"),
            Fault::WrongThing => "the server answered about something else than was asked for".into(),
            Fault::TooManyRequests => "the requests allowed for one incident were used up".into(),
            Fault::Refused(words) => format!("the server refused: {words}"),
        }
    }

    /// The fault as the end of a run: `tried` completes "Could not …", `peer` names the server.
    pub(crate) fn into_failure(self, tried: &str, peer: &str) -> Failure {
        let problem = format!("Could not {tried} at {peer}: {}.", self.because());
        Failure::peer(problem, self.advice())
    }

    /// What a person should do about it. One sentence.
    fn advice(&self) -> &'static str {
        match self {
            Fault::Unauthorised => {
                "Check the secret behind `pagerduty-token`: it must be a current PagerDuty API token, and \
                 `pagerduty-auth-scheme` must be `bearer` for an OAuth token."
            }
            Fault::Forbidden => {
                "Give the token's user at least the Observer role on the team that owns the service, or use a token \
                 of a user who has it."
            }
            Fault::NotFound => {
                "Check the number or id, and that the token belongs to the PagerDuty account that has it."
            }
            Fault::NoSuchAddress => {
                "Check the path of `pagerduty-mcp-url`; PagerDuty's own server is at https://mcp.pagerduty.com/mcp."
            }
            Fault::RateLimited => "Run again in a minute; other users of the same token share its limit.",
            Fault::ServerFailed(_) | Fault::Ended | Fault::Truncated | Fault::StreamBroken => {
                "Run again; if it stays, look at https://status.pagerduty.com or at the log of your own server."
            }
            Fault::Redirected => "Set `pagerduty-mcp-url` to the final address of the server.",
            Fault::ToolMissing(_) => {
                "Point `pagerduty-mcp-url` (or `pagerduty-mcp-command`) at PagerDuty's own MCP server, hosted or local."
            }
            Fault::Timeout(_) => {
                "Run again; if it stays, the server may be waiting for PagerDuty's rate limit to pass."
            }
            Fault::Unreachable(_) => {
                "Check `pagerduty-mcp-url` or `pagerduty-mcp-command`, and whether this runner may reach the server."
            }
            Fault::NotJson => "Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.",
            Fault::TooLarge
            | Fault::WrongArguments
            | Fault::UnknownShape(_)
            | Fault::WrongThing
            | Fault::TooManyRequests
            | Fault::Refused(_) => {
                "This server may speak a dialect that is not known yet: please report it with the text above."
            }
        }
    }
}

/// What a tool said when it answered with `isError`.
///
/// The sentences are those of PagerDuty's local server, 0.5 to 1.1.0: `… (status 404): …`,
/// `Received 401 Unauthorized response …`, `1 validation error for …`, `Unknown tool: X`. Anything that carries
/// an HTTP status in a similar place is read the same way.
pub(crate) fn from_tool_text(tool: &str, text: &str, secret: &str) -> Fault {
    if let Some(status) = status_named_in(text) {
        return from_status(status);
    }
    let lower = text.to_lowercase();
    if lower.contains("unknown tool") {
        Fault::ToolMissing(tool.to_owned())
    } else if lower.contains("invalid arguments") || (lower.contains("validation error") && lower.contains("arguments"))
    {
        // A "validation error for Alert" is another matter: the server could not read what PagerDuty sent it.
        Fault::WrongArguments
    } else if lower.contains("unauthorized") {
        Fault::Unauthorised
    } else if lower.contains("forbidden") || lower.contains("access denied") {
        Fault::Forbidden
    } else if lower.contains("not found") {
        Fault::NotFound
    } else if lower.contains("timed out") || lower.contains("connection refused") || lower.contains("max retries") {
        Fault::Unreachable("the MCP server could not reach PagerDuty".into())
    } else {
        // Python's validation errors go on with the value they stumbled over.
        Fault::Refused(one_line(text.split(" [type=").next().unwrap_or(text), secret))
    }
}

/// The failure of a call on an open connection.
pub(crate) fn from_service_error(tool: &str, error: ServiceError, secret: &str) -> Fault {
    match error {
        ServiceError::McpError(data) if data.code == rmcp::model::ErrorCode::METHOD_NOT_FOUND => {
            Fault::ToolMissing(tool.to_owned())
        }
        ServiceError::McpError(data) => from_tool_text(tool, &data.message, secret),
        ServiceError::TransportSend(error) => from_transport(&error),
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => Fault::Ended,
        ServiceError::Timeout { timeout } => Fault::Timeout(timeout),
        ServiceError::UnexpectedResponse => Fault::UnknownShape("not a tool's result".into()),
        other => Fault::Refused(one_line(&other.to_string(), secret)),
    }
}

/// The failure of the first handshake.
pub(crate) fn from_initialize_error(error: ClientInitializeError, secret: &str) -> Fault {
    match error {
        ClientInitializeError::TransportError { error, .. } => from_transport(&error),
        ClientInitializeError::ConnectionClosed(_) => Fault::Ended,
        ClientInitializeError::JsonRpcError(data) => from_tool_text("initialize", &data.message, secret),
        ClientInitializeError::ExpectedInitResponse(_)
        | ClientInitializeError::ExpectedInitResult(_)
        | ClientInitializeError::ConflictInitResponseId(..)
        | ClientInitializeError::UncorrelatedErrorResponse { .. } => {
            Fault::UnknownShape("not the answer to an MCP handshake".into())
        }
        other => Fault::Refused(one_line(&other.to_string(), secret)),
    }
}

fn from_transport(error: &DynamicTransportError) -> Fault {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error.error.as_ref());
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
            return from_http(http);
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::NotConnected => Fault::Ended,
                _ => Fault::Unreachable(io.to_string()),
            };
        }
        cause = error.source();
    }
    Fault::Ended
}

fn from_http(error: &StreamableHttpError<reqwest::Error>) -> Fault {
    match error {
        StreamableHttpError::AuthRequired(_) => Fault::Unauthorised,
        StreamableHttpError::InsufficientScope(_) => Fault::Forbidden,
        StreamableHttpError::HttpStatus(status) => from_http_status(status.status),
        StreamableHttpError::SessionExpired => Fault::Ended,
        StreamableHttpError::ResponseBodyTooLarge { .. } => Fault::TooLarge,
        StreamableHttpError::UnexpectedContentType(_) => Fault::NotJson,
        StreamableHttpError::UnexpectedEndOfStream => Fault::Truncated,
        StreamableHttpError::Deserialize(error) => from_json(error),
        StreamableHttpError::Client(error) => from_reqwest(error),
        StreamableHttpError::Sse(error) => from_sse(&error.to_string()),
        StreamableHttpError::Io(error) => Fault::Unreachable(error.to_string()),
        // The library has no variant for these; it starts the text with the status, or with what serde said.
        StreamableHttpError::UnexpectedServerResponse(text) => from_response_text(text),
        _ => Fault::Ended,
    }
}

/// The library's own sentence about an unusable response. It may end with a piece of the body, which is not shown.
fn from_response_text(text: &str) -> Fault {
    let status = text.strip_prefix("HTTP ").and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok());
    match status {
        Some(status) => from_http_status(status),
        None if text.contains("did not match any variant") => Fault::UnknownShape("JSON, but no MCP message".into()),
        None if text.contains("EOF while parsing") => Fault::Truncated,
        None if text.contains("could not parse JSON") => Fault::NotJson,
        None if text.contains("empty sse stream") => Fault::Truncated,
        None => Fault::NotJson,
    }
}

fn from_sse(text: &str) -> Fault {
    if text.contains("maximum") || text.contains("too large") || text.contains("exceed") {
        Fault::TooLarge
    } else {
        Fault::Truncated
    }
}

fn from_json(error: &serde_json::Error) -> Fault {
    if error.is_eof() { Fault::Truncated } else { Fault::NotJson }
}

fn from_reqwest(error: &reqwest::Error) -> Fault {
    if error.is_connect() {
        let reason = if error.is_timeout() { "no connection in time".to_owned() } else { innermost(error) };
        Fault::Unreachable(reason)
    } else if error.is_timeout() {
        Fault::Unreachable("no answer in time".into())
    } else if let Some(status) = error.status() {
        from_http_status(status.as_u16())
    } else if error.is_body() || error.is_decode() {
        Fault::Truncated
    } else {
        Fault::Unreachable(innermost(error))
    }
}

/// The last cause in the chain: the only one without the address, which may hold what a user wants kept.
fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    one_line(&cause.to_string(), "")
}

/// A status of the server itself, rather than one that it passes on from PagerDuty.
fn from_http_status(status: u16) -> Fault {
    if matches!(status, 404 | 410) { Fault::NoSuchAddress } else { from_status(status) }
}

fn from_status(status: u16) -> Fault {
    match status {
        401 => Fault::Unauthorised,
        403 => Fault::Forbidden,
        404 | 410 => Fault::NotFound,
        429 => Fault::RateLimited,
        300..=399 => Fault::Redirected,
        400 | 422 => Fault::WrongArguments,
        _ => Fault::ServerFailed(status),
    }
}

/// The HTTP status that a sentence names, as in `(status 404)`, `HTTP 403` or `401 Unauthorized`.
/// A number alone, as in an incident's title, is not enough.
fn status_named_in(text: &str) -> Option<u16> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.iter().enumerate().find_map(|(place, word)| {
        let status = word.parse::<u16>().ok().filter(|status| word.len() == 3 && (400..=599).contains(status))?;
        let before = place.checked_sub(1).and_then(|place| words.get(place)).map(|word| word.to_ascii_lowercase());
        let after = words.get(place + 1).map(|word| word.to_ascii_lowercase());
        let named = matches!(before.as_deref(), Some("status" | "http" | "received" | "code" | "error"))
            || matches!(after.as_deref(), Some("unauthorized" | "forbidden" | "not" | "too" | "bad"));
        named.then_some(status)
    })
}

/// A server's words made fit for one line: no control characters, no token, at most 200 characters.
pub(crate) fn one_line(text: &str, secret: &str) -> String {
    let redacted = if secret.is_empty() { text.to_owned() } else { text.replace(secret, "***") };
    let words: Vec<&str> =
        redacted.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() > 200 { line.chars().take(200).chain(['…']).collect() } else { line }
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        duration.as_secs().to_string()
    } else {
        format!("{:.1}", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
