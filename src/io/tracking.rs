//! The one comment that shows the work, ends as the answer, and is found again by the next run.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Mutex;

use super::github::people::Viewer;
use super::github::threads::Comment;
use super::github::{ApiError, GitHub};
use crate::failure::Failure;
use crate::model::ids::{IncidentReference, Timestamp};
use crate::model::marker::{Kind, Marker};
use crate::model::trigger::Thread;
use crate::report::Places;
use crate::report::answer::{HARD_RETRY_LIMIT, SOFT_LIMIT};
use crate::report::escape::Markdown;
use crate::report::tracking::{self as texts, Step};

/// So many updates of the progress are sent; the others would only cost requests.
const PROGRESS_UPDATES: u32 = 2;

/// The tracking comment of this run, shared with whoever has to finish it when the run is cancelled.
pub struct Tracking {
    thread: Thread,
    incident: IncidentReference,
    marker: Marker,
    places: Places,
    state: Mutex<State>,
    updates: AtomicU32,
}

struct State {
    comment: u64,
    shows: Shows,
    address: url::Url,
}

/// What the comment shows at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// The steps: somebody has to finish it.
    Progress,
    /// An earlier answer, which stays until the new one is ready.
    EarlierAnswer,
    /// The answer of this run.
    Finished,
}

/// What beginning found.
pub enum Begun {
    /// The comment is there.
    Here(Box<Tracking>),
    /// Another run is at work on the same incident in this thread.
    AtWork,
}

/// What belongs to one run's texts.
pub struct Run<'a> {
    /// The account of the token.
    pub viewer: &'a Viewer,
    /// Where texts link to.
    pub places: Places,
    /// GitHub's number of this run.
    pub run: u64,
    /// When it began.
    pub now: Timestamp,
}

impl Tracking {
    /// Finds the comment of an earlier run in the thread, or adds one.
    ///
    /// # Errors
    /// As any request to GitHub.
    pub async fn begin(
        github: &GitHub,
        thread: Thread,
        incident: &IncidentReference,
        run: Run<'_>,
    ) -> Result<Begun, ApiError> {
        let (comments, _) = github.comments(thread).await?;
        let names = [incident.clone()];
        let earlier =
            comments.into_iter().rev().find_map(|comment| own(&comment, run.viewer, &names).map(|it| (comment, it)));
        let marker = Marker {
            incident: incident.clone(),
            id: None,
            kind: Kind::Progress,
            fingerprint: None,
            run: run.run,
            at: run.now,
        };
        let first = texts::progress(&run.places, incident, &marker, Step::Incident);
        let (comment, shows) = match earlier {
            Some((_, earlier)) if earlier.may_be_running(run.now) && earlier.run != run.run => {
                return Ok(Begun::AtWork);
            }
            Some((comment, earlier)) if earlier.kind == Kind::Answer => (comment, Shows::EarlierAnswer),
            Some((comment, _)) => (github.update_comment(thread, comment.id, &first).await?, Shows::Progress),
            None => (github.add_comment(thread, &first).await?, Shows::Progress),
        };
        let state = State { comment: comment.id, shows, address: comment.html_url };
        let (incident, places) = (incident.clone(), run.places);
        Ok(Begun::Here(Box::new(Tracking {
            thread,
            incident,
            marker,
            places,
            state: Mutex::new(state),
            updates: AtomicU32::new(0),
        })))
    }

    /// Shows that a step has begun. What fails here is of no consequence.
    pub async fn step(&self, github: &GitHub, step: Step) {
        let state = self.state.lock().await;
        if state.shows != Shows::Progress || self.updates.fetch_add(1, Ordering::Relaxed) >= PROGRESS_UPDATES {
            return;
        }
        let text = texts::progress(&self.places, &self.incident, &self.marker, step);
        if let Err(why) = github.update_comment(self.thread, state.comment, &text).await {
            tracing::warn!("the tracking comment could not be updated: {}", Failure::from(why).problem);
        }
    }

    /// Puts the answer in place. `render` makes it for a number of UTF-16 units, and is asked again with fewer where
    /// GitHub finds it too long.
    ///
    /// # Errors
    /// As any request to GitHub.
    pub async fn finish(&self, github: &GitHub, render: impl Fn(usize) -> Markdown) -> Result<(), ApiError> {
        let mut state = self.state.lock().await;
        let first = github.update_comment(self.thread, state.comment, &render(SOFT_LIMIT)).await;
        let done = match first {
            Err(error) if error.status() == Some(502) || (error.status() == Some(422) && error.says("too long")) => {
                github.update_comment(self.thread, state.comment, &render(HARD_RETRY_LIMIT)).await
            }
            other => other,
        };
        done?;
        state.shows = Shows::Finished;
        Ok(())
    }

    /// Says that the run failed, in place of the steps. An earlier answer stays as it is.
    pub async fn fail(&self, github: &GitHub, failure: &Failure) {
        let marker = Marker { kind: Kind::Answer, ..self.marker.clone() };
        self.close(github, texts::failed(&self.places, &self.incident, &marker, failure)).await;
    }

    /// Says that the run was cancelled or fell over.
    pub async fn interrupt(&self, github: &GitHub) {
        let marker = Marker { kind: Kind::Answer, ..self.marker.clone() };
        self.close(github, texts::interrupted(&self.places, &self.incident, &marker)).await;
    }

    async fn close(&self, github: &GitHub, text: Markdown) {
        let mut state = self.state.lock().await;
        if state.shows != Shows::Progress {
            return;
        }
        state.shows = Shows::Finished;
        if let Err(why) = github.update_comment(self.thread, state.comment, &text).await {
            tracing::warn!("the tracking comment could not be finished: {}", Failure::from(why).problem);
        }
    }

    /// The marker of this run's comment.
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// The comment's page.
    pub async fn address(&self) -> url::Url {
        self.state.lock().await.address.clone()
    }
}

/// The marker of a comment that the token's own account wrote about one of these names.
pub fn own(comment: &Comment, viewer: &Viewer, names: &[IncidentReference]) -> Option<Marker> {
    let is_own = comment.user.as_ref().is_some_and(|user| viewer.is(user));
    let marker = comment.body.as_deref().and_then(Marker::read).filter(|_| is_own);
    marker.filter(|marker| marker.is_about(names))
}
