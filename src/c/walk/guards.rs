//! Releases behind a condition of their own: `if (own) free(text);`.
//!
//! Whoever writes that has thought of the other case: there the pointer belongs to someone else, or is the same as
//! another one, or was never filled. Such a condition is seldom one that the engine can relate to the acquisition, so
//! on the way around the release nothing is said of the object. An arm that does other work as well proves nothing: there
//! the other case is easily forgotten.

use super::flow::{Bits, Flow};
use crate::c::ir::{BlockId, Callee, Expr, ExprId, Function, InstrKind, Terminator, VarId};
use crate::c::names::Map;
use crate::c::program::Program;
use crate::c::syntax::Span;

/// Blocks of an arm that only releases.
const MAX_ARM: usize = 12;
/// Larger functions are walked without this.
const MAX_BLOCKS: usize = 3_000;

/// For each way out of a branch, the locals that only the other way releases and that this way never mentions again.
pub(super) type Guards = Map<(BlockId, bool), Vec<VarId>>;

/// The guards of a function.
pub(super) fn guards(program: &Program, function: &Function, flow: &Flow) -> Guards {
    let mut found = Guards::default();
    let releases = releases(program, function, flow);
    if releases.is_empty() || flow.order.len() > MAX_BLOCKS {
        return found;
    }
    let reached = reached_ahead(function, flow);
    for block in &flow.order {
        let Some(Terminator::Branch { span, condition, then, otherwise }) =
            function.blocks.get(block.0 as usize).map(|b| &b.end)
        else {
            continue;
        };
        let around = function.conditionals.iter().filter(|whole| whole.contains(*span)).min_by_key(|w| w.end - w.start);
        let Some(around) = around.filter(|_| looks_at_something(function, *block, *condition)) else { continue };
        for (arm, other, taken) in [(*then, *otherwise, false), (*otherwise, *then, true)] {
            let (Some(arm), Some(beside)) = (flow.position(arm), flow.position(other)) else { continue };
            let mut vars = released_in_arm(function, flow, &reached, &releases, arm, beside, *around);
            vars.retain(|var| !flow.is_mentioned_from(*var, other));
            if !vars.is_empty() {
                found.insert((*block, taken), vars);
            }
        }
    }
    found
}

/// The direct releases of locals: the position of the block, the place, and the local.
fn releases(program: &Program, function: &Function, flow: &Flow) -> Vec<(usize, Span, VarId)> {
    let mut found = Vec::new();
    for (position, block) in flow.order.iter().enumerate() {
        for instr in &function.blocks[block.0 as usize].instrs {
            let InstrKind::Call { callee: Callee::Named(name), args, .. } = &instr.kind else { continue };
            let releases = program.sounds_like_release(*name, function.file);
            for arg in args.iter().filter(|_| releases) {
                if let Expr::Var(var) = function.expr(*arg) {
                    found.push((position, instr.span, var));
                }
            }
        }
    }
    found
}

/// For each block, by position, the positions that are reached from it without going back.
fn reached_ahead(function: &Function, flow: &Flow) -> Vec<Bits> {
    let mut reached = vec![Bits::new(flow.order.len()); flow.order.len()];
    for (position, block) in flow.order.iter().enumerate().rev() {
        let mut ahead = Bits::new(flow.order.len());
        ahead.set(position);
        for next in function.blocks[block.0 as usize].end.successors() {
            if let Some(next) = flow.position(next).filter(|next| *next > position) {
                ahead.add(&reached[next]);
            }
        }
        reached[position] = ahead;
    }
    reached
}

/// The locals released in the blocks that only `arm` leads to, if all of them go on where `beside` goes on, too.
fn released_in_arm(
    function: &Function,
    flow: &Flow,
    reached: &[Bits],
    releases: &[(usize, Span, VarId)],
    arm: usize,
    beside: usize,
    around: Span,
) -> Vec<VarId> {
    let own = |position: usize| reached[arm].has(position) && !reached[beside].has(position);
    let inside = releases.iter().filter(|(position, span, _)| own(*position) && around.contains(*span));
    let (places, vars): (Vec<Span>, Vec<VarId>) = inside.map(|(_, span, var)| (*span, *var)).unzip();
    if vars.is_empty() {
        return vars;
    }
    let blocks: Vec<usize> = (arm..flow.order.len()).filter(|position| own(*position)).take(MAX_ARM + 1).collect();
    let mut instrs = blocks.iter().flat_map(|position| &function.blocks[flow.order[*position].0 as usize].instrs);
    let only_releases = instrs.all(|instr| match &instr.kind {
        InstrKind::Call { .. } => places.contains(&instr.span),
        InstrKind::Assign { to, .. } => match function.expr(*to) {
            Expr::Var(var) => vars.contains(&var) || function.var(var).is_some_and(|var| var.temporary),
            _ => false,
        },
        InstrKind::Blind(_) => false,
        InstrKind::Use(_) | InstrKind::Declare(_) | InstrKind::Leave(_) => true,
    });
    if !only_releases {
        return Vec::new();
    }
    let rejoins = blocks.iter().all(|position| {
        let next = function.blocks[flow.order[*position].0 as usize].end.successors();
        !next.is_empty() && next.iter().all(|next| flow.position(*next).is_some_and(|next| next > *position))
    });
    if blocks.len() <= MAX_ARM && rejoins { vars } else { Vec::new() }
}

/// Whether a condition looks at a variable, or asks a function about one. A condition that a function without
/// arguments makes up cannot tell whose the pointer is.
fn looks_at_something(function: &Function, block: BlockId, condition: ExprId) -> bool {
    let (mut looks, mut temporaries) = (false, Vec::new());
    let mut visit = |inner: Expr| match inner {
        Expr::Var(var) if function.var(var).is_some_and(|var| var.temporary) => temporaries.push(var),
        Expr::Var(_) | Expr::Global(_) | Expr::Field(..) => looks = true,
        _ => {}
    };
    function.walk(condition, &mut visit);
    looks
        || function.blocks[block.0 as usize].instrs.iter().any(|instr| match &instr.kind {
            InstrKind::Call { into, args, .. } => temporaries.contains(into) && !args.is_empty(),
            _ => false,
        })
}
