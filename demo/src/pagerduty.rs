//! A stand-in PagerDuty on loopback: events in, MCP and the plain REST API out.
//!
//! Over MCP it speaks the dialect it is told to: the hosted server's `browse_*` tools or one of the local server's
//! three shapes. Over REST it serves what the real `pagerduty-mcp` packages ask for. Both answer from the same records
//! through the same selection.

mod dialect;
mod mcp;
mod records;
mod rest;
mod select;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::server::{Journal, Server, lock};

pub use dialect::Dialect;
pub use records::{Lookup, NewIncident, ROUTING_KEY, Records};

/// The running stand-in. It stops when this value is dropped.
pub struct PagerDuty {
    shared: Shared,
    server: Server,
}

/// What every handler sees.
#[derive(Clone)]
struct Shared {
    records: Arc<Mutex<Records>>,
    faults: Arc<Mutex<Vec<(String, Fault)>>>,
    calls: Journal,
    rest: Journal,
    dialect: Dialect,
    url: String,
}

/// Something that goes wrong with a call, for the tests of bad answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The answer comes after this time.
    Slow(Duration),
    /// HTTP 200 with a page of HTML.
    NotJson,
    /// The answer ends in its middle.
    Truncated,
    /// This HTTP status, with a short JSON body.
    Status(u16),
    /// The server has no such tool, or no such action of it.
    Missing,
    /// The tool answers with `isError` and this text.
    ToolError(String),
}

impl PagerDuty {
    /// Serves `records`: MCP in `dialect` at `/mcp`, REST and the Events API at the root.
    ///
    /// # Errors
    /// Where no port of 127.0.0.1 can be had.
    pub async fn start(dialect: Dialect, records: Records) -> anyhow::Result<PagerDuty> {
        let mut shared = Shared {
            records: Arc::new(Mutex::new(records)),
            faults: Arc::default(),
            calls: Journal::default(),
            rest: Journal::default(),
            dialect,
            url: String::new(),
        };
        let server = Server::start(|url| {
            shared.url = url.to_owned();
            mcp::router(&shared).merge(rest::router(&shared))
        })
        .await?;
        Ok(PagerDuty { shared, server })
    }

    /// Where MCP is served: the input `pagerduty-mcp-url`.
    pub fn mcp_url(&self) -> String {
        format!("{}/mcp", self.server.url())
    }

    /// Where REST and the Events API are served: `PAGERDUTY_API_HOST` of the local server.
    pub fn rest_url(&self) -> String {
        self.server.url()
    }

    /// What it knows, to be read or changed while it runs. Do not hold it across an `await`.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        lock(&self.shared.records)
    }

    /// MCP requests: `initialize`, `tools/list`, and for a call the tool (`get_incident`) or, with the hosted server,
    /// the tool and its action (`browse_incidents/get`).
    pub fn calls(&self) -> &Journal {
        &self.shared.calls
    }

    /// Requests of the REST and Events API, as method and path template.
    pub fn rest_requests(&self) -> &Journal {
        &self.shared.rest
    }

    /// From now on, requests that [`PagerDuty::calls`] would write as `call` (`*`: all) meet this fault.
    pub fn fail(&self, call: &str, fault: Fault) {
        lock(&self.shared.faults).push((call.to_owned(), fault));
    }
}

impl Shared {
    fn records(&self) -> MutexGuard<'_, Records> {
        lock(&self.records)
    }

    fn fault(&self, call: &str) -> Option<Fault> {
        lock(&self.faults).iter().find(|(for_call, _)| for_call == call || for_call == "*").map(|(_, f)| f.clone())
    }
}
