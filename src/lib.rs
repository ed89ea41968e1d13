//! # From page to pull request
//!
//! **Gather everything, think without touching anything, publish one plan.**
//!
//! ```text
//!  comment ─────┐
//!  schedule ────┼─> Trigger ─> Incident ─> Evidence ─> Diagnosis ─> Proof ─> Publication ─> Published
//!  dispatch ────┤      |           |           |           |          |          |             |
//!  command line ┘  trigger   io::pagerduty  io::gather   diagnose   prove       plan       io::publish
//!                             └──── gather (io) ────┘    think       run       think      publish (io)
//! ```
//!
//! ## The words
//!
//! They are the modules of [`model`]: a *trigger* woke us; an *incident* is what PagerDuty says; *evidence* is the incident
//! and all that was read of the repository at one commit, with the *gaps*; a *diagnosis* is findings and suspects, or an
//! honest "inconclusive"; a *proof* is what running the fault and its repair showed, or why nothing was run; a *publication* is the plan of every write, as a value that prints itself. A rehearsal is the same
//! plan, not applied. A *landing* is one commit on the branch's first-parent line: what a person would revert.
//!
//! ## The line
//!
//! Only `main.rs`, [`io`], [`commands`] and [`mod@prove`] touch anything: network, files, processes, environment, clock. All else takes
//! values and gives values, and cannot fail: what is missing becomes a gap that the report tells. A test keeps the line.
//!
//! ## Where to read what
//!
//! | you want to know | read |
//! |---|---|
//! | the whole story, in one page | [`respond`], then [`mod@analyse`]; [`sweep`] for many incidents |
//! | what wakes the program, and what is a command | [`trigger`], [`trigger::mention`] |
//! | every input and limit | [`settings`], [`settings::config_file`] |
//! | how PagerDuty is asked | [`io::pagerduty`] |
//! | how the repository is read | [`io::repository`], [`io::gather`] |
//! | how GitHub is asked, and what is repeated when | [`io::github`], [`io::github::transport`] |
//! | what exactly-once means here | [`io::publish`], [`io::tracking`], [`model::marker`] |
//! | how a fault is found | [`diagnose`], one detector a file; the C engine is [`c`] |
//! | how it is repaired, and what makes a repair safe | [`repair`] |
//! | how a fault and its repair are run, and kept apart from everything else | [`mod@prove`], [`model::proof`] |
//! | what ran, and in which order landings are searched | [`io::deployed`], [`diagnose::versions`], [`diagnose::windows`] |
//! | which landing is suspected | [`diagnose`], [`diagnose::provenance`] |
//! | what a person reads | [`report`], and [`report::escape`] for why nothing foreign can act in it |
//! | what reaches the log | [`io::workflow_commands`], [`redact`] |
//! | how it ends | [`failure`], [`model::outcome`] |

pub mod analyse;
pub mod c;
pub mod characters;
pub mod commands;
pub mod diagnose;
pub mod failure;
pub mod io;
pub mod model;
pub mod plan;
pub mod prove;
pub mod redact;
pub mod repair;
pub mod report;
pub mod respond;
pub mod settings;
pub mod sweep;
pub mod trigger;
pub mod yaml;
