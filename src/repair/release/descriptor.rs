//! Streams over a descriptor: closing one closes the descriptor as well.

use crate::c::Tree as SourceTree;
use crate::c::ir::{BinaryOp, BlockId, Callee, Expr, ExprId, Function, Instr, InstrKind, Terminator, VarId};
use crate::c::names::Name;
use crate::c::report::Candidate;

/// What makes a stream over a descriptor that it is given.
const MAKERS: &[&str] = &["fdopen", "fdopendir", "gzdopen", "BIO_new_fd"];

/// Refuses where somebody else has the descriptor under a stream: the caller, who gave it or gets it, or this function,
/// which closes it itself where there is a stream.
pub(super) fn is_its_own(tree: &SourceTree, candidate: &Candidate, holder: &str) -> Result<(), String> {
    let site = &candidate.decided.site;
    if !makes_a_stream(tree, site.source) {
        return Ok(());
    }
    let function = &tree.program.functions[candidate.function.0 as usize];
    for (id, instr) in function.numbered().flat_map(|(id, block)| block.instrs.iter().map(move |instr| (id, instr))) {
        if instr.span == site.span
            && let InstrKind::Call { args, .. } = &instr.kind
            && let Some(descriptor) = args.first()
            && !is_left_alone(function, *descriptor, (id, Name::of(holder)))
        {
            return Err("closing it closes its descriptor as well, which somebody else has".to_owned());
        }
    }
    Ok(())
}

/// Refuses the release of a member that holds such a stream: the structure mostly has the descriptor, too, and whoever closes that
/// may have done so long before.
pub(super) fn is_no_member(tree: &SourceTree, source: Name) -> Result<(), String> {
    if makes_a_stream(tree, source) {
        return Err("closing it closes its descriptor as well, which may be closed by itself".to_owned());
    }
    Ok(())
}

fn makes_a_stream(tree: &SourceTree, source: Name) -> bool {
    MAKERS.contains(&tree.program.text(source))
}

fn is_left_alone(function: &Function, descriptor: ExprId, (acquired, holder): (BlockId, Name)) -> bool {
    let Expr::Var(var) = function.expr(descriptor) else { return false };
    if var.0 < function.parameters {
        return false;
    }
    let is_it = |id: &ExprId| function.expr(*id) == Expr::Var(var);
    let gives = |instr: &Instr| match &instr.kind {
        InstrKind::Assign { to, from } => is_it(from) && !matches!(function.expr(*to), Expr::Var(_)),
        _ => false,
    };
    let closes = |instr: &Instr| match &instr.kind {
        InstrKind::Call { callee: Callee::Named(name), args, .. } => {
            *name == Name::of("close") && args.iter().any(is_it)
        }
        _ => false,
    };
    let returns = |end: &Terminator| matches!(end, Terminator::Return { value: Some(value), .. } if is_it(value));
    let mut blocks = function.blocks.iter();
    if blocks.any(|block| block.instrs.iter().any(gives) || returns(&block.end)) {
        return false;
    }
    let opened = where_opened(function, acquired, holder);
    let mut after = function.after(opened.iter().copied());
    after.extend(opened);
    !after.iter().any(|id| function.blocks[id.0 as usize].instrs.iter().any(closes))
}

/// Where a path goes on once there is a stream: behind the first tests of it, or else behind the acquisition.
fn where_opened(function: &Function, acquired: BlockId, holder: Name) -> Vec<BlockId> {
    let is_holder = |var: VarId| function.var(var).is_some_and(|var| var.name == holder);
    let mut found = Vec::new();
    for id in function.after(std::iter::once(acquired)).into_iter().chain([acquired]) {
        if let Terminator::Branch { condition, then, otherwise, .. } = &function.blocks[id.0 as usize].end
            && let Some(holds) = tested(function, *condition, &is_holder)
        {
            found.push(if holds { *then } else { *otherwise });
        }
    }
    if found.is_empty() { vec![acquired] } else { found }
}

/// Whether a condition holds where a variable is not null, if it asks for that.
fn tested(function: &Function, condition: ExprId, is_it: &impl Fn(VarId) -> bool) -> Option<bool> {
    match function.expr(condition) {
        Expr::Var(var) if is_it(var) => Some(true),
        Expr::Not(inner) => tested(function, inner, is_it).map(|holds| !holds),
        Expr::Binary(BinaryOp::Equal, a, b) => {
            let other = match (function.expr(a), function.expr(b)) {
                (Expr::Int(0), _) => b,
                (_, Expr::Int(0)) => a,
                _ => return None,
            };
            tested(function, other, is_it).map(|holds| !holds)
        }
        _ => None,
    }
}
