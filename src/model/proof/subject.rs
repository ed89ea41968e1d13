//! Everything that a proof needs, apart from the machine that it runs on.

use serde::{Deserialize, Serialize};

use super::Recipe;
use crate::model::ids::RepositoryPath;
use crate::model::landing::FileMode;

/// The default branch's code at one commit, a patch for it, and what is known of how to run it. It may be written down and
/// proven on another machine, with the compiler that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What the configuration file says to run. Without it, a recipe is found from the sources.
    pub configured: Option<Recipe>,
    /// Those of the files that are C sources and headers of the service.
    pub sources: Vec<RepositoryPath>,
    /// The file with the fault.
    pub fault: RepositoryPath,
    /// The memory limit of the service's manifest.
    pub manifest_limit: Option<ManifestLimit>,
    /// The files of the base.
    pub files: Vec<TreeFile>,
    /// The files that the patch writes, as they will be.
    pub patch: Vec<TreeFile>,
    /// The files that the patch removes.
    pub removed: Vec<RepositoryPath>,
}

/// A memory limit, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestLimit {
    /// In bytes.
    pub bytes: u64,
    /// The manifest.
    pub path: String,
}

/// A file to lay out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// Its place in the repository.
    pub path: RepositoryPath,
    /// Its bytes.
    #[serde(with = "base64_text")]
    pub contents: Vec<u8>,
    /// Whether it may be executed.
    pub mode: FileMode,
}

/// Bytes as text, since JSON has no bytes.
mod base64_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
