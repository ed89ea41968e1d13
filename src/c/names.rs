//! Names as numbers that do not depend on the order in which files are read.
//!
//! A [`Name`] is a 64-bit hash of the identifier, so two files lowered on two threads agree on it without talking to
//! each other, and nothing downstream depends on which of them was first. The text is kept beside it in a
//! [`NameTable`] for the sentences that a person reads.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// An identifier of the analysed code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Name(pub u64);

impl Name {
    /// The name of `text`. FNV-1a with a final mix: fast on short identifiers and good enough that two of a million
    /// distinct names meet with a probability of about 3 in 100 million.
    pub const fn of(text: &str) -> Name {
        let bytes = text.as_bytes();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            at += 1;
        }
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Name(hash ^ (hash >> 29))
    }

    /// The name of what leads from a member of this name to the structure around it, as if it were a member of the member.
    pub const fn outward(self) -> Name {
        self.within(Name::of("the structure around"))
    }

    /// A name derived from two others, for things that C scopes (a function's static variable, a file's static).
    pub const fn within(self, outer: Name) -> Name {
        Name((self.0.rotate_left(17) ^ outer.0).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// Hasher for keys that are already well mixed, such as [`Name`]: multiplies, does not hash again.
#[derive(Debug, Default, Clone, Copy)]
pub struct MixHasher(u64);

impl Hasher for MixHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// A map keyed by names or small numbers. Never iterate one where the order would be seen.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<MixHasher>>;
/// A set of names or small numbers. Never iterate one where the order would be seen.
pub type Set<K> = std::collections::HashSet<K, BuildHasherDefault<MixHasher>>;

/// The texts of names, for reports.
#[derive(Debug, Default)]
pub struct NameTable {
    texts: Map<Name, Box<str>>,
}

impl NameTable {
    /// The name of `text`, remembered.
    pub fn intern(&mut self, text: &str) -> Name {
        let name = Name::of(text);
        self.texts.entry(name).or_insert_with(|| text.into());
        name
    }

    /// The text of a name, or `?` for one that was derived or never seen.
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(&name).map_or("?", |text| text)
    }

    /// All names with a text, in no order.
    pub fn all(&self) -> impl Iterator<Item = (Name, &str)> {
        self.texts.iter().map(|(name, text)| (*name, &**text))
    }

    /// Takes over the texts of another table.
    pub fn absorb(&mut self, other: NameTable) {
        self.texts.extend(other.texts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_wherever_it_is_made_and_keeps_its_text() {
        let (mut one, mut two) = (NameTable::default(), NameTable::default());
        assert_eq!(one.intern("buffer"), two.intern("buffer"));
        assert_ne!(Name::of("buffer"), Name::of("buffes"));
        let derived = Name::of("count").within(Name::of("worker.c"));
        assert_ne!(derived, Name::of("count").within(Name::of("other.c")));
        one.absorb(two);
        assert_eq!(one.text(Name::of("buffer")), "buffer");
        assert_eq!(one.text(derived), "?");
    }
}
