//! The order of a proof: lay out, try the walls, build, run side by side, decide, clear away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tempfile::TempDir;

use super::cell::Cell;
use super::confined::Confined;
use super::run::{Bounds, Lifetime, measure, started};
use super::sandbox::probe::{Attempts, Refused, Tried};
use super::sandbox::{Event, OwnProgram, SUBCOMMAND, Stage};
use crate::model::ids::RepositoryPath;
use crate::model::proof::{self, End, Measured, Proof, Protection, Recipe, TreeFile, Wall, WallState};

/// A build may take so long.
const BUILD_TIME: Duration = Duration::from_secs(120);
/// And so much memory, in bytes: compilers take more than the service that they build.
const BUILD_MEMORY: u64 = 1 << 30;
/// Trying the walls takes milliseconds.
const PROBE_TIME: Duration = Duration::from_secs(20);
/// Lines of a failed build that are kept, in bytes.
const SHOWN_BUILD: usize = 1_000;

/// What is to be proven.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to build and run, best first: the first that builds the base is used.
    pub recipes: Vec<Recipe>,
    /// The files of the base.
    pub files: Vec<TreeFile>,
    /// The files that the patch writes, as they will be.
    pub patch: Vec<TreeFile>,
    /// The files that the patch removes.
    pub removed: Vec<RepositoryPath>,
}

/// Runs proofs.
#[derive(Debug, Clone)]
pub struct Runner {
    /// This program, which is started again as the sandbox's stages.
    pub launcher: PathBuf,
    /// How much isolation is asked for.
    pub level: Level,
}

/// How much isolation is asked for. What is in force is tried from inside, whatever was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As much as may be had. As root: a throwaway user, and namespaces where they may be made. As anybody else: as
    /// [`Level::OrdinaryUser`].
    Strongest,
    /// As root in a container without the right to make namespaces.
    WithoutNamespaces,
    /// As a user without any right: namespaces are all there is, and required.
    OrdinaryUser,
}

/// Which side a run is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Base,
    Patched,
}

impl Runner {
    /// Runs a proof to its end. Whatever happens, nothing of it is left: no process, no file, no memory group.
    pub fn run(&self, job: &Job, cancelled: &AtomicBool) -> Proof {
        let folder = match tempfile::Builder::new().prefix("incident-proof-").tempdir() {
            Ok(folder) => folder,
            Err(why) => return Proof::not_run(format!("no temporary folder can be made: {why}")),
        };
        let proof = self.run_in(folder.path(), job, cancelled).unwrap_or_else(|proof| *proof);
        clear(folder);
        proof
    }

    fn run_in(&self, folder: &Path, job: &Job, cancelled: &AtomicBool) -> Result<Proof, Box<Proof>> {
        let not_run = |why: String| Box::new(Proof::not_run(why));
        let bait = Bait::lay(folder).map_err(|why| not_run(format!("the proof's folder cannot be used: {why}")))?;
        let create = |name: &str, files: &[TreeFile]| {
            let cell = Cell::create(folder, name, self.level)?;
            cell.lay_out(files).map(|()| cell)
        };
        let unusable = |why: std::io::Error| not_run(format!("the trees cannot be laid out: {why}"));
        let base = create("base", &job.files).map_err(unusable)?;
        let patched = create("patched", &job.with_patch()).map_err(unusable)?;
        let both = Both { launcher: &self.launcher, base: &base, patched: &patched, cancelled };
        let protections = both.probe(&bait).map_err(not_run)?;
        if let Some(open) = protections.iter().find(|protection| protection.state != WallState::Held) {
            let why = format!("the isolation that it needs cannot be had here: {}", described(open));
            return Err(Box::new(Proof { protections, ..Proof::not_run(why) }));
        }
        let proof = both.try_recipes(&job.recipes).unwrap_or_else(Proof::not_run);
        Ok(Proof { protections, ..proof })
    }
}

