//! What several tests of this room share.

use proptest::prelude::*;
use serde_json::Value;

/// Any JSON, with the keys that our readers look for among its own.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "triggered",
            "2026-11-22T07:00:00Z",
            "high",
            "https://a.example/",
            "{\"id\": 1}",
            "#/properties"
        ])
        .prop_map(Value::from),
    ];
    let keys = prop_oneof![
        ".{0,8}",
        prop::sample::select(vec![
            "id",
            "summary",
            "title",
            "status",
            "created_at",
            "service",
            "response",
            "incident",
            "data",
            "properties",
            "request",
            "action",
            "query_model",
            "oneOf",
            "anyOf",
            "$ref",
            "limit",
            "maximum",
            "body",
            "user",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|pairs| pairs.into_iter().collect::<Value>()),
        ]
    })
}
