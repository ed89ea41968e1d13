//! Which records a question is about: one selection for REST and for every dialect of MCP.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Lookup, Records};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Incidents,
    Incident,
    Alerts,
    Notes,
    IncidentChanges,
    ServiceChanges,
    PastIncidents,
    Services,
    Service,
    Oncalls,
    Teams,
    Users,
    Me,
    EscalationPolicy,
}

impl Resource {
    /// The key under which REST gives it, and the name of the local server's model of it.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Resource::Incidents => ("incidents", "Incident"),
            Resource::Incident => ("incident", "Incident"),
            Resource::Alerts => ("alerts", "Alert"),
            Resource::Notes => ("notes", "IncidentNote"),
            Resource::IncidentChanges | Resource::ServiceChanges => ("change_events", "ChangeEvent"),
            Resource::PastIncidents => ("past_incidents", "PastIncident"),
            Resource::Services => ("services", "Service"),
            Resource::Service => ("service", "Service"),
            Resource::Oncalls => ("oncalls", "Oncall"),
            Resource::Teams => ("teams", "Team"),
            Resource::Users => ("users", "User"),
            Resource::Me => ("user", "User"),
            Resource::EscalationPolicy => ("escalation_policy", "EscalationPolicy"),
        }
    }

    /// The REST path, with `{id}` where it needs one.
    pub(super) fn path(self) -> &'static str {
        match self {
            Resource::Incidents => "/incidents",
            Resource::Incident => "/incidents/{id}",
            Resource::Alerts => "/incidents/{id}/alerts",
            Resource::Notes => "/incidents/{id}/notes",
            Resource::IncidentChanges => "/incidents/{id}/related_change_events",
            Resource::ServiceChanges => "/services/{id}/change_events",
            Resource::PastIncidents => "/incidents/{id}/past_incidents",
            Resource::Services => "/services",
            Resource::Service => "/services/{id}",
            Resource::Oncalls => "/oncalls",
            Resource::Teams => "/teams",
            Resource::Users => "/users",
            Resource::Me => "/users/me",
            Resource::EscalationPolicy => "/escalation_policies/{id}",
        }
    }
}

/// Filters by REST's names (`statuses`, `service_ids`), each with its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Takes one more value; `name` may be REST's (`statuses[]`) or an older argument's (`status`).
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let name = match name.trim_end_matches("[]") {
            "status" => "statuses",
            "teams_ids" => "team_ids",
            other => other,
        };
        self.0.entry(name.to_owned()).or_default().push(value.to_owned());
    }

    /// Takes an argument of a tool: a text, a number, or a list of them.
    pub(super) fn add_json(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.add(name, text),
            Value::Array(items) => items.iter().for_each(|item| self.add_json(name, item)),
            other => self.add(name, &other.to_string()),
        }
    }

    /// The first value of a filter.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    fn admits(&self, name: &str, found: &Value) -> bool {
        self.0.get(name).is_none_or(|wanted| found.as_str().is_some_and(|f| wanted.iter().any(|w| w == f)))
    }

    fn moment(&self, name: &str) -> Option<DateTime<Utc>> {
        self.one(name).and_then(|text| text.parse().ok())
    }
}

/// One record or a list.
pub(super) enum Found {
    One(Value),
    Many(Vec<Value>),
}

/// Answers a question; `None` where `id` names nothing.
pub(super) fn select(all: &Records, what: Resource, id: &str, filters: &Filters, now: DateTime<Utc>) -> Option<Found> {
    let by_id = |items: &[Value]| items.iter().find(|i| i["id"] == id).cloned();
    let named = |items: &[Value]| {
        let query = filters.one("query").unwrap_or_default().to_lowercase();
        let matches = |i: &&Value| {
            ["name", "email"].iter().any(|f| i[*f].as_str().is_some_and(|t| t.to_lowercase().contains(&query)))
        };
        Found::Many(items.iter().filter(matches).cloned().collect())
    };
    match what {
        Resource::Incidents => Some(Found::Many(incidents(all, filters, now))),
        Resource::Incident => incident(all, id).cloned().map(Found::One),
        Resource::Alerts | Resource::Notes | Resource::IncidentChanges | Resource::PastIncidents => {
            incident(all, id).map(|incident| Found::Many(of_incident(all, what, incident)))
        }
        Resource::ServiceChanges => by_id(&all.services).map(|_| Found::Many(changes(all, id))),
        Resource::Services => Some(named(&all.services)),
        Resource::Service => by_id(&all.services).map(Found::One),
        Resource::Oncalls => Some(Found::Many(oncalls(all, filters, now))),
        Resource::Teams => Some(named(&all.teams)),
        Resource::Users => Some(named(&all.users)),
        Resource::Me => all.users.first().cloned().map(Found::One),
        Resource::EscalationPolicy => by_id(&all.escalation_policies).map(Found::One),
    }
}

