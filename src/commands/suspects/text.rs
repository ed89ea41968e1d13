//! The answer for a person.

use std::fmt::Write;

use super::Answer;
use crate::diagnose::suspects::{SHORT_LIST, Suspect, Verdict};

/// How many reasons of one suspect are printed.
const MOST_REASONS: usize = 5;

/// The verdict, the first suspects with their reasons, what would tell them apart, and what was not read.
pub(super) fn render(answer: &Answer) -> String {
    let mut out = verdict(answer);
    for (index, suspect) in answer.ranking.suspects.iter().take(SHORT_LIST).enumerate() {
        let _ = writeln!(out, "\n{}. {}", index + 1, heading(suspect));
        for reason in suspect.reasons.iter().take(MOST_REASONS) {
            let _ = writeln!(out, "   - {reason}");
        }
    }
    let rest = answer.ranking.suspects.len().saturating_sub(SHORT_LIST);
    if rest > 0 {
        let _ = writeln!(out, "\nAnd {rest} less likely ones.");
    }
    if !answer.ranking.next_steps.is_empty() {
        out.push_str("\nWhat would tell:\n");
        for step in &answer.ranking.next_steps {
            let _ = writeln!(out, "- {step}");
        }
    }
    for gap in &answer.gaps {
        let _ = writeln!(out, "\nNot known: {}, because {}.", gap.what, gap.why);
    }
    out
}

fn verdict(answer: &Answer) -> String {
    let ranking = &answer.ranking;
    let among = match &answer.window {
        Some(window) => format!("{} landings from {} to {}", ranking.suspects.len(), window.from, window.until),
        None => format!("{} named commits up to {}", ranking.suspects.len(), answer.until),
    };
    let nobody = ranking.none_of_these * 100.0;
    match (ranking.verdict, ranking.suspects.first()) {
        (_, None) => format!("Inconclusive: nothing to suspect among {among}.\n"),
        (Verdict::Accused, Some(first)) => format!(
            "Accused: {} with a probability of {:.0} %, among {among}; that none of them did it: {nobody:.0} %.\n",
            first.commit.short(),
            first.probability * 100.0
        ),
        (Verdict::Inconclusive, Some(_)) => {
            format!("Inconclusive among {among}; that none of them did it: {nobody:.0} %.\n")
        }
    }
}

/// `0123456789  37 %  Subject (#12), octo-dev, 2025-10-16 12:00:00 UTC`.
fn heading(suspect: &Suspect) -> String {
    let percent = suspect.probability * 100.0;
    let (commit, subject, author) = (suspect.commit.short(), &suspect.subject, &suspect.author.name);
    format!("{commit}  {percent:.0} %  {subject}, {author}, {}", suspect.committed_at)
}
