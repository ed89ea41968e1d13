//! The whole world of one scenario: a repository with its history, both stand-ins, an event, and the real responder run
//! on it as GitHub's runner would.
//!
//! ```no_run
//! # async fn example(binary: &std::path::Path) -> anyhow::Result<()> {
//! use demo::world::{Comment, Settings, World};
//!
//! let world = World::start(Settings::of("leak")).await?;
//! world.raise_incident().await?;
//! let event = world.comment(Comment::asking("@pagerduty-incident-responder analyze incident #12345"));
//! let answer = world.respond(binary, &event, &[]).await?;
//! assert_eq!(answer.exit_code, Some(0));
//! assert_eq!(world.github.records().pulls.iter().filter(|p| p["state"] == "open").count(), 1);
//! # Ok(())
//! # }
//! ```

mod event;
mod run;

use std::path::Path;

use anyhow::{Context, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use event::{Comment, Event, Place};
pub use run::Answer;

use crate::git::git;
use crate::github::{GitHub, Hosts, Records};
use crate::history::{self, Landed};
use crate::pagerduty::{self, Dialect, PagerDuty, ROUTING_KEY};
use crate::scenario::{self, SCENARIOS, Scenario};

/// The repository on the stand-in GitHub.
pub const REPOSITORY: &str = "octo-org/worker";
/// The workflow's token. It opens nothing but the stand-in.
pub const GITHUB_TOKEN: &str = "ghs_demoTokenOfTheStandIn0000000000000000";
/// PagerDuty's key. It opens nothing but the stand-in.
pub const PAGERDUTY_TOKEN: &str = "u+demoKeyOfTheStandIn";

/// What a test may choose before the world starts. What it wants to change later is in
/// [`GitHub::records`](crate::github::GitHub::records) and [`PagerDuty::records`](crate::pagerduty::PagerDuty::records).
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The story.
    pub scenario: &'static Scenario,
    /// Which PagerDuty server is played.
    pub dialect: Dialect,
    /// The shape of GitHub's addresses.
    pub hosts: Hosts,
}

/// A world that runs. Everything of it ends and is removed when this value is dropped.
pub struct World {
    /// The stand-in PagerDuty.
    pub pagerduty: PagerDuty,
    /// The stand-in GitHub.
    pub github: GitHub,
    /// The landings on the default branch, oldest first.
    pub landed: Vec<Landed>,
    /// When the incident happens: all dates of the history are relative to it.
    pub incident_at: DateTime<Utc>,
    /// The story.
    pub scenario: &'static Scenario,
    /// Variables of the responder's environment beside the runner's own, such as `PAGERDUTY_API_HOST`.
    pub variables: Vec<(String, String)>,
    dir: TempDir,
}

impl Settings {
    /// The scenario of this name (the first where there is none), the hosted PagerDuty, github.com's addresses.
    pub fn of(scenario: &str) -> Settings {
        let scenario = scenario::find(scenario).unwrap_or(&SCENARIOS[0]);
        Settings { scenario, dialect: Dialect::Hosted, hosts: Hosts::Separate }
    }

    /// The same with another PagerDuty server.
    pub fn with_dialect(self, dialect: Dialect) -> Settings {
        Settings { dialect, ..self }
    }

    /// The same with another shape of GitHub's addresses.
    pub fn with_hosts(self, hosts: Hosts) -> Settings {
        Settings { hosts, ..self }
    }
}

impl World {
    /// Writes the history and starts both stand-ins. No incident is open yet.
    ///
    /// # Errors
    /// Where git is missing, or no port or temporary folder can be had.
    pub async fn start(settings: Settings) -> anyhow::Result<World> {
        let dir = tempfile::Builder::new().prefix("incident-demo-").tempdir().context("no temporary folder")?;
        let incident_at = Utc::now();
        let bare = dir.path().join("worker.git");
        let landed = history::build(&bare, &(settings.scenario.landings)(), &scenario::people(), incident_at).await?;
        let records = Records::new(REPOSITORY, GITHUB_TOKEN, scenario::people());
        let github = GitHub::start(&bare, settings.hosts, records).await?;
        let records = pagerduty::Records::demo(PAGERDUTY_TOKEN, incident_at);
        let pagerduty = PagerDuty::start(settings.dialect, records).await?;
        let world =
            World { pagerduty, github, landed, incident_at, scenario: settings.scenario, variables: Vec::new(), dir };
        world.tell_github_of_the_past();
        Ok(world)
    }