impl Job {
    /// The files with the patch.
    fn with_patch(&self) -> Vec<TreeFile> {
        let is_touched = |path: &RepositoryPath| {
            self.removed.contains(path) || self.patch.iter().any(|changed| changed.path == *path)
        };
        let untouched = self.files.iter().filter(|file| !is_touched(&file.path));
        untouched.chain(&self.patch).cloned().collect()
    }
}

fn described(protection: &Protection) -> String {
    let open = match &protection.state {
        WallState::Held => "everything was refused",
        WallState::Open(what) => what,
    };
    format!("{}: from inside it could {open}", protection.wall.words())
}

/// What a run must not reach, although its rights as a plain user would do: it is there to be tried.
struct Bait {
    file: PathBuf,
    socket: PathBuf,
    _listener: UnixListener,
}

impl Bait {
    fn lay(folder: &Path) -> std::io::Result<Bait> {
        let open_to_all = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        // The throwaway users must pass through to their own folders.
        open_to_all(folder, 0o711)?;
        let (file, socket) = (folder.join("bait"), folder.join("socket"));
        fs::write(&file, "not to be read")?;
        open_to_all(&file, 0o666)?;
        let listener = UnixListener::bind(&socket)?;
        open_to_all(&socket, 0o777)?;
        Ok(Bait { file, socket, _listener: listener })
    }
}

/// Both sides, which do everything at the same time.
struct Both<'a> {
    launcher: &'a Path,
    base: &'a Cell,
    patched: &'a Cell,
    cancelled: &'a AtomicBool,
}

impl Both<'_> {
    /// Does something on both sides at the same time.
    fn each<T: Send>(&self, work: impl Fn(Side, &Cell) -> T + Sync) -> (T, T) {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| work(Side::Patched, self.patched));
            let base = work(Side::Base, self.base);
            // A panic of the other side is one of ours, and goes on as one.
            let patched = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (base, patched)
        })
    }

    /// Tries the walls from inside of both.
    fn probe(&self, bait: &Bait) -> Result<Vec<Protection>, String> {
        let (base, patched) = self.each(|_, cell| probe(self.launcher, cell, bait, self.cancelled));
        let (base, namespaces) = base?;
        let (patched, _) = patched?;
        let tried: Vec<Tried> = base.into_iter().chain(patched).collect();
        Ok(Wall::ALL.map(|wall| protection(wall, &tried, self.base, namespaces)).to_vec())
    }

    /// Builds and runs by the first recipe that builds the base.
    fn try_recipes(&self, recipes: &[Recipe]) -> Result<Proof, String> {
        let mut last = Err("there is no recipe".to_owned());
        for recipe in recipes.iter().cloned() {
            let (base, patched) = self.each(|_, cell| self.build(cell, &recipe));
            match (base?, patched?) {
                (None, None) => {
                    let (base, patched) = self.run(&recipe);
                    return Ok(Proof::of_runs(recipe, base?, patched?));
                }
                (None, Some(failed)) => return Ok(Proof::patch_not_built(recipe, failed)),
                (Some(failed), _) => last = Ok(Proof::base_not_built(recipe, failed)),
            }
        }
        last
    }

    /// Builds; gives what was measured of a build that failed.
    fn build(&self, cell: &Cell, recipe: &Recipe) -> Result<Option<Measured>, String> {
        let Some(command) = &recipe.build else { return Ok(None) };
        let bounds =
            Bounds { time: BUILD_TIME, memory: BUILD_MEMORY, cancelled: self.cancelled, outlive: None, lifetime: None };
        let spec = cell.spec(shell(command), &recipe.folder, BUILD_TIME.as_secs());
        let measured = measure(self.launcher, cell, spec, &bounds)?;
        Ok(match measured.end {
            End::Exited(0) => None,
            End::Stopped(proof::Stop::Cancelled) => return Err("the run was cancelled".to_owned()),
            End::StillRunning => Some(measured.with_end(End::NotBuilt("the build did not end in time".to_owned()))),
            _ => {
                let told: String = measured.output.chars().take(SHOWN_BUILD).collect();
                Some(measured.with_end(End::NotBuilt(told)))
            }
        })
    }

    /// Runs both at the same time; the patched side ends when it has outlived the base for long enough.
    fn run(&self, recipe: &Recipe) -> (Result<Measured, String>, Result<Measured, String>) {
        let base_lifetime = Lifetime::default();
        let time = Duration::from_secs(recipe.seconds.into());
        self.each(|side, cell| {
            let (outlive, lifetime) = match side {
                Side::Base => (None, Some(&base_lifetime)),
                Side::Patched => (Some(&base_lifetime), None),
            };
            let bounds = Bounds { time, memory: recipe.memory_limit, cancelled: self.cancelled, outlive, lifetime };
            // Several threads may each use a whole processor.
            let spec = cell.spec(shell(&recipe.run), &recipe.folder, u64::from(recipe.seconds) * 8 + 10);
            measure(self.launcher, cell, spec, &bounds)
        })
    }
}

