//! Takes secrets out of text before it leaves the process.
//!
//! Two things are looked for. Tokens of well-known shape ([`token_shapes`]) can stand in anybody's log line or alert, and
//! are found without knowing them. The secrets of this run (the PagerDuty key has no shape of its own) are found by
//! value, in every form in which they travel: as they are, in base64, percent-encoded, quoted in JSON, and escaped for
//! Markdown. Nothing here is global: whoever writes holds a [`Redactor`].

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::{Captures, Regex};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::characters::ZERO_WIDTH_SPACE;

/// What stands where a secret stood. A plain word, so that it means nothing to Markdown, JSON or a shell.
pub const REDACTED: &str = "REDACTED";

/// Shorter values are neither masked nor redacted: they would take ordinary words out of the log.
pub const SHORTEST_SECRET: usize = 8;

/// So many characters of a value are looked for one by one. Enough to hold GitHub's and PagerDuty's tokens whole.
const LONGEST_PATTERN: usize = 40;

/// The secrets of one run, ready to be taken out of any text. Its `Debug` tells their number only.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<SecretString>,
    exact: Option<Regex>,
}

impl Redactor {
    /// A redactor that knows these secrets besides the tokens of well-known shape.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Redactor {
        let secrets: Vec<SecretString> = secrets.into_iter().filter(|s| is_worth_hiding(s.expose_secret())).collect();
        let exact = exact_pattern(&secrets);
        Redactor { secrets, exact }
    }

    /// The text without secrets. Borrowed where there was nothing to take out.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(exact) = &self.exact else { return token_shapes(text) };
        match exact.replace_all(text, REDACTED) {
            Cow::Borrowed(text) => token_shapes(text),
            Cow::Owned(text) => Cow::Owned(token_shapes(&text).into_owned()),
        }
    }

    /// The JSON without secrets in its strings. What stands under `contents` is kept: for GitHub these are a file's bytes,
    /// and a file with a changed byte is another file.
    pub fn redact_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.redact(text)),
            Value::Array(items) => items.iter().map(|item| self.redact_json(item)).collect(),
            Value::Object(fields) => {
                let redacted = |(key, value): (&String, &Value)| {
                    let value = if key == "contents" { value.clone() } else { self.redact_json(value) };
                    (key.clone(), value)
                };
                fields.iter().map(redacted).collect()
            }
            other => other.clone(),
        }
    }

    /// Every value that the log's reader must not see either, each once and none shorter than [`SHORTEST_SECRET`].
    ///
    /// Meant for the runner's own mask, which knows values only. Multi-line secrets are given line by line.
    pub fn values_to_mask(&self) -> Vec<SecretString> {
        let mut values: Vec<String> = Vec::new();
        for form in self.secrets.iter().flat_map(|secret| forms(secret.expose_secret())) {
            if is_worth_hiding(&form) && !values.contains(&form) {
                values.push(form);
            }
        }
        values.into_iter().map(SecretString::from).collect()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// The text without tokens of well-known shape: GitHub's, AWS key ids, Slack's, private keys, JSON web tokens, passwords
/// inside of addresses, and what follows `Bearer`, `Basic` or `Token token=`.
///
/// Shapes of GitHub's tokens after <https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>;
/// `ghs_` may also be followed by a JSON web token.
pub fn token_shapes(text: &str) -> Cow<'_, str> {
    TOKEN_SHAPES.replace_all(text, |found: &Captures<'_>| {
        let whole = found.get(0).map_or("", |m| m.as_str());
        let group = |name: &str| found.name(name).map_or("", |m| m.as_str());
        match (group("scheme"), group("credential")) {
            ("", _) => match group("login") {
                "" => REDACTED.to_owned(),
                login => format!("{login}{REDACTED}@"),
            },
            (scheme, credential) if looks_secret(scheme, credential) => format!("{scheme}{REDACTED}"),
            _ => whole.to_owned(),
        }
    })
}

/// "Bearer tokens" and "basic arithmetic" are words; what follows `Token token=` is always a key.
fn looks_secret(scheme: &str, credential: &str) -> bool {
    let has_digit = credential.bytes().any(|b| b.is_ascii_digit());
    scheme.contains('=') || credential.len() >= 16 || (credential.len() >= SHORTEST_SECRET && has_digit)
}

