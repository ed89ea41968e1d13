//! Puts one incident together from up to ten answers, in parallel where the server allows it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use url::Url;

use crate::model::evidence::Gap;
use crate::model::ids::{EscalationPolicyId, IncidentId, IncidentReference, Timestamp};
use crate::model::incident::{
    Alert, ChangeEvent, Incident, IncidentSummary, Note, OnCall, Service, Severity, Team, Urgency,
};

use super::connection::Allowance;
use super::decode::{self, DecodedIncident};
use super::dialect::Question;
use super::envelope::{self, Listed};
use super::fault::Fault;
use super::{PagerDuty, Reading, on_call};

/// Items asked for in one list.
const LIST_LIMIT: usize = 100;
/// People whose e-mail address is looked up, one request each.
const PEOPLE_LOOKED_UP: usize = 3;
/// Pages of open incidents that are searched for a number, where the server cannot look it up.
const PAGES_SEARCHED: usize = 3;
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
        severity(pager, summary, allowance),
        service_and_on_call(pager, summary, at, allowance),
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
        address: found.address.clone().or(alerts_address).or_else(|| built_address(pager, &summary.id)),
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
    let worth_searching = matches!(fault, Fault::NotFound | Fault::WrongArguments | Fault::WrongThing);
    let hosted = pager.connection.dialect().call(Question::Incident, &wanted).is_ok_and(|call| call.paged);
    match reference {
        IncidentReference::Number(_) if hosted && worth_searching => {
            search(pager, reference, at, allowance).await?.ok_or(fault)
        }
        _ => Err(fault),
    }
}

/// Looks for a number among the open incidents, newest range first come first served.
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
            ("since", Value::from((at - LONGEST_RANGE).to_rfc3339())),
            ("until", Value::from((at + TimeDelta::minutes(1)).to_rfc3339())),
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