impl Measured {
    fn with_end(&self, end: End) -> Measured {
        Measured { end, ..self.clone() }
    }
}

fn shell(command: &str) -> Vec<String> {
    ["/bin/sh", "-c", command].map(str::to_owned).to_vec()
}

/// Runs our own program inside of a cell, where it tries the walls; gives also whether it had namespaces.
fn probe(launcher: &Path, cell: &Cell, bait: &Bait, cancelled: &AtomicBool) -> Result<(Vec<Tried>, bool), String> {
    let attempts = Attempts {
        file: bait.file.clone(),
        socket: bait.socket.clone(),
        runner: std::process::id().cast_signed(),
        own: cell.folder.clone(),
    };
    let stage = serde_json::to_string(&Stage::Probe(attempts)).map_err(|why| why.to_string())?;
    let command = ["/proc/self/exe", SUBCOMMAND, &stage].map(str::to_owned).to_vec();
    let mut spec = cell.spec(command, "", PROBE_TIME.as_secs());
    spec.own_program = OwnProgram::Allowed;
    let confined = Confined::start(launcher, cell.keeper_user, spec).map_err(|why| why.to_string())?;
    let namespaces = started(&confined, cancelled).map_err(|why| format!("the sandbox cannot be had here: {why}"))?;
    let event = confined.event(PROBE_TIME);
    let output = confined.end();
    match event {
        Some(Event::Exited(0)) => {}
        other => return Err(format!("the walls could not be tried from inside: {other:?}")),
    }
    let tried = serde_json::from_str(output.trim());
    tried.map(|tried| (tried, namespaces)).map_err(|why| format!("the walls could not be tried from inside: {why}"))
}

/// What all attempts on a wall showed, and how it is made.
fn protection(wall: Wall, tried: &[Tried], cell: &Cell, namespaces: bool) -> Protection {
    let of_wall: Vec<&Tried> = tried.iter().filter(|one| one.wall == wall).collect();
    let state = match of_wall.iter().find(|one| one.refused == Refused::No) {
        Some(open) => WallState::Open(open.what.clone()),
        None if of_wall.is_empty() => WallState::Open("not be tried".to_owned()),
        None => WallState::Held,
    };
    let means = match (wall, namespaces) {
        (Wall::User, _) if cell.has_own_user() => "a throwaway user without rights",
        (Wall::User, _) => "a user namespace without rights",
        (Wall::Files, _) => "Landlock",
        (Wall::Network, true) => "seccomp, and a network namespace without devices",
        (Wall::Network, false) | (Wall::SystemCalls, _) => "seccomp",
        (Wall::Processes, true) => "a process namespace",
        (Wall::Processes, false) => "another user, and Landlock",
        (Wall::Environment, _) => "four variables of its own",
    };
    Protection { wall, state, means: means.to_owned() }
}

/// Removes a proof's folder. A hostile run may have nested folders deeper than a path may be long, which `rm` can remove.
fn clear(folder: TempDir) {
    let path = folder.path().to_owned();
    if folder.close().is_err() && path.exists() {
        let removed = Command::new("rm").args(["-rf", "--"]).arg(&path).stderr(Stdio::null()).status();
        if !removed.is_ok_and(|status| status.success()) {
            tracing::warn!("{} could not be removed", path.display());
        }
    }
}
