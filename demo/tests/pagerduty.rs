//! The stand-in PagerDuty answers an MCP client, a REST client and a monitoring system as the real one would.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use demo::pagerduty::{Dialect, Fault, Lookup, NewIncident, PagerDuty, ROUTING_KEY, Records};
use demo::scenario::{INCIDENT_NUMBER, SCENARIOS};
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceError, ServiceExt};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

const TOKEN: &str = "u+demoKeyOfTheStandIn";
const LOCAL: [Dialect; 3] = [Dialect::Local0_17, Dialect::Local1_0, Dialect::Local1_1];

type Client = RunningService<RoleClient, ()>;

/// A stand-in with the main scenario's incident, raised through the Events API.
async fn raised(dialect: Dialect) -> PagerDuty {
    let pagerduty = PagerDuty::start(dialect, Records::demo(TOKEN, Utc::now())).await.expect("it starts");
    let mut event = (SCENARIOS[0].alert)();
    event["routing_key"] = json!(ROUTING_KEY);
    let (status, _) = enqueue(&pagerduty, "/v2/enqueue", &event).await;
    assert_eq!(status, 202);
    pagerduty
}

async fn enqueue(pagerduty: &PagerDuty, path: &str, event: &Value) -> (u16, Value) {
    let url = format!("{}{path}", pagerduty.rest_url());
    let response = reqwest::Client::new().post(url).json(event).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

async fn client(pagerduty: &PagerDuty, authorization: &str) -> Result<Client, String> {
    let headers = HashMap::from([("authorization".parse().expect("a name"), authorization.parse().expect("a value"))]);
    let config = StreamableHttpClientTransportConfig::with_uri(pagerduty.mcp_url()).custom_headers(headers);
    let transport = StreamableHttpClientTransport::with_client(reqwest::Client::new(), config);
    ().serve(transport).await.map_err(|e| e.to_string())
}

async fn connected(pagerduty: &PagerDuty) -> Client {
    client(pagerduty, &format!("Token token={TOKEN}")).await.expect("the key is right")
}

async fn call(client: &Client, tool: &str, arguments: Value) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    client.call_tool(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)).await
}

/// The structured answer of a call that succeeds; its text holds the same.
async fn answer(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = call(client, tool, arguments).await.expect("an answer");
    assert_eq!(result.is_error, Some(false), "{result:?}");
    let text: Value = serde_json::from_str(&result.content[0].as_text().expect("text").text).expect("JSON text");
    let structured = result.structured_content.expect("structured");
    assert_eq!(text, structured);
    structured
}

/// The text of a call that the tool refuses.
async fn refusal(client: &Client, tool: &str, arguments: Value) -> String {
    let result = call(client, tool, arguments).await.expect("an answer");
    assert_eq!(result.is_error, Some(true), "{result:?}");
    result.content[0].as_text().expect("text").text.clone()
}

#[tokio::test]
async fn an_event_becomes_an_incident_with_its_details() {
    for dialect in LOCAL {
        let pagerduty = raised(dialect).await;
        let client = connected(&pagerduty).await;
        let incident = answer(&client, "get_incident", json!({"incident_id": INCIDENT_NUMBER.to_string()})).await;
        assert_eq!(incident["title"], "worker-deployment OOM Killed");
        assert_eq!((&incident["status"], &incident["incident_number"]), (&json!("triggered"), &json!(12345)));
        assert_eq!(
            incident["service"],
            json!({"id": "PSVC001", "type": "service_reference", "summary": "worker-deployment"})
        );
        assert!(incident.get("urgency").is_none() && incident.get("html_url").is_none(), "local servers drop these");

        let arguments = match dialect {
            Dialect::Local0_17 => json!({"incident_id": incident["id"], "query_model": {}}),
            _ => json!({"incident_id": incident["id"]}),
        };
        let alerts = answer(&client, "list_alerts_from_incident", arguments).await;
        let alert = &alerts["response"][0];
        assert_eq!(alert["body"]["details"]["reason"], "OOMKilled");
        assert!(
            alert["incident"]["html_url"]
                .as_str()
                .is_some_and(|url| url.starts_with("https://octo-org.pagerduty.com/"))
        );
        assert_eq!(pagerduty.calls().count("get_incident"), 1);
    }
}

