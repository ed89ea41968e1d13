//! The incident as a list of moments: what landed, what was deployed, what fired, what is offered now.

use serde_json::{Value, json};

use super::escape::{Markdown, TITLE_LIMIT, inline};
use super::{Analysis, moment};
use crate::diagnose::symptom_kind;
use crate::markdown;
use crate::model::deployed::Rollout;
use crate::model::diagnosis::{LandingSummary, SymptomKind, Verdict};
use crate::model::ids::Timestamp;
use crate::plan;

/// At most so many deployments are named, the last ones.
const MOST_DEPLOYMENTS: usize = 3;

/// One moment.
struct Moment<'a> {
    at: Timestamp,
    what: What<'a>,
}

/// What happened at a moment. The order is that of things that happen in the same second.
enum What<'a> {
    Landed(&'a LandingSummary),
    Deployed(&'a str),
    Ran(&'a Rollout),
    Alert(&'a str),
    Killed(&'a str),
    Raised,
    Resolved,
    Offered,
}

/// The list, oldest first.
pub fn section(analysis: &Analysis) -> Markdown {
    let lines =
        moments(analysis).into_iter().map(|it| markdown!["- ", moment(it.at), ": ", words(analysis, &it.what), "\n"]);
    lines.collect()
}

/// The same for `--format json`.
pub fn json(analysis: &Analysis) -> Vec<Value> {
    let value = |it: &Moment| {
        let (kind, detail) = match &it.what {
            What::Landed(landing) => ("landing", json!(landing.commit)),
            What::Deployed(summary) => ("deployment", json!(summary)),
            What::Ran(rollout) => ("deployment", json!(rollout.commit)),
            What::Alert(summary) => ("alert", json!(summary)),
            What::Killed(summary) => ("kill", json!(summary)),
            What::Raised => ("incident", Value::Null),
            What::Resolved => ("resolved", Value::Null),
            What::Offered => ("fix", Value::Null),
        };
        json!({ "at": it.at, "kind": kind, "detail": detail })
    };
    moments(analysis).iter().map(value).collect()
}

fn moments(analysis: &Analysis) -> Vec<Moment<'_>> {
    let incident = &analysis.evidence.incident;
    let mut all: Vec<Moment> = Vec::new();
    all.extend(culprit(analysis).map(|landing| Moment { at: landing.committed_at, what: What::Landed(landing) }));
    let changes = incident.change_events.iter().filter_map(|change| {
        let at = change.at.filter(|at| *at <= incident.created_at)?;
        Some(Moment { at, what: What::Deployed(&change.summary) })
    });
    let mut changes: Vec<Moment> = changes.collect();
    changes.sort_by_key(|change| change.at);
    if changes.is_empty() {
        let ran = analysis.evidence.deployed.running.as_ref();
        changes.extend(ran.and_then(|rollout| Some(Moment { at: rollout.at?, what: What::Ran(rollout) })));
    }
    all.extend(changes.into_iter().rev().take(MOST_DEPLOYMENTS));
    let first = incident.alerts.iter().filter_map(|alert| Some((alert.created_at?, alert))).min_by_key(|(at, _)| *at);
    all.extend(first.map(|(at, alert)| {
        let is_kill = analysis.diagnosis.symptom == SymptomKind::Memory && symptom_kind::tells_of_a_kill(alert);
        let what = if is_kill { What::Killed(&alert.summary) } else { What::Alert(&alert.summary) };
        Moment { at, what }
    }));
    all.push(Moment { at: incident.created_at, what: What::Raised });
    all.extend(incident.resolved_at.map(|at| Moment { at, what: What::Resolved }));
    if plan::offered(analysis).is_ok() {
        all.push(Moment { at: analysis.at, what: What::Offered });
    }
    // A stable sort: what stands first above comes first among things of the same second.
    all.sort_by_key(|it| it.at.timestamp());
    all
}

/// The landing that made the fault, or the accused one.
fn culprit(analysis: &Analysis) -> Option<&LandingSummary> {
    let diagnosis = &analysis.diagnosis;
    let made = diagnosis.provenance.as_ref().map(|it| &it.landing);
    let accused = diagnosis.suspects.first().filter(|_| diagnosis.verdict == Verdict::Accused);
    made.or(accused.map(|suspect| &suspect.landing))
}

fn words(analysis: &Analysis, what: &What) -> Markdown {
    match what {
        What::Landed(landing) => {
            markdown!["landed: ", analysis.places.commit(&landing.commit), " ", inline(&landing.subject, 120)]
        }
        What::Deployed(summary) => markdown!["deployed: ", inline(summary, TITLE_LIMIT)],
        What::Ran(rollout) => markdown!["deployed: ", analysis.places.commit(&rollout.commit)],
        What::Alert(summary) => markdown!["first alert: ", inline(summary, TITLE_LIMIT)],
        What::Killed(summary) => markdown!["killed, says the first alert: ", inline(summary, TITLE_LIMIT)],
        What::Raised => "the incident was raised".into(),
        What::Resolved => "the incident was resolved".into(),
        What::Offered => match &analysis.proof {
            Some(proof) => markdown!["a fix was made (", proof.verdict.words(), ")"],
            None => "a fix was made".into(),
        },
    }
}
