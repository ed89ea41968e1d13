//! The comment that shows the work while it goes on, and what it says when the work fails.

use url::Url;

use super::Places;
use super::escape::{Markdown, code_span, hidden_comment, inline, link};
use crate::failure::Failure;
use crate::markdown;
use crate::model::ids::IncidentReference;
use crate::model::marker::Marker;

/// The steps that the comment shows, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// PagerDuty is asked.
    Incident,
    /// The repository is read.
    Repository,
    /// Causes are looked for.
    Diagnosis,
    /// What was found is written down.
    Publication,
}

impl Step {
    const ALL: [(Step, &'static str); 4] = [
        (Step::Incident, "ask PagerDuty for the incident, its alerts and who is on call"),
        (Step::Repository, "read the repository and what landed before the incident"),
        (Step::Diagnosis, "look for the cause, check a repair, and run the service without and with it"),
        (Step::Publication, "write the analysis"),
    ];
}

/// The comment while `current` is being done.
pub fn progress(places: &Places, incident: &IncidentReference, marker: &Marker, current: Step) -> Markdown {
    let mut text = markdown![
        hidden_comment(&marker.to_string()),
        "\n## 📊 Incident analysis: ",
        inline(&incident.to_string(), 40)
    ];
    text.push("\n\n");
    for (step, words) in Step::ALL {
        text.push(if step < current { "- [x] " } else { "- [ ] " });
        text.push(markdown![words, "\n"]);
    }
    markdown![text, run_line(places)]
}

/// The comment after the work failed.
pub fn failed(places: &Places, incident: &IncidentReference, marker: &Marker, failure: &Failure) -> Markdown {
    let mut text = markdown![
        hidden_comment(&marker.to_string()),
        "\n## 📊 Incident analysis: ",
        inline(&incident.to_string(), 40)
    ];
    text.push(markdown!["\n\n❌ ", inline(&failure.problem, 500), "\n\n", inline(&failure.remedy, 500), "\n"]);
    markdown![text, run_line(places)]
}

/// The comment after the run was cancelled or fell over.
pub fn interrupted(places: &Places, incident: &IncidentReference, marker: &Marker) -> Markdown {
    let mut text = markdown![
        hidden_comment(&marker.to_string()),
        "\n## 📊 Incident analysis: ",
        inline(&incident.to_string(), 40)
    ];
    text.push("\n\n⏹️ The run was interrupted before it had an answer. Ask again, or run the job again.\n");
    markdown![text, run_line(places)]
}

/// Which commands there are. The mention itself is not written, since it would wake the program.
pub fn help() -> Markdown {
    markdown![
        "I answer this command, at the beginning of a line, after my name with an at sign before it:\n\n- ",
        code_span("analyze incident 12345"),
        ": the number or the id of an incident in PagerDuty, or its address\n"
    ]
}

fn run_line(places: &Places) -> Markdown {
    let run: Option<&Url> = places.run.as_ref();
    run.map_or_else(Markdown::default, |run| markdown!["\n", link("The run", run, &places.origins()), "\n"])
}
