//! The tools of each dialect: their names, the schemas that `tools/list` shows, and what their arguments mean.
//!
//! The local server's shapes were taken from what `pagerduty-mcp` 0.17.0, 1.0.0 and 1.1.0 list; the hosted server's from
//! public clients of it. As there, an argument that is not known is dropped without a word, while an unknown field of a
//! strict `query_model` is refused.

use rmcp::model::{JsonObject, Tool};
use serde_json::{Map, Value, json};

use super::select::{Filters, Resource};

/// Which server is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// `pagerduty-mcp` 0.17.0: everything in a `query_model`.
    Local0_17,
    /// `pagerduty-mcp` 1.0.0: flat, but for the lists of incidents and services.
    Local1_0,
    /// `pagerduty-mcp` 1.1.0: flat.
    Local1_1,
    /// The hosted server: `browse_*` tools with one `request`, discriminated by its `action`.
    Hosted,
}

/// What a call asks for, once its arguments were understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Read { what: Resource, id: String, filters: Filters },
    AddNote { incident: String, note: String },
}

/// How a local tool takes its filters, in 0.17, 1.0 and 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    /// In an argument `query_model` that must be there.
    Required,
    /// In an argument `query_model` that may be left out.
    Optional,
    /// As arguments of their own.
    Flat,
}

use Wrapping::{Flat, Optional, Required};

/// A tool of the local server.
struct Local {
    name: &'static str,
    what: Resource,
    id: &'static str,
    model: &'static [&'static str],
    flat: &'static [&'static str],
    wrapping: [Wrapping; 3],
}

/// Models that refuse a field they do not know; the others drop it.
const STRICT: [&str; 6] = [
    "list_incidents",
    "get_incident",
    "list_alerts_from_incident",
    "list_service_change_events",
    "get_past_incidents",
    "list_log_entries",
];

const fn local(
    name: &'static str,
    what: Resource,
    id: &'static str,
    model: &'static [&'static str],
    flat: &'static [&'static str],
    wrapping: [Wrapping; 3],
) -> Local {
    Local { name, what, id, model, flat, wrapping }
}

const INCIDENTS: &[&str] = &[
    "status",
    "since",
    "until",
    "user_ids",
    "service_ids",
    "teams_ids",
    "urgencies",
    "date_range",
    "request_scope",
    "limit",
    "sort_by",
];
const ONCALLS: &[&str] = &[
    "time_zone",
    "user_ids",
    "escalation_policy_ids",
    "schedule_ids",
    "service_ids",
    "since",
    "until",
    "earliest",
    "limit",
];
const CHANGES: &[&str] = &["since", "until", "limit", "offset", "total", "team_ids", "integration_ids"];
const NAMED: &[&str] = &["query", "teams_ids", "limit"];
const TEAMS: &[&str] = &["scope", "query", "limit"];

#[rustfmt::skip]
const LOCAL: &[Local] = &[
    local("list_incidents", Resource::Incidents, "", INCIDENTS,
        &["request_scope", "statuses", "since", "until", "urgencies", "priorities", "limit"], [Optional, Optional, Flat]),
    local("get_incident", Resource::Incident, "incident_id", &["include"], &[], [Optional, Optional, Optional]),
    local("list_alerts_from_incident", Resource::Alerts, "incident_id", &["limit", "offset"], &["limit", "offset"], [Required, Flat, Flat]),
    local("list_incident_notes", Resource::Notes, "incident_id", &[], &[], [Flat, Flat, Flat]),
    local("list_incident_change_events", Resource::IncidentChanges, "incident_id", &[], &["limit"], [Flat, Flat, Flat]),
    local("list_service_change_events", Resource::ServiceChanges, "service_id", CHANGES, CHANGES, [Optional, Flat, Flat]),
    local("get_past_incidents", Resource::PastIncidents, "incident_id", &["limit", "total"], &[], [Required, Required, Required]),
    local("list_services", Resource::Services, "", NAMED, NAMED, [Optional, Optional, Flat]),
    local("get_service", Resource::Service, "service_id", &[], &[], [Flat, Flat, Flat]),
    local("list_oncalls", Resource::Oncalls, "", ONCALLS, ONCALLS, [Optional, Flat, Flat]),
    local("list_teams", Resource::Teams, "", TEAMS, TEAMS, [Optional, Flat, Flat]),
    local("list_users", Resource::Users, "", NAMED, NAMED, [Optional, Flat, Flat]),
    local("get_escalation_policy", Resource::EscalationPolicy, "policy_id", &[], &[], [Flat, Flat, Flat]),
];

