//! Many incidents: which ones, in which order, and which were answered before.

use crate::analyse::{analyse, answer_marker, plan, prove, publish};
use crate::failure::Failure;
use crate::io::gather;
use crate::io::github::GitHub;
use crate::io::github::people::{Account, Viewer};
use crate::io::world::World;
use crate::markdown;
use crate::model::evidence::Gap;
use crate::model::ids::{IncidentReference, Timestamp};
use crate::model::incident::{IncidentSummary, Urgency};
use crate::model::marker::Marker;
use crate::model::outcome::{Outcome, RunResult};
use crate::model::publication::FixOutcome;
use crate::plan::fingerprint;
use crate::report::answer::{self, SOFT_LIMIT, Tagging};
use crate::report::escape::{Markdown, inline};
use crate::report::sweep::{Row, render};
use crate::report::{Analysis, sweep as texts};
use crate::settings::SweepReport;

/// PagerDuty searches at most six months back.
const LONGEST_OPEN_DAYS: i64 = 179;
/// One answered incident takes at most so many requests to GitHub.
const REQUESTS_PER_INCIDENT: u32 = 20;
/// The label of an issue that holds an answer, and by which it is found again.
const ISSUE_LABEL: &str = "incident";

/// Answers every open incident of this repository's services that was not answered before, one after the other.
///
/// # Errors
/// Where no list of incidents can be read, or GitHub cannot be asked what was answered before. What fails for one
/// incident is told in the table, and the others are answered all the same.
pub async fn run(world: &World) -> Result<Outcome, Failure> {
    let snapshot = gather::base(world).await?;
    let services: Vec<String> = snapshot.config.services.keys().cloned().collect();
    if services.is_empty() {
        let reason = "a sweep answers the services that the configuration file maps, and it maps none";
        return Ok(Outcome::skipped(reason));
    }
    let since = world.now - chrono::TimeDelta::days(LONGEST_OPEN_DAYS);
    let read = world.pager().await?.open_incidents(Some(&services), since, world.now).await?;
    let (mut open, gaps) = (read.value, read.gaps);
    order(&mut open);
    let answered = Answered::read(world, open.iter().map(|incident| incident.created_at).min()).await?;
    let mut rows = Vec::new();
    for (index, incident) in open.iter().enumerate() {
        let outcome = if index >= world.settings.max_incidents {
            "left for the next run: `max-incidents` is reached".into()
        } else if world.github.as_ref().is_some_and(|github| !github.can_afford(REQUESTS_PER_INCIDENT)) {
            "left for the next run: the budget of requests is used up".into()
        } else {
            one(world, incident, &answered)
                .await
                .unwrap_or_else(|failure| markdown!["failed: ", inline(&failure.problem, 300)])
        };
        rows.push(row(incident, outcome));
    }
    let summary = Some(markdown![render(&rows), told(&gaps)]);
    Ok(Outcome { result: RunResult::Swept, reason: None, outputs: Vec::new(), summary })
}

/// By priority, then urgency, then age: what hurts most and waits longest comes first.
fn order(open: &mut [IncidentSummary]) {
    open.sort_by(|a, b| {
        let priority = |it: &IncidentSummary| it.priority.clone().unwrap_or_else(|| "~".to_owned());
        let urgency = |it: &IncidentSummary| std::cmp::Reverse(it.urgency.unwrap_or(Urgency::Low));
        (priority(a), urgency(a), a.created_at, &a.id).cmp(&(priority(b), urgency(b), b.created_at, &b.id))
    });
}

/// Answers one incident, unless the same answer stands already.
async fn one(world: &World, incident: &IncidentSummary, answered: &Answered) -> Result<Markdown, Failure> {
    let reference = IncidentReference::Id(incident.id.clone());
    let analysis = analyse(world, &reference, None).await?;
    if analysis.evidence.incident.status == crate::model::incident::IncidentStatus::Resolved {
        return Ok("resolved meanwhile: left alone".into());
    }
    if answered.holds(&analysis, fingerprint(&analysis).as_str()) {
        return Ok("answered before: left alone".into());
    }
    // Nothing is executed for an answer that stands already.
    let analysis = prove(world, analysis).await?;
    let publication = plan(world, &analysis);
    let fixed = publish(world, &analysis, &publication).await?;
    let mut told = answer::outcome_line(&analysis.places, &fixed);
    let has_pull = matches!(fixed, FixOutcome::Opened(_) | FixOutcome::Existing { .. });
    if !has_pull && world.settings.sweep_report == SweepReport::Issue {
        let marker = answer_marker(world, &analysis, &publication);
        let body = answer::render(&analysis, &fixed, &marker, Tagging::Mention, SOFT_LIMIT);
        told.push(report_issue(world, &analysis, &body, answered).await?);
    }
    Ok(told)
}

