//! The intermediate form: what is left of a function when macros are expanded and control flow is explicit.
//!
//! Expressions hold neither calls nor control flow: a call becomes an instruction that fills a temporary variable, and
//! `&&`, `||` and `?:` become branches. Positions are kept on every instruction, for the trace and the repair.

use super::names::{Map, Name, Set};
use super::syntax::Span;
use super::types::Type;

/// Index of a file in the analysed tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Index of a variable in its function; parameters come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VarId(pub u32);

/// Index of an expression in its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// Index of a block in its function; block 0 is the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// A binary operator, comparisons reduced to two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BinaryOp {
    /// `==`
    Equal,
    /// `<`; the others are this one negated or turned round.
    Less,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `&`
    And,
    /// `|`
    Or,
    /// Everything else, by the operator's text.
    Other(Name),
}

/// An expression without calls or control flow. Lvalues and values share the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expr {
    /// A value that nothing is known of.
    Unknown,
    /// An integer, a character, an enumerator; `NULL` is 0.
    Int(i64),
    /// A string literal.
    Text,
    /// A string literal with a conversion in it: what follows it in a call is printed.
    Format,
    /// A parameter, local or temporary.
    Var(VarId),
    /// A name of file or program scope: variable, function or enumerator.
    Global(Name),
    /// `base.field`; `p->field` is a field of a dereference.
    Field(ExprId, Name),
    /// `*p`
    Deref(ExprId),
    /// `base[index]`
    Index(ExprId, ExprId),
    /// `&place`
    AddressOf(ExprId),
    /// `!value`
    Not(ExprId),
    /// `left op right`
    Binary(BinaryOp, ExprId, ExprId),
    /// Whether a preprocessor condition holds, by its text. The same all over the tree, unknown.
    Configured(Name),
    /// What `sizeof` and its like are worth, by their text: always the same, unknown, more than 0.
    Size(Name),
    /// The structure whose member of that name the pointer leads to.
    Container(ExprId, Name),
    /// Whatever an unsupported operator makes of its operand; keeps the operand reachable.
    Derived(ExprId),
}

/// Whether a local owns storage of its own that its name denotes the address of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A scalar, a pointer, a structure.
    Plain,
    /// An array: its name is its address.
    Array,
}

/// Whether the compiler releases what a local holds when the scope ends (`__attribute__((cleanup(…)))`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Nobody does.
    Manual,
    /// The compiler does.
    Automatic,
}

/// A parameter, local or temporary.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name; a temporary has the name of the empty text.
    pub name: Name,
    /// The type it is declared with.
    pub declared: Type,
    /// Array or not.
    pub shape: Shape,
    /// Whether it cleans up after itself.
    pub release: Release,
    /// Whether it is a temporary of the lowering.
    pub temporary: bool,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee {
    /// A function by name.
    Named(Name),
    /// The value of an expression.
    Through(ExprId),
}

/// One step.
#[derive(Debug, Clone)]
pub struct Instr {
    /// Where it stands in the file; for an expanded macro, the whole use of the macro.
    pub span: Span,
    /// What it does.
    pub kind: InstrKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum InstrKind {
    /// `to = from`
    Assign {
        /// The place written.
        to: ExprId,
        /// The value.
        from: ExprId,
    },
    /// `into = callee(args)`
    Call {
        /// The temporary that takes the result.
        into: VarId,
        /// What is called.
        callee: Callee,
        /// The word at the call in the file: the macro's, where one was expanded.
        spelled: Name,
        /// The arguments.
        args: Box<[ExprId]>,
    },
    /// The value is read and dropped.
    Use(ExprId),
    /// A local comes into scope without a value.
    Declare(VarId),
    /// Locals go out of scope.
    Leave(Box<[VarId]>),
    /// A statement that could not be read and mentions these places: nothing is known of them afterwards.
    Blind(Box<[ExprId]>),
}

/// How a block ends.
#[derive(Debug, Clone)]
pub enum Terminator {
    /// Go on there.
    Goto(BlockId),
    /// One way or the other.
    Branch {
        /// Position of the condition.
        span: Span,
        /// The condition.
        condition: ExprId,
        /// Where it holds.
        then: BlockId,
        /// Where it does not.
        otherwise: BlockId,
    },
    /// Many ways.
    Switch {
        /// Position of the selecting value.
        span: Span,
        /// The selecting value.
        value: ExprId,
        /// The cases; no value means a range or something unreadable, which may always be taken.
        cases: Box<[(Option<ExprId>, BlockId)]>,
        /// Where no case matches.
        default: BlockId,
    },
    /// Any of these, no one knows which.
    Any(Box<[BlockId]>),
    /// The function ends.
    Return {
        /// Position: the return statement, or the closing brace.
        span: Span,
        /// The value.
        value: Option<ExprId>,
    },
    /// Not reached.
    Unreachable,
}

/// Steps without a branch, and how they end.
#[derive(Debug, Clone)]
pub struct Block {
    /// The steps.
    pub instrs: Vec<Instr>,
    /// The end.
    pub end: Terminator,
}

/// Who can call a function by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// The file alone.
    File,
    /// The program.
    Program,
}

