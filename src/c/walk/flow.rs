//! The control-flow graph's order, loops and liveness, computed once per function.

mod rounds;

use super::elements::{self, Handed};
use crate::c::ir::{BinaryOp, BlockId, Expr, ExprId, Function, InstrKind, Terminator, VarId};
use crate::c::names::{Name, Set};
use crate::c::program::Program;

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(size: usize) -> Bits {
        Bits(vec![0; size.div_ceil(64)])
    }
    pub(super) fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }
    pub(super) fn set(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
    fn clear(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }
    pub(super) fn add(&mut self, other: &Bits) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }
}

/// A loop: its head, its blocks, and the variables it assigns.
#[derive(Debug)]
struct Loop {
    head: BlockId,
    blocks: Bits,
    assigned: Vec<(VarId, Change)>,
    /// The variables whose value the loop puts into memory.
    given: Vec<VarId>,
    /// Its assignments of one variable to another.
    copied: Vec<(VarId, VarId)>,
    /// The elements that it hands to calls.
    handed: Vec<Handed>,
    /// The variables that it makes lead to something that is there already.
    lent: Vec<VarId>,
}

/// What the assignments of a loop do to a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// All give it this number.
    Same(i64),
    /// All add to it.
    Grows,
    /// Anything else.
    Any,
}

impl Change {
    /// What `var = from` does.
    fn of(function: &Function, var: VarId, from: ExprId) -> Change {
        match function.expr(from) {
            Expr::Int(number) => Change::Same(number),
            Expr::Binary(BinaryOp::Add, before, step)
                if function.expr(before) == Expr::Var(var)
                    && matches!(function.expr(step), Expr::Int(step) if step >= 0) =>
            {
                Change::Grows
            }
            _ => Change::Any,
        }
    }
}

/// What is known of a function's graph.
#[derive(Debug)]
pub(super) struct Flow {
    /// The reachable blocks in reverse postorder.
    pub(super) order: Vec<BlockId>,
    positions: Vec<u32>,
    first_instrs: Vec<u32>,
    loops: Vec<Loop>,
    live_in: Vec<Bits>,
    address_taken: Bits,
    kept: Bits,
    tested: Bits,
    asked: Bits,
    asked_members: Vec<Name>,
    followed: Bits,
    nulled: Nulled,
    /// The expressions that are members which are arrays.
    arrays: Bits,
}

/// What a function gives null itself.
#[derive(Debug, Default)]
struct Nulled {
    vars: Vec<VarId>,
    members: Vec<Name>,
}

impl Flow {
    pub(super) fn of(program: &Program, function: &Function) -> Flow {
        let successors: Vec<Vec<BlockId>> = function.blocks.iter().map(|block| block.end.successors()).collect();
        let order = reverse_postorder(&successors);
        let mut positions = vec![u32::MAX; function.blocks.len()];
        for (position, block) in order.iter().enumerate() {
            positions[block.0 as usize] = position as u32;
        }
        let mut first_instrs = Vec::with_capacity(function.blocks.len());
        let mut count = 0u32;
        for block in &function.blocks {
            first_instrs.push(count);
            count += block.instrs.len() as u32 + 1;
        }
        let Uses { address_taken, kept } = uses(function);
        let asked = asked(function, &address_taken);
        let followed = followed(function);
        let tested = tested(function);
        let loops = loops(function, &successors, &order, &positions);
        let live_in = liveness(function, &successors, &order);
        let asked_members = asked_members(function);
        let nulled = nulled(function);
        Flow {
            order,
            positions,
            first_instrs,
            loops,
            live_in,
            address_taken,
            kept,
            tested,
            asked,
            asked_members,
            followed,
            nulled,
            arrays: arrays(program, function),
        }
    }

    /// Whether an expression is a member that is an array, which lies in its structure: its value is where it lies.
    pub(super) fn is_array(&self, id: ExprId) -> bool {
        self.arrays.has(id.0 as usize)
    }

