//! Lowering: from syntax to the intermediate form, one file at a time, on any thread.
//!
//! The rooms: `builder` holds the function under construction, `statements` and `expressions` walk the syntax,
//! `declarations` reads names and shapes, `expand` opens macros where they are used, `targets` notes candidates of
//! function pointers, and `facts` collects what the rest of the tree wants to know of a file (constants, writes to globals).
//!
//! Lowering never fails. What cannot be read becomes a [`Blind`](super::ir::InstrKind::Blind) instruction, which makes
//! everything it mentions unknown: the engine then stays silent about those objects and goes on with the others.

mod assertions;
mod builder;
mod containers;
mod declarations;
mod expand;
mod expressions;
mod facts;
mod loop_macros;
mod members;
mod statements;
mod structures;
mod swallowed;
mod targets;

use super::ir::{FileId, Function, Linkage};
use super::macros::{self, MacroTable};
use super::names::{Map, Name, NameTable, Set};
use super::program::Program;
use super::program::homes::Home;
use super::syntax::{Kind, Role, Tree};
use builder::Builder;
use expand::Frames;
pub use facts::FileFacts;
use std::sync::Arc;
pub use targets::Listed;

/// Nesting beyond this is not followed; what lies deeper is unknown. Keeps the stack bounded on hostile input.
const MAX_DEPTH: u32 = 96;

/// What became of one file.
#[derive(Debug, Default)]
pub struct LoweredFile {
    /// The bodies, in file order.
    pub functions: Vec<Function>,
    /// What other files want to know.
    pub facts: FileFacts,
    /// The texts of the names.
    pub names: NameTable,
}

/// A place in one of the trees at hand: the file's own, or a macro's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    frame: u32,
    node: u32,
}

/// Everything at hand while a file is lowered.
pub(crate) struct Lowerer<'a> {
    frames: Frames<'a>,
    file: FileId,
    file_name: Name,
    names: NameTable,
    facts: FileFacts,
    /// Names of the file's static variables.
    statics: Set<Name>,
    is_header: bool,
    /// The members that each `offsetof` of the function is about, by the name of its value.
    offsets: Vec<(Name, Vec<Name>)>,
    build: Builder,
    depth: u32,
}

/// Lowers one file. `path` distinguishes the statics of files.
pub fn lower_file(file: FileId, path: &str, text: &str, macros: &MacroTable) -> LoweredFile {
    let clean: Arc<str> = macros::without_noise(text, macros).into();
    let Some(tree) = Tree::parse(clean.clone()) else { return LoweredFile::default() };
    let second = (tree.errors() > 0 && text.contains("#if")).then(|| Tree::parse(macros::one_branch(&clean).into()));
    let second = second.flatten().filter(|second| second.errors() < tree.errors());
    let mut lowerer = Lowerer::new(file, path, macros);
    let functions = lowerer.whole_file(Arc::new(tree), second.map(Arc::new));
    lowerer.facts.statics = lowerer.statics;
    lowerer.facts.home = Home::new(path, text);
    LoweredFile { functions, facts: lowerer.facts, names: lowerer.names }
}

/// What became of a piece of a file.
#[derive(Debug)]
pub struct LoweredPiece {
    /// The bodies.
    pub functions: Vec<Function>,
    /// How many parse errors the piece has.
    pub errors: usize,
}

/// Lowers a piece of a file that is part of `program` already, so that the file's statics and constants are known.
/// `None` only when the parser gives up.
pub fn lower_piece(
    file: FileId,
    path: &str,
    text: &str,
    macros: &MacroTable,
    program: &Program,
) -> Option<LoweredPiece> {
    let clean: Arc<str> = macros::without_noise(text, macros).into();
    let tree = Tree::parse(clean.clone())?;
    let errors = tree.errors();
    let second = (errors > 0 && text.contains("#if")).then(|| Tree::parse(macros::one_branch(&clean).into()));
    let second = second.flatten().filter(|second| second.errors() < errors);
    let mut lowerer = Lowerer::new(file, path, macros);
    lowerer.statics = program.statics_of(file).clone();
    let mut functions = lowerer.whole_file(Arc::new(tree), second.map(Arc::new));
    functions.iter_mut().for_each(|function| program.settle(function));
    Some(LoweredPiece { functions, errors })
}

