//! A world in a box: what the responder meets in production, on loopback.
//!
//! | module | what it stands for |
//! |---|---|
//! | [`worker`] | the leaking service, compiled and run under the memory limit of its pod |
//! | [`pagerduty`] | PagerDuty: events in, MCP (hosted and local dialects) and REST out |
//! | [`github`] | GitHub: REST, GraphQL and git over a real bare repository |
//! | [`history`] | how a table of landings becomes that repository |
//! | [`scenario`] | the table of stories: what landed, what alarm it raised, what a right answer is |
//! | [`world`] | all of it together, and the real responder run on an event as GitHub's runner would |
//!
//! Nothing here is compiled into the action. The program (`cargo run -p demo`) tells one scenario to a person; the
//! action's own tests start a [`world::World`] and look at what is left in it. Whatever is started ends when its value is
//! dropped: servers, processes, cgroups, folders.

pub mod git;
pub mod github;
pub mod history;
pub mod pagerduty;
pub mod scenario;
pub mod server;
pub mod worker;
pub mod world;
