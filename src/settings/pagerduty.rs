//! Where PagerDuty's MCP server is, how we show who we are, and how long we wait.
//!
//! Everything a user wrote is checked here, before anything is sent.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::failure::Failure;

/// PagerDuty's hosted server for accounts of the US region. EU accounts: `https://mcp.eu.pagerduty.com/mcp`.
pub const HOSTED_SERVER: &str = "https://mcp.pagerduty.com/mcp";

/// What a child process may see of our environment: where programs, certificates, proxies and caches are.
/// Nothing of GitHub's or Actions' variables, and no other secret.
const PASSED_TO_THE_CHILD: [&str; 28] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "UV_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "PAGERDUTY_API_HOST",
];

/// Everything needed to talk to PagerDuty.
#[derive(Debug, Clone)]
pub struct PagerDutySettings {
    /// How the server is reached.
    pub route: Route,
    /// Who we are.
    pub token: Token,
    /// How long we wait.
    pub limits: Limits,
}

/// A PagerDuty API token or OAuth access token. It cannot be printed.
#[derive(Clone)]
pub struct Token(SecretString);

/// How the token is written in the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthScheme {
    /// `Token token=…`: PagerDuty's API tokens.
    #[default]
    Token,
    /// `Bearer …`: OAuth access tokens.
    Bearer,
}

/// How the server is reached.
#[derive(Debug, Clone)]
pub enum Route {
    /// Streamable HTTP.
    Http {
        /// The server's endpoint, such as [`HOSTED_SERVER`].
        address: Url,
        /// How the token is shown.
        scheme: AuthScheme,
    },
    /// A child process that speaks over its standard input and output.
    Command(ServerCommand),
}

/// A program that serves MCP over stdio, such as `pagerduty-mcp` or `uvx pagerduty-mcp`.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerCommand {
    /// The program, by name or path.
    pub program: String,
    /// Its arguments, as they are; no shell is involved.
    pub arguments: Vec<String>,
    /// The whole environment of the child but for the token, which it gets as `PAGERDUTY_USER_API_KEY`.
    pub environment: Vec<(OsString, OsString)>,
}

/// How long we wait. All of them are bounds, not delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a connection to be made: a TCP and TLS connection, or a child process that answers its first message.
    /// A Python server needs 5 to 24 s to start, so a command gets six times as long.
    pub connect: Duration,
    /// For one answer.
    pub call: Duration,
    /// For all answers about one incident, or for one list of incidents. What is not read by then becomes a gap.
    pub total: Duration,
}

impl Default for Limits {
    /// 10 s to connect, 20 s for a call, 60 s in all. PagerDuty's local server retries a 429 without end and
    /// blocks every other call meanwhile, so none of these may be left out.
    fn default() -> Limits {
        Limits { connect: Duration::from_secs(10), call: Duration::from_secs(20), total: Duration::from_secs(60) }
    }
}

impl Limits {
    /// How long a child process may take to answer its first message.
    pub(crate) fn start_of_a_command(&self) -> Duration {
        self.connect.saturating_mul(6)
    }
}

impl Token {
    /// Takes the token itself, without scheme. Surrounding white space is forgiven: secrets are often pasted with
    /// a line break at the end.
    ///
    /// # Errors
    /// Configuration: the token is empty, carries its scheme, or holds characters that no token has.
    pub fn parse(text: &str) -> Result<Token, Failure> {
        let token = text.trim();
        let remedy = "Set `pagerduty-token` to the bare API token, as in `${{ secrets.PAGERDUTY_TOKEN }}`.";
        if token.is_empty() {
            let problem =
                "The PagerDuty token is empty: the secret does not exist here, or is not passed to this step.";
            return Err(Failure::configuration(problem, remedy));
        }
        if ["token ", "token=", "bearer ", "authorization:"].iter().any(|scheme| starts_like(token, scheme)) {
            let problem = "The PagerDuty token starts with the name of its scheme.";
            let remedy = "Give the bare token as `pagerduty-token` and the scheme as `pagerduty-auth-scheme`.";
            return Err(Failure::configuration(problem, remedy));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "The PagerDuty token holds white space or characters outside ASCII, which no token has.";
            return Err(Failure::configuration(problem, remedy));
        }
        Ok(Token(SecretString::from(token)))
    }

    /// The token in the clear, for the one header or variable that carries it.
    pub(crate) fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Arguments and proxies' addresses may hold secrets: only their number and names are shown.
impl fmt::Debug for ServerCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("ServerCommand")
            .field("program", &self.program)
            .field("arguments", &self.arguments.len())
            .field("environment", &names)
            .finish()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl Route {
    /// Streamable HTTP at `address`.
    ///
    /// Plain `http` is taken only for this machine and private networks (loopback and private addresses, names
    /// without a dot, `.local`, `.internal`): the token travels in a header.
    ///
    /// # Errors
    /// Configuration: not an address, not HTTP, an address with credentials in it, or plain `http` to a public host.
    pub fn http(address: &str, scheme: AuthScheme) -> Result<Route, Failure> {
        let refuse = |why: &str| {
            let remedy = format!("Set `pagerduty-mcp-url` to an https address such as {HOSTED_SERVER}.");
            Failure::configuration(format!("The address of the PagerDuty MCP server {why}."), remedy)
        };
        let address = Url::parse(address.trim()).map_err(|error| refuse(&format!("is not an address ({error})")))?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err(refuse("holds a user name or password, which would end up in logs"));
        }
        match address.scheme() {
            "https" => Ok(Route::Http { address, scheme }),
            "http" if is_private(&address) => Ok(Route::Http { address, scheme }),
            "http" => Err(refuse("is plain http, over which the token would be readable")),
            _ => Err(refuse("is neither https nor http")),
        }
    }

