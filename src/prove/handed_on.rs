//! What one job hands on to another: the plan to the job that proves it without a secret, and its proof to the job that
//! publishes without running foreign code.
//!
//! The publishing job trusts neither file. It makes the plan anew from PagerDuty and the repository and takes the proof only
//! if that is the plan it was made of; and it decides the verdict again from what was measured. A job that runs foreign code
//! can still report measurements that it did not make, which is why the report says where they come from.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::io::world::{World, blocking};
use crate::model::ids::{BranchName, CommitSha};
use crate::model::proof::{Proof, Subject};
use crate::report::Analysis;
use crate::settings::HandedOn;

/// The version of both files.
const VERSION: u32 = 1;
/// Larger files are not ours, in bytes: the files of a build have at most 64 MiB, and base64 adds a third.
const LARGEST: u64 = 128 << 20;
/// The plan's name in the runner's temporary folder.
const PLAN_NAME: &str = "incident-plan.json";

/// What is to be proven, with a digest over all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    plan: Plan,
    /// SHA-256 of `plan` as compact JSON, in hexadecimal digits.
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Plan {
    version: u32,
    incident: String,
    branch: BranchName,
    base: CommitSha,
    subject: Result<Subject, String>,
}

/// What was measured, and of which plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProofFile {
    version: u32,
    /// The digest of the plan.
    plan: String,
    proof: Proof,
}

impl PlanFile {
    fn new(plan: Plan) -> PlanFile {
        PlanFile { digest: digest(&plan), plan }
    }

    /// What is to be run.
    ///
    /// # Errors
    /// Why nothing can be run, as a clause.
    pub fn subject(&self) -> Result<&Subject, &str> {
        self.plan.subject.as_ref().map_err(String::as_str)
    }

    /// The proof, as a file that belongs to this plan.
    pub fn proven(&self, proof: Proof) -> ProofFile {
        ProofFile { version: VERSION, plan: self.digest.clone(), proof }
    }
}

