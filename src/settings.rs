//! Every word of the inputs and every limit, parsed once.
//!
//! The action's inputs arrive as `INPUT_…` variables, the runner's own facts as `GITHUB_…` and `RUNNER_…`. Both are
//! read from a snapshot of the environment, so that nothing else in the program asks for a variable.

pub mod config_file;
pub mod environment;
pub mod outputs;
pub mod pagerduty;

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::failure::Failure;
use crate::model::ids::{IncidentReference, RepositoryName};
use crate::settings::pagerduty::{AuthScheme, HOSTED_SERVER, Limits, PagerDutySettings, Route, Token};
use environment::Environment;

/// One input of the action: its name in `action.yml`, and what an empty value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// As written in a workflow's `with:`.
    pub name: &'static str,
    /// The value that an absent or empty input stands for. Empty where there is none.
    pub default: &'static str,
}

macro_rules! inputs {
    ($($constant:ident = $name:literal, $default:expr;)*) => {
        $(pub(crate) const $constant: Input = Input { name: $name, default: $default };)*

        /// Every input, in the order of `action.yml`.
        pub const INPUTS: &[Input] = &[$($constant),*];
    };
}

inputs! {
    PAGERDUTY_TOKEN = "pagerduty-token", "";
    PAGERDUTY_AUTH_SCHEME = "pagerduty-auth-scheme", "token";
    PAGERDUTY_MCP_URL = "pagerduty-mcp-url", HOSTED_SERVER;
    PAGERDUTY_MCP_COMMAND = "pagerduty-mcp-command", "";
    GITHUB_TOKEN = "github-token", "";
    INCIDENT = "incident", "";
    MODE = "mode", "respond";
    CONFIG = "config", ".github/incident-responder.yml";
    DRAFT = "draft", "true";
    LABELS = "labels", "incident";
    WINDOW_HOURS = "window-hours", "24";
    MAX_INCIDENTS = "max-incidents", "10";
    OPERATIONS_PER_RUN = "operations-per-run", "200";
    SWEEP_REPORT = "sweep-report", "issue";
    PROVE = "prove", "auto";
    PLAN = "plan", "incident-plan.json";
    PROOF = "proof", "incident-proof.json";
    ALLOWED_BOTS = "allowed-bots", "";
    FAIL_ON = "fail-on", "error";
}

/// Everything the program was told from outside before it asked anybody.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How PagerDuty is reached.
    pub pagerduty: PagerDutySettings,
    /// How GitHub is reached; absent where a repository in a folder is looked at.
    pub github: Option<GitHubAccess>,
    /// What the runner told us of this run.
    pub runner: Runner,
    /// What may be done.
    pub mode: Mode,
    /// The incident to answer, where the workflow names one.
    pub incident: Option<IncidentReference>,
    /// Path of the configuration file inside the repository.
    pub config: String,
    /// How a pull request is opened.
    pub draft: Draft,
    /// Labels for what we open.
    pub labels: Vec<String>,
    /// How far before the incident the landings are read, in hours; 1 to 720.
    pub window_hours: u32,
    /// At most this many incidents are answered in one sweep; 1 to 100.
    pub max_incidents: usize,
    /// At most this many requests to GitHub in one run; 10 to 5000.
    pub operations_per_run: u32,
    /// Where a sweep puts an answer that has no pull request.
    pub sweep_report: SweepReport,
    /// Whether the fault and the fix are executed.
    pub prove: Prove,
    /// The plan's file and the proof's file that were handed on, for [`Mode::Publish`].
    pub handed_on: HandedOn,
    /// Logins of bots whose comments count.
    pub allowed_bots: Vec<String>,
    /// What makes the step red.
    pub fail_on: FailOn,
}

/// Where the repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On GitHub: a token and a name are needed.
    GitHub,
    /// In a folder of this machine: nothing is asked of GitHub.
    Folder,
}

/// How GitHub is reached. The three addresses are the runner's, used as they are.
#[derive(Debug, Clone)]
pub struct GitHubAccess {
    /// The token. Cannot be printed.
    pub token: SecretString,
    /// REST, such as `https://api.github.com`.
    pub api: Url,
    /// GraphQL, such as `https://api.github.com/graphql`.
    pub graphql: Url,
    /// Pages and git, such as `https://github.com`.
    pub server: Url,
    /// The repository this run belongs to.
    pub repository: RepositoryName,
}