    /// A child process. `line` is split at white space, with `'…'` and `"…"` around what belongs together; no
    /// shell is involved. Of `environment` the child sees what it needs to run, nothing else.
    ///
    /// # Errors
    /// Configuration: an empty line or an open quotation mark.
    pub fn command(line: &str, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Route, Failure> {
        let remedy = "Set `pagerduty-mcp-command` to a program and its arguments, such as `uvx pagerduty-mcp`.";
        let mut words = split_words(line)
            .ok_or_else(|| {
                Failure::configuration("The command of the PagerDuty MCP server has an open quotation mark.", remedy)
            })?
            .into_iter();
        let program = words
            .next()
            .ok_or_else(|| Failure::configuration("The command of the PagerDuty MCP server is empty.", remedy))?;
        let environment = environment
            .into_iter()
            .filter(|(name, _)| name.to_str().is_some_and(|name| PASSED_TO_THE_CHILD.contains(&name)))
            .collect();
        Ok(Route::Command(ServerCommand { program, arguments: words.collect(), environment }))
    }

    /// The server in a sentence: its address without a query, or its program.
    pub(crate) fn describe(&self) -> String {
        match self {
            Route::Http { address, .. } => {
                let mut shown = address.clone();
                shown.set_query(None);
                shown.set_fragment(None);
                shown.to_string()
            }
            Route::Command(command) => format!("the command `{}`", command.program),
        }
    }
}

/// True for hosts that are this machine or on a private network.
fn is_private(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Some(Host::Domain(name)) => {
            !name.contains('.') || [".local", ".internal", ".localhost"].iter().any(|end| name.ends_with(end))
        }
        None => false,
    }
}

/// True for addresses of this machine, which no proxy can reach.
pub(crate) fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn starts_like(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Splits a command line at white space; quotation marks keep words together. `None` where one stays open.
fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    #[test]
    fn a_token_is_trimmed_and_never_printed() {
        let token = Token::parse(" u+abcDEF_123-x\n").expect("a good token");
        assert_eq!(token.reveal(), "u+abcDEF_123-x");
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn a_bad_token_is_a_configuration_error_that_does_not_show_it() {
        for text in ["", "  \n", "Token token=hunter2", "bearer hunter2", "hun ter2", "hünter2", "token=hunter2"] {
            let failure = Token::parse(text).expect_err(text);
            assert_eq!(failure.kind, FailureKind::Configuration, "{text}");
            assert!(!failure.to_string().contains("ter2"), "{failure}");
        }
    }

    #[test]
    fn plain_http_is_for_private_networks() {
        for address in ["http://127.0.0.1:8000/mcp", "http://[::1]/mcp", "http://pagerduty:8000/mcp", HOSTED_SERVER] {
            assert!(Route::http(address, AuthScheme::Token).is_ok(), "{address}");
        }
        for address in
            ["http://mcp.pagerduty.com/mcp", "ftp://x/", "mcp.pagerduty.com", "https://u:p@mcp.pagerduty.com/"]
        {
            let failure = Route::http(address, AuthScheme::Token).expect_err(address);
            assert_eq!(failure.kind, FailureKind::Configuration, "{address}");
        }
    }

    #[test]
    fn a_command_is_split_without_a_shell_and_sees_little() {
        let environment =
            [("PATH", "/bin"), ("GITHUB_TOKEN", "x"), ("PAGERDUTY_API_HOST", "https://api.eu.pagerduty.com")]
                .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let Ok(Route::Command(command)) = Route::command(r#" uvx  "a b"'c' '' --x $HOME "#, environment) else {
            panic!("not a command");
        };
        assert_eq!(command.program, "uvx");
        assert_eq!(command.arguments, ["a bc", "", "--x", "$HOME"]);
        assert_eq!(
            format!("{command:?}"),
            r#"ServerCommand { program: "uvx", arguments: 4, environment: ["PATH", "PAGERDUTY_API_HOST"] }"#
        );
        assert!(Route::command("  ", []).is_err());
        assert!(Route::command("run 'this", []).is_err());
    }

    #[test]
    fn an_address_is_described_without_its_query() {
        let route = Route::http("https://mcp.example/mcp?key=abc#x", AuthScheme::Token).expect("an address");
        assert_eq!(route.describe(), "https://mcp.example/mcp");
    }
}
