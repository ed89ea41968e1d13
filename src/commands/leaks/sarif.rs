//! The findings as SARIF 2.1.0, as GitHub's code scanning reads it.

use crate::c::report::{Confidence, Leak};
use crate::c::{Analysis, SourceFile};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One run with one rule.
pub(super) fn render(analysis: &Analysis, texts: &BTreeMap<&str, &SourceFile>) -> String {
    let results: Vec<Value> = analysis.findings.iter().map(|leak| result(leak, texts)).collect();
    let notes: Vec<Value> = analysis
        .gaps
        .iter()
        .map(|gap| json!({ "level": "note", "message": { "text": format!("{}: {}", gap.what, gap.why) } }))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": [rule()],
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notes }],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule() -> Value {
    json!({
        "id": "memory_leak",
        "name": "MemoryLeak",
        "shortDescription": { "text": "Memory is acquired and never released" },
        "fullDescription": { "text": "On some path nothing leads to the memory any more and nobody has released it." },
        "help": {
            "text": "Release the memory on the path shown, or give it to someone who does.",
            "markdown": "Release the memory on the path shown, or give it to someone who does. The message names the \
                         place where it is lost.",
        },
        "defaultConfiguration": { "level": "warning" },
        "properties": { "tags": ["reliability", "external/cwe/cwe-401"], "precision": "high" },
    })
}

fn result(leak: &Leak, texts: &BTreeMap<&str, &SourceFile>) -> Value {
    let location = |line: u32, note: &str| {
        json!({ "location": {
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&leak.file), "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": line },
            },
            "message": { "text": note },
        } })
    };
    let flow: Vec<Value> = leak.trace.iter().map(|step| location(step.line, &step.note)).collect();
    let level = if leak.confidence == Confidence::Low { "note" } else { "warning" };
    json!({
        "ruleId": "memory_leak",
        "ruleIndex": 0,
        "level": level,
        "message": { "text": message(leak) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&leak.file), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": leak.line },
        } }],
        "codeFlows": [{ "threadFlows": [{ "locations": flow }] }],
        "partialFingerprints": { "leak/v1": fingerprint(leak, texts) },
    })
}

fn message(leak: &Leak) -> String {
    format!("`{}` is acquired here and lost in line {} of `{}`.", leak.variable, leak.lost_at, leak.function)
}

/// Stays the same when lines move: the file, the function, the variable, and the text of the line.
fn fingerprint(leak: &Leak, texts: &BTreeMap<&str, &SourceFile>) -> String {
    let line = texts.get(leak.file.as_str()).and_then(|file| file.text.lines().nth(leak.line as usize - 1));
    let mut hash = Sha256::new();
    for part in [&leak.file, &leak.function, &leak.variable, line.unwrap_or("").trim()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A relative path as a URI reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
