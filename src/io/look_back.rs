//! Looks further back than the window: which landing made a finding's code what it is.

use std::collections::HashSet;
use std::sync::Arc;

use super::repository::{FileRevision, Repository};
use super::world::{World, blocking};
use crate::diagnose::further_back::{self, Deed, Lead};
use crate::diagnose::provenance::{self, History, Origin};
use crate::failure::Failure;
use crate::model::diagnosis::{Diagnosis, Finding, LandingSummary};
use crate::model::evidence::{Evidence, Gap};
use crate::model::ids::{CommitSha, RepositoryPath};
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

/// Looks for the origins of what the incident names, where no landing that was searched has to do with it.
///
/// # Errors
/// Where the repository cannot be reached at all. What cannot be read becomes a gap.
pub async fn beyond_window(world: &World, evidence: &Evidence, diagnosis: Diagnosis) -> Result<Diagnosis, Failure> {
    let lead = further_back::lead(evidence, &diagnosis);
    let (Some(tip), false) = (evidence.deployed.tip.clone(), lead.places.is_empty()) else { return Ok(diagnosis) };
    let repository = Arc::clone(world.repository().await?);
    let (origins, gaps) = blocking(move || Ok(origins(&repository, &tip, &lead))).await?;
    Ok(further_back::add(evidence, diagnosis, origins, gaps))
}

/// Which landings wrote the lines, and which took the names out of their files, as they are at `tip`. What cannot be read is a gap.
pub fn origins(repository: &Repository, tip: &CommitSha, lead: &Lead) -> (Vec<further_back::Origin>, Vec<Gap>) {
    let (mut origins, mut gaps) = (Vec::new(), Vec::new());
    let mut files: Vec<&RepositoryPath> = lead.places.iter().map(|place| &place.file).collect();
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(*file));
    for file in files {
        let lines = lead.places.iter().filter(|place| place.file == *file).map(|place| place.line);
        match origins_in(repository, tip, file, lines, &lead.names) {
            Ok((found, unread)) => {
                origins.extend(found);
                gaps.extend(unread);
            }
            Err(why) => gaps.push(unreadable(format!("who wrote the lines of {file} that the incident names"), &why)),
        }
    }
    (origins, gaps)
}

fn unreadable(what: String, why: &Failure) -> Gap {
    Gap::new(what, format!("the file's history could not be read: {}", why.problem))
}

fn origins_in(
    repository: &Repository,
    tip: &CommitSha,
    path: &RepositoryPath,
    lines: impl Iterator<Item = u32>,
    names: &[String],
) -> Result<(Vec<further_back::Origin>, Vec<Gap>), Failure> {
    let file = repository.file_history(tip, path, REVISIONS)?;
    let (mut origins, mut gaps) = (Vec::new(), Vec::from_iter(file.gap.clone()));
    let mut origin = |deed: Deed, revision: &FileRevision| {
        origins.push(further_back::Origin { file: path.clone(), deed, landing: summary(revision) });
    };
    for name in names {
        // After the newest change of its number it stands there as often as now.
        let gone = repository.pickaxe(&file, name)?.into_iter().next().filter(|it| it.after < it.before);
        gone.into_iter().for_each(|it| origin(Deed::TookOut { name: name.clone(), left: it.after }, it.revision));
    }
    for line in lines {
        match repository.blame(tip, &file, (line, line)) {
            Ok(blamed) => {
                let commit = blamed.into_iter().find_map(|line| line.commit);
                let revision = commit.and_then(|commit| file.revisions.iter().find(|it| it.commit == commit));
                revision.into_iter().for_each(|revision| origin(Deed::Wrote(line), revision));
            }
            Err(why) => gaps.push(unreadable(format!("who wrote line {line} of {path}"), &why)),
        }
    }
    Ok((origins, gaps))
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
