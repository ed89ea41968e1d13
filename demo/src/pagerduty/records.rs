//! What the stand-in PagerDuty knows, as records in the shape of its REST API.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// The integration key of the worker's service in the Events API.
pub const ROUTING_KEY: &str = "R0DEMO00000000000000000000000000";

/// The account's web host.
const HOST: &str = "https://octo-org.pagerduty.com";

/// All records. References have `id`, `type`, `summary`, `self` and `html_url`, as everywhere in the REST API.
#[derive(Debug, Clone)]
pub struct Records {
    /// The only key that is let in.
    pub token: String,
    /// By what an incident is found.
    pub lookup: Lookup,
    /// People; the first is the key's owner.
    pub users: Vec<Value>,
    /// Teams.
    pub teams: Vec<Value>,
    /// Services.
    pub services: Vec<Value>,
    /// Escalation policies.
    pub escalation_policies: Vec<Value>,
    /// Who is on call when, at which level of which policy.
    pub oncalls: Vec<Value>,
    /// Incidents, oldest first.
    pub incidents: Vec<Value>,
    /// Alerts; each names its incident.
    pub alerts: Vec<Value>,
    /// Notes; each has its incident's id as `incident`, which is not shown.
    pub notes: Vec<Value>,
    /// Change events; each names its services.
    pub change_events: Vec<Value>,
    /// The number of the next incident.
    pub next_number: u64,
}

/// By what `GET /incidents/{id}` finds an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// By id and by number, as the REST API does.
    IdOrNumber,
    /// By id alone: whether the hosted server takes numbers is not known.
    IdOnly,
}

/// The facts of an incident that a test wants to choose.
#[derive(Debug, Clone)]
pub struct NewIncident {
    /// Its title.
    pub title: String,
    /// Id of its service.
    pub service: String,
    /// `triggered`, `acknowledged` or `resolved`.
    pub status: String,
    /// `high` or `low`.
    pub urgency: String,
    /// `P1` to `P5`, where it has a priority.
    pub priority: Option<String>,
    /// When it was raised.
    pub created_at: DateTime<Utc>,
}

impl Records {
    /// Two services with a policy each, three people on call, and no incident. The worker's service is `PSVC001`, its
    /// level-1 on-call is `oncall-engineer@example.com`.
    pub fn demo(token: &str, now: DateTime<Utc>) -> Records {
        let user = |id: &str, name: &str| {
            json!({"id": id, "type": "user", "name": name, "summary": name, "email": format!("{name}@example.com"),
                "role": "user", "time_zone": "Etc/UTC", "job_title": null, "html_url": format!("{HOST}/users/{id}"),
                "teams": [reference("team", "PTEAM01", "Platform")]})
        };
        let policy =
            |id: &str, name: &str| json!({"id": id, "type": "escalation_policy", "name": name, "summary": name});
        let service = |id: &str, name: &str, policy: (&str, &str), team: (&str, &str)| {
            json!({"id": id, "type": "service", "name": name, "summary": name, "description": format!("The {name} service"),
                "status": "active", "html_url": format!("{HOST}/service-directory/{id}"),
                "escalation_policy": reference("escalation_policy", policy.0, policy.1),
                "teams": [reference("team", team.0, team.1)]})
        };
        let team = |id: &str, name: &str| json!({"id": id, "type": "team", "name": name, "summary": name, "description": null});
        let mut records = Records {
            token: token.to_owned(),
            lookup: Lookup::IdOrNumber,
            users: vec![
                user("PUSER01", "oncall-engineer"),
                user("PUSER02", "octo-admin"),
                user("PUSER03", "octo-billing"),
            ],
            teams: vec![team("PTEAM01", "Platform"), team("PTEAM02", "Billing")],
            services: vec![
                service("PSVC001", "worker-deployment", ("PESC001", "Platform"), ("PTEAM01", "Platform")),
                service("PSVC002", "billing", ("PESC002", "Billing"), ("PTEAM02", "Billing")),
            ],
            escalation_policies: vec![policy("PESC001", "Platform"), policy("PESC002", "Billing")],
            oncalls: Vec::new(),
            incidents: Vec::new(),
            alerts: Vec::new(),
            notes: Vec::new(),
            change_events: Vec::new(),
            next_number: crate::scenario::INCIDENT_NUMBER,
        };
        let week = (now - TimeDelta::days(2), now + TimeDelta::days(5));
        records.put_on_call("PUSER03", "PESC002", 1, week);
        records.put_on_call("PUSER02", "PESC001", 2, week);
        records.put_on_call("PUSER01", "PESC001", 1, week);
        // The next shift: a reader that forgets the time would take it for the present one.
        records.put_on_call("PUSER02", "PESC001", 1, (week.1, week.1 + TimeDelta::days(7)));
        records
    }

    /// Puts a person on call at a level of a policy, from one time to another.
    pub fn put_on_call(&mut self, user: &str, policy: &str, level: u32, (start, end): (DateTime<Utc>, DateTime<Utc>)) {
        let name = |items: &[Value], id: &str| {
            items
                .iter()
                .find(|i| i["id"] == id)
                .map_or(String::new(), |i| i["summary"].as_str().unwrap_or_default().to_owned())
        };
        self.oncalls.push(json!({
            "escalation_policy": reference("escalation_policy", policy, &name(&self.escalation_policies, policy)),
            "escalation_level": level, "schedule": reference("schedule", "PSCH001", "Weekly"),
            "user": reference("user", user, &name(&self.users, user)), "start": time(start), "end": time(end),
        }));
    }

