//! A private partial clone, and fetching file contents into it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::git::{Git, Network};
use super::{Copy, Repository, is_plain_branch, no_such_branch, version};
use crate::failure::Failure;
use crate::model::ids::BranchName;

/// Where a repository is, and what it takes to read it.
#[derive(Clone)]
pub struct Remote {
    /// `https://github.com/owner/name.git`, or another `http`, `https` or `file` address. A user name or password in it is refused.
    pub address: Url,
    /// The branch to read; the default branch where there is none.
    pub branch: Option<BranchName>,
    /// A token with `contents: read`. It reaches git in its environment and is sent to this address only.
    pub token: Option<SecretString>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("address", &self.address.as_str())
            .field("branch", &self.branch)
            .finish_non_exhaustive()
    }
}

/// Clones all commits and trees of one branch into `folder/repository.git`.
pub(super) fn clone(remote: &Remote, folder: &Path, deadline: Duration) -> Result<Git, Failure> {
    let address = checked_address(&remote.address)?;
    let target = folder.join("repository.git");
    let home = folder.join("home");
    std::fs::create_dir_all(&home).map_err(|error| {
        Failure::configuration(
            format!("the folder {} for the private clone cannot be written: {error}", folder.display()),
            "Make RUNNER_TEMP, or the system's temporary folder, writable and give it space.",
        )
    })?;
    let mut git = with_token(Git::new(None, Network::Allowed, home, deadline), remote);
    version::check(&git)?;
    let mut arguments =
        ["clone", "--quiet", "--bare", "--filter=blob:none", "--single-branch", "--no-tags", "--template="]
            .map(std::ffi::OsString::from)
            .to_vec();
    if let Some(branch) = &remote.branch {
        if !is_plain_branch(branch.as_str()) {
            return Err(no_such_branch(branch.as_str()));
        }
        arguments.push(format!("--branch={branch}").into());
    }
    arguments.extend(["--".into(), address.into(), target.clone().into()]);
    git.output(&format!("clone {address}"), arguments, None, 1 << 20)?;
    git.directory = Some(target);
    Ok(git)
}

/// The header goes to this address alone: git sends a setting of `http.<address>.*` nowhere else, and redirects are off.
fn with_token(git: Git, remote: &Remote) -> Git {
    let Some(token) = &remote.token else { return git };
    // GitHub takes any user name with a token; this is the one its own checkout uses.
    let pair = STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
    let header = SecretString::from(format!("Authorization: Basic {pair}"));
    git.with_secret_setting(format!("http.{}.extraHeader", remote.address), header)
}

fn checked_address(address: &Url) -> Result<&str, Failure> {
    if !matches!(address.scheme(), "http" | "https" | "file") {
        return Err(Failure::configuration(
            format!("a repository cannot be read over {:?}", address.scheme()),
            "Give an https address, such as https://github.com/owner/name.git.",
        ));
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err(Failure::configuration(
            "the repository's address holds a user name or a password",
            "Give the address without them, and the token as the input `github-token`.",
        ));
    }
    Ok(address.as_str())
}

impl Repository {
    /// Fetches those of the named blobs that are not here yet, all in one request. Nothing to do in a folder that is only read.
    pub(super) fn fetch_blobs<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        if self.copy == Copy::Foreign {
            return Ok(());
        }
        let wanted: Vec<String> = {
            let state = self.state();
            let mut wanted: Vec<String> =
                ids.into_iter().filter(|id| !is_null(id) && !state.present.contains(*id)).map(str::to_owned).collect();
            wanted.sort_unstable();
            wanted.dedup();
            wanted
        };
        if wanted.is_empty() {
            return Ok(());
        }
        // The call that git makes itself for a single missing blob, made once for all of them.
        let arguments = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--quiet",
            "origin",
            "--no-tags",
            "--no-write-fetch-head",
            "--recurse-submodules=no",
            "--filter=blob:none",
            "--stdin",
        ];
        let mut list = wanted.join("\n");
        list.push('\n');
        self.git.output("fetch file contents", arguments, Some(list.into_bytes()), 1 << 20)?;
        self.state().present.extend(wanted);
        Ok(())
    }
}

/// All zeros: git's name for "no object".
fn is_null(id: &str) -> bool {
    id.bytes().all(|b| b == b'0')
}
