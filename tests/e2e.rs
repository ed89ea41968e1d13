//! The whole flow with real peers in the place of stand-ins.

#[path = "e2e/github_openapi.rs"]
mod github_openapi;
#[path = "e2e/pagerduty_mcp.rs"]
mod pagerduty_mcp;
