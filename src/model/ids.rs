//! Names of things in other systems, each with its own type so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A moment in UTC. The core never asks a clock: moments enter as values.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it came; see the type for what it should look like.
            pub fn new(text: impl Into<String>) -> Self {
                $name(text.into())
            }

            /// The text as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// PagerDuty's own id of an incident, such as `Q2ISKGUCZ3ZJ4K`.
    IncidentId
}
text_id! {
    /// PagerDuty's id of a service, such as `PSVC001`.
    ServiceId
}
text_id! {
    /// PagerDuty's id of an escalation policy.
    EscalationPolicyId
}
text_id! {
    /// PagerDuty's id of a user.
    UserId
}
text_id! {
    /// PagerDuty's id of a team.
    TeamId
}
text_id! {
    /// A full object name of a git commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
    CommitSha
}
text_id! {
    /// A GitHub login, without the `@`.
    Login
}
text_id! {
    /// A path inside the repository: relative, forward slashes, no leading `./`.
    RepositoryPath
}
text_id! {
    /// The name of a branch without `refs/heads/`.
    BranchName
}

impl CommitSha {
    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

/// The number a person sees in PagerDuty: `#12345`. At least 1, at most nine digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentNumber(u32);

impl IncidentNumber {
    /// `None` where the number is zero or has more than nine digits.
    pub fn new(number: u32) -> Option<IncidentNumber> {
        (1..=999_999_999).contains(&number).then_some(IncidentNumber(number))
    }

    /// The bare number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for IncidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a person wrote to name an incident: its number or PagerDuty's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IncidentReference {
    /// `12345` or `#12345`.
    Number(IncidentNumber),
    /// `Q2ISKGUCZ3ZJ4K`: 6 to 20 capital letters and digits, at least one of them a letter.
    Id(IncidentId),
}

impl FromStr for IncidentReference {
    type Err = NotAnIncident;

    /// Reads `12345`, `#12345` or a PagerDuty id.
    fn from_str(text: &str) -> Result<Self, NotAnIncident> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if is_number && !digits.starts_with('0') && digits.len() <= 9 {
            let number = digits.parse().ok().and_then(IncidentNumber::new);
            return number.map(IncidentReference::Number).ok_or(NotAnIncident);
        }
        let is_id = (6..=20).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && text.bytes().any(|b| b.is_ascii_uppercase());
        if is_id { Ok(IncidentReference::Id(IncidentId::new(text))) } else { Err(NotAnIncident) }
    }
}

impl fmt::Display for IncidentReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IncidentReference::Number(number) => number.fmt(f),
            IncidentReference::Id(id) => id.fmt(f),
        }
    }
}

/// The text names no incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnIncident;

impl fmt::Display for NotAnIncident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an incident number such as 12345 or #12345, or a PagerDuty id such as Q2ISKGUCZ3ZJ4K")
    }
}

impl std::error::Error for NotAnIncident {}

/// `owner/name` of a repository on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RepositoryName {
    /// The user or organisation.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
}

impl FromStr for RepositoryName {
    type Err = NotARepository;

    /// Reads `owner/name`: letters, digits, `-`, `_` and `.` only, so that it can stand in an address as it is.
    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let part = |p: &str| {
            !p.is_empty()
                && p.len() <= 100
                && p != "."
                && p != ".."
                && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if part(owner) && part(name) => {
                Ok(RepositoryName { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(NotARepository),
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The text is not `owner/name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotARepository;

impl fmt::Display for NotARepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a repository as OWNER/NAME, made of letters, digits, '-', '_' and '.'")
    }
}

impl std::error::Error for NotARepository {}
