//! The demo world's PagerDuty, which was written by other hands from the same observations: in every dialect it must be
//! understood, and what it can do wrong must be survived.

use demo::pagerduty::{Dialect, Fault, Lookup, NewIncident, PagerDuty as StandIn, Records};
use pagerduty_incident_responder::failure::FailureKind;
use pagerduty_incident_responder::io::pagerduty::{PagerDuty, REQUESTS_PER_INCIDENT};
use pagerduty_incident_responder::model::incident::{Severity, Urgency};
use pagerduty_incident_responder::settings::pagerduty::{AuthScheme, PagerDutySettings, Route};
use serde_json::json;
use tokio::task::JoinSet;

use crate::stand_in::{TOKEN, now, reference, settings};

const DIALECTS: [Dialect; 4] = [Dialect::Local0_17, Dialect::Local1_0, Dialect::Local1_1, Dialect::Hosted];

/// One urgent incident of the worker, `#12345`, with an alert, a note and a change; one resolved and one of another
/// service.
pub(crate) fn records() -> Records {
    let mut records = Records::demo(TOKEN, now());
    let payload = json!({
        "summary": "worker-deployment OOM Killed", "severity": "critical", "source": "cluster",
        "timestamp": "2026-11-22T07:00:00Z", "custom_details": {"pod": "worker-7d9"},
    });
    let id = records.raise(&json!({"dedup_key": "k", "payload": payload}), now());
    records.add_note(&id, "looking at it", now());
    let change = json!({"summary": "deploy abc123", "source": "github", "timestamp": "2026-11-22T06:55:00Z"});
    records.record_change(&json!({"payload": change, "links": []}), now());
    for (service, status, urgency) in [("PSVC001", "resolved", "high"), ("PSVC002", "triggered", "low")] {
        records.add_incident(NewIncident {
            title: "another".into(),
            service: service.into(),
            status: status.into(),
            urgency: urgency.into(),
            priority: None,
            created_at: now() - chrono::TimeDelta::hours(5),
        });
    }
    records
}

/// Reads the incident and the list, and asks for an incident that is not there.
pub(crate) async fn everything_is_read(settings: &PagerDutySettings, from: &str) {
    let pager = PagerDuty::connect(settings).await.expect("the server starts");
    let reading = pager.incident(&reference("#12345"), now()).await.expect("the incident is there");
    assert_eq!(reading.gaps, [], "{from}");
    assert!(pager.requests() <= REQUESTS_PER_INCIDENT, "{from}: {}", pager.requests());
    let incident = reading.value;
    assert_eq!(incident.title, "worker-deployment OOM Killed", "{from}");
    assert_eq!(incident.severity, Severity::Urgency(Urgency::High), "{from}");
    let address = format!("https://octo-org.pagerduty.com/incidents/{}", incident.id);
    assert_eq!(incident.address.map(String::from), Some(address), "{from}");
    assert_eq!((incident.alerts.len(), incident.notes.len(), incident.change_events.len()), (1, 1, 1), "{from}");
    assert_eq!(incident.alerts[0].details["details"]["pod"], "worker-7d9", "{from}");
    let people: Vec<_> = incident.on_call.iter().map(|one| (one.user.as_str(), one.email.as_deref())).collect();
    assert_eq!(people, [("PUSER01", Some("oncall-engineer@example.com"))], "{from}");

    let since = now() - chrono::TimeDelta::days(30);
    let ours = ["worker-deployment".to_owned()];
    let open = pager.open_incidents(Some(&ours), since, now()).await.expect("a list");
    let listed: Vec<_> = open.value.iter().map(|one| (&one.id, one.urgency)).collect();
    assert_eq!((listed, open.gaps), (vec![(&incident.id, Some(Urgency::High))], vec![]), "{from}");

    let unknown = pager.incident(&reference("4711"), now()).await.expect_err("there is no such incident");
    assert_eq!(unknown.kind, FailureKind::Peer);
    assert!(unknown.problem.contains("PagerDuty has no such thing (404)"), "{from}: {unknown}");
    pager.close().await;
}

fn reached(stand_in: &StandIn) -> PagerDutySettings {
    settings(Route::http(&stand_in.mcp_url(), AuthScheme::Token).expect("a loopback address"))
}

#[tokio::test]
async fn every_dialect_is_understood() {
    for dialect in DIALECTS {
        for lookup in [Lookup::IdOrNumber, Lookup::IdOnly] {
            if lookup == Lookup::IdOnly && dialect != Dialect::Hosted {
                continue; // The local servers are known to take numbers.
            }
            let stand_in = StandIn::start(dialect, Records { lookup, ..records() }).await.expect("a free port");
            everything_is_read(&reached(&stand_in), &format!("{dialect:?} {lookup:?}")).await;
        }
    }
}

#[tokio::test]
async fn all_six_tools_are_used() {
    let stand_in = StandIn::start(Dialect::Local1_1, records()).await.expect("a free port");
    let pager = PagerDuty::connect(&reached(&stand_in)).await.expect("the stand-in answers");
    let mut service = pager.incident(&reference("12345"), now()).await.expect("it is there").value.service;
    service.teams.iter_mut().for_each(|team| team.name = None);
    let teams = pager.named_teams(&service).await.value;
    assert_eq!(teams.first().and_then(|team| team.name.as_deref()), Some("Platform"));
    let ours = ["worker-deployment".to_owned()];
    pager.open_incidents(Some(&ours), now(), now()).await.expect("a list");
    for tool in ["list_incidents", "get_incident", "list_services", "list_oncalls", "list_teams", "list_users"] {
        assert!(stand_in.calls().count(tool) > 0, "{tool}: {:?}", stand_in.calls().lines());
    }
    assert_eq!(pager.requests() as usize + 1, stand_in.calls().total(), "all but the one notification");
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let cases = [
        ("get_incident", Fault::Status(503), "the server failed (HTTP 503)"),
        ("get_incident", Fault::NotJson, "the answer is not JSON"),
        ("get_incident", Fault::Truncated, "the answer was cut off on its way"),
        ("get_incident", Fault::Missing, "the server offers no tool for it"),
        ("tools/list", Fault::Truncated, "the answer was cut off on its way"),
        ("initialize", Fault::Status(401), "the token was not accepted (401)"),
    ];
    let told = |(call, fault, told): (&'static str, Fault, &'static str)| async move {
        let stand_in = StandIn::start(Dialect::Local1_1, records()).await.expect("a free port");
        stand_in.fail(call, fault.clone());
        let failure = match PagerDuty::connect(&reached(&stand_in)).await {
            Ok(pager) => pager.incident(&reference("12345"), now()).await.expect_err("it cannot be read"),
            Err(failure) => failure,
        };
        assert!(failure.problem.contains(told), "{call} {fault:?}: {failure}");
    };
    // All at once: a stream that breaks off is waited for as long as the stand-in asks.
    let all: JoinSet<()> = cases.into_iter().map(told).collect();
    all.join_all().await;
}

#[tokio::test]
async fn a_wrong_token_is_refused_by_both_kinds_of_server() {
    for dialect in [Dialect::Hosted, Dialect::Local1_1] {
        let records = Records { token: "another".into(), ..records() };
        let stand_in = StandIn::start(dialect, records).await.expect("a free port");
        let refused = match PagerDuty::connect(&reached(&stand_in)).await {
            Ok(pager) => pager.incident(&reference("12345"), now()).await.expect_err("the key is wrong"),
            Err(failure) => failure,
        };
        assert!(refused.problem.contains("the token was not accepted (401)"), "{dialect:?}: {refused}");
    }
}
