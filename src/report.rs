//! Every sentence a person reads. Pure: values in, [`Markdown`] out.
//!
//! The texts follow what people expect of an incident bot, with deliberate differences: nothing is called tested that
//! was not run, no `#12345` is written that GitHub would link to the repository's own issue of that number, and the
//! words that wake this program are never printed.

pub mod answer;
pub mod chart;
pub mod escape;
pub mod json;
pub mod proof;
pub mod pull_request;
pub mod rollback;
pub mod sections;
pub mod sweep;
pub mod timeline;
pub mod tracking;
pub mod window;

use url::Url;

use crate::markdown;
use crate::model::diagnosis::{Diagnosis, LandingSummary};
use crate::model::evidence::Evidence;
use crate::model::ids::{CommitSha, IncidentReference, RepositoryName, RepositoryPath, Timestamp};
use crate::model::marker::{Fingerprint, Kind, Marker};
use crate::model::proof::Proof;
use crate::model::rollback::Rollback;
use escape::{Markdown, Origins, code_span, inline, link};

/// The program's name, without the `@` that would wake it.
pub const NAME: &str = "pagerduty-incident-responder";

/// One incident, thought through: what every text is made of.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// What was read.
    pub evidence: Evidence,
    /// What we think of it.
    pub diagnosis: Diagnosis,
    /// The landing at fault, weighed for being taken back, where there is one.
    pub rollback: Option<Rollback>,
    /// What running the fault and its repair showed; absent before it was tried, and where no repair is offered.
    pub proof: Option<Proof>,
    /// When the run began.
    pub at: Timestamp,
    /// Where texts may link to.
    pub places: Places,
}

impl Analysis {
    /// The incident as people name it: by its number where it has one.
    pub fn incident(&self) -> IncidentReference {
        self.evidence.incident.reference()
    }

    /// Every name under which the incident may have been answered before.
    pub fn names(&self) -> Vec<IncidentReference> {
        self.evidence.incident.names()
    }

    /// The marker of one of its texts, written by a run.
    pub fn marker(&self, kind: Kind, fingerprint: &Fingerprint, run: u64) -> Marker {
        Marker {
            incident: self.incident(),
            id: Some(self.evidence.incident.id.clone()),
            kind,
            fingerprint: Some(fingerprint.clone()),
            run,
            at: self.at,
        }
    }
}

/// Where texts may link to, and what stands there.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The server of GitHub; absent for a repository in a folder.
    pub server: Option<Url>,
    /// The repository on that server.
    pub repository: Option<RepositoryName>,
    /// The page of this run.
    pub run: Option<Url>,
}

impl Places {
    /// Addresses that may become links: the server of GitHub and PagerDuty.
    pub fn origins(&self) -> Origins {
        let origins = Origins::default().with_hosts_below("pagerduty.com");
        self.server.iter().fold(origins, |origins, server| origins.with_server(server))
    }

    /// Text as a link to a page of the repository, or as it is where there are no pages.
    fn linked(&self, text: Markdown, path: &[&str], fragment: Option<&str>) -> Markdown {
        let (Some(server), Some(repository)) = (&self.server, &self.repository) else { return text };
        let mut page = server.clone();
        if let Ok(mut segments) = page.path_segments_mut() {
            segments.pop_if_empty().extend([&repository.owner, &repository.name]).extend(path);
        }
        page.set_fragment(fragment);
        link(text, &page, &self.origins())
    }

    /// A commit by its first digits, linked.
    pub fn commit(&self, commit: &CommitSha) -> Markdown {
        self.linked(code_span(commit.short()), &["commit", commit.as_str()], None)
    }

    /// A line of a file as it is at a commit, linked: `worker.c:26`.
    pub fn line(&self, file: &RepositoryPath, line: u32, commit: &CommitSha) -> Markdown {
        let path: Vec<&str> = ["blob", commit.as_str()].into_iter().chain(file.as_str().split('/')).collect();
        self.linked(code_span(&format!("{file}:{line}")), &path, Some(&format!("L{line}")))
    }

    /// A pull request by its number, linked.
    pub fn pull(&self, number: u64) -> Markdown {
        self.linked(markdown!["pull request ", number], &["pull", &number.to_string()], None)
    }

    /// A landing: commit, subject, author, pull request.
    pub fn landing(&self, landing: &LandingSummary) -> Markdown {
        let mut text = markdown![self.commit(&landing.commit), " ", inline(&landing.subject, 120)];
        if let Some(number) = landing.pull_request {
            text.push(markdown![" (", self.pull(number), ")"]);
        }
        text.push(markdown![" by ", inline(&landing.author.name, escape::NAME_LIMIT), ", "]);
        text.push(moment(landing.committed_at));
        text
    }
}

/// A moment as `2025-10-17 14:30:00 UTC`. Digits, `-`, `:` and blanks mean nothing to Markdown, but the type asks.
pub fn moment(at: Timestamp) -> Markdown {
    inline(&at.format("%Y-%m-%d %H:%M:%S UTC").to_string(), 40)
}
