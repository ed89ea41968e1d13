use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::io::pagerduty::testing::any_json;

fn result(json: Value) -> CallToolResult {
    serde_json::from_value(json).expect("a tool's result")
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn structured_content_is_preferred_and_text_will_do() {
    let both = result(json!({"content": [text("{\"from\": \"text\"}")], "structuredContent": {"from": "structure"}}));
    assert_eq!(value("t", both, ""), Ok(json!({"from": "structure"})));
    let alone = result(json!({"content": [text("{\"from\": \"text\"}")]}));
    assert_eq!(value("t", alone, ""), Ok(json!({"from": "text"})));
    let null = result(json!({"content": [text("[1]")], "structuredContent": null}));
    assert_eq!(value("t", null, ""), Ok(json!([1])));
}

#[test]
fn json_within_a_string_is_read_once_more() {
    let inner = result(json!({"content": [text("\"{\\\"id\\\": \\\"P1\\\"}\"")]}));
    assert_eq!(value("t", inner, ""), Ok(json!({"id": "P1"})));
}

#[test]
fn words_around_the_json_are_passed_over() {
    for around in ["Found 1 incident (see [1]):\n```json\n{\"id\": \"P1\"}\n```", "Incident: {\"id\": \"P1\"} Done."] {
        let blocks = result(json!({"content": [text(around)]}));
        assert_eq!(value("t", blocks, ""), Ok(json!({"id": "P1"})), "{around}");
    }
}

#[test]
fn old_servers_print_one_block_for_each_item() {
    let blocks = result(json!({"content": [text("{\"id\": \"P1\"}"), text("{\"id\": \"P2\"}")]}));
    let items = list(value("t", blocks, "").expect("JSON"), "incidents").expect("a list").items;
    assert_eq!(items, [json!({"id": "P1"}), json!({"id": "P2"})]);
}

#[test]
fn what_is_no_json_is_told_apart_from_what_was_cut_off() {
    let page = result(json!({"content": [text("<html>hello</html>")]}));
    assert_eq!(value("t", page, ""), Err(Fault::NotJson));
    let cut = result(json!({"content": [text("{\"id\": \"P1\", \"tit")]}));
    assert_eq!(value("t", cut, ""), Err(Fault::Truncated));
    let nothing = result(json!({"content": []}));
    assert_eq!(value("t", nothing, ""), Err(Fault::NotJson));
}

#[test]
fn every_plausible_envelope_of_a_list_is_opened() {
    let items = json!([{"id": "P1"}]);
    for envelope in [
        items.clone(),
        json!({"response": items}),
        json!({"incidents": items, "limit": 25, "more": false}),
        json!({"data": {"incidents": items}}),
        json!({"result": {"response": items}}),
        json!([{"incidents": items}]),
        json!({"result": items.to_string()}),
        json!({"id": "P1"}),
    ] {
        let listed = list(envelope.clone(), "incidents");
        assert_eq!(listed, Ok(Listed { items: vec![json!({"id": "P1"})], cut: false }), "{envelope}");
    }
}

#[test]
fn every_plausible_envelope_of_an_object_is_opened() {
    let incident = json!({"id": "P1"});
    for envelope in [
        incident.clone(),
        json!({"incident": incident}),
        json!({"response": {"incident": incident}}),
        json!([incident]),
        json!({"result": incident.to_string()}),
    ] {
        assert_eq!(object(envelope.clone(), "incident"), Ok(incident.clone()), "{envelope}");
    }
}

#[test]
fn an_unknown_shape_shows_its_keys_and_never_its_values() {
    let hostile =
        json!({"payload": "s3cr3t", "@everyone\n::stop": 1, "a": 2, "b": 3, "c": 4, "d": 5, "e": 6, "f": 7, "g": 8});
    let Err(fault) = list(hostile, "incidents") else { panic!("it was read") };
    assert_eq!(
        fault.because(),
        "the answer has an unknown shape (keys: payload, ?everyone???stop, a, b, c, d, e, f, and 1 more)"
    );
}

#[test]
fn a_warning_of_the_server_is_kept() {
    let warned = json!({"response": [], "response_summary": "WARNING: Results were limited"});
    assert!(list(warned, "incidents").expect("a list").cut);
    assert!(list(json!({"incidents": [], "more": true}), "incidents").expect("a list").cut);
}

proptest! {
    #[test]
    fn no_json_breaks_it(json in any_json(), name in "[a-z]{1,9}") {
        let _ = list(json.clone(), &name);
        let _ = object(json.clone(), &name);
        let _ = keys(&json);
    }

    #[test]
    fn no_text_breaks_it(words in ".{0,80}", error in any::<bool>()) {
        let result = result(json!({"content": [text(&words)], "isError": error}));
        let _ = value("t", result, "secret");
    }
}
