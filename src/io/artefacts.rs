//! Files for an artefact upload: the report, and the chart of a proof. GitHub strips drawings from its texts.

use std::path::{Path, PathBuf};

use super::world::World;
use crate::model::ids::IncidentReference;
use crate::model::proof::Proof;
use crate::report::escape::Markdown;
use crate::report::{Analysis, chart};
use crate::settings::outputs::{self, Output};

/// Writes what there is into the runner's temporary folder and gives the outputs that name it. Outside of a workflow nothing
/// is written; a file that cannot be written is told in the log, since the answer stands without it.
pub fn write(world: &World, analysis: &Analysis, report: &Markdown) -> Vec<(Output, String)> {
    let Some(folder) = &world.settings.runner.temp else { return Vec::new() };
    let incident = analysis.incident();
    let report = world.redactor.redact(report.as_str()).to_string();
    let report = keep(folder.join(format!("incident-report-{incident}.md")), &report);
    let chart = analysis.proof.as_ref().and_then(|proof| write_chart(folder, Some(&incident), proof));
    let path = |output, path: Option<PathBuf>| path.map(|path| (output, path.display().to_string()));
    path(outputs::REPORT_PATH, report).into_iter().chain(path(outputs::PROOF_CHART, chart)).collect()
}

/// Draws a proof into a folder; `None` where nothing was measured.
pub fn write_chart(folder: &Path, incident: Option<&IncidentReference>, proof: &Proof) -> Option<PathBuf> {
    let name = incident.map_or("incident-proof.svg".to_owned(), |incident| format!("incident-proof-{incident}.svg"));
    keep(folder.join(name), &chart::svg(proof)?)
}

fn keep(path: PathBuf, text: &str) -> Option<PathBuf> {
    match std::fs::write(&path, text) {
        Ok(()) => Some(path),
        Err(why) => {
            tracing::warn!("{} could not be written: {why}", path.display());
            None
        }
    }
}
