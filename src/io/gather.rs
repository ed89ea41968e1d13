//! Reads everything that an analysis needs, once, before anything is thought or written.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::deployed::{self, Reachable};
use super::pagerduty::{PagerDuty, Reading};
use super::repository::{FileRead, LandingLimits, Repository};
use super::world::{World, blocking};
use crate::failure::Failure;
use crate::model::evidence::{Base, Evidence, Gap, ManifestScope, Protected, Responder, Scope, SourceFile};
use crate::model::ids::{CommitSha, IncidentReference, Login, RepositoryPath};
use crate::model::incident::{Incident, OnCall};
use crate::model::landing::Window;
use crate::settings::config_file::{ConfigFile, PathPattern, ServiceConfig};

/// The newest git file that is read whole; larger sources are a gap. The largest hand-written C files have about 1 MB.
const SOURCE_LIMIT: u64 = 4 << 20;
/// All sources together; beyond it only the service's own are read.
const SOURCES_LIMIT: usize = 50_000;
/// So many manifests are read; a repository of charts has hundreds.
const MANIFESTS_LIMIT: usize = 500;
/// The configuration file has a few kilobytes.
const CONFIG_LIMIT: u64 = 1 << 20;
/// At most so many people are looked up.
const PEOPLE_LIMIT: usize = 5;

/// Paths that no patch of ours may touch, whatever the configuration says: what steers workflows, ownership and git
/// itself, and secrets.
const ALWAYS_PROTECTED: [&str; 8] = [
    ".github/**",
    "**/CODEOWNERS",
    "**/.gitmodules",
    "**/.gitattributes",
    "**/.env",
    "**/*.pem",
    "**/*.key",
    "**/secrets/**",
];

/// Files that a tool writes. No patch of ours may touch them, but the inverse of a landing restores them as they were.
const LOCK_FILES: [&str; 10] = [
    "**/Cargo.lock",
    "**/package-lock.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/go.sum",
    "**/poetry.lock",
    "**/Pipfile.lock",
    "**/uv.lock",
    "**/Gemfile.lock",
    "**/composer.lock",
];

/// The repository at one commit, with the file that tells what belongs to whom.
pub struct Snapshot {
    /// The branch and commit.
    pub base: Base,
    /// The configuration file's contents.
    pub config: ConfigFile,
}

/// Reads the default branch's head and the configuration file there.
///
/// # Errors
/// As the repository; a configuration failure for a file that cannot be used.
pub async fn base(world: &World) -> Result<Snapshot, Failure> {
    let (repository, path) = (Arc::clone(world.repository().await?), world.settings.config.clone());
    blocking(move || {
        let branch = repository.default_branch()?;
        let head = repository.head(None)?;
        let config = config_file(&repository, &head, &path)?;
        Ok(Snapshot { base: Base { branch, head }, config })
    })
    .await
}

/// The configuration file at a commit; the default where there is none.
///
/// # Errors
/// As the repository; a configuration failure for a file that cannot be used.
pub fn config_file(repository: &Repository, head: &CommitSha, path: &str) -> Result<ConfigFile, Failure> {
    let read = repository.read_files(head, &[RepositoryPath::new(path)], CONFIG_LIMIT)?;
    match read.into_iter().next() {
        Some((_, FileRead::Bytes(bytes))) => {
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::configuration(format!("{path} is not UTF-8 text."), "Save the file as UTF-8."))?;
            ConfigFile::parse(path, &text)
        }
        _ => Ok(ConfigFile::default()),
    }
}