    /// A reachable block's position in the order.
    pub(super) fn position(&self, block: BlockId) -> Option<usize> {
        self.positions.get(block.0 as usize).filter(|at| **at != u32::MAX).map(|at| *at as usize)
    }

    /// The number of a block's first instruction.
    pub(super) fn first_instr(&self, block: BlockId) -> u32 {
        self.first_instrs.get(block.0 as usize).copied().unwrap_or(0)
    }

    /// Whether a branch depends on a variable's value, or on what the value is put into.
    pub(super) fn is_tested(&self, var: VarId) -> bool {
        self.tested.has(var.0 as usize)
    }

    /// Whether a variable's value is put anywhere or handed to anybody, and not only asked about.
    pub(super) fn is_kept(&self, var: VarId) -> bool {
        self.kept.has(var.0 as usize)
    }

    /// Whether a function only works with what the result of a call is put into: it never asks whether it is null, and
    /// hands it to nobody who might, other than as an argument.
    pub(super) fn is_taken_for_granted(&self, result: VarId) -> bool {
        !self.asked.has(result.0 as usize)
    }

    /// Whether a local or member is never null for all the function cares: it never asks, and never makes it null itself.
    pub(super) fn is_never_null(&self, function: &Function, place: ExprId) -> bool {
        match function.expr(place) {
            Expr::Var(var) => {
                let is_local = var.0 >= function.parameters && !self.address_taken.has(var.0 as usize);
                is_local && !self.is_tested(var) && !self.nulled.vars.contains(&var)
            }
            Expr::Field(_, name) => !self.asked_members.contains(&name) && !self.nulled.members.contains(&name),
            _ => false,
        }
    }

    /// The members that a branch depends on.
    pub(super) fn asked_members(&self) -> &[Name] {
        &self.asked_members
    }

    /// Whether what a variable points to is used somewhere.
    pub(super) fn is_followed(&self, var: VarId) -> bool {
        self.followed.has(var.0 as usize)
    }

    /// Whether a variable may be read from a block on before it is written; true where that is not known.
    pub(super) fn is_mentioned_from(&self, var: VarId, block: BlockId) -> bool {
        self.live_in.get(block.0 as usize).is_none_or(|live| live.has(var.0 as usize))
    }

    fn is_live(&self, var: VarId, block: BlockId) -> bool {
        self.address_taken.has(var.0 as usize)
            || self.live_in.get(block.0 as usize).is_none_or(|live| live.has(var.0 as usize))
    }
}

fn reverse_postorder(successors: &[Vec<BlockId>]) -> Vec<BlockId> {
    let mut seen = Bits::new(successors.len());
    let mut order = Vec::new();
    let mut work = vec![(BlockId(0), 0usize)];
    seen.set(0);
    while let Some((block, position)) = work.pop() {
        match successors.get(block.0 as usize).and_then(|all| all.get(position)) {
            Some(next) => {
                work.push((block, position + 1));
                if !seen.has(next.0 as usize) {
                    seen.set(next.0 as usize);
                    work.push((*next, 0));
                }
            }
            None => order.push(block),
        }
    }
    order.reverse();
    order
}

/// What is done with variables.
struct Uses {
    /// Their address is taken.
    address_taken: Bits,
    /// Their value is put somewhere, handed to a call, or returned.
    kept: Bits,
}

fn uses(function: &Function) -> Uses {
    let (mut taken, mut kept) = (Bits::new(function.vars.len()), Bits::new(function.vars.len()));
    for expr in &function.exprs {
        if let Expr::AddressOf(place) = expr {
            function.walk(*place, &mut |inner| {
                if let Expr::Var(var) = inner {
                    taken.set(var.0 as usize);
                }
            });
        }
    }
    for block in &function.blocks {
        for instr in &block.instrs {
            if !matches!(instr.kind, InstrKind::Use(_)) {
                each_read(function, &instr.kind, &mut |var| kept.set(var.0 as usize));
            }
        }
        if let Terminator::Return { value: Some(value), .. } = &block.end {
            each_var(function, *value, &mut |var| kept.set(var.0 as usize));
        }
    }
    Uses { address_taken: taken, kept }
}

