//! What was read, and what could not be read.

use serde::{Deserialize, Serialize};

use super::deployed::Deployed;
use super::ids::{BranchName, CommitSha, Login, RepositoryPath};
use super::incident::{Incident, OnCall};
use super::landing::{Landing, Window};
use super::rollback::RollbackPolicy;
use crate::c::knowledge::Row;
use crate::settings::config_file::PathPattern;

/// Everything that was gathered for one incident. Thinking starts here and needs nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What PagerDuty says.
    pub incident: Incident,
    /// The commit that everything was read at.
    pub base: Base,
    /// Which part of the repository belongs to the service.
    pub scope: Scope,
    /// The time before the incident that was looked at.
    pub window: Window,
    /// What ran when the incident began, as far as anybody says.
    pub deployed: Deployed,
    /// What landed in the window or came with the last deployment before the incident, newest first. None of it is later than what
    /// ran.
    pub landings: Vec<Landing>,
    /// Every path of the repository at the base.
    pub paths: Vec<RepositoryPath>,
    /// The C sources and headers of the repository.
    pub sources: Vec<SourceFile>,
    /// The service's Kubernetes manifests; without a mapping, every YAML file that may be one.
    pub manifests: Vec<SourceFile>,
    /// Whether the configuration says which manifests are the service's.
    pub manifest_scope: ManifestScope,
    /// Files of the service in languages that no detector reads, counted by extension, most frequent first.
    pub other_languages: Vec<(String, usize)>,
    /// Who is on call, with the login where it is certain.
    pub responders: Vec<Responder>,
    /// Paths that a patch of ours must not touch.
    pub protected: Protected,
    /// When a landing may be taken back.
    pub rollback: RollbackPolicy,
    /// What the configuration file says of C functions whose bodies are not in the repository.
    pub memory: Vec<Row>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// The branch and the commit that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The default branch.
    pub branch: BranchName,
    /// Its head when the run began.
    pub head: CommitSha,
}

/// Which part of the repository belongs to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The configuration file says so; these of the read files lie in it.
    Mapped(Vec<RepositoryPath>),
    /// Nothing is said of the service: all sources count.
    Everything,
}

impl Scope {
    /// Whether a path belongs to the service.
    pub fn holds(&self, path: &RepositoryPath) -> bool {
        match self {
            Scope::Mapped(paths) => paths.contains(path),
            Scope::Everything => true,
        }
    }
}

/// Whether the manifests are known to be the service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestScope {
    /// The configuration file names them.
    Mapped,
    /// Every YAML file that may be one was read.
    Everything,
}

/// One file as it is at the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: RepositoryPath,
    /// Its bytes.
    pub contents: Vec<u8>,
}

/// A person on call, and who they are on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responder {
    /// As PagerDuty has them.
    pub on_call: OnCall,
    /// The login, only where the configuration file or GitHub itself says so. Never guessed.
    pub login: Option<Login>,
}

/// The paths that a patch must not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protected {
    /// What nothing of ours may touch.
    pub patterns: Vec<PathPattern>,
    /// What a tool writes: no patch may touch it, but the exact inverse of a landing may.
    pub lock_files: Vec<PathPattern>,
}

impl Protected {
    /// The pattern that forbids a patch to touch a path, if there is one.
    pub fn forbids(&self, path: &str) -> Option<&str> {
        first(self.patterns.iter().chain(&self.lock_files), path)
    }

    /// The pattern that forbids the inverse of a landing to touch a path, if there is one.
    pub fn forbids_inverse(&self, path: &str) -> Option<&str> {
        first(self.patterns.iter(), path)
    }
}

fn first<'a>(mut patterns: impl Iterator<Item = &'a PathPattern>, path: &str) -> Option<&'a str> {
    patterns.find(|pattern| pattern.matches(path)).map(PathPattern::as_str)
}

/// Something that could not be read or was not looked at, and why. Gaps are told, never hidden.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing: a path, a list, a limit that was hit.
    pub what: String,
    /// Why it is missing, as a clause that follows "because".
    pub why: String,
}

impl Gap {
    /// Both halves as they come.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Gap {
        Gap { what: what.into(), why: why.into() }
    }
}
