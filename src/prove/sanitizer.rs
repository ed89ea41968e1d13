//! Reports of sanitizers and of valgrind in what a run printed.

use std::sync::LazyLock;

use regex::Regex;

/// At most so many different headlines are kept.
const MOST: usize = 5;

/// The headline of a report: the tool and the kind of fault, without process numbers and addresses.
static HEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"ERROR: ((?:Address|Leak|Thread|Memory|HWAddress)Sanitizer: [a-z][a-z -]{2,60}?)(?: on | \(|:|$)")
        .expect("a valid pattern")
});
/// Valgrind's summary of memory that nothing points to any more; zero bytes are no loss.
static LOST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"definitely lost: [1-9][0-9,]* bytes").expect("a valid pattern"));

/// The different headlines of an output, in their order.
pub(super) fn headlines(output: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in output.lines() {
        let headline = HEADLINE.captures(line).and_then(|groups| Some(groups.get(1)?.as_str().trim().to_owned()));
        let lost = LOST.is_match(line).then(|| "valgrind: memory definitely lost".to_owned());
        for one in headline.into_iter().chain(lost) {
            if found.len() < MOST && !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_known_by_their_headlines() {
        let output = "\
==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x5\n\
==4711==ERROR: LeakSanitizer: detected memory leaks\n\
==4711==ERROR: LeakSanitizer: detected memory leaks\n\
==9==    definitely lost: 10,485,760 bytes in 1 blocks\n\
==9==    definitely lost: 0 bytes in 0 blocks\n";
        assert_eq!(
            headlines(output),
            [
                "AddressSanitizer: heap-use-after-free",
                "LeakSanitizer: detected memory leaks",
                "valgrind: memory definitely lost"
            ]
        );
        assert!(headlines("no error: AddressSanitizer is off").is_empty());
    }
}