impl<'a> Lowerer<'a> {
    fn new(file: FileId, path: &str, macros: &'a MacroTable) -> Lowerer<'a> {
        Lowerer {
            frames: Frames::new(macros, file),
            file,
            file_name: Name::of(path),
            names: NameTable::default(),
            facts: FileFacts::default(),
            statics: Set::default(),
            is_header: path.ends_with(".h"),
            offsets: Vec::new(),
            build: Builder::default(),
            depth: 0,
        }
    }
}

impl Lowerer<'_> {
    /// Lowers the functions of `tree`; where one is damaged and `second` has a better one of the same name, that.
    fn whole_file(&mut self, tree: Arc<Tree>, second: Option<Arc<Tree>>) -> Vec<Function> {
        let first = self.frames.open_file(tree);
        self.top_level(first);
        let mut chosen: Vec<At> = self.definitions(first);
        if let Some(second) = second {
            let better = self.frames.open_file(second);
            self.top_level(better);
            let mut sound: Map<Name, u32> = Map::default();
            for at in chosen.iter().filter(|at| !self.frames.node(**at).damaged) {
                *sound.entry(self.function_name(*at)).or_default() += 1;
            }
            let others = self.definitions(better);
            let replaced: Set<Name> =
                others.iter().map(|at| self.function_name(*at)).filter(|name| !sound.contains_key(name)).collect();
            chosen.retain(|at| !replaced.contains(&self.function_name(*at)));
            chosen.extend(others.into_iter().filter(|at| replaced.contains(&self.function_name(*at))));
            chosen.sort_by_key(|at| self.frames.node(*at).span.start);
        }
        let chosen = self.apart(chosen);
        chosen.into_iter().filter_map(|at| self.function(at)).collect()
    }

    /// The outermost function definitions below a frame's root, also those that stand in an error or a condition.
    fn definitions(&self, frame: u32) -> Vec<At> {
        let mut found = Vec::new();
        let mut node = 0;
        let end = self.frames.node(At { frame, node: 0 }).next;
        while node < end {
            let at = At { frame, node };
            let here = self.frames.node(at);
            if here.kind == Kind::FunctionDefinition {
                found.push(at);
                node = here.next;
            } else {
                node += 1;
            }
        }
        found
    }

    fn function_name(&self, definition: At) -> Name {
        let declarator = self.frames.child(definition, Role::Declarator);
        declarator.and_then(|at| self.declared(at)).map_or(Name(0), |declared| declared.name)
    }

    fn function(&mut self, definition: At) -> Option<Function> {
        let declared = self.declared(self.frames.child(definition, Role::Declarator)?)?;
        let body = self.frames.child(definition, Role::Body)?;
        if self.frames.node(body).kind != Kind::CompoundStatement {
            return None;
        }
        let name = self.intern(declared.text);
        if let Some(other) = self.frames.macros.renamed(name, self.file) {
            let other = self.names.intern(other);
            self.facts.renamed.push((name, other));
        }
        let span = self.frames.node(definition).span;
        let is_static = self.has_storage_class(definition, "static");
        self.build = Builder::new(name, span);
        self.offsets.clear();
        self.build.open_scope();
        let parameters = match declared.parameters {
            Some(list) => self.parameters(list, definition),
            None => Vec::new(),
        };
        for (name, declared) in &parameters {
            self.build.declare(*name, *declared, super::ir::Shape::Plain, super::ir::Release::Manual);
        }
        self.build.parameters = parameters.len() as u32;
        self.build.gives_pointer = declared.pointers > 0;
        self.build.lends = declared.pointers == 1 && self.is_const(definition);
        self.prototype(definition, name, &declared);
        self.block_items(body);
        self.build.finish(self.frames.node(body).span);
        let build = std::mem::take(&mut self.build);
        // Every file that includes a header has the header's functions.
        let linkage = if is_static && !self.is_header { Linkage::File } else { Linkage::Program };
        Some(build.into_function(self.file, linkage))
    }

    fn intern(&mut self, at: At) -> Name {
        self.names.intern(self.frames.text(at))
    }

    /// Runs `step` one level deeper, or gives `None` where the nesting is too deep to follow.
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        Some(result)
    }
}
