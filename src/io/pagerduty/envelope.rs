//! From what a tool returned to the JSON we asked for.
//!
//! The local servers put an object or `{"response": [...]}` in `structuredContent` and print the same as text;
//! older ones have the text alone, one block for each item. What the hosted server sends is not published, so every
//! envelope that is plausible for a REST answer is opened, and where none fits the keys that were there are told.

use rmcp::model::CallToolResult;
use serde_json::Value;

use super::fault::{self, Fault};

/// How many envelopes may be nested in each other.
const DEPTH: usize = 4;
/// Names of envelopes that say nothing of what is inside.
const GENERIC: [&str; 6] = ["response", "data", "result", "results", "items", "body"];
/// How many brackets in a text are tried as the start of JSON.
const STARTS_TRIED: usize = 3;
/// How many keys an error shows, and how much of each.
const SHOWN_KEYS: usize = 8;
const SHOWN_KEY_LENGTH: usize = 30;

/// A list as it came.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Listed {
    /// The items, undecoded.
    pub(crate) items: Vec<Value>,
    /// Whether the server itself says that there is more.
    pub(crate) cut: bool,
}

/// The JSON value a tool returned.
///
/// # Errors
/// What the tool said where it failed; not JSON, or cut off, where its text cannot be read.
pub(crate) fn value(tool: &str, result: CallToolResult, secret: &str) -> Result<Value, Fault> {
    let texts: Vec<&str> =
        result.content.iter().filter_map(|block| block.as_text()).map(|text| text.text.as_str()).collect();
    if result.is_error == Some(true) {
        return Err(fault::from_tool_text(tool, &texts.join("\n"), secret));
    }
    match result.structured_content {
        Some(structured) if structured.is_object() || structured.is_array() => Ok(structured),
        _ => from_texts(&texts),
    }
}

fn from_texts(texts: &[&str]) -> Result<Value, Fault> {
    match texts {
        [] => Err(Fault::NotJson),
        [one] => parse(one),
        many => many.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>().map(Value::Array),
    }
}

/// Reads JSON text. JSON within a JSON string is read once more, as one tool of the local server needs it; words
/// before and after an object or a list are passed over, as some servers introduce what they found.
fn parse(text: &str) -> Result<Value, Fault> {
    match serde_json::from_str(text) {
        Ok(Value::String(inner)) => serde_json::from_str(&inner).map_err(|_| Fault::NotJson),
        Ok(value) => Ok(value),
        Err(error) if error.is_eof() && text.trim_start().starts_with(['{', '[']) => Err(Fault::Truncated),
        Err(_) => introduced(text).ok_or(Fault::NotJson),
    }
}

/// The first object or list of objects in a text that begins with words; `[1]` is a footnote, not an answer.
fn introduced(text: &str) -> Option<Value> {
    let is_answer = |value: &Value| match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_object),
        other => other.is_object(),
    };
    let starts = text.char_indices().filter(|(_, c)| matches!(c, '{' | '[')).take(STARTS_TRIED);
    let mut values = starts.filter_map(|(start, _)| {
        let mut rest = serde_json::Deserializer::from_str(text.get(start..)?).into_iter::<Value>();
        rest.next()?.ok().filter(is_answer)
    });
    values.next()
}

/// The one object an answer is about; `name` is what REST calls it (`incident`).
///
/// # Errors
/// [`Fault::UnknownShape`] with the keys that were there.
pub(crate) fn object(value: Value, name: &str) -> Result<Value, Fault> {
    let unknown = Fault::UnknownShape(keys(&value));
    let mut current = value;
    for _ in 0..DEPTH {
        current = match current {
            Value::Object(map) if map.contains_key("id") => return Ok(Value::Object(map)),
            Value::Object(mut map) => {
                let inner = std::iter::once(name).chain(GENERIC).find_map(|key| map.remove(key));
                inner.ok_or_else(|| unknown.clone())?
            }
            Value::Array(mut items) if items.len() == 1 => items.pop().unwrap_or_default(),
            Value::String(text) => serde_json::from_str(&text).map_err(|_| unknown.clone())?,
            _ => return Err(unknown),
        };
    }
    Err(unknown)
}

/// The list an answer holds; `name` is what REST calls it (`incidents`).
///
/// # Errors
/// [`Fault::UnknownShape`] with the keys that were there.
pub(crate) fn list(value: Value, name: &str) -> Result<Listed, Fault> {
    let unknown = Fault::UnknownShape(keys(&value));
    let mut current = value;
    let mut cut = false;
    for _ in 0..DEPTH {
        current = match current {
            Value::Array(items) => return Ok(Listed { items: flatten(items, name), cut }),
            Value::Object(mut map) => {
                cut |= says_cut(&map);
                // An item by itself: a text server prints a list of one that way.
                if map.contains_key("id") {
                    return Ok(Listed { items: vec![Value::Object(map)], cut });
                }
                let inner = std::iter::once(name).chain(GENERIC).find_map(|key| map.remove(key));
                inner.ok_or_else(|| unknown.clone())?
            }
            Value::String(text) => serde_json::from_str(&text).map_err(|_| unknown.clone())?,
            Value::Null => return Ok(Listed { items: Vec::new(), cut }),
            _ => return Err(unknown),
        };
    }
    Err(unknown)
}

/// Several text blocks that each hold an envelope become one list.
fn flatten(items: Vec<Value>, name: &str) -> Vec<Value> {
    let is_envelope = |item: &Value| {
        item.as_object()
            .is_some_and(|map| !map.contains_key("id") && (map.contains_key(name) || map.contains_key("response")))
    };
    let mut flat = Vec::with_capacity(items.len());
    for mut item in items {
        let inner = match is_envelope(&item) {
            true => item.as_object_mut().and_then(|map| map.remove(name).or_else(|| map.remove("response"))),
            false => None,
        };
        match inner {
            Some(Value::Array(inner)) => flat.extend(inner),
            Some(other) => flat.push(other),
            None => flat.push(item),
        }
    }
    flat
}

/// Whether an envelope warns of a limit: REST's `more`, or the words of the local server's `response_summary`.
fn says_cut(map: &serde_json::Map<String, Value>) -> bool {
    let more = ["more", "has_more", "truncated"].iter().any(|key| map.get(*key) == Some(&Value::Bool(true)));
    let warned = map.get("response_summary").and_then(Value::as_str).is_some_and(|summary| {
        let summary = summary.to_lowercase();
        ["warning", "limited", "truncated"].iter().any(|word| summary.contains(word))
    });
    more || warned
}

/// The keys of an answer, for an error: names only, never values, and few of them.
pub(crate) fn keys(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "an object without keys".to_owned(),
        Value::Object(map) => {
            let mut shown: Vec<String> = map.keys().take(SHOWN_KEYS).map(|key| printable(key)).collect();
            if map.len() > SHOWN_KEYS {
                shown.push(format!("and {} more", map.len() - SHOWN_KEYS));
            }
            format!("keys: {}", shown.join(", "))
        }
        Value::Array(items) => match items.first() {
            Some(first @ Value::Object(_)) => format!("a list of {} whose first has {}", items.len(), keys(first)),
            _ => format!("a list of {}", items.len()),
        },
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::Null => "nothing".to_owned(),
    }
}

/// A key with everything but letters, digits and a few signs replaced: a hostile key must not speak in our errors.
fn printable(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.$".contains(c) { c } else { '?' };
    key.chars().take(SHOWN_KEY_LENGTH).map(plain).collect()
}

#[cfg(test)]
mod tests;
