//! From PagerDuty's JSON to our vocabulary, one function for each thing.
//!
//! Pure, and tolerant in one direction only: a field that is missing or of another type is "not given", an item
//! without what identifies it is no item. Nothing is guessed. Both the local servers' field names and REST's are
//! known, since the hosted server's are not published.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use url::Url;

use crate::model::ids::{EscalationPolicyId, IncidentId, IncidentNumber, ServiceId, TeamId, Timestamp, UserId};
use crate::model::incident::{
    Alert, ChangeEvent, IncidentStatus, IncidentSummary, Note, OnCall, Service, Team, Urgency,
};

/// The years a time may lie in.
const YEARS: Range<i32> = 2000..9000;

/// An incident as one answer gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedIncident {
    /// What a list gives as well.
    pub(crate) summary: IncidentSummary,
    /// When it was resolved, where it was.
    pub(crate) resolved_at: Option<Timestamp>,
    /// Its page, where the server gives it.
    pub(crate) address: Option<Url>,
}

/// An alert and what it says of its incident.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedAlert {
    /// The alert itself.
    pub(crate) alert: Alert,
    /// The incident it names, if it names one.
    pub(crate) incident: Option<IncidentId>,
    /// The page of that incident.
    pub(crate) incident_address: Option<Url>,
}

/// A change event and the services it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedChange {
    /// The event itself.
    pub(crate) event: ChangeEvent,
    /// The services it is about; empty where it names none.
    pub(crate) services: Vec<ServiceId>,
}

/// One entry of an on-call list: a person, the policy and level, and the shift.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedShift {
    /// The person with the level.
    pub(crate) person: OnCall,
    /// The policy the entry belongs to.
    pub(crate) policy: EscalationPolicyId,
    /// Start of the shift; none for somebody who is always on call.
    pub(crate) start: Option<Timestamp>,
    /// End of the shift, exclusive; none for somebody who is always on call.
    pub(crate) end: Option<Timestamp>,
}

/// A user as a list gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedUser {
    /// PagerDuty's id.
    pub(crate) id: UserId,
    /// The e-mail address.
    pub(crate) email: Option<String>,
}

/// An incident; none without id, title, known status, time and service.
pub(crate) fn incident(value: &Value) -> Option<DecodedIncident> {
    let service = value.get("service")?;
    let number = value.get("incident_number").or_else(|| value.get("number")).and_then(number);
    let summary = IncidentSummary {
        id: IncidentId::new(text(value, "id")?),
        number,
        title: text(value, "title").or_else(|| text(value, "summary"))?,
        status: status(value.get("status")?.as_str()?)?,
        created_at: time(value, "created_at")?,
        // A server that gives no id gives a name, which finds the service in the list of services.
        service: ServiceId::new(text(service, "id").or_else(|| name(service))?),
        service_name: name(service),
        urgency: value.get("urgency").and_then(Value::as_str).and_then(urgency),
        priority: value.get("priority").and_then(|given| given.as_str().map(str::to_owned).or_else(|| name(given))),
    };
    Some(DecodedIncident { summary, resolved_at: time(value, "resolved_at"), address: page(value) })
}

/// An alert; none without id.
pub(crate) fn alert(value: &Value) -> Option<DecodedAlert> {
    let body = value.get("body");
    let incident = value.get("incident");
    let alert = Alert {
        id: text(value, "id")?,
        summary: text(value, "summary").or_else(|| text(value, "title")).unwrap_or_default(),
        created_at: time(value, "created_at"),
        severity: text(value, "severity"),
        details: details(body),
    };
    Some(DecodedAlert {
        alert,
        incident: incident.and_then(|given| text(given, "id")).map(IncidentId::new),
        incident_address: incident.and_then(page),
    })
}

/// The parts of an alert's body that monitoring wrote, under their own keys.
fn details(body: Option<&Value>) -> Value {
    let kept: Map<String, Value> = ["details", "cef_details"]
        .iter()
        .filter_map(|key| {
            body?.get(key).filter(|value| !value.is_null()).map(|value| ((*key).to_owned(), value.clone()))
        })
        .collect();
    if kept.is_empty() { Value::Null } else { Value::Object(kept) }
}

