//! Learns what ran in production when an incident began, and which landings can have caused it.
//!
//! Three say what ran, and the first that does is believed: an alert that names its own version or image, GitHub's deployments,
//! PagerDuty's change events. Whatever they say counts only if it is a commit of the branch. Where nobody says it, the branch as it
//! was at the incident is taken for what ran.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::github::ApiError;
use super::github::deployments::Rollouts;
use super::pagerduty::PagerDuty;
use super::repository::{Repository, Stretch};
use super::world::{Source, World, blocking};
use crate::diagnose::versions::{self, Version};
use crate::failure::Failure;
use crate::model::deployed::{Deployed, Rollout, Teller};
use crate::model::evidence::{Base, Gap};
use crate::model::ids::CommitSha;
use crate::model::incident::{ChangeEvent, Incident};
use crate::model::landing::Window;

/// A deployment that was told longer before the incident is not believed to be the last: whoever told it may have stopped telling.
const OLDEST: TimeDelta = TimeDelta::days(30);

/// So many tags are asked for in one run: a version has two names at most.
const MOST_TAGS: usize = 4;

/// What ran, and the landings that can have caused the incident, newest first.
#[derive(Debug, Clone, Default)]
pub struct Reachable {
    /// What ran.
    pub deployed: Deployed,
    /// Those of the window and those that came with the last deployment, none that had not reached production.
    pub landings: Vec<CommitSha>,
    /// What could not be learned.
    pub gaps: Vec<Gap>,
}

/// Asks whoever may know what ran, and lists the landings.
///
/// # Errors
/// Where the repository cannot be read at all. What nobody says is no error.
pub async fn reachable(
    world: &World,
    incident: &Incident,
    environment: Option<&str>,
    base: &Base,
    window: Window,
) -> Result<Reachable, Failure> {
    let mut gaps = Vec::new();
    let told = by_github(world, incident, environment, &mut gaps).await;
    let changes = match told.len() {
        2.. => Vec::new(),
        _ => deployments(world.pager().await?, incident, environment, &mut gaps).await,
    };
    let alerts = versions::of_alerts(incident);
    let with_versions = |change: ChangeEvent| {
        let versions = versions::of_change(&change);
        (change, versions)
    };
    let changes: Vec<(ChangeEvent, Vec<Version>)> = changes.into_iter().map(with_versions).collect();
    let tags = tagged(world, alerts.iter().chain(changes.iter().flat_map(|(_, all)| all)), &mut gaps).await;
    let question =
        Question { alerts, told, changes, tags, branch: base.branch.to_string(), head: base.head.clone(), window };
    let repository = Arc::clone(world.repository().await?);
    blocking(move || question.answer(&repository, gaps)).await
}

/// The last two deployments to production that GitHub knows.
async fn by_github(world: &World, incident: &Incident, environment: Option<&str>, gaps: &mut Vec<Gap>) -> Vec<Rollout> {
    let Some(github) = &world.github else { return Vec::new() };
    let Rollouts { rollouts, others } = github.rollouts(environment, incident.created_at).await.unwrap_or_else(|why| {
        let because = match why.lacks_permission() {
            true => "the token lacks `deployments: read`".to_owned(),
            false => failed(why),
        };
        gaps.push(Gap::new("what GitHub deployed to production", because));
        Rollouts::default()
    });
    if !others.is_empty() {
        let why =
            "none of these environments is known to be production; the configuration can name one for the service";
        gaps.push(Gap::new(format!("deployments to {}", others.join(", ")), why));
    }
    rollouts
}

fn failed(why: ApiError) -> String {
    format!("GitHub was asked and failed: {}", Failure::from(why).problem)
}

/// The change events that tell of deployments before the incident, newest first: those of the incident, and where these are too few
/// to say what ran before, those of its service.
async fn deployments(
    pager: &PagerDuty,
    incident: &Incident,
    environment: Option<&str>,
    gaps: &mut Vec<Gap>,
) -> Vec<ChangeEvent> {
    let until = incident.created_at;
    let fitting = |changes: &[ChangeEvent]| -> Vec<ChangeEvent> {
        let before = |change: &&ChangeEvent| change.at.is_some_and(|at| at <= until);
        let tells = |change: &&ChangeEvent| versions::tells_of_deployment(change, environment);
        changes.iter().filter(before).filter(tells).cloned().collect()
    };
    let related = fitting(&incident.change_events);
    if related.len() >= 2 {
        return related;
    }
    let listed = pager.service_changes(&incident.service.id, until - OLDEST, until).await;
    let of_service = fitting(&listed.into_parts(gaps));
    if of_service.len() > related.len() { of_service } else { related }
}

