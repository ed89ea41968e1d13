//! The answer as JSON. The shape is a contract.

use serde_json::{Value, json};

use super::Answer;
use crate::diagnose::suspects::{Suspect, Verdict};

/// `verdict` and `suspects`, best first; then what they rest on.
pub(super) fn render(answer: &Answer) -> Value {
    let ranking = &answer.ranking;
    json!({
        "verdict": match ranking.verdict {
            Verdict::Accused => "accused",
            Verdict::Inconclusive => "inconclusive",
        },
        "suspects": ranking.suspects.iter().map(suspect).collect::<Vec<_>>(),
        "none_of_these": ranking.none_of_these,
        "next_steps": ranking.next_steps,
        "base": answer.base,
        "until": answer.until,
        "window": answer.window,
        "gaps": answer.gaps,
    })
}

fn suspect(suspect: &Suspect) -> Value {
    json!({
        "commit": suspect.commit,
        "probability": suspect.probability,
        "subject": suspect.subject,
        "author": suspect.author.name,
        "committed_at": suspect.committed_at,
        "pull_request": suspect.pull_request,
        "reasons": suspect.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