/// A function's body.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Its file.
    pub file: FileId,
    /// Who can call it.
    pub linkage: Linkage,
    /// How many of the variables are parameters.
    pub parameters: u32,
    /// Parameters, locals, temporaries.
    pub vars: Vec<Variable>,
    /// Expressions.
    pub exprs: Vec<Expr>,
    /// What structures expressions are cast to.
    pub casts: Map<ExprId, Type>,
    /// The members of unions among the expressions, each with the one that stands for all that share its storage.
    pub shared: Map<ExprId, Name>,
    /// Blocks; 0 is the entry.
    pub blocks: Vec<Block>,
    /// Whether what it returns is declared as a pointer.
    pub gives_pointer: bool,
    /// Whether it is a pointer to const, whose memory nobody takes by it.
    pub lends: bool,
    /// The whole definition.
    pub span: Span,
    /// Where its `if` statements stand, each with all its branches.
    pub conditionals: Vec<Span>,
    /// How many statements could not be read.
    pub blind: u32,
}

impl Function {
    /// The expression behind an id.
    pub fn expr(&self, id: ExprId) -> Expr {
        self.exprs.get(id.0 as usize).copied().unwrap_or(Expr::Unknown)
    }

    /// Whether one of the arguments before the one of this number is a format: then it is printed, whoever prints it.
    pub fn is_printed(&self, args: &[ExprId], number: usize) -> bool {
        args.iter().take(number).any(|arg| self.expr(*arg) == Expr::Format)
    }

    /// Whether a callee is a function, or a member that leads to one, of this name.
    pub fn is_named(&self, callee: Callee, name: Name) -> bool {
        match callee {
            Callee::Named(own) => own == name,
            Callee::Through(expr) => match self.expr(expr) {
                Expr::Field(_, field) => field == name,
                _ => true,
            },
        }
    }

    /// Whether a member of this name is mentioned.
    pub fn has_member(&self, name: Name) -> bool {
        self.exprs.iter().any(|expr| matches!(expr, Expr::Field(_, field) if *field == name))
    }

    /// The steps of all blocks, in the order of the blocks.
    pub fn instrs(&self) -> impl Iterator<Item = &Instr> + Clone {
        self.blocks.iter().flat_map(|block| &block.instrs)
    }

    /// Whether the body does nothing and at most gives a number: it stands in for a function of a library that is not there.
    pub fn is_stub(&self) -> bool {
        let is_number = |value: &Option<ExprId>| value.is_none_or(|value| matches!(self.expr(value), Expr::Int(_)));
        let gives_number = |block: &Block| match &block.end {
            Terminator::Return { value, .. } => is_number(value),
            _ => true,
        };
        self.instrs().all(|instr| matches!(instr.kind, InstrKind::Use(_))) && self.blocks.iter().all(gives_number)
    }

    /// Whether the body does nothing and does not come back: `assert(0);` and no more.
    pub fn only_fails(&self) -> bool {
        let end = |at: BlockId| self.blocks.get(at.0 as usize).map(|block| &block.end);
        let mut at = BlockId(0);
        let mut ways = 0;
        while let Some(Terminator::Goto(next)) = end(at)
            && ways < self.blocks.len()
        {
            (at, ways) = (*next, ways + 1);
        }
        self.instrs().next().is_none() && matches!(end(at), Some(Terminator::Unreachable))
    }

    /// The blocks with their ids.
    pub fn numbered(&self) -> impl Iterator<Item = (BlockId, &Block)> {
        (0u32..).map(BlockId).zip(&self.blocks)
    }

