//! Addresses and mentions: the two things that act on purpose, so only verified ones are written.

use url::Url;

use crate::model::ids::Login;

use super::inline::inline;
use super::{Markdown, NAME_LIMIT};

/// The longest address that becomes a link, in bytes; browsers and mail programs cut longer ones.
const LONGEST_ADDRESS: usize = 2_000;

/// Where a link may lead: the server that the run works on and PagerDuty, never a place that foreign text chose.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    exact: Vec<url::Origin>,
    parents: Vec<&'static str>,
}

impl Origins {
    /// Also allows addresses with the scheme, host and port of `address`, as `GITHUB_SERVER_URL` gives them.
    ///
    /// Plain `http` is accepted from this machine alone, where a test or a demonstration runs a server.
    pub fn with_server(mut self, address: &Url) -> Origins {
        if address.scheme() == "https" || (address.scheme() == "http" && is_loopback(address)) {
            self.exact.push(address.origin());
        }
        self
    }

    /// Also allows `https` on any host below this domain, such as `acme.pagerduty.com` below `pagerduty.com`.
    pub fn with_hosts_below(mut self, domain: &'static str) -> Origins {
        self.parents.push(domain);
        self
    }

    /// True where `address` may be written as a link. A user name or password in it forbids it.
    pub fn allow(&self, address: &Url) -> bool {
        let is_bare = address.username().is_empty() && address.password().is_none();
        let is_below = |domain: &&str| {
            let host = address.host_str().unwrap_or_default();
            host.strip_suffix(*domain).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
        };
        let is_known = self.exact.contains(&address.origin())
            || (address.scheme() == "https" && address.port().is_none() && self.parents.iter().any(is_below));
        is_bare && is_known && address.as_str().len() <= LONGEST_ADDRESS
    }
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The text as a link to `address`, or the text alone where `origins` do not allow the address.
///
/// `text` may be a piece ([`super::code_span`]) that is written inside of the brackets; it must be one line.
pub fn link(text: impl Into<Markdown>, address: &Url, origins: &Origins) -> Markdown {
    let text = text.into();
    if !origins.allow(address) || text.is_empty() {
        return text;
    }
    Markdown(format!("[{}]({})", text.as_str().replace('\n', " "), destination(address)))
}

/// The address without any character that could end a link's destination or start an entity.
fn destination(address: &Url) -> String {
    let mut safe = String::with_capacity(address.as_str().len());
    for c in address.as_str().chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '(' | ')' | '<' | '>' | '[' | ']' | '\\' | '|' | '`' | '"' | '\'' | ' ' | '*' | '~' | '$' | '@' => {
                // All of these are ASCII, so that the code point is the byte.
                safe.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c => safe.push(c),
        }
    }
    safe
}

/// `@login`, which notifies that person. Only for a login that GitHub itself gave; anything that cannot be a login is
/// shown as harmless text instead, and so is our own name, which would wake us again.
pub fn mention(login: &Login) -> Markdown {
    let name = login.as_str();
    if is_login(name) && !name.eq_ignore_ascii_case(env!("CARGO_PKG_NAME")) {
        return Markdown(format!("@{name}"));
    }
    inline(name, NAME_LIMIT)
}

/// GitHub's rule: up to 39 letters, digits and single hyphens, none at either end. Managed users of an enterprise have
/// its short code behind an underscore.
fn is_login(name: &str) -> bool {
    let (user, code) = name.split_once('_').map_or((name, "ok"), |(user, code)| (user, code));
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    user.len() <= 39 && user.split('-').all(is_word) && code.len() <= 39 && is_word(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::oracle::{hostile_text, links_in};
    use super::*;
    use crate::report::escape::code_span;

    fn address(text: &str) -> Url {
        Url::parse(text).expect("the tests write valid addresses")
    }

    fn origins() -> Origins {
        Origins::default().with_server(&address("https://github.com")).with_hosts_below("pagerduty.com")
    }

    #[test]
    fn only_known_places_are_linked() {
        for allowed in ["https://github.com/o/r/pull/1", "https://acme.eu.pagerduty.com/incidents/Q1"] {
            assert!(origins().allow(&address(allowed)), "{allowed}");
        }
        for refused in [
            "http://github.com/o/r",
            "https://github.com:8443/o/r",
            "https://pagerduty.com.example.org/",
            "https://evilpagerduty.com/",
            "https://acme.pagerduty.com:8443/",
            "https://acme.pagerduty.com@example.org/",
            "https://user@github.com/",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(!origins().allow(&address(refused)), "{refused}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let local = Origins::default().with_server(&address("http://127.0.0.1:8080"));
        assert!(local.allow(&address("http://127.0.0.1:8080/o/r")));
        assert!(!local.allow(&address("http://127.0.0.1:8081/o/r")));
        let remote = Origins::default().with_server(&address("http://git.example.org"));
        assert!(!remote.allow(&address("http://git.example.org/o/r")));
    }

    #[test]
    fn a_link_keeps_its_address_to_itself() {
        let shown = link(inline("see ](x)", 20), &address("https://github.com/a_(b)?q=1&copy=2#x|y"), &origins());
        assert_eq!(shown.as_str(), r"[see \](x)](https://github.com/a_%28b%29?q=1&amp;copy=2#x%7Cy)");
        let refused = link(inline("page", 20), &address("https://example.org/"), &origins());
        assert_eq!(refused.as_str(), "page");
    }

    #[test]
    fn mentions_are_logins_and_never_ourselves() {
        let shown = |name: &str| mention(&Login::new(name)).to_string();
        assert_eq!(shown("octo-dev"), "@octo-dev");
        assert_eq!(shown("dev_acme"), "@dev_acme");
        assert_eq!(shown("PagerDuty-incident-responder"), "PagerDuty-incident-responder");
        assert_eq!(shown("org/team"), "org/team");
        assert_eq!(shown("a--b"), "a--b");
        assert_eq!(shown("x @octocat"), "x @\u{200B}octocat");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn one_link_that_leads_where_it_says(text in hostile_text(), path in hostile_text()) {
            let mut target = address("https://github.com/");
            target.set_path(&path);
            target.set_query(Some(&path));
            target.set_fragment(Some(&path));
            for label in [inline(&format!("x{text}"), 80), code_span(&format!("x{text}"))] {
                let found = links_in(link(label, &target, &origins()).as_str());
                if target.as_str().len() <= LONGEST_ADDRESS {
                    prop_assert_eq!(found.len(), 1);
                    prop_assert!(found.iter().all(|found| found.starts_with("https://github.com/")));
                } else {
                    prop_assert!(found.is_empty());
                }
            }
        }
    }
}
