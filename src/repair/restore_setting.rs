//! Putting former values back: the smallest edits on a manifest's original bytes.

use std::ops::Range;

use crate::model::diagnosis::{LandingSummary, PatchedFile, Repair};
use crate::model::edit::{self, Edit};
use crate::model::evidence::SourceFile;
use crate::yaml::{self, Scalar};

/// A value as it stands in the manifest now, and as it was written before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former<'a> {
    /// The value as it stands now.
    pub current: &'a Scalar,
    /// How the former value was written, quotes included, so that its type comes back with it.
    pub written: &'a str,
    /// The former value without quotes.
    pub value: &'a str,
}

/// The repair that puts all of the values back and changes no other byte.
///
/// # Errors
/// A clause that says why it cannot be done so: the manifest would read otherwise than it did.
pub fn repair(manifest: &SourceFile, former: &[Former<'_>], landing: &LandingSummary) -> Result<Repair, String> {
    let text = std::str::from_utf8(&manifest.contents).map_err(|_| "the manifest is no UTF-8 text")?;
    let span = |it: &Former<'_>| -> Range<usize> { it.current.span.clone() };
    let edits: Vec<Edit> = former.iter().map(|it| Edit::replace(span(it).start, span(it).end, it.written)).collect();
    let after = edit::apply(text, &edits).ok_or("two of the settings share a place")?;
    if !reads_as_before(text, &after, former) {
        return Err("the former value cannot be written without changing more".to_owned());
    }
    let checks = [
        "the manifest reads as before but for what is put back",
        "every byte outside of what is put back is unchanged",
    ];
    Ok(Repair {
        diff: edit::unified_diff(manifest.path.as_str(), text, &after),
        why: format!("The value before `{}` is put back", landing.subject.replace('`', "'")),
        checks: checks.map(str::to_owned).to_vec(),
        files: vec![PatchedFile {
            path: manifest.path.clone(),
            before: manifest.contents.clone(),
            after: after.into_bytes(),
        }],
    })
}

/// Whether the patched text has the same values at the same keys, but for those that were put back.
fn reads_as_before(before: &str, after: &str, former: &[Former<'_>]) -> bool {
    let (Some(old), Some(new)) = (yaml::scalars(before), yaml::scalars(after)) else { return false };
    let expected = |scalar: &Scalar| {
        let put_back = former.iter().find(|it| it.current.span == scalar.span);
        put_back.map_or_else(|| scalar.value.clone(), |it| it.value.to_owned())
    };
    old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| old.document == new.document && new.value == expected(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{CommitSha, RepositoryPath, Timestamp};
    use crate::model::landing::Person;
    use proptest::prelude::*;

    fn landing() -> LandingSummary {
        LandingSummary {
            commit: CommitSha::new("a".repeat(40)),
            subject: "Save `memory`".to_owned(),
            author: Person { name: "octo-dev".to_owned(), email: "octo-dev@example.com".to_owned() },
            committed_at: Timestamp::default(),
            pull_request: None,
        }
    }

    fn put_back(text: &str, dotted: &str, written: &str) -> Result<String, String> {
        let manifest = SourceFile { path: RepositoryPath::new("k8s/a.yaml"), contents: text.as_bytes().to_vec() };
        let scalars = yaml::scalars(text).expect("YAML");
        let current = scalars.iter().find(|it| it.dotted() == dotted).expect("a setting");
        let value = written.trim_matches(['"', '\'']);
        let repair = repair(&manifest, &[Former { current, written, value }], &landing())?;
        Ok(String::from_utf8(repair.files.into_iter().next().expect("a file").after).expect("text"))
    }

    #[test]
    fn quotes_come_back_with_the_value() {
        let text = "env:\r\n  - name: DEBUG\r\n    value: true # on\r\n---\r\nkind: Other\r\n";
        assert_eq!(
            put_back(text, "env[DEBUG].value", "\"false\"").expect("put back"),
            text.replace("true", "\"false\"")
        );
    }

    #[test]
    fn a_value_that_would_read_otherwise_is_refused() {
        assert!(put_back("args: [one, two]\n", "args[0]", "a, b").is_err());
        assert!(put_back("image: worker\n", "image", "worker: 2").is_err());
        assert!(put_back("image: worker\n", "image", "worker # 2").is_err());
    }

    proptest! {
        #[test]
        fn no_byte_outside_of_the_value_changes(
            before in "(# [a-z]{0,8}\n){0,3}",
            name in "[a-z]{1,8}",
            value in "[0-9]{1,4}(Mi|Gi|)",
            former in "\"?[0-9]{1,4}(Mi|Gi)\"?",
            after in "( # [a-zäß]{1,9})?(\r?\n)(other: \\[a, b\\]\n)?",
        ) {
            prop_assume!(former.starts_with('"') == former.ends_with('"'));
            let head = format!("{before}{name}:\n  limits:\n    memory: ");
            let text = format!("{head}{value}{after}");
            let restored = put_back(&text, &format!("{name}.limits.memory"), &former).expect("put back");
            prop_assert_eq!(restored, format!("{head}{former}{after}"));
        }
    }
}
