//! The parts that the answer and the pull request have in common.

use super::escape::{Language, MOST_LINES, Markdown, NAME_LIMIT, code_block, code_span, details, inline};
use super::{Analysis, moment};
use crate::markdown;
use crate::model::diagnosis::{
    Age, Confidence, Fault, Finding, MemoryLeak, Recurrence, Repair, SettingChange, Suspect, SymptomKind, Verdict,
};
use crate::model::evidence::{Gap, Scope};
use crate::model::incident::{Incident, IncidentStatus, Severity, Urgency};
use crate::model::proof::Proof;

/// At most this many suspects are named.
const MOST_SUSPECTS: usize = 5;
/// At most this many gaps are named.
const MOST_GAPS: usize = 20;

/// `HIGH`, `LOW`, the priority's name, or that nothing was said.
pub fn severity(severity: &Severity) -> Markdown {
    match severity {
        Severity::Urgency(Urgency::High) => "HIGH".into(),
        Severity::Urgency(Urgency::Low) => "LOW".into(),
        Severity::Priority(name) => markdown!["priority ", inline(name, NAME_LIMIT)],
        Severity::NotGiven => "not given".into(),
    }
}

/// A sentence of ours that names code between backquotes: the names become code, the rest plain text. The names are
/// foreign, so each piece is made harmless by itself.
pub fn prose(text: &str, limit: usize) -> Markdown {
    let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.fold(Markdown::default(), |mut whole, (index, piece)| {
        // Cleaning trims a piece; the blanks beside a name are put back.
        if index % 2 == 1 {
            whole.push(code_span(piece));
        } else {
            whole.push(if piece.starts_with(' ') { " " } else { "" });
            whole.push(inline(piece, limit));
            whole.push(if piece.ends_with(' ') && piece.trim() != "" { " " } else { "" });
        }
        whole
    })
}

/// The fault, its place and its steps.
pub fn root_cause(analysis: &Analysis, finding: &Finding) -> Markdown {
    let head = &analysis.evidence.base.head;
    let place = analysis.places.line(&finding.file, finding.line, head);
    let mut text = match &finding.fault {
        Fault::Leak(leak) => leak_sentence(place, leak),
        Fault::Setting(change) => setting_sentence(place, change),
    };
    for step in &finding.trace {
        let file = step.file.as_ref().filter(|file| **file != finding.file);
        let place = match file {
            Some(file) => analysis.places.line(file, step.line, head),
            None => markdown!["Line ", step.line],
        };
        text.push(markdown!["- ", place, ": ", prose(&step.note, 300), "\n"]);
    }
    if let Fault::Leak(MemoryLeak { missing: Some(missing), .. }) = &finding.fault {
        text.push(markdown!["- Missing: ", code_span(missing), "\n"]);
    }
    text.push(markdown!["\nConfidence: ", confidence(finding.confidence)]);
    if !finding.reasons.is_empty() {
        text.push(markdown![" (", prose(&finding.reasons.join("; "), 400), ")"]);
    }
    text.push(".\n");
    text
}

fn leak_sentence(place: Markdown, leak: &MemoryLeak) -> Markdown {
    let function = code_span(&format!("{}()", leak.function));
    let often = match leak.recurrence {
        Recurrence::PerIteration => ", again in every turn of a loop, so that memory grows until the limit:\n\n",
        Recurrence::PerCall => ", once in every call that takes this path:\n\n",
    };
    markdown!["Memory leak in ", place, ", function ", function, often]
}

fn setting_sentence(place: Markdown, change: &SettingChange) -> Markdown {
    let values = markdown![code_span(&change.before), " to ", code_span(&change.after)];
    markdown!["The ", inline(&change.what, 80), " was changed from ", values, " in ", place, ":\n\n"]
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    }
}

/// What landed before the incident, what of it ran, and where the fault comes from.
pub fn recent_changes(analysis: &Analysis) -> Markdown {
    let diagnosis = &analysis.diagnosis;
    let mut text = super::window::section(analysis);
    if let (Some(finding), Some(provenance)) = (diagnosis.findings.first(), &diagnosis.provenance) {
        let landing = analysis.places.landing(&provenance.landing);
        let how = prose(&provenance.how, 200);
        match provenance.age {
            Age::Recent => text.push(markdown!["The fault is new: ", landing, " ", how, ".\n"]),
            Age::Existing => {
                text.push(markdown!["No recent commits to ", code_span(finding.file.as_str())]);
                text.push(markdown![" explain it: this is an existing bug. ", landing, " ", how, ".\n"]);
            }
            Age::Later => {
                text.push(markdown!["The fault had not reached production: ", landing, " ", how]);
                text.push(", after what ran. Something else must have caused this incident.\n");
            }
        }
    }
    let suspects: Vec<&Suspect> = diagnosis.suspects.iter().take(MOST_SUSPECTS).collect();
    if !suspects.is_empty() {
        text.push(match diagnosis.verdict {
            Verdict::Accused => "\nMost likely landings:\n\n",
            Verdict::Inconclusive => "\nNo landing is accused. Those to look at first:\n\n",
        });
        suspects.iter().enumerate().for_each(|(index, suspect)| text.push(suspect_line(analysis, index, suspect)));
    }
    text
}

