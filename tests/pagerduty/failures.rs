//! What a user is told when PagerDuty or its server does not do what it should.

use std::time::Duration;

use pagerduty_incident_responder::failure::{Failure, FailureKind};
use pagerduty_incident_responder::io::pagerduty::PagerDuty;
use pagerduty_incident_responder::settings::pagerduty::{AuthScheme, PagerDutySettings, Route};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use crate::stand_in::{INCIDENT, TOKEN, World, now, recorded, reference, settings, tool_error};

/// Connects and reads the incident; both must end in a failure of a peer that keeps the token to itself.
async fn failure(settings: &PagerDutySettings) -> Failure {
    let failure = match PagerDuty::connect(settings).await {
        Err(failure) => failure,
        Ok(pager) => pager.incident(&reference(INCIDENT), now()).await.expect_err("the incident cannot be read"),
    };
    assert_eq!(failure.kind, FailureKind::Peer, "{failure}");
    assert!(!failure.to_string().contains(TOKEN), "{failure}");
    assert!(!failure.to_string().contains("oken\""), "{failure}");
    assert_eq!(failure.to_string().lines().count(), 2, "{failure}");
    failure
}

/// The failure as text, with the address of the stand-in replaced.
async fn told(world: World) -> String {
    let stand_in = world.start().await;
    let settings = stand_in.settings();
    let Route::Http { address, .. } = &settings.route else { unreachable!("a stand-in listens over HTTP") };
    failure(&settings).await.to_string().replace(address.as_str(), "ADDRESS")
}

/// The same for a server that answers every HTTP request in one way.
async fn told_by(response: ResponseTemplate) -> String {
    told(World::new("1.1.0").always(response)).await
}

/// The same for one answer of `get_incident`.
async fn told_of(result: Value) -> String {
    told(World::new("1.1.0").with("get_incident", result)).await
}