/// The variables whose value a branch depends on, or that is given to other places or the caller; and the temporaries
/// that such a variable is filled from.
fn asked(function: &Function, address_taken: &Bits) -> Bits {
    let mut asked = Bits::new(function.vars.len());
    let instrs = || function.instrs();
    for block in &function.blocks {
        each_read_at_end(function, &block.end, &mut |var| asked.set(var.0 as usize));
    }
    for instr in instrs() {
        match &instr.kind {
            InstrKind::Assign { to, from } => match (function.expr(*to), function.expr(*from)) {
                (Expr::Var(_), Expr::Var(from)) if function.var(from).is_some_and(|var| var.temporary) => {}
                (_, Expr::Deref(_) | Expr::Field(..)) => {}
                _ => each_var(function, *from, &mut |var| asked.set(var.0 as usize)),
            },
            InstrKind::Blind(places) => {
                places.iter().for_each(|place| each_var(function, *place, &mut |var| asked.set(var.0 as usize)));
            }
            _ => {}
        }
    }
    asked.add(address_taken);
    for instr in instrs() {
        if let InstrKind::Assign { to, from } = &instr.kind
            && let (Expr::Var(to), Expr::Var(from)) = (function.expr(*to), function.expr(*from))
            && asked.has(to.0 as usize)
        {
            asked.set(from.0 as usize);
        }
    }
    asked
}

/// The members that a branch depends on.
fn asked_members(function: &Function) -> Vec<Name> {
    let mut found = Vec::new();
    for block in &function.blocks {
        if let Terminator::Branch { condition: value, .. } | Terminator::Switch { value, .. } = &block.end {
            function.walk(*value, &mut |inner| {
                if let Expr::Field(_, name) = inner {
                    found.push(name);
                }
            });
        }
    }
    found
}

/// The locals and members that are given null as such.
fn nulled(function: &Function) -> Nulled {
    let mut nulled = Nulled::default();
    for instr in function.instrs() {
        if let InstrKind::Assign { to, from } = &instr.kind
            && function.expr(*from) == Expr::Int(0)
        {
            match function.expr(*to) {
                Expr::Var(var) => nulled.vars.push(var),
                Expr::Field(_, name) => nulled.members.push(name),
                _ => {}
            }
        }
    }
    nulled
}

/// The members that are arrays. What a function gives a value as a whole is none, whatever members of its name are elsewhere.
fn arrays(program: &Program, function: &Function) -> Bits {
    let given: Set<Name> = function.instrs().filter_map(|instr| given_member(function, &instr.kind)).collect();
    let mut arrays = Bits::new(function.exprs.len());
    for at in 0..function.exprs.len() {
        if program.types.is_array_member(function, ExprId(at as u32), &given) {
            arrays.set(at);
        }
    }
    arrays
}

/// The member that an instruction gives a value as a whole.
fn given_member(function: &Function, kind: &InstrKind) -> Option<Name> {
    let InstrKind::Assign { to, .. } = kind else { return None };
    match function.expr(*to) {
        Expr::Field(_, member) => Some(member),
        _ => None,
    }
}

/// The variables that a branch depends on, and those whose value such a one is given.
fn tested(function: &Function) -> Bits {
    let mut tested = Bits::new(function.vars.len());
    for block in &function.blocks {
        if let Terminator::Branch { condition: value, .. } | Terminator::Switch { value, .. } = &block.end {
            each_var(function, *value, &mut |var| tested.set(var.0 as usize));
        }
    }
    // From the end, since values mostly go from earlier places to later ones.
    for instr in function.blocks.iter().rev().flat_map(|block| block.instrs.iter().rev()) {
        if let InstrKind::Assign { to, from } = &instr.kind {
            match function.expr(*to) {
                Expr::Var(to) if tested.has(to.0 as usize) => {
                    each_var(function, *from, &mut |var| tested.set(var.0 as usize));
                }
                Expr::Var(_) => {}
                // What is put into memory may be tested there.
                _ => each_var(function, *from, &mut |var| tested.set(var.0 as usize)),
            }
        }
    }
    tested
}

