//! Reads what decides whether the landing at fault may be taken back: its inverse, what landed since, and what GitHub says.

use std::sync::Arc;

use super::github::pulls::Pull;
use super::github::{ApiError, GitHub};
use super::repository::{LandingLimits, Repository};
use super::world::{World, blocking};
use crate::failure::Failure;
use crate::model::diagnosis::{Diagnosis, LandingSummary};
use crate::model::evidence::Evidence;
use crate::model::ids::Login;
use crate::model::landing::{self, Landing};
use crate::model::marker::{Kind, Marker};
use crate::model::publication::PullState;
use crate::model::rollback::{Culprit, Forge, ForgeFacts, Inverse, Later, PullFacts, RevertPull, Rollback, Wish};
use crate::plan;
use crate::repair::rollback;
use crate::report;

/// Weighs the landing at fault, where there is one. What cannot be read holds the rollback and is told with it.
///
/// # Errors
/// Where the repository cannot be reached at all.
pub async fn weigh(
    world: &World,
    evidence: &Evidence,
    diagnosis: &Diagnosis,
    wish: Wish,
) -> Result<Option<Rollback>, Failure> {
    let Some((landing, certainty)) = rollback::culprit(diagnosis, wish) else { return Ok(None) };
    let repository = Arc::clone(world.repository().await?);
    let (commit, head) = (landing.commit.clone(), evidence.base.head.clone());
    let read = blocking(move || Ok(Read::of(&repository, &commit, &head)));
    let (read, forge) = tokio::join!(read, forge(world, evidence, &landing));
    let Read { message, is_merge, inverse, later } = read?;
    let in_deployment_at_fault = evidence.deployed.came_with_it(&landing.commit);
    let culprit = Culprit { landing, message, is_merge, certainty, in_deployment_at_fault, inverse, later, forge };
    Ok(Some(rollback::weigh(evidence, culprit, wish)))
}

/// What the repository says.
struct Read {
    message: String,
    is_merge: bool,
    inverse: Inverse,
    later: Later,
}

impl Read {
    fn of(repository: &Repository, commit: &crate::model::ids::CommitSha, head: &crate::model::ids::CommitSha) -> Read {
        let unknown = |why: Failure| Inverse::Unknown(format!("git failed: {}", why.problem));
        let limits = LandingLimits { landings: 1, bytes_each: 0, bytes_total: 0 };
        // Without its message nobody knows whether its author opted out.
        let landing = repository.landing(commit, limits);
        let inverse = landing.as_ref().map_err(Clone::clone).and_then(|_| repository.inverse(commit, head));
        let later = repository.later(commit, head);
        let (inverse, later) = match (inverse, later) {
            (Ok(inverse), Ok(later)) => (inverse, later),
            (Err(why), later) => (unknown(why), later.unwrap_or_default()),
            (Ok(_), Err(why)) => (unknown(why), Later::default()),
        };
        let is_merge = landing.as_ref().is_ok_and(Landing::is_merge);
        let message = landing.map(|it| format!("{}\n\n{}", it.subject, it.body)).unwrap_or_default();
        Read { message, is_merge, inverse, later }
    }
}

/// What GitHub says; `None` where there is no GitHub.
async fn forge(world: &World, evidence: &Evidence, landing: &LandingSummary) -> Option<Forge> {
    let github = world.github.as_ref()?;
    let facts = facts(world, github, evidence, landing).await;
    Some(facts.map_or_else(|why| Forge::Unknown(format!("GitHub was asked and failed: {}", why.problem)), Forge::Known))
}

