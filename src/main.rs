//! Environment in, exit code out.

fn main() {}