/// Reads the incident and the repository, side by side, and then what the incident asks for.
///
/// # Errors
/// Where the incident or the repository cannot be read at all; whatever else is missing becomes a gap.
pub async fn evidence(
    world: &World,
    reference: &IncidentReference,
    on_incident: impl AsyncFnOnce(),
) -> Result<Evidence, Failure> {
    let (read, base) = tokio::join!(incident(world, reference), base(world));
    let (Reading { value: incident, mut gaps }, Snapshot { base, config }) = (read?, base?);
    on_incident().await;
    let hours = config.window_hours.unwrap_or(world.settings.window_hours);
    let window = Window::before(incident.created_at, hours);
    let mapped = config.service(incident.service.id.as_str(), &incident.service.name).cloned();
    let repository = Arc::clone(world.repository().await?);
    let head = base.head.clone();
    let environment = mapped.as_ref().and_then(|service| service.environment.as_deref());
    let (reachable, responders) = tokio::join!(
        deployed::reachable(world, &incident, environment, &base, window),
        responders(world, &config, &incident.on_call, &mut gaps)
    );
    let Reachable { deployed, landings, gaps: unknown } = reachable?;
    gaps.extend(unknown);
    let tree = blocking(move || Tree::read(&repository, &head, &landings, mapped.as_ref())).await?;
    gaps.extend(tree.gaps);
    Ok(Evidence {
        incident: with_address(incident, &config),
        base,
        scope: tree.scope,
        window,
        deployed,
        landings: tree.landings,
        paths: tree.paths,
        sources: tree.sources,
        manifests: tree.manifests,
        manifest_scope: tree.manifest_scope,
        other_languages: tree.other_languages,
        responders,
        protected: protected(&config),
        rollback: config.rollback.clone(),
        memory: config.memory,
        gaps,
    })
}

async fn incident(world: &World, reference: &IncidentReference) -> Result<Reading<Incident>, Failure> {
    let pager: &PagerDuty = world.pager().await?;
    pager.incident(reference, world.now).await
}

/// Where no answer gave the incident's page, the configured host and the id do.
fn with_address(mut incident: Incident, config: &ConfigFile) -> Incident {
    if incident.address.is_none()
        && let Some(host) = &config.pagerduty_host
    {
        incident.address = Url::parse(&format!("https://{host}/incidents/{}", incident.id)).ok();
    }
    incident
}

fn protected(config: &ConfigFile) -> Protected {
    let patterns = |texts: &[&str]| -> Vec<PathPattern> {
        texts.iter().filter_map(|text| PathPattern::try_from((*text).to_owned()).ok()).collect()
    };
    let mut always = patterns(&ALWAYS_PROTECTED);
    always.extend(config.protected_paths.iter().cloned());
    Protected { patterns: always, lock_files: patterns(&LOCK_FILES) }
}

/// What was read of the repository.
struct Tree {
    scope: Scope,
    landings: Vec<crate::model::landing::Landing>,
    paths: Vec<RepositoryPath>,
    sources: Vec<SourceFile>,
    manifests: Vec<SourceFile>,
    manifest_scope: ManifestScope,
    other_languages: Vec<(String, usize)>,
    gaps: Vec<Gap>,
}

impl Tree {
    fn read(
        repository: &Repository,
        head: &CommitSha,
        landings: &[CommitSha],
        service: Option<&ServiceConfig>,
    ) -> Result<Tree, Failure> {
        let mut gaps = Vec::new();
        let files = repository.files(head)?;
        let plain: Vec<&RepositoryPath> = files.iter().filter(|it| it.mode.is_file()).map(|it| &it.path).collect();
        let mapped = service.map(|service| service.paths.as_slice()).filter(|paths| !paths.is_empty());
        let in_scope = |path: &str| mapped.is_none_or(|patterns| any(patterns, path));
        let everything = plain.iter().filter(|path| is_c(path.as_str())).count() <= SOURCES_LIMIT;
        if !everything {
            let why = format!("the repository has more than {SOURCES_LIMIT} C files, which are not read together");
            gaps.push(Gap::new("C sources outside of the service's paths", why));
        }
        let is_source = |path: &str| is_c(path) && (everything || in_scope(path));
        let own_manifests = service.map(|service| &service.manifests).filter(|it| !it.is_empty());
        let is_manifest = |path: &str| own_manifests.map_or_else(|| is_yaml(path), |patterns| any(patterns, path));
        let manifest_scope = if own_manifests.is_some() { ManifestScope::Mapped } else { ManifestScope::Everything };
        repository.prefetch(head, landings, |file| is_source(file.path.as_str()) || is_manifest(file.path.as_str()))?;
        let read = repository.landings_of(landings, LandingLimits::default())?;
        gaps.extend(read.gaps);
        let pick = |wanted: &dyn Fn(&str) -> bool, most: usize| -> Vec<RepositoryPath> {
            plain.iter().filter(|path| wanted(path.as_str())).take(most).map(|path| (*path).clone()).collect()
        };
        let sources = contents(repository, head, &pick(&is_source, usize::MAX), &mut gaps)?;
        let manifests = contents(repository, head, &pick(&is_manifest, MANIFESTS_LIMIT), &mut gaps)?;
        let scope = match mapped {
            Some(_) => {
                let inside = sources.iter().map(|source| &source.path).filter(|path| in_scope(path.as_str()));
                Scope::Mapped(inside.cloned().collect())
            }
            None => Scope::Everything,
        };
        let other_languages = other_languages(plain.iter().map(|path| path.as_str()).filter(|path| in_scope(path)));
        let paths = files.iter().map(|file| file.path.clone()).collect();
        let landings = read.landings;
        Ok(Tree { scope, landings, paths, sources, manifests, manifest_scope, other_languages, gaps })
    }
}

