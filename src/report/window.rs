//! What landed before the incident, what of it ran, and in which order it was searched.

use super::escape::{Markdown, TITLE_LIMIT, code_span, inline};
use super::{Analysis, moment};
use crate::diagnose::windows;
use crate::markdown;
use crate::model::deployed::{Rollout, Teller};
use crate::model::diagnosis::{Among, Fit, Searched};

/// The landings before the incident, what ran and who says so, and the way to what was found.
pub fn section(analysis: &Analysis) -> Markdown {
    let evidence = &analysis.evidence;
    let hours = hours(analysis);
    let mut text = match windows::in_window(evidence) {
        0 => markdown!["Nothing landed in the ", hours, " h before the incident"],
        1 => markdown!["One landing in the ", hours, " h before the incident"],
        count => markdown![count, " landings in the ", hours, " h before the incident"],
    };
    text.push(match &evidence.deployed.running {
        Some(running) => markdown![", up to ", ran(analysis, running), ".\n"],
        None => ", up to the branch as it was then: nobody says what was deployed.\n".into(),
    });
    if let Some(former) = &evidence.deployed.former {
        text.push(markdown![came_with_it(evidence.deployed.brought.len()), " the deployment, which replaced "]);
        text.push(markdown![analysis.places.commit(&former.commit), ".\n"]);
    }
    let until = evidence.window.until;
    if evidence.deployed.running.is_some() && !evidence.deployed.later.is_empty() {
        let later = evidence.deployed.later.len();
        text.push(markdown![later, if later == 1 { " landing" } else { " landings" }]);
        text.push(markdown![
            " of the branch had not reached production at ",
            moment(until),
            " and cannot be the cause.\n"
        ]);
    }
    text.push(way(analysis));
    text
}

fn hours(analysis: &Analysis) -> u64 {
    let window = analysis.evidence.window;
    (window.until - window.from).num_hours().unsigned_abs()
}

/// What ran, and how that is known.
fn ran(analysis: &Analysis, running: &Rollout) -> Markdown {
    let mut text = markdown![analysis.places.commit(&running.commit), ", which ran then"];
    text.push(match &running.told_by {
        Teller::Alert(words) => markdown![" (an alert says ", code_span(words)],
        Teller::Deployment(environment) => markdown![" (GitHub deployed it to ", code_span(environment)],
        Teller::ChangeEvent(summary) => markdown![" (a change event in PagerDuty says ", inline(summary, TITLE_LIMIT)],
    });
    match running.at {
        Some(at) => markdown![text, ", ", moment(at), ")"],
        None => markdown![text, ")"],
    }
}

fn came_with_it(landings: usize) -> Markdown {
    match landings {
        0 => "No landing came with".into(),
        1 => "One landing came with".into(),
        count => markdown![count, " landings came with"],
    }
}

/// The sets of landings in the order in which they were searched. Said only where there was more than one.
fn way(analysis: &Analysis) -> Markdown {
    let searched = &analysis.diagnosis.searched;
    if searched.len() < 2 {
        return Markdown::default();
    }
    let mut text = Markdown::fixed("\nSearched in this order:\n\n");
    for (index, it) in searched.iter().enumerate() {
        text.push(markdown![index + 1, ". ", among(analysis, it), ": ", fit(it.fit), "\n"]);
    }
    markdown![text, "\n"]
}

fn among(analysis: &Analysis, searched: &Searched) -> Markdown {
    match searched.among {
        Among::Deployment if analysis.diagnosis.searched.iter().all(|it| it.among != Among::Window) => {
            markdown!["what came with the last deployment, and with it the ", hours(analysis), " h before the incident"]
        }
        Among::Deployment => "what came with the last deployment".into(),
        Among::Window => markdown!["all landings of the ", hours(analysis), " h before the incident"],
        Among::Older => "older landings that wrote or took out what the trail leads to".into(),
    }
}

fn fit(fit: Fit) -> &'static str {
    match fit {
        Fit::Explains => "the cause is there",
        Fit::Touches => "some have to do with it, none stands out",
        Fit::Nothing => "nothing in there explains it",
    }
}
