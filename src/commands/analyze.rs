//! `analyze`: the same answer from a terminal.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::Utc;
use clap::{Args, ValueEnum};

use super::block_on;
use crate::analyse;
use crate::failure::Failure;
use crate::io::workflow_commands::{Console, DocumentFormat};
use crate::io::world::{Reach, Source, World};
use crate::model::ids::{IncidentReference, RepositoryName};
use crate::report::{answer, json};
use crate::settings::environment::Environment;
use crate::settings::{Place, Settings};

/// What to analyse, and whether to publish.
///
/// The PagerDuty key is read from PAGERDUTY_TOKEN, the GitHub token from GITHUB_TOKEN, never from arguments.
#[derive(Debug, Args)]
pub struct AnalyzeArguments {
    /// The incident: its number (12345), its id (Q2ISKGUCZ3ZJ4K).
    #[arg(long, value_name = "INCIDENT")]
    incident: IncidentReference,

    /// The repository: a folder, which is only read, or OWNER/NAME on GitHub.
    #[arg(long, value_name = "DIR|OWNER/NAME", default_value = ".")]
    repository: String,

    /// Print what would be written and write nothing. A folder is always a rehearsal.
    #[arg(long)]
    rehearse: bool,

    /// The MCP server of PagerDuty: an https address, or a command with --pagerduty-mcp-command.
    #[arg(long, value_name = "URL")]
    pagerduty_mcp_url: Option<String>,

    /// A program that serves PagerDuty over standard input and output, such as `uvx pagerduty-mcp`.
    #[arg(long, value_name = "COMMAND", conflicts_with = "pagerduty_mcp_url")]
    pagerduty_mcp_command: Option<String>,

    /// How far before the incident landings are read, in hours (1 to 720).
    #[arg(long, value_name = "HOURS")]
    window_hours: Option<u32>,

    /// Build and run the service before and after the fix, confined: `on`, or `off`. Without it nothing of a folder is run.
    #[arg(long, value_name = "on|off")]
    prove: Option<String>,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Markdown, as it would stand on GitHub, and the plan.
    Text,
    /// One JSON object: incident, findings, suspects, proof, timeline, plan, outcome, gaps.
    Json,
}

/// Runs the command.
///
/// # Errors
/// As the action, but for the event.
pub fn run(arguments: &AnalyzeArguments, environment: Environment, console: &Console) -> Result<ExitCode, Failure> {
    let folder = PathBuf::from(&arguments.repository);
    let name: Option<RepositoryName> = arguments.repository.parse().ok().filter(|_| !folder.is_dir());
    let mut environment = environment;
    for (input, value) in arguments.inputs() {
        environment = environment.with_input(input, &value);
    }
    let (place, source) = match &name {
        Some(name) => {
            environment = environment.with_variable("GITHUB_REPOSITORY", &name.to_string());
            (Place::GitHub, Source::GitHub)
        }
        None => (Place::Folder, Source::Folder(folder)),
    };
    let rehearse = arguments.rehearse || place == Place::Folder;
    let reach = if rehearse { Reach::Rehearse } else { Reach::Act };
    let settings = Settings::from_environment(&environment, place)?;
    let (analysis, publication, outcome) = block_on(async {
        let world = World::new(settings, source, reach, Utc::now(), console.redactor().clone())?;
        let (analysis, publication) = analyse::answer(&world, &arguments.incident, None).await?;
        let outcome = analyse::publish(&world, &analysis, &publication).await?;
        Ok((analysis, publication, outcome))
    })?;
    match arguments.format {
        Format::Json => {
            let value = json::render(&analysis, &publication, &outcome);
            console.document(&format!("{value:#}\n"), DocumentFormat::Json);
        }
        Format::Text => {
            console.say(answer::summary(&analysis, &outcome).as_str());
            if rehearse {
                console.say(&format!("Plan (nothing was written):\n\n{publication}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl AnalyzeArguments {
    /// The options as the action's inputs, which are parsed in one place.
    fn inputs(&self) -> impl Iterator<Item = (&'static str, String)> {
        [
            ("pagerduty-mcp-url", self.pagerduty_mcp_url.clone()),
            ("pagerduty-mcp-command", self.pagerduty_mcp_command.clone()),
            ("prove", self.prove.clone()),
            ("window-hours", self.window_hours.map(|hours| hours.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}
