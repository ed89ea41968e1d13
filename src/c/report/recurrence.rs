//! Whether one call loses memory once or in every turn of a loop.

use super::Decided;
use crate::c::domain::LossKind;
use crate::c::ir::{BlockId, Function};
use crate::c::syntax::Span;

/// How often one call of the function loses the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recurrence {
    /// Once at most.
    Once,
    /// In every turn of a loop, so that one call loses any amount.
    EveryTurn,
}

/// The acquisition is repeated by a loop, and its memory is lost inside of that loop.
pub(super) fn of(function: &Function, decided: &Decided) -> Recurrence {
    let inside =
        |kind| matches!(kind, LossKind::Overwrite | LossKind::Scope | LossKind::Reallocation | LossKind::Container);
    let lost_inside = decided.losses.iter().any(|found| inside(found.loss.kind));
    let repeated = block_of(function, decided.site.span).is_some_and(|block| leads_to(function, block, block));
    if lost_inside && repeated { Recurrence::EveryTurn } else { Recurrence::Once }
}

fn block_of(function: &Function, span: Span) -> Option<BlockId> {
    let holds = |block: &crate::c::ir::Block| block.instrs.iter().any(|instr| instr.span == span);
    function.blocks.iter().position(holds).map(|index| BlockId(index as u32))
}

/// Whether a way of at least one step leads from one block to another.
fn leads_to(function: &Function, from: BlockId, to: BlockId) -> bool {
    let successors =
        |id: BlockId| function.blocks.get(id.0 as usize).map(|block| block.end.successors()).unwrap_or_default();
    let mut seen = vec![false; function.blocks.len()];
    let mut open = successors(from);
    while let Some(block) = open.pop() {
        if block == to {
            return true;
        }
        if let Some(seen) = seen.get_mut(block.0 as usize).filter(|seen| !**seen) {
            *seen = true;
            open.extend(successors(block));
        }
    }
    false
}
