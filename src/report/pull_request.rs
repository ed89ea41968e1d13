//! The title, body and commit message of a fix.

use super::escape::{CommitMessage, Markdown, NAME_LIMIT, PullRequestTitle, hidden_comment, inline, mention};
use super::{Analysis, answer, moment, proof, sections, timeline};
use crate::markdown;
use crate::model::diagnosis::{Fault, Finding, Repair};
use crate::model::marker::Marker;

/// `[Incident #12345] Fix memory leak in worker controller`.
pub fn title(analysis: &Analysis, finding: &Finding) -> PullRequestTitle {
    PullRequestTitle::new(&analysis.incident(), &subject(finding))
}

/// The commit, in the same words, with the reason as its body.
pub fn commit_message(analysis: &Analysis, finding: &Finding, repair: &Repair) -> CommitMessage {
    let body = format!("{}\n\nPagerDuty incident {}.", repair.why, analysis.incident());
    CommitMessage::new(&subject(finding), &body)
}

/// `Fix memory leak in worker controller` from the file's stem and the function; `Restore memory limit in deployment`.
fn subject(finding: &Finding) -> String {
    let file = finding.file.as_str().rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    match &finding.fault {
        Fault::Leak(leak) if leak.function.starts_with(stem) => format!("Fix memory leak in {}", leak.function),
        Fault::Leak(leak) => format!("Fix memory leak in {stem} {}", leak.function),
        Fault::Setting(change) => format!("Restore {} in {stem}", change.what),
    }
}

/// The body: context, cause, fix, what was checked and run, the incident's timeline, suspects, how to undo it, whom it concerns.
pub fn body(analysis: &Analysis, finding: &Finding, repair: &Repair, marker: &Marker) -> Markdown {
    let sections = [
        markdown![hidden_comment(&marker.to_string()), "\n## Context\n\n", context(analysis)],
        markdown!["\n## Root cause\n\n", sections::root_cause(analysis, finding)],
        markdown!["\n## Fix\n\n", sections::fix(repair)],
        markdown!["\n## Testing\n\n", sections::testing(repair, analysis.proof.as_ref()), CI_NOTE],
        analysis
            .proof
            .as_ref()
            .map_or_else(Markdown::default, |proof| markdown!["\n## Proof\n\n", proof::section(proof)]),
        markdown!["\n## Timeline\n\n", timeline::section(analysis)],
        markdown!["\n## Recent changes\n\n", sections::recent_changes(analysis)],
        markdown!["\n## Undo\n\n", UNDO],
        markdown!["\n", review_request(analysis), "\n"],
        markdown!["\n", sections::limits(analysis)],
    ];
    Markdown::fitting(sections, answer::SOFT_LIMIT, "\n\nThe rest did not fit into this description.\n".into())
}

const CI_NOTE: &str = "- Your own checks: a pull request that a workflow's own token opens does not start them. \
    Approve the waiting runs, or close and reopen this pull request.\n";

const UNDO: &str = "Nothing outside of this branch was changed. Close this pull request and delete the branch to discard \
    the fix; once merged, use the Revert button of this pull request.\n";

fn context(analysis: &Analysis) -> Markdown {
    let incident = &analysis.evidence.incident;
    let mut text = markdown!["PagerDuty incident: ", answer::incident_name(analysis)];
    text.push(markdown![", ", inline(&incident.title, super::escape::TITLE_LIMIT), "  \n"]);
    text.push(markdown!["Service: ", inline(&incident.service.name, NAME_LIMIT), "  \n"]);
    text.push(markdown!["Severity: ", sections::severity(&incident.severity), "  \n"]);
    text.push(markdown!["Started: ", moment(incident.created_at), "\n"]);
    text
}

/// `@on-call please review`, only for people whose login is certain.
fn review_request(analysis: &Analysis) -> Markdown {
    let logins: Vec<Markdown> =
        analysis.evidence.responders.iter().filter_map(|responder| responder.login.as_ref()).map(mention).collect();
    if logins.is_empty() {
        return answer::on_call(analysis, answer::Tagging::Name);
    }
    markdown![Markdown::join(logins, " "), " please review"]
}
