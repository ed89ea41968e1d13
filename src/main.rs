//! Environment in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use pagerduty_incident_responder::commands::{self, CommandLine};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = CommandLine::parse();
    // Variables that are no text cannot be inputs of ours.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    commands::run(arguments, variables.collect())
}
