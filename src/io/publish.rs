//! Applies the plan: branch, commit, pull request, labels, reviewers.
//!
//! Creating the branch is the lock. Whoever loses the race finds the branch there and looks who made it: an earlier run's
//! pull request, a run that is still at work, a run that died, or a person.

use super::github::people::Viewer;
use super::github::pulls::Pull;
use super::github::{ApiError, GitHub};
use crate::failure::Failure;
use crate::model::ids::{BranchName, CommitSha, IncidentReference, Login, Timestamp};
use crate::model::marker::{Kind, Marker, RUN_LIMIT_MINUTES};
use crate::model::publication::{FixOutcome, FixPublication, OpenedPull};
use crate::settings::Draft;

/// The label that marks a pull request as a draft where the repository has none.
const DRAFT_LABEL: &str = "draft";

/// Who publishes, and for what.
pub struct Publisher<'a> {
    /// The connection.
    pub github: &'a GitHub,
    /// The token's own account.
    pub viewer: &'a Viewer,
    /// Every name of the incident.
    pub names: &'a [IncidentReference],
    /// GitHub's number of this run.
    pub run: u64,
    /// When this run began.
    pub now: Timestamp,
}

/// How the branch stands after the race for it.
enum Lock {
    /// It is ours to write, and its head is this commit.
    Ours(CommitSha),
    /// It has our commit already, but no pull request yet.
    Committed(CommitSha),
    /// Somebody else has it.
    Theirs(FixOutcome),
}