    /// Whether `is_it` holds of an expression or of one below it.
    pub fn holds(&self, id: ExprId, is_it: &impl Fn(Expr) -> bool) -> bool {
        let mut found = false;
        self.walk(id, &mut |expr| found |= is_it(expr));
        found
    }

    /// The blocks that can come after these.
    pub fn after(&self, blocks: impl Iterator<Item = BlockId>) -> Set<BlockId> {
        let next = |id: BlockId| self.blocks.get(id.0 as usize).map(|block| block.end.successors()).unwrap_or_default();
        let mut found = Set::default();
        let mut work: Vec<BlockId> = blocks.flat_map(next).collect();
        while let Some(id) = work.pop() {
            if found.insert(id) {
                work.extend(next(id));
            }
        }
        found
    }

    /// Whether two expressions are written alike: members of members of the same local or global.
    pub fn same(&self, one: ExprId, two: ExprId) -> bool {
        one == two
            || match (self.expr(one), self.expr(two)) {
                (Expr::Field(a, name), Expr::Field(b, other)) => name == other && self.same(a, b),
                (Expr::Deref(a), Expr::Deref(b)) => self.same(a, b),
                (a, b) => a == b && matches!(a, Expr::Var(_) | Expr::Global(_)),
            }
    }

    /// The variable behind an id.
    pub fn var(&self, id: VarId) -> Option<&Variable> {
        self.vars.get(id.0 as usize)
    }

    /// Calls `visit` for `id` and every expression below it.
    pub fn walk(&self, id: ExprId, visit: &mut impl FnMut(Expr)) {
        let expr = self.expr(id);
        visit(expr);
        match expr {
            Expr::Field(a, _)
            | Expr::Deref(a)
            | Expr::AddressOf(a)
            | Expr::Not(a)
            | Expr::Derived(a)
            | Expr::Container(a, _) => self.walk(a, visit),
            Expr::Index(a, b) | Expr::Binary(_, a, b) => {
                self.walk(a, visit);
                self.walk(b, visit);
            }
            Expr::Unknown
            | Expr::Int(_)
            | Expr::Text
            | Expr::Format
            | Expr::Var(_)
            | Expr::Global(_)
            | Expr::Configured(_)
            | Expr::Size(_) => {}
        }
    }
}

impl Block {
    /// Whether an expression of which `is_it` holds stands anywhere in the block.
    pub fn mentions(&self, function: &Function, is_it: &impl Fn(Expr) -> bool) -> bool {
        let writes = |instr: &Instr| match instr.kind {
            InstrKind::Assign { to, .. } => function.holds(to, is_it),
            _ => false,
        };
        self.instrs.iter().any(|instr| writes(instr) || instr.reads(function, is_it)) || self.end.reads(function, is_it)
    }
}

impl Instr {
    /// Whether an expression of which `is_it` holds is read.
    pub fn reads(&self, function: &Function, is_it: &impl Fn(Expr) -> bool) -> bool {
        let holds = |id: &ExprId| function.holds(*id, is_it);
        match &self.kind {
            // A variable that is written is not read for that.
            InstrKind::Assign { to, from } => holds(from) || !matches!(function.expr(*to), Expr::Var(_)) && holds(to),
            InstrKind::Call { callee, args, .. } => {
                matches!(callee, Callee::Through(expr) if holds(expr)) || args.iter().any(holds)
            }
            InstrKind::Use(value) => holds(value),
            InstrKind::Blind(places) => places.iter().any(holds),
            InstrKind::Declare(_) | InstrKind::Leave(_) => false,
        }
    }
}

impl Terminator {
    /// Whether an expression of which `is_it` holds is read.
    pub fn reads(&self, function: &Function, is_it: &impl Fn(Expr) -> bool) -> bool {
        match self {
            Terminator::Branch { condition: value, .. }
            | Terminator::Switch { value, .. }
            | Terminator::Return { value: Some(value), .. } => function.holds(*value, is_it),
            _ => false,
        }
    }

    /// The blocks that can follow.
    pub fn successors(&self) -> Vec<BlockId> {
        match self {
            Terminator::Goto(to) => vec![*to],
            Terminator::Branch { then, otherwise, .. } => vec![*then, *otherwise],
            Terminator::Switch { cases, default, .. } => {
                cases.iter().map(|(_, to)| *to).chain(std::iter::once(*default)).collect()
            }
            Terminator::Any(all) => all.to_vec(),
            Terminator::Return { .. } | Terminator::Unreachable => Vec::new(),
        }
    }
}
