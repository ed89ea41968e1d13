//! `suspects`: which landing most likely caused an incident, from a text and a repository, without PagerDuty and GitHub.

mod arguments;
mod json;
mod text;

use std::process::ExitCode;

use crate::diagnose::suspects::{Ranker, Ranking, Tree};
use crate::diagnose::symptom;
use crate::failure::Failure;
use crate::io::repository::{LandingLimits, Repository};
use crate::io::workflow_commands::{Console, DocumentFormat};
use crate::model::evidence::Gap;
use crate::model::ids::{CommitSha, Timestamp};
use crate::model::landing::Window;

pub use arguments::SuspectsArguments;

use arguments::Format;

/// How many landings are ranked: a month of the busiest projects.
const MOST_LANDINGS: usize = 50_000;

/// The answer, and what it was made from.
struct Answer {
    ranking: Ranking,
    base: CommitSha,
    /// The window, unless the landings were named.
    window: Option<Window>,
    until: Timestamp,
    gaps: Vec<Gap>,
}

/// Runs the command. `now` is the end of the window where none is given.
///
/// # Errors
/// Where the text, the list of candidates or the repository cannot be used, or git fails.
pub fn run(arguments: &SuspectsArguments, now: Timestamp, console: &Console) -> Result<ExitCode, Failure> {
    let (text, named) = (arguments.read_text()?, arguments.read_candidates()?);
    let until = arguments.until.unwrap_or(now);
    let repository = Repository::open(&arguments.repo)?;
    let answer = answer(&repository, &text, named, until, arguments.hours)?;
    match arguments.format {
        Format::Json => {
            console.document(&format!("{:#}\n", json::render(&answer)), DocumentFormat::Json);
        }
        Format::Text => console.say(&text::render(&answer)),
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(
    repository: &Repository,
    text: &str,
    named: Option<Vec<CommitSha>>,
    until: Timestamp,
    hours: u32,
) -> Result<Answer, Failure> {
    let base = repository.tip_by(&repository.head(None)?, until)?.ok_or_else(|| {
        Failure::configuration(
            format!("The branch has no commit by {until}."),
            "Give a later --until, or the repository that was deployed then.",
        )
    })?;
    let symptom = symptom::read(text);
    let files = repository.files(&base)?;
    let tree = Tree::new(files.iter().map(|file| file.path.as_str()));
    let mut ranker = Ranker::new(&symptom, &tree);
    let limits = LandingLimits { landings: MOST_LANDINGS, ..LandingLimits::default() };
    let window = Window::before(until, hours);
    let read = match &named {
        Some(commits) => repository.named_landings(&base, commits, until, limits, |landing| ranker.add(&landing))?,
        None => repository.each_landing(&base, window, limits, |landing| ranker.add(&landing))?,
    };
    let gaps = symptom.gaps.into_iter().chain(read).collect();
    let window = named.is_none().then_some(window);
    Ok(Answer { ranking: ranker.finish(), base, window, until, gaps })
}
