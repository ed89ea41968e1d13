//! Listing open incidents for a sweep, in every dialect.

use pagerduty_incident_responder::io::pagerduty::Reading;
use pagerduty_incident_responder::model::incident::{IncidentSummary, Urgency};
use serde_json::{Value, json};

use crate::stand_in::{DIALECTS, StandIn, World, listed, now, tool_error};

fn incident(number: u32, status: &str, service: &str, created_at: &str) -> Value {
    json!({
        "id": format!("QINCIDENT{number}"), "incident_number": number, "title": format!("incident {number}"),
        "status": status, "created_at": created_at, "priority": null,
        "service": {"id": format!("P{}", service.to_uppercase()), "summary": service},
    })
}

/// A server that ignores the status and the service, as the real ones do with filters they do not know; it honours
/// the urgency, and odd numbers are urgent.
fn careless(incidents: Vec<Value>) -> impl Fn(&Value) -> Value {
    move |arguments| {
        let urgent = |number: &Value| number.as_u64().is_some_and(|number| number % 2 == 1);
        let wanted = arguments["urgencies"].as_array().cloned();
        let fits = |incident: &&Value| {
            let urgency = if urgent(&incident["incident_number"]) { "high" } else { "low" };
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&json!(urgency)))
        };
        listed(incidents.iter().filter(fits).cloned().collect())
    }
}

fn five() -> Vec<Value> {
    vec![
        incident(5, "acknowledged", "worker", "2026-11-22T06:00:00Z"),
        incident(2, "triggered", "worker", "2026-11-22T05:00:00Z"),
        incident(3, "resolved", "worker", "2026-11-22T05:30:00Z"),
        incident(4, "triggered", "billing", "2026-11-22T05:45:00Z"),
        incident(1, "triggered", "worker", "2025-01-01T00:00:00Z"),
    ]
}

async fn open(stand_in: &StandIn, services: Option<&[&str]>) -> Reading<Vec<IncidentSummary>> {
    let services: Option<Vec<String>> = services.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let since = now() - chrono::TimeDelta::days(90);
    let pager = stand_in.connect().await;
    pager.open_incidents(services.as_deref(), since, now()).await.expect("a list")
}

fn shown(reading: &Reading<Vec<IncidentSummary>>) -> Vec<(u32, Option<Urgency>)> {
    let number = |incident: &IncidentSummary| incident.number.map_or(0, |number| number.get());
    reading.value.iter().map(|incident| (number(incident), incident.urgency)).collect()
}

fn service(name: &str) -> Value {
    listed(json!([{"id": format!("P{}", name.to_uppercase()), "name": name}]))
}

#[tokio::test]
async fn only_what_is_open_and_ours_and_recent_is_listed_oldest_first() {
    for version in DIALECTS {
        let world =
            World::new(version).computed("list_incidents", careless(five())).with("list_services", service("worker"));
        let stand_in = world.start().await;
        let reading = open(&stand_in, Some(&["worker"])).await;
        assert_eq!(shown(&reading), [(2, Some(Urgency::Low)), (5, Some(Urgency::High))], "{version}");
        assert_eq!(reading.gaps, [], "{version}");
    }
}

#[tokio::test]
async fn without_services_the_whole_account_is_listed() {
    let stand_in = World::new("1.1.0").computed("list_incidents", careless(five())).start().await;
    let reading = open(&stand_in, None).await;
    assert_eq!(shown(&reading), [(2, Some(Urgency::Low)), (4, Some(Urgency::Low)), (5, Some(Urgency::High))]);
    assert!(!stand_in.heard().contains(&"list_services".to_owned()));
}

#[tokio::test]
async fn a_service_may_be_given_by_its_id() {
    let world =
        World::new("1.1.0").computed("list_incidents", careless(five())).with("list_services", listed(json!([])));
    let reading = open(&world.start().await, Some(&["PBILLING"])).await;
    assert_eq!(shown(&reading), [(4, Some(Urgency::Low))]);
    assert_eq!(reading.gaps, []);
}

#[tokio::test]
async fn a_service_that_pagerduty_does_not_know_is_told() {
    let world =
        World::new("1.1.0").computed("list_incidents", careless(five())).with("list_services", service("worker"));
    let reading = open(&world.start().await, Some(&["wroker"])).await;
    assert_eq!(reading.value, []);
    let gaps: Vec<_> = reading.gaps.iter().map(|gap| format!("{} because {}", gap.what, gap.why)).collect();
    assert_eq!(gaps, ["service wroker because PagerDuty lists no service of that name"]);
}