fn any(patterns: &[PathPattern], path: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(path))
}

/// YAML that may be a manifest: not what steers the repository's own workflows.
fn is_yaml(path: &str) -> bool {
    (path.ends_with(".yaml") || path.ends_with(".yml")) && !path.starts_with(".github/")
}

fn contents(
    repository: &Repository,
    head: &CommitSha,
    paths: &[RepositoryPath],
    gaps: &mut Vec<Gap>,
) -> Result<Vec<SourceFile>, Failure> {
    let mut sources = Vec::new();
    for (path, read) in repository.read_files(head, paths, SOURCE_LIMIT)? {
        match read {
            FileRead::Bytes(contents) => sources.push(SourceFile { path, contents }),
            FileRead::TooLarge(bytes) => {
                gaps.push(Gap::new(
                    path.as_str(),
                    format!("it has {bytes} bytes, and at most {SOURCE_LIMIT} are read"),
                ));
            }
            _ => gaps.push(Gap::new(path.as_str(), "its contents could not be read")),
        }
    }
    Ok(sources)
}

/// C sources and headers, by their usual endings.
fn is_c(path: &str) -> bool {
    path.ends_with(".c") || path.ends_with(".h")
}

/// Languages that no detector reads, by ending, most files first.
fn other_languages<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    const SOURCES: [&str; 18] = [
        "cc", "cpp", "cxx", "hpp", "rs", "go", "py", "java", "kt", "js", "ts", "rb", "php", "cs", "swift", "scala",
        "m", "lua",
    ];
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for ending in paths.filter_map(|path| path.rsplit_once('.').map(|(_, ending)| ending)) {
        if SOURCES.contains(&ending) {
            *counts.entry(ending).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, usize)> =
        counts.into_iter().map(|(ending, count)| (ending.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Who is on call, with the login that the configuration file or GitHub itself gives.
async fn responders(world: &World, config: &ConfigFile, on_call: &[OnCall], gaps: &mut Vec<Gap>) -> Vec<Responder> {
    let mut responders = Vec::new();
    for person in on_call.iter().take(PEOPLE_LIMIT) {
        let login = login(world, config, person, gaps).await;
        responders.push(Responder { on_call: person.clone(), login });
    }
    responders
}

async fn login(world: &World, config: &ConfigFile, person: &OnCall, gaps: &mut Vec<Gap>) -> Option<Login> {
    let email = person.email.as_deref()?;
    if let Some(login) = config.login(email) {
        return Some(login.clone());
    }
    match world.github.as_ref()?.login_of_committer(email).await {
        Ok(login) => login,
        Err(why) => {
            let why = Failure::from(why).problem;
            gaps.push(Gap::new(
                format!("the GitHub login of {}", person.name),
                format!("GitHub was asked and failed: {why}"),
            ));
            None
        }
    }
}
