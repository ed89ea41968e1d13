//! What was deployed when.

use serde::Deserialize;

use super::{ApiError, GitHub};
use crate::model::ids::{CommitSha, Timestamp};

/// A deployment, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// The commit that was deployed.
    pub sha: CommitSha,
    /// Where to.
    #[serde(default)]
    pub environment: String,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl GitHub {
    /// The newest hundred deployments, newest first.
    ///
    /// # Errors
    /// 403 where the token lacks `deployments: read`; else as any request.
    pub async fn deployments(&self) -> Result<Vec<Deployment>, ApiError> {
        let mut all: Vec<Deployment> = self.get("/deployments?per_page=100").await?;
        all.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at));
        Ok(all)
    }
}

/// The last deployment before a moment, and the one of another commit that it replaced: what lies between the two came with it.
pub fn at_fault(deployments: &[Deployment], moment: Timestamp) -> Option<(&Deployment, &Deployment)> {
    let last = deployments.iter().find(|it| it.created_at <= moment)?;
    let is_before =
        |it: &&Deployment| it.created_at <= last.created_at && it.environment == last.environment && it.sha != last.sha;
    Some((last, deployments.iter().find(is_before)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_at_fault_is_the_last_before_the_incident() {
        let deployment = |digit: &str, environment: &str, minutes: i64| Deployment {
            sha: CommitSha::new(digit.repeat(40)),
            environment: environment.to_owned(),
            created_at: Timestamp::from_timestamp(minutes * 60, 0).expect("a moment"),
        };
        let all = [
            deployment("d", "production", 50),
            deployment("c", "production", 40),
            deployment("c", "production", 30),
            deployment("b", "staging", 20),
            deployment("a", "production", 10),
        ];
        let moment = |minutes: i64| Timestamp::from_timestamp(minutes * 60, 0).expect("a moment");
        assert_eq!(at_fault(&all, moment(45)), Some((&all[1], &all[4])));
        assert_eq!(at_fault(&all, moment(10)), None, "nothing was there before it");
    }
}