/// The variables that are followed as pointers, and the temporaries that such a variable is filled from.
fn followed(function: &Function) -> Bits {
    let mut followed = Bits::new(function.vars.len());
    for expr in &function.exprs {
        if let Expr::Deref(pointer) | Expr::Index(pointer, _) = expr
            && let Expr::Var(var) = function.expr(*pointer)
        {
            followed.set(var.0 as usize);
        }
    }
    for instr in function.instrs() {
        if let InstrKind::Assign { to, from } = &instr.kind
            && let (Expr::Var(to), Expr::Var(from)) = (function.expr(*to), function.expr(*from))
            && followed.has(to.0 as usize)
        {
            followed.set(from.0 as usize);
        }
    }
    followed
}

fn each_var(function: &Function, expr: ExprId, visit: &mut impl FnMut(VarId)) {
    function.walk(expr, &mut |inner| {
        if let Expr::Var(var) = inner {
            visit(var);
        }
    });
}

fn each_read(function: &Function, kind: &InstrKind, visit: &mut impl FnMut(VarId)) {
    match kind {
        InstrKind::Assign { to, from } => {
            each_var(function, *from, visit);
            if !matches!(function.expr(*to), Expr::Var(_)) {
                each_var(function, *to, visit);
            }
        }
        InstrKind::Call { callee, args, .. } => {
            if let crate::c::ir::Callee::Through(expr) = callee {
                each_var(function, *expr, visit);
            }
            for arg in args {
                each_var(function, *arg, visit);
            }
        }
        InstrKind::Use(value) => each_var(function, *value, visit),
        InstrKind::Blind(places) => {
            for place in places {
                each_var(function, *place, visit);
            }
        }
        InstrKind::Declare(_) | InstrKind::Leave(_) => {}
    }
}

fn each_read_at_end(function: &Function, end: &Terminator, visit: &mut impl FnMut(VarId)) {
    match end {
        Terminator::Branch { condition, .. } => each_var(function, *condition, visit),
        Terminator::Switch { value, .. } => each_var(function, *value, visit),
        Terminator::Return { value: Some(value), .. } => each_var(function, *value, visit),
        _ => {}
    }
}

fn liveness(function: &Function, successors: &[Vec<BlockId>], order: &[BlockId]) -> Vec<Bits> {
    let size = function.vars.len();
    let mut live_in = vec![Bits::new(size); function.blocks.len()];
    // A graph this large is walked with every variable alive.
    if size.saturating_mul(function.blocks.len()) > 4_000_000 {
        return Vec::new();
    }
    let mut changed = true;
    while changed {
        changed = false;
        for block in order.iter().rev() {
            let at = block.0 as usize;
            let mut live = Bits::new(size);
            for next in &successors[at] {
                if let Some(other) = live_in.get(next.0 as usize) {
                    live.add(other);
                }
            }
            each_read_at_end(function, &function.blocks[at].end, &mut |var| live.set(var.0 as usize));
            for instr in function.blocks[at].instrs.iter().rev() {
                match &instr.kind {
                    InstrKind::Assign { to, .. } => {
                        if let Expr::Var(var) = function.expr(*to) {
                            live.clear(var.0 as usize);
                        }
                    }
                    InstrKind::Call { into, .. } => live.clear(into.0 as usize),
                    InstrKind::Declare(var) => live.clear(var.0 as usize),
                    _ => {}
                }
                each_read(function, &instr.kind, &mut |var| live.set(var.0 as usize));
            }
            if live_in[at] != live {
                live_in[at] = live;
                changed = true;
            }
        }
    }
    live_in
}