/// The changes to the incident's own service, newest first.
async fn changes(pager: &PagerDuty, summary: &IncidentSummary, allowance: &Allowance) -> Reading<Vec<ChangeEvent>> {
    let wanted = of_incident(&summary.id);
    let what = "change events of the incident";
    let listed =
        decoded(pager, Question::ChangeEvents, &wanted, "change_events", decode::change, what, allowance).await;
    let ours = listed
        .value
        .into_iter()
        .filter(|change| change.services.is_empty() || change.services.contains(&summary.service));
    let mut events: Vec<ChangeEvent> = ours.map(|change| change.event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    Reading { value: events, gaps: listed.gaps }
}

fn of_incident(id: &IncidentId) -> [(&'static str, Value); 2] {
    [("incident_id", Value::from(id.as_str())), ("limit", Value::from(LIST_LIMIT))]
}

/// How loud the incident is: its own urgency, else by listing with each urgency as a filter, else its priority.
async fn severity(pager: &PagerDuty, summary: &IncidentSummary, allowance: &Allowance) -> Reading<Severity> {
    if let Some(urgency) = summary.urgency {
        return Reading::complete(Severity::Urgency(urgency));
    }
    let (high, low) =
        tokio::join!(is_listed(pager, summary, "high", allowance), is_listed(pager, summary, "low", allowance));
    let otherwise = || summary.priority.clone().map_or(Severity::NotGiven, Severity::Priority);
    match (high, low) {
        // In exactly one of the two lists: otherwise the server does not filter, or not by urgency alone.
        (Ok(true), Ok(false)) => Reading::complete(Severity::Urgency(Urgency::High)),
        (Ok(false), Ok(true)) => Reading::complete(Severity::Urgency(Urgency::Low)),
        (Ok(_), Ok(_)) => Reading::complete(otherwise()),
        (Err(fault), _) | (_, Err(fault)) => {
            Reading { value: otherwise(), gaps: vec![Gap::new("urgency of the incident", fault.because())] }
        }
    }
}

/// Whether the incident is among those of one urgency, raised within a minute of it.
async fn is_listed(
    pager: &PagerDuty,
    summary: &IncidentSummary,
    urgency: &str,
    allowance: &Allowance,
) -> Result<bool, Fault> {
    let wanted = [
        ("urgencies", json!([urgency])),
        ("statuses", json!(["triggered", "acknowledged", "resolved"])),
        ("request_scope", Value::from("all")),
        ("since", Value::from((summary.created_at - TimeDelta::minutes(1)).to_rfc3339())),
        ("until", Value::from((summary.created_at + TimeDelta::minutes(1)).to_rfc3339())),
        ("limit", Value::from(LIST_LIMIT)),
    ];
    // A server that does not know the filter would say yes twice; it is not asked.
    if !pager.connection.dialect().call(Question::Incidents, &wanted)?.understands("urgencies") {
        return Ok(false);
    }
    let answer = pager.connection.ask(Question::Incidents, &wanted, allowance).await?;
    let items = envelope::list(answer.value, "incidents")?.items;
    Ok(items.iter().filter_map(decode::incident).any(|listed| listed.summary.id == summary.id))
}

/// The service with its escalation policy, and who is on call for that policy.
async fn service_and_on_call(
    pager: &PagerDuty,
    summary: &IncidentSummary,
    at: Timestamp,
    allowance: &Allowance,
) -> (Reading<Service>, Reading<Vec<OnCall>>) {
    let service = service(pager, summary, allowance).await;
    let on_call = match &service.value.escalation_policy {
        Some(policy) => on_call(pager, policy, at, allowance).await,
        None => {
            let why = "the service's escalation policy is not known, and without it nobody can be verified";
            Reading { value: Vec::new(), gaps: vec![Gap::new("people on call", why)] }
        }
    };
    (service, on_call)
}

/// The service by its id, else by its name in the list of services.
async fn service(pager: &PagerDuty, summary: &IncidentSummary, allowance: &Allowance) -> Reading<Service> {
    let by_id = [("service_id", Value::from(summary.service.as_str()))];
    let by_its_name = summary.service_name.as_deref() == Some(summary.service.as_str());
    let is_ours =
        |service: &Service| service.id == summary.service || (by_its_name && service.name == summary.service.as_str());
    let answered = pager.connection.ask(Question::Service, &by_id, allowance).await;
    let object = answered.and_then(|answer| envelope::object(answer.value, "service"));
    let fault = match object.map(|object| decode::service(&object).filter(is_ours)) {
        Ok(Some(service)) => return Reading::complete(service),
        Ok(None) => Fault::WrongThing,
        Err(fault) => fault,
    };
    let by_name: Vec<_> = summary.service_name.iter().map(|name| ("query", Value::from(name.as_str()))).collect();
    let may_be_listed =
        matches!(fault, Fault::ToolMissing(_) | Fault::NotFound | Fault::WrongArguments | Fault::WrongThing);
    if may_be_listed {
        let listed =
            decoded(pager, Question::Services, &by_name, "services", decode::service, "services", allowance).await;
        if let Some(service) = listed.value.into_iter().find(is_ours) {
            return Reading::complete(service);
        }
    }
    let name = summary.service_name.clone().unwrap_or_else(|| summary.service.to_string());
    let unknown = Service { id: summary.service.clone(), name, escalation_policy: None, teams: Vec::new() };
    Reading { value: unknown, gaps: vec![Gap::new("service of the incident", fault.because())] }
}

/// The people on call for the policy, the first few with their e-mail addresses.
async fn on_call(
    pager: &PagerDuty,
    policy: &EscalationPolicyId,
    at: Timestamp,
    allowance: &Allowance,
) -> Reading<Vec<OnCall>> {
    let wanted = [
        ("escalation_policy_ids", json!([policy.as_str()])),
        ("since", Value::from(at.to_rfc3339())),
        ("until", Value::from((at + TimeDelta::minutes(1)).to_rfc3339())),
        ("limit", Value::from(LIST_LIMIT)),
    ];
    let listed =
        decoded(pager, Question::OnCalls, &wanted, "oncalls", decode::shift, "people on call", allowance).await;
    let mut gaps = listed.gaps;
    let some_listed = !listed.value.is_empty();
    let mut people = on_call::current(listed.value, policy, at);
    if people.is_empty() && some_listed {
        let why = "no shift that runs now belongs to the service's escalation policy";
        gaps.push(Gap::new("people on call", why));
    }
    for person in people.iter_mut().filter(|person| person.email.is_none()).take(PEOPLE_LOOKED_UP) {
        match email(pager, person, allowance).await {
            Ok(found) => person.email = Some(found),
            Err(fault) => gaps.push(Gap::new(format!("e-mail address of {}", person.name), fault.because())),
        }
    }
    Reading { value: people, gaps }
}

/// The person's e-mail address: users are searched by name, and only the one with the same id counts.
async fn email(pager: &PagerDuty, person: &OnCall, allowance: &Allowance) -> Result<String, Fault> {
    let wanted = [("query", Value::from(person.name.as_str())), ("limit", Value::from(LIST_LIMIT))];
    let answer = pager.connection.ask(Question::Users, &wanted, allowance).await?;
    let items = envelope::list(answer.value, "users")?.items;
    let user = items.iter().filter_map(decode::user).find(|user| user.id == person.user);
    user.and_then(|user| user.email).ok_or(Fault::NotFound)
}

/// The incident's page from the configured account address.
fn built_address(pager: &PagerDuty, id: &IncidentId) -> Option<Url> {
    let mut address = pager.web_address.clone()?;
    address.path_segments_mut().ok()?.pop_if_empty().extend(["incidents", id.as_str()]);
    Some(address)
}

/// A list, decoded; whatever could not be read is a gap called `what`.
pub(super) async fn decoded<T>(
    pager: &PagerDuty,
    question: Question,
    wanted: &[(&'static str, Value)],
    name: &str,
    decode: impl Fn(&Value) -> Option<T>,
    what: &str,
    allowance: &Allowance,
) -> Reading<Vec<T>> {
    let answered = pager.connection.ask(question, wanted, allowance).await;
    let listed = answered.and_then(|answer| {
        let listed = envelope::list(answer.value, name)?;
        let full = answer.call.limit().is_some_and(|limit| listed.items.len() >= limit);
        Ok(Listed { cut: listed.cut || full, ..listed })
    });
    match listed {
        Ok(listed) => items(listed, decode, what),
        Err(fault) => Reading { value: Vec::new(), gaps: vec![Gap::new(what, fault.because())] },
    }
}

/// The items that can be read; the others, and those the server kept back, are gaps.
pub(super) fn items<T>(listed: Listed, decode: impl Fn(&Value) -> Option<T>, what: &str) -> Reading<Vec<T>> {
    let all = listed.items.len();
    let value: Vec<T> = listed.items.iter().filter_map(&decode).collect();
    let mut gaps = Vec::new();
    if let Some(odd) = listed.items.iter().find(|item| decode(item).is_none()) {
        let keys = envelope::keys(odd);
        gaps.push(Gap::new(
            format!("{} of {all} {what}", all - value.len()),
            format!("they have an unknown shape ({keys})"),
        ));
    }
    if listed.cut {
        gaps.push(Gap::new(format!("{what} beyond the first {all}"), "the server gives no more in one answer"));
    }
    Reading { value, gaps }
}
