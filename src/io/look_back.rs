//! Looks further back than the window: which landing made a finding's code what it is.

use std::sync::Arc;

use super::repository::Repository;
use super::world::{World, blocking};
use crate::diagnose::provenance::{self, History, Origin};
use crate::failure::Failure;
use crate::model::diagnosis::{Finding, LandingSummary};
use crate::model::evidence::{Evidence, Gap};
use crate::model::landing::pull_request_of;

/// So many landings of the finding's file are read.
const REVISIONS: usize = 300;

/// Reads the history of a finding's file. What cannot be read becomes a gap of the result.
///
/// # Errors
/// Where the repository cannot be reached at all.
pub async fn history(world: &World, evidence: &Evidence, finding: &Finding) -> Result<History, Failure> {
    let repository = Arc::clone(world.repository().await?);
    let (head, finding) = (evidence.base.head.clone(), finding.clone());
    let found = blocking(move || Ok(read(&repository, &head, &finding))).await?;
    Ok(found.unwrap_or_else(|why| {
        let gap =
            Gap::new("where the fault comes from", format!("the file's history could not be read: {}", why.problem));
        History { gaps: vec![gap], ..History::default() }
    }))
}

fn read(repository: &Repository, head: &crate::model::ids::CommitSha, finding: &Finding) -> Result<History, Failure> {
    let file = repository.file_history(head, &finding.file, REVISIONS)?;
    let summary = |revision: &super::repository::FileRevision| LandingSummary {
        commit: revision.commit.clone(),
        subject: revision.subject.clone(),
        author: revision.author.clone(),
        committed_at: revision.committed_at,
        pull_request: pull_request_of(&revision.subject),
    };
    let mut history = History { gaps: file.gap.iter().cloned().collect(), ..History::default() };
    for text in provenance::releases(finding) {
        let occurrences = repository.pickaxe(&file, &text)?;
        history.releases.extend(occurrences.iter().map(|it| Origin {
            landing: summary(it.revision),
            text: text.clone(),
            before: it.before,
            after: it.after,
        }));
    }
    let blamed = repository.blame(head, &file, (finding.line, finding.line))?;
    let commit = blamed.into_iter().find_map(|line| line.commit);
    history.acquisition = commit.and_then(|commit| file.revisions.iter().find(|it| it.commit == commit)).map(summary);
    Ok(history)
}