/// One issue per incident: the one that an earlier sweep opened is brought up to date.
async fn report_issue(
    world: &World,
    analysis: &Analysis,
    body: &Markdown,
    answered: &Answered,
) -> Result<Markdown, Failure> {
    let Some(github) = world.writable() else { return Ok(Markdown::default()) };
    let issue = match answered.issue(analysis) {
        Some(number) => github.update_issue(number, body).await?,
        None => {
            let title = texts::issue_title(&analysis.incident());
            github.open_issue(&title, body, &[ISSUE_LABEL.to_owned()]).await?
        }
    };
    Ok(markdown![
        " Issue ",
        crate::report::escape::link(markdown![issue.number], &issue.html_url, &analysis.places.origins()),
        "."
    ])
}

/// Everything that we wrote before: markers with our own authorship, and the issues they stand in.
#[derive(Debug, Default)]
struct Answered {
    markers: Vec<(Marker, Option<u64>)>,
}

impl Answered {
    /// Reads issues and pull requests with our label of any state, and the comments since the oldest open incident.
    async fn read(world: &World, oldest: Option<Timestamp>) -> Result<Answered, Failure> {
        let (Some(github), Some(oldest)) = (&world.github, oldest) else { return Ok(Answered::default()) };
        let viewer = world.viewer(github).await?;
        let mut labels: Vec<&str> =
            world.settings.labels.iter().map(String::as_str).take(1).chain([ISSUE_LABEL]).collect();
        labels.dedup();
        let mut markers = Vec::new();
        for label in labels {
            for issue in github.issues_labelled(label).await?.0 {
                let plain = issue.pull_request.is_none();
                let marker = marker(viewer, issue.user.as_ref(), issue.body.as_deref());
                markers.extend(marker.map(|marker| (marker, plain.then_some(issue.number))));
            }
        }
        for comment in comments(github, oldest).await? {
            let marker = marker(viewer, comment.user.as_ref(), comment.body.as_deref());
            markers.extend(marker.map(|marker| (marker, None)));
        }
        Ok(Answered { markers })
    }

    fn holds(&self, analysis: &Analysis, fingerprint: &str) -> bool {
        let names = analysis.names();
        self.markers.iter().any(|(marker, _)| {
            marker.is_about(&names) && marker.fingerprint.as_ref().is_some_and(|it| it.as_str() == fingerprint)
        })
    }

    fn issue(&self, analysis: &Analysis) -> Option<u64> {
        let names = analysis.names();
        self.markers.iter().find_map(|(marker, issue)| issue.filter(|_| marker.is_about(&names)))
    }
}

async fn comments(github: &GitHub, since: Timestamp) -> Result<Vec<crate::io::github::threads::Comment>, Failure> {
    Ok(github.comments_since(since).await?.0)
}

fn marker(viewer: &Viewer, author: Option<&Account>, body: Option<&str>) -> Option<Marker> {
    let is_own = author.is_some_and(|author| viewer.is(author));
    body.and_then(Marker::read).filter(|_| is_own)
}

fn row(incident: &IncidentSummary, outcome: Markdown) -> Row {
    let reference =
        incident.number.map_or_else(|| IncidentReference::Id(incident.id.clone()), IncidentReference::Number);
    let service = incident.service_name.clone().unwrap_or_else(|| incident.service.to_string());
    Row { incident: reference, title: incident.title.clone(), service, outcome }
}

/// What the list of incidents may lack.
fn told(gaps: &[Gap]) -> Markdown {
    let lines = gaps
        .iter()
        .map(|gap| markdown!["\n- Not looked at: ", inline(&gap.what, 200), ", because ", inline(&gap.why, 300)]);
    lines.fold(Markdown::default(), |whole, line| markdown![whole, line])
}
