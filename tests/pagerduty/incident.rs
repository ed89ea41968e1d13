//! Reading one incident, in every dialect.

use pagerduty_incident_responder::io::pagerduty::{PagerDuty, REQUESTS_PER_INCIDENT};
use pagerduty_incident_responder::model::incident::{Incident, Severity, Team, Urgency};
use pagerduty_incident_responder::settings::pagerduty::{AuthScheme, Route};
use serde_json::{Value, json};

use crate::stand_in::{DIALECTS, INCIDENT, StandIn, TOKEN, World, listed, now, recorded, reference, tool_error};

async fn read(stand_in: &StandIn) -> (Incident, Vec<String>) {
    let pager = stand_in.connect().await;
    let reading = pager.incident(&reference("#42"), now()).await.expect("the incident is there");
    let gaps = reading.gaps.iter().map(|gap| format!("{} because {}", gap.what, gap.why)).collect();
    (reading.value, gaps)
}

#[tokio::test]
async fn every_dialect_gives_the_same_incident() {
    let expected = read(&World::new("1.1.0").start().await).await;
    assert_eq!(expected.1, [""; 0], "no gaps");
    for version in DIALECTS.into_iter().filter(|version| *version != "0.5") {
        for world in [World::new(version), World::new(version).in_json()] {
            assert_eq!(read(&world.start().await).await, expected, "{version}");
        }
    }
}

