//! A stand-in for PagerDuty's MCP servers over streamable HTTP, made of the answers the real ones gave.
//!
//! It speaks five dialects: the four recorded ones and the hosted server's, whose tools are known from public lists
//! and whose answers are guessed to be REST's. Like the real ones it drops arguments it does not know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pagerduty_incident_responder::io::pagerduty::PagerDuty;
use pagerduty_incident_responder::model::ids::{IncidentReference, Timestamp};
use pagerduty_incident_responder::settings::pagerduty::{AuthScheme, Limits, PagerDutySettings, Route, Token};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The token all tests use; no output may ever hold it.
pub(crate) const TOKEN: &str = "u+s3cr3tT0ken";

/// The incident of the recorded answers.
pub(crate) const INCIDENT: &str = "Q2ISKGUCZ3ZJ4K";

/// Every dialect the stand-in speaks.
pub(crate) const DIALECTS: [&str; 5] = ["0.5", "0.17.0", "1.0.0", "1.1.0", "hosted"];

/// What the stand-in answers to one tool, given the arguments it understands.
type Answer = Arc<dyn Fn(&Value) -> ResponseOrResult + Send + Sync>;

/// Either a tool's result, or a whole HTTP response.
pub(crate) enum ResponseOrResult {
    Result(Value),
    Response(ResponseTemplate),
}

/// How answers are framed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Framing {
    Events,
    Json,
}

/// The server's side of a test.
#[derive(Clone)]
pub(crate) struct World {
    version: &'static str,
    framing: Framing,
    tools: HashMap<String, Answer>,
    missing: Vec<String>,
    forgotten: Vec<String>,
    everything: Option<ResponseTemplate>,
    event_stream: u16,
    heard: Arc<Mutex<Vec<Value>>>,
    headers: Arc<Mutex<Vec<String>>>,
}

/// A running stand-in.
pub(crate) struct StandIn {
    server: MockServer,
    world: World,
}

pub(crate) fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/pagerduty/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("a recorded answer")
}

