//! The MCP side: streamable HTTP at `/mcp`, a journal of calls, and the faults that tests ask for.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, InitializeResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Map, Value, json};

use super::dialect::Question;
use super::select::{Found, Resource, select};
use super::{Fault, Shared, rest};

/// A request or an answer of the stand-in is never larger, in bytes.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn router(shared: &Shared) -> Router {
    let tools = Tools(shared.clone());
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    Router::new().route_service("/mcp", service).route_layer(middleware::from_fn_with_state(shared.clone(), gate))
}

/// Whether the request carries the account's key, as `Token token=KEY` or `Bearer KEY`.
pub(super) fn has_key(shared: &Shared, headers: &HeaderMap) -> bool {
    let value = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let key = value.strip_prefix("Token token=").or_else(|| value.strip_prefix("Bearer ")).unwrap_or_default();
    key == shared.records().token
}

/// Counts each request, lets in who has the key, and plays the faults that happen outside the tools.
async fn gate(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let call = call_name(&body);
    if !call.is_empty() {
        shared.calls.record(call.clone());
    }
    // The local server has no key of its own to check: its tools fail when PagerDuty refuses the one it holds.
    if !shared.dialect.is_local() && !has_key(&shared, &parts.headers) {
        let error = json!({"error": {"message": "Unauthorized", "code": 2006}});
        return (StatusCode::UNAUTHORIZED, axum::Json(error)).into_response();
    }
    let request = Request::from_parts(parts, Body::from(body));
    match shared.fault(&call) {
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Some(Fault::NotJson) => {
            let page = "<html><body>We are down for maintenance.</body></html>";
            ([("content-type", "text/html")], page).into_response()
        }
        Some(Fault::Status(code)) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, axum::Json(json!({"error": {"message": status.canonical_reason(), "code": code}}))).into_response()
        }
        Some(Fault::Truncated) => truncated(next.run(request).await).await,
        _ => next.run(request).await,
    }
}

/// Cuts an answer in its middle: the stream ends before the event does.
async fn truncated(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let whole = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    Response::from_parts(parts, Body::from(whole.slice(..whole.len() / 2)))
}

/// The line of the journal: the method, or for a call the tool and the hosted server's action.
fn call_name(body: &Bytes) -> String {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let parameters = &message["params"];
    match (message["method"].as_str(), parameters["name"].as_str()) {
        (Some("tools/call"), Some(tool)) => match parameters["arguments"]["request"]["action"].as_str() {
            Some(action) => format!("{tool}/{action}"),
            None => tool.to_owned(),
        },
        (method, _) => method.unwrap_or_default().to_owned(),
    }
}

/// The tools, over the shared records.
#[derive(Clone)]
struct Tools(Shared);

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        // The local server's `serverInfo.version` is that of its MCP library: a client must not read a dialect from it.
        InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("PagerDuty MCP Server", "1.30.0"))
            .with_protocol_version(ProtocolVersion::V_2025_06_18)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&[ProtocolVersion::V_2024_11_05, ProtocolVersion::V_2025_03_26, ProtocolVersion::V_2025_06_18])
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools = self.0.dialect.tools();
        tools.retain(|tool| self.0.fault(&tool.name) != Some(Fault::Missing));
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let headers = context.extensions.get::<Parts>().map(|parts| parts.headers.clone()).unwrap_or_default();
        let arguments = request.arguments.unwrap_or_default();
        let result = match self.answer(&request.name, &arguments, &headers) {
            Ok(answer) => {
                let mut result = CallToolResult::structured(answer.clone());
                result.content = vec![ContentBlock::text(serde_json::to_string_pretty(&answer).unwrap_or_default())];
                result
            }
            Err(message) => CallToolResult::error(vec![ContentBlock::text(message)]),
        };
        Ok(result.into())
    }
}