#[tokio::test]
async fn the_filters_are_sent_where_they_are_known() {
    for (version, tool) in [("1.0.0", "list_incidents"), ("1.1.0", "list_incidents"), ("hosted", "browse_incidents")] {
        let world =
            World::new(version).computed("list_incidents", careless(five())).with("list_services", service("worker"));
        let stand_in = world.start().await;
        open(&stand_in, Some(&["worker"])).await;
        let sent = stand_in.arguments_of(tool);
        assert_eq!(sent.len(), 2, "{version}: one list for each urgency");
        let text = sent.first().map(Value::to_string).unwrap_or_default();
        assert!(text.contains("\"triggered\",\"acknowledged\""), "{version}: {text}");
        assert!(text.contains("\"since\":\"2026-08-24T07:10:00Z\""), "{version}: {text}");
        assert_eq!(text.contains("PWORKER"), version != "1.1.0", "{version}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_urgency_leaves_it_unknown() {
    let everything = listed(json!([incident(7, "triggered", "worker", "2026-11-22T06:00:00Z")]));
    let reading = open(&World::new("1.1.0").with("list_incidents", everything).start().await, None).await;
    assert_eq!(shown(&reading), [(7, None)]);
}

#[tokio::test]
async fn a_server_that_cannot_filter_by_urgency_is_asked_once() {
    let world = World::new("1.1.0").forgetting("urgencies").computed("list_incidents", careless(five()));
    let stand_in = world.start().await;
    let reading = open(&stand_in, None).await;
    assert_eq!(shown(&reading), [(2, None), (4, None), (5, None)]);
    assert_eq!(stand_in.arguments_of("list_incidents").len(), 1);
}

#[tokio::test]
async fn names_of_services_are_compared_without_regard_to_case() {
    let world =
        World::new("1.1.0").computed("list_incidents", careless(five())).with("list_services", service("worker"));
    let reading = open(&world.start().await, Some(&["Worker"])).await;
    assert_eq!((reading.value.len(), reading.gaps), (2, vec![]));
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let many: Vec<Value> =
        (1..=250).map(|number| incident(number, "triggered", "worker", "2026-11-22T06:00:00Z")).collect();
    let paged = move |arguments: &Value| {
        let careless = careless(many.clone())(arguments);
        let all = careless["structuredContent"]["response"].as_array().cloned().unwrap_or_default();
        let number = |key: &str| arguments[key].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        listed(all.into_iter().skip(number("offset")).take(number("limit")).collect())
    };
    let stand_in = World::new("hosted").computed("list_incidents", paged).start().await;
    let reading = open(&stand_in, None).await;
    assert_eq!((reading.value.len(), reading.gaps), (250, vec![]));
    assert_eq!(stand_in.arguments_of("browse_incidents").len(), 4, "two pages for each urgency");
}

#[tokio::test]
async fn a_list_that_was_cut_is_told() {
    let many: Vec<Value> =
        (0..1000).map(|number| incident(2 * number + 1, "triggered", "worker", "2026-11-22T06:00:00Z")).collect();
    let reading = open(&World::new("1.1.0").computed("list_incidents", careless(many)).start().await, None).await;
    assert_eq!(reading.value.len(), 1000);
    let gaps: Vec<_> = reading.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert_eq!(gaps, ["open incidents beyond the first 1000"]);
}

#[tokio::test]
async fn more_than_six_months_are_not_searched() {
    let stand_in = World::new("1.1.0").computed("list_incidents", careless(five())).start().await;
    let pager = stand_in.connect().await;
    let since = "2024-01-01T00:00:00Z".parse().expect("a time");
    let reading = pager.open_incidents(None, since, now()).await.expect("a list");
    let gaps: Vec<_> = reading.gaps.iter().map(|gap| format!("{} because {}", gap.what, gap.why)).collect();
    assert_eq!(gaps, ["incidents before 2026-05-26 07:10:00 UTC because PagerDuty searches at most six months back"]);
}

#[tokio::test]
async fn no_list_at_all_is_a_failure() {
    let refused = tool_error("Received 401 Unauthorized response from the API.");
    let stand_in = World::new("1.1.0").with("list_incidents", refused).start().await;
    let failure = stand_in.connect().await.open_incidents(None, now(), now()).await.expect_err("no list");
    assert!(failure.problem.starts_with("Could not list the open incidents at http://127.0.0.1"), "{failure}");
    assert!(failure.problem.ends_with("the token was not accepted (401)."), "{failure}");
}
