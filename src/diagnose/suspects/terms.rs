//! Words of code and prose: how a text is cut into the terms that are compared.
//!
//! A term is a run of letters, digits and underscores in small letters. A run made of several words, such as `ring_buffer` or
//! `RingBuffer`, counts as itself and as each of its words.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Longer runs are encoded data, not names.
const LONGEST: usize = 64;

/// Cuts `text` into terms and calls `visit` with each: the run in small letters, and whether it is a part of a longer run.
pub(super) fn each_term(text: &str, mut visit: impl FnMut(&[u8], Part)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut small = [0_u8; LONGEST];
    while let Some(start) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| is_word(*b))).map(|n| at + n) {
        let length =
            bytes.get(start..).and_then(|rest| rest.iter().position(|b| !is_word(*b))).unwrap_or(bytes.len() - start);
        at = start + length;
        let (Some(run), Some(small)) = (bytes.get(start..at), small.get_mut(..length)) else { continue };
        if length < 2 || run.iter().all(u8::is_ascii_digit) {
            continue;
        }
        small.copy_from_slice(run);
        small.make_ascii_lowercase();
        visit(small, Part::Whole);
        each_part(run, |part| {
            if let Some(part) = small.get(part) {
                visit(part, Part::Word);
            }
        });
    }
}

/// Whether a term is a whole run or one word of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Word,
}

/// The words of a compound run, as ranges in it. A run of one word has none. Words of fewer than three letters say nothing.
fn each_part(run: &[u8], mut visit: impl FnMut(std::ops::Range<usize>)) {
    let mut start = 0;
    for at in 1..=run.len() {
        let previous = run.get(at - 1).copied().unwrap_or(b'_');
        let cuts = match run.get(at) {
            None => true,
            Some(b'_') => true,
            Some(next) => previous == b'_' || (next.is_ascii_uppercase() && !previous.is_ascii_uppercase()),
        };
        if cuts {
            if previous != b'_' && at - start >= 3 && at - start < run.len() {
                visit(start..at);
            }
            start = at;
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// A table from terms to anything small.
pub(super) type TermTable<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<Fnv>>;

/// The hash of Fowler, Noll and Vo (FNV-1a, 64 bit): quick for short keys. The table's size is bounded by the incident's text, so
/// that crafted collisions cost little.
#[derive(Default)]
pub(super) struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut hash = if self.0 == 0 { 0xcbf2_9ce4_8422_2325 } else { self.0 };
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Part, each_term};

    fn terms(text: &str) -> String {
        let mut found = Vec::new();
        each_term(text, |term, part| {
            let mark = if part == Part::Word { "~" } else { "" };
            found.push(format!("{mark}{}", String::from_utf8_lossy(term)));
        });
        found.join(" ")
    }

    #[test]
    fn compound_names_count_as_themselves_and_as_their_words() {
        assert_eq!(terms("free(ring_buffer->next);"), "free ring_buffer ~ring ~buffer next");
        assert_eq!(terms("RingBuffer HTTPServer __init__"), "ringbuffer ~ring ~buffer httpserver __init__ ~init");
        assert_eq!(terms("a 12 x1 0xff"), "x1 0xff");
    }

    proptest! {
        #[test]
        fn any_text_can_be_cut(text in "\\PC*") {
            each_term(&text, |term, _| assert!(term.len() >= 2));
        }
    }
}
