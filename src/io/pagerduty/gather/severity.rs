//! How loud an incident is. The local servers do not say it, so it is found out by listing.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::io::pagerduty::connection::Allowance;
use crate::io::pagerduty::dialect::{Question, time};
use crate::io::pagerduty::fault::Fault;
use crate::io::pagerduty::lists::LIST_LIMIT;
use crate::io::pagerduty::{PagerDuty, Reading, decode, envelope};
use crate::model::evidence::Gap;
use crate::model::incident::{IncidentSummary, Severity, Urgency};

/// How loud the incident is: its own urgency, else by listing with each urgency as a filter, else its priority.
pub(super) async fn severity(pager: &PagerDuty, summary: &IncidentSummary, allowance: &Allowance) -> Reading<Severity> {
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
        ("since", time(summary.created_at - TimeDelta::minutes(1))),
        ("until", time(summary.created_at + TimeDelta::minutes(1))),
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