impl Publisher<'_> {
    /// Applies the plan of a fix, or finds out why it need not or must not be applied.
    ///
    /// # Errors
    /// A peer failure where GitHub cannot be reached or refuses for a reason that no plan foresaw.
    pub async fn publish(&self, plan: &FixPublication) -> Result<FixOutcome, Failure> {
        if let Some(existing) = self.existing_pull(&plan.branch).await? {
            return Ok(existing);
        }
        let lock = match self.take_branch(plan).await {
            Ok(lock) => lock,
            Err(error) if error.lacks_permission() => return Ok(not_permitted(error)),
            Err(error) => return Err(error.into()),
        };
        let (commit, verified) = match lock {
            Lock::Theirs(outcome) => return Ok(outcome),
            Lock::Committed(commit) => (commit, None),
            Lock::Ours(head) => {
                let created = self.github.commit(plan, &head).await?;
                (created.commit, created.verified)
            }
        };
        self.open_pull(plan, commit, verified).await
    }

    /// The pull request of an earlier run, open, merged or closed.
    async fn existing_pull(&self, branch: &BranchName) -> Result<Option<FixOutcome>, ApiError> {
        let pulls = self.github.pulls_from(branch).await?;
        let ours = pulls.into_iter().find(|pull| self.is_ours(pull));
        Ok(ours.map(|pull| {
            let state = pull.standing();
            FixOutcome::Existing { address: pull.html_url, number: pull.number, state }
        }))
    }

    fn is_ours(&self, pull: &Pull) -> bool {
        let marked = pull.body.as_deref().and_then(Marker::read).is_some_and(|marker| marker.is_about(self.names));
        marked && pull.user.as_ref().is_some_and(|user| self.viewer.is(user))
    }

    async fn take_branch(&self, plan: &FixPublication) -> Result<Lock, ApiError> {
        match self.github.create_branch(&plan.branch, &plan.base.head).await {
            Ok(()) => Ok(Lock::Ours(plan.base.head.clone())),
            Err(error) if error.status() == Some(422) && error.says("already exists") => {
                self.look_at_branch(plan).await
            }
            Err(error) => Err(error),
        }
    }

    /// The branch is there and no pull request of ours belongs to it.
    async fn look_at_branch(&self, plan: &FixPublication) -> Result<Lock, ApiError> {
        let state = self.github.compare(&plan.base.branch, &plan.branch).await?;
        let ours = |commit: &crate::io::github::branches::Ahead| {
            commit.subject == plan.message.subject()
                && commit.author.as_ref().is_some_and(|author| self.viewer.is(author))
        };
        if !state.ahead.iter().all(ours) || state.ahead.len() > 1 {
            return Ok(Lock::Theirs(FixOutcome::ForeignCommits(plan.branch.clone())));
        }
        if self.another_run_is_at_work().await? {
            return Ok(Lock::Theirs(FixOutcome::ElsewhereAtWork));
        }
        if !state.ahead.is_empty() {
            return Ok(Lock::Committed(state.head));
        }
        // The run that made the branch died before its commit. The base may have moved since; a fast-forward is no force.
        if state.head != plan.base.head {
            self.github.fast_forward(&plan.branch, &plan.base.head).await?;
        }
        Ok(Lock::Ours(plan.base.head.clone()))
    }

    /// Whether a progress comment of another run, younger than a run may last, speaks of the incident.
    async fn another_run_is_at_work(&self) -> Result<bool, ApiError> {
        let since = self.now - chrono::TimeDelta::minutes(RUN_LIMIT_MINUTES);
        let (comments, _) = self.github.comments_since(since).await?;
        Ok(comments.iter().any(|comment| {
            let own = comment.user.as_ref().is_some_and(|user| self.viewer.is(user));
            let marker = comment.body.as_deref().and_then(Marker::read).filter(|_| own);
            marker.is_some_and(|marker| {
                marker.kind == Kind::Progress
                    && marker.run != self.run
                    && marker.is_about(self.names)
                    && marker.may_be_running(self.now)
            })
        }))
    }

    async fn open_pull(
        &self,
        plan: &FixPublication,
        commit: CommitSha,
        verified: Option<bool>,
    ) -> Result<FixOutcome, Failure> {
        let mut notes = Vec::new();
        let mut labels = plan.labels.clone();
        let mut opened = self.open(plan, plan.draft).await;
        if matches!(&opened, Err(error) if error.status() == Some(422) && error.says("draft pull requests are not supported"))
        {
            notes.push("opened ready for review, since this repository has no drafts".to_owned());
            labels.push(DRAFT_LABEL.to_owned());
            opened = self.open(plan, Draft::Ready).await;
        }
        if matches!(&opened, Err(error) if error.status() == Some(422) && error.says("could not resolve to a node")) {
            opened = self.open(plan, plan.draft).await;
        }
        let pull = match opened {
            Ok(pull) => pull,
            Err(error) if error.status() == Some(422) && error.says("already exists") => {
                return Ok(self.existing_pull(&plan.branch).await?.unwrap_or(FixOutcome::ElsewhereAtWork));
            }
            Err(error) if error.status() == Some(403) => return Ok(self.branch_only(plan, commit, &error)),
            Err(error) => return Err(error.into()),
        };
        self.dress(&pull, &labels, &plan.reviewers, &mut notes).await;
        let (number, address, branch) = (pull.number, pull.html_url, plan.branch.clone());
        Ok(FixOutcome::Opened(OpenedPull { number, address, branch, commit, verified, notes }))
    }

    async fn open(&self, plan: &FixPublication, draft: Draft) -> Result<Pull, ApiError> {
        self.github.open_pull(plan.title.as_str(), &plan.body, &plan.branch, &plan.base.branch, draft).await
    }

    /// The organisation forbids workflows to open pull requests: the branch stays, and a person opens it with one click.
    fn branch_only(&self, plan: &FixPublication, commit: CommitSha, error: &ApiError) -> FixOutcome {
        let address =
            self.github.page(&["compare", &format!("{}...{}", plan.base.branch, plan.branch)], Some("quick_pull=1"));
        let why = if error.says("not permitted to create") {
            "workflows may not open pull requests here (Settings, Actions, General, Workflow permissions)"
        } else {
            "the token may not open pull requests; the job needs `pull-requests: write`"
        };
        FixOutcome::BranchOnly { address, branch: plan.branch.clone(), commit, why: why.to_owned() }
    }

    /// Labels and reviewers. What fails here is told and does not undo the pull request.
    async fn dress(&self, pull: &Pull, labels: &[String], reviewers: &[Login], notes: &mut Vec<String>) {
        if !labels.is_empty()
            && let Err(error) = self.github.label(pull.number, labels).await
        {
            notes.push(format!("labels could not be set ({})", brief(&error)));
        }
        let mut willing = Vec::new();
        for login in reviewers {
            let is_author = pull.user.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(login.as_str()));
            match self.github.is_collaborator(login).await {
                Ok(true) if !is_author => willing.push(login.clone()),
                Ok(_) => notes.push(format!("{login} cannot be asked for a review here")),
                Err(error) => notes.push(format!("whether {login} can review is not known ({})", brief(&error))),
            }
        }
        if !willing.is_empty()
            && let Err(error) = self.github.request_review(pull.number, &willing).await
        {
            notes.push(format!("a review could not be asked for ({})", brief(&error)));
        }
    }
}

fn not_permitted(error: ApiError) -> FixOutcome {
    let failure = Failure::from(error);
    FixOutcome::NotPermitted(format!("{} {}", failure.problem, failure.remedy))
}

/// An error in a few words, for a note beside something that went well.
fn brief(error: &ApiError) -> String {
    match error {
        ApiError::Refused { status, message, .. } => format!("{status}: {message}"),
        other => Failure::from(other.clone()).problem,
    }
}
