//! PagerDuty's real `pagerduty-mcp`, over stdio and streamable HTTP, in front of the demo world's REST API.
//!
//! Runs where `PAGERDUTY_MCP_PYTHON` names the interpreter of an environment with the package, such as
//! `/venv/bin/python` (Python 3.12, `pip install pagerduty-mcp==1.1.0`); elsewhere it says that it was skipped.
//! Several are separated by `;`.

use std::process::Stdio;
use std::time::Duration;

use demo::pagerduty::{Dialect, PagerDuty as StandIn};
use pagerduty_incident_responder::io::pagerduty::PagerDuty;
use pagerduty_incident_responder::settings::pagerduty::{AuthScheme, PagerDutySettings, Route, Token};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::demo_world::{everything_is_read, records};
use crate::stand_in::{TOKEN, now, reference, settings};

/// Python servers are slow to start and to answer on a busy machine.
fn patient(route: Route) -> PagerDutySettings {
    let mut settings = settings(route);
    settings.limits.call = Duration::from_secs(60);
    settings.limits.total = Duration::from_secs(180);
    settings
}

/// The published command, which speaks stdio.
fn command(python: &str, rest: &StandIn) -> PagerDutySettings {
    let line = python.replace("/python", "/pagerduty-mcp");
    let host = [("PAGERDUTY_API_HOST".into(), rest.rest_url().into())];
    let environment = std::env::vars_os().filter(|(name, _)| name != "PAGERDUTY_API_HOST").chain(host);
    patient(Route::command(&line, environment).expect("a command"))
}

/// The same tools over streamable HTTP, as events within a session or, with `json`, as plain answers without one.
async fn over_http(python: &str, rest: &StandIn, framing: &str) -> (PagerDutySettings, Child) {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pagerduty/fixtures/serve_http.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(address.port().to_string())
        .args((!framing.is_empty()).then_some(framing))
        .env("PAGERDUTY_USER_API_KEY", TOKEN)
        .env("PAGERDUTY_API_HOST", rest.rest_url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Python starts");
    while TcpStream::connect(address).await.is_err() {
        assert_eq!(child.try_wait().expect("a child of ours"), None, "{python} ended before it listened");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (patient(Route::http(&format!("http://{address}/mcp"), AuthScheme::Token).expect("an address")), child)
}

/// The interpreters to test with; none where the machine has none.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn interpreters() -> Vec<String> {
    let given = std::env::var("PAGERDUTY_MCP_PYTHON").unwrap_or_default();
    if given.is_empty() {
        eprintln!("skipped: PAGERDUTY_MCP_PYTHON names no Python 3.12 with pagerduty-mcp");
    }
    given.split(';').filter(|python| !python.is_empty()).map(str::to_owned).collect()
}

/// PagerDuty's REST API.
async fn rest() -> StandIn {
    StandIn::start(Dialect::Local1_1, records()).await.expect("a free port")
}

#[tokio::test]
async fn the_real_server_over_stdio() {
    for python in interpreters() {
        let rest = rest().await;
        let settings = command(&python, &rest);
        everything_is_read(&settings, &python).await;

        let stranger = PagerDutySettings { token: Token::parse("wrong").expect("a token"), ..settings };
        let refused = match PagerDuty::connect(&stranger).await {
            Ok(pager) => pager.incident(&reference("12345"), now()).await.expect_err("the key is wrong"),
            Err(failure) => failure,
        };
        assert!(refused.problem.contains("the token was not accepted (401)"), "{python}: {refused}");
    }
}

#[tokio::test]
async fn the_real_server_over_streamable_http() {
    for python in interpreters() {
        let rest = rest().await;
        for framing in ["", "json"] {
            let (settings, mut server) = over_http(&python, &rest, framing).await;
            everything_is_read(&settings, &format!("{python} {framing}")).await;
            server.kill().await.expect("it can be ended");
        }
    }
}
