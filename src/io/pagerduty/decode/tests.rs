use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::io::pagerduty::testing::any_json;

fn recorded(text: &str) -> Value {
    let result: Value = serde_json::from_str(text).expect("JSON");
    let structured = result.get("structuredContent").expect("structured content");
    structured.pointer("/response/0").unwrap_or(structured).clone()
}

#[test]
fn the_recorded_answers_are_read() {
    let incident = incident(&recorded(include_str!("../../../../tests/pagerduty/fixtures/get_incident.json")));
    insta::assert_debug_snapshot!(incident, @r#"
    Some(
        DecodedIncident {
            summary: IncidentSummary {
                id: IncidentId(
                    "Q2ISKGUCZ3ZJ4K",
                ),
                number: Some(
                    IncidentNumber(
                        42,
                    ),
                ),
                title: "OOMKilled: pod api-7d9 in prod",
                status: Triggered,
                created_at: 2026-11-22T07:00:00Z,
                service: ServiceId(
                    "PSVC001",
                ),
                service_name: Some(
                    "api",
                ),
                urgency: None,
                priority: Some(
                    "P1",
                ),
            },
            resolved_at: None,
            address: None,
        },
    )
    "#);
    let alert = alert(&recorded(include_str!("../../../../tests/pagerduty/fixtures/list_alerts_from_incident.json")));
    insta::assert_debug_snapshot!(alert, @r#"
    Some(
        DecodedAlert {
            alert: Alert {
                id: "PALR001",
                summary: "KubePodOOMKilled",
                created_at: Some(
                    2026-11-22T07:00:00Z,
                ),
                severity: Some(
                    "critical",
                ),
                details: Object {
                    "details": Object {
                        "firing": String("..."),
                        "pod": String("api-7d9"),
                        "namespace": String("prod"),
                    },
                    "cef_details": Object {
                        "source_origin": String("prod/api-7d9"),
                        "severity": String("critical"),
                        "description": String("OOMKilled"),
                    },
                },
            },
            incident: Some(
                IncidentId(
                    "Q2ISKGUCZ3ZJ4K",
                ),
            ),
            incident_address: Some(
                Url {
                    scheme: "https",
                    cannot_be_a_base: false,
                    username: "",
                    password: None,
                    host: Some(
                        Domain(
                            "acme.pagerduty.com",
                        ),
                    ),
                    port: None,
                    path: "/incidents/Q2ISKGUCZ3ZJ4K",
                    query: None,
                    fragment: None,
                },
            ),
        },
    )
    "#);
    let change =
        change(&recorded(include_str!("../../../../tests/pagerduty/fixtures/list_incident_change_events.json")));
    insta::assert_debug_snapshot!(change, @r#"
    Some(
        DecodedChange {
            event: ChangeEvent {
                summary: "deploy abc123",
                at: Some(
                    2026-11-22T06:55:00Z,
                ),
                source: Some(
                    "github",
                ),
                links: [
                    "https://github.com/o/r/commit/abc123",
                ],
                details: Object {
                    "sha": String("abc123"),
                },
            },
            services: [
                ServiceId(
                    "PSVC001",
                ),
            ],
        },
    )
    "#);
    let shift = shift(&recorded(include_str!("../../../../tests/pagerduty/fixtures/list_oncalls.json")));
    insta::assert_debug_snapshot!(shift, @r#"
    Some(
        DecodedShift {
            person: OnCall {
                user: UserId(
                    "PUSER01",
                ),
                name: "Ada Bot",
                email: None,
                level: 1,
            },
            policy: EscalationPolicyId(
                "PESC001",
            ),
            start: Some(
                2026-11-22T00:00:00Z,
            ),
            end: Some(
                2026-11-29T00:00:00Z,
            ),
        },
    )
    "#);
    let service = service(&recorded(include_str!("../../../../tests/pagerduty/fixtures/get_service.json")));
    insta::assert_debug_snapshot!(service, @r#"
    Some(
        Service {
            id: ServiceId(
                "PSVC001",
            ),
            name: "api",
            escalation_policy: Some(
                EscalationPolicyId(
                    "PESC001",
                ),
            ),
            teams: [
                Team {
                    id: TeamId(
                        "PTEAM01",
                    ),
                    name: Some(
                        "Platform",
                    ),
                },
            ],
        },
    )
    "#);
}

fn minimal() -> Value {
    json!({
        "id": "Q1", "title": "worker killed", "status": "Triggered", "created_at": "2026-11-22T07:00:00.5+01:00",
        "service": {"id": "S1"}, "urgency": "high", "html_url": "https://acme.pagerduty.com/incidents/Q1",
    })
}

#[test]
fn what_rest_gives_besides_is_read_as_well() {
    let decoded = incident(&minimal()).expect("an incident");
    assert_eq!(decoded.summary.urgency, Some(Urgency::High));
    assert_eq!(decoded.summary.created_at.to_rfc3339(), "2026-11-22T06:00:00.500+00:00");
    assert_eq!(decoded.address.map(String::from), Some("https://acme.pagerduty.com/incidents/Q1".to_owned()));
}

#[test]
fn an_incident_without_what_it_needs_is_none() {
    for key in ["id", "title", "status", "created_at", "service"] {
        for broken in [Value::Null, json!(7), json!("")] {
            let mut given = minimal();
            given[key] = broken;
            assert_eq!(incident(&given), None, "{key}");
        }
    }
}

#[test]
fn a_time_is_read_in_both_forms_and_only_from_our_days() {
    let read = |text: &str| time(&json!({"at": text}), "at").map(|time| time.to_rfc3339());
    assert_eq!(read("2026-11-22T08:00:00+01:00"), Some("2026-11-22T07:00:00+00:00".into()));
    assert_eq!(read("2026-11-22T07:00:00.25"), Some("2026-11-22T07:00:00.250+00:00".into()));
    for odd in ["+262142-12-31T23:59:59", "-262143-01-01T00:00:00", "9999-12-31T23:59:59Z", "yesterday", ""] {
        assert_eq!(read(odd), None, "{odd}");
    }
}

#[test]
fn an_address_that_is_no_web_page_is_left_out() {
    for address in ["javascript:alert(1)", "https://user@acme.example/", "not an address", "file:///etc/passwd"] {
        let mut given = minimal();
        given["html_url"] = json!(address);
        assert_eq!(incident(&given).and_then(|incident| incident.address), None, "{address}");
    }
}

#[test]
fn numbers_that_no_incident_has_are_not_given() {
    for (number, read) in
        [(json!(42), Some(42)), (json!("42"), Some(42)), (json!(0), None), (json!(-1), None), (json!(1e12), None)]
    {
        let mut given = minimal();
        given["incident_number"] = number;
        let decoded = incident(&given).expect("an incident");
        assert_eq!(decoded.summary.number.map(IncidentNumber::get), read);
    }
}

#[test]
fn a_shift_with_an_unreadable_end_is_nobodys() {
    let given = |end: Value| {
        shift(&json!({"user": {"id": "U1"}, "escalation_policy": {"id": "E1"}, "escalation_level": 1, "end": end}))
    };
    assert!(given(Value::Null).is_some(), "always on call");
    assert_eq!(given(json!("soon")), None);
    assert_eq!(given(json!(5)), None);
}

proptest! {
    #[test]
    fn no_json_breaks_it(json in any_json()) {
        let _ = (incident(&json), alert(&json), note(&json), change(&json), service(&json), team(&json), shift(&json), user(&json));
    }

    #[test]
    fn no_field_breaks_it(field in any_json(), key in prop::sample::select(vec![
        "id", "title", "status", "created_at", "service", "incident_number", "priority", "urgency", "html_url",
        "user", "escalation_policy", "escalation_level", "start", "end", "body", "incident", "links", "services", "teams",
    ])) {
        let mut given = minimal();
        given[key] = field;
        let _ = (incident(&given), alert(&given), note(&given), change(&given), service(&given), team(&given), shift(&given), user(&given));
    }
}