impl Tools {
    fn answer(&self, tool: &str, arguments: &Map<String, Value>, headers: &HeaderMap) -> Result<Value, String> {
        let shared = &self.0;
        let call = match arguments.get("request").and_then(|r| r["action"].as_str()) {
            Some(action) => format!("{tool}/{action}"),
            None => tool.to_owned(),
        };
        match shared.fault(&call).or_else(|| shared.fault(tool)) {
            Some(Fault::Missing) => return Err(format!("Unknown tool: {tool}")),
            Some(Fault::ToolError(message)) => return Err(message),
            _ => {}
        }
        let question = shared.dialect.question(tool, arguments)?;
        if !has_key(shared, headers) {
            return Err(format!(
                "Error executing tool {tool}: Received 401 Unauthorized response from the API. The key (...*fake) may be \
                 invalid or deactivated."
            ));
        }
        let mut records = shared.records();
        let (what, id, filters) = match question {
            Question::AddNote { incident, note } => return Ok(records.add_note(&incident, &note, Utc::now())),
            Question::Read { what, id, filters } => (what, id, filters),
        };
        let found = select(&records, what, &id, &filters, Utc::now()).ok_or_else(|| {
            let path = what.path().replace("{id}", &id);
            let (url, body) = (&shared.url, rest::not_found(what));
            format!(
                "Error executing tool {tool}: GET {url}{path}: API responded with unknown error (status 404): {body}"
            )
        })?;
        // The local server's list of services takes `limit` for the size of a page and reads all pages.
        let limit = filters.one("limit").filter(|_| what != Resource::Services).and_then(|l| l.parse().ok());
        Ok(self.shaped(what, found, limit.unwrap_or(1000)))
    }

    /// Local servers answer with their own models; what the hosted one answers is not published, so it is given
    /// whole records in the same envelope.
    fn shaped(&self, what: Resource, found: Found, limit: usize) -> Value {
        let shape = |record: &Value| if self.0.dialect.is_local() { local_model(what, record) } else { record.clone() };
        match found {
            Found::One(record) => shape(&record),
            Found::Many(records) if what == Resource::PastIncidents => {
                json!({"past_incidents": records, "total": records.len(), "limit": limit})
            }
            Found::Many(records) => {
                let response: Vec<Value> = records.iter().take(limit).map(shape).collect();
                let (count, model) = (response.len(), what.names().1);
                let summary = format!("ListResponseModel<{model}>:\n- Returned {count} record(s) of type '{model}'.");
                json!({"response": response, "response_summary": summary})
            }
        }
    }
}

/// The local server's models drop what they do not name; alerts are passed on whole.
fn local_model(what: Resource, record: &Value) -> Value {
    #[rustfmt::skip]
    let fields: &[&str] = match what {
        Resource::Incident | Resource::Incidents => &["id", "summary", "incident_number", "status", "title", "created_at",
            "updated_at", "resolved_at", "service", "assignments", "priority", "type"],
        Resource::Services | Resource::Service => &["id", "name", "description", "escalation_policy", "teams", "status", "type"],
        Resource::Oncalls => &["escalation_policy", "escalation_level", "schedule", "user", "start", "end"],
        Resource::Users | Resource::Me => &["id", "name", "email", "role", "teams", "time_zone", "job_title", "type"],
        Resource::Teams => &["id", "name", "summary", "description", "type"],
        Resource::Notes => &["id", "content", "created_at", "user"],
        Resource::EscalationPolicy => &["id", "name", "summary", "type"],
        Resource::Alerts | Resource::IncidentChanges | Resource::ServiceChanges | Resource::PastIncidents => return record.clone(),
    };
    let mut model = Map::new();
    for field in fields {
        model.insert((*field).to_owned(), short_references(record.get(field).unwrap_or(&Value::Null)));
    }
    Value::Object(model)
}

/// References lose their addresses on the way, and those to an escalation policy their name too.
fn short_references(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(short_references).collect(),
        Value::Object(object) => {
            let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
            let kept = |key: &str| {
                !kind.ends_with("_reference")
                    || ["id", "type"].contains(&key)
                    || (key == "summary" && kind != "escalation_policy_reference")
            };
            Value::Object(
                object.iter().filter(|(k, _)| kept(k)).map(|(k, v)| (k.clone(), short_references(v))).collect(),
            )
        }
        other => other.clone(),
    }
}
