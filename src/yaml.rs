//! The scalars of a YAML text with their places, so that one of them can be changed without touching another byte.
//!
//! Values are read with tree-sitter, which keeps positions; a document that it cannot read in part is read in the rest.

use std::ops::Range;

use tree_sitter::{Node, Parser};

/// Deeper nesting than this is not read: manifests have a dozen levels.
const DEPTH: usize = 64;

/// One scalar value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Which document of the stream, from 0.
    pub document: usize,
    /// The keys that lead to it. An item of a sequence is named by its `name`, else by its place from 0.
    pub path: Vec<String>,
    /// The value without quotes.
    pub value: String,
    /// Where the value stands in the text, quotes included.
    pub span: Range<usize>,
}

impl Scalar {
    /// The keys with dots between them: `spec.containers[worker].image`.
    pub fn dotted(&self) -> String {
        let mut text = String::new();
        for segment in &self.path {
            let separator = if text.is_empty() || segment.starts_with('[') { "" } else { "." };
            text.push_str(separator);
            text.push_str(segment);
        }
        text
    }

    /// Whether the path ends with these keys.
    pub fn ends_with(&self, keys: &[&str]) -> bool {
        self.path.len() >= keys.len() && self.path.iter().rev().zip(keys.iter().rev()).all(|(a, b)| a == b)
    }
}

/// Every scalar of a text, in its order. `None` where the text is not YAML at all.
pub fn scalars(text: &str) -> Option<Vec<Scalar>> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_yaml::LANGUAGE.into()).ok()?;
    let tree = parser.parse(text, None)?;
    let mut reader = Reader { text, found: Vec::new(), document: 0, path: Vec::new() };
    let mut documents = 0;
    for node in children(tree.root_node()).filter(|node| node.kind() == "document") {
        reader.document = documents;
        reader.read(node, 0);
        documents += 1;
    }
    (documents > 0 || text.trim().is_empty()).then_some(reader.found)
}

/// Whether a text is a template whose values are not known before it is rendered.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") && text.contains("}}")
}

struct Reader<'a> {
    text: &'a str,
    found: Vec<Scalar>,
    document: usize,
    path: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, node: Node<'_>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match node.kind() {
            "block_mapping_pair" | "flow_pair" => self.pair(node, depth),
            "block_sequence" | "flow_sequence" => self.sequence(node, depth),
            "plain_scalar" | "double_quote_scalar" | "single_quote_scalar" => self.scalar(node),
            // A block scalar is a text of many lines; nothing that is compared is written like that.
            "block_scalar" | "comment" | "anchor" | "tag" | "alias" => {}
            _ => children(node).for_each(|child| self.read(child, depth + 1)),
        }
    }

    fn pair(&mut self, node: Node<'_>, depth: usize) {
        let Some(key) = node.child_by_field_name("key").and_then(|key| self.text.get(key.byte_range())) else { return };
        let Some(value) = node.child_by_field_name("value") else { return };
        self.path.push(unquoted(key.trim()).to_owned());
        self.read(value, depth + 1);
        self.path.pop();
    }

    fn sequence(&mut self, node: Node<'_>, depth: usize) {
        let is_item = |node: &Node<'_>| matches!(node.kind(), "block_sequence_item" | "flow_node" | "flow_pair");
        for (place, item) in children(node).filter(is_item).enumerate() {
            let name = self.name(item, 0).unwrap_or_else(|| place.to_string());
            self.path.push(format!("[{name}]"));
            self.read(item, depth + 1);
            self.path.pop();
        }
    }

    /// The value of the key `name` of a mapping, which tells the items of most sequences apart.
    fn name(&self, node: Node<'_>, depth: usize) -> Option<String> {
        if matches!(node.kind(), "block_mapping_pair" | "flow_pair") {
            let key = node.child_by_field_name("key").and_then(|key| self.text.get(key.byte_range()))?;
            let value = node.child_by_field_name("value").and_then(|value| self.text.get(value.byte_range()))?;
            return (key == "name").then(|| unquoted(value.trim()).to_owned());
        }
        let is_nested = matches!(node.kind(), "block_sequence" | "flow_sequence");
        if depth > 5 || is_nested { None } else { children(node).find_map(|child| self.name(child, depth + 1)) }
    }

    fn scalar(&mut self, node: Node<'_>) {
        if let Some(text) = self.text.get(node.byte_range()) {
            let (document, path) = (self.document, self.path.clone());
            self.found.push(Scalar { document, path, value: unquoted(text).to_owned(), span: node.byte_range() });
        }
    }
}

fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    (0..node.named_child_count()).filter_map(move |index| node.named_child(u32::try_from(index).ok()?))
}

/// A quoted scalar's inside. Escapes are left as they are: the values that are compared have none.
fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MANIFEST: &str = "# a comment\nkind: Deployment\nmetadata: {name: worker, labels: {app: \"w\"}}\nspec:\n  containers:\n    - name: first\n      command: [\"a\", 'b']\n      args:\n      - --fast\n      resources:\n        limits:\n          memory: \"64Mi\" # why\n---\nreplicas: 3\ntext: |\n  not: read\n";

    #[test]
    fn scalars_have_paths_and_places() {
        let found = scalars(MANIFEST).expect("YAML");
        let shown: Vec<String> = found
            .iter()
            .map(|it| {
                assert!(MANIFEST[it.span.clone()].contains(&it.value));
                format!("{} {} = {}", it.document, it.dotted(), it.value)
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        0 kind = Deployment
        0 metadata.name = worker
        0 metadata.labels.app = w
        0 spec.containers[first].name = first
        0 spec.containers[first].command[0] = a
        0 spec.containers[first].command[1] = b
        0 spec.containers[first].args[0] = --fast
        0 spec.containers[first].resources.limits.memory = 64Mi
        1 replicas = 3
        ");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a-z]{1,3}|[ \n:\\-\\[\\]{}\"'#|>&*!?,]){0,60}") {
            for scalar in scalars(&text).unwrap_or_default() {
                prop_assert!(text.get(scalar.span).is_some());
            }
        }
    }
}
