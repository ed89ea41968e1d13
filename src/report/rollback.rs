//! Taking a landing back, in words: beside the fix in the answer, and as a pull request of its own.

use super::escape::{
    CommitMessage, Language, MOST_LINES, Markdown, NAME_LIMIT, PullRequestTitle, code_block, code_span, details,
    hidden_comment, inline,
};
use super::{Analysis, answer, pull_request, sections};
use crate::markdown;
use crate::model::diagnosis::Repair;
use crate::model::edit;
use crate::model::ids::CommitSha;
use crate::model::landing::FileMode;
use crate::model::marker::Marker;
use crate::model::rollback::{Certainty, FileState, Forge, Inverse, InverseChange, PullFacts, Rollback, Wish};
use crate::plan::{self, Choice};
use crate::repair::rollback;

/// Files of an inverse that are listed by name.
const MOST_FILES: usize = 20;
/// A file larger than this is named and not shown, in bytes: its difference would fill the page.
const SHOWN_FILE: usize = 256 << 10;

/// By which a rollback of a commit is found again, whatever the incident.
pub fn mark(commit: &CommitSha) -> String {
    format!("pagerduty-incident-responder: takes back {commit}")
}

/// Rollback and fix side by side, one recommended and why. `None` where no landing is at fault.
pub fn section(analysis: &Analysis) -> Option<Markdown> {
    let rollback = analysis.rollback.as_ref()?;
    let mut text = markdown!["- Rollback: ", state(analysis, rollback), "\n"];
    let finding = analysis.diagnosis.findings.first();
    let repair = finding.and_then(|finding| finding.repair.as_ref().ok());
    text.push(match (finding, repair) {
        (_, Some(repair)) if rollback::is_the_fix(rollback, repair) => {
            "- Fix forward: the patch above. Taking the landing back *is* this fix: both lead to the same files\n"
                .into()
        }
        (_, Some(_)) => "- Fix forward: the patch above, which takes back nothing else of the landing\n".into(),
        (Some(_), None) => Markdown::fixed("- Fix forward: a fault was found, but no patch for it is safe\n"),
        (None, None) => Markdown::fixed("- Fix forward: none, since no fault was found in the code itself\n"),
    });
    text.push(markdown!["- Recommended: ", recommended(analysis, rollback, repair), "\n"]);
    if !matches!(plan::choice(analysis), Choice::Rollback(_)) {
        text.push(by_hand(rollback));
    }
    Some(text)
}

/// What taking the landing back would do, and what stands in its way.
fn state(analysis: &Analysis, rollback: &Rollback) -> Markdown {
    let mut text = markdown!["taking back ", analysis.places.landing(&rollback.culprit.landing)];
    if let Inverse::Clean(changes) = &rollback.culprit.inverse
        && !changes.is_empty()
    {
        text.push(markdown![" changes ", files(changes.len())]);
    }
    if rollback.may_open() {
        text.push(". Every condition for it holds");
    } else {
        text.push(markdown![". It is not opened as a pull request: ", held_by(rollback)]);
    }
    text
}

fn files(count: usize) -> Markdown {
    if count == 1 { "one file".into() } else { markdown![count, " files"] }
}

fn held_by(rollback: &Rollback) -> Markdown {
    sections::prose(&rollback.held_by.join("; "), 400)
}

fn recommended(analysis: &Analysis, rollback: &Rollback, repair: Option<&Repair>) -> Markdown {
    match plan::choice(analysis) {
        Choice::Rollback(_) if rollback.wish == Wish::Asked => "the rollback, since it was asked for".into(),
        Choice::Rollback(_) => "the rollback, since it brings back what ran before and no patch is at hand".into(),
        Choice::Fix(..) if repair.is_some_and(|repair| rollback::is_the_fix(rollback, repair)) => {
            "the fix, which is the rollback".into()
        }
        Choice::Fix(..) if rollback.may_open() => {
            "the fix, since it is checked and smaller; the rollback can be asked for".into()
        }
        Choice::Fix(..) => "the fix".into(),
        Choice::Nothing(_) => "a person decides, since nothing may be opened".into(),
    }
}

