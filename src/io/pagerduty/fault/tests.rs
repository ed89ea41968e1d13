use super::*;

#[test]
fn the_local_servers_sentences_are_told_apart() {
    let cases = [
        (
            "Error executing tool get_incident: Received 401 Unauthorized response from the API. The key (...*good) may be invalid or deactivated.",
            Fault::Unauthorised,
        ),
        (
            "Error executing tool get_incident: GET http://127.0.0.1:18080/incidents/P403: API responded with unknown error (status 403): {\"error\": {\"message\": \"Access Denied\", \"code\": 2010}}",
            Fault::Forbidden,
        ),
        (
            "Error executing tool get_incident: GET http://127.0.0.1:18080/incidents/404: API responded with unknown error (status 404): {\"error\": {\"message\": \"Not Found\", \"code\": 2100}}",
            Fault::NotFound,
        ),
        (
            "Error executing tool get_incident: 1 validation error for get_incidentArguments\nincident_id\n  Field required",
            Fault::WrongArguments,
        ),
        ("Unknown tool: get_incidentz", Fault::ToolMissing("get_incident".into())),
        ("GET /incidents: API responded with unknown error (status 503)", Fault::ServerFailed(503)),
    ];
    for (text, expected) in cases {
        assert_eq!(from_tool_text("get_incident", text, "secret"), expected, "{text}");
    }
}

#[test]
fn a_number_in_a_title_is_not_a_status() {
    let fault = from_tool_text("get_incident", "cannot read \"page 404 of the book\"", "");
    assert_eq!(fault, Fault::Refused("cannot read \"page 404 of the book\"".into()));
}

#[test]
fn a_refusal_is_one_short_line_without_the_token() {
    let text = format!("bad header b'Token token=s3cr3t'\n\u{1b}[31m{}", "x".repeat(500));
    let Fault::Refused(words) = from_tool_text("t", &text, "s3cr3t") else { panic!("not a refusal") };
    assert!(words.starts_with("bad header b'Token token=***' [31mxxx"), "{words}");
    assert_eq!(words.chars().count(), 201);
}

#[test]
fn a_server_that_stumbles_over_pagerdutys_answer_is_not_our_mistake() {
    let text = "Error executing tool t: 1 validation error for Alert\nself\n  Field required [type=missing, input_value={'k': 'v'}]";
    let expected = "Error executing tool t: 1 validation error for Alert self Field required";
    assert_eq!(from_tool_text("t", text, ""), Fault::Refused(expected.into()));
}

#[test]
fn a_failure_says_what_why_and_what_to_do() {
    let failure = Fault::Timeout(Duration::from_secs(20)).into_failure("read incident 42", "https://mcp.example/mcp");
    assert_eq!(
        failure.to_string(),
        "Could not read incident 42 at https://mcp.example/mcp: no answer came within 20 s.\n\
         Run again; if it stays, the server may be waiting for PagerDuty's rate limit to pass."
    );
}
