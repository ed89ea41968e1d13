//! Looks further back than the window: which landing made a finding's code what it is.

use std::sync::Arc;

use super::repository::{FileRevision, Repository};
use super::world::{World, blocking};
use crate::diagnose::further_back::{self, LineOrigin};
use crate::diagnose::provenance::{self, History, Origin};
use crate::diagnose::suspects::StackPlace;
use crate::failure::Failure;
use crate::model::diagnosis::{Diagnosis, Finding, LandingSummary};
use crate::model::evidence::{Evidence, Gap};
use crate::model::ids::{CommitSha, Timestamp};
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

/// Looks for the origins of the lines on the stack, where no landing of the window has to do with the incident.
///
/// # Errors
/// Where the repository cannot be reached at all. What cannot be read becomes a gap.
pub async fn beyond_window(world: &World, evidence: &Evidence, diagnosis: Diagnosis) -> Result<Diagnosis, Failure> {
    let places = further_back::places(evidence, &diagnosis);
    if places.is_empty() {
        return Ok(diagnosis);
    }
    let repository = Arc::clone(world.repository().await?);
    let (head, until) = (evidence.base.head.clone(), evidence.window.until);
    let (origins, gaps) = blocking(move || Ok(origins(&repository, &head, until, &places))).await?;
    Ok(further_back::add(evidence, diagnosis, origins, gaps))
}

/// Which landing wrote each of the lines, on the branch that ends at `head` as it was at `until`. What cannot be read is a gap.
pub fn origins(
    repository: &Repository,
    head: &CommitSha,
    until: Timestamp,
    places: &[StackPlace],
) -> (Vec<LineOrigin>, Vec<Gap>) {
    let (mut origins, mut gaps) = (Vec::new(), Vec::new());
    let tip = repository.tip_by(head, until).unwrap_or_default();
    for place in places {
        let Some(tip) = &tip else { break };
        match origin(repository, tip, place) {
            Ok(found) => origins.extend(found),
            Err(why) => gaps.push(Gap::new(
                format!("who wrote line {} of {}", place.line, place.file),
                format!("the file's history could not be read: {}", why.problem),
            )),
        }
    }
    (origins, gaps)
}

fn origin(repository: &Repository, tip: &CommitSha, place: &StackPlace) -> Result<Option<LineOrigin>, Failure> {
    let file = repository.file_history(tip, &place.file, REVISIONS)?;
    let blamed = repository.blame(tip, &file, (place.line, place.line))?;
    let commit = blamed.into_iter().find_map(|line| line.commit);
    let revision = commit.and_then(|commit| file.revisions.iter().find(|it| it.commit == commit));
    Ok(revision.map(|revision| LineOrigin { place: place.clone(), landing: summary(revision) }))
}

fn read(repository: &Repository, head: &CommitSha, finding: &Finding) -> Result<History, Failure> {
    let file = repository.file_history(head, &finding.file, REVISIONS)?;
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

fn summary(revision: &FileRevision) -> LandingSummary {
    LandingSummary {
        commit: revision.commit.clone(),
        subject: revision.subject.clone(),
        author: revision.author.clone(),
        committed_at: revision.committed_at,
        pull_request: pull_request_of(&revision.subject),
    }
}