    /// Adds an incident without alerts and returns its id. Numbers count up from [`Records::next_number`].
    pub fn add_incident(&mut self, new: NewIncident) -> String {
        let number = self.next_number;
        self.next_number += 1;
        let id = format!("Q{number:09}DEMO");
        let service = self.services.iter().find(|s| s["id"] == new.service.as_str()).cloned().unwrap_or_default();
        let name = service["name"].as_str().unwrap_or("unknown");
        let at = time(new.created_at);
        let on_call =
            self.oncalls.iter().filter(|o| o["escalation_policy"]["id"] == service["escalation_policy"]["id"]);
        let assignee =
            on_call.min_by_key(|o| o["escalation_level"].as_u64()).map_or(Value::Null, |o| o["user"].clone());
        self.incidents.push(json!({
            "id": id, "type": "incident", "incident_number": number, "title": new.title,
            "summary": format!("[#{number}] {}", new.title), "status": new.status, "urgency": new.urgency,
            "created_at": at, "updated_at": at, "resolved_at": if new.status == "resolved" { json!(at) } else { Value::Null },
            "service": reference("service", &new.service, name), "escalation_policy": service["escalation_policy"],
            "teams": service["teams"], "html_url": format!("{HOST}/incidents/{id}"),
            "assignments": [{"at": at, "assignee": assignee}],
            "priority": new.priority.map_or(Value::Null, |p| reference("priority", &format!("PPRI00{}", &p[1..]), &p)),
        }));
        id
    }

    /// What the Events API does with a `trigger`: an alert on the open incident of the same key, else on a new one.
    /// Returns the incident's id.
    pub fn raise(&mut self, event: &Value, now: DateTime<Utc>) -> String {
        let payload = &event["payload"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = text(&event["dedup_key"]);
        let open = |id: &Value| self.incidents.iter().any(|i| i["id"] == *id && i["status"] != "resolved");
        let known = self.alerts.iter().find(|a| a["alert_key"] == key.as_str() && open(&a["incident"]["id"]));
        if let Some(alert) = known {
            return text(&alert["incident"]["id"]);
        }
        let created_at = text(&payload["timestamp"]).parse().unwrap_or(now);
        let urgency = if payload["severity"] == "critical" { "high" } else { "low" };
        let id = self.add_incident(NewIncident {
            title: text(&payload["summary"]),
            service: "PSVC001".to_owned(),
            status: "triggered".to_owned(),
            urgency: urgency.to_owned(),
            priority: Some("P1".to_owned()),
            created_at,
        });
        let incident = self.incidents.last().cloned().unwrap_or_default();
        let alert_id = format!("A{}", &id[1..]);
        self.alerts.push(json!({
            "id": alert_id, "type": "alert", "summary": payload["summary"], "status": "triggered", "alert_key": key,
            "self": format!("/incidents/{id}/alerts/{alert_id}"), "html_url": format!("{HOST}/alerts/{alert_id}"),
            "created_at": time(created_at), "updated_at": time(created_at), "service": incident["service"],
            "incident": reference("incident", &id, &text(&incident["summary"])),
            "severity": payload["severity"], "suppressed": false,
            "integration": reference("integration", "PINT001", "Events API v2"),
            "body": {"type": "alert_body", "contexts": [], "details": payload["custom_details"],
                "cef_details": {"source_origin": payload["source"], "severity": payload["severity"],
                    "description": payload["summary"], "source_component": payload["component"],
                    "event_class": payload["class"], "creation_time": time(created_at), "dedup_key": key}},
        }));
        id
    }

    /// Records a change of the worker's service, as `POST /v2/change/enqueue` does.
    pub fn record_change(&mut self, event: &Value, now: DateTime<Utc>) {
        let payload = &event["payload"];
        let at = payload["timestamp"].as_str().map_or_else(|| time(now), str::to_owned);
        let id = format!("01CHG{:03}", self.change_events.len() + 1);
        self.change_events.push(json!({
            "id": id, "type": "change_event", "summary": payload["summary"], "timestamp": at,
            "source": payload["source"], "services": [reference("service", "PSVC001", "worker-deployment")],
            "integration": null, "routing_key": null, "images": null, "links": event["links"],
            "custom_details": payload["custom_details"],
        }));
    }

    /// Adds a note to an incident and returns it.
    pub fn add_note(&mut self, incident: &str, content: &str, now: DateTime<Utc>) -> Value {
        let user = self.users.first().map_or(Value::Null, |u| {
            reference("user", u["id"].as_str().unwrap_or_default(), u["summary"].as_str().unwrap_or_default())
        });
        let note = json!({"id": format!("PNOTE{:02}", self.notes.len() + 1), "content": content,
            "created_at": time(now), "user": user, "incident": incident});
        self.notes.push(note.clone());
        note
    }
}

/// How one record names another.
fn reference(kind: &str, id: &str, summary: &str) -> Value {
    json!({"id": id, "type": format!("{kind}_reference"), "summary": summary, "self": format!("/{kind}s/{id}"),
        "html_url": format!("{HOST}/{kind}s/{id}")})
}

/// A time as PagerDuty writes it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
