//! The findings as JSON. The shape is a contract.

use crate::c::Analysis;
use crate::c::report::Leak;
use crate::model::evidence::Gap;
use serde::Serialize;

#[derive(Serialize)]
struct Output<'a> {
    findings: Vec<Finding<'a>>,
    gaps: &'a [Gap],
}

#[derive(Serialize)]
struct Finding<'a> {
    detector: &'static str,
    file: &'a str,
    function: &'a str,
    variable: &'a str,
    line: u32,
    lost_at: u32,
    confidence: &'static str,
    reasons: &'a [String],
    trace: Vec<Step<'a>>,
    fix: Option<Fix<'a>>,
    no_fix_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    line: u32,
    note: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    diff: &'a str,
    why: &'a str,
}

/// The findings and gaps as one object.
pub(super) fn render(analysis: &Analysis) -> String {
    let output = Output { findings: analysis.findings.iter().map(finding).collect(), gaps: &analysis.gaps };
    // Strings and numbers always serialise.
    let mut text = serde_json::to_string_pretty(&output).unwrap_or_default();
    text.push('\n');
    text
}

fn finding(leak: &Leak) -> Finding<'_> {
    Finding {
        detector: "memory_leak",
        file: &leak.file,
        function: &leak.function,
        variable: &leak.variable,
        line: leak.line,
        lost_at: leak.lost_at,
        confidence: leak.confidence.as_str(),
        reasons: &leak.reasons,
        trace: leak.trace.iter().map(|step| Step { line: step.line, note: &step.note }).collect(),
        fix: leak.fix.as_ref().map(|fix| Fix { diff: &fix.diff, why: &fix.why }),
        no_fix_reason: leak.no_fix_reason.as_deref(),
    }
}