static TOKEN_SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
          ghs_[A-Za-z0-9._-]{36,}
        | gh[opur]_[A-Za-z0-9]{36,}
        | github_pat_[A-Za-z0-9_]{22,}
        | (?:AKIA|ASIA)[0-9A-Z]{16}
        | xox[abeoprs]-[A-Za-z0-9-]{10,}
        | -----BEGIN\ [A-Z0-9\ ]*PRIVATE\ KEY(?:\ BLOCK)?-----
            (?s:.*?-----END\ [A-Z0-9\ ]*PRIVATE\ KEY(?:\ BLOCK)?-----|.*)
        | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
        | (?P<login>[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*:)[^/\s@]+@
        | (?P<scheme>(?i:(?-u:\b)(?:bearer|basic)\s+|(?-u:\b)token\s+token\s*=\s*"?))(?P<credential>[A-Za-z0-9._~+/=-]+)
        "#,
    )
    .expect("the pattern is a constant that every test of this module compiles")
});

fn is_worth_hiding(value: &str) -> bool {
    value.trim().len() >= SHORTEST_SECRET
}

/// One pattern for all forms of all secrets, longest first so that a form is never half replaced by a shorter one.
fn exact_pattern(secrets: &[SecretString]) -> Option<Regex> {
    let mut forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret.expose_secret())).collect();
    forms.retain(|form| is_worth_hiding(form));
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    if forms.is_empty() {
        return None;
    }
    let alternatives: Vec<String> = forms.iter().map(|form| tolerant_pattern(form)).collect();
    // Secrets are short (an environment variable bounds them), so the size limit is met only by absurd ones; those
    // are then redacted by shape alone and masked by the runner.
    regex::RegexBuilder::new(&alternatives.join("|")).size_limit(64 << 20).build().ok()
}

/// A pattern that finds the value also where Markdown escaping has put backslashes, entities or zero width spaces in.
///
/// Of a long value the beginning is looked for, and whatever goes on like a token is taken with it: a pattern for all of a
/// JSON web token of two thousand characters would take longer to build than the rest of a run's start.
fn tolerant_pattern(value: &str) -> String {
    let between = format!(r"[\\{ZERO_WIDTH_SPACE}]*");
    let is_long = value.chars().nth(LONGEST_PATTERN).is_some();
    let rest = if is_long { format!(r"[A-Za-z0-9+/=_.~%&;\\{ZERO_WIDTH_SPACE}-]*") } else { String::new() };
    let parts: Vec<String> = value
        .chars()
        .take(LONGEST_PATTERN)
        .map(|c| match c {
            '&' => "&(?:amp;)?".to_owned(),
            '<' => "(?:<|&lt;)".to_owned(),
            '>' => "(?:>|&gt;)".to_owned(),
            other => regex::escape(&other.to_string()),
        })
        .collect();
    parts.join(&between) + &rest
}

/// The forms in which a secret may travel. The first is the value itself; a value of several lines is also each line.
fn forms(secret: &str) -> Vec<String> {
    let secret = secret.trim();
    let mut forms = vec![secret.to_owned()];
    forms.extend(secret.lines().map(|line| line.trim().to_owned()).filter(|line| line != secret));
    forms.extend(base64_forms(secret));
    forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    let quoted = Value::from(secret).to_string();
    forms.push(quoted.trim_matches('"').to_owned());
    // What git sends to GitHub as a header, and what the PagerDuty header holds.
    forms.push(STANDARD_NO_PAD.encode(format!("x-access-token:{secret}")));
    forms.push(format!("Token token={secret}"));
    forms
}