/// What the runner told us of this run.
#[derive(Debug, Clone, Default)]
pub struct Runner {
    /// The event's name. Empty outside of a workflow.
    pub event_name: String,
    /// The event's payload.
    pub event_path: Option<PathBuf>,
    /// Where step outputs go.
    pub output: Option<PathBuf>,
    /// Where the job summary goes.
    pub step_summary: Option<PathBuf>,
    /// A folder for our own files.
    pub temp: Option<PathBuf>,
    /// The page of this run.
    pub run_address: Option<Url>,
    /// GitHub's number of this run; empty outside of a workflow.
    pub run_id: String,
    /// The ref the workflow runs on, such as `refs/heads/main`.
    pub git_ref: Option<String>,
    /// Whose machine it is: `github-hosted` or `self-hosted`.
    pub environment: Option<String>,
}

impl Runner {
    /// Reads the runner's variables; outside of a workflow all of them are absent.
    pub fn from_environment(environment: &Environment) -> Runner {
        let path = |name: &str| environment.variable(name).map(PathBuf::from);
        let page = || {
            let server = environment.variable("GITHUB_SERVER_URL")?;
            let repository = environment.variable("GITHUB_REPOSITORY")?;
            let run = environment.variable("GITHUB_RUN_ID")?;
            Url::parse(&format!("{server}/{repository}/actions/runs/{run}")).ok()
        };
        Runner {
            event_name: environment.variable("GITHUB_EVENT_NAME").unwrap_or_default(),
            event_path: path("GITHUB_EVENT_PATH"),
            output: path("GITHUB_OUTPUT"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            temp: path("RUNNER_TEMP"),
            run_address: page(),
            run_id: environment.variable("GITHUB_RUN_ID").unwrap_or_default(),
            git_ref: environment.variable("GITHUB_REF"),
            environment: environment.variable("RUNNER_ENVIRONMENT"),
        }
    }
}

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Answer what the event asks for.
    Respond,
    /// Answer every open incident.
    Sweep,
    /// Read and print; write nothing.
    Report,
    /// The same, and write down what a job without secrets is to prove.
    Plan,
    /// Answer what the event asks for with the proof that such a job made; run nothing.
    Publish,
}

impl Mode {
    /// Whether GitHub is only read.
    pub fn is_rehearsal(self) -> bool {
        matches!(self, Mode::Report | Mode::Plan)
    }

    /// Whether it works on one incident at a time, never on all that are open.
    pub fn is_for_one_incident(self) -> bool {
        matches!(self, Mode::Plan | Mode::Publish)
    }
}

/// What one job hands on to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOn {
    /// The plan: what [`Mode::Plan`] wrote.
    pub plan: PathBuf,
    /// The proof: what the command `prove` wrote.
    pub proof: PathBuf,
}

/// How a pull request is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draft {
    /// As a draft, where the repository has drafts.
    Draft,
    /// Ready for review.
    Ready,
}

/// Where a sweep puts an answer that has no pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepReport {
    /// One issue per incident.
    Issue,
    /// The job summary alone.
    Summary,
    /// Nowhere.
    None,
}

/// Whether the fault and the fix are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prove {
    /// On machines that are thrown away after the job: runners of GitHub's own.
    Auto,
    /// On any machine.
    On,
    /// Never.
    Off,
}

/// What makes the step red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// Nothing but a wrong configuration.
    Never,
    /// A peer that failed.
    Error,
    /// Also an incident for which no remedy was found.
    Unresolved,
}

