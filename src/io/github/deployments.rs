//! What was deployed when, and what came of it.

use std::collections::HashMap;

use serde::Deserialize;

use super::people::encode;
use super::{ApiError, GitHub};
use crate::diagnose::versions::is_production;
use crate::model::deployed::{Rollout, Teller};
use crate::model::ids::{CommitSha, Timestamp};

/// Deployments in one answer, which is the most that GitHub gives.
const PAGE: usize = 100;
/// Deployments whose fate is asked for. Two are wanted, and some may have failed.
const MOST_ASKED: usize = 6;

/// A deployment, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// GitHub's number.
    pub id: u64,
    /// The commit that was deployed.
    pub sha: CommitSha,
    /// Where to.
    #[serde(default)]
    pub environment: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Whether its maker says that users meet this environment.
    #[serde(default)]
    production_environment: bool,
    /// Whether its maker says that it goes away again, as a preview does.
    #[serde(default)]
    transient_environment: bool,
}

/// One thing that happened to a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Status {
    state: String,
    created_at: Timestamp,
}

/// What was asked before in this run: a sweep asks for each of its incidents.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By environment; a refusal stays one.
    deployments: HashMap<Option<String>, Result<Vec<Deployment>, ApiError>>,
    statuses: HashMap<u64, Vec<Status>>,
}

/// The deployments to production, as far as they could be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollouts {
    /// Newest first: the one that ran, and what ran before it.
    pub rollouts: Vec<Rollout>,
    /// Environments that deployments went to and that are not known to be production. Empty where there was one that is.
    pub others: Vec<String>,
}

impl GitHub {
    /// The commits that had been brought to production by a moment, newest first: the last two that differ. Without the name of an
    /// `environment`, GitHub's own mark and the environments' names say what is production.
    ///
    /// # Errors
    /// 403 where the token lacks `deployments: read`; else as any request.
    pub async fn rollouts(&self, environment: Option<&str>, moment: Timestamp) -> Result<Rollouts, ApiError> {
        let mut all = self.deployments(environment).await?;
        if environment.is_none() && all.len() == PAGE && !all.iter().any(|it| is_wanted(it, None)) {
            // Previews may have filled the answer.
            all.extend(self.deployments(Some("production")).await?);
        }
        let wanted = all.iter().filter(|it| is_wanted(it, environment) && it.created_at <= moment);
        let mut rollouts: Vec<Rollout> = Vec::new();
        for deployment in wanted.take(MOST_ASKED) {
            let is_known = rollouts.iter().any(|it| it.commit == deployment.sha);
            if is_known {
                continue;
            }
            let statuses = self.statuses(deployment.id).await?;
            rollouts.extend(arrival(deployment, &statuses, moment).map(|at| Rollout {
                commit: deployment.sha.clone(),
                at: Some(at),
                told_by: Teller::Deployment(deployment.environment.clone()),
            }));
            if rollouts.len() == 2 {
                break;
            }
        }
        let mut others: Vec<String> = all.iter().map(|it| it.environment.clone()).collect();
        others.sort_unstable();
        others.dedup();
        if all.iter().any(|it| is_wanted(it, environment)) {
            others.clear();
        }
        Ok(Rollouts { rollouts, others })
    }

