//! The function under construction: blocks, scopes, jump targets.

use crate::c::ir::{
    Block, BlockId, Callee, Expr, ExprId, FileId, Function, Instr, InstrKind, Linkage, Release, Shape, Terminator,
    VarId, Variable,
};
use crate::c::names::{Map, Name};
use crate::c::syntax::Span;
use crate::c::types::Type;

/// Where `break` and `continue` go, and how many scopes are open there.
#[derive(Debug, Clone, Copy)]
struct Jump {
    target: BlockId,
    scopes: usize,
}

/// The cases collected for the innermost switch.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    pub(crate) list: Vec<(Option<ExprId>, BlockId)>,
    pub(crate) default: Option<BlockId>,
}

/// A function under construction.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    name: Option<Name>,
    span: Span,
    pub(crate) parameters: u32,
    pub(crate) gives_pointer: bool,
    pub(crate) lends: bool,
    vars: Vec<Variable>,
    exprs: Vec<Expr>,
    casts: Map<ExprId, Type>,
    blocks: Vec<Block>,
    current: usize,
    scopes: Vec<Vec<(Name, VarId)>>,
    static_locals: Vec<(usize, Name, Name)>,
    /// How many static locals of a name were declared.
    statics_of_name: Map<Name, u64>,
    labels: Map<Name, BlockId>,
    breaks: Vec<Jump>,
    continues: Vec<Jump>,
    pub(crate) switches: Vec<Cases>,
    pub(crate) conditionals: Vec<Span>,
    pub(crate) blind: u32,
}

impl Builder {
    pub(crate) fn new(name: Name, span: Span) -> Builder {
        let mut builder = Builder { name: Some(name), span, ..Builder::default() };
        builder.new_block();
        builder
    }

    pub(crate) fn function_name(&self) -> Name {
        self.name.unwrap_or(Name(0))
    }

    /// A block that nothing leads to yet.
    pub(crate) fn new_block(&mut self) -> BlockId {
        self.blocks.push(Block { instrs: Vec::new(), end: Terminator::Unreachable });
        BlockId(self.blocks.len() as u32 - 1)
    }

    /// Ends the current block and goes on in `next`.
    pub(crate) fn end(&mut self, end: Terminator, next: BlockId) {
        if let Some(block) = self.blocks.get_mut(self.current) {
            block.end = end;
        }
        self.current = next.0 as usize;
    }

    pub(crate) fn goto(&mut self, target: BlockId, next: BlockId) {
        self.end(Terminator::Goto(target), next);
    }

    /// Ends the current block; what follows is not reached unless a label leads there.
    pub(crate) fn end_path(&mut self, end: Terminator) {
        let next = self.new_block();
        self.end(end, next);
    }

    /// Sets the end of a block that was left open.
    pub(crate) fn set_end(&mut self, block: BlockId, end: Terminator) {
        if let Some(block) = self.blocks.get_mut(block.0 as usize) {
            block.end = end;
        }
    }

    pub(crate) fn push(&mut self, span: Span, kind: InstrKind) {
        if let Some(block) = self.blocks.get_mut(self.current) {
            block.instrs.push(Instr { span, kind });
        }
    }

    pub(crate) fn assign(&mut self, span: Span, to: ExprId, from: ExprId) {
        self.push(span, InstrKind::Assign { to, from });
    }

    /// A call whose result goes into a new temporary; its value.
    pub(crate) fn call(&mut self, span: Span, callee: Callee, spelled: Name, args: Vec<ExprId>) -> ExprId {
        let into = self.temporary();
        self.push(span, InstrKind::Call { into, callee, spelled, args: args.into() });
        self.expr(Expr::Var(into))
    }

    pub(crate) fn expr(&mut self, expr: Expr) -> ExprId {
        self.exprs.push(expr);
        ExprId(self.exprs.len() as u32 - 1)
    }

    /// The value of an expression as another type.
    pub(crate) fn cast(&mut self, value: ExprId, to: Type) -> ExprId {
        let id = self.expr(self.get(value));
        self.casts.insert(id, to);
        id
    }

    pub(crate) fn get(&self, id: ExprId) -> Expr {
        self.exprs.get(id.0 as usize).copied().unwrap_or(Expr::Unknown)
    }

    pub(crate) fn temporary(&mut self) -> VarId {
        let name = Name::of("");
        let declared = Type::default();
        self.vars.push(Variable { name, declared, shape: Shape::Plain, release: Release::Manual, temporary: true });
        VarId(self.vars.len() as u32 - 1)
    }

