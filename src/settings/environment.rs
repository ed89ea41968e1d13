//! A snapshot of the environment's variables, taken once at start.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::Input;

/// The variables of the process, as a value that tests can make up.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// A variable's value; an empty one counts as absent.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// An input's value with surrounding blanks removed, or its default where it is absent or empty.
    ///
    /// The runner upper-cases an input's name and keeps its hyphens: `pagerduty-token` is `INPUT_PAGERDUTY-TOKEN`.
    pub fn input(&self, input: Input) -> String {
        let name = format!("INPUT_{}", input.name.to_ascii_uppercase());
        let value = self.variables.get(&name).map_or("", |value| value.trim());
        if value.is_empty() { input.default.to_owned() } else { value.to_owned() }
    }

    /// A token: the input, or at a terminal the variable that people know.
    pub fn token(&self, input: Input, variable: &str) -> String {
        let token = self.input(input);
        if token.is_empty() { self.variable(variable).unwrap_or_default() } else { token }
    }

    /// Every variable, for a child process that sees some of them.
    pub fn all(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.variables.iter().map(|(name, value)| (name.into(), value.into()))
    }

    /// The same environment with one input set, as a command line does it.
    pub fn with_input(mut self, name: &str, value: &str) -> Environment {
        self.variables.insert(format!("INPUT_{}", name.to_ascii_uppercase()), value.to_owned());
        self
    }

    /// The same environment with one variable set.
    pub fn with_variable(mut self, name: &str, value: &str) -> Environment {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Environment { variables: variables.into_iter().collect() }
    }
}
