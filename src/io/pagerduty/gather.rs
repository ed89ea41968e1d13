//! Puts one incident together from up to ten answers, in parallel where the server allows it.

mod responsibility;
mod severity;

use chrono::TimeDelta;
use serde_json::{Value, json};
use url::Url;

use crate::model::ids::{IncidentId, IncidentReference, ServiceId, Timestamp};
use crate::model::incident::{Alert, ChangeEvent, Incident, IncidentSummary, Note, Service, Team};

use super::connection::Allowance;
use super::decode::{self, DecodedChange, DecodedIncident};
use super::dialect::{Question, time};
use super::envelope;
use super::fault::Fault;
use super::lists::{LIST_LIMIT, decoded};
use super::{PagerDuty, Reading};

/// Pages of open incidents that are searched for a number, where the server cannot look it up.
const PAGES_SEARCHED: usize = 3;
/// Requests that the changes of a service may take, a repeated one included.
pub(super) const SERVICE_CHANGES: u32 = 2;
/// PagerDuty searches at most six months back.
pub(super) const LONGEST_RANGE: TimeDelta = TimeDelta::days(180);

/// One incident with everything that can be read of it.
pub(super) async fn incident(
    pager: &PagerDuty,
    reference: &IncidentReference,
    at: Timestamp,
) -> Result<Reading<Incident>, Fault> {
    let allowance = &pager.connection.allowance(pager.requests_for_one);
    let found = find(pager, reference, at, allowance).await?;
    let summary = &found.summary;
    let (alerts, notes, changes, severity, (service, on_call)) = tokio::join!(
        alerts(pager, &summary.id, allowance),
        notes(pager, &summary.id, allowance),
        changes(pager, summary, allowance),
        severity::severity(pager, summary, allowance),
        responsibility::service_and_on_call(pager, summary, at, allowance),
    );
    let mut gaps = Vec::new();
    let (alerts, alerts_address) = alerts.into_parts(&mut gaps);
    let incident = Incident {
        id: summary.id.clone(),
        number: summary.number,
        title: summary.title.clone(),
        status: summary.status,
        severity: severity.into_parts(&mut gaps),
        created_at: summary.created_at,
        resolved_at: found.resolved_at,
        address: found.address.clone().or(alerts_address),
        service: service.into_parts(&mut gaps),
        alerts,
        notes: notes.into_parts(&mut gaps),
        change_events: changes.into_parts(&mut gaps),
        on_call: on_call.into_parts(&mut gaps),
    };
    Ok(Reading { value: incident, gaps })
}

/// The service's teams with their names, asked for only where one is missing.
pub(super) async fn named_teams(pager: &PagerDuty, service: &Service) -> Reading<Vec<Team>> {
    if service.teams.iter().all(|team| team.name.is_some()) {
        return Reading::complete(service.teams.clone());
    }
    let allowance = pager.connection.allowance(3);
    let listed = decoded(pager, Question::Teams, &[], "teams", decode::team, "teams", &allowance).await;
    let named = |team: &Team| {
        let name = listed.value.iter().find(|known| known.id == team.id).and_then(|known| known.name.clone());
        Team { id: team.id.clone(), name: team.name.clone().or(name) }
    };
    Reading { value: service.teams.iter().map(named).collect(), gaps: listed.gaps }
}

/// The incident's own record. Where a server cannot look up a number, the open incidents are searched for it.
async fn find(
    pager: &PagerDuty,
    reference: &IncidentReference,
    at: Timestamp,
    allowance: &Allowance,
) -> Result<DecodedIncident, Fault> {
    let wanted = [("incident_id", Value::from(reference.to_string()))];
    let answered = pager.connection.ask(Question::Incident, &wanted, allowance).await;
    let fault = match answered.and_then(|answer| one_incident(answer.value)) {
        Ok(found) if is_the_one(reference, &found.summary) => return Ok(numbered(found, reference)),
        Ok(_) => Fault::WrongThing,
        Err(fault) => fault,
    };
    let refused_as_such =
        matches!(fault, Fault::NotFound | Fault::WrongArguments | Fault::WrongThing | Fault::Refused(_));
    let hosted = pager.connection.dialect().call(Question::Incident, &wanted).is_ok_and(|call| call.paged);
    match reference {
        IncidentReference::Number(_) if hosted && refused_as_such => {
            search(pager, reference, at, allowance).await?.ok_or(fault)
        }
        _ => Err(fault),
    }
}