/// Takes a key out of every object.
fn forget(json: &mut Value, key: &str) {
    match json {
        Value::Object(map) => {
            map.remove(key);
            map.values_mut().for_each(|value| forget(value, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| forget(value, key)),
        _ => {}
    }
}

/// A list in the local servers' envelope.
pub(crate) fn listed(items: Value) -> Value {
    let text = json!({"response": items, "response_summary": "ListResponseModel"});
    json!({"content": [{"type": "text", "text": text.to_string()}], "structuredContent": text, "isError": false})
}

/// An error as a tool gives it.
pub(crate) fn tool_error(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}

impl World {
    /// The recorded world in one dialect: one triggered incident of high urgency, `#42`.
    pub(crate) fn new(version: &'static str) -> World {
        let mut world = World {
            version,
            framing: Framing::Events,
            tools: HashMap::new(),
            missing: Vec::new(),
            forgotten: Vec::new(),
            everything: None,
            event_stream: 405,
            heard: Arc::default(),
            headers: Arc::default(),
        };
        for name in [
            "get_incident",
            "list_alerts_from_incident",
            "list_incident_notes",
            "list_incident_change_events",
            "get_service",
            "list_services",
            "list_oncalls",
            "list_users",
            "list_teams",
        ] {
            world = world.with(name, recorded(name));
        }
        // The one filter that an answer depends on: the incident's urgency is high.
        let incidents = recorded("list_incidents");
        world.computed("list_incidents", move |arguments| {
            let wanted = arguments.get("urgencies").and_then(Value::as_array);
            let fits = wanted.is_none_or(|urgencies| urgencies.contains(&json!("high")));
            if fits { incidents.clone() } else { listed(json!([])) }
        })
    }

    /// Answers come as plain JSON instead of events.
    pub(crate) fn in_json(self) -> World {
        World { framing: Framing::Json, ..self }
    }

    /// Another answer for one tool, under its local name.
    pub(crate) fn with(self, tool: &str, result: Value) -> World {
        self.computed(tool, move |_| result.clone())
    }

    /// An answer that depends on the arguments.
    pub(crate) fn computed(mut self, tool: &str, answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> World {
        self.tools.insert(tool.to_owned(), Arc::new(move |arguments| ResponseOrResult::Result(answer(arguments))));
        self
    }

    /// A whole HTTP response for one tool.
    pub(crate) fn responding(mut self, tool: &str, response: ResponseTemplate) -> World {
        self.tools.insert(tool.to_owned(), Arc::new(move |_| ResponseOrResult::Response(response.clone())));
        self
    }

    /// The server does not list the tool.
    pub(crate) fn without(mut self, tool: &str) -> World {
        self.missing.push(tool.to_owned());
        self
    }

    /// No tool of the server knows an argument of that name.
    pub(crate) fn forgetting(mut self, argument: &str) -> World {
        self.forgotten.push(argument.to_owned());
        self
    }

    /// What the server says to a request for a stream of its own messages; 405 means that it has none.
    pub(crate) fn refusing_the_stream_with(self, status: u16) -> World {
        World { event_stream: status, ..self }
    }

    /// One HTTP response for every request.
    pub(crate) fn always(self, response: ResponseTemplate) -> World {
        World { everything: Some(response), ..self }
    }

    /// Starts listening on loopback.
    pub(crate) async fn start(self) -> StandIn {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        StandIn { server, world: self }
    }

    fn tools_listed(&self) -> Value {
        let mut all = recorded("tools");
        self.forgotten.iter().for_each(|argument| forget(&mut all, argument));
        let tools = all.get(self.version).and_then(Value::as_object).expect("a recorded dialect");
        let listed = tools.iter().filter(|(name, _)| !self.missing.contains(name));
        listed.map(|(name, schema)| json!({"name": name, "inputSchema": schema})).collect()
    }

    /// The local name of a tool, and the arguments it understands.
    fn understood(&self, tool: &str, arguments: &Value) -> (String, Value) {
        let request = arguments.get("request").cloned().unwrap_or_default();
        let action = request.get("action").and_then(Value::as_str).unwrap_or_default();
        let local = match (tool, action) {
            ("browse_incidents", "list") => "list_incidents",
            ("browse_incidents", "get") => "get_incident",
            ("browse_incidents", "list_alerts") => "list_alerts_from_incident",
            ("browse_incidents", "list_notes") => "list_incident_notes",
            ("browse_incidents", "list_change_events") => "list_incident_change_events",
            ("browse_services", "list") => "list_services",
            ("browse_services", "get") => "get_service",
            ("browse_schedules", "list_oncalls") => "list_oncalls",
            ("browse_teams", "list") => "list_teams",
            ("browse_users", "list") => "list_users",
            (local, _) => local,
        };
        let mut flat = arguments.as_object().cloned().unwrap_or_default();
        for nested in ["request", "query_model"] {
            if let Some(Value::Object(inner)) = flat.remove(nested) {
                flat.extend(inner);
            }
        }
        (local.to_owned(), Value::Object(flat))
    }

    /// What REST would have said, for the hosted dialect.
    fn enveloped(&self, local: &str, result: Value) -> Value {
        let Some(structured) = result.get("structuredContent").filter(|_| self.version == "hosted") else {
            return result;
        };
        let name = match local {
            "get_incident" => "incident",
            "get_service" => "service",
            "list_incidents" => "incidents",
            "list_alerts_from_incident" => "alerts",
            "list_incident_notes" => "notes",
            "list_incident_change_events" => "change_events",
            "list_services" => "services",
            "list_oncalls" => "oncalls",
            "list_users" => "users",
            _ => "teams",
        };
        let inner = structured.get("response").unwrap_or(structured);
        let text = json!({name: inner, "limit": 100, "offset": 0, "more": false}).to_string();
        json!({"content": [{"type": "text", "text": text}], "isError": false})
    }

    fn framed(&self, id: &Value, result: &Value) -> ResponseTemplate {
        let message = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        let response = ResponseTemplate::new(200);
        match self.framing {
            Framing::Json => response.set_body_raw(message, "application/json"),
            Framing::Events => {
                response.set_body_raw(format!("event: message\r\ndata: {message}\r\n\r\n"), "text/event-stream")
            }
        }
    }
}

impl Respond for World {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if let Some(response) = &self.everything {
            return response.clone();
        }
        match request.method.as_str() {
            "GET" => return ResponseTemplate::new(self.event_stream),
            "DELETE" => return ResponseTemplate::new(200),
            _ => {}
        }
        let message: Value = serde_json::from_slice(&request.body).expect("a JSON-RPC message");
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.headers.lock().expect("no panic elsewhere").push(header.to_owned());
        let (id, method) = (&message["id"], message["method"].as_str().unwrap_or_default());
        if !id.is_null() {
            self.heard.lock().expect("no panic elsewhere").push(message.clone());
        }
        match method {
            "initialize" => self
                .framed(
                    id,
                    &json!({
                        "protocolVersion": "2025-06-18",
                        "capabilities": {"tools": {"listChanged": false}},
                        "serverInfo": {"name": "PagerDuty MCP Server", "version": "1.30.0"},
                    }),
                )
                .insert_header("mcp-session-id", "5c9e43d8c2e142f099d8c806ee216f8a"),
            "tools/list" => self.framed(id, &json!({"tools": self.tools_listed()})),
            "tools/call" => {
                let tool = message["params"]["name"].as_str().unwrap_or_default();
                let (local, arguments) = self.understood(tool, &message["params"]["arguments"]);
                match self.tools.get(&local).map(|answer| answer(&arguments)) {
                    Some(ResponseOrResult::Result(result)) => self.framed(id, &self.enveloped(&local, result)),
                    Some(ResponseOrResult::Response(response)) => response,
                    None => self.framed(id, &tool_error(&format!("Unknown tool: {tool}"))),
                }
            }
            _ => ResponseTemplate::new(202),
        }
    }
}

impl StandIn {
    /// Settings that point at this stand-in, with short limits.
    pub(crate) fn settings(&self) -> PagerDutySettings {
        settings(Route::http(&format!("{}/mcp", self.server.uri()), AuthScheme::Token).expect("a loopback address"))
    }

    /// A connection to this stand-in.
    pub(crate) async fn connect(&self) -> PagerDuty {
        PagerDuty::connect(&self.settings()).await.expect("the stand-in answers")
    }

    /// The requests heard, as `method` or `tool`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let heard = self.world.heard.lock().expect("no panic elsewhere");
        let name =
            |message: &Value| message["params"]["name"].as_str().or(message["method"].as_str()).map(str::to_owned);
        heard.iter().filter_map(name).collect()
    }

    /// The arguments of every call of one tool.
    pub(crate) fn arguments_of(&self, tool: &str) -> Vec<Value> {
        let heard = self.world.heard.lock().expect("no panic elsewhere");
        let calls = heard.iter().filter(|message| message["params"]["name"] == tool);
        calls.map(|message| message["params"]["arguments"].clone()).collect()
    }

    /// Every `Authorization` header heard.
    pub(crate) fn authorizations(&self) -> Vec<String> {
        self.world.headers.lock().expect("no panic elsewhere").clone()
    }
}

/// Settings for one route; the limits are short enough for a test of a silent server, and long enough for a slow
/// machine to answer in.
pub(crate) fn settings(route: Route) -> PagerDutySettings {
    let second = Duration::from_secs(1);
    let limits = Limits { connect: 20 * second, call: 20 * second, total: 60 * second };
    PagerDutySettings { route, token: Token::parse(TOKEN).expect("a token"), limits }
}

/// The recorded moment: ten minutes after the incident was raised.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T07:10:00Z".parse().expect("a time")
}

/// A reference as a person writes it.
pub(crate) fn reference(text: &str) -> IncidentReference {
    text.parse().expect("a reference")
}