#[tokio::test]
async fn the_door_is_closed() {
    let challenged = ResponseTemplate::new(401).insert_header("www-authenticate", "Bearer realm=\"x\"");
    let page = ResponseTemplate::new(403).set_body_raw("<html>secret page</html>", "text/html");
    let refused = ResponseTemplate::new(401).set_body_json(json!({"error": "bad key ...oken\""}));
    let told = [
        told_by(challenged).await,
        told_by(refused).await,
        told_by(page).await,
        told_by(ResponseTemplate::new(404)).await,
        told_by(ResponseTemplate::new(429)).await,
        told_by(ResponseTemplate::new(500)).await,
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r"
    Could not connect to PagerDuty's MCP server at ADDRESS: the token was not accepted (401).
    Check the secret behind `pagerduty-token`: it must be a current PagerDuty API token, and `pagerduty-auth-scheme` must be `bearer` for an OAuth token.

    Could not connect to PagerDuty's MCP server at ADDRESS: the token was not accepted (401).
    Check the secret behind `pagerduty-token`: it must be a current PagerDuty API token, and `pagerduty-auth-scheme` must be `bearer` for an OAuth token.

    Could not connect to PagerDuty's MCP server at ADDRESS: the token may not read this (403).
    Give the token's user at least the Observer role on the team that owns the service, or use a token of a user who has it.

    Could not connect to PagerDuty's MCP server at ADDRESS: nothing is served at that address (404).
    Check the path of `pagerduty-mcp-url`; PagerDuty's own server is at https://mcp.pagerduty.com/mcp.

    Could not connect to PagerDuty's MCP server at ADDRESS: PagerDuty asks to slow down (429).
    Run again in a minute; other users of the same token share its limit.

    Could not connect to PagerDuty's MCP server at ADDRESS: the server failed (HTTP 500).
    Run again; if it stays, look at https://status.pagerduty.com or at the log of your own server.
    ");
}

#[tokio::test]
async fn what_answers_is_no_mcp_server() {
    let told = [
        told_by(ResponseTemplate::new(200).set_body_raw("<html>hello</html>", "text/html")).await,
        told_by(ResponseTemplate::new(200).set_body_raw("hello", "application/json")).await,
        told_by(
            ResponseTemplate::new(200).set_body_raw("{\"jsonrpc\": \"2.0\", \"id\": 0, \"resu", "application/json"),
        )
        .await,
        told_by(ResponseTemplate::new(200).set_body_raw("{\"status\": \"ok\"}", "application/json")).await,
        told_by(ResponseTemplate::new(200)).await,
        told_by(ResponseTemplate::new(200).set_body_raw("", "text/event-stream")).await,
        told_by(ResponseTemplate::new(202)).await,
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r"
    Could not connect to PagerDuty's MCP server at ADDRESS: the answer is not JSON.
    Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.

    Could not connect to PagerDuty's MCP server at ADDRESS: the answer is not JSON.
    Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.

    Could not connect to PagerDuty's MCP server at ADDRESS: the answer stopped in the middle.
    Run again; if it stays, look at https://status.pagerduty.com or at the log of your own server.

    Could not connect to PagerDuty's MCP server at ADDRESS: the answer is not JSON.
    Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.

    Could not connect to PagerDuty's MCP server at ADDRESS: the answer is not JSON.
    Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.

    Could not connect to PagerDuty's MCP server at ADDRESS: the server closed the connection before it answered.
    Run again; if it stays, look at https://status.pagerduty.com or at the log of your own server.

    Could not connect to PagerDuty's MCP server at ADDRESS: the server closed the connection before it answered.
    Run again; if it stays, look at https://status.pagerduty.com or at the log of your own server.
    ");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = World::new("1.1.0").start().await;
    let Route::Http { address, .. } = elsewhere.settings().route else { unreachable!("a stand-in listens over HTTP") };
    for status in [301, 302, 307, 308] {
        let told = told_by(ResponseTemplate::new(status).insert_header("location", address.as_str())).await;
        assert_eq!(
            told,
            "Could not connect to PagerDuty's MCP server at ADDRESS: the server answered with a redirect, which is not followed.\n\
             Set `pagerduty-mcp-url` to the final address of the server."
        );
    }
    assert_eq!(elsewhere.authorizations(), [""; 0], "nothing reached the other host");
}

#[tokio::test]
async fn what_the_tool_says_is_told_apart() {
    let told = [
        told_of(recorded("get_incident_401")).await,
        told_of(recorded("get_incident_403")).await,
        told_of(recorded("get_incident_404")).await,
        told_of(recorded("get_incident_badargs")).await,
        told_of(recorded("unknown_tool")).await,
        told_of(tool_error("something\nodd: Token token=u+s3cr3tT0ken\u{1b}[0m")).await,
        told(World::new("1.1.0").without("get_incident")).await,
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r"
    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the token was not accepted (401).
    Check the secret behind `pagerduty-token`: it must be a current PagerDuty API token, and `pagerduty-auth-scheme` must be `bearer` for an OAuth token.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the token may not read this (403).
    Give the token's user at least the Observer role on the team that owns the service, or use a token of a user who has it.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: PagerDuty has no such thing (404).
    Check the number or id, and that the token belongs to the PagerDuty account that has it.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the server did not accept the arguments of the call.
    This server may speak a dialect that is not known yet: please report it with the text above.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the server offers no tool for it (looked for get_incident).
    Point `pagerduty-mcp-url` (or `pagerduty-mcp-command`) at PagerDuty's own MCP server, hosted or local.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the server refused: something odd: Token token=*** [0m.
    This server may speak a dialect that is not known yet: please report it with the text above.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the server offers no tool for it (looked for get_incident or browse_incidents).
    Point `pagerduty-mcp-url` (or `pagerduty-mcp-command`) at PagerDuty's own MCP server, hosted or local.
    ");
}

#[tokio::test]
async fn what_the_tool_returns_cannot_be_used() {
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}], "isError": false});
    let other = json!({
        "id": "QOTHERINCIDENT", "incident_number": 43, "title": "t", "status": "triggered",
        "created_at": "2026-11-22T07:00:00Z", "service": {"id": "PSVC001"},
    });
    let told = [
        told_of(text("Sorry, no idea.")).await,
        told_of(text("{\"id\": \"Q2ISKGUCZ3ZJ4K\", \"titl")).await,
        told_of(text("{\"ticket\": {\"token\": \"value\"}}")).await,
        told_of(json!({"structuredContent": {"id": INCIDENT, "state": "open"}})).await,
        told_of(json!({"structuredContent": other})).await,
        told_of(json!({"content": []})).await,
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r"
    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the answer is not JSON.
    Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the answer stopped in the middle.
    Run again; if it stays, look at https://status.pagerduty.com or at the log of your own server.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the answer has an unknown shape (keys: ticket).
    This server may speak a dialect that is not known yet: please report it with the text above.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the answer has an unknown shape (keys: id, state).
    This server may speak a dialect that is not known yet: please report it with the text above.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the server answered about something else than was asked for.
    This server may speak a dialect that is not known yet: please report it with the text above.

    Could not read incident Q2ISKGUCZ3ZJ4K at ADDRESS: the answer is not JSON.
    Check that `pagerduty-mcp-url` is the address of an MCP server, not of a web page.
    ");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept() {
    let title = "x".repeat(17 * 1024 * 1024);
    let large = json!({"structuredContent": {"id": INCIDENT, "title": title}});
    let as_json = told(World::new("1.1.0").in_json().with("get_incident", large.clone())).await;
    assert!(as_json.contains("the answer is larger than 16 MiB"), "{as_json}");
    let as_event = told(World::new("1.1.0").with("get_incident", large)).await;
    assert!(as_event.contains("the answer was cut off on its way, or is larger than 16 MiB"), "{as_event}");
}