/// Looks for a number among the open incidents of the last six months, a few pages of them.
async fn search(
    pager: &PagerDuty,
    reference: &IncidentReference,
    at: Timestamp,
    allowance: &Allowance,
) -> Result<Option<DecodedIncident>, Fault> {
    for page in 0..PAGES_SEARCHED {
        let wanted = [
            ("statuses", json!(["triggered", "acknowledged"])),
            ("request_scope", Value::from("all")),
            ("since", time(at - LONGEST_RANGE)),
            ("until", time(at + TimeDelta::minutes(1))),
            ("limit", Value::from(LIST_LIMIT)),
            ("offset", Value::from(page * LIST_LIMIT)),
        ];
        let answer = pager.connection.ask(Question::Incidents, &wanted, allowance).await?;
        let items = envelope::list(answer.value, "incidents")?.items;
        let found = items.iter().filter_map(decode::incident).find(|found| is_the_one(reference, &found.summary));
        if found.is_some() || items.len() < LIST_LIMIT {
            return Ok(found);
        }
    }
    Ok(None)
}

fn one_incident(value: Value) -> Result<DecodedIncident, Fault> {
    let object = envelope::object(value, "incident")?;
    decode::incident(&object).ok_or_else(|| Fault::UnknownShape(envelope::keys(&object)))
}

/// Whether an answer is about what was asked for.
fn is_the_one(reference: &IncidentReference, summary: &IncidentSummary) -> bool {
    match reference {
        IncidentReference::Id(id) => summary.id == *id,
        // A server without numbers may use the number as its id.
        IncidentReference::Number(number) => {
            summary.number.map_or_else(|| summary.id.as_str() == number.to_string(), |given| given == *number)
        }
    }
}

fn numbered(found: DecodedIncident, reference: &IncidentReference) -> DecodedIncident {
    let IncidentReference::Number(number) = reference else { return found };
    let summary = IncidentSummary { number: Some(*number), ..found.summary };
    DecodedIncident { summary, ..found }
}

/// The alerts, oldest first, and the incident's page as they give it.
async fn alerts(pager: &PagerDuty, id: &IncidentId, allowance: &Allowance) -> Reading<(Vec<Alert>, Option<Url>)> {
    let wanted = of_incident(id);
    let listed =
        decoded(pager, Question::Alerts, &wanted, "alerts", decode::alert, "alerts of the incident", allowance).await;
    let ours = listed.value.into_iter().filter(|alert| alert.incident.as_ref().is_none_or(|named| named == id));
    let (mut alerts, mut address) = (Vec::new(), None);
    for decoded in ours {
        // Only an alert that names the incident may speak for its address.
        address = address.or_else(|| decoded.incident.and(decoded.incident_address));
        alerts.push(decoded.alert);
    }
    alerts.sort_by_key(|alert| alert.created_at);
    Reading { value: (alerts, address), gaps: listed.gaps }
}

/// The notes, oldest first.
async fn notes(pager: &PagerDuty, id: &IncidentId, allowance: &Allowance) -> Reading<Vec<Note>> {
    let wanted = of_incident(id);
    let mut listed =
        decoded(pager, Question::Notes, &wanted, "notes", decode::note, "notes on the incident", allowance).await;
    listed.value.sort_by_key(|note| note.created_at);
    listed
}

/// The changes of a service in a span of time, newest first.
pub(super) async fn service_changes(
    pager: &PagerDuty,
    service: &ServiceId,
    since: Timestamp,
    until: Timestamp,
) -> Reading<Vec<ChangeEvent>> {
    let allowance = &pager.connection.allowance(SERVICE_CHANGES);
    let wanted = [
        ("service_id", Value::from(service.as_str())),
        ("since", time(since)),
        ("until", time(until)),
        ("limit", Value::from(LIST_LIMIT)),
    ];
    let what = "change events of the service";
    let listed =
        decoded(pager, Question::ServiceChanges, &wanted, "change_events", decode::change, what, allowance).await;
    let mut events = of_service(listed.value, service);
    // A server that does not know the span gives all.
    events.retain(|event| event.at.is_some_and(|at| since <= at && at <= until));
    Reading { value: events, gaps: listed.gaps }
}

/// The changes to the incident's own service, newest first.
async fn changes(pager: &PagerDuty, summary: &IncidentSummary, allowance: &Allowance) -> Reading<Vec<ChangeEvent>> {
    let wanted = of_incident(&summary.id);
    let what = "change events of the incident";
    let listed =
        decoded(pager, Question::ChangeEvents, &wanted, "change_events", decode::change, what, allowance).await;
    Reading { value: of_service(listed.value, &summary.service), gaps: listed.gaps }
}

/// Those that are about the service or name none, newest first.
fn of_service(changes: Vec<DecodedChange>, service: &ServiceId) -> Vec<ChangeEvent> {
    let ours = changes.into_iter().filter(|change| change.services.is_empty() || change.services.contains(service));
    let mut events: Vec<ChangeEvent> = ours.map(|change| change.event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events
}

fn of_incident(id: &IncidentId) -> [(&'static str, Value); 2] {
    [("incident_id", Value::from(id.as_str())), ("limit", Value::from(LIST_LIMIT))]
}