#[tokio::test]
async fn the_same_key_raises_one_incident_until_it_is_resolved() {
    let pagerduty = raised(Dialect::Local1_1).await;
    let mut event = (SCENARIOS[0].alert)();
    event["routing_key"] = json!(ROUTING_KEY);
    assert_eq!(enqueue(&pagerduty, "/v2/enqueue", &event).await.0, 202);
    assert_eq!(pagerduty.records().incidents.len(), 1);
    event["event_action"] = json!("resolve");
    enqueue(&pagerduty, "/v2/enqueue", &event).await;
    assert_eq!(pagerduty.records().incidents[0]["status"], "resolved");
    event["event_action"] = json!("trigger");
    enqueue(&pagerduty, "/v2/enqueue", &event).await;
    assert_eq!(pagerduty.records().incidents.len(), 2);
    event["routing_key"] = json!("wrong");
    let (status, body) = enqueue(&pagerduty, "/v2/enqueue", &event).await;
    assert_eq!((status, &body["errors"][0]), (400, &json!("Invalid routing key")));
}

#[tokio::test]
async fn each_dialect_takes_its_own_arguments_and_drops_others() {
    for dialect in LOCAL {
        let pagerduty = raised(dialect).await;
        let resolved = NewIncident {
            title: "over".to_owned(),
            service: "PSVC002".to_owned(),
            status: "resolved".to_owned(),
            urgency: "low".to_owned(),
            priority: None,
            created_at: Utc::now() - TimeDelta::hours(3),
        };
        pagerduty.records().add_incident(resolved);
        let client = connected(&pagerduty).await;
        let count = async |arguments: Value| {
            answer(&client, "list_incidents", arguments).await["response"].as_array().map(Vec::len)
        };
        let (own, foreign) = match dialect {
            Dialect::Local1_1 => {
                (json!({"statuses": ["triggered"]}), json!({"query_model": {"status": ["triggered"]}}))
            }
            _ => (json!({"query_model": {"status": ["triggered"]}}), json!({"statuses": ["triggered"]})),
        };
        assert_eq!(count(own).await, Some(1), "{dialect:?}");
        assert_eq!(count(foreign).await, Some(2), "{dialect:?}: an unknown argument is dropped");

        let policy = json!({"escalation_policy_ids": ["PESC001"]});
        let (own, foreign) = match dialect {
            Dialect::Local0_17 => (json!({"query_model": policy}), policy),
            _ => (policy.clone(), json!({"query_model": policy})),
        };
        let on_call = answer(&client, "list_oncalls", own).await;
        let levels: Vec<_> =
            on_call["response"].as_array().into_iter().flatten().map(|o| o["escalation_level"].clone()).collect();
        assert_eq!(levels, [2, 1], "now, and only this policy's");
        let everybody = answer(&client, "list_oncalls", foreign).await;
        assert_eq!(everybody["response"].as_array().map(Vec::len), Some(3));
    }
}

#[tokio::test]
async fn local_refusals_have_the_local_words() {
    let pagerduty = raised(Dialect::Local0_17).await;
    let client = connected(&pagerduty).await;
    let text = refusal(&client, "get_incident", json!({"incident_id": "PNOPE"})).await;
    assert!(text.contains("/incidents/PNOPE: API responded with unknown error (status 404)"), "{text}");
    let text = refusal(&client, "get_incident", json!({"incident_id": 12345})).await;
    assert!(text.contains("Input should be a valid string"), "{text}");
    let text = refusal(&client, "list_alerts_from_incident", json!({"incident_id": "x"})).await;
    assert!(text.contains("query_model\n  Field required"), "{text}");
    let text = refusal(&client, "list_incidents", json!({"query_model": {"statuses": []}})).await;
    assert!(text.contains("Extra inputs are not permitted"), "{text}");
    assert_eq!(refusal(&client, "add_note_to_incident", json!({})).await, "Unknown tool: add_note_to_incident");

    let stranger = connected_as(&pagerduty, "Token token=wrong").await;
    let text = refusal(&stranger, "get_incident", json!({"incident_id": "12345"})).await;
    assert!(text.contains("Received 401 Unauthorized"), "{text}");
}

async fn connected_as(pagerduty: &PagerDuty, authorization: &str) -> Client {
    client(pagerduty, authorization).await.expect("the local server looks at no key")
}

