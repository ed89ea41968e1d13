//! A believable history in a bare repository, written by `git fast-import` from a table of landings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};

use crate::git::{git, run};
use crate::github::Person;

/// The branch everything lands on.
pub const BRANCH: &str = "main";

/// One commit on the default branch.
#[derive(Debug, Clone)]
pub struct Landing {
    /// How long before the incident it landed.
    pub before: TimeDelta,
    /// Login of its author.
    pub author: &'static str,
    /// First line of the message; ends with `(#N)` where it came as a pull request.
    pub subject: &'static str,
    /// The rest of the message; may be empty.
    pub body: &'static str,
    /// What it did to the tree.
    pub changes: Vec<Change>,
    /// How it came to the branch.
    pub shape: Shape,
}

/// How a landing looks in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// One commit with one parent, as after a squash or a direct push.
    #[default]
    Squash,
    /// A merge commit whose second parent holds the change.
    Merge,
}

/// What a landing does to one file.
#[derive(Debug, Clone)]
pub enum Change {
    /// Writes the whole file.
    Write(&'static str, String),
    /// Replaces a text that occurs exactly once.
    Edit(&'static str, &'static str, &'static str),
}

/// A landing as it now exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The commit on the default branch.
    pub sha: String,
    /// First line of its message, as the table has it.
    pub subject: String,
    /// Login of its author.
    pub author: String,
    /// Number of the pull request it came with.
    pub pull: Option<u64>,
    /// When it landed.
    pub at: DateTime<Utc>,
}

/// Creates the bare repository `bare` with `landings` (oldest first) as its default branch.
///
/// # Errors
/// Where a landing edits a text that is not there exactly once, names an author who is not among `people`, or git
/// refuses.
pub async fn build(
    bare: &Path,
    landings: &[Landing],
    people: &[Person],
    incident_at: DateTime<Utc>,
) -> anyhow::Result<Vec<Landed>> {
    std::fs::create_dir_all(bare)?;
    git(bare, &["init", "--quiet", "--bare", "--initial-branch", BRANCH]).await?;
    // What GitHub allows to a partial clone.
    git(bare, &["config", "uploadpack.allowFilter", "true"]).await?;
    git(bare, &["config", "uploadpack.allowAnySHA1InWant", "true"]).await?;
    let stream = stream(landings, people, incident_at)?;
    run(bare, &["fast-import", "--quiet", "--date-format=raw"], stream.as_bytes(), &[]).await?;
    let shas = git(bare, &["rev-list", "--first-parent", "--reverse", BRANCH]).await?;
    let landed = |(sha, landing): (&str, &Landing)| Landed {
        sha: sha.to_owned(),
        subject: landing.subject.to_owned(),
        author: landing.author.to_owned(),
        pull: landing.subject.rsplit_once("(#").and_then(|(_, n)| n.trim_end_matches(')').parse().ok()),
        at: incident_at - landing.before,
    };
    Ok(shas.lines().zip(landings).map(landed).collect())
}

/// The input of `git fast-import`.
fn stream(landings: &[Landing], people: &[Person], incident_at: DateTime<Utc>) -> anyhow::Result<String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut stream = String::new();
    for (number, landing) in landings.iter().enumerate() {
        let author = people.iter().find(|p| p.login == landing.author);
        let author = author.with_context(|| format!("{:?} has no author {}", landing.subject, landing.author))?;
        let seconds = (incident_at - landing.before).timestamp();
        let mut changed = String::new();
        for change in &landing.changes {
            let path = apply(&mut files, change).with_context(|| format!("in {:?}", landing.subject))?;
            let mode = if path.ends_with(".sh") { "100755" } else { "100644" };
            let _ = write!(changed, "M {mode} inline {path}\n{}", data(&files[path]));
        }
        // Marks: 2n is the commit on the branch, 2n + 1 the side commit of a merge.
        let (mark, before) = (2 * number + 2, 2 * number);
        let message = [landing.subject, landing.body].join("\n\n");
        let commit = |branch: &str, mark: usize, at: i64, message: &str| {
            let who = format!("{} <{}> {at} +0000", author.login, author.email);
            let parent = if number > 0 { format!("from :{before}\n") } else { String::new() };
            format!(
                "commit {branch}\nmark :{mark}\nauthor {who}\ncommitter {who}\n{}{parent}",
                data(message.trim_end())
            )
        };
        let branch = format!("refs/heads/{BRANCH}");
        match landing.shape {
            Shape::Squash => stream += &commit(&branch, mark, seconds, &message),
            Shape::Merge => {
                let (title, pull) = landing.subject.rsplit_once(" (#").unwrap_or((landing.subject, "0)"));
                let merge = format!("Merge pull request #{} from topic\n\n{title}", pull.trim_end_matches(')'));
                let _ = writeln!(stream, "{}{changed}", commit("refs/import/side", mark + 1, seconds - 1800, title));
                let _ = writeln!(stream, "{}merge :{}", commit(&branch, mark, seconds, &merge), mark + 1);
            }
        }
        let _ = writeln!(stream, "{changed}");
    }
    stream += "reset refs/import/side\nfrom 0000000000000000000000000000000000000000\n\ndone\n";
    Ok(stream)
}

fn apply<'a>(files: &mut BTreeMap<&'a str, String>, change: &Change) -> anyhow::Result<&'a str>
where
    'static: 'a,
{
    match change {
        Change::Write(path, contents) => {
            files.insert(path, contents.clone());
            Ok(path)
        }
        Change::Edit(path, from, to) => {
            let file = files.get_mut(path).with_context(|| format!("there is no {path} yet"))?;
            if file.matches(from).count() != 1 {
                bail!("{from:?} is not exactly once in {path}");
            }
            *file = file.replacen(from, to, 1);
            Ok(path)
        }
    }
}

fn data(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}
