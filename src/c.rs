//! The C leak engine: reads a tree of C without building it, finds memory that is acquired and lost, and repairs it.
//!
//! It knows nothing of incidents. In goes a list of [`SourceFile`]s, out comes an [`Analysis`]: findings, each with a
//! trace and, where a fix is proven safe, the [`Fix`](report::Fix); and the gaps. Nothing here reads a file or a clock.
//!
//! The rooms, in the order in which a tree goes through them:
//!
//! | room | what happens there |
//! |---|---|
//! | [`macros`] | macros of the whole tree are found, noise is blanked out |
//! | [`syntax`] | tree-sitter's tree, flattened |
//! | [`lower`] | syntax becomes the [intermediate form](ir): explicit control flow, macros opened |
//! | [`types`] | which structure an expression leads to |
//! | [`program`] | files are put together: who calls whom, what is constant |
//! | [`knowledge`] | what functions do whose bodies are not in the tree |
//! | [`domain`], [`walk`] | the paths of every function are walked, callees first |
//! | [`summary`] | what a call of a function does, for its callers |
//! | [`evidence`] | what the tree as a whole teaches |
//! | [`members`], [`destructors`] | which members own memory, and who forgets to release it |
//! | [`report`] | losses become findings |
//! | [`questions`], `demand` | for some files alone: only what their report asks for is walked |

mod demand;
pub mod destructors;
pub mod domain;
pub mod evidence;
pub mod ir;
pub mod keeping;
pub mod knowledge;
pub mod lower;
pub mod macros;
pub mod members;
pub mod names;
pub mod program;
pub mod questions;
pub mod report;
pub mod source;
pub mod summary;
pub mod syntax;
pub mod types;
pub mod walk;

use crate::model::evidence::Gap;
use evidence::Evidence;
use ir::FileId;
use knowledge::{Knowledge, Row};
use lower::LoweredFile;
use macros::MacroTable;
use members::{Known, Members, Scope};
use program::{FunctionId, Order, Program};
use questions::Questions;
use rayon::prelude::*;
use report::Leak;
pub use source::SourceFile;
use std::sync::OnceLock;
use summary::Summary;
use walk::{Summaries, Walked};

/// What to look for and where.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Report these files alone; all if empty. The others are read for what they teach.
    pub only: Vec<String>,
    /// What the project's configuration knows of functions.
    pub knowledge: Vec<Row>,
}

/// What was found, and what was not looked at.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// The leaks, by file and line.
    pub findings: Vec<Leak>,
    /// What could not be read or was too complex.
    pub gaps: Vec<Gap>,
}

/// A tree that was read and walked.
pub struct Tree {
    /// The files, by path.
    pub files: Vec<SourceFile>,
    /// The macros of all files.
    pub macros: MacroTable,
    /// Everything known before paths were walked.
    pub program: Program,
    /// Callees before callers.
    pub order: Order,
    /// What a call of each function does; unset where it was not walked.
    pub summaries: Vec<OnceLock<Option<Summary>>>,
    /// What the walk of each function found.
    pub walks: Vec<Walked>,
    /// What the tree teaches.
    pub evidence: Evidence,
    /// What is done with the members of structures.
    pub members: Members,
}

/// Finds the leaks of a tree and proposes fixes.
pub fn analyze(files: Vec<SourceFile>, options: &Options) -> Analysis {
    if options.only.is_empty() {
        return report::report(&Tree::read(files, &options.knowledge), &[]);
    }
    demand::analyze(Tree::unwalked(files, &options.knowledge), &options.only)
}

impl Tree {
    /// Reads a tree and walks all of it. The order of `files` does not matter.
    pub fn read(files: Vec<SourceFile>, knowledge: &[Row]) -> Tree {
        let mut tree = Tree::unwalked(files, knowledge);
        tree.walk(&vec![true; tree.walks.len()]);
        tree.learn(Questions::Answered, Scope::Tree);
        tree
    }

    /// Reads a tree and walks nothing yet.
    fn unwalked(mut files: Vec<SourceFile>, knowledge: &[Row]) -> Tree {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let definitions = files.par_iter().map(|file| macros::definitions(&file.text)).collect();
        let knowledge = Knowledge::with(knowledge);
        let mut macros = MacroTable::new(definitions, &paths);
        macros.leave_to(&knowledge);
        let lowered: Vec<LoweredFile> = files
            .par_iter()
            .enumerate()
            .map(|(number, file)| lower::lower_file(FileId(number as u32), &file.path, &file.text, &macros))
            .collect();
        let program = Program::new(lowered, knowledge);
        let calls: Vec<Vec<FunctionId>> = program.functions.par_iter().map(|one| program.callees(one)).collect();
        let summaries = (0..calls.len()).map(|_| OnceLock::new()).collect();
        let walks = (0..calls.len()).map(|_| Walked::default()).collect();
        let (order, evidence, members) = (program::order(&calls), Evidence::default(), Members::default());
        Tree { files, macros, program, order, summaries, walks, evidence, members }
    }

    /// Walks the functions that are wanted and were not walked yet, callees before callers, the functions of a level in
    /// parallel. What they call must be wanted too.
    fn walk(&mut self, wanted: &[bool]) {
        let is_due = |id: &FunctionId| wanted[id.0 as usize] && self.summaries[id.0 as usize].get().is_none();
        for level in &self.order.levels {
            let due: Vec<&Vec<FunctionId>> = level.iter().filter(|group| group.iter().any(is_due)).collect();
            // Some functions take a thousand times as long as others.
            let done: Vec<_> = due.into_par_iter().with_max_len(1).map(|group| self.walk_group(group)).collect();
            // Not before the whole level is done, so that nothing depends on which thread was first.
            for (id, mut walked) in done.into_iter().flatten() {
                let _ = self.summaries[id.0 as usize].set(walked.summary.take());
                self.walks[id.0 as usize] = walked;
            }
        }
    }

    /// Walks mutually recursive functions: the first sees the others as unknown.
    fn walk_group(&self, group: &[FunctionId]) -> Vec<(FunctionId, Walked)> {
        let one = |id: &FunctionId| {
            let known = Summaries { from: Some((*id, &self.order)), ..self.known().summaries() };
            let walked = walk::walk(&self.program, known, &self.program.functions[id.0 as usize]);
            if group.len() > 1 {
                // Nobody else sets the summary of this group's functions.
                let _ = self.summaries[id.0 as usize].set(walked.summary.clone());
            }
            (*id, walked)
        };
        group.iter().map(one).collect()
    }

    /// Learns from what was walked so far.
    fn learn(&mut self, questions: Questions, scope: Scope) {
        self.evidence = Evidence::collect(self.walks.iter(), questions);
        self.members = Members::collect(self.known(), scope);
    }

    /// What is known of the functions once they were walked.
    pub fn known(&self) -> Known<'_> {
        Known { program: &self.program, summaries: &self.summaries, evidence: &self.evidence }
    }

    /// The file of a function.
    pub fn file_of(&self, function: FunctionId) -> Option<&SourceFile> {
        let function = self.program.functions.get(function.0 as usize)?;
        self.files.get(function.file.0 as usize)
    }
}
