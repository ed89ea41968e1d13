//! The `prove` block of a service: what is built and run to show that a fix fixes.

use serde::Deserialize;

/// What is run to prove a fix. Exactly one of `run` and `test` is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct ProveConfig {
    /// A shell command that builds, run at the repository's root.
    pub build: Option<String>,
    /// The shell command that is measured.
    pub command: ProveCommand,
    /// The longest time of one run, in seconds; 1 to 120.
    pub seconds: Option<u32>,
    /// The memory of one run, in bytes; 4 MiB to 16 GiB.
    pub memory_limit: Option<MemoryQuantity>,
    /// The exit code of a sound run, 0 to 255.
    pub expect: Option<u8>,
}

/// What kind of command is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProveCommand {
    /// A service: it may run on until it is stopped.
    Run(String),
    /// A test: it ends by itself.
    Test(String),
}

impl Default for ProveCommand {
    fn default() -> ProveCommand {
        ProveCommand::Run(String::new())
    }
}

/// The block as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    build: Option<String>,
    run: Option<String>,
    test: Option<String>,
    seconds: Option<u32>,
    memory_limit: Option<MemoryQuantity>,
    expect: Option<u8>,
}

/// The bounds of `memory-limit`, in bytes.
const MEMORY: std::ops::RangeInclusive<u64> = (4 << 20)..=(16 << 30);

impl TryFrom<Written> for ProveConfig {
    type Error = String;

    fn try_from(written: Written) -> Result<ProveConfig, String> {
        let command = match (written.run, written.test) {
            (Some(run), None) => ProveCommand::Run(run),
            (None, Some(test)) => ProveCommand::Test(test),
            _ => return Err("give either `run` (a service) or `test` (a command that ends by itself)".to_owned()),
        };
        if let Some(seconds) = written.seconds.filter(|seconds| !(1..=120).contains(seconds)) {
            return Err(format!("`seconds` is {seconds}; use a whole number from 1 to 120"));
        }
        if let Some(limit) = written.memory_limit.filter(|limit| !MEMORY.contains(&limit.bytes())) {
            return Err(format!("`memory-limit` is {} bytes; use 4Mi to 16Gi", limit.bytes()));
        }
        Ok(ProveConfig {
            build: written.build,
            command,
            seconds: written.seconds,
            memory_limit: written.memory_limit,
            expect: written.expect,
        })
    }
}

/// An amount of memory as Kubernetes writes it: `64Mi`, `128M`, `1Gi`, `67108864`.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Number")]
pub struct MemoryQuantity(u64);

/// YAML reads a quantity without a suffix as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Text(String),
}

impl TryFrom<Number> for MemoryQuantity {
    type Error = String;

    fn try_from(number: Number) -> Result<MemoryQuantity, String> {
        match number {
            Number::Whole(bytes) => Ok(MemoryQuantity(bytes)),
            Number::Text(text) => MemoryQuantity::parse(&text)
                .ok_or_else(|| format!("{text:?} is no amount of memory; write it like 64Mi or 1Gi")),
        }
    }
}

impl MemoryQuantity {
    /// Reads a quantity; `None` for anything else, for fractions of a byte, and for what no machine has.
    pub fn parse(text: &str) -> Option<MemoryQuantity> {
        const SUFFIXES: [(&str, u64); 9] = [
            ("Ki", 1 << 10),
            ("Mi", 1 << 20),
            ("Gi", 1 << 30),
            ("Ti", 1 << 40),
            ("k", 1_000),
            ("M", 1_000_000),
            ("G", 1_000_000_000),
            ("T", 1_000_000_000_000),
            ("", 1),
        ];
        let text = text.trim();
        let (suffix, unit) = SUFFIXES.into_iter().find(|(suffix, _)| text.ends_with(suffix))?;
        let number: f64 = text.strip_suffix(suffix)?.parse().ok()?;
        let bytes = number * unit as f64;
        // Beyond 2^53 a floating point number is no longer exact, and no machine has that much.
        ((1.0..9e15).contains(&bytes)).then_some(MemoryQuantity(bytes as u64))
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_read_as_kubernetes_does() {
        for (text, bytes) in [
            ("64Mi", Some(64 << 20)),
            ("64M", Some(64_000_000)),
            ("1Gi", Some(1 << 30)),
            ("0.5Gi", Some(1 << 29)),
            ("67108864", Some(64 << 20)),
            ("1e3", Some(1000)),
            ("-1Mi", None),
            ("", None),
            ("Mi", None),
            ("64 Mi", None),
            ("inf", None),
            ("NaN", None),
        ] {
            assert_eq!(MemoryQuantity::parse(text).map(MemoryQuantity::bytes), bytes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_quantity_panics(text in "\\PC{0,12}") {
            let _ = MemoryQuantity::parse(&text);
        }
    }
}
