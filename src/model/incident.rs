//! What PagerDuty says. Every text in here was written by others and is untrusted.

use serde::{Deserialize, Serialize};
use url::Url;

use super::ids::{
    EscalationPolicyId, IncidentId, IncidentNumber, IncidentReference, ServiceId, TeamId, Timestamp, UserId,
};

/// One incident with everything that was read of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// PagerDuty's own id.
    pub id: IncidentId,
    /// The number people use; not every server gives it.
    pub number: Option<IncidentNumber>,
    /// One line written by whoever raised it.
    pub title: String,
    /// Where it stands.
    pub status: IncidentStatus,
    /// How loud it is, and how we know.
    pub severity: Severity,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When it was resolved, where it was.
    pub resolved_at: Option<Timestamp>,
    /// Its page in PagerDuty, where a server said so or the configured host allows to build it.
    pub address: Option<Url>,
    /// The service it belongs to.
    pub service: Service,
    /// The alerts grouped under it, oldest first.
    pub alerts: Vec<Alert>,
    /// Notes of people, oldest first.
    pub notes: Vec<Note>,
    /// Changes that PagerDuty was told of, newest first.
    pub change_events: Vec<ChangeEvent>,
    /// Who is on call now for the service's escalation policy, at its lowest level. Empty where nobody could be verified.
    pub on_call: Vec<OnCall>,
}

impl Incident {
    /// The incident as people name it: by its number where it has one.
    pub fn reference(&self) -> IncidentReference {
        self.number.map_or_else(|| IncidentReference::Id(self.id.clone()), IncidentReference::Number)
    }

    /// Every name under which the incident may have been answered before.
    pub fn names(&self) -> Vec<IncidentReference> {
        let id = IncidentReference::Id(self.id.clone());
        self.number.map(IncidentReference::Number).into_iter().chain([id]).collect()
    }
}

/// What a list says of one incident: enough to choose and order, before anything else is read of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentSummary {
    /// PagerDuty's own id.
    pub id: IncidentId,
    /// The number people use; not every server gives it.
    pub number: Option<IncidentNumber>,
    /// One line written by whoever raised it.
    pub title: String,
    /// Where it stands.
    pub status: IncidentStatus,
    /// When it was raised.
    pub created_at: Timestamp,
    /// PagerDuty's id of the service it belongs to.
    pub service: ServiceId,
    /// The service's display name, where the list gave it.
    pub service_name: Option<String>,
    /// How loud it is, where it could be told.
    pub urgency: Option<Urgency>,
    /// The account's own priority name (`P1`), where one was set.
    pub priority: Option<String>,
}

/// The life of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    /// Nobody has taken it yet.
    Triggered,
    /// Somebody works on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// How loud an incident is. The local servers do not give an urgency, so its origin is part of the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    /// PagerDuty's urgency, read from the incident or by listing with it as a filter.
    Urgency(Urgency),
    /// The account's own priority name (`P1`), where the urgency is not to be had.
    Priority(String),
    /// Neither is known.
    NotGiven,
}

/// PagerDuty's two urgencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// May wait.
    Low,
    /// Wakes people.
    High,
}

/// A PagerDuty service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// PagerDuty's id.
    pub id: ServiceId,
    /// Its display name.
    pub name: String,
    /// The policy that decides who is paged, where it could be read.
    pub escalation_policy: Option<EscalationPolicyId>,
    /// The teams that own it.
    pub teams: Vec<Team>,
}

/// A team that owns a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// PagerDuty's id.
    pub id: TeamId,
    /// Its display name; a service's own record does not always give it.
    pub name: Option<String>,
}

/// One alert: where the monitoring's own words are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// PagerDuty's id.
    pub id: String,
    /// One line.
    pub summary: String,
    /// When it fired.
    pub created_at: Option<Timestamp>,
    /// `critical`, `error`, `warning` or `info`, as sent.
    pub severity: Option<String>,
    /// `body.details` and `cef_details` as they came.
    pub details: serde_json::Value,
}

/// A note a person left on the incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its text.
    pub content: String,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// Display name of its writer.
    pub author: Option<String>,
}

/// A change (deployment, merge) that PagerDuty was told of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// One line.
    pub summary: String,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What sent it.
    pub source: Option<String>,
    /// Addresses that came with it.
    pub links: Vec<String>,
    /// Its own details, as they came.
    pub details: serde_json::Value,
}

/// A person on call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnCall {
    /// PagerDuty's id of the person.
    pub user: UserId,
    /// Display name.
    pub name: String,
    /// E-mail address as PagerDuty knows it.
    pub email: Option<String>,
    /// Escalation level, 1 is paged first.
    pub level: u32,
}
