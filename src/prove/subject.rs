//! Gathering what a proof runs: the files of the base, the patch, the recipes.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::{manifest, recipe};
use crate::io::gather;
use crate::io::repository::{FileRead, Repository};
use crate::io::world::{World, blocking};
use crate::model::diagnosis::Repair;
use crate::model::evidence::{Evidence, SourceFile};
use crate::model::ids::{CommitSha, RepositoryPath};
use crate::model::landing::FileMode;
use crate::model::proof::{Subject, TreeFile};
use crate::report::Analysis;
use crate::settings::config_file::PathPattern;

/// The compilers that are tried, in this order, and where programs are.
const COMPILERS: [&str; 4] = ["cc", "gcc", "clang", "tcc"];
const PROGRAMS: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin"];

/// Manifests are small; templates and data in YAML need not be.
const MANIFEST_LIMIT: u64 = 64 * 1024;
/// At most so many YAML files are looked into for a memory limit.
const MOST_MANIFESTS: usize = 60;
/// A configured build, or a repository's own check, may need any file of the tree, as long as these limits hold: bytes of
/// one, number, bytes of all.
const FILE_LIMIT: u64 = 1 << 20;
const MOST_FILES: usize = 5_000;
const MOST_BYTES: usize = 64 << 20;

/// Reads everything that a proof of a repair needs.
///
/// # Errors
/// Why nothing can be run, as a clause.
pub(super) async fn gather(world: &World, analysis: &Analysis, repair: &Repair) -> Result<Subject, String> {
    let repository = Arc::clone(world.repository().await.map_err(|failure| failure.problem)?);
    let config_path = world.settings.config.clone();
    let (evidence, repair) = (analysis.evidence.clone(), repair.clone());
    let fault = analysis.diagnosis.findings.first().map(|finding| finding.file.clone());
    let fault = fault.ok_or("there is no finding")?;
    // The reading fails as a value, since a proof that cannot be run fails nothing.
    let read = blocking(move || {
        let reader = Reader { repository: &repository, head: &evidence.base.head };
        Ok(reader.subject(&evidence, &repair, fault, &config_path))
    });
    read.await.map_err(|failure| failure.problem)?
}

/// Reads the tree of the base.
struct Reader<'a> {
    repository: &'a Repository,
    head: &'a CommitSha,
}

