//! Which incidents are open, for a sweep.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::model::evidence::Gap;
use crate::model::ids::{IncidentId, ServiceId, Timestamp};
use crate::model::incident::{IncidentStatus, IncidentSummary, Service, Urgency};

use super::connection::Allowance;
use super::dialect::{Question, time};
use super::fault::Fault;
use super::gather::LONGEST_RANGE;
use super::{PagerDuty, Reading, decode, envelope, lists};

/// Requests one list may take: names of services, and pages for each urgency.
const REQUESTS: u32 = 30;
/// Names of services that are looked up, one request each. More are matched by the names in the list alone.
const NAMES_LOOKED_UP: usize = 10;
/// Ids that may be sent as a filter: the hosted server takes 25.
const IDS_SENT: usize = 25;
/// Incidents asked for at once; a server with smaller pages is asked several times.
const LIST_LIMIT: usize = 1000;
/// Pages read for each urgency.
const PAGES: usize = 5;

/// The services a list is limited to.
struct Wanted<'a> {
    /// Names and ids as the user wrote them; none means every service.
    written: Option<&'a [String]>,
    /// The ids that were found for them.
    found: Vec<ServiceId>,
}

impl Wanted<'_> {
    fn includes(&self, incident: &IncidentSummary) -> bool {
        let Some(written) = self.written else { return true };
        let named = |text: &String| is_called(text, &incident.service, incident.service_name.as_deref());
        self.found.contains(&incident.service) || written.iter().any(named)
    }
}

/// The open incidents, oldest first, each once.
pub(super) async fn incidents(
    pager: &PagerDuty,
    services: Option<&[String]>,
    since: Timestamp,
    at: Timestamp,
) -> Result<Reading<Vec<IncidentSummary>>, Fault> {
    let allowance = &pager.connection.allowance(REQUESTS);
    let mut gaps = Vec::new();
    let from = since.max(at - LONGEST_RANGE);
    if from > since {
        gaps.push(Gap::new(format!("incidents before {from}"), "PagerDuty searches at most six months back"));
    }
    let wanted = wanted(pager, services, allowance).await.into_parts(&mut gaps);
    let filters = filters(&wanted, from, at);
    let listed = by_urgency(pager, &filters, allowance).await?.into_parts(&mut gaps);
    let is_open = |incident: &IncidentSummary| {
        let open = matches!(incident.status, IncidentStatus::Triggered | IncidentStatus::Acknowledged);
        open && incident.created_at >= from && wanted.includes(incident)
    };
    let mut open: Vec<IncidentSummary> = listed.into_iter().filter(is_open).collect();
    open.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    open.dedup_by(|one, other| one.id == other.id);
    Ok(Reading { value: open, gaps })
}

/// The ids of the services named, so that the server can filter where it knows how. A name that PagerDuty does not
/// know is a gap: it is most likely a slip of the pen.
async fn wanted<'a>(pager: &PagerDuty, written: Option<&'a [String]>, allowance: &Allowance) -> Reading<Wanted<'a>> {
    let mut reading = Reading::complete(Wanted { written, found: Vec::new() });
    for name in written.into_iter().flatten().take(NAMES_LOOKED_UP) {
        let query = [("query", Value::from(name.as_str()))];
        let is_it = |service: &Service| is_called(name, &service.id, Some(&service.name));
        let what = format!("service {name}");
        let listed =
            lists::decoded(pager, Question::Services, &query, "services", decode::service, &what, allowance).await;
        reading.gaps.extend(listed.gaps.iter().cloned());
        match listed.value.into_iter().find(is_it) {
            Some(service) => reading.value.found.push(service.id),
            // A search by name does not find ids; what looks like one is left to the list of incidents.
            None if listed.gaps.is_empty() && !looks_like_an_id(name) => {
                reading.gaps.push(Gap::new(what, "PagerDuty lists no service of that name"));
            }
            None => {}
        }
    }
    reading
}

/// Whether a user means this service: by its id, or by its name without regard to case, as the configuration file is
/// read.
fn is_called(written: &str, id: &ServiceId, name: Option<&str>) -> bool {
    written == id.as_str() || name.is_some_and(|name| name.eq_ignore_ascii_case(written))
}

