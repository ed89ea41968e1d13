//! PagerDuty over MCP, through the front door: a stand-in server speaks the recorded answers of the real ones.

#[path = "pagerduty/demo_world.rs"]
mod demo_world;
#[path = "pagerduty/failures.rs"]
mod failures;
#[path = "pagerduty/incident.rs"]
mod incident;
#[path = "pagerduty/open.rs"]
mod open;
#[path = "pagerduty/real.rs"]
mod real;
#[path = "pagerduty/secrecy.rs"]
mod secrecy;
#[path = "pagerduty/stand_in.rs"]
mod stand_in;
#[path = "pagerduty/stdio.rs"]
mod stdio;