async fn facts(
    world: &World,
    github: &GitHub,
    evidence: &Evidence,
    landing: &LandingSummary,
) -> Result<ForgeFacts, Failure> {
    let pull = match landing.pull_request {
        Some(number) => github.pull(number).await?,
        None => None,
    };
    let since = landing.committed_at.min(world.now - chrono::TimeDelta::hours(24));
    let recent: Result<Vec<Pull>, ApiError> = github.pulls_since(since).await;
    let (recent, viewer) = (recent?, world.viewer(github).await?);
    let names = evidence.incident.names();
    let own = |pull: &Pull| pull.user.as_ref().is_some_and(|user| viewer.is(user));
    // The incident's own rollback of an earlier run is found again when the branch is taken.
    let is_this_ones =
        |pull: &Pull| own(pull) && marker(pull).is_some_and(|it| it.kind == Kind::Rollback && it.is_about(&names));
    let day_ago = world.now - chrono::TimeDelta::hours(24);
    let opened = recent.iter().filter(|pull| {
        own(pull)
            && pull.branch().starts_with(plan::ROLLBACK_BRANCHES)
            && pull.created_at.is_some_and(|at| at >= day_ago)
            && !is_this_ones(pull)
    });
    let opened_today = u32::try_from(opened.count()).unwrap_or(u32::MAX);
    let reverts = recent.iter().filter(|it| !is_this_ones(it) && takes_back(it, landing));
    Ok(ForgeFacts {
        pull: pull.map(|pull| PullFacts {
            number: pull.number,
            author: pull.user.as_ref().map(|user| Login::new(user.login.clone())),
            labels: pull.labels.iter().map(|label| label.name.clone()).collect(),
            body: pull.body.clone().unwrap_or_default(),
        }),
        reverts: reverts
            .map(|pull| RevertPull { number: pull.number, address: pull.html_url.clone(), state: pull.standing() })
            .collect(),
        opened_today,
    })
}

fn marker(pull: &Pull) -> Option<Marker> {
    pull.body.as_deref().and_then(Marker::read)
}

/// Whether a pull request takes the landing back: by the branch and title of GitHub's Revert button, by git's sentence, or by
/// the mark that our own rollbacks carry.
fn takes_back(pull: &Pull, culprit: &LandingSummary) -> bool {
    let body = pull.body.as_deref().unwrap_or_default();
    let subject = culprit.subject.rsplit_once(" (#").map_or(culprit.subject.as_str(), |(subject, _)| subject);
    let by_button = culprit.pull_request.is_some_and(|number| pull.branch().starts_with(&format!("revert-{number}-")));
    let by_title =
        |title: &str| title == format!("Revert \"{subject}\"") || title == format!("Revert \"{}\"", culprit.subject);
    by_button
        || pull.title.as_deref().is_some_and(by_title)
        || landing::takes_back(body, &culprit.commit)
        || body.contains(&report::rollback::mark(&culprit.commit))
}

impl Pull {
    /// How it stands.
    pub(super) fn standing(&self) -> PullState {
        match (&self.merged_at, self.state.as_str()) {
            (Some(_), _) => PullState::Merged,
            (None, "closed") => PullState::Closed,
            _ => PullState::Open,
        }
    }

    /// The name of the branch it was opened from.
    fn branch(&self) -> &str {
        self.head.as_ref().map_or("", |head| head.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::CommitSha;
    use crate::model::landing::Person;
    use serde_json::json;

    fn landing() -> LandingSummary {
        LandingSummary {
            commit: CommitSha::new("a".repeat(40)),
            subject: "Speed up the report (#31)".to_owned(),
            author: Person { name: "octo-dev".to_owned(), email: "octo-dev@example.com".to_owned() },
            committed_at: crate::model::ids::Timestamp::default(),
            pull_request: Some(31),
        }
    }

    #[test]
    fn other_ways_to_take_a_landing_back_are_known() {
        let pull = |title: &str, body: &str, branch: &str| -> Pull {
            let record = json!({"number": 40, "html_url": "https://example.com/pull/40", "title": title, "body": body,
                "head": {"ref": branch}});
            serde_json::from_value(record).expect("a pull request")
        };
        let takes = |title: &str, body: &str, branch: &str| takes_back(&pull(title, body, branch), &landing());
        assert!(takes("Revert \"Speed up the report\"", "", "topic"));
        assert!(takes("Undo", "", "revert-31-speed-up"));
        assert!(takes("Undo", &format!("This reverts commit {}.", "a".repeat(40)), "topic"));
        assert!(takes("Undo", "This reverts commit aaaaaaaa, which was too eager.", "topic"));
        assert!(!takes("Revert \"Speed up the reports\"", "This reverts commit bbbbbbb.", "revert-310-x"));
    }
}
