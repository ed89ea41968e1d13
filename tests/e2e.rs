//! The whole flow with real peers in the place of stand-ins.

#[path = "e2e/pagerduty_mcp.rs"]
mod pagerduty_mcp;
