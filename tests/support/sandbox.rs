//! A throwaway repository with a history that a test writes commit by commit.

// Each test binary uses its own part of this.
#![allow(dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::DateTime;
use pagerduty_incident_responder::model::ids::{CommitSha, Timestamp};
use tempfile::TempDir;

/// The moment at which every sandbox's history begins: 2025-10-16 00:00 UTC.
pub const BEGINNING: i64 = 1_760_572_800;

/// `hours` after the beginning.
pub fn at(hours: i64) -> Timestamp {
    DateTime::from_timestamp(BEGINNING + hours * 3600, 0).expect("a moment of our own century")
}

/// A repository with a work tree on branch `main`.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let sandbox = Sandbox { folder: TempDir::new().expect("a temporary folder") };
        sandbox.git(0, &["init", "--quiet", "--initial-branch=main", "."]);
        sandbox.git(0, &["config", "uploadpack.allowFilter", "true"]);
        sandbox.git(0, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        sandbox
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file without committing it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let target = self.path().join(path);
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&target, content).expect("the file can be written");
        target
    }

    /// Commits everything, `hours` after the beginning.
    pub fn commit(&self, hours: i64, message: &str) -> CommitSha {
        self.git(hours, &["add", "--all"]);
        self.git(hours, &["commit", "--quiet", "--allow-empty", "--message", message]);
        CommitSha::new(self.git(hours, &["rev-parse", "HEAD"]).trim())
    }

    /// Writes one file and commits it.
    pub fn land(&self, hours: i64, path: &str, content: &str, message: &str) -> CommitSha {
        self.write(path, content);
        self.commit(hours, message)
    }

    /// Runs git with dates `hours` after the beginning; gives what it printed.
    pub fn git(&self, hours: i64, arguments: &[&str]) -> String {
        let date = format!("@{} +0000", BEGINNING + hours * 3600);
        let output = Command::new("git")
            .current_dir(self.path())
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs([("GIT_AUTHOR_NAME", "octo-dev"), ("GIT_AUTHOR_EMAIL", "octo-dev@example.com")])
            .envs([("GIT_COMMITTER_NAME", "octo-dev"), ("GIT_COMMITTER_EMAIL", "octo-dev@example.com")])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .output()
            .expect("git can be started");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
