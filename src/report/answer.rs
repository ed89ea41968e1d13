//! The answer to an incident: the comment, the issue of a sweep, the job summary.

use super::escape::{Language, Markdown, NAME_LIMIT, code_block, code_span, hidden_comment, inline, link, mention};
use super::{Analysis, Places, sections, timeline};
use crate::markdown;
use crate::model::evidence::Responder;
use crate::model::marker::Marker;
use crate::model::proof::Proof;
use crate::model::publication::{FixOutcome, PullState};

/// GitHub's hard limit on a body is 65,536 UTF-16 units; this leaves room.
pub const SOFT_LIMIT: usize = 60_000;
/// What is tried when GitHub still says that a body is too long.
pub const HARD_RETRY_LIMIT: usize = 30_000;

/// Whether people are notified. A comment that is edited notifies nobody, so a mention in it would be noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagging {
    /// With `@login`, in a text that is new.
    Mention,
    /// By name.
    Name,
}

/// The whole answer, cut to `limit` UTF-16 units at a section's end.
pub fn render(analysis: &Analysis, outcome: &FixOutcome, marker: &Marker, tagging: Tagging, limit: usize) -> Markdown {
    let head =
        markdown![hidden_comment(&marker.to_string()), "\n## 📊 Incident analysis: ", incident_name(analysis), "\n\n"];
    let pieces = std::iter::once(head).chain(body(analysis, outcome, tagging));
    Markdown::fitting(pieces, limit, "\n\nThe rest did not fit; the job summary has all of it.\n".into())
}

/// The same without marker, for the job summary and the terminal.
pub fn summary(analysis: &Analysis, outcome: &FixOutcome) -> Markdown {
    let head = markdown!["## 📊 Incident analysis: ", incident_name(analysis), "\n\n"];
    let pieces = std::iter::once(head).chain(body(analysis, outcome, Tagging::Name));
    pieces.fold(Markdown::default(), |whole, piece| markdown![whole, piece])
}

/// The incident's number or id, as a link to PagerDuty where the address is known.
pub fn incident_name(analysis: &Analysis) -> Markdown {
    let name = inline(&analysis.incident().to_string(), 40);
    match &analysis.evidence.incident.address {
        Some(address) => link(name, address, &analysis.places.origins()),
        None => name,
    }
}

fn body(analysis: &Analysis, outcome: &FixOutcome, tagging: Tagging) -> Vec<Markdown> {
    let finding = analysis.diagnosis.findings.first();
    let cause = finding.map_or_else(|| sections::no_cause(analysis), |finding| sections::root_cause(analysis, finding));
    let mut pieces = vec![
        sections::facts(analysis),
        markdown!["\n### 🔍 Root cause\n\n", cause],
        markdown!["\n### 📝 Recent changes\n\n", sections::recent_changes(analysis)],
    ];
    if let Some(finding) = finding {
        let proof = analysis.proof.as_ref();
        let fix = match &finding.repair {
            Ok(repair) if proof.is_some_and(Proof::withdraws) => {
                markdown!["This patch was tried and is withdrawn; do not apply it:\n\n", sections::fix(repair)]
            }
            Ok(repair) => markdown![sections::fix(repair), "\n", sections::testing(repair, proof)],
            Err(why) => markdown!["No patch is offered: ", inline(why, 400), "\n"],
        };
        pieces.push(markdown!["\n### ✅ Suggested fix\n\n", fix]);
    }
    pieces.extend(analysis.proof.as_ref().map(|proof| markdown!["\n### 🧪 Proof\n\n", super::proof::section(proof)]));
    pieces.push(markdown!["\n### 🕒 Timeline\n\n", timeline::section(analysis)]);
    pieces.push(markdown!["\n", outcome_line(&analysis.places, outcome), "\n\n", on_call(analysis, tagging), "\n"]);
    if let Some(next) = next_command(analysis) {
        pieces.push(next);
    }
    pieces.push(markdown!["\n", sections::limits(analysis)]);
    pieces.push(footer(&analysis.places));
    pieces
}

/// What became of the fix, in a line.
pub fn outcome_line(places: &Places, outcome: &FixOutcome) -> Markdown {
    let mut line = Markdown::fixed("🔧 ");
    match outcome {
        FixOutcome::None(why) => line.push(markdown!["No pull request: ", inline(why, 400)]),
        FixOutcome::Planned => line.push("A pull request with this fix was planned; nothing was written"),
        FixOutcome::Opened(pull) => {
            let address = link(markdown!["pull request ", pull.number], &pull.address, &places.origins());
            line.push(markdown!["Opened ", address, " with commit ", places.commit(&pull.commit)]);
            if pull.verified == Some(true) {
                line.push(", signed by GitHub");
            }
            for note in &pull.notes {
                line.push(markdown!["; ", inline(note, 200)]);
            }
        }
        FixOutcome::Existing { address, number, state } => {
            let page = link(markdown!["pull request ", *number], address, &places.origins());
            line.push(match state {
                PullState::Open => markdown!["The fix is offered already by ", page],
                PullState::Merged => markdown!["The fix was merged already with ", page],
                PullState::Closed => markdown!["A person closed ", page, " with this fix; it is not offered again"],
            });
        }
        FixOutcome::ElsewhereAtWork => line.push("Another run is at work on this incident; its pull request follows"),
        FixOutcome::ForeignCommits(branch) => {
            line.push(markdown![
                "The branch ",
                code_span(branch.as_str()),
                " holds commits of others; nothing was written to it"
            ]);
        }
        FixOutcome::BranchOnly { address, commit, why } => {
            line.push(markdown!["The fix is on a branch as ", places.commit(commit), "; "]);
            line.push(markdown![
                link("open the pull request", address, &places.origins()),
                ", since ",
                inline(why, 300)
            ]);
        }
        FixOutcome::NotPermitted(why) => line.push(markdown!["Nothing could be written: ", inline(why, 400)]),
    }
    markdown![line, "."]
}

/// Who is on call.
pub fn on_call(analysis: &Analysis, tagging: Tagging) -> Markdown {
    let responders = &analysis.evidence.responders;
    if responders.is_empty() {
        return "👤 On-call: nobody could be verified for this service.".into();
    }
    let names = responders.iter().map(|responder| person(responder, tagging));
    markdown!["👤 On-call: ", Markdown::join(names, ", ")]
}

fn person(responder: &Responder, tagging: Tagging) -> Markdown {
    let name = inline(&responder.on_call.name, NAME_LIMIT);
    match (&responder.login, tagging) {
        (Some(login), Tagging::Mention) => mention(login),
        (Some(login), Tagging::Name) => markdown![name, " (", code_span(login.as_str()), ")"],
        (None, _) => markdown![name, " (no GitHub account known)"],
    }
}

/// What a person would type next, where no cause was found.
fn next_command(analysis: &Analysis) -> Option<Markdown> {
    let diagnosis = &analysis.diagnosis;
    if !diagnosis.findings.is_empty() {
        return None;
    }
    let head = &analysis.evidence.base.head;
    let command = match diagnosis.suspects.first() {
        Some(suspect) => format!("git show {}", suspect.landing.commit),
        None => format!("git log --first-parent --stat --since='7 days ago' {head}"),
    };
    Some(markdown!["\nNext:\n\n", code_block(&command, Language::Console, 3)])
}

fn footer(places: &Places) -> Markdown {
    let mut text =
        markdown!["\n<sub>Written by pagerduty-incident-responder from what it read, without a language model"];
    if let Some(run) = &places.run {
        text.push(markdown!["; ", link("the run", run, &places.origins())]);
    }
    markdown![text, ".</sub>\n"]
}
