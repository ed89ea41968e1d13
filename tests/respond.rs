//! The front door: the real binary on real events, against the stand-in PagerDuty and GitHub.

#[path = "respond/answers.rs"]
mod answers;
#[path = "respond/command_line.rs"]
mod command_line;
#[path = "respond/failures.rs"]
mod failures;
#[path = "respond/gate.rs"]
mod gate;
#[path = "respond/hostile.rs"]
mod hostile;
#[path = "respond/proof.rs"]
mod proof;
#[path = "respond/publication.rs"]
mod publication;
#[path = "respond/rollback.rs"]
mod rollback;
#[path = "respond/support.rs"]
mod support;
#[path = "respond/sweeps.rs"]
mod sweeps;
#[path = "respond/window.rs"]
mod window;