/// An action of a hosted tool: tool, action, what it reads, the argument that names one record, its filters.
type Hosted = (&'static str, &'static str, Resource, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const HOSTED: &[Hosted] = &[
    ("browse_incidents", "list", Resource::Incidents, "",
        &["request_scope", "statuses", "since", "until", "urgencies", "priorities", "service_ids", "team_ids", "limit", "offset"]),
    ("browse_incidents", "get", Resource::Incident, "incident_id", &["include"]),
    ("browse_incidents", "list_alerts", Resource::Alerts, "incident_id", &["limit", "offset"]),
    ("browse_incidents", "list_notes", Resource::Notes, "incident_id", &[]),
    ("browse_incidents", "context", Resource::PastIncidents, "incident_id", &["context_type", "limit"]),
    ("browse_incidents", "list_change_events", Resource::IncidentChanges, "incident_id", &["limit"]),
    ("browse_services", "list", Resource::Services, "", &["query", "team_ids", "limit"]),
    ("browse_services", "get", Resource::Service, "service_id", &[]),
    ("browse_schedules", "list_oncalls", Resource::Oncalls, "", ONCALLS),
    ("browse_teams", "list", Resource::Teams, "", TEAMS),
    ("browse_users", "get", Resource::Me, "", &[]),
    ("browse_users", "list", Resource::Users, "", &["query", "team_ids", "limit"]),
    ("browse_escalation_policies", "get", Resource::EscalationPolicy, "policy_id", &[]),
    ("browse_change_events", "list_service", Resource::ServiceChanges, "service_id", CHANGES),
];

/// The hosted tools that write, with the one action of theirs that is played.
const HOSTED_NOTE: (&str, &str) = ("manage_incidents", "add_note");

impl Dialect {
    /// Whether this is one of the local server's shapes.
    pub fn is_local(self) -> bool {
        self != Dialect::Hosted
    }

    /// What `tools/list` answers.
    pub(super) fn tools(self) -> Vec<Tool> {
        let mut tools: Vec<Tool> = Vec::new();
        if self.is_local() {
            for tool in LOCAL {
                tools.push(Tool::new(tool.name, format!("{} of PagerDuty", tool.what.names().1), tool.schema(self)));
            }
            return tools;
        }
        for (name, ..) in
            HOSTED.iter().filter(|h| HOSTED.iter().find(|first| first.0 == h.0).is_some_and(|f| f.1 == h.1))
        {
            let actions = HOSTED.iter().filter(|h| h.0 == *name);
            let options: Vec<Value> =
                actions.map(|(_, action, _, id, fields)| hosted_action(action, id, fields)).collect();
            tools.push(Tool::new(*name, "Reads from PagerDuty", request_schema(options)));
        }
        let note = json!({"type": "object", "required": ["action", "incident_id", "note"],
            "properties": {"action": {"const": HOSTED_NOTE.1}, "incident_id": {"type": "string"}, "note": {"type": "string"}}});
        tools.push(Tool::new(HOSTED_NOTE.0, "Changes incidents", request_schema(vec![note])));
        tools
    }

    /// Understands a call.
    ///
    /// # Errors
    /// The text with which the real server refuses it.
    pub(super) fn question(self, tool: &str, arguments: &Map<String, Value>) -> Result<Question, String> {
        if self.is_local() {
            let known = LOCAL.iter().find(|t| t.name == tool);
            return known.ok_or_else(|| format!("Unknown tool: {tool}"))?.question(self, arguments);
        }
        let request =
            arguments.get("request").and_then(Value::as_object).ok_or_else(|| missing(tool, "request", arguments))?;
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        let action = text("action").ok_or_else(|| missing(tool, "request.action", arguments))?;
        if (tool, action.as_str()) == HOSTED_NOTE {
            let [incident, note] = ["incident_id", "note"].map(|n| text(n).ok_or_else(|| missing(tool, n, arguments)));
            return Ok(Question::AddNote { incident: incident?, note: note? });
        }
        let row = HOSTED.iter().find(|h| h.0 == tool && h.1 == action);
        let (.., what, id, fields) = row.ok_or_else(|| format!("Unknown tool: {tool}"))?;
        let id = if id.is_empty() { String::new() } else { text(id).ok_or_else(|| missing(tool, id, arguments))? };
        Ok(Question::Read { what: *what, id, filters: filters(request, fields) })
    }
}

impl Local {
    fn wrapping(&self, dialect: Dialect) -> Wrapping {
        match dialect {
            Dialect::Local0_17 => self.wrapping[0],
            Dialect::Local1_0 => self.wrapping[1],
            _ => self.wrapping[2],
        }
    }

    fn schema(&self, dialect: Dialect) -> JsonObject {
        let wrapping = self.wrapping(dialect);
        let mut properties = if wrapping == Flat { typed(self.flat) } else { Map::new() };
        let mut required: Vec<&str> = Vec::new();
        if !self.id.is_empty() {
            properties.insert(self.id.to_owned(), json!({"type": "string"}));
            required.push(self.id);
        }
        let mut schema = Map::new();
        if wrapping != Flat {
            let mut model = json!({"type": "object", "properties": typed(self.model)});
            if STRICT.contains(&self.name) {
                model["additionalProperties"] = json!(false);
            }
            schema.insert("$defs".to_owned(), json!({"Query": model}));
            let reference = json!({"$ref": "#/$defs/Query"});
            if wrapping == Required {
                properties.insert("query_model".to_owned(), reference);
                required.push("query_model");
            } else {
                properties
                    .insert("query_model".to_owned(), json!({"anyOf": [reference, {"type": "null"}], "default": null}));
            }
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.insert("required".to_owned(), json!(required));
        schema.insert("type".to_owned(), json!("object"));
        schema
    }

    fn question(&self, dialect: Dialect, arguments: &Map<String, Value>) -> Result<Question, String> {
        let id = match arguments.get(self.id) {
            _ if self.id.is_empty() => String::new(),
            Some(Value::String(id)) => id.clone(),
            Some(other) => {
                let kind = if other.is_number() { "int" } else { "dict" };
                let detail = format!(
                    "Input should be a valid string [type=string_type, input_value={other}, input_type={kind}]"
                );
                return Err(invalid(self.name, self.id, &detail, "string_type"));
            }
            None => return Err(missing(self.name, self.id, arguments)),
        };
        let filters = match (self.wrapping(dialect), arguments.get("query_model")) {
            (Flat, _) => filters(arguments, self.flat),
            (_, Some(Value::Object(model))) => {
                let unknown = model.keys().find(|key| !self.model.contains(&key.as_str()));
                if let Some(key) = unknown.filter(|_| STRICT.contains(&self.name)) {
                    let detail =
                        format!("Extra inputs are not permitted [type=extra_forbidden, input_value={}]", model[key]);
                    return Err(invalid(self.name, &format!("query_model.{key}"), &detail, "extra_forbidden"));
                }
                filters(model, self.model)
            }
            (Required, _) => return Err(missing(self.name, "query_model", arguments)),
            _ => Filters::default(),
        };
        Ok(Question::Read { what: self.what, id, filters })
    }
}

fn filters(arguments: &Map<String, Value>, known: &[&str]) -> Filters {
    let mut filters = Filters::default();
    for (name, value) in arguments.iter().filter(|(name, _)| known.contains(&name.as_str())) {
        filters.add_json(name, value);
    }
    filters
}

/// The schema of each field, by the way the names are made: plurals are lists, counts are numbers.
fn typed(fields: &[&str]) -> Map<String, Value> {
    let kind = |field: &str| match field {
        "limit" | "offset" => json!({"type": "integer"}),
        "total" | "earliest" => json!({"type": "boolean"}),
        "status" | "statuses" | "urgencies" | "priorities" | "include" | "sort_by" => strings(),
        ids if ids.ends_with("_ids") => strings(),
        _ => json!({"type": "string"}),
    };
    fields.iter().map(|f| ((*f).to_owned(), json!({"anyOf": [kind(f), {"type": "null"}], "default": null}))).collect()
}

fn strings() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn hosted_action(action: &str, id: &str, fields: &[&str]) -> Value {
    let mut properties = typed(fields);
    properties.insert("action".to_owned(), json!({"const": action}));
    let mut required = vec!["action"];
    if !id.is_empty() {
        properties.insert(id.to_owned(), json!({"type": "string"}));
        required.push(id);
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn request_schema(options: Vec<Value>) -> JsonObject {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), json!({"request": {"oneOf": options}}));
    schema.insert("required".to_owned(), json!(["request"]));
    schema
}

/// The local server's words for an argument that is not there.
fn missing(tool: &str, argument: &str, arguments: &Map<String, Value>) -> String {
    let found = Value::Object(arguments.clone());
    let detail = format!("Field required [type=missing, input_value={found}, input_type=dict]");
    invalid(tool, argument, &detail, "missing")
}

fn invalid(tool: &str, argument: &str, detail: &str, kind: &str) -> String {
    format!(
        "Error executing tool {tool}: 1 validation error for {tool}Arguments\n{argument}\n  {detail}\n    For further \
         information visit https://errors.pydantic.dev/2.14/v/{kind}"
    )
}
