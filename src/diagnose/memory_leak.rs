//! Memory that C code acquires and never releases.
//!
//! The C engine finds it in the whole tree; this detector keeps what lies in the service's part, and puts first what
//! explains a service that grows until it is killed: a loss that repeats, in a long-running function, without doubt.

use std::sync::Arc;

use super::Found;
use crate::c::{self, Options, report as engine};
use crate::model::diagnosis::{Confidence, Fault, Finding, MemoryLeak, PatchedFile, Recurrence, Repair, TraceStep};
use crate::model::edit;
use crate::model::evidence::{Evidence, Gap, SourceFile};
use crate::model::ids::RepositoryPath;

/// The detector's name.
pub const NAME: &str = "memory-leak";

/// At most so many gaps of the engine are told; a tree with thousands of odd functions would drown the report.
const MOST_GAPS: usize = 10;

/// Asks the C engine.
pub fn find(evidence: &Evidence) -> Found {
    let mut found = Found::default();
    let mut sources = Vec::new();
    for source in &evidence.sources {
        let (text, is_whole) = c::source::decode(&source.contents);
        sources.push(c::SourceFile { path: source.path.to_string(), text: Arc::from(text) });
        if !is_whole {
            found.gaps.push(Gap::new(source.path.as_str(), c::source::NOT_WHOLE));
        }
    }
    let inside: Vec<String> = evidence
        .sources
        .iter()
        .filter(|source| evidence.scope.holds(&source.path))
        .map(|source| source.path.to_string())
        .collect();
    if inside.is_empty() {
        found.gaps.push(Gap::new("memory leaks", "the service has no C sources here"));
        return found;
    }
    let examined = inside.len();
    let analysis = c::analyze(sources, &Options { only: inside, knowledge: evidence.memory.clone() });
    let more = analysis.gaps.len().saturating_sub(MOST_GAPS);
    found.gaps.extend(analysis.gaps.into_iter().take(MOST_GAPS));
    if more > 0 {
        found.gaps.push(Gap::new(format!("{more} more functions or files"), "the C engine could not follow them"));
    }
    found.findings = analysis.findings.into_iter().filter_map(|leak| finding(&evidence.sources, leak)).collect();
    found.findings.sort_by(|a, b| {
        let rank = |it: &Finding| std::cmp::Reverse((recurrence(it), it.confidence, it.repair.is_ok()));
        (rank(a), &a.file, a.line).cmp(&(rank(b), &b.file, b.line))
    });
    if found.findings.is_empty() {
        found.ruled_out.push(format!("no memory leak was found in {examined} C files of the service"));
    }
    found
}

fn recurrence(finding: &Finding) -> Recurrence {
    match &finding.fault {
        Fault::Leak(leak) => leak.recurrence,
        Fault::Setting(_) => Recurrence::PerCall,
    }
}

fn finding(sources: &[SourceFile], leak: engine::Leak) -> Option<Finding> {
    let path = RepositoryPath::new(leak.file.clone());
    let source = sources.iter().find(|source| source.path == path)?;
    let missing = leak.fix.as_ref().and_then(release);
    let repair = match leak.fix {
        Some(fix) => repair(source, &fix).ok_or_else(|| "the patch does not fit the file".to_owned()),
        None => Err(leak.no_fix_reason.unwrap_or_else(|| "no safe place for the release is known".to_owned())),
    };
    let step = |step: engine::TraceStep| TraceStep { file: None, line: step.line, note: step.note };
    Some(Finding {
        detector: NAME,
        file: path,
        line: leak.line,
        fault: Fault::Leak(MemoryLeak {
            function: leak.function,
            variable: leak.variable,
            lost_at: leak.lost_at,
            recurrence: match leak.recurrence {
                engine::Recurrence::Once => Recurrence::PerCall,
                engine::Recurrence::EveryTurn => Recurrence::PerIteration,
            },
            missing,
        }),
        trace: leak.trace.into_iter().map(step).collect(),
        confidence: match leak.confidence {
            engine::Confidence::Low => Confidence::Low,
            engine::Confidence::Medium => Confidence::Medium,
            engine::Confidence::High => Confidence::High,
        },
        reasons: leak.reasons,
        repair,
    })
}

/// The release that the fix adds, such as `free(buffer);`: the one line of its edits that ends a statement.
fn release(fix: &engine::Fix) -> Option<String> {
    let lines = fix.edits.iter().flat_map(|edit| edit.text.lines()).map(str::trim);
    lines.filter(|line| line.ends_with(");")).map(str::to_owned).next()
}

fn repair(source: &SourceFile, fix: &engine::Fix) -> Option<Repair> {
    let (before, _) = c::source::decode(&source.contents);
    let after = c::source::encode(&source.contents, &edit::apply(&before, &fix.edits)?)?;
    let files = vec![PatchedFile { path: source.path.clone(), before: source.contents.clone(), after }];
    let checks = [
        "the patched file parses as well as before",
        "the finding is gone and no new one appears",
        "nothing is released twice or used after its release on any path",
        "only the lines shown are changed",
    ];
    Some(Repair { files, diff: fix.diff.clone(), why: fix.why.clone(), checks: checks.map(str::to_owned).to_vec() })
}
