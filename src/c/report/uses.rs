//! Who sees the memory between its acquisition and its loss, as steps that answer "does not somebody else free it?".

use super::{FileView, TraceStep};
use crate::c::Tree as SourceTree;
use crate::c::ir::{Callee, Expr, Function, InstrKind};
use crate::c::keeping::between::Between;
use crate::c::program::FunctionId;
use crate::c::syntax::Span;
use crate::c::walk::Site;

/// So many of the functions that see it are told.
const MOST_USES: usize = 4;

/// The calls between the acquisition and the loss that are given `variable`, as far as the callee's body was read. The walk
/// has seen that each of them leaves the memory to its caller, else there would be no loss to tell.
pub(super) fn uses(
    tree: &SourceTree,
    view: &FileView,
    id: FunctionId,
    variable: &str,
    (site, lost): (&Site, Span),
) -> Vec<TraceStep> {
    let Some(function) = tree.program.functions.get(id.0 as usize) else { return Vec::new() };
    let is_released = |span: Span| tree.walks[id.0 as usize].releases.iter().any(|seen| seen.span == span);
    let mut calls: Vec<(Span, &str)> = Vec::new();
    for instr in Between::of(function, site, &[lost]).steps() {
        let InstrKind::Call { callee: Callee::Named(name), args, .. } = &instr.kind else { continue };
        let is_known = tree.program.resolve(*name, function.file).is_some() && !is_released(instr.span);
        let is_behind = instr.span.start > site.span.start;
        if is_known && is_behind && args.iter().any(|arg| names(tree, function, *arg, variable)) {
            calls.push((instr.span, tree.program.text(*name)));
        }
    }
    calls.sort_by_key(|(span, _)| span.start);
    calls.dedup();
    let step = |(span, name): (Span, &str)| TraceStep {
        line: view.lines.line(span.start),
        note: format!("`{name}` gets `{variable}` and neither keeps nor releases it"),
    };
    calls.into_iter().take(MOST_USES).map(step).collect()
}

/// Whether an argument is the variable itself.
fn names(tree: &SourceTree, function: &Function, arg: crate::c::ir::ExprId, variable: &str) -> bool {
    match function.expr(arg) {
        Expr::Var(var) => function.var(var).is_some_and(|var| tree.program.text(var.name) == variable),
        _ => false,
    }
}
