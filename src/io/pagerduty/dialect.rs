//! Our questions in the words of whatever server answers.
//!
//! PagerDuty's servers name and shape the same questions in at least four ways, and all of them drop an argument
//! they do not know without a word. So nothing is sent by version: [`TOOLS`] says which tool may answer a question,
//! and the tool's own input schema (from `tools/list`) says how the arguments are wrapped and which of them the
//! server understands. What it does not understand is left out and reported in [`Call::dropped`], so that nobody
//! mistakes an unfiltered answer for a filtered one.
//!
//! Shapes seen: flat arguments and a `query_model` object (local servers 0.5 to 1.1.0, a mixture within one
//! version), and one `request` object with an `action` (the hosted server's `browse_*` tools as of
//! September 2026, known from published lists of its tools only).

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde_json::{Map, Value};

use super::fault::Fault;
use crate::model::ids::Timestamp;

/// The most items one hosted page may hold.
const HOSTED_PAGE: u64 = 100;

/// What we want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Incidents by status, urgency and time.
    Incidents,
    /// One incident by id or number.
    Incident,
    /// The alerts of one incident.
    Alerts,
    /// The notes on one incident.
    Notes,
    /// The changes PagerDuty relates to one incident.
    ChangeEvents,
    /// The changes of one service.
    ServiceChanges,
    /// Services by name.
    Services,
    /// One service by id.
    Service,
    /// Who is on call.
    OnCalls,
    /// Teams by name.
    Teams,
    /// Users by name.
    Users,
}

/// Which tool answers which question, best first: (question, tool, action of the hosted server's tool).
const TOOLS: [(Question, &str, Option<&str>); 22] = [
    (Question::Incidents, "list_incidents", None),
    (Question::Incidents, "browse_incidents", Some("list")),
    (Question::Incident, "get_incident", None),
    (Question::Incident, "browse_incidents", Some("get")),
    (Question::Alerts, "list_alerts_from_incident", None),
    (Question::Alerts, "browse_incidents", Some("list_alerts")),
    (Question::Notes, "list_incident_notes", None),
    (Question::Notes, "browse_incidents", Some("list_notes")),
    (Question::ChangeEvents, "list_incident_change_events", None),
    (Question::ChangeEvents, "browse_incidents", Some("list_change_events")),
    (Question::ServiceChanges, "list_service_change_events", None),
    (Question::ServiceChanges, "browse_change_events", Some("list_service")),
    (Question::Services, "list_services", None),
    (Question::Services, "browse_services", Some("list")),
    (Question::Service, "get_service", None),
    (Question::Service, "browse_services", Some("get")),
    (Question::OnCalls, "list_oncalls", None),
    (Question::OnCalls, "browse_schedules", Some("list_oncalls")),
    (Question::Teams, "list_teams", None),
    (Question::Teams, "browse_teams", Some("list")),
    (Question::Users, "list_users", None),
    (Question::Users, "browse_users", Some("list")),
];

/// Names an argument has had besides the one we use.
const ALIASES: [(&str, &str); 1] = [("statuses", "status")];

/// The tools of one server with their input schemas.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dialect {
    schemas: BTreeMap<String, Value>,
}

/// One call, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The tool's name.
    pub(crate) tool: String,
    /// Its arguments in the server's own shape.
    pub(crate) arguments: Map<String, Value>,
    /// The arguments we wanted and the server does not know.
    pub(crate) dropped: Vec<&'static str>,
    /// Whether the tool is one of the hosted server's, which answers in pages.
    pub(crate) paged: bool,
}

impl Call {
    /// True where the server knows the argument. It may still ignore it: answers are filtered again.
    pub(crate) fn understands(&self, argument: &str) -> bool {
        !self.dropped.contains(&argument)
    }

    /// The most items that were asked for, wherever the dialect put it.
    pub(crate) fn limit(&self) -> Option<usize> {
        let nested = self.arguments.values().filter_map(|value| value.get("limit"));
        let limit = self.arguments.get("limit").into_iter().chain(nested).find_map(Value::as_u64)?;
        usize::try_from(limit).ok()
    }
}

impl Dialect {
    /// Takes the server's tools as (name, input schema).
    pub(crate) fn new(tools: impl IntoIterator<Item = (String, Value)>) -> Dialect {
        Dialect { schemas: tools.into_iter().collect() }
    }

