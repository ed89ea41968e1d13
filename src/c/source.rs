//! The files of a tree as text, whatever their bytes are.

use std::sync::Arc;

/// Stands for a byte that belongs to no UTF-8 character: SUBSTITUTE, which ASCII has for this. It is one byte long as well, so
/// every place in the text is the same place in the file.
pub const UNREADABLE: char = '\u{1a}';

/// What is told of a file with such bytes.
pub const NOT_WHOLE: &str = "it is not all UTF-8: no patch shows a line that is not";

/// One file of the tree.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path, as findings and diffs shall name it.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
}

/// The text of a file, and whether that is all of it. Older sources have names of people and signs in Latin-1, nearly always in
/// comments: each byte that is not UTF-8 becomes [`UNREADABLE`].
pub fn decode(bytes: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(bytes.len());
    let mut is_whole = true;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| UNREADABLE));
        is_whole &= chunk.invalid().is_empty();
    }
    (text, is_whole)
}

/// The bytes of a changed text of a file with these bytes; none if the change took away what could not be read.
pub fn encode(before: &[u8], after: &str) -> Option<Vec<u8>> {
    let mut unread = before.utf8_chunks().flat_map(|chunk| {
        let set_aside = chunk.valid().bytes().filter(|byte| *byte == UNREADABLE as u8);
        set_aside.chain(chunk.invalid().iter().copied())
    });
    let mut bytes = after.as_bytes().to_vec();
    for byte in bytes.iter_mut().filter(|byte| **byte == UNREADABLE as u8) {
        *byte = unread.next()?;
    }
    unread.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_that_are_no_text_keep_their_places() {
        let bytes = b"/* Andr\xe9 \x1a \xc3\xa9 */ int a;\n";
        let (text, is_whole) = decode(bytes);
        assert_eq!((text.as_str(), is_whole), ("/* Andr\u{1a} \u{1a} \u{e9} */ int a;\n", false));
        let after = text.replace("int a;", "int a, b;");
        assert_eq!(encode(bytes, &after).as_deref(), Some(b"/* Andr\xe9 \x1a \xc3\xa9 */ int a, b;\n".as_slice()));
        assert_eq!(encode(bytes, "int a;\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let (text, is_whole) = decode(&bytes);
            prop_assert_eq!(text.len(), bytes.len());
            prop_assert_eq!(is_whole, std::str::from_utf8(&bytes).is_ok());
            prop_assert_eq!(encode(&bytes, &text), Some(bytes));
        }
    }
}
