use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::io::pagerduty::testing::any_json;

/// The tools of each server, recorded from the local ones and written after public lists for the hosted one.
fn dialect(version: &str) -> Dialect {
    let all: Value =
        serde_json::from_str(include_str!("../../../../tests/pagerduty/fixtures/tools.json")).expect("JSON");
    let tools = all.get(version).and_then(Value::as_object).expect("a recorded version");
    Dialect::new(tools.iter().map(|(name, schema)| (name.clone(), schema.clone())))
}

/// One call as a line of text, or why there is none.
fn shown(version: &str, question: Question, wanted: &[(&'static str, Value)]) -> String {
    match dialect(version).call(question, wanted) {
        Ok(call) => {
            let dropped =
                if call.dropped.is_empty() { String::new() } else { format!(" without {}", call.dropped.join(", ")) };
            format!("{version}: {} {}{dropped}", call.tool, Value::Object(call.arguments))
        }
        Err(fault) => format!("{version}: {}", fault.because()),
    }
}

fn in_every_dialect(question: Question, wanted: &[(&'static str, Value)]) -> String {
    ["0.5", "0.17.0", "1.0.0", "1.1.0", "hosted"].map(|version| shown(version, question, wanted)).join("\n")
}

#[test]
fn a_list_of_incidents() {
    let wanted = [
        ("statuses", json!(["triggered"])),
        ("urgencies", json!(["high"])),
        ("service_ids", json!(["PSVC001"])),
        ("limit", json!(1000)),
        ("offset", json!(0)),
    ];
    insta::assert_snapshot!(in_every_dialect(Question::Incidents, &wanted), @r#"
    0.5: list_incidents {"query_model":{"status":["triggered"],"urgencies":["high"],"service_ids":["PSVC001"],"limit":1000}} without offset
    0.17.0: list_incidents {"query_model":{"status":["triggered"],"urgencies":["high"],"service_ids":["PSVC001"],"limit":1000}} without offset
    1.0.0: list_incidents {"query_model":{"status":["triggered"],"urgencies":["high"],"service_ids":["PSVC001"],"limit":1000}} without offset
    1.1.0: list_incidents {"statuses":["triggered"],"urgencies":["high"],"limit":1000} without service_ids, offset
    hosted: browse_incidents {"request":{"action":"list","statuses":["triggered"],"urgencies":["high"],"service_ids":["PSVC001"],"limit":100,"offset":0}}
    "#);
}

#[test]
fn one_incident() {
    insta::assert_snapshot!(in_every_dialect(Question::Incident, &[("incident_id", json!("42"))]), @r#"
    0.5: get_incident {"incident_id":"42"}
    0.17.0: get_incident {"incident_id":"42","query_model":{}}
    1.0.0: get_incident {"incident_id":"42","query_model":{}}
    1.1.0: get_incident {"incident_id":"42","query_model":{}}
    hosted: browse_incidents {"request":{"action":"get","incident_id":"42"}}
    "#);
}

#[test]
fn the_alerts_of_an_incident() {
    let wanted = [("incident_id", json!("Q1")), ("limit", json!(100))];
    insta::assert_snapshot!(in_every_dialect(Question::Alerts, &wanted), @r#"
    0.5: the server offers no tool for it (looked for list_alerts_from_incident or browse_incidents)
    0.17.0: list_alerts_from_incident {"incident_id":"Q1","query_model":{"limit":100}}
    1.0.0: list_alerts_from_incident {"incident_id":"Q1","limit":100}
    1.1.0: list_alerts_from_incident {"incident_id":"Q1","limit":100}
    hosted: browse_incidents {"request":{"action":"list_alerts","incident_id":"Q1","limit":100}}
    "#);
}

#[test]
fn who_is_on_call() {
    let wanted = [("escalation_policy_ids", json!(["PESC001"])), ("limit", json!(100))];
    insta::assert_snapshot!(in_every_dialect(Question::OnCalls, &wanted), @r#"
    0.5: list_oncalls {"query_model":{"escalation_policy_ids":["PESC001"],"limit":100}}
    0.17.0: list_oncalls {"query_model":{"escalation_policy_ids":["PESC001"],"limit":100}}
    1.0.0: list_oncalls {"escalation_policy_ids":["PESC001"],"limit":100}
    1.1.0: list_oncalls {"escalation_policy_ids":["PESC001"],"limit":100}
    hosted: browse_schedules {"request":{"action":"list_oncalls","escalation_policy_ids":["PESC001"],"limit":100}}
    "#);
}

#[test]
fn users_services_and_notes() {
    insta::assert_snapshot!(in_every_dialect(Question::Users, &[("query", json!("Ada"))]), @r#"
    0.5: list_users {"query_model":{"query":"Ada"}}
    0.17.0: list_users {"query_model":{"query":"Ada"}}
    1.0.0: list_users {"query":"Ada"}
    1.1.0: list_users {"query":"Ada"}
    hosted: browse_users {"request":{"action":"list","query":"Ada"}}
    "#);
    insta::assert_snapshot!(in_every_dialect(Question::Services, &[("query", json!("api"))]), @r#"
    0.5: list_services {"query_model":{"query":"api"}}
    0.17.0: list_services {"query_model":{"query":"api"}}
    1.0.0: list_services {"query_model":{"query":"api"}}
    1.1.0: list_services {"query":"api"}
    hosted: browse_services {"request":{"action":"list","query":"api"}}
    "#);
    insta::assert_snapshot!(in_every_dialect(Question::Notes, &[("incident_id", json!("Q1")), ("limit", json!(5))]), @r#"
    0.5: the server offers no tool for it (looked for list_incident_notes or browse_incidents)
    0.17.0: list_incident_notes {"incident_id":"Q1"} without limit
    1.0.0: list_incident_notes {"incident_id":"Q1"} without limit
    1.1.0: list_incident_notes {"incident_id":"Q1"} without limit
    hosted: browse_incidents {"request":{"action":"list_notes","incident_id":"Q1","limit":5}}
    "#);
}

#[test]
fn a_hosted_tool_that_lost_an_action_does_not_answer() {
    let schema = json!({"properties": {"request": {"oneOf": [{"properties": {"action": {"const": "list"}}}]}}});
    let dialect = Dialect::new([("browse_incidents".to_owned(), schema)]);
    assert!(dialect.call(Question::Incidents, &[]).is_ok());
    assert!(matches!(dialect.call(Question::Alerts, &[]), Err(Fault::ToolMissing(_))));
}

#[test]
fn a_hosted_schema_behind_references_is_read() {
    let schema = json!({
        "$defs": {
            "Request": {"anyOf": [{"$ref": "#/$defs/Get"}]},
            "Get": {"properties": {"action": {"enum": ["get"]}, "incident_id": {}}},
        },
        "properties": {"request": {"$ref": "#/$defs/Request"}},
    });
    let dialect = Dialect::new([("browse_incidents".to_owned(), schema)]);
    let call =
        dialect.call(Question::Incident, &[("incident_id", json!("Q1")), ("include", json!([]))]).expect("a call");
    assert_eq!(Value::Object(call.arguments), json!({"request": {"action": "get", "incident_id": "Q1"}}));
    assert_eq!(call.dropped, ["include"]);
}

#[test]
fn a_hosted_tool_without_a_readable_schema_gets_everything() {
    let dialect = Dialect::new([("browse_users".to_owned(), json!({"type": "object"}))]);
    let call = dialect.call(Question::Users, &[("query", json!("Ada"))]).expect("a call");
    assert_eq!(Value::Object(call.arguments), json!({"request": {"action": "list", "query": "Ada"}}));
}

proptest! {
    #[test]
    fn no_schema_breaks_it(schema in any_json(), wanted in any_json()) {
        let tools = ["list_incidents", "browse_incidents", "get_incident"].map(|tool| (tool.to_owned(), schema.clone()));
        let dialect = Dialect::new(tools);
        for question in [Question::Incidents, Question::Incident, Question::Notes] {
            let _ = dialect.call(question, &[("limit", wanted.clone()), ("statuses", wanted.clone())]);
        }
    }

    #[test]
    fn nothing_is_both_sent_and_dropped(keep_a in any::<bool>(), keep_b in any::<bool>(), in_model in any::<bool>()) {
        let mut known = Map::new();
        if keep_a { known.insert("since".into(), json!({})); }
        if keep_b { known.insert("limit".into(), json!({"maximum": 7})); }
        let schema = if in_model {
            json!({"properties": {"query_model": {"properties": known}}})
        } else {
            json!({"properties": known})
        };
        let dialect = Dialect::new([("list_incidents".to_owned(), schema)]);
        let call = dialect.call(Question::Incidents, &[("since", json!("x")), ("limit", json!(50))]).expect("a call");
        let sent = Value::Object(call.arguments.clone()).to_string();
        prop_assert_eq!(sent.contains("since"), keep_a);
        prop_assert_eq!(call.understands("since"), keep_a);
        prop_assert_eq!(sent.contains("\"limit\":7"), keep_b);
        prop_assert_eq!(call.understands("limit"), keep_b);
    }
}
