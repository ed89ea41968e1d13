//! The real world as one value: who is asked, where things lie, what may be done.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::github::GitHub;
use super::github::people::Viewer;
use super::pagerduty::PagerDuty;
use super::repository::{Remote, Repository};
use super::tracking::Tracking;
use crate::failure::Failure;
use crate::model::ids::Timestamp;
use crate::redact::Redactor;
use crate::report::Places;
use crate::report::tracking::Step;
use crate::settings::Settings;

/// Everything outside that one run may touch.
pub struct World {
    /// What we were told.
    pub settings: Settings,
    /// Whether anything may be written.
    pub reach: Reach,
    /// When the run began. Nothing else in the program asks for the time.
    pub now: Timestamp,
    /// GitHub, where the repository is there.
    pub github: Option<GitHub>,
    /// Where the repository is read from.
    pub source: Source,
    /// What takes this run's secrets out of a file.
    pub redactor: Redactor,
    folder: TempDir,
    pager: OnceCell<PagerDuty>,
    viewer: OnceCell<Viewer>,
    repository: OnceCell<Arc<Repository>>,
    tracking: OnceCell<Arc<Tracking>>,
}

/// Whether anything may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Comments, branches, pull requests.
    Act,
    /// Nothing: the plan is printed.
    Rehearse,
}

/// Where the repository is read from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The repository on GitHub that the settings name.
    GitHub,
    /// A folder of this machine, which is only read.
    Folder(PathBuf),
}

impl World {
    /// Prepares connections; nothing is sent yet.
    ///
    /// # Errors
    /// A configuration failure where no temporary folder can be made or GitHub's addresses are unusable.
    pub fn new(
        settings: Settings,
        source: Source,
        reach: Reach,
        now: Timestamp,
        redactor: Redactor,
    ) -> Result<World, Failure> {
        let parent = settings.runner.temp.clone().unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new().prefix("incident-responder-").tempdir_in(&parent).map_err(|why| {
            Failure::configuration(
                format!("No temporary folder can be made in {}: {why}.", parent.display()),
                "Set RUNNER_TEMP to a folder that can be written to.",
            )
        })?;
        let github = match &settings.github {
            Some(access) => Some(GitHub::new(access, settings.operations_per_run, redactor.clone())?),
            None => None,
        };
        Ok(World {
            settings,
            reach,
            now,
            github,
            source,
            redactor,
            folder,
            pager: OnceCell::new(),
            viewer: OnceCell::new(),
            repository: OnceCell::new(),
            tracking: OnceCell::new(),
        })
    }

    /// GitHub, where writing is allowed.
    pub fn writable(&self) -> Option<&GitHub> {
        self.github.as_ref().filter(|_| self.reach == Reach::Act)
    }

    /// PagerDuty, connected at the first call.
    ///
    /// # Errors
    /// As [`PagerDuty::connect`].
    pub async fn pager(&self) -> Result<&PagerDuty, Failure> {
        self.pager.get_or_try_init(|| PagerDuty::connect(&self.settings.pagerduty)).await
    }

    /// The account of the token, asked for once.
    ///
    /// # Errors
    /// As any request to GitHub.
    pub async fn viewer<'a>(&'a self, github: &GitHub) -> Result<&'a Viewer, Failure> {
        self.viewer.get_or_try_init(|| async { github.viewer().await.map_err(Failure::from) }).await
    }

    /// The repository: a private copy made at the first call, or the folder as it is.
    ///
    /// # Errors
    /// As [`Repository::clone_from`] and [`Repository::open`].
    pub async fn repository(&self) -> Result<&Arc<Repository>, Failure> {
        self.repository
            .get_or_try_init(|| async {
                let (source, remote, folder) = (self.source.clone(), self.remote(), self.folder.path().to_owned());
                blocking(move || match (source, remote) {
                    (Source::Folder(directory), _) => Repository::open(&directory),
                    (Source::GitHub, remote) => Repository::clone_from(&remote?, &folder),
                })
                .await
                .map(Arc::new)
            })
            .await
    }

    /// Whether the workflow runs on the default branch. A workflow file of another branch was reviewed by nobody.
    ///
    /// # Errors
    /// As [`World::repository`].
    pub async fn is_on_default_branch(&self) -> Result<bool, Failure> {
        let Some(git_ref) = self.settings.runner.git_ref.clone() else { return Ok(true) };
        let repository = Arc::clone(self.repository().await?);
        blocking(move || Ok(git_ref == format!("refs/heads/{}", repository.default_branch()?))).await
    }

    fn remote(&self) -> Result<Remote, Failure> {
        let missing = || Failure::configuration("No repository is named.", "Give OWNER/NAME or a folder.");
        let access = self.settings.github.as_ref().ok_or_else(missing)?;
        let mut address = access.server.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            let name = format!("{}.git", access.repository.name);
            segments.pop_if_empty().extend([access.repository.owner.as_str(), name.as_str()]);
        }
        Ok(Remote { address, branch: None, token: Some(access.token.clone()) })
    }

    /// Where texts may link to.
    pub fn places(&self) -> Places {
        let access = self.settings.github.as_ref();
        Places {
            server: access.map(|access| access.server.clone()),
            repository: access.map(|access| access.repository.clone()),
            run: self.settings.runner.run_address.clone(),
        }
    }

    /// Remembers the tracking comment, so that it is finished even when the run is cancelled.
    pub async fn track(&self, tracking: Tracking) -> Arc<Tracking> {
        Arc::clone(self.tracking.get_or_init(|| async { Arc::new(tracking) }).await)
    }

    /// Shows a step in the tracking comment, where there is one.
    pub async fn step(&self, tracking: Option<&Tracking>, step: Step) {
        if let (Some(tracking), Some(github)) = (tracking, self.writable()) {
            tracking.step(github, step).await;
        }
    }

    /// Finishes the tracking comment of a run that was cancelled or fell over.
    pub async fn interrupt(&self) {
        if let (Some(tracking), Some(github)) = (self.tracking.get(), self.writable()) {
            tracking.interrupt(github).await;
        }
    }

    /// GitHub's number of this run; 0 outside of a workflow.
    pub fn run(&self) -> u64 {
        self.settings.runner.run_id.parse().unwrap_or_default()
    }

    /// What the run has cost so far: requests to GitHub, to PagerDuty, git processes.
    pub fn cost(&self) -> Cost {
        Cost {
            github: self.github.as_ref().map_or(0, GitHub::requests),
            pagerduty: self.pager.get().map_or(0, PagerDuty::requests),
            git: self.repository.get().map_or(0, |repository| repository.processes()),
        }
    }
}

/// What a run has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Requests to GitHub's REST and GraphQL.
    pub github: u32,
    /// Requests to PagerDuty's MCP server.
    pub pagerduty: u32,
    /// Processes of git.
    pub git: u32,
}

/// Runs what waits or computes for long beside the async work.
///
/// # Errors
/// As the work itself; a peer failure where it fell over.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|why| {
        Err(Failure::peer(
            format!("A step of the analysis fell over: {why}."),
            "Please report this with the log of the run; nothing was half-written.",
        ))
    })
}

/// Computes over a value beside the async work, and gives both back.
///
/// # Errors
/// A peer failure where the computation fell over.
pub async fn computing<T: Send + 'static, U: Send + 'static>(
    value: T,
    compute: impl FnOnce(&T) -> U + Send + 'static,
) -> Result<(T, U), Failure> {
    blocking(move || {
        let result = compute(&value);
        Ok((value, result))
    })
    .await
}
