//! A manifest's settings, each with the object it belongs to.

use std::collections::HashMap;

use crate::yaml::{self, Scalar};

/// A manifest as its scalars, by object.
pub(super) struct Settings {
    settings: Vec<Setting>,
    owners: Vec<Owner>,
}

/// One value and what it sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The value and its place.
    pub(super) scalar: Scalar,
    /// The keys of what it sets: for the `value` of a JSON patch, those that its `path` points at; else its own.
    pub(super) keys: Vec<String>,
}

/// What a document of a manifest is about. Documents without kind or name are told apart by their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    place: Option<usize>,
}

impl Setting {
    /// What it sets, with dots between the keys.
    pub(super) fn dotted(&self) -> String {
        Scalar { path: self.keys.clone(), ..self.scalar.clone() }.dotted()
    }
}

impl Settings {
    /// Reads a manifest; `None` where it is no YAML.
    pub(super) fn read(text: &str) -> Option<Settings> {
        let scalars = yaml::scalars(text)?;
        let documents = scalars.last().map_or(0, |last| last.document + 1);
        let owners = (0..documents).map(|document| owner(&scalars, document)).collect();
        let pointers = pointers(&scalars);
        let settings = scalars.into_iter().map(|scalar| {
            let pointed =
                value_of(&scalar).and_then(|parent| pointers.get(&(scalar.document, parent.to_vec())).cloned());
            Setting { keys: pointed.unwrap_or_else(|| scalar.path.clone()), scalar }
        });
        Some(Settings { settings: settings.collect(), owners })
    }

    /// Every setting with its owner.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Owner, &Setting)> {
        self.settings.iter().filter_map(|it| Some((self.owners.get(it.scalar.document)?, it)))
    }

    /// The same setting of the same object.
    pub(super) fn get(&self, owner: &Owner, setting: &Setting) -> Option<&Setting> {
        let same = |it: &Setting| it.keys == setting.keys && it.scalar.path == setting.scalar.path;
        self.all().find(|(other, it)| *other == owner && same(it)).map(|(_, it)| it)
    }
}

/// The keys above a `value`.
fn value_of(scalar: &Scalar) -> Option<&[String]> {
    scalar.path.split_last().filter(|(last, _)| *last == "value").map(|(_, parent)| parent)
}

/// Where the operations of JSON patches (RFC 6902) point at: `/spec/replicas` in a `path` beside an `op`.
fn pointers(scalars: &[Scalar]) -> HashMap<(usize, Vec<String>), Vec<String>> {
    let beside = |scalar: &Scalar, key: &str| {
        let (last, parent) = scalar.path.split_last()?;
        (last == key).then(|| (scalar.document, parent.to_vec()))
    };
    let operations: Vec<_> = scalars.iter().filter_map(|scalar| beside(scalar, "op")).collect();
    let pointers = scalars.iter().filter(|scalar| scalar.value.starts_with('/')).filter_map(|scalar| {
        let place = beside(scalar, "path").filter(|place| operations.contains(place))?;
        let keys = scalar.value.split('/').skip(1).map(|key| {
            let key = key.replace("~1", "/").replace("~0", "~");
            if key.bytes().all(|b| b.is_ascii_digit()) { format!("[{key}]") } else { key }
        });
        Some((place, keys.collect()))
    });
    pointers.collect()
}

fn owner(scalars: &[Scalar], document: usize) -> Owner {
    let value = |keys: &[&str]| {
        let is = |it: &&Scalar| it.document == document && it.path == keys;
        scalars.iter().find(is).map(|it| it.value.clone())
    };
    let (kind, name) = (value(&["kind"]), value(&["metadata", "name"]));
    let place = (kind.is_none() || name.is_none()).then_some(document);
    Owner { kind, name, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_patch_sets_what_its_path_points_at() {
        let text = "- op: replace\n  path: /spec/template/spec/containers/0/resources/limits/memory\n  value: 64Mi\n- name: x\n  value: y\n";
        let settings = Settings::read(text).expect("YAML");
        let shown: Vec<String> =
            settings.all().map(|(_, it)| format!("{} = {}", it.dotted(), it.scalar.value)).collect();
        assert_eq!(shown[2], "spec.template.spec.containers[0].resources.limits.memory = 64Mi");
        assert_eq!(shown[4], "[x].value = y");
    }
}