impl Reader<'_> {
    fn subject(
        &self,
        evidence: &Evidence,
        repair: &Repair,
        fault: RepositoryPath,
        config_path: &str,
    ) -> Result<Subject, String> {
        let config = gather::config_file(self.repository, self.head, config_path).map_err(|why| why.problem)?;
        let service = config.service(evidence.incident.service.id.as_str(), &evidence.incident.service.name);
        let prove = service.and_then(|service| service.prove.as_ref());
        let manifests = self.manifests(service.map_or(&[], |service| service.manifests.as_slice()))?;
        let manifest_limit = manifest::memory_limit(&evidence.incident.service.name, &manifests);
        let is_header = |path: &RepositoryPath| path.as_str().ends_with(".h");
        let of_service = evidence.sources.iter().map(|source| &source.path);
        let sources: Vec<RepositoryPath> =
            of_service.filter(|path| is_header(path) || evidence.scope.holds(path)).cloned().collect();
        let mut subject = Subject {
            configured: prove.map(|prove| recipe::configured(prove, manifest_limit.as_ref())),
            sources,
            fault,
            manifest_limit,
            files: Vec::new(),
            patch: Vec::new(),
            removed: Vec::new(),
        };
        subject.files = match &subject.configured {
            Some(_) => self.all_files(evidence)?,
            None => self.files(evidence, &subject)?,
        };
        if recipe::look_ahead(&subject)? {
            subject.files = self.all_files(evidence)?;
        }
        subject.patch = patch(repair, &subject.files);
        Ok(subject)
    }

    /// The texts of the service's manifests, or of every YAML file where none are named.
    fn manifests(&self, named: &[PathPattern]) -> Result<Vec<(String, String)>, String> {
        let listed = self.repository.files(self.head).map_err(|why| why.problem)?;
        let is_yaml = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
        let is_wanted = |path: &str| match named {
            [] => is_yaml(path) && !path.starts_with('.'),
            patterns => patterns.iter().any(|pattern| pattern.matches(path)),
        };
        let files = listed.iter().filter(|file| file.mode.is_file() && is_wanted(file.path.as_str()));
        let paths: Vec<RepositoryPath> = files.take(MOST_MANIFESTS).map(|file| file.path.clone()).collect();
        let read = self.repository.read_files(self.head, &paths, MANIFEST_LIMIT).map_err(|why| why.problem)?;
        let texts = read.into_iter().filter_map(|(path, read)| match read {
            FileRead::Bytes(bytes) => Some((path.to_string(), String::from_utf8(bytes).ok()?)),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// The service's C sources, which are here already, and the Makefiles.
    fn files(&self, evidence: &Evidence, subject: &Subject) -> Result<Vec<TreeFile>, String> {
        let sources: HashSet<&RepositoryPath> = subject.sources.iter().collect();
        self.files_that(evidence, |path| sources.contains(path) || recipe::is_makefile(path.as_str()))
    }

    /// Every file of the tree, for a command that may read any.
    fn all_files(&self, evidence: &Evidence) -> Result<Vec<TreeFile>, String> {
        self.files_that(evidence, |_| true)
    }

    fn files_that(
        &self,
        evidence: &Evidence,
        is_wanted: impl Fn(&RepositoryPath) -> bool,
    ) -> Result<Vec<TreeFile>, String> {
        let listed = self.repository.files(self.head).map_err(|why| why.problem)?;
        let known: HashMap<&RepositoryPath, &SourceFile> =
            evidence.sources.iter().map(|source| (&source.path, source)).collect();
        let mut files: Vec<TreeFile> = Vec::new();
        let mut missing: Vec<(RepositoryPath, FileMode)> = Vec::new();
        for file in listed.iter().filter(|file| file.mode.is_file() && is_wanted(&file.path)) {
            match known.get(&file.path) {
                Some(source) => {
                    files.push(TreeFile { path: file.path.clone(), contents: source.contents.clone(), mode: file.mode })
                }
                None => missing.push((file.path.clone(), file.mode)),
            }
        }
        if files.len() + missing.len() > MOST_FILES {
            return Err(format!("the tree has more than {MOST_FILES} files that a build may need"));
        }
        let paths: Vec<RepositoryPath> = missing.iter().map(|(path, _)| path.clone()).collect();
        let read = self.repository.read_files(self.head, &paths, FILE_LIMIT).map_err(|why| why.problem)?;
        for ((path, read), (_, mode)) in read.into_iter().zip(missing) {
            if let FileRead::Bytes(contents) = read {
                files.push(TreeFile { path, contents, mode });
            }
        }
        match files.iter().map(|file| file.contents.len()).sum::<usize>() {
            0..=MOST_BYTES => Ok(files),
            _ => Err(format!("the files that a build may need have more than {} MiB", MOST_BYTES >> 20)),
        }
    }
}

/// The repair's files with the modes that they have at the base.
fn patch(repair: &Repair, files: &[TreeFile]) -> Vec<TreeFile> {
    let mode = |path: &RepositoryPath| files.iter().find(|file| file.path == *path).map(|file| file.mode);
    let written = repair.files.iter().map(|file| TreeFile {
        path: file.path.clone(),
        contents: file.after.clone(),
        mode: mode(&file.path).unwrap_or(FileMode::REGULAR),
    });
    written.collect()
}

/// The first compiler that is there.
pub(super) fn compiler() -> Option<&'static str> {
    COMPILERS.into_iter().find(|name| PROGRAMS.iter().any(|folder| Path::new(folder).join(name).is_file()))
}