#[tokio::test]
async fn the_hosted_server_has_browse_tools_and_looks_at_the_key() {
    let pagerduty = raised(Dialect::Hosted).await;
    assert!(client(&pagerduty, "Token token=wrong").await.is_err());
    let client = client(&pagerduty, &format!("Bearer {TOKEN}")).await.expect("the key is right");
    let tools = client.list_all_tools().await.expect("tools");
    let names: Vec<_> = tools.iter().map(|t| t.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "browse_incidents",
            "browse_services",
            "browse_schedules",
            "browse_teams",
            "browse_users",
            "browse_escalation_policies",
            "browse_change_events",
            "manage_incidents"
        ]
    );
    let ask = |request: Value| json!({"request": request});
    let incident = answer(&client, "browse_incidents", ask(json!({"action": "get", "incident_id": "12345"}))).await;
    assert_eq!(incident["urgency"], "high");
    let list = ask(json!({"action": "list", "statuses": ["acknowledged"]}));
    assert_eq!(answer(&client, "browse_incidents", list).await["response"], json!([]));
    let note = ask(json!({"action": "add_note", "incident_id": incident["id"], "note": "Answered."}));
    answer(&client, "manage_incidents", note).await;
    let notes = ask(json!({"action": "list_notes", "incident_id": incident["id"]}));
    assert_eq!(answer(&client, "browse_incidents", notes).await["response"][0]["content"], "Answered.");
    assert_eq!(pagerduty.calls().count("browse_incidents/get"), 1);

    pagerduty.records().lookup = Lookup::IdOnly;
    let text = refusal(&client, "browse_incidents", ask(json!({"action": "get", "incident_id": "12345"}))).await;
    assert!(text.contains("status 404"), "{text}");
}

#[tokio::test]
async fn faults_are_played_as_asked() {
    let pagerduty = raised(Dialect::Local1_1).await;
    let client = connected(&pagerduty).await;
    let arguments = || json!({"incident_id": "12345"});
    pagerduty.fail("list_teams", Fault::Missing);
    pagerduty.fail("list_users", Fault::ToolError("Error executing tool list_users: no".to_owned()));
    pagerduty.fail("list_services", Fault::NotJson);
    pagerduty.fail("get_service", Fault::Status(403));
    pagerduty.fail("list_incident_notes", Fault::Slow(Duration::from_secs(600)));
    let tools = client.list_all_tools().await.expect("tools");
    assert!(tools.iter().all(|t| t.name != "list_teams"));
    assert_eq!(refusal(&client, "list_teams", json!({})).await, "Unknown tool: list_teams");
    assert_eq!(refusal(&client, "list_users", json!({})).await, "Error executing tool list_users: no");
    assert!(call(&client, "list_services", json!({})).await.is_err());
    let slow = tokio::time::timeout(Duration::from_millis(300), call(&client, "list_incident_notes", arguments()));
    assert!(slow.await.is_err(), "it does not answer in time");
    assert!(answer(&client, "get_incident", arguments()).await["id"].is_string(), "others are not touched");
}

#[tokio::test]
async fn a_truncated_answer_ends_in_its_middle() {
    let pagerduty = raised(Dialect::Hosted).await;
    let post = async || {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18",
            "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
        let request = reqwest::Client::new().post(pagerduty.mcp_url()).json(&body);
        let request = request.header("accept", "application/json, text/event-stream").bearer_auth(TOKEN);
        request.send().await.expect("an answer").text().await.expect("text")
    };
    assert!(post().await.contains("serverInfo"));
    pagerduty.fail("initialize", Fault::Truncated);
    let cut = post().await;
    assert!(!cut.is_empty() && !cut.ends_with("\n\n"), "{cut}");
}

#[tokio::test]
async fn rest_serves_what_the_local_server_reads() {
    let pagerduty = raised(Dialect::Local1_1).await;
    let get = async |path: &str| -> (u16, Value) {
        let request = reqwest::Client::new().get(format!("{}{path}", pagerduty.rest_url()));
        let response = request.header("authorization", format!("Token token={TOKEN}")).send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    };
    assert_eq!(get("/users/me").await.1["user"]["email"], "oncall-engineer@example.com");
    assert_eq!(get("/incidents?statuses[]=resolved").await.1["incidents"], json!([]));
    let listed = get("/incidents?statuses%5B%5D=triggered&statuses%5B%5D=acknowledged&limit=1").await.1;
    assert_eq!((&listed["more"], listed["incidents"].as_array().map(Vec::len)), (&json!(false), Some(1)));
    assert_eq!(get("/incidents/12345").await.1["incident"]["urgency"], "high");
    assert_eq!(get("/services?query=bill").await.1["services"][0]["id"], "PSVC002");
    assert_eq!(get("/incidents/PNOPE").await.0, 404);
    let refused =
        reqwest::Client::new().get(format!("{}/users/me", pagerduty.rest_url())).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    let change = json!({"routing_key": ROUTING_KEY, "payload": {"summary": "deploy", "source": "ci"}, "links": []});
    assert_eq!(enqueue(&pagerduty, "/v2/change/enqueue", &change).await.0, 202);
    assert_eq!(get("/incidents/12345/related_change_events").await.1["change_events"][0]["summary"], "deploy");
}
