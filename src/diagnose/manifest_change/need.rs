//! How much memory the incident says was really used.

use std::sync::LazyLock;

use regex::Regex;

use super::quantity;

/// A word for use, at most a few characters, and a number with a unit, or so many digits that they can only be bytes. A limit, a
/// request or a percentage is no use.
const USED: &str = r"(?ix)
    \b (?: [a-z_]* (?: usage | used | using | working [\s_]* set | rss | peak | consumed | consumption ) [a-z_]* ) \b
    [^0-9\n%]{0,16}?
    ( [0-9]+ (?: \.[0-9]+ )? ) \s? ( (?: [KMGT] i? B? | bytes? | B )? ) \b";

static USE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(USED).expect("the pattern is a constant that the tests of this module compile"));

/// Fewer digits without a unit may be anything: a percentage, a count, a port.
const DIGITS_OF_BYTES: usize = 7;

/// The most that was measured, in bytes.
pub(super) fn measured(texts: &[String]) -> Option<f64> {
    let found = texts.iter().flat_map(|text| USE.captures_iter(text)).filter_map(|found| {
        let (number, unit) = (found.get(1)?.as_str(), found.get(2)?.as_str());
        let is_plain = unit.is_empty() || unit.to_ascii_lowercase().starts_with('b');
        if is_plain {
            return number.parse().ok().filter(|_| !unit.is_empty() || number.len() >= DIGITS_OF_BYTES);
        }
        quantity::parse(&format!("{number}{}", unit.trim_end_matches(['B', 'b'])))
    });
    found.fold(None, |most: Option<f64>, bytes| Some(most.map_or(bytes, |most| most.max(bytes))))
}

#[cfg(test)]
mod tests {
    use super::measured;

    #[test]
    fn what_was_used_is_read_and_what_was_allowed_is_not() {
        let bytes = |text: &str| measured(&[text.to_owned()]);
        let mib = 1024.0 * 1024.0;
        for (text, expected) in [
            ("memory_usage: 118Mi", Some(118.0 * mib)),
            ("container_memory_working_set_bytes: 123731968", Some(118.0 * mib)),
            ("Container is using 1.5 GiB of memory", Some(1536.0 * mib)),
            ("peak rss 70MB", Some(70e6)),
            ("usage: 95%", None),
            ("memory_limit: 64Mi", None),
            ("used 3 times", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        assert_eq!(measured(&["rss: 1Mi".to_owned(), "usage: 3Mi, peak: 2Mi".to_owned()]), Some(3.0 * mib));
    }
}