impl Settings {
    /// Reads the inputs and the runner's facts of a workflow step.
    ///
    /// # Errors
    /// A configuration failure that names the first input that is missing or wrong and its allowed values.
    pub fn from_environment(environment: &Environment, place: Place) -> Result<Settings, Failure> {
        let input = |input: Input| environment.input(input);
        Ok(Settings {
            pagerduty: pagerduty(environment)?,
            github: match place {
                Place::GitHub => Some(github(environment)?),
                Place::Folder => None,
            },
            runner: Runner::from_environment(environment),
            mode: choice(
                MODE,
                &input(MODE),
                &[
                    ("respond", Mode::Respond),
                    ("sweep", Mode::Sweep),
                    ("report", Mode::Report),
                    ("plan", Mode::Plan),
                    ("publish", Mode::Publish),
                ],
            )?,
            incident: incident(&input(INCIDENT))?,
            config: input(CONFIG),
            draft: choice(DRAFT, &input(DRAFT), &[("true", Draft::Draft), ("false", Draft::Ready)])?,
            labels: list(&input(LABELS)),
            window_hours: number(WINDOW_HOURS, &input(WINDOW_HOURS), 1, 720)?,
            max_incidents: number(MAX_INCIDENTS, &input(MAX_INCIDENTS), 1, 100)? as usize,
            operations_per_run: number(OPERATIONS_PER_RUN, &input(OPERATIONS_PER_RUN), 10, 5000)?,
            sweep_report: choice(
                SWEEP_REPORT,
                &input(SWEEP_REPORT),
                &[("issue", SweepReport::Issue), ("summary", SweepReport::Summary), ("none", SweepReport::None)],
            )?,
            prove: choice(PROVE, &input(PROVE), &[("auto", Prove::Auto), ("on", Prove::On), ("off", Prove::Off)])?,
            handed_on: HandedOn { plan: input(PLAN).into(), proof: input(PROOF).into() },
            allowed_bots: list(&input(ALLOWED_BOTS)),
            fail_on: choice(
                FAIL_ON,
                &input(FAIL_ON),
                &[("never", FailOn::Never), ("error", FailOn::Error), ("unresolved", FailOn::Unresolved)],
            )?,
        })
    }
}

/// Reads how PagerDuty is reached: `pagerduty-token` and its companions.
fn pagerduty(environment: &Environment) -> Result<PagerDutySettings, Failure> {
    let token = Token::parse(&environment.token(PAGERDUTY_TOKEN, "PAGERDUTY_TOKEN"))?;
    let scheme = choice(
        PAGERDUTY_AUTH_SCHEME,
        &environment.input(PAGERDUTY_AUTH_SCHEME),
        &[("token", AuthScheme::Token), ("bearer", AuthScheme::Bearer)],
    )?;
    let command = environment.input(PAGERDUTY_MCP_COMMAND);
    let route = if command.is_empty() {
        Route::http(&environment.input(PAGERDUTY_MCP_URL), scheme)?
    } else {
        Route::command(&command, environment.all())?
    };
    Ok(PagerDutySettings { route, token, limits: Limits::default() })
}

fn github(environment: &Environment) -> Result<GitHubAccess, Failure> {
    let token = github_token(environment)?;
    let repository = environment.variable("GITHUB_REPOSITORY").unwrap_or_default();
    let repository = repository.parse().map_err(|why| {
        Failure::configuration(
            format!("GITHUB_REPOSITORY is {repository:?}: {why}."),
            "Run the action in a GitHub workflow.",
        )
    })?;
    let address = |name: &str, default: &str| {
        let text = environment.variable(name).unwrap_or_else(|| default.to_owned());
        Url::parse(&text).map_err(|why| {
            Failure::configuration(
                format!("{name} is {text:?}, which is no address: {why}."),
                "The runner sets it; remove your own value.",
            )
        })
    };
    Ok(GitHubAccess {
        token,
        repository,
        api: address("GITHUB_API_URL", "https://api.github.com")?,
        graphql: address("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql")?,
        server: address("GITHUB_SERVER_URL", "https://github.com")?,
    })
}

/// A GitHub token from its input or, at a terminal, from the variable people know.
fn github_token(environment: &Environment) -> Result<SecretString, Failure> {
    let token = environment.token(GITHUB_TOKEN, "GITHUB_TOKEN");
    let token = token.trim();
    if token.is_empty() {
        return Err(Failure::configuration(
            "The input `github-token` is empty.",
            "Leave the input out for the workflow's own token, or pass another from a secret; at a terminal set GITHUB_TOKEN.",
        ));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::configuration(
            "The input `github-token` holds white space or characters outside ASCII, which no token has.",
            "Store the bare token in the secret, without a prefix such as `Bearer`.",
        ));
    }
    Ok(SecretString::from(token))
}

fn choice<T: Copy>(input: Input, text: &str, allowed: &[(&str, T)]) -> Result<T, Failure> {
    let found = allowed.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
        Failure::configuration(
            format!("The input `{}` is {text:?}.", input.name),
            format!("Use one of: {}.", words.join(", ")),
        )
    })
}

