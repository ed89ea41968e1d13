//! A manifest's settings, each with the object it belongs to.

use crate::yaml::{self, Scalar};

/// A manifest as its scalars, by object.
pub(super) struct Settings {
    scalars: Vec<Scalar>,
    owners: Vec<Owner>,
}

/// What a document of a manifest is about. Documents without kind or name are told apart by their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    kind: Option<String>,
    name: Option<String>,
    place: Option<usize>,
}

impl Settings {
    /// Reads a manifest; `None` where it is no YAML.
    pub(super) fn read(text: &str) -> Option<Settings> {
        let scalars = yaml::scalars(text)?;
        let documents = scalars.last().map_or(0, |last| last.document + 1);
        let owners = (0..documents).map(|document| owner(&scalars, document)).collect();
        Some(Settings { scalars, owners })
    }

    /// Every setting with its owner.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Owner, &Scalar)> {
        self.scalars.iter().filter_map(|scalar| Some((self.owners.get(scalar.document)?, scalar)))
    }

    /// The setting of an object by its path.
    pub(super) fn get(&self, owner: &Owner, path: &[String]) -> Option<&Scalar> {
        self.all().find(|(other, scalar)| *other == owner && scalar.path == path).map(|(_, scalar)| scalar)
    }
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
