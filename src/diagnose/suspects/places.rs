//! The places that an incident names and that lie in the repository, for looking further back than the window.

use super::query::Tree;
use crate::diagnose::symptom::Symptom;
use crate::model::ids::RepositoryPath;

/// A line on the stack, or one that a compiler or a test complains about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackPlace {
    /// The file, as the repository has it.
    pub file: RepositoryPath,
    /// The line, from 1.
    pub line: u32,
}

/// The project's own lines on the stack, innermost first, and then those that are complained about, each once, at most `most` of
/// them. A printed path that could be several files of the repository is none.
pub fn named_places(symptom: &Symptom, tree: &Tree, most: usize) -> Vec<StackPlace> {
    let framed = symptom.frames().filter_map(|frame| Some((frame.file.as_deref()?, frame.line?)));
    let complained = symptom.complaints.iter().filter_map(|it| Some((it.file.as_str(), it.line?)));
    let mut places: Vec<StackPlace> = Vec::new();
    for (file, line) in framed.chain(complained).filter(|(_, line)| *line > 0) {
        let Some(path) = tree.find(file) else { continue };
        let place = StackPlace { file: RepositoryPath::new(path), line };
        if !places.contains(&place) && places.len() < most {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{Tree, named_places};
    use crate::diagnose::symptom;

    #[test]
    fn printed_paths_become_the_repositorys_or_nothing() {
        let tree =
            Tree::new(["worker/process.py", "worker/__init__.py", "web/__init__.py", "lib/ring.py", "old/ring.py"]);
        let text = "Traceback (most recent call last):\n  File \"/usr/lib/python3.12/json/process.py\", line 3, in load\n\
            \x20 File \"/app/worker/__init__.py\", line 9, in start\n  File \"ring.py\", line 2, in turn\n\
            \x20 File \"/app/worker/process.py\", line 4, in process\n";
        let places = named_places(&symptom::read(text), &tree, 5);
        let shown: Vec<String> = places.iter().map(|it| format!("{}:{}", it.file, it.line)).collect();
        assert_eq!(shown, ["worker/process.py:4", "worker/__init__.py:9"]);
    }
}