    /// The question with its arguments, under the names of the flat dialect, as a call of this server's.
    ///
    /// # Errors
    /// [`Fault::ToolMissing`] with the names of the tools that would have done.
    pub(crate) fn call(&self, question: Question, wanted: &[(&'static str, Value)]) -> Result<Call, Fault> {
        let Some((tool, action, schema)) = self.find(question) else {
            let candidates: Vec<_> = TOOLS.iter().filter(|row| row.0 == question).map(|row| row.1).collect();
            return Err(Fault::ToolMissing(candidates.join(" or ")));
        };
        let (arguments, dropped) = match action {
            Some(action) => hosted_arguments(schema, action, wanted),
            None => local_arguments(schema, wanted),
        };
        Ok(Call { tool: tool.to_owned(), arguments, dropped, paged: action.is_some() })
    }

    fn find(&self, question: Question) -> Option<(&'static str, Option<&'static str>, &Value)> {
        TOOLS.iter().filter(|row| row.0 == question).find_map(|&(_, tool, action)| {
            let schema = self.schemas.get(tool)?;
            let offered = action.is_none_or(|action| action_offered(schema, action));
            offered.then_some((tool, action, schema))
        })
    }
}

/// A moment as an argument: whole seconds and `Z`, so that no `+` has to survive a query string.
pub(crate) fn time(at: Timestamp) -> Value {
    Value::from(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Flat arguments, and those that only a `query_model` declares wrapped in it. The model is sent even when empty:
/// some versions require it.
fn local_arguments(schema: &Value, wanted: &[(&'static str, Value)]) -> (Map<String, Value>, Vec<&'static str>) {
    let Some(flat) = properties(schema, schema) else {
        return (wanted.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(), Vec::new());
    };
    let model = flat.get("query_model").and_then(|node| properties(schema, node));
    let (mut arguments, mut inner, mut dropped) = (Map::new(), Map::new(), Vec::new());
    for (name, value) in wanted {
        if let Some((name, value)) = declared(flat, name, value) {
            arguments.insert(name, value);
        } else if let Some((name, value)) = model.and_then(|model| declared(model, name, value)) {
            inner.insert(name, value);
        } else {
            dropped.push(*name);
        }
    }
    if model.is_some() {
        arguments.insert("query_model".to_owned(), Value::Object(inner));
    }
    (arguments, dropped)
}

/// `{"request": {"action": …}}`, or the same without the wrapper where the schema has none.
fn hosted_arguments(
    schema: &Value,
    action: &str,
    wanted: &[(&'static str, Value)],
) -> (Map<String, Value>, Vec<&'static str>) {
    let known = variant(schema, action).and_then(|variant| properties(schema, variant));
    let mut request = Map::from_iter([("action".to_owned(), Value::from(action))]);
    let mut dropped = Vec::new();
    for (name, value) in wanted {
        let value = if *name == "limit" {
            Value::from(value.as_u64().unwrap_or(HOSTED_PAGE).min(HOSTED_PAGE))
        } else {
            value.clone()
        };
        match known {
            None => {
                request.insert((*name).to_owned(), value);
            }
            Some(known) => match declared(known, name, &value) {
                Some((name, value)) => {
                    request.insert(name, value);
                }
                None => dropped.push(*name),
            },
        }
    }
    let flat = properties(schema, schema).is_some_and(|top| top.contains_key("action") && !top.contains_key("request"));
    let arguments = if flat { request } else { Map::from_iter([("request".to_owned(), Value::Object(request))]) };
    (arguments, dropped)
}

/// The argument under the name this schema gives it, a number cut to the schema's maximum.
fn declared(known: &Map<String, Value>, name: &str, value: &Value) -> Option<(String, Value)> {
    let alias = ALIASES.iter().find(|(ours, _)| *ours == name).map(|(_, theirs)| *theirs);
    let (name, node) = [Some(name), alias].into_iter().flatten().find_map(|name| known.get_key_value(name))?;
    let maximum = std::iter::once(node)
        .chain(node.get("anyOf").and_then(Value::as_array).into_iter().flatten())
        .find_map(|node| node.get("maximum").and_then(Value::as_u64));
    let value = match (value.as_u64(), maximum) {
        (Some(number), Some(maximum)) => Value::from(number.min(maximum)),
        _ => value.clone(),
    };
    Some((name.clone(), value))
}

/// True where the tool offers the action, or where its schema lists no actions to tell by.
fn action_offered(schema: &Value, action: &str) -> bool {
    let variants = variants(schema);
    variants.is_empty() || variants.iter().any(|node| names_action(schema, node, action))
}

fn variant<'a>(schema: &'a Value, action: &str) -> Option<&'a Value> {
    variants(schema).into_iter().find(|node| names_action(schema, node, action))
}

/// The alternatives of the `request` argument.
fn variants(schema: &Value) -> Vec<&Value> {
    let Some(request) = properties(schema, schema).and_then(|top| top.get("request")) else { return Vec::new() };
    let request = resolve(schema, request);
    ["oneOf", "anyOf"]
        .iter()
        .find_map(|key| request.get(key).and_then(Value::as_array))
        .map(|variants| variants.iter().map(|node| resolve(schema, node)).collect())
        .unwrap_or_default()
}

fn names_action(schema: &Value, variant: &Value, action: &str) -> bool {
    let Some(node) = properties(schema, variant).and_then(|known| known.get("action")) else { return false };
    let one_of_many = node.get("enum").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == action));
    node.get("const").and_then(Value::as_str) == Some(action) || one_of_many
}

/// The properties an object schema declares, also behind a reference or an "or null".
fn properties<'a>(schema: &'a Value, node: &'a Value) -> Option<&'a Map<String, Value>> {
    let node = resolve(schema, node);
    if let Some(found) = node.get("properties").and_then(Value::as_object) {
        return Some(found);
    }
    let alternatives = node.get("anyOf").and_then(Value::as_array)?;
    alternatives.iter().find_map(|node| resolve(schema, node).get("properties").and_then(Value::as_object))
}

/// Follows `$ref` into the same document; at most four steps, so that a circle ends.
fn resolve<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    let mut node = node;
    for _ in 0..4 {
        let target = node.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        match target.and_then(|path| schema.pointer(path)) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

#[cfg(test)]
mod tests;