/// Base64 of the secret as it looks inside of any longer encoded text: at each of the three alignments, without the
/// characters at both ends that also depend on the neighbours, in the usual and in the URL-safe alphabet.
fn base64_forms(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for padding in 0..3 {
        let bytes: Vec<u8> = std::iter::repeat_n(0, padding).chain(secret.bytes()).collect();
        let whole_bits = bytes.len() * 8 / 6;
        let first = (padding * 8).div_ceil(6);
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.extend(encoded.get(first..whole_bits).map(str::to_owned));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::new([SecretString::from(secret)])
    }

    /// Assembled at run time, so that no scanner takes this file for a leak.
    fn token(prefix: &str, length: usize) -> String {
        format!("{prefix}{}", "a1B2".repeat(length.div_ceil(4)))
    }

    #[test]
    fn tokens_of_known_shape_are_taken_out() {
        let long = token("", 40);
        for secret in [
            token("ghs_", 36),
            format!("{}.{}-{}", token("ghs_", 36), "x_y", "z"),
            token("ghp_", 36),
            token("gho_", 36),
            token("github_pat_", 60),
            format!("AKIA{}", "ABCD1234".repeat(2)),
            format!("xoxb-{long}"),
            format!("eyJ{long}.{long}.{long}"),
            format!("-----BEGIN RSA PRIVATE KEY-----\n{long}\n-----END RSA PRIVATE KEY-----"),
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{long}\n{long}"),
        ] {
            assert_eq!(token_shapes(&format!("before {secret}")), format!("before {REDACTED}"), "{secret}");
        }
    }

    #[test]
    fn credentials_keep_the_word_before_them() {
        assert_eq!(token_shapes("Authorization: Bearer abcd1234efgh!"), "Authorization: Bearer REDACTED!");
        assert_eq!(token_shapes("Authorization: Token token=y_ab"), "Authorization: Token token=REDACTED");
        assert_eq!(token_shapes("postgres://app:hunter2@db/x"), "postgres://app:REDACTED@db/x");
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "bearer tokens are refused",
            "basic checks",
            "at worker.c:26@main",
            "http://host:8080/a@b",
            "ghs_short",
            "eyJ.a.b",
        ] {
            assert_eq!(token_shapes(text), text);
        }
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "u+ab_cd-EF&gh<12>";
        let redactor = redactor(secret);
        let header = STANDARD.encode(format!("x-access-token:{secret}"));
        for text in [
            secret.to_owned(),
            header,
            STANDARD.encode(format!("user:{secret}@")),
            "u%2Bab_cd-EF%26gh%3C12%3E".to_owned(),
            crate::report::escape::inline(secret, 100).to_string(),
        ] {
            let shown = redactor.redact(&text).into_owned();
            assert!(shown.contains(REDACTED), "{text} gave {shown}");
            assert!(!shown.contains("ab_cd") && !shown.contains("YWJfY2"), "{text} gave {shown}");
        }
    }

    #[test]
    fn a_long_secret_goes_as_a_whole() {
        let secret = format!("eyJ{}_tail-end", "0aB9".repeat(500));
        assert_eq!(redactor(&secret).redact(&format!("a {secret} b")), "a REDACTED b");
        let escaped = crate::report::escape::code_span(&secret[..250]).to_string();
        assert_eq!(redactor(&secret).redact(&escaped), "`REDACTED`");
    }

    #[test]
    fn what_is_sent_keeps_its_shape_and_its_files() {
        let sent = serde_json::json!({
            "body": "key u+abcdefgh", "labels": ["u+abcdefgh", "ok"], "number": 7,
            "additions": [{ "path": "a.c", "contents": "u+abcdefgh" }],
        });
        let expected = serde_json::json!({
            "body": "key REDACTED", "labels": ["REDACTED", "ok"], "number": 7,
            "additions": [{ "path": "a.c", "contents": "u+abcdefgh" }],
        });
        assert_eq!(redactor("u+abcdefgh").redact_json(&sent), expected);
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(redactor("true").redact("true words"), "true words");
        assert!(redactor("true").values_to_mask().is_empty());
        assert!(redactor("        ").values_to_mask().is_empty());
    }

    #[test]
    fn each_line_of_a_key_is_masked() {
        let redactor = redactor("first-line-of-key\nsecond-line-of-key\nend\n");
        let masked: Vec<String> =
            redactor.values_to_mask().iter().map(|value| value.expose_secret().to_owned()).collect();
        assert!(masked.contains(&"first-line-of-key".to_owned()), "{masked:?}");
        assert!(masked.contains(&"second-line-of-key".to_owned()), "{masked:?}");
        assert!(!masked.contains(&"end".to_owned()), "{masked:?}");
    }

    #[test]
    fn a_redactor_does_not_print_what_it_knows() {
        assert_eq!(format!("{:?}", redactor("u+abcdefgh")), "Redactor { secrets: 1, .. }");
    }

    proptest! {
        // Each case compiles a pattern of its own, which takes most of the time.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_neighbour_hides_a_secret(
            secret in "[A-Za-z0-9_+/=&<.-]{12,40}", before in any::<String>(), after in any::<String>()
        ) {
            let redactor = redactor(&secret);
            let plain = redactor.redact(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!plain.contains(&secret));
            let encoded = STANDARD.encode(format!("{before}{secret}{after}"));
            prop_assert!(redactor.redact(&encoded).contains(REDACTED));
            let escaped = crate::report::escape::inline(&format!("a {secret} b"), 500).to_string();
            prop_assert!(redactor.redact(&escaped).contains(REDACTED));
        }
    }
}