    pub(crate) fn declare(&mut self, name: Name, declared: Type, shape: Shape, release: Release) -> VarId {
        // C allows a name once in a scope: a second declaration stands in another preprocessor branch and means the
        // same variable to everything that follows.
        if let Some(id) = self.scopes.last().and_then(|scope| scope.iter().find(|(known, _)| *known == name))
            && name != Name::of("")
            && let Some(var) = self.vars.get_mut(id.1.0 as usize)
            && var.shape == shape
        {
            if release == Release::Automatic {
                var.release = release;
            }
            return id.1;
        }
        self.vars.push(Variable { name, declared, shape, release, temporary: false });
        let id = VarId(self.vars.len() as u32 - 1);
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name, id));
        }
        id
    }

    /// The innermost local of that name.
    pub(crate) fn lookup(&self, name: Name) -> Option<VarId> {
        self.scopes.iter().rev().find_map(|scope| scope.iter().rev().find(|(n, _)| *n == name).map(|(_, id)| *id))
    }

    /// A static local: known under the result, which is made from `full`, until the innermost scope ends. Scopes of one
    /// function may each have one of that name; a second declaration in the same scope means the same one.
    pub(crate) fn static_local(&mut self, name: Name, full: Name) -> Name {
        let depth = self.scopes.len();
        let known = self.static_locals.iter().find(|(scope, known, _)| *scope == depth && *known == name);
        if let Some((_, _, full)) = known {
            return *full;
        }
        let before = self.statics_of_name.entry(name).or_default();
        let own = if *before == 0 { full } else { full.within(Name(*before)) };
        *before += 1;
        self.static_locals.push((depth, name, own));
        own
    }

    /// The program-wide name of a static local in scope.
    pub(crate) fn static_name(&self, name: Name) -> Option<Name> {
        self.static_locals.iter().rev().find(|(_, known, _)| *known == name).map(|(_, _, full)| *full)
    }

    pub(crate) fn open_scope(&mut self) {
        self.scopes.push(Vec::new());
    }

    /// Closes the innermost scope; its locals are left at `span`, the closing brace.
    pub(crate) fn close_scope(&mut self, span: Span) {
        let depth = self.scopes.len();
        self.static_locals.retain(|(scope, _, _)| *scope < depth);
        let vars: Vec<VarId> = self.scopes.pop().into_iter().flatten().map(|(_, id)| id).collect();
        self.leave(vars, span);
    }

    fn leave(&mut self, vars: Vec<VarId>, span: Span) {
        if !vars.is_empty() {
            self.push(span, InstrKind::Leave(vars.into()));
        }
    }

    /// Opens a loop or switch. A switch has no `continue_to`.
    pub(crate) fn enter(&mut self, break_to: BlockId, continue_to: Option<BlockId>) {
        let scopes = self.scopes.len();
        self.breaks.push(Jump { target: break_to, scopes });
        if let Some(target) = continue_to {
            self.continues.push(Jump { target, scopes });
        }
    }

    /// Closes what [`Builder::enter`] opened.
    pub(crate) fn exit(&mut self, was_loop: bool) {
        self.breaks.pop();
        if was_loop {
            self.continues.pop();
        }
    }

    pub(crate) fn jump_break(&mut self, span: Span) {
        self.jump(self.breaks.last().copied(), span);
    }

    pub(crate) fn jump_continue(&mut self, span: Span) {
        self.jump(self.continues.last().copied(), span);
    }

    fn jump(&mut self, jump: Option<Jump>, span: Span) {
        let Some(jump) = jump else { return };
        let left = self.scopes.iter().skip(jump.scopes).flatten().map(|(_, id)| *id).collect();
        self.leave(left, span);
        self.end_path(Terminator::Goto(jump.target));
    }

    /// The block of a label, made when it is first mentioned.
    pub(crate) fn label(&mut self, name: Name) -> BlockId {
        if let Some(block) = self.labels.get(&name) {
            return *block;
        }
        let block = self.new_block();
        self.labels.insert(name, block);
        block
    }

    /// Ends the current block on a condition and goes on in `yes`.
    pub(crate) fn branch_on(&mut self, span: Span, condition: ExprId, yes: BlockId, no: BlockId) {
        let end = match self.get(condition) {
            Expr::Int(value) => Terminator::Goto(if value != 0 { yes } else { no }),
            _ => Terminator::Branch { span, condition, then: yes, otherwise: no },
        };
        self.end(end, yes);
    }

    /// Goes on in another block; the current one has been ended.
    pub(crate) fn go_on(&mut self, next: BlockId) {
        self.current = next.0 as usize;
    }

    /// Ends the function at its closing brace.
    pub(crate) fn finish(&mut self, body: Span) {
        let brace = Span { start: body.end.saturating_sub(1), end: body.end };
        self.end_path(Terminator::Return { span: brace, value: None });
    }

    pub(crate) fn into_function(self, file: FileId, linkage: Linkage) -> Function {
        Function {
            name: self.function_name(),
            file,
            linkage,
            parameters: self.parameters,
            gives_pointer: self.gives_pointer,
            lends: self.lends,
            vars: self.vars,
            exprs: self.exprs,
            casts: self.casts,
            shared: Map::default(),
            blocks: self.blocks,
            span: self.span,
            conditionals: self.conditionals,
            blind: self.blind,
        }
    }
}