/// What a person would type to take it back all the same.
fn by_hand(rollback: &Rollback) -> Markdown {
    let mainline = if rollback.culprit.is_merge { "-m 1 " } else { "" };
    let command = format!("git revert {mainline}{}", rollback.commit());
    let inverse = diff(rollback.changes());
    let mut text = markdown!["\n", code_block(&command, Language::Console, 3)];
    if !inverse.is_empty() {
        text.push(details("What taking it back would change", code_block(&inverse, Language::Diff, MOST_LINES)));
    }
    markdown!["\nBy hand:\n", text]
}

/// `[Incident #12345] Roll back pull request 31 (report.py)`.
pub fn title(analysis: &Analysis, rollback: &Rollback) -> PullRequestTitle {
    PullRequestTitle::new(&analysis.incident(), &subject(rollback))
}

/// Fixed words, the number of a pull request and the name of a file. The landing's own subject is foreign and stays out.
fn subject(rollback: &Rollback) -> String {
    let largest =
        rollback.changes().iter().max_by_key(|change| change.before.as_ref().map_or(0, |it| it.contents.len()));
    let file = largest.map_or("", |change| change.path.as_str().rsplit('/').next().unwrap_or_default());
    match rollback.culprit.landing.pull_request {
        Some(number) => format!("Roll back pull request {number} ({file})"),
        None => format!("Roll back the last change of {file}"),
    }
}

/// The commit: git's own sentence for a revert, and the incident.
pub fn commit_message(analysis: &Analysis, rollback: &Rollback) -> CommitMessage {
    let body = format!("PagerDuty incident {}.", analysis.incident());
    CommitMessage::new(&subject(rollback), &body).reverting(rollback.commit())
}

/// The body: context, reason, what is taken back and whose it is, what was checked, how it lands again.
pub fn body(analysis: &Analysis, rollback: &Rollback, marker: &Marker) -> Markdown {
    let head = markdown![hidden_comment(&marker.to_string()), "\n", hidden_comment(&mark(rollback.commit()))];
    let sections = [
        markdown![head, "\n## Context\n\n", pull_request::context(analysis)],
        markdown!["\n## Why this landing\n\n", reason(analysis, rollback)],
        markdown!["\n## What is taken back\n\n", taken_back(analysis, rollback)],
        markdown!["\n", code_block(&diff(rollback.changes()), Language::Diff, MOST_LINES)],
        markdown!["\n## Testing\n\n", testing(), pull_request::CI_NOTE],
        markdown!["\n## How to land it again\n\n", land_again(rollback)],
        markdown!["\n## Recent changes\n\n", sections::recent_changes(analysis)],
        markdown!["\n## Undo\n\n", UNDO],
        markdown!["\n", pull_request::review_request(analysis), "\n"],
        markdown!["\n", sections::limits(analysis)],
    ];
    Markdown::fitting(sections, answer::SOFT_LIMIT, "\n\nThe rest did not fit into this description.\n".into())
}

const UNDO: &str = "Nothing outside of this branch was changed. Close this pull request and delete the branch to discard \
    the rollback; it is not offered again then.\n";

fn reason(analysis: &Analysis, rollback: &Rollback) -> Markdown {
    let mut text = match rollback.culprit.certainty {
        Certainty::Shown => "What was found in the repository was brought by this landing:\n\n".into(),
        Certainty::Accused(probability) => {
            let percent = (probability.clamp(0.0, 1.0) * 100.0).round() as u32;
            markdown!["With a probability of ", percent, " % this landing caused the incident:\n\n"]
        }
        Certainty::Suspected => "No landing is accused; this one is the first to look at:\n\n".into(),
    };
    let commit = rollback.commit();
    let suspect = analysis.diagnosis.suspects.iter().find(|suspect| suspect.landing.commit == *commit);
    for reason in suspect.into_iter().flat_map(|suspect| &suspect.reasons) {
        text.push(markdown!["- ", sections::prose(reason, 300), "\n"]);
    }
    if let Some(finding) = analysis.diagnosis.findings.first() {
        text.push(markdown!["\n", sections::root_cause(analysis, finding)]);
    }
    if rollback.wish == Wish::Asked {
        text.push("\nThe rollback was asked for in a comment by a person with write access.\n");
    }
    text
}