/// A note; none without text.
pub(crate) fn note(value: &Value) -> Option<Note> {
    Some(Note {
        content: text(value, "content")?,
        created_at: time(value, "created_at"),
        author: value.get("user").and_then(name),
    })
}

/// A change event; none without a summary.
pub(crate) fn change(value: &Value) -> Option<DecodedChange> {
    let list = |key: &str| value.get(key).and_then(Value::as_array).into_iter().flatten();
    let event = ChangeEvent {
        summary: text(value, "summary")?,
        at: time(value, "timestamp").or_else(|| time(value, "created_at")),
        source: text(value, "source"),
        links: list("links").filter_map(|link| text(link, "href")).collect(),
        details: value.get("custom_details").cloned().unwrap_or_default(),
    };
    let services = list("services").filter_map(|service| text(service, "id")).map(ServiceId::new).collect();
    Some(DecodedChange { event, services })
}

/// A service; none without id and name.
pub(crate) fn service(value: &Value) -> Option<Service> {
    let teams = value.get("teams").and_then(Value::as_array).into_iter().flatten();
    Some(Service {
        id: ServiceId::new(text(value, "id")?),
        name: name(value)?,
        escalation_policy: value
            .get("escalation_policy")
            .and_then(|policy| text(policy, "id"))
            .map(EscalationPolicyId::new),
        teams: teams.filter_map(team).collect(),
    })
}

/// A team; none without id.
pub(crate) fn team(value: &Value) -> Option<Team> {
    Some(Team { id: TeamId::new(text(value, "id")?), name: name(value) })
}

/// An entry of an on-call list; none without policy, level and person.
pub(crate) fn shift(value: &Value) -> Option<DecodedShift> {
    let user = value.get("user")?;
    let id = text(user, "id")?;
    let level = value.get("escalation_level").and_then(Value::as_u64)?;
    let person = OnCall {
        name: name(user).unwrap_or_else(|| id.clone()),
        user: UserId::new(id),
        email: text(user, "email"),
        level: u32::try_from(level).ok()?,
    };
    let policy = EscalationPolicyId::new(text(value.get("escalation_policy")?, "id")?);
    // A time that is there and cannot be read must not look like "always on call".
    let bound = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Some(None),
        Some(given) => moment(given.as_str()?).map(Some),
    };
    Some(DecodedShift { person, policy, start: bound("start")?, end: bound("end")? })
}

/// A user; none without id.
pub(crate) fn user(value: &Value) -> Option<DecodedUser> {
    Some(DecodedUser { id: UserId::new(text(value, "id")?), email: text(value, "email") })
}

/// A text that is not empty.
fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// A thing's display name: full objects have `name`, references have `summary`.
fn name(value: &Value) -> Option<String> {
    text(value, "name").or_else(|| text(value, "summary"))
}

fn number(value: &Value) -> Option<IncidentNumber> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u32::try_from(number).ok().and_then(IncidentNumber::new)
}

fn status(text: &str) -> Option<IncidentStatus> {
    match text.to_ascii_lowercase().as_str() {
        "triggered" => Some(IncidentStatus::Triggered),
        "acknowledged" => Some(IncidentStatus::Acknowledged),
        "resolved" => Some(IncidentStatus::Resolved),
        _ => None,
    }
}

fn urgency(text: &str) -> Option<Urgency> {
    match text.to_ascii_lowercase().as_str() {
        "high" => Some(Urgency::High),
        "low" => Some(Urgency::Low),
        _ => None,
    }
}

fn time(value: &Value, key: &str) -> Option<Timestamp> {
    moment(value.get(key)?.as_str()?)
}

/// RFC 3339, as PagerDuty documents it; a time without a zone is taken as UTC, as Python prints it. A year that no
/// incident can have is not given: arithmetic at the end of the calendar would panic.
fn moment(text: &str) -> Option<Timestamp> {
    let with_zone = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    let without = |_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    with_zone.or_else(without).ok().filter(|time| YEARS.contains(&time.year()))
}

/// The address of a thing's page; only http and https, and none with a user name in it.
fn page(value: &Value) -> Option<Url> {
    let address = Url::parse(value.get("html_url")?.as_str()?).ok()?;
    let plain = matches!(address.scheme(), "https" | "http") && address.username().is_empty();
    plain.then_some(address)
}

#[cfg(test)]
mod tests;