fn number(input: Input, text: &str, least: u32, most: u32) -> Result<u32, Failure> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Failure::configuration(
            format!("The input `{}` is {text:?}.", input.name),
            format!("Use a whole number from {least} to {most}."),
        )
    })
}

fn incident(text: &str) -> Result<Option<IncidentReference>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let reference = text.parse().map_err(|why| {
        Failure::configuration(format!("The input `incident` is {text:?}, which names no incident."), format!("{why}."))
    })?;
    Ok(Some(reference))
}

/// Words between commas or line breaks.
fn list(text: &str) -> Vec<String> {
    text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(extra: &[(&str, &str)]) -> Environment {
        let base = [
            ("INPUT_PAGERDUTY-TOKEN", "u+pagerdutykey"),
            ("INPUT_GITHUB-TOKEN", "ghs_token"),
            ("GITHUB_REPOSITORY", "octo-org/worker"),
        ];
        base.iter().chain(extra).map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn problem(extra: &[(&str, &str)]) -> String {
        match Settings::from_environment(&environment(extra), Place::GitHub) {
            Err(failure) => {
                assert_eq!(failure.kind.exit_code(), 2);
                failure.to_string()
            }
            Ok(_) => panic!("expected a failure"),
        }
    }

    #[test]
    fn empty_inputs_mean_their_defaults() {
        let settings =
            Settings::from_environment(&environment(&[("INPUT_MODE", ""), ("INPUT_LABELS", " ")]), Place::GitHub)
                .expect("valid");
        assert_eq!(settings.mode, Mode::Respond);
        assert_eq!(settings.labels, ["incident"]);
        assert_eq!(settings.window_hours, 24);
        assert!(matches!(settings.pagerduty.route, Route::Http { address, .. } if address.as_str() == HOSTED_SERVER));
    }

    #[test]
    fn every_default_is_valid() {
        let explicit: Vec<(String, String)> = INPUTS
            .iter()
            .filter(|input| !input.default.is_empty())
            .map(|input| (format!("INPUT_{}", input.name.to_uppercase()), input.default.to_owned()))
            .collect();
        let explicit: Vec<(&str, &str)> =
            explicit.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert!(Settings::from_environment(&environment(&explicit), Place::GitHub).is_ok());
    }

    #[test]
    fn wrong_inputs_are_named_with_what_is_allowed() {
        assert_eq!(
            problem(&[("INPUT_MODE", "fix")]),
            "The input `mode` is \"fix\".\nUse one of: respond, sweep, report, plan, publish."
        );
        assert_eq!(
            problem(&[("INPUT_WINDOW-HOURS", "0")]),
            "The input `window-hours` is \"0\".\nUse a whole number from 1 to 720."
        );
        assert!(problem(&[("INPUT_PAGERDUTY-TOKEN", " ")]).starts_with("The PagerDuty token is empty"));
        assert!(problem(&[("INPUT_GITHUB-TOKEN", "")]).starts_with("The input `github-token` is empty."));
        assert!(problem(&[("INPUT_PAGERDUTY-TOKEN", "Bearer abc")]).contains("scheme"));
        assert!(problem(&[("INPUT_PAGERDUTY-MCP-URL", "http://example.com/mcp")]).contains("plain http"));
        assert!(problem(&[("INPUT_INCIDENT", "12 345")]).contains("names no incident"));
        assert!(problem(&[("GITHUB_REPOSITORY", "nonsense")]).contains("GITHUB_REPOSITORY"));
    }

    #[test]
    fn a_command_replaces_the_address() {
        let settings = Settings::from_environment(
            &environment(&[("INPUT_PAGERDUTY-MCP-COMMAND", "pagerduty-mcp --flag")]),
            Place::GitHub,
        );
        let Route::Command(command) = settings.expect("valid").pagerduty.route else { panic!("expected a command") };
        assert_eq!((command.program.as_str(), command.arguments), ("pagerduty-mcp", vec!["--flag".to_owned()]));
    }

    #[test]
    fn tokens_do_not_print() {
        let settings = Settings::from_environment(&environment(&[]), Place::GitHub).expect("valid");
        let printed = format!("{settings:?}");
        assert!(!printed.contains("u+pagerdutykey") && !printed.contains("ghs_token"));
    }
}
