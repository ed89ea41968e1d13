//! Which landings can have caused an incident: those of a window and of a deployment, none later than what ran.

use std::collections::HashSet;

use super::landings::before_git_time;
use super::objects::Object;
use super::{Repository, checked};
use crate::failure::Failure;
use crate::model::ids::{CommitSha, Timestamp};
use crate::model::landing::Window;

/// Landings that are listed of one stretch. A release a month of the busiest projects has fewer.
const MOST: usize = 5_000;

/// Names of first-parent landings, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Those of the window and those that came with the deployment at fault.
    pub landings: Vec<CommitSha>,
    /// Those that came with the deployment at fault.
    pub brought: Vec<CommitSha>,
    /// Those that were not part of it yet.
    pub later: Vec<CommitSha>,
    /// The newest landing that can have run.
    pub tip: Option<CommitSha>,
}

impl Repository {
    /// The landings of the branch that ends at `head` which `running` holds and which lie in the window or came after `former`. Without
    /// a commit that ran, the branch at the window's end is what ran.
    ///
    /// # Errors
    /// Where git cannot be run or the repository lacks one of the commits.
    pub fn stretch(
        &self,
        head: &CommitSha,
        window: Window,
        running: Option<&CommitSha>,
        former: Option<&CommitSha>,
    ) -> Result<Stretch, Failure> {
        let later = match running {
            Some(running) => self.first_parents(head, Some(running), None)?,
            None => Vec::new(),
        };
        let is_later: HashSet<&CommitSha> = later.iter().collect();
        let ran = |listed: Vec<CommitSha>| -> Vec<CommitSha> {
            listed.into_iter().filter(|commit| !is_later.contains(commit)).collect()
        };
        let brought = match (running, former) {
            (Some(_), Some(former)) => ran(self.first_parents(head, Some(former), Some((None, window.until)))?),
            _ => Vec::new(),
        };
        let recent = ran(self.first_parents(head, None, Some((Some(window.from), window.until)))?);
        let tip = match running {
            Some(running) => Some(running.clone()),
            None => self.tip_by(head, window.until)?,
        };
        // Both begin at the same landing, so that the longer one holds the other but for landings with dates out of order.
        let (longer, shorter) = if recent.len() < brought.len() { (&brought, &recent) } else { (&recent, &brought) };
        let known: HashSet<&CommitSha> = longer.iter().collect();
        let landings = longer.iter().chain(shorter.iter().filter(|it| !known.contains(it))).cloned().collect();
        Ok(Stretch { landings, brought, later, tip })
    }

    /// The commit of a name: an id, or the beginning of one. `None` where there is none, or several.
    ///
    /// # Errors
    /// Where git cannot be run.
    pub fn commit_named(&self, id: &str) -> Result<Option<CommitSha>, Failure> {
        if !(7..=64).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        self.peeled(id)
    }

    /// Whether `commit` is part of the branch that ends at `head` and is no later than `until`.
    ///
    /// # Errors
    /// Where git cannot be run or the repository lacks one of the commits.
    pub fn holds_by(&self, head: &CommitSha, commit: &CommitSha, until: Timestamp) -> Result<bool, Failure> {
        let (early, _) = self.readable(std::slice::from_ref(commit), until)?;
        Ok(!early.is_empty() && self.is_ancestor(commit, head)?)
    }

    /// The commit of a tag. `None` where there is none; a private copy has no tags at all.
    ///
    /// # Errors
    /// Where git cannot be run.
    pub fn commit_tagged(&self, tag: &str) -> Result<Option<CommitSha>, Failure> {
        if super::is_plain_branch(tag) { self.peeled(&format!("refs/tags/{tag}")) } else { Ok(None) }
    }

    /// The commit that a name of an object leads to.
    fn peeled(&self, name: &str) -> Result<Option<CommitSha>, Failure> {
        match self.read_objects(&[&format!("{name}^{{commit}}")], 1 << 20)?.pop() {
            Some(Object::Found { id, kind, .. }) if kind == "commit" => Ok(Some(CommitSha::new(id))),
            _ => Ok(None),
        }
    }

    /// The first-parent line from `head` to what `without` reaches, in a span of time where one is given.
    fn first_parents(
        &self,
        head: &CommitSha,
        without: Option<&CommitSha>,
        span: Option<(Option<Timestamp>, Timestamp)>,
    ) -> Result<Vec<CommitSha>, Failure> {
        let mut arguments = ["rev-list", "--first-parent"].map(str::to_owned).to_vec();
        if let Some((from, until)) = span {
            if before_git_time(until) {
                return Ok(Vec::new());
            }
            arguments.extend(from.map(|from| format!("--since=@{}", from.timestamp())));
            arguments.push(format!("--until=@{}", until.timestamp()));
        }
        arguments.push(format!("--max-count={MOST}"));
        arguments.push(checked(head)?.to_owned());
        if let Some(without) = without {
            arguments.push(format!("^{}", checked(without)?));
        }
        arguments.push("--".to_owned());
        let printed = self.git.output("list the landings", arguments, None, 1 << 20)?;
        Ok(String::from_utf8_lossy(&printed).lines().map(CommitSha::new).collect())
    }
}