    /// Raises the scenario's incident through the Events API, as the monitoring system does, and tells PagerDuty of the
    /// deployment before it. Returns the incident as PagerDuty has it.
    ///
    /// # Errors
    /// Where the stand-in refuses the event.
    pub async fn raise_incident(&self) -> anyhow::Result<Value> {
        let deployed = self.deployed().map(|landed| landed.sha.clone()).unwrap_or_default();
        let change = json!({
            "routing_key": ROUTING_KEY,
            "payload": {"summary": format!("Deployed {}", &deployed[..10]), "source": "deploy", "timestamp": self.time(deployed_before()),
                "custom_details": {"sha": deployed, "environment": "production"}},
            "links": [{"href": format!("{}/commit/{deployed}", self.github.links().page()), "text": "commit"}],
        });
        self.send("/v2/change/enqueue", &change).await?;
        let mut event = (self.scenario.alert)();
        event["routing_key"] = json!(ROUTING_KEY);
        event["payload"]["timestamp"] = json!(self.time(TimeDelta::zero()));
        self.send("/v2/enqueue", &event).await?;
        self.pagerduty.records().incidents.last().cloned().context("the event raised no incident")
    }

    /// Lands one more file on the default branch, as the incident happens.
    ///
    /// # Errors
    /// Where git refuses.
    pub async fn land(&self, path: &str, contents: &str) -> anyhow::Result<()> {
        let (branch, at) = (history::BRANCH, self.incident_at.timestamp());
        let stream = format!(
            "commit refs/heads/{branch}\ncommitter octo-dev <octo-dev@example.com> {at} +0000\ndata 10\nAdd a file\n\
             from refs/heads/{branch}^0\nM 100644 inline {path}\ndata {}\n{contents}\n",
            contents.len()
        );
        let arguments = ["fast-import", "--quiet", "--date-format=raw"];
        crate::git::run(self.github.bare(), &arguments, stream.as_bytes(), &[]).await.map(drop)
    }

    /// The landing that a right answer accuses.
    pub fn culprit(&self) -> Option<&Landed> {
        let subject = self.scenario.expect.culprit?;
        self.landed.iter().find(|landed| landed.subject == subject)
    }

    /// The folder of the bare repository `worker.git` and, while the responder runs, of the runner's files.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Keeps the folder when the world ends.
    pub fn keep_folder(&mut self) {
        self.dir.disable_cleanup(true);
    }

    /// Runs git in the bare repository, to see what became of it.
    ///
    /// # Errors
    /// Where git refuses.
    pub async fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        git(self.github.bare(), arguments).await
    }

    async fn send(&self, path: &str, event: &Value) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.pagerduty.rest_url());
        let response = reqwest::Client::new().post(&url).json(event).send().await?;
        let (status, body) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{url} answered {status}: {body}");
        Ok(())
    }

    /// A time so long before the incident, as both services write it.
    fn time(&self, before: TimeDelta) -> String {
        (self.incident_at - before).to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// What runs in production: the last landing before the last deployment.
    fn deployed(&self) -> Option<&Landed> {
        self.landed.iter().rev().find(|landed| landed.at <= self.incident_at - deployed_before())
    }

    /// Merged pull requests for the landings that name one, and the deployments of the last two days.
    fn tell_github_of_the_past(&self) {
        let links = self.github.links();
        let mut records = self.github.records();
        for landed in self.landed.iter().filter(|landed| landed.pull.is_some()) {
            records.add_merged_pull(links, landed);
        }
        let day_before = self.landed.iter().rev().find(|l| l.at <= self.incident_at - TimeDelta::hours(26));
        let deployments = [(self.deployed(), deployed_before()), (day_before, TimeDelta::hours(26))];
        for (landed, before) in deployments {
            if let Some(landed) = landed {
                records.add_deployment(links, &landed.sha, self.incident_at - before);
            }
        }
    }
}

/// How long before the incident production was last deployed.
fn deployed_before() -> TimeDelta {
    TimeDelta::minutes(90)
}