#[tokio::test]
async fn a_stream_that_stops_in_the_middle_is_told_as_such() {
    for body in ["event: message\r\ndata: {\"jsonrpc\": \"2.0\", \"id\": 2, \"resu", "event: message\r\n", ""] {
        let response = ResponseTemplate::new(200).set_body_raw(body, "text/event-stream");
        let told = told(World::new("1.1.0").responding("get_incident", response)).await;
        assert!(told.contains("the answer was cut off on its way"), "{body}: {told}");
    }
}

#[tokio::test]
async fn a_broken_part_becomes_a_gap() {
    let cut = ResponseTemplate::new(200).set_body_raw("data: {\"jsonrpc\"", "text/event-stream");
    let world = World::new("1.1.0")
        .responding("list_incident_notes", cut)
        .with("list_alerts_from_incident", recorded("get_incident_403"))
        .with("list_oncalls", json!({"structuredContent": {"oncall_entries": []}}))
        .with("list_incident_change_events", tool_error("the moon is full"));
    let stand_in = world.start().await;
    let reading = stand_in.connect().await.incident(&reference("#42"), now()).await.expect("the incident is there");
    let gaps: Vec<_> = reading.gaps.iter().map(|gap| format!("{} because {}", gap.what, gap.why)).collect();
    insta::assert_snapshot!(gaps.join("\n"), @r"
    alerts of the incident because the token may not read this (403)
    notes on the incident because the answer was cut off on its way, or is larger than 16 MiB
    change events of the incident because the server refused: the moon is full
    people on call because the answer has an unknown shape (keys: oncall_entries)
    ");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let silent = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
    let stand_in = World::new("1.1.0").always(silent.clone()).start().await;
    let mut limited = stand_in.settings();
    limited.limits.call = Duration::from_millis(200);
    let told = failure(&limited).await.to_string();
    assert!(told.contains("no answer came within 0.2 s"), "{told}");

    // One part that hangs does not hold up the others.
    let stand_in = World::new("1.1.0").responding("list_incident_notes", silent).start().await;
    let mut limited = stand_in.settings();
    limited.limits.call = Duration::from_secs(2);
    let pager = PagerDuty::connect(&limited).await.expect("the stand-in answers");
    let reading = pager.incident(&reference("42"), now()).await.expect("the incident is there");
    let gaps: Vec<_> = reading.gaps.iter().map(|gap| format!("{} because {}", gap.what, gap.why)).collect();
    assert_eq!(gaps, ["notes on the incident because no answer came within 2 s"]);
}

#[tokio::test]
async fn the_total_time_is_a_bound() {
    let silent = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
    let stand_in = World::new("1.1.0").responding("get_incident", silent).start().await;
    let mut limited = stand_in.settings();
    limited.limits.total = Duration::from_millis(300);
    let told = failure(&limited).await.to_string();
    assert!(told.contains("no answer came within 0.3 s"), "{told}");
}

#[tokio::test]
async fn nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    drop(listener);
    let settings = settings(Route::http(&address, AuthScheme::Token).expect("a loopback address"));
    let told = failure(&settings).await.to_string();
    assert!(told.contains("the server could not be reached (Connection refused"), "{told}");
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"jsonrpc\": ";
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    let settings = settings(Route::http(&address, AuthScheme::Token).expect("a loopback address"));
    let told = failure(&settings).await.to_string();
    assert!(told.contains("the answer stopped in the middle"), "{told}");
    server.abort();
}