/// The commits of tags that GitHub knows, which a private copy has not. A version that may be a commit's id is not asked for.
async fn tagged(
    world: &World,
    versions: impl Iterator<Item = &Version>,
    gaps: &mut Vec<Gap>,
) -> HashMap<String, CommitSha> {
    let mut found = HashMap::new();
    let (Some(github), Source::GitHub) = (&world.github, &world.source) else { return found };
    let tags = versions.filter(|version| version.commits.is_empty()).flat_map(|version| &version.tags);
    for tag in tags.take(MOST_TAGS) {
        match github.commit_tagged(tag).await {
            Ok(commit) => found.extend(commit.map(|commit| (tag.clone(), commit))),
            Err(why) => gaps.push(Gap::new(format!("the commit of the tag {tag}"), failed(why))),
        }
    }
    found
}

/// What the repository is asked.
struct Question {
    alerts: Vec<Version>,
    told: Vec<Rollout>,
    changes: Vec<(ChangeEvent, Vec<Version>)>,
    tags: HashMap<String, CommitSha>,
    branch: String,
    head: CommitSha,
    window: Window,
}

impl Question {
    fn answer(&self, repository: &Repository, mut gaps: Vec<Gap>) -> Result<Reachable, Failure> {
        let alert = self.by_alert(repository);
        let told = self.told(repository, &mut gaps);
        let running = alert.or_else(|| told.first().cloned());
        let former = running.as_ref().and_then(|running| former(repository, running, &told));
        let (ran, before) = (running.as_ref().map(|it| &it.commit), former.as_ref().map(|it| &it.commit));
        let Stretch { landings, brought, later, tip } = repository.stretch(&self.head, self.window, ran, before)?;
        Ok(Reachable { deployed: Deployed { running, former, brought, later, tip }, landings, gaps })
    }

    /// The first version that an alert names and that is a commit of the branch.
    fn by_alert(&self, repository: &Repository) -> Option<Rollout> {
        self.alerts.iter().find_map(|version| {
            let commit = self.commit_of(repository, version)?;
            let told_by = Teller::Alert(version.words.clone());
            self.is_on_branch(repository, &commit).then_some(Rollout { commit, at: None, told_by })
        })
    }

    /// What was told of deployments, newest first, as far as it can be believed.
    fn told(&self, repository: &Repository, gaps: &mut Vec<Gap>) -> Vec<Rollout> {
        let mut told = self.told.clone();
        let oldest = told.last().and_then(|it| it.at);
        for (change, versions) in self.changes.iter().filter(|(change, _)| oldest.is_none() || change.at < oldest) {
            let found = versions.iter().find_map(|version| self.commit_of(repository, version));
            let told_by = Teller::ChangeEvent(change.summary.clone());
            told.extend(found.map(|commit| Rollout { commit, at: change.at, told_by }));
        }
        let age = |it: &Rollout| it.at.map_or(TimeDelta::zero(), |at| self.window.until - at);
        let Some(last) = told.first() else { return told };
        let doubt = if age(last) > OLDEST {
            let days = age(last).num_days();
            Some(format!("it is {days} days older than the incident, and later ones may not have been told"))
        } else if !self.is_on_branch(repository, &last.commit) {
            Some(format!("the branch {} does not hold it", self.branch))
        } else {
            None
        };
        if let Some(why) = doubt {
            gaps.push(Gap::new(format!("what came with the deployment of {}", last.commit.short()), why));
            return Vec::new();
        }
        told
    }

    /// The commit of a version: by its id, or by a tag that GitHub or the folder knows. What cannot be read is no commit.
    fn commit_of(&self, repository: &Repository, version: &Version) -> Option<CommitSha> {
        let by_id = version.commits.iter().find_map(|id| repository.commit_named(id).ok().flatten());
        by_id.or_else(|| {
            let known = |tag: &String| self.tags.get(tag).cloned();
            version.tags.iter().find_map(|tag| known(tag).or_else(|| repository.commit_tagged(tag).ok().flatten()))
        })
    }

    fn is_on_branch(&self, repository: &Repository, commit: &CommitSha) -> bool {
        repository.holds_by(&self.head, commit, self.window.until).unwrap_or(false)
    }
}

/// The newest of the deployments that is older than what ran. A commit that the copy lacks was deployed from elsewhere.
fn former(repository: &Repository, running: &Rollout, told: &[Rollout]) -> Option<Rollout> {
    let mut others = told.iter().filter(|it| it.commit != running.commit);
    others.find(|it| repository.is_ancestor(&it.commit, &running.commit).unwrap_or(false)).cloned()
}
