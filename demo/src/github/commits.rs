//! Commits, what lies between two of them, and deployments.

use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::issues::{Number, Parameters, page};
use super::refs::Named;
use super::shapes::Commit;
use super::{Refusal, Reply, Shared, ok};
use crate::git::git;

/// Fields end with a unit separator and commits with a record separator, which no message of the demo contains.
const FORMAT: &str = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%cI%x1f%B%x1e";

pub(super) async fn list(State(shared): State<Shared>, uri: OriginalUri, query: Parameters) -> Reply {
    let mut arguments = vec!["log".to_owned(), FORMAT.to_owned()];
    for (parameter, option) in [("since", "--since"), ("until", "--until")] {
        arguments.extend(query.get(parameter).map(|value| format!("{option}={value}")));
    }
    if let Some(author) = query.get("author") {
        let email = shared.records().person(author).map_or_else(|| author.clone(), |person| person.email.clone());
        arguments.extend(["--fixed-strings".to_owned(), format!("--author=<{email}>")]);
    }
    arguments.extend(["--end-of-options".to_owned(), query.get("sha").map_or("HEAD", String::as_str).to_owned()]);
    arguments.extend(query.get("path").into_iter().flat_map(|path| ["--".to_owned(), path.clone()]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let log = git(&shared.bare, &arguments).await.map_err(|_| Refusal::not_found())?;
    page(&shared, &uri, &query, records(&shared, &log))
}

/// The commit of a name: an id, `heads/NAME` or `tags/NAME`. Its files are not shown.
pub(super) async fn named(State(shared): State<Shared>, Path((.., name)): Named) -> Reply {
    let record = one(&shared, &name).await?;
    let refusal = || Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &format!("No commit found for SHA: {name}"));
    record.map_or_else(|| Err(refusal()), ok)
}

/// A commit's record, where it exists.
pub(super) async fn one(shared: &Shared, sha: &str) -> anyhow::Result<Option<Value>> {
    let log = git(&shared.bare, &["log", "-1", FORMAT, "--end-of-options", sha]).await.unwrap_or_default();
    Ok(records(shared, &log).into_iter().next())
}

pub(super) async fn compare(State(shared): State<Shared>, Path((.., basehead)): Named) -> Reply {
    let (base, head) = basehead.split_once("...").ok_or_else(Refusal::not_found)?;
    let missing = |_| Refusal::not_found();
    let merge_base = git(&shared.bare, &["merge-base", base, head]).await.map_err(missing)?;
    let count = git(&shared.bare, &["rev-list", "--left-right", "--count", &format!("{base}...{head}")]).await?;
    let (behind, ahead) = count.split_once('\t').unwrap_or(("0", "0"));
    let (behind, ahead): (u32, u32) = (behind.parse().unwrap_or(0), ahead.parse().unwrap_or(0));
    let log = git(&shared.bare, &["log", "--reverse", FORMAT, &format!("{merge_base}..{head}")]).await?;
    let status = match (behind, ahead) {
        (0, 0) => "identical",
        (0, _) => "ahead",
        (_, 0) => "behind",
        _ => "diverged",
    };
    let page = format!("{}/compare/{basehead}", shared.links().page());
    ok(json!({
        "url": shared.links().repo_api(&format!("/compare/{basehead}")), "html_url": page, "permalink_url": page,
        "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "status": status,
        "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
        "base_commit": one(&shared, base).await?, "merge_base_commit": one(&shared, &merge_base).await?,
        "commits": records(&shared, &log),
    }))
}

pub(super) async fn deployments(State(shared): State<Shared>, uri: OriginalUri, query: Parameters) -> Reply {
    let wanted = |d: &Value, field: &str| query.get(field).is_none_or(|value| d[field] == value.as_str());
    let mut found = shared.records().deployments.clone();
    found.retain(|d| ["environment", "ref", "sha", "task"].iter().all(|field| wanted(d, field)));
    for deployment in &mut found {
        if let Some(fields) = deployment.as_object_mut() {
            fields.remove("statuses");
        }
    }
    page(&shared, &uri, &query, found)
}

pub(super) async fn deployment_statuses(State(shared): State<Shared>, Path((.., id)): Number) -> Reply {
    let records = shared.records();
    let found = records.deployments.iter().find(|d| d["id"] == id);
    found.map_or_else(|| Err(Refusal::not_found()), |d| ok(d["statuses"].clone()))
}

fn records(shared: &Shared, log: &str) -> Vec<Value> {
    let known = shared.records();
    let commits = log.split('\u{1e}').filter_map(|entry| parse(entry.trim_start()));
    commits.map(|commit| shared.links().commit(&commit, known.person_by_email(&commit.email))).collect()
}

fn parse(entry: &str) -> Option<Commit> {
    let mut fields = entry.split('\u{1f}').map(str::to_owned);
    Some(Commit {
        sha: fields.next().filter(|sha| !sha.is_empty())?,
        tree: fields.next()?,
        parents: fields.next()?.split_whitespace().map(str::to_owned).collect(),
        name: fields.next()?,
        email: fields.next()?,
        date: fields.next()?,
        message: fields.next()?.trim_end().to_owned(),
    })
}
