//! PagerDuty, read over the Model Context Protocol (MCP).
//!
//! [`PagerDuty`] answers three questions: what is this incident ([`PagerDuty::incident`]), which incidents are open
//! ([`PagerDuty::open_incidents`]) and what are the owning teams called ([`PagerDuty::named_teams`]). It only reads.
//!
//! ```text
//! settings -> transport -> connection -> dialect -> envelope -> decode -> gather, open
//! who, where  HTTP, stdio  limits        our words  open the    JSON to   put together,
//!                                        to theirs  answer      our words filter again
//! ```
//!
//! Two rules hold everywhere in this room:
//!
//! - **Trust no filter.** Servers drop arguments they do not know without a word, so every answer is filtered again
//!   on this side, and a person counts as on call only where policy, shift and level are proved.
//! - **A missing part is a gap, not an error.** Only what an analysis cannot do without (the connection, the
//!   incident itself, the list of open incidents) ends in a [`Failure`].

mod connection;
mod decode;
mod dialect;
mod envelope;
mod fault;
mod gather;
mod lists;
mod on_call;
mod open;
#[cfg(test)]
mod testing;
mod transport;

use std::fmt;

use crate::failure::Failure;
use crate::model::evidence::Gap;
use crate::model::ids::{IncidentReference, ServiceId, Timestamp};
use crate::model::incident::{ChangeEvent, Incident, IncidentSummary, Service, Team};

use crate::settings::pagerduty::PagerDutySettings;
use connection::Connection;

/// The most MCP requests that reading one incident may take on a fresh connection, the handshake and the list of
/// tools included. Beyond it, what is left becomes gaps.
pub const REQUESTS_PER_INCIDENT: u32 = 20;

/// An open connection to PagerDuty's MCP server.
pub struct PagerDuty {
    connection: Connection,
    /// The server in a sentence, for errors.
    server: String,
    /// What is left of [`REQUESTS_PER_INCIDENT`] after the handshake and beside [`PagerDuty::service_changes`].
    requests_for_one: u32,
}

/// What could be read, and what could not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading<T> {
    /// What was read.
    pub value: T,
    /// What could not be read, each with its reason.
    pub gaps: Vec<Gap>,
}

impl PagerDuty {
    /// Connects to the server and learns what it can do.
    ///
    /// # Errors
    /// Peer: the server is unreachable, does not start, does not accept the token (401, 403), redirects, does not
    /// answer in time or does not speak MCP.
    pub async fn connect(settings: &PagerDutySettings) -> Result<PagerDuty, Failure> {
        let server = settings.route.describe();
        let connection = Connection::open(settings)
            .await
            .map_err(|fault| fault.into_failure("connect to PagerDuty's MCP server", &server))?;
        let requests_for_one = REQUESTS_PER_INCIDENT.saturating_sub(connection.requests() + gather::SERVICE_CHANGES);
        Ok(PagerDuty { connection, server, requests_for_one })
    }

    /// One incident with everything that can be read of it; `at` is the moment for which on-call is asked.
    ///
    /// # Errors
    /// Peer: the incident itself could not be read (unknown, forbidden, timed out, an unreadable answer). All other
    /// parts become gaps.
    pub async fn incident(&self, reference: &IncidentReference, at: Timestamp) -> Result<Reading<Incident>, Failure> {
        gather::incident(self, reference, at)
            .await
            .map_err(|fault| fault.into_failure(&format!("read incident {reference}"), &self.server))
    }

    /// The incidents that are triggered or acknowledged and were raised between `since` and `at`, oldest first.
    ///
    /// `services` limits the list to services with one of these names or ids; `None` means all of the account.
    /// PagerDuty searches at most six months back: an earlier `since` is cut to 180 days before `at`, as a gap.
    ///
    /// # Errors
    /// Peer: no list could be read at all.
    pub async fn open_incidents(
        &self,
        services: Option<&[String]>,
        since: Timestamp,
        at: Timestamp,
    ) -> Result<Reading<Vec<IncidentSummary>>, Failure> {
        open::incidents(self, services, since, at)
            .await
            .map_err(|fault| fault.into_failure("list the open incidents", &self.server))
    }

    /// The changes of a service in a span of time, newest first: more than PagerDuty relates to an incident.
    pub async fn service_changes(
        &self,
        service: &ServiceId,
        since: Timestamp,
        until: Timestamp,
    ) -> Reading<Vec<ChangeEvent>> {
        gather::service_changes(self, service, since, until).await
    }

    /// The service's teams with their names. Asks the server only where the service's own record lacks one.
    pub async fn named_teams(&self, service: &Service) -> Reading<Vec<Team>> {
        gather::named_teams(self, service).await
    }

    /// The MCP requests sent so far: handshake, list of tools and every call, retries included. Notifications, and
    /// the HTTP requests that open and end a session's event stream, are not among them.
    pub fn requests(&self) -> u32 {
        self.connection.requests()
    }

    /// Ends the session. Dropping does so too, but does not wait for a child process to end.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagerDuty").field("server", &self.server).field("requests", &self.requests()).finish()
    }
}

impl<T> Reading<T> {
    /// Something read without gaps.
    pub fn complete(value: T) -> Reading<T> {
        Reading { value, gaps: Vec::new() }
    }

    /// Takes the value out and adds the gaps to others.
    pub fn into_parts(self, gaps: &mut Vec<Gap>) -> T {
        gaps.extend(self.gaps);
        self.value
    }
}