/// The landing, whose it is, and the files.
fn taken_back(analysis: &Analysis, rollback: &Rollback) -> Markdown {
    let landing = &rollback.culprit.landing;
    let mut text = markdown!["- Landing: ", analysis.places.landing(landing), "\n"];
    text.push(markdown!["- Author: ", inline(&landing.author.name, NAME_LIMIT)]);
    if let Some(PullFacts { author: Some(login), number, .. }) = pull(rollback) {
        text.push(markdown![", ", code_span(login.as_str()), " by ", analysis.places.pull(*number)]);
    }
    text.push("\n");
    let changes = rollback.changes();
    let named = changes.iter().take(MOST_FILES).map(|change| code_span(change.path.as_str()));
    text.push(markdown!["- Files: ", Markdown::join(named, ", ")]);
    if changes.len() > MOST_FILES {
        text.push(markdown![" and ", changes.len() - MOST_FILES, " more"]);
    }
    markdown![text, "\n"]
}

/// GitHub's record of the pull request that brought the landing.
fn pull(rollback: &Rollback) -> Option<&PullFacts> {
    match &rollback.culprit.forge {
        Some(Forge::Known(facts)) => facts.pull.as_ref(),
        _ => None,
    }
}

fn testing() -> Markdown {
    let checks = rollback::checks().map(|check| markdown!["- Checked: ", check, "\n"]);
    markdown![checks.collect::<Markdown>(), "- Not run: this analysis neither built nor executed the service.\n"]
}

fn land_again(rollback: &Rollback) -> Markdown {
    let mut text = Markdown::fixed(
        "Once this is merged and the cause is mended, take the rollback back on a new branch and mend it there:\n\n",
    );
    let commands = "git switch --create mended origin/HEAD\ngit revert THE-COMMIT-OF-THIS-PULL-REQUEST";
    text.push(code_block(commands, Language::Console, 5));
    if let Some(number) = rollback.culprit.landing.pull_request {
        text.push(markdown![
            "\nor press Revert on this pull request. What pull request ",
            number,
            " said still holds.\n"
        ]);
    }
    text
}

/// The inverse as a diff for people; what has no lines is told in a line.
pub fn diff(changes: &[InverseChange]) -> String {
    changes.iter().map(file_diff).collect()
}

fn file_diff(change: &InverseChange) -> String {
    let path = change.path.as_str();
    let mode = |state: &Option<FileState>| state.as_ref().map(|state| state.mode);
    let mut text = match (mode(&change.before), mode(&change.after)) {
        (None, Some(mode)) => format!("new file {path}, mode {:06o}\n", mode.0),
        (Some(_), None) => format!("deleted file {path}\n"),
        (Some(old), Some(new)) if old != new => format!("mode of {path}: {:06o} to {:06o}\n", old.0, new.0),
        _ => String::new(),
    };
    match (lines(&change.before), lines(&change.after)) {
        (Some(before), Some(after)) => text.push_str(&edit::unified_diff(path, before, after)),
        _ => text.push_str(&format!("{path} is not shown: it is large, or no text\n")),
    }
    text
}

/// The text of a file on one side; empty where it is not there.
fn lines(state: &Option<FileState>) -> Option<&str> {
    let Some(state) = state else { return Some("") };
    let is_shown = state.contents.len() <= SHOWN_FILE && state.mode != FileMode::SUBMODULE;
    std::str::from_utf8(&state.contents).ok().filter(|text| is_shown && !text.contains('\0'))
}
