//! Walks with an eye on one acquisition. A function of which not all paths can be walked has many because of all that it
//! acquires: whether each object is there, held, or gone. Of one object alone there are few.

use super::flow::Flow;
use super::guards::Guards;
use super::join::FOCUSED;
use super::{FoundLoss, MAX_STEPS, SeenRelease, Site, Summaries, Walked, walk_with};
use crate::c::ir::Function;
use crate::c::program::Program;

/// Steps of all such walks of one function together.
const MAX_FOCUSED_STEPS: u32 = MAX_STEPS / 2;

/// An acquisition: where its call begins, and which output of the call it is.
pub(super) type SiteKey = (u32, u16);

/// Which acquisitions a walk has an eye on; of others it is not said what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    /// All.
    Everything,
    /// None: the walk only looks for them.
    Nothing,
    /// One.
    Only(SiteKey),
}

impl Focus {
    /// Whether an acquisition is followed.
    pub(super) fn holds(self, site: &Site) -> bool {
        match self {
            Focus::Everything => true,
            Focus::Nothing => false,
            Focus::Only(key) => key == site.key(),
        }
    }
}

impl Site {
    /// What tells it from the other acquisitions of its function.
    pub(super) fn key(&self) -> SiteKey {
        (self.span.start, self.part)
    }
}

/// Adds to what was found in a function, not all of whose paths were seen, what walks with an eye on one acquisition find.
pub(super) fn look_closer(
    found: &mut Walked,
    program: &Program,
    summaries: Summaries,
    function: &Function,
    parts: (&Flow, &Guards),
) {
    let mut left = MAX_FOCUSED_STEPS;
    let mut walk = |focus| {
        let walked = walk_with((FOCUSED, focus, left), program, summaries, function, parts);
        left -= walked.steps.min(left);
        walked.is_whole().then_some(walked)
    };
    let Some(survey) = walk(Focus::Nothing) else { return };
    for site in &survey.sites {
        let number = found.sites.iter().position(|known| known.key() == site.key());
        let is_lost = |number: usize| found.losses.iter().any(|loss| loss.loss.site == number as u32);
        if !number.is_some_and(is_lost)
            && let Some(closer) = walk(Focus::Only(site.key()))
        {
            take_over(found, number, closer);
        }
    }
}

/// Takes over what a walk with an eye on one acquisition found, whose number may be `known`.
fn take_over(found: &mut Walked, known: Option<usize>, closer: Walked) {
    let Walked { sites, losses, releases, .. } = closer;
    let Some(site) = sites.into_iter().next() else { return };
    let number = known.unwrap_or(found.sites.len()) as u32;
    if known.is_none() {
        found.sites.push(site);
    }
    let renumbered = |mut loss: FoundLoss| {
        loss.loss.site = number;
        loss
    };
    found.losses.extend(losses.into_iter().map(renumbered));
    for release in releases.into_iter().map(|seen| SeenRelease { site: number, ..seen }) {
        if !found.releases.contains(&release) {
            found.releases.push(release);
        }
    }
}