fn looks_like_an_id(name: &str) -> bool {
    (6..=20).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn filters(wanted: &Wanted<'_>, from: Timestamp, at: Timestamp) -> Vec<(&'static str, Value)> {
    let mut filters = vec![
        ("statuses", json!(["triggered", "acknowledged"])),
        ("request_scope", Value::from("all")),
        ("since", time(from)),
        ("until", time(at + TimeDelta::minutes(1))),
        ("limit", Value::from(LIST_LIMIT)),
    ];
    // Sent only where every service is known by id: a filter that leaves one out would hide its incidents.
    let complete = wanted.written.is_some_and(|written| written.len() == wanted.found.len());
    if complete && wanted.found.len() <= IDS_SENT {
        filters.push(("service_ids", json!(wanted.found)));
    }
    filters
}

/// Lists once for each urgency, because the local servers do not say it of an incident; in one list where the
/// server cannot filter by it.
async fn by_urgency(
    pager: &PagerDuty,
    filters: &[(&'static str, Value)],
    allowance: &Allowance,
) -> Result<Reading<Vec<IncidentSummary>>, Fault> {
    let with = |urgency: &str| {
        let mut filters = filters.to_vec();
        filters.push(("urgencies", json!([urgency])));
        filters
    };
    let (high, low) = (with("high"), with("low"));
    if !pager.connection.dialect().call(Question::Incidents, &high)?.understands("urgencies") {
        return pages(pager, filters, allowance).await;
    }
    let (high, low) = tokio::join!(pages(pager, &high, allowance), pages(pager, &low, allowance));
    let mut gaps = Vec::new();
    let (high, low) = (high?.into_parts(&mut gaps), low?.into_parts(&mut gaps));
    gaps.sort();
    gaps.dedup();
    Ok(Reading { value: merged(high, low), gaps })
}

/// Both lists as one. What stands in both was not filtered by urgency, so its urgency stays unknown.
fn merged(high: Vec<IncidentSummary>, low: Vec<IncidentSummary>) -> Vec<IncidentSummary> {
    let mut by_id: BTreeMap<IncidentId, (IncidentSummary, Option<Urgency>)> = BTreeMap::new();
    let sorted = high.into_iter().map(|one| (one, Urgency::High)).chain(low.into_iter().map(|one| (one, Urgency::Low)));
    for (incident, urgency) in sorted {
        by_id
            .entry(incident.id.clone())
            .and_modify(|(_, seen)| *seen = seen.filter(|seen| *seen == urgency))
            .or_insert((incident, Some(urgency)));
    }
    let with_urgency = |(incident, listed): (IncidentSummary, Option<Urgency>)| {
        let urgency = incident.urgency.or(listed);
        IncidentSummary { urgency, ..incident }
    };
    by_id.into_values().map(with_urgency).collect()
}

/// One list, page by page where the server has pages.
async fn pages(
    pager: &PagerDuty,
    filters: &[(&'static str, Value)],
    allowance: &Allowance,
) -> Result<Reading<Vec<IncidentSummary>>, Fault> {
    let what = "open incidents";
    let mut all = Reading::<Vec<IncidentSummary>>::default();
    let mut seen = 0;
    for page in 1..=PAGES {
        let mut wanted = filters.to_vec();
        wanted.push(("offset", Value::from(seen)));
        let answer = pager.connection.ask(Question::Incidents, &wanted, allowance).await?;
        let limit = answer.call.limit().unwrap_or(LIST_LIMIT);
        let can_go_on = answer.call.understands("offset");
        let mut listed = envelope::list(answer.value, "incidents")?;
        let full = listed.cut || listed.items.len() >= limit;
        listed.cut = full && (page == PAGES || !can_go_on);
        seen += listed.items.len();
        let read = lists::items(listed, decode::incident, what).into_parts(&mut all.gaps);
        all.value.extend(read.into_iter().map(|found| found.summary));
        if !full || !can_go_on {
            break;
        }
    }
    Ok(all)
}