/// An incident by id or, where the server takes them, by number.
pub(super) fn incident<'a>(all: &'a Records, id: &str) -> Option<&'a Value> {
    let number = id.parse::<u64>().ok().filter(|_| all.lookup == Lookup::IdOrNumber);
    let by_number = |i: &Value| number.is_some_and(|number| i["incident_number"] == number);
    all.incidents.iter().find(|i| i["id"] == id || by_number(i))
}

fn of_incident(all: &Records, what: Resource, incident: &Value) -> Vec<Value> {
    let id = &incident["id"];
    match what {
        Resource::Alerts => all.alerts.iter().filter(|a| a["incident"]["id"] == *id).cloned().collect(),
        Resource::Notes => {
            let mut notes: Vec<Value> = all.notes.iter().filter(|n| n["incident"] == *id).cloned().collect();
            notes.iter_mut().filter_map(Value::as_object_mut).for_each(|note| drop(note.remove("incident")));
            notes
        }
        Resource::IncidentChanges => {
            let mut changes = changes(all, incident["service"]["id"].as_str().unwrap_or_default());
            changes.retain(|change| is_recent(change, incident));
            changes
        }
        _ => {
            let past = |i: &&Value| i["status"] == "resolved" && i["service"]["id"] == incident["service"]["id"];
            let shown = |i: &Value| {
                let fields =
                    json!({"id": i["id"], "title": i["title"], "created_at": i["created_at"], "self": i["html_url"]});
                json!({"incident": fields, "score": 50.0})
            };
            all.incidents.iter().filter(past).map(shown).collect()
        }
    }
}

/// Without `since`, REST looks 30 days back.
fn incidents(all: &Records, filters: &Filters, now: DateTime<Utc>) -> Vec<Value> {
    let since = filters.moment("since").unwrap_or(now - TimeDelta::days(30));
    let until = filters.moment("until").unwrap_or(now + TimeDelta::days(1));
    let wanted = |i: &&Value| {
        let created = i["created_at"].as_str().and_then(|t| t.parse::<DateTime<Utc>>().ok());
        filters.admits("statuses", &i["status"])
            && filters.admits("urgencies", &i["urgency"])
            && filters.admits("service_ids", &i["service"]["id"])
            && filters.admits("priorities", &i["priority"]["id"])
            && created.is_some_and(|at| at >= since && at <= until)
    };
    all.incidents.iter().filter(wanted).cloned().collect()
}

/// On-calls that touch the time from `since` to `until`, which without them is now.
fn oncalls(all: &Records, filters: &Filters, now: DateTime<Utc>) -> Vec<Value> {
    let since = filters.moment("since").unwrap_or(now);
    let until = filters.moment("until").unwrap_or(since.max(now));
    let of_service = |policy: &Value| {
        let mut policies = all.services.iter().filter(|s| filters.admits("service_ids", &s["id"]));
        policies.any(|s| s["escalation_policy"]["id"] == *policy)
    };
    let wanted = |o: &&Value| {
        let moment = |field: &str| o[field].as_str().and_then(|t| t.parse::<DateTime<Utc>>().ok());
        filters.admits("escalation_policy_ids", &o["escalation_policy"]["id"])
            && filters.admits("user_ids", &o["user"]["id"])
            && filters.admits("schedule_ids", &o["schedule"]["id"])
            && of_service(&o["escalation_policy"]["id"])
            && moment("start").is_none_or(|start| start <= until)
            && moment("end").is_none_or(|end| end > since)
    };
    all.oncalls.iter().filter(wanted).cloned().collect()
}

/// PagerDuty relates recent changes to an incident. How it chooses is not published; here they are those of the day before.
fn is_recent(change: &Value, incident: &Value) -> bool {
    let moment = |value: &Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let (at, raised) = (moment(&change["timestamp"]), moment(&incident["created_at"]));
    at.zip(raised).is_none_or(|(at, raised)| raised - at <= TimeDelta::days(1))
}

fn changes(all: &Records, service: &str) -> Vec<Value> {
    let of = |c: &&Value| c["services"].as_array().is_some_and(|all| all.iter().any(|s| s["id"] == service));
    all.change_events.iter().filter(of).cloned().collect()
}