fn digest(plan: &Plan) -> String {
    // A plan is text, numbers and lists: turning it into JSON cannot fail, and an empty digest would fit no file.
    let text = serde_json::to_vec(plan).unwrap_or_default();
    Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a plan's file.
///
/// # Errors
/// A configuration failure where it cannot be read, is no plan of this version, or was changed after it was written.
pub fn read_plan(path: &Path) -> Result<PlanFile, Failure> {
    let file: PlanFile = read(path, "plan")?;
    if file.plan.version != VERSION {
        return Err(of_another_version(path, file.plan.version));
    }
    if file.digest != digest(&file.plan) {
        return Err(Failure::configuration(
            format!("The plan {} was changed after it was written: its digest does not fit.", path.display()),
            "Hand the file on as `mode: plan` wrote it.",
        ));
    }
    Ok(file)
}

/// Writes the plan of an analysis for the job that proves it; gives its path.
///
/// # Errors
/// A configuration failure where it cannot be written.
pub async fn write_plan(world: &World, analysis: &Analysis) -> Result<String, Failure> {
    let folder = world.settings.runner.temp.clone().unwrap_or_else(|| ".".into());
    let path = folder.join(PLAN_NAME);
    let file = plan(world, analysis).await;
    blocking(move || write(&path, &file).map(|()| path.display().to_string())).await
}

/// Writes a file that is handed on.
///
/// # Errors
/// A configuration failure where it cannot be written.
pub fn write(path: &Path, file: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec(file).map_err(std::io::Error::from);
    text.and_then(|text| std::fs::write(path, text)).map_err(|why| {
        Failure::configuration(
            format!("{} cannot be written: {why}.", path.display()),
            "Name a file in a folder that can be written to.",
        )
    })
}

/// The proof that was handed on for an analysis; `None` where the analysis offers no repair.
///
/// # Errors
/// A configuration failure where plan and proof do not belong to each other or to this analysis.
pub async fn proof(world: &World, analysis: &Analysis) -> Result<Option<Proof>, Failure> {
    let HandedOn { plan: plan_path, proof: proof_path } = world.settings.handed_on.clone();
    let (file, proof): (PlanFile, ProofFile) =
        blocking(move || Ok((read_plan(&plan_path)?, read(&proof_path, "proof")?))).await?;
    belongs_to(&file.plan, analysis)?;
    if file != plan(world, analysis).await {
        return Err(Failure::configuration(
            "The plan is not the one that this run makes of the same incident and commit: its files, its patch or its commands differ.",
            "Hand the file on as `mode: plan` wrote it, with the same inputs and version of the action in both jobs.",
        ));
    }
    if proof.version != VERSION {
        return Err(of_another_version(&world.settings.handed_on.proof, proof.version));
    }
    if proof.plan != file.digest {
        return Err(Failure::configuration(
            format!("The proof {} was made of another plan.", world.settings.handed_on.proof.display()),
            "Hand on the proof that the command `prove` made of this plan.",
        ));
    }
    Ok(crate::plan::offered(analysis).is_ok().then(|| proof.proof.decided_again().made_elsewhere()))
}

/// Whether a plan is about the same incident at the same commit.
fn belongs_to(plan: &Plan, analysis: &Analysis) -> Result<(), Failure> {
    let (incident, base) = (analysis.incident().to_string(), &analysis.evidence.base);
    if plan.incident != incident {
        return Err(Failure::configuration(
            format!("The plan is for incident {}, and this run answers incident {incident}.", plan.incident),
            "Hand on the plan that was made for this incident.",
        ));
    }
    if plan.base != base.head {
        return Err(Failure::configuration(
            format!(
                "The plan was made at commit {}, and {} is at {} by now.",
                plan.base.short(),
                base.branch,
                base.head.short()
            ),
            "Run all three jobs again: what was proven is no longer what a fix would be merged into.",
        ));
    }
    Ok(())
}

async fn plan(world: &World, analysis: &Analysis) -> PlanFile {
    let base = &analysis.evidence.base;
    PlanFile::new(Plan {
        version: VERSION,
        incident: analysis.incident().to_string(),
        branch: base.branch.clone(),
        base: base.head.clone(),
        subject: super::subject(world, analysis).await,
    })
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path, what: &str) -> Result<T, Failure> {
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::configuration(
            format!("The {what} {} cannot be read: {why}.", path.display()),
            "Give the path of the file that the job before wrote; see docs/configuration.md for the three jobs.",
        )
    };
    let size = std::fs::metadata(path).map_err(|why| unusable(&why))?.len();
    if size > LARGEST {
        return Err(unusable(&format!("it has {size} bytes, and at most {LARGEST} are read")));
    }
    let text = std::fs::read(path).map_err(|why| unusable(&why))?;
    serde_json::from_slice(&text).map_err(|why| unusable(&why))
}

fn of_another_version(path: &Path, version: u32) -> Failure {
    Failure::configuration(
        format!("{} has version {version}, and this program reads version {VERSION}.", path.display()),
        "Use the same version of the action in all jobs.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file() -> PlanFile {
        PlanFile::new(Plan {
            version: VERSION,
            incident: "12345".to_owned(),
            branch: BranchName::new("main"),
            base: CommitSha::new("a".repeat(40)),
            subject: Err("there is nothing".to_owned()),
        })
    }

    fn read_text(text: &str) -> Result<PlanFile, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        std::fs::write(&path, text).expect("written");
        read_plan(&path)
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_not_otherwise() {
        let text = serde_json::to_string(&file()).expect("JSON");
        assert_eq!(read_text(&text).expect("a plan"), file());
        let changed = read_text(&text.replace("there is nothing", "there is a lot")).expect_err("it was changed");
        assert!(changed.problem.contains("changed after it was written"), "{changed}");
        let newer = PlanFile::new(Plan { version: 2, ..file().plan });
        let newer = read_text(&serde_json::to_string(&newer).expect("JSON")).expect_err("it is newer");
        assert!(newer.problem.contains("version 2"), "{newer}");
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "\\PC{0,60}") {
            prop_assert!(read_text(&text).is_err());
        }
    }
}