fn suspect_line(analysis: &Analysis, index: usize, suspect: &Suspect) -> Markdown {
    let mut line = markdown![index + 1, ". ", analysis.places.landing(&suspect.landing)];
    if let Some(probability) = suspect.probability {
        // Whole percents: the calibration does not carry more.
        line.push(markdown![", ", (probability.clamp(0.0, 1.0) * 100.0).round() as u32, " %"]);
    }
    if !suspect.reasons.is_empty() {
        line.push(markdown![": ", prose(&suspect.reasons.join("; "), 400)]);
    }
    line.push("\n");
    line
}

/// The diff and why it stands where it stands.
pub fn fix(repair: &Repair) -> Markdown {
    markdown![sentence(&repair.why), "\n\n", code_block(&repair.diff, Language::Diff, MOST_LINES)]
}

/// A clause of the engine as a sentence.
fn sentence(clause: &str) -> Markdown {
    markdown![prose(clause.trim_end_matches('.'), 400), "."]
}

/// What was checked, and what was run.
pub fn testing(repair: &Repair, proof: Option<&Proof>) -> Markdown {
    let mut text = Markdown::default();
    for check in &repair.checks {
        text.push(markdown!["- Checked: ", inline(check, 200), "\n"]);
    }
    text.push(proof.map_or_else(
        || "- Not run: this analysis neither built nor executed the service.\n".into(),
        super::proof::line,
    ));
    text
}

/// What was ruled out and what could not be looked at.
pub fn limits(analysis: &Analysis) -> Markdown {
    let (evidence, diagnosis) = (&analysis.evidence, &analysis.diagnosis);
    let mut text = markdown!["Read at ", analysis.places.commit(&evidence.base.head), " of "];
    text.push(markdown![code_span(evidence.base.branch.as_str()), ": ", evidence.sources.len(), " C files"]);
    text.push(match &evidence.scope {
        Scope::Mapped(paths) => markdown![", of which ", paths.len(), " belong to the service.\n"],
        Scope::Everything => markdown![", all of them, since the configuration maps no paths to this service.\n"],
    });
    for clause in &diagnosis.ruled_out {
        text.push(markdown!["- Ruled out: ", inline(clause, 300), "\n"]);
    }
    if diagnosis.unrelated > 0 {
        text.push(markdown!["- Also seen, but not as this incident's cause: ", diagnosis.unrelated, " findings\n"]);
    }
    let gaps: Vec<&Gap> = evidence.gaps.iter().chain(&diagnosis.gaps).collect();
    for gap in gaps.iter().take(MOST_GAPS) {
        text.push(markdown!["- Not looked at: ", inline(&gap.what, 200), ", because ", inline(&gap.why, 300), "\n"]);
    }
    if gaps.len() > MOST_GAPS {
        text.push(markdown!["- and ", gaps.len() - MOST_GAPS, " more gaps\n"]);
    }
    details("What was looked at, and what was not", text)
}

/// Title, service, severity and times, as lines.
pub fn facts(analysis: &Analysis) -> Markdown {
    let incident = &analysis.evidence.incident;
    let mut text = markdown!["🔴 **Severity:** ", severity(&incident.severity), "  \n"];
    text.push(markdown!["⏰ **Started:** ", moment(incident.created_at), "  \n"]);
    text.push(markdown!["🎯 **Service:** ", inline(&incident.service.name, NAME_LIMIT), "  \n"]);
    if let Some(status) = status(incident) {
        text.push(markdown!["✔️ **Status:** ", status, "  \n"]);
    }
    text.push(markdown!["📟 **Title:** ", inline(&incident.title, super::escape::TITLE_LIMIT), "\n"]);
    text
}

/// That the incident is over, where it is: the analysis is for the next time then.
fn status(incident: &Incident) -> Option<Markdown> {
    let over = incident.status == IncidentStatus::Resolved;
    over.then(|| incident.resolved_at.map_or("resolved".into(), |at| markdown!["resolved, ", moment(at)]))
}

/// Why there is no finding, in one paragraph.
pub fn no_cause(analysis: &Analysis) -> Markdown {
    let diagnosis = &analysis.diagnosis;
    if let (Verdict::Accused, Some(suspect)) = (diagnosis.verdict, diagnosis.suspects.first()) {
        let landing = analysis.places.landing(&suspect.landing);
        return markdown!["A landing most likely caused it: ", landing, ". Why is told below.\n"];
    }
    match analysis.diagnosis.symptom {
        SymptomKind::Memory => {
            "No fault was found in the code that explains why memory ran out. That is not proof that there is none.\n".into()
        }
        SymptomKind::Other => {
            "The incident's words do not speak of memory, and no landing explains it beyond doubt. No cause is claimed.\n".into()
        }
    }
}
