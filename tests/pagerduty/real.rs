//! PagerDuty's real `pagerduty-mcp`, over stdio and streamable HTTP, in front of a stand-in for PagerDuty's REST API.
//!
//! Runs where `PAGERDUTY_MCP_PYTHON` names the interpreter of an environment with the package, such as
//! `/venv/bin/python` (Python 3.12, `pip install pagerduty-mcp==1.1.0`); elsewhere it says that it was skipped.
//! Several are separated by `;`.

use std::process::Stdio;
use std::time::Duration;

use pagerduty_incident_responder::failure::FailureKind;
use pagerduty_incident_responder::io::pagerduty::{
    AuthScheme, PagerDuty, PagerDutySettings, REQUESTS_PER_INCIDENT, Route, Token,
};
use pagerduty_incident_responder::model::incident::{Severity, Urgency};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::stand_in::{INCIDENT, TOKEN, now, reference, settings};

/// PagerDuty's REST API with one incident of ours and things of others, filtered only where REST filters.
struct Rest;

impl Respond for Rest {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let authorization = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if authorization != Some(&format!("Token token={TOKEN}")) {
            return ResponseTemplate::new(401)
                .set_body_json(json!({"error": {"message": "Unauthorized", "code": 2006}}));
        }
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let wanted = |name: &str| -> Vec<&str> {
            query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
        };
        let path = request.url.path().trim_matches('/');
        let segments: Vec<&str> = path.split('/').collect();
        let body = match segments.as_slice() {
            ["users", "me"] => {
                json!({"user": {"id": "PUSER01", "name": "Ada Bot", "email": "ada@example.com", "role": "user", "teams": []}})
            }
            ["users"] => listed(
                "users",
                vec![
                    json!({"id": "PUSER01", "name": "Ada Bot", "email": "ada@example.com", "role": "user", "teams": []}),
                ],
            ),
            ["incidents"] => {
                let fits = |incident: &Value| {
                    let is = |key: &str, list: &str| {
                        let wanted = wanted(list);
                        wanted.is_empty() || incident[key].as_str().is_some_and(|value| wanted.contains(&value))
                    };
                    is("urgency", "urgencies[]") && is("status", "statuses[]")
                };
                listed("incidents", incidents().into_iter().filter(fits).collect())
            }
            ["incidents", id] => match incidents()
                .into_iter()
                .find(|incident| incident["id"] == **id || incident["incident_number"].as_u64() == id.parse().ok())
            {
                Some(incident) => json!({"incident": incident}),
                None => {
                    let error =
                        json!({"error": {"message": "Not Found", "code": 2100, "errors": ["Incident Not Found"]}});
                    return ResponseTemplate::new(404).set_body_json(error);
                }
            },
            ["incidents", _, "alerts"] => listed("alerts", vec![alert()]),
            ["incidents", _, "notes"] => {
                json!({"notes": [{"id": "PNOTE01", "content": "looking at it", "created_at": "2026-11-22T07:05:00Z", "user": user()}]})
            }
            ["incidents", _, "related_change_events"] => json!({"change_events": [change()]}),
            ["services"] => listed("services", vec![service()]),
            ["services", _] => json!({"service": service()}),
            ["oncalls"] => listed("oncalls", vec![shift("PESC999", 1, "PSTRANGER"), shift("PESC001", 1, "PUSER01")]),
            ["teams"] => listed("teams", vec![json!({"id": "PTEAM01", "name": "Platform", "type": "team"})]),
            _ => return ResponseTemplate::new(404),
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}

fn listed(name: &str, items: Vec<Value>) -> Value {
    json!({name: items, "limit": 100, "offset": 0, "more": false, "total": null})
}

fn user() -> Value {
    json!({"id": "PUSER01", "type": "user_reference", "summary": "Ada Bot"})
}

fn incidents() -> Vec<Value> {
    let incident = |id: &str, number: u32, status: &str, urgency: &str| {
        json!({
            "id": id, "type": "incident", "incident_number": number, "title": "worker killed", "status": status,
            "summary": format!("[#{number}] worker killed"), "created_at": "2026-11-22T07:00:00Z",
            "updated_at": "2026-11-22T07:01:00Z", "resolved_at": null, "urgency": urgency, "priority": null,
            "service": {"id": "PSVC001", "type": "service_reference", "summary": "worker"},
            "html_url": format!("https://acme.pagerduty.com/incidents/{id}"), "assignments": [],
        })
    };
    vec![incident(INCIDENT, 42, "triggered", "low"), incident("QRESOLVED00001", 43, "resolved", "high")]
}

fn alert() -> Value {
    json!({
        "id": "PALR001", "type": "alert", "self": "https://api.pagerduty.com/alerts/PALR001", "summary": "KubePodOOMKilled", "created_at": "2026-11-22T07:00:00Z",
        "status": "triggered", "alert_key": "k", "severity": "critical", "suppressed": false,
        "service": {"id": "PSVC001", "type": "service_reference", "summary": "worker"},
        "incident": {
            "id": INCIDENT, "type": "incident_reference", "summary": "[#42]",
            "html_url": format!("https://acme.pagerduty.com/incidents/{INCIDENT}"),
        },
        "body": {"type": "alert_body", "details": {"pod": "worker-7d9"}}, "html_url": "https://acme.pagerduty.com/alerts/PALR001",
        "integration": {"id": "PINT001", "type": "integration_reference", "summary": "Prometheus"},
    })
}

fn change() -> Value {
    json!({
        "id": "01CHG", "type": "change_event", "summary": "deploy abc123", "timestamp": "2026-11-22T06:55:00Z",
        "source": "github", "services": [{"id": "PSVC001", "type": "service_reference", "summary": "worker"}],
        "integration": null, "links": [{"href": "https://github.com/o/r/commit/abc123", "text": "commit"}],
        "custom_details": {"sha": "abc123"},
    })
}

fn service() -> Value {
    json!({
        "id": "PSVC001", "type": "service", "name": "worker", "description": "", "status": "critical",
        "escalation_policy": {"id": "PESC001", "type": "escalation_policy_reference", "summary": "Default"},
        "teams": [{"id": "PTEAM01", "type": "team_reference", "summary": "Platform"}],
    })
}

fn shift(policy: &str, level: u32, user: &str) -> Value {
    json!({
        "escalation_policy": {"id": policy, "type": "escalation_policy_reference", "summary": policy},
        "escalation_level": level, "schedule": null,
        "user": {"id": user, "type": "user_reference", "summary": "Ada Bot"},
        "start": "2026-11-22T00:00:00Z", "end": "2026-11-29T00:00:00Z",
    })
}

/// Python servers are slow to start and to answer on a busy machine.
fn patient(route: Route) -> PagerDutySettings {
    let mut settings = settings(route);
    settings.limits.call = Duration::from_secs(60);
    settings.limits.total = Duration::from_secs(180);
    settings
}

/// The published command, which speaks stdio.
fn command(python: &str, rest: &MockServer) -> PagerDutySettings {
    let line = python.replace("/python", "/pagerduty-mcp");
    let host = [("PAGERDUTY_API_HOST".into(), rest.uri().into())];
    let environment = std::env::vars_os().filter(|(name, _)| name != "PAGERDUTY_API_HOST").chain(host);
    patient(Route::command(&line, environment).expect("a command"))
}

/// The same tools over streamable HTTP, as events within a session or, with `json`, as plain answers without one.
async fn over_http(python: &str, rest: &MockServer, framing: &str) -> (PagerDutySettings, Child) {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pagerduty/fixtures/serve_http.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(address.port().to_string())
        .args((!framing.is_empty()).then_some(framing))
        .env("PAGERDUTY_USER_API_KEY", TOKEN)
        .env("PAGERDUTY_API_HOST", rest.uri())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Python starts");
    while TcpStream::connect(address).await.is_err() {
        assert_eq!(child.try_wait().expect("a child of ours"), None, "{python} ended before it listened");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (patient(Route::http(&format!("http://{address}/mcp"), AuthScheme::Token).expect("an address")), child)
}

/// The interpreters to test with; none where the machine has none.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn interpreters() -> Vec<String> {
    let Ok(given) = std::env::var("PAGERDUTY_MCP_PYTHON") else {
        eprintln!("skipped: PAGERDUTY_MCP_PYTHON names no Python 3.12 with pagerduty-mcp");
        return Vec::new();
    };
    given.split(';').map(str::to_owned).collect()
}

async fn rest() -> MockServer {
    let rest = MockServer::start().await;
    Mock::given(any()).respond_with(Rest).mount(&rest).await;
    rest
}

/// Reads the incident and the list, and asks for an incident that is not there.
async fn everything_is_read(settings: &PagerDutySettings, from: &str) {
    let pager = PagerDuty::connect(settings).await.expect("the real server starts");
    let reading = pager.incident(&reference("#42"), now()).await.expect("the incident is there");
    assert_eq!(reading.gaps, [], "{from}");
    assert!(pager.requests() <= REQUESTS_PER_INCIDENT, "{from}: {}", pager.requests());
    let incident = reading.value;
    assert_eq!(incident.id.as_str(), INCIDENT, "{from}");
    assert_eq!(incident.severity, Severity::Urgency(Urgency::Low), "{from}");
    assert_eq!(incident.address.map(String::from), Some(format!("https://acme.pagerduty.com/incidents/{INCIDENT}")));
    assert_eq!((incident.alerts.len(), incident.notes.len(), incident.change_events.len()), (1, 1, 1), "{from}");
    assert_eq!(incident.alerts[0].details["details"]["pod"], "worker-7d9", "{from}");
    let people: Vec<_> = incident.on_call.iter().map(|one| (one.user.as_str(), one.email.as_deref())).collect();
    assert_eq!(people, [("PUSER01", Some("ada@example.com"))], "{from}");

    let since = now() - chrono::TimeDelta::days(30);
    let open = pager.open_incidents(Some(&["worker".to_owned()]), since, now()).await.expect("a list");
    let listed: Vec<_> = open.value.iter().map(|one| (one.id.as_str(), one.urgency)).collect();
    assert_eq!((listed, open.gaps), (vec![(INCIDENT, Some(Urgency::Low))], vec![]), "{from}");

    let unknown = pager.incident(&reference("4711"), now()).await.expect_err("there is no such incident");
    assert_eq!(unknown.kind, FailureKind::Peer);
    assert!(unknown.problem.contains("PagerDuty has no such thing (404)"), "{from}: {unknown}");
    pager.close().await;
}

#[tokio::test]
async fn the_real_server_over_stdio() {
    for python in interpreters() {
        let rest = rest().await;
        let settings = command(&python, &rest);
        everything_is_read(&settings, &python).await;

        let stranger = PagerDutySettings { token: Token::parse("wrong").expect("a token"), ..settings };
        let refused = match PagerDuty::connect(&stranger).await {
            Ok(pager) => pager.incident(&reference("42"), now()).await.expect_err("the key is wrong"),
            Err(failure) => failure,
        };
        assert!(refused.problem.contains("the token was not accepted (401)"), "{python}: {refused}");
    }
}

#[tokio::test]
async fn the_real_server_over_streamable_http() {
    for python in interpreters() {
        let rest = rest().await;
        for framing in ["", "json"] {
            let (settings, mut server) = over_http(&python, &rest, framing).await;
            everything_is_read(&settings, &format!("{python} {framing}")).await;
            server.kill().await.expect("it can be ended");
        }
    }
}
