//! The token stays out of everything that can be read: logs at the finest level, debug output, errors.

use std::io::Write;
use std::sync::{Arc, Mutex};

use pagerduty_incident_responder::io::pagerduty::PagerDuty;
use pagerduty_incident_responder::settings::pagerduty::PagerDutySettings;
use tracing_subscriber::filter::LevelFilter;

use crate::stand_in::{TOKEN, World, now, reference, tool_error};
use crate::stdio;

/// Everything that was logged, by us and by the libraries.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic elsewhere").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What reading an incident leaves in the log, and what it prints.
async fn logged(settings: &PagerDutySettings) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // A test's runtime has one thread, so all that is spawned logs here as well.
    let guard = tracing::subscriber::set_default(subscriber);
    let printed = match PagerDuty::connect(settings).await {
        Ok(pager) => {
            let reading = pager.incident(&reference("42"), now()).await;
            let printed = format!("{pager:?} {reading:?}");
            pager.close().await;
            printed
        }
        Err(failure) => format!("{failure:?} {failure}"),
    };
    drop(guard);
    let log = log.0.lock().expect("no panic elsewhere");
    format!("{settings:?} {printed}\n{}", String::from_utf8_lossy(&log))
}

#[tokio::test]
async fn the_token_is_not_logged_over_http() {
    let refused = World::new("1.1.0").always(wiremock::ResponseTemplate::new(401));
    for world in [World::new("1.1.0"), World::new("hosted").in_json(), refused] {
        let log = logged(&world.start().await.settings()).await;
        assert!(log.contains("rmcp"), "the libraries' finest messages are in it");
        assert!(!log.contains(TOKEN), "{}", log.lines().find(|line| line.contains(TOKEN)).unwrap_or_default());
    }
}

#[tokio::test]
async fn a_server_that_repeats_the_token_is_not_quoted() {
    let echo = tool_error(&format!("no such header: Authorization: Token token={TOKEN}"));
    for tool in ["get_incident", "list_incident_notes"] {
        let log = logged(&World::new("1.1.0").with(tool, echo.clone()).start().await.settings()).await;
        // At its finest level rmcp writes down every answer as it came; that is the console's to redact.
        let ours = log.lines().filter(|line| !line.contains(" TRACE ") && !line.contains(" DEBUG "));
        assert_eq!(ours.filter(|line| line.contains(TOKEN)).collect::<Vec<_>>(), [""; 0], "{tool}");
        assert!(log.contains("Token token=***"), "{tool}: what the server said is told without it");
    }
}

#[tokio::test]
async fn the_token_is_not_logged_over_stdio() {
    for manner in ["", "dies"] {
        let folder = stdio::replies("1.1.0");
        let log = logged(&stdio::server(folder.path(), manner)).await;
        assert!(!log.contains(TOKEN), "{}", log.lines().find(|line| line.contains(TOKEN)).unwrap_or_default());
    }
}