/// The natural loops: for every edge that goes back in the order, the blocks that reach it without the head.
fn loops(function: &Function, successors: &[Vec<BlockId>], order: &[BlockId], positions: &[u32]) -> Vec<Loop> {
    let mut predecessors: Vec<Vec<BlockId>> = vec![Vec::new(); function.blocks.len()];
    for block in order {
        for next in &successors[block.0 as usize] {
            predecessors[next.0 as usize].push(*block);
        }
    }
    let mut loops: Vec<Loop> = Vec::new();
    for block in order {
        for head in &successors[block.0 as usize] {
            if positions[head.0 as usize] > positions[block.0 as usize] {
                continue;
            }
            let at = loops.iter().position(|known| known.head == *head).unwrap_or_else(|| {
                let mut blocks = Bits::new(function.blocks.len());
                blocks.set(head.0 as usize);
                loops.push(Loop {
                    head: *head,
                    blocks,
                    assigned: Vec::new(),
                    given: Vec::new(),
                    copied: Vec::new(),
                    handed: Vec::new(),
                    lent: Vec::new(),
                });
                loops.len() - 1
            });
            let mut work = vec![*block];
            while let Some(inside) = work.pop() {
                if !loops[at].blocks.has(inside.0 as usize) {
                    loops[at].blocks.set(inside.0 as usize);
                    work.extend(&predecessors[inside.0 as usize]);
                }
            }
        }
    }
    for found in &mut loops {
        let inside = function.blocks.iter().enumerate().filter(|(at, _)| found.blocks.has(*at));
        for instr in inside.flat_map(|(_, block)| &block.instrs) {
            let InstrKind::Assign { to, from } = &instr.kind else { continue };
            if let (Expr::Field(..) | Expr::Index(..) | Expr::Deref(_), Expr::Var(var)) =
                (function.expr(*to), function.expr(*from))
            {
                found.given.push(var);
            }
            if let Expr::Var(var) = function.expr(*to) {
                let is_named = |var: &VarId| function.var(*var).is_some_and(|var| !var.temporary);
                if let Expr::Var(source) = function.expr(*from)
                    && is_named(&source)
                {
                    found.copied.push((var, source));
                }
                if matches!(function.expr(*from), Expr::Index(..) | Expr::AddressOf(_) | Expr::Text) {
                    found.lent.push(var);
                }
                let change = Change::of(function, var, *from);
                match found.assigned.iter_mut().find(|(known, _)| *known == var) {
                    Some((_, known)) if *known == change => {}
                    Some((_, known)) => *known = Change::Any,
                    None => found.assigned.push((var, change)),
                }
            }
        }
        let Loop { assigned, handed, blocks, .. } = found;
        let moving = |var: VarId| assigned.iter().any(|(known, _)| *known == var);
        let inside = function.blocks.iter().enumerate().filter(|(at, _)| blocks.has(*at));
        let instrs = inside.flat_map(|(_, block)| &block.instrs);
        handed.extend(instrs.flat_map(|instr| elements::handed(function, &instr.kind, moving)));
    }
    loops
}

impl Flow {
    /// Where the instruction with a number stands.
    pub(super) fn span_at(&self, function: &Function, number: u32) -> crate::c::syntax::Span {
        let block = self.first_instrs.partition_point(|first| *first <= number).saturating_sub(1);
        let offset = number.saturating_sub(self.first_instrs.get(block).copied().unwrap_or(0)) as usize;
        let Some(block) = function.blocks.get(block) else { return function.span };
        match (block.instrs.get(offset), &block.end) {
            (Some(instr), _) => instr.span,
            (
                None,
                Terminator::Branch { span, .. } | Terminator::Switch { span, .. } | Terminator::Return { span, .. },
            ) => *span,
            (None, _) => function.span,
        }
    }
}
