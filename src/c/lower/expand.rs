//! Macros are opened where they are used: the replacement is parsed once, and its parameters stand for the
//! places of the arguments.

mod as_text;

use super::{At, Lowerer};
use crate::c::ir::FileId;
use crate::c::macros::{Macro, MacroTable};
use crate::c::names::{Map, Name};
use crate::c::syntax::{Kind, Node, Role, Span, Tree};
use std::rc::Rc;
use std::sync::Arc;

/// Macros within macros are opened this deep.
const MAX_EXPANSION: u32 = 6;
/// Names for names of functions are followed this far.
const MAX_ALIASES: usize = 4;
/// A replacement longer than this is not opened.
const MAX_BODY: usize = 4_000;
/// So many expansions are opened in one file; a file that exceeds it has its later macros left closed.
const MAX_FRAMES: usize = 200_000;

/// A tree at hand, with what its macro parameters stand for.
#[derive(Debug, Clone)]
struct Frame {
    tree: Arc<Tree>,
    parameters: Rc<[(Name, At)]>,
    /// The use of the outermost macro, which every position inside is told as, and the macro's name.
    site: Option<(Span, Name)>,
    /// The macro that was opened, and those around it.
    opened: Option<Rc<Opened>>,
    depth: u32,
}

/// A macro that is open. It means itself inside its own replacement, as C has it.
#[derive(Debug)]
struct Opened {
    name: Name,
    within: Option<Rc<Opened>>,
}

/// The replacements that the file uses, by the macro's name; `None` where one is no C.
type Replacements = Map<Name, Option<(Arc<Tree>, Arc<Macro>)>>;

/// The trees at hand.
pub(crate) struct Frames<'a> {
    pub(super) macros: &'a MacroTable,
    file: FileId,
    list: Vec<Frame>,
    parsed: Replacements,
}

/// What a macro's replacement turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expansion {
    /// One expression.
    Expression(At),
    /// Statements; the node holds them as children.
    Statements(At),
    /// A list of initial values.
    List(At),
}

