//! The REST API that `pagerduty-mcp` reads, and the Events API through which monitoring raises incidents.

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::Utc;
use serde_json::{Value, json};

use super::select::{Filters, Found, Resource, select};
use super::{ROUTING_KEY, Shared};

const RESOURCES: [Resource; 14] = [
    Resource::Incidents,
    Resource::Incident,
    Resource::Alerts,
    Resource::Notes,
    Resource::IncidentChanges,
    Resource::ServiceChanges,
    Resource::PastIncidents,
    Resource::Services,
    Resource::Service,
    Resource::Oncalls,
    Resource::Teams,
    Resource::Users,
    Resource::Me,
    Resource::EscalationPolicy,
];

pub(super) fn router(shared: &Shared) -> Router {
    let mut rest = Router::new().route("/incidents/{id}/notes", post(add_note));
    for what in RESOURCES {
        let read = async move |State(shared): State<Shared>,
                               id: Option<Path<String>>,
                               Query(query): Query<Vec<(String, String)>>| {
            read(&shared, what, &id.map(|Path(id)| id).unwrap_or_default(), &query)
        };
        rest = rest.route(what.path(), get(read));
    }
    let rest = rest.route_layer(middleware::from_fn_with_state(shared.clone(), key));
    let events = Router::new().route("/v2/enqueue", post(enqueue)).route("/v2/change/enqueue", post(enqueue_change));
    rest.merge(events).with_state(shared.clone())
}

/// Lets in who has the key, as `Token token=KEY` or `Bearer KEY`; writes the journal.
async fn key(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let template = request.extensions().get::<axum::extract::MatchedPath>().map_or("", |p| p.as_str());
    shared.rest.record(format!("{} {template}", request.method()));
    if super::mcp::has_key(&shared, request.headers()) {
        return next.run(request).await;
    }
    let error = json!({"error": {"message": "Unauthorized", "code": 2006, "errors": ["Invalid API key"]}});
    (StatusCode::UNAUTHORIZED, Json(error)).into_response()
}

fn read(shared: &Shared, what: Resource, id: &str, query: &[(String, String)]) -> Response {
    let mut filters = Filters::default();
    query.iter().for_each(|(name, value)| filters.add(name, value));
    let name = what.names().0;
    match select(&shared.records(), what, id, &filters, Utc::now()) {
        None => (StatusCode::NOT_FOUND, Json(not_found(what))).into_response(),
        Some(Found::One(record)) => Json(json!({name: record})).into_response(),
        Some(Found::Many(records)) => {
            let number = |name: &str, default| filters.one(name).and_then(|v| v.parse().ok()).unwrap_or(default);
            let (limit, offset) = (number("limit", 25).min(100), number("offset", 0));
            let more = records.len() > offset + limit;
            let page: Vec<Value> = records.into_iter().skip(offset).take(limit).collect();
            Json(json!({name: page, "limit": limit, "offset": offset, "more": more, "total": null})).into_response()
        }
    }
}

/// The body that goes with 404.
pub(super) fn not_found(what: Resource) -> Value {
    let errors = [format!("{} Not Found", what.names().1)];
    json!({"error": {"message": "Not Found", "code": 2100, "errors": errors}})
}

async fn add_note(State(shared): State<Shared>, Path(id): Path<String>, Json(new): Json<Value>) -> Response {
    let mut records = shared.records();
    let Some(incident) = super::select::incident(&records, &id).cloned() else {
        return (StatusCode::NOT_FOUND, Json(not_found(Resource::Incident))).into_response();
    };
    let content = new["note"]["content"].as_str().unwrap_or_default();
    let note = records.add_note(incident["id"].as_str().unwrap_or_default(), content, Utc::now());
    Json(json!({"note": note})).into_response()
}

/// `POST /v2/enqueue`: <https://developer.pagerduty.com/docs/send-alert-event>.
async fn enqueue(State(shared): State<Shared>, body: Bytes) -> Response {
    shared.rest.record("POST /v2/enqueue");
    let event = match checked(&body) {
        Ok(event) => event,
        Err(response) => return *response,
    };
    let mut records = shared.records();
    match event["event_action"].as_str() {
        Some("trigger") => {
            records.raise(&event, Utc::now());
        }
        Some(action @ ("acknowledge" | "resolve")) => {
            let of = |a: &&Value| a["alert_key"] == event["dedup_key"];
            let ids: Vec<Value> = records.alerts.iter().filter(of).map(|a| a["incident"]["id"].clone()).collect();
            for incident in records.incidents.iter_mut().filter(|i| ids.contains(&i["id"])) {
                incident["status"] = json!(format!("{action}d"));
            }
        }
        _ => return *refused("'event_action' is not one of trigger, acknowledge, resolve"),
    }
    let answer = json!({"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]});
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

async fn enqueue_change(State(shared): State<Shared>, body: Bytes) -> Response {
    shared.rest.record("POST /v2/change/enqueue");
    match checked(&body) {
        Ok(event) => {
            shared.records().record_change(&event, Utc::now());
            let answer = json!({"status": "success", "message": "Change event processed"});
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Err(response) => *response,
    }
}

fn checked(body: &[u8]) -> Result<Value, Box<Response>> {
    let event: Value = serde_json::from_slice(body).map_err(|_| refused("Event object is not JSON"))?;
    if event["routing_key"] != ROUTING_KEY {
        return Err(refused("Invalid routing key"));
    }
    if event["payload"]["summary"].as_str().is_none_or(str::is_empty) {
        return Err(refused("'payload.summary' is missing or blank"));
    }
    Ok(event)
}

fn refused(why: &str) -> Box<Response> {
    let answer = json!({"status": "invalid event", "message": "Event object is invalid", "errors": [why]});
    Box::new((StatusCode::BAD_REQUEST, Json(answer)).into_response())
}
