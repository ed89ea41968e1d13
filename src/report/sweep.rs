//! The table at the end of a sweep.

use super::escape::{Markdown, NAME_LIMIT, TITLE_LIMIT, inline, table};
use crate::markdown;
use crate::model::ids::IncidentReference;

/// What a sweep did about one incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The incident.
    pub incident: IncidentReference,
    /// Its title.
    pub title: String,
    /// Its service.
    pub service: String,
    /// What was done.
    pub outcome: Markdown,
}

/// The job summary of a sweep.
pub fn render(rows: &[Row]) -> Markdown {
    if rows.is_empty() {
        return "## 📊 Sweep\n\nNo open incident of this repository's services.\n".into();
    }
    let cells = rows.iter().map(|row| {
        vec![
            inline(&row.incident.to_string(), 40),
            inline(&row.title, TITLE_LIMIT),
            inline(&row.service, NAME_LIMIT),
            row.outcome.clone(),
        ]
    });
    markdown!["## 📊 Sweep\n\n", table(&["Incident", "Title", "Service", "Outcome"], cells), "\n"]
}

/// `[PagerDuty 12345] analysis`. No `#` stands before the number, so that GitHub links nothing.
pub fn issue_title(incident: &IncidentReference) -> String {
    format!("[PagerDuty {incident}] analysis")
}