    /// The commit of a tag, where there is one.
    ///
    /// # Errors
    /// As any request.
    pub async fn commit_tagged(&self, tag: &str) -> Result<Option<CommitSha>, ApiError> {
        #[derive(Deserialize)]
        struct Commit {
            sha: CommitSha,
        }
        // One file of its difference is as few as GitHub gives.
        match self.get::<Commit>(&format!("/commits/{}?per_page=1", encode(&format!("tags/{tag}")))).await {
            Ok(commit) => Ok(Some(commit.sha)),
            // 422: there is no commit of that name.
            Err(why) if matches!(why.status(), Some(404 | 422)) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// The newest deployments, newest first.
    async fn deployments(&self, environment: Option<&str>) -> Result<Vec<Deployment>, ApiError> {
        let mut known = self.known.lock().await;
        let environment = environment.map(str::to_owned);
        if let Some(answer) = known.deployments.get(&environment) {
            return answer.clone();
        }
        let answer = self.ask_for_deployments(environment.as_deref()).await;
        if answer.as_ref().err().is_none_or(ApiError::lacks_permission) {
            known.deployments.insert(environment, answer.clone());
        }
        answer
    }

    async fn statuses(&self, deployment: u64) -> Result<Vec<Status>, ApiError> {
        let mut known = self.known.lock().await;
        if let Some(statuses) = known.statuses.get(&deployment) {
            return Ok(statuses.clone());
        }
        let statuses: Vec<Status> = self.get(&format!("/deployments/{deployment}/statuses?per_page={PAGE}")).await?;
        known.statuses.insert(deployment, statuses.clone());
        Ok(statuses)
    }

    async fn ask_for_deployments(&self, environment: Option<&str>) -> Result<Vec<Deployment>, ApiError> {
        let mut route = format!("/deployments?per_page={PAGE}");
        if let Some(environment) = environment {
            route.push_str(&format!("&environment={}", encode(environment)));
        }
        let mut all: Vec<Deployment> = self.get(&route).await?;
        all.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at));
        Ok(all)
    }
}

/// Whether a deployment brings something to where users meet it.
fn is_wanted(deployment: &Deployment, environment: Option<&str>) -> bool {
    match environment {
        Some(name) => deployment.environment == name,
        None => {
            !deployment.transient_environment
                && (deployment.production_environment || is_production(&deployment.environment))
        }
    }
}

/// When a deployment had reached its environment, as it stood at a moment: it succeeded, or it was under way. One that failed, waits,
/// or was asked for and not begun has not. Where its maker tells no states at all, it counts from when it was asked for.
fn arrival(deployment: &Deployment, statuses: &[Status], moment: Timestamp) -> Option<Timestamp> {
    if statuses.is_empty() {
        return Some(deployment.created_at);
    }
    let known = || statuses.iter().filter(|status| status.created_at <= moment);
    let succeeded = known().filter(|status| status.state == "success").map(|status| status.created_at).min();
    let last = known().max_by_key(|status| status.created_at);
    succeeded.or_else(|| last.filter(|status| status.state == "in_progress").map(|status| status.created_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn moment(minutes: i64) -> Timestamp {
        Timestamp::from_timestamp(minutes * 60, 0).expect("a moment")
    }

    fn deployment(environment: &str, production: bool, transient: bool) -> Deployment {
        serde_json::from_value(json!({
            "id": 1, "sha": "a".repeat(40), "environment": environment, "created_at": moment(10),
            "production_environment": production, "transient_environment": transient,
        }))
        .expect("a deployment")
    }

    #[test]
    fn production_is_what_its_maker_or_its_name_says() {
        assert!(is_wanted(&deployment("blue", true, false), None));
        assert!(is_wanted(&deployment("eu-prod", false, false), None));
        assert!(!is_wanted(&deployment("staging", false, false), None));
        assert!(!is_wanted(&deployment("github-pages", false, false), None));
        assert!(!is_wanted(&deployment("production", true, true), None), "a preview goes away again");
        assert!(is_wanted(&deployment("staging", false, false), Some("staging")), "the configuration knows better");
        assert!(!is_wanted(&deployment("production", true, false), Some("staging")));
    }

    #[test]
    fn a_deployment_counts_as_it_stood_at_the_incident() {
        let arrived = |states: &[(&str, i64)], at: i64| {
            let statuses: Vec<Status> = states
                .iter()
                .map(|(state, minutes)| Status { state: (*state).to_owned(), created_at: moment(*minutes) })
                .collect();
            arrival(&deployment("production", true, false), &statuses, moment(at)).map(|at| at.timestamp() / 60)
        };
        assert_eq!(arrived(&[("inactive", 40), ("success", 20), ("in_progress", 15), ("queued", 11)], 30), Some(20));
        assert_eq!(arrived(&[("failure", 20), ("in_progress", 15)], 17), Some(15), "it failed while it went out");
        assert_eq!(arrived(&[("failure", 20), ("in_progress", 15)], 30), None);
        assert_eq!(arrived(&[("waiting", 11)], 30), None, "nobody let it go out");
        assert_eq!(arrived(&[("success", 40)], 30), None, "it came after the incident");
        assert_eq!(arrived(&[], 30), Some(10));
    }
}