#[tokio::test]
async fn the_whole_incident() {
    let (incident, _) = read(&World::new("1.1.0").start().await).await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&incident).expect("JSON"), @r#"
    {
      "id": "Q2ISKGUCZ3ZJ4K",
      "number": 42,
      "title": "OOMKilled: pod api-7d9 in prod",
      "status": "triggered",
      "severity": {
        "Urgency": "high"
      },
      "created_at": "2026-11-22T07:00:00Z",
      "resolved_at": null,
      "address": "https://acme.pagerduty.com/incidents/Q2ISKGUCZ3ZJ4K",
      "service": {
        "id": "PSVC001",
        "name": "api",
        "escalation_policy": "PESC001",
        "teams": [
          {
            "id": "PTEAM01",
            "name": "Platform"
          }
        ]
      },
      "alerts": [
        {
          "id": "PALR001",
          "summary": "KubePodOOMKilled",
          "created_at": "2026-11-22T07:00:00Z",
          "severity": "critical",
          "details": {
            "details": {
              "firing": "...",
              "pod": "api-7d9",
              "namespace": "prod"
            },
            "cef_details": {
              "source_origin": "prod/api-7d9",
              "severity": "critical",
              "description": "OOMKilled"
            }
          }
        }
      ],
      "notes": [
        {
          "content": "looking at it",
          "created_at": "2026-11-22T07:05:00Z",
          "author": "Ada Bot"
        }
      ],
      "change_events": [
        {
          "summary": "deploy abc123",
          "at": "2026-11-22T06:55:00Z",
          "source": "github",
          "links": [
            "https://github.com/o/r/commit/abc123"
          ],
          "details": {
            "sha": "abc123"
          }
        }
      ],
      "on_call": [
        {
          "user": "PUSER01",
          "name": "Ada Bot",
          "email": "ada@example.com",
          "level": 1
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn the_oldest_server_leaves_gaps() {
    let (incident, gaps) = read(&World::new("0.5").start().await).await;
    assert_eq!(incident.severity, Severity::Urgency(Urgency::High));
    assert_eq!(incident.on_call.len(), 1);
    insta::assert_snapshot!(gaps.join("\n"), @r"
    alerts of the incident because the server offers no tool for it (looked for list_alerts_from_incident or browse_incidents)
    notes on the incident because the server offers no tool for it (looked for list_incident_notes or browse_incidents)
    change events of the incident because the server offers no tool for it (looked for list_incident_change_events or browse_incidents)
    ");
}

#[tokio::test]
async fn the_servers_own_stream_is_not_needed() {
    let expected = read(&World::new("1.1.0").start().await).await;
    for status in [200, 401, 404, 500] {
        let world = World::new("1.1.0").refusing_the_stream_with(status);
        assert_eq!(read(&world.start().await).await, expected, "{status}");
    }
}

#[tokio::test]
async fn the_smallest_plausible_answer_will_do() {
    let record = json!({
        "id": "12345", "title": "worker-deployment OOM Killed", "status": "triggered", "urgency": "high",
        "service": {"name": "api"}, "created_at": "2026-11-22T07:00:00Z",
    });
    let text = json!({"content": [{"type": "text", "text": record.to_string()}]});
    let missing = tool_error("API responded with unknown error (status 404): Not Found");
    let world = World::new("1.1.0").with("get_incident", text).with("get_service", missing);
    let pager = world.start().await.connect().await;
    let incident = pager.incident(&reference("#12345"), now()).await.expect("it has what it needs").value;
    assert_eq!(incident.number.map(|number| number.get()), Some(12345));
    assert_eq!(incident.severity, Severity::Urgency(Urgency::High));
    assert_eq!(incident.service.id.as_str(), "PSVC001", "found by its name");
    assert_eq!(incident.on_call.len(), 1);
}

#[tokio::test]
async fn few_requests_and_all_of_them_counted() {
    for version in DIALECTS {
        let stand_in = World::new(version).start().await;
        let pager = stand_in.connect().await;
        pager.incident(&reference("42"), now()).await.expect("the incident is there");
        assert_eq!(pager.requests() as usize, stand_in.heard().len(), "{version}: {:?}", stand_in.heard());
        assert!(pager.requests() <= 12, "{version}: {:?}", stand_in.heard());
    }
}

#[tokio::test]
async fn the_limit_of_requests_holds_even_when_everything_is_repeated() {
    // Every call but the first is answered with a status that invites to try again.
    let busy = wiremock::ResponseTemplate::new(503);
    let world = ["list_alerts_from_incident", "list_incident_notes", "list_incident_change_events", "list_incidents"]
        .into_iter()
        .chain(["get_service", "list_services", "list_oncalls", "list_users"])
        .fold(World::new("1.1.0"), |world, tool| world.responding(tool, busy.clone()));
    let stand_in = world.start().await;
    let pager = stand_in.connect().await;
    let reading = pager.incident(&reference("42"), now()).await.expect("the incident itself is there");
    assert!(pager.requests() <= REQUESTS_PER_INCIDENT, "{:?}", stand_in.heard());
    assert_eq!(pager.requests() as usize, stand_in.heard().len());
    assert_eq!(reading.value.severity, Severity::Priority("P1".into()));
    assert!(reading.gaps.iter().any(|gap| gap.why.contains("503")), "{:?}", reading.gaps);
}

#[tokio::test]
async fn the_token_is_shown_as_the_scheme_says() {
    for (scheme, expected) in [(AuthScheme::Token, "Token token="), (AuthScheme::Bearer, "Bearer ")] {
        let stand_in = World::new("1.1.0").start().await;
        let mut settings = stand_in.settings();
        if let Route::Http { scheme: given, .. } = &mut settings.route {
            *given = scheme;
        }
        let pager = PagerDuty::connect(&settings).await.expect("the stand-in answers");
        assert!(!format!("{settings:?} {pager:?}").contains(TOKEN));
        let headers = stand_in.authorizations();
        assert!(!headers.is_empty());
        assert!(headers.iter().all(|header| *header == format!("{expected}{TOKEN}")), "{headers:?}");
    }
}

#[tokio::test]
async fn strangers_on_call_are_never_named() {
    let shift = |policy: &str, level: u32, user: &str, start: &str, end: &str| {
        json!({
            "escalation_policy": {"id": policy}, "escalation_level": level, "user": {"id": user, "summary": user},
            "start": start, "end": end,
        })
    };
    let (start, end) = ("2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z");
    let everybody = json!([
        shift("PESC999", 1, "STRANGER", start, end),
        shift("PESC001", 1, "OFFDUTY", "2026-11-21T00:00:00Z", start),
        shift("PESC001", 2, "PUSER01", start, end),
        shift("PESC001", 3, "BOSS", start, end),
    ]);
    let (incident, _) = read(&World::new("1.1.0").with("list_oncalls", listed(everybody)).start().await).await;
    let names: Vec<_> = incident.on_call.iter().map(|person| (person.user.as_str(), person.level)).collect();
    assert_eq!(names, [("PUSER01", 2)]);
}

#[tokio::test]
async fn many_people_on_call_are_all_named_and_the_first_three_looked_up() {
    let shift = |number: u32| {
        let user = json!({"id": format!("PUSER0{number}"), "summary": "Ada Bot"});
        json!({"escalation_policy": {"id": "PESC001"}, "escalation_level": 1, "user": user, "start": null, "end": null})
    };
    let people = listed((1..=5).map(shift).collect());
    let (incident, gaps) = read(&World::new("1.1.0").with("list_oncalls", people).start().await).await;
    let emails: Vec<_> = incident.on_call.iter().map(|person| person.email.as_deref()).collect();
    assert_eq!(emails, [Some("ada@example.com"), None, None, None, None]);
    insta::assert_snapshot!(gaps.join("\n"), @r"
    e-mail address of Ada Bot because the list of users holds nobody of that name with the same id and an address
    e-mail address of Ada Bot because the list of users holds nobody of that name with the same id and an address
    e-mail addresses of 2 more people on call because only the first 3 are looked up
    ");
}

#[tokio::test]
async fn nobody_is_on_call_where_nobody_could_be_verified() {
    let strangers = json!([{"escalation_policy": {"id": "PESC999"}, "escalation_level": 1, "user": {"id": "X"}}]);
    let (incident, gaps) = read(&World::new("1.0.0").with("list_oncalls", listed(strangers)).start().await).await;
    assert_eq!(incident.on_call, []);
    assert_eq!(gaps, ["people on call because no shift that runs now belongs to the service's escalation policy"]);

    let other_service =
        json!({"structuredContent": {"id": "PSVC999", "name": "other", "escalation_policy": {"id": "PESC001"}}});
    let world = World::new("1.1.0").with("get_service", other_service).with("list_services", listed(json!([])));
    let (incident, gaps) = read(&world.start().await).await;
    assert_eq!((incident.on_call, incident.service.escalation_policy), (vec![], None));
    assert_eq!(gaps.len(), 2, "{gaps:?}");
}

#[tokio::test]
async fn the_service_is_found_with_the_six_tools_alone() {
    let extra = ["get_service", "list_alerts_from_incident", "list_incident_notes", "list_incident_change_events"];
    let world = extra.into_iter().fold(World::new("1.1.0"), World::without);
    let (incident, gaps) = read(&world.start().await).await;
    assert_eq!(incident.service.escalation_policy.map(|policy| policy.to_string()), Some("PESC001".into()));
    assert_eq!(incident.on_call.first().and_then(|person| person.email.clone()), Some("ada@example.com".into()));
    assert_eq!(gaps.len(), 3, "alerts, notes and change events: {gaps:?}");
}

#[tokio::test]
async fn urgency_comes_from_the_record_the_lists_or_not_at_all() {
    let record = |urgency: Value, priority: Value| {
        let mut record = json!({
            "id": INCIDENT, "incident_number": 42, "title": "t", "status": "triggered",
            "created_at": "2026-11-22T07:00:00Z", "service": {"id": "PSVC001"},
        });
        record["urgency"] = urgency;
        record["priority"] = priority;
        json!({"structuredContent": record})
    };
    let p2 = json!({"id": "P", "summary": "P2"});
    let itself = listed(json!([record(Value::Null, Value::Null)["structuredContent"]]));
    let never = listed(json!([]));
    let cases = [
        (World::new("hosted").with("get_incident", record(json!("low"), p2.clone())), Severity::Urgency(Urgency::Low)),
        (World::new("1.1.0").with("get_incident", record(Value::Null, p2.clone())), Severity::Urgency(Urgency::High)),
        // A server that lists it under both urgencies does not filter.
        (
            World::new("1.1.0").with("get_incident", record(Value::Null, p2.clone())).with("list_incidents", itself),
            Severity::Priority("P2".into()),
        ),
        (
            World::new("1.1.0").with("get_incident", record(Value::Null, Value::Null)).with("list_incidents", never),
            Severity::NotGiven,
        ),
    ];
    for (world, expected) in cases {
        assert_eq!(read(&world.start().await).await.0.severity, expected);
    }
    // A server that does not know the filter is not asked.
    let stand_in = World::new("1.1.0").forgetting("urgencies").start().await;
    assert_eq!(read(&stand_in).await.0.severity, Severity::Priority("P1".into()));
    assert!(!stand_in.heard().contains(&"list_incidents".to_owned()));
}

#[tokio::test]
async fn the_address_comes_from_the_record_else_from_the_alert_else_from_nowhere() {
    let address = async |world: World| read(&world.start().await).await.0.address.map(String::from);
    let from_alert = format!("https://acme.pagerduty.com/incidents/{INCIDENT}");
    assert_eq!(address(World::new("1.1.0")).await, Some(from_alert));

    let mut record = recorded("get_incident");
    record["structuredContent"]["html_url"] = json!("https://acme.eu.pagerduty.com/incidents/QX");
    let from_record = address(World::new("hosted").with("get_incident", record)).await;
    assert_eq!(from_record, Some("https://acme.eu.pagerduty.com/incidents/QX".to_owned()));

    let without = World::new("1.1.0").with("list_alerts_from_incident", listed(json!([])));
    assert_eq!(address(without).await, None);
}

#[tokio::test]
async fn alerts_of_another_incident_are_left_out() {
    let alerts = json!([
        {"id": "A2", "summary": "second", "created_at": "2026-11-22T07:02:00Z", "incident": {"id": INCIDENT}},
        {"id": "A9", "summary": "stranger", "incident": {"id": "QOTHER"}, "html_url": "https://x.example/"},
        {"id": "A1", "summary": "first", "created_at": "2026-11-22T07:01:00Z", "body": {"details": {"pod": "p"}}},
        {"summary": "nameless"},
    ]);
    let stand_in = World::new("1.1.0").with("list_alerts_from_incident", listed(alerts)).start().await;
    let (incident, gaps) = read(&stand_in).await;
    let ids: Vec<_> = incident.alerts.iter().map(|alert| alert.id.as_str()).collect();
    assert_eq!(ids, ["A1", "A2"]);
    assert_eq!(gaps, ["1 of 4 alerts of the incident because they have an unknown shape (keys: summary)"]);
}

#[tokio::test]
async fn changes_of_another_service_are_left_out() {
    let change =
        |summary: &str, at: &str, services: Value| json!({"summary": summary, "timestamp": at, "services": services});
    let changes = json!([
        change("older", "2026-11-22T06:00:00Z", json!([{"id": "PSVC001"}])),
        change("stranger", "2026-11-22T06:30:00Z", json!([{"id": "PSVC999"}])),
        change("newer", "2026-11-22T06:55:00Z", json!([{"id": "PSVC999"}, {"id": "PSVC001"}])),
        change("nobody's", "2026-11-22T06:20:00Z", json!([])),
    ]);
    let stand_in = World::new("1.1.0").with("list_incident_change_events", listed(changes)).start().await;
    let (incident, _) = read(&stand_in).await;
    let summaries: Vec<_> = incident.change_events.iter().map(|change| change.summary.as_str()).collect();
    assert_eq!(summaries, ["newer", "nobody's", "older"]);
}

#[tokio::test]
async fn a_number_that_the_hosted_server_cannot_look_up_is_searched_for() {
    let missing = "API responded with unknown error (status 404): Not Found";
    let stand_in = World::new("hosted").with("get_incident", tool_error(missing)).start().await;
    let (incident, _) = read(&stand_in).await;
    assert_eq!(incident.id.as_str(), INCIDENT);

    let odd = tool_error("Invalid incident_id: must be an incident's id");
    let (incident, _) = read(&World::new("hosted").with("get_incident", odd).start().await).await;
    assert_eq!(incident.id.as_str(), INCIDENT);

    let stand_in = World::new("1.1.0").with("get_incident", tool_error(missing)).start().await;
    let failure = stand_in.connect().await.incident(&reference("42"), now()).await.expect_err("404 is final here");
    assert!(failure.problem.contains("404"), "{failure}");
    assert!(!stand_in.heard().contains(&"list_incidents".to_owned()));
}

#[tokio::test]
async fn teams_are_listed_only_where_a_name_is_missing() {
    let stand_in = World::new("1.1.0").start().await;
    let pager = stand_in.connect().await;
    let mut service = pager.incident(&reference("42"), now()).await.expect("the incident is there").value.service;
    let platform = vec![Some("Platform".to_owned())];
    let names = |teams: Vec<Team>| teams.into_iter().map(|team| team.name).collect::<Vec<_>>();
    assert_eq!(names(pager.named_teams(&service).await.value), platform);
    assert!(!stand_in.heard().contains(&"list_teams".to_owned()));
    service.teams.iter_mut().for_each(|team| team.name = None);
    assert_eq!(names(pager.named_teams(&service).await.value), platform);
    assert!(stand_in.heard().contains(&"list_teams".to_owned()));
}