impl<'a> Frames<'a> {
    pub(crate) fn new(macros: &'a MacroTable, file: FileId) -> Frames<'a> {
        Frames { macros, file, list: Vec::new(), parsed: Map::default() }
    }

    /// Opens a file's own tree.
    pub(crate) fn open_file(&mut self, tree: Arc<Tree>) -> u32 {
        self.list.push(Frame { tree, parameters: Rc::new([]), site: None, opened: None, depth: 0 });
        self.list.len() as u32 - 1
    }

    /// The whole text that a place stands in.
    pub(crate) fn whole_text(&self, at: At) -> &str {
        &self.frame(at).tree.text
    }

    fn frame(&self, at: At) -> &Frame {
        // Every place was made from a frame in the list, which only grows.
        &self.list[at.frame as usize]
    }

    pub(crate) fn node(&self, at: At) -> Node {
        self.frame(at).tree.node(at.node)
    }

    pub(crate) fn text(&self, at: At) -> &str {
        self.frame(at).tree.slice(at.node)
    }

    pub(crate) fn tree(&self, at: At) -> Arc<Tree> {
        self.frame(at).tree.clone()
    }

    /// Where a place is in the file.
    pub(crate) fn span(&self, at: At) -> Span {
        let frame = self.frame(at);
        frame.site.map_or_else(|| frame.tree.node(at.node).span, |(span, _)| span)
    }

    /// The outermost macro that a place comes from.
    pub(crate) fn macro_of(&self, at: At) -> Option<Name> {
        self.frame(at).site.map(|(_, name)| name)
    }

    pub(crate) fn child(&self, at: At, role: Role) -> Option<At> {
        self.frame(at).tree.child(at.node, role).map(|node| At { frame: at.frame, node })
    }

    pub(crate) fn children(&self, at: At) -> Vec<At> {
        self.frame(at).tree.children(at.node).map(|node| At { frame: at.frame, node }).collect()
    }

    /// The items of a list, with all that a variadic tail stands for in its place.
    pub(crate) fn items(&self, list: At) -> Vec<At> {
        let frame = self.frame(list);
        let tail = Name::of(TAIL);
        let is_tail = |at: At| frame.site.is_some() && self.text(at) == TAIL;
        let behind = || frame.parameters.iter().filter(|(name, _)| *name == tail).map(|(_, argument)| *argument);
        let mut items = Vec::new();
        for at in self.children(list) {
            if is_tail(at) { items.extend(behind()) } else { items.push(at) }
        }
        items
    }

    /// What the parameter `name` stands for in the macro that `at` comes from.
    pub(crate) fn argument(&self, at: At, name: Name) -> Option<At> {
        self.frame(at).parameters.iter().find(|(parameter, _)| *parameter == name).map(|(_, argument)| *argument)
    }

    /// Whether the tree defines `name` as a macro that takes arguments.
    pub(crate) fn is_function_macro(&self, name: Name) -> bool {
        self.macros.find(name, self.file).is_some_and(|found| found.parameters.is_some())
    }

    /// The function that a name stands for by way of macros, which may be several: see [`MacroTable::alias`].
    pub(crate) fn alias(&self, name: Name) -> Option<&str> {
        let step = |name: Name| self.macros.alias(name, self.file);
        let first = step(name)?;
        let all = std::iter::successors(Some(first), |known| step(Name::of(known)));
        all.take(MAX_ALIASES).last()
    }

    /// Another node of the tree that `at` is in.
    pub(crate) fn sibling(&self, at: At, node: u32) -> At {
        At { frame: at.frame, node }
    }

    /// The numbers of the parameters that the replacement of `name` assigns, if the tree defines it and it assigns any.
    pub(crate) fn assigned_parameters(&self, name: Name) -> Option<Vec<usize>> {
        let definition = self.macros.find(name, self.file)?;
        let parameters = definition.parameters.as_ref()?;
        let body = &definition.body;
        let assigned = |wanted: &Name| {
            body.match_indices('=').any(|(at, _)| {
                let after = body.as_bytes().get(at + 1);
                let before = body.get(..at).unwrap_or("").trim_end();
                let word = before.trim_end_matches(')').trim_end();
                let start = word.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
                after != Some(&b'=')
                    && !before.ends_with(['=', '!', '<', '>'])
                    && word.get(start..).is_some_and(|word| Name::of(word) == *wanted)
            })
        };
        let found: Vec<usize> =
            parameters.iter().enumerate().filter(|(_, name)| assigned(name)).map(|(number, _)| number).collect();
        // A macro that is made of others assigns in those.
        (!found.is_empty()).then_some(found)
    }

    /// Whether the replacement of `name` is the head of a loop with one round, or begins with a macro whose is.
    pub(crate) fn runs_once(&self, name: Name) -> bool {
        self.leads_to(name, |body, word| (word == "for").then(|| is_one_round(body)))
    }

    /// Whether the replacement of `name` is the head of a loop and no more, or begins with a macro whose is.
    pub(crate) fn is_loop_head(&self, name: Name) -> bool {
        self.leads_to(name, |body, word| matches!(word, "for" | "while").then(|| body.ends_with(')')))
    }

    /// What `says` about the first replacement that it says anything about: that of `name`, or of the macro that this
    /// one begins with, and so on. It is asked about a replacement and the word that it begins with.
    fn leads_to(&self, name: Name, says: impl Fn(&str, &str) -> Option<bool>) -> bool {
        let mut name = name;
        for _ in 0..MAX_EXPANSION {
            let Some(definition) = self.macros.find(name, self.file) else { return false };
            let body = definition.body.trim();
            let word = body.split(|c| !is_word(c)).next().unwrap_or("");
            if let Some(said) = says(body, word) {
                return said;
            }
            name = Name::of(word);
        }
        false
    }

    /// Opens the macro `name` as used at `call` with `arguments` (`None` without parentheses).
    pub(crate) fn open(&mut self, name: Name, call: At, arguments: Option<Vec<At>>) -> Option<Expansion> {
        if !self.may_open(name, call) {
            return None;
        }
        let (tree, definition) = self.replacement(name)?;
        let parameters: Rc<[(Name, At)]> = match (&definition.parameters, arguments) {
            (None, None) => Rc::new([]),
            (Some(names), Some(args)) => given(names, args),
            _ => return None,
        };
        self.enter(name, call, tree, parameters)
    }

    /// Opens the macro `name` as used at `call` with a parenthesised list of arguments, as the preprocessor does.
    fn open_as_text(&mut self, name: Name, call: At, arguments: &str) -> Option<Expansion> {
        if !self.may_open(name, call) {
            return None;
        }
        // What the arguments mention may stand for an argument of the macro around the call.
        let parameters = self.frame(call).parameters.clone();
        let text = as_text::substituted(self.macros.find(name, self.file)?, arguments)?;
        let tree = read(&text)?;
        self.enter(name, call, tree, parameters)
    }

    /// Whether a macro may be opened where it is used: not inside itself, not too deep, not too many.
    fn may_open(&self, name: Name, call: At) -> bool {
        let mut around = self.frame(call).opened.as_ref();
        while let Some(opened) = around {
            if opened.name == name {
                return false;
            }
            around = opened.within.as_ref();
        }
        self.frame(call).depth < MAX_EXPANSION && self.list.len() < MAX_FRAMES
    }

    /// Whether the macro `name` makes names out of its arguments.
    fn joins_names(&self, name: Name) -> bool {
        self.macros.find(name, self.file).is_some_and(|definition| as_text::joins_names(&definition.body))
    }

    /// What a macro's replacement is, once it was parsed.
    fn enter(&mut self, name: Name, call: At, tree: Arc<Tree>, parameters: Rc<[(Name, At)]>) -> Option<Expansion> {
        let depth = self.frame(call).depth + 1;
        let site = Some((self.span(call), self.macro_of(call).unwrap_or(name)));
        let opened = Some(Rc::new(Opened { name, within: self.frame(call).opened.clone() }));
        self.list.push(Frame { tree, parameters, site, opened, depth });
        let frame = self.list.len() as u32 - 1;
        let body = self.body_of(At { frame, node: 0 })?;
        let items = self.children(body);
        if let Some(list) = self.list_in(&items) {
            return Some(Expansion::List(list));
        }
        match items.as_slice() {
            [only] if self.node(*only).kind == Kind::ExpressionStatement => {
                let inner = self.children(*only);
                inner.first().map(|at| Expansion::Expression(*at))
            }
            _ => Some(Expansion::Statements(body)),
        }
    }

    /// The list of initial values that a replacement was read as: see [`read`].
    fn list_in(&self, items: &[At]) -> Option<At> {
        let [only] = items else { return None };
        let declarator = self.child(*only, Role::Declarator)?;
        let is_ours = self.child(declarator, Role::Declarator).is_some_and(|name| self.text(name) == LISTED);
        is_ours.then(|| self.child(declarator, Role::Value)).flatten()
    }

    /// Whether `name` stands for a list of initial values, perhaps by way of other macros.
    pub(crate) fn is_list(&self, name: Name) -> bool {
        self.leads_to(name, |body, _| body.starts_with('{').then(|| body.ends_with('}')))
    }

    fn body_of(&self, root: At) -> Option<At> {
        let function = self.children(root).into_iter().find(|at| self.node(*at).kind == Kind::FunctionDefinition)?;
        self.child(function, Role::Body)
    }

    /// The replacement of a macro without parameters.
    fn plain(&self, word: &str) -> Option<&str> {
        let found = self.macros.find(Name::of(word), self.file).filter(|found| found.parameters.is_none())?;
        Some(&*found.body)
    }

    /// The parsed replacement of a macro, if it can be read as statements or an expression.
    fn replacement(&mut self, name: Name) -> Option<(Arc<Tree>, Arc<Macro>)> {
        if let Some(known) = self.parsed.get(&name) {
            return known.clone();
        }
        let parsed = self.macros.find(name, self.file).and_then(|definition| {
            let tree = definition.syntax.get_or_init(|| read(&definition.body)).clone();
            // A word of the language may be spelled by a macro: `do { … } WHILE_FALSE`.
            let tree = tree.or_else(|| read(&as_text::spelled_out(&definition.body, |word| self.plain(word))?))?;
            Some((tree, definition.clone()))
        });
        self.parsed.insert(name, parsed.clone());
        parsed
    }
}

/// The name by which a replacement mentions its variadic tail.
const TAIL: &str = "__VA_ARGS__";

/// What the parameters of a macro stand for: the tail, if there is one, for every argument that is left.
fn given(names: &[Name], args: Vec<At>) -> Rc<[(Name, At)]> {
    let tail = names.last().copied().filter(|last| *last == Name::of(TAIL));
    let names = names.iter().copied().map(Some).chain(std::iter::repeat(tail));
    names.zip(args).map_while(|(name, argument)| Some((name?, argument))).collect()
}

/// Whether a character may stand in a word.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the head of a `for` gives the variable that its condition looks at a constant after the first round:
/// `for (int once = 1; once; once = 0)`.
fn is_one_round(head: &str) -> bool {
    let mut parts = head.split(';').skip(1);
    let (Some(condition), Some(step)) = (parts.next(), parts.next()) else { return false };
    let step = step.split(',').next_back().unwrap_or("");
    let Some((variable, value)) = step.split_once('=') else { return false };
    let variable = variable.trim();
    let value = value.trim().trim_end_matches(')').trim_start_matches("(void *)").trim_start_matches("(void*)").trim();
    let value = value.trim_start_matches('(');
    let is_constant = matches!(value, "0" | "1" | "NULL" | "true" | "false");
    let is_plain = !variable.is_empty() && variable.chars().all(is_word);
    is_plain && is_constant && condition.split(|c| !is_word(c)).any(|word| word == variable)
}

/// The variable that a replacement initialises if it is a list of initial values.
const LISTED: &str = "listed";

/// A replacement as the body of a function, if it can be read as one, or as what [`LISTED`] is initialised with there.
fn read(body: &str) -> Option<Arc<Tree>> {
    if body.is_empty() || body.len() > MAX_BODY || body.contains("##") {
        return None;
    }
    let as_body = |text: String| Tree::parse(text.into()).filter(|tree| tree.errors() == 0).map(Arc::new);
    let whole = as_body(format!("void f(void) {{ {} ; }}", body.trim_end_matches(';')));
    let list = || body.starts_with('{').then(|| format!("void f(void) {{ int {LISTED} = {body} ; }}"));
    whole.or_else(|| list().and_then(as_body)).or_else(|| read(&as_text::without_tags(body)?))
}

impl Lowerer<'_> {
    /// Opens the macro used by a call, if its name is one.
    pub(super) fn open_call(&mut self, call: At) -> Option<Expansion> {
        let function = self.frames.child(call, Role::Function)?;
        if self.frames.node(function).kind != Kind::Identifier {
            return None;
        }
        let name = self.intern(function);
        if self.build.lookup(name).is_some() {
            return None;
        }
        let name = self.frames.alias(name).map_or(name, Name::of);
        if !self.frames.is_function_macro(name) {
            return None;
        }
        self.note_typed_members(call);
        let list = self.frames.child(call, Role::Arguments)?;
        if self.frames.node(list).damaged || self.frames.joins_names(name) {
            let text = self.frames.text(list).to_owned();
            if let Some(opened) = self.frames.open_as_text(name, call, &text) {
                return Some(opened);
            }
        }
        let arguments = self.frames.items(list).into_iter().map(|at| self.resolve(at)).collect();
        self.frames.open(name, call, Some(arguments))
    }

    /// Opens the macro that an expression is one use of, with arguments or without.
    pub(super) fn open_use(&mut self, at: At) -> Option<Expansion> {
        match self.frames.node(at).kind {
            Kind::CallExpression => self.open_call(at),
            Kind::Identifier => {
                let name = self.intern(at);
                self.frames.open(name, at, None)
            }
            _ => None,
        }
    }

    /// Follows macro parameters and parentheses' bare names to the place they stand for.
    pub(super) fn resolve(&self, mut at: At) -> At {
        for _ in 0..MAX_EXPANSION {
            if !matches!(self.frames.node(at).kind, Kind::Identifier | Kind::TypeIdentifier) {
                break;
            }
            let name = Name::of(self.frames.text(at));
            match self.frames.argument(at, name) {
                Some(argument) => at = argument,
                None => break,
            }
        }
        at
    }
}
