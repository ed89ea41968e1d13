//! The steps of a function that can lie between an acquisition and its loss.

use crate::c::ir::{Function, Instr, InstrKind, Terminator};
use crate::c::syntax::Span;
use crate::c::walk::Site;

/// A step: its block and its number there; behind the last one lies the block's end.
type Position = (usize, usize);

/// The steps that some path takes after an acquisition and before a loss.
pub(in crate::c) struct Between<'a> {
    function: &'a Function,
    acquired: Vec<Position>,
    /// Empty if it cannot be told where the loss is.
    lost: Vec<Position>,
    /// The blocks that come after an acquisition, and those that come before a loss.
    after: Vec<bool>,
    before: Vec<bool>,
}

impl<'a> Between<'a> {
    pub(in crate::c) fn of(function: &'a Function, site: &Site, losses: &[Span]) -> Between<'a> {
        let is_acquired = |instr: &Instr| {
            instr.span == site.span && matches!(&instr.kind, InstrKind::Call { spelled, .. } if *spelled == site.source)
        };
        let (mut acquired, mut lost) = (Vec::new(), Vec::new());
        for (number, block) in function.blocks.iter().enumerate() {
            for (at, instr) in block.instrs.iter().enumerate() {
                if is_acquired(instr) {
                    acquired.push((number, at));
                }
                // What the same statement acquires anew is lost before that.
                let is_again =
                    |(block, start): &&Position| *block == number && instr.span.contains(site.span) && *start < at;
                if losses.contains(&instr.span) {
                    lost.push(acquired.iter().rev().find(is_again).copied().unwrap_or((number, at)));
                }
            }
            if end_of(&block.end).is_some_and(|span| losses.contains(&span)) {
                lost.push((number, block.instrs.len()));
            }
        }
        let successors: Vec<Vec<usize>> = function
            .blocks
            .iter()
            .map(|block| block.end.successors().iter().map(|next| next.0 as usize).collect())
            .collect();
        let mut predecessors = vec![Vec::new(); successors.len()];
        for (from, all) in successors.iter().enumerate() {
            for to in all {
                predecessors[*to].push(from);
            }
        }
        let after = reached(&acquired, &successors, &acquired);
        let before = reached(&lost, &predecessors, &acquired);
        Between { function, acquired, lost, after, before }
    }

    /// Whether a path leads from an acquisition to itself.
    pub(super) fn is_a_round(&self) -> bool {
        self.acquired.iter().any(|(block, _)| self.after[*block])
    }

    /// The acquisitions.
    pub(super) fn acquisitions(&self) -> impl Iterator<Item = &'a Instr> {
        self.acquired.iter().map(|(block, at)| &self.function.blocks[*block].instrs[*at])
    }

    /// The steps.
    pub(in crate::c) fn steps(&self) -> impl Iterator<Item = &'a Instr> + '_ {
        let numbered = self.function.blocks.iter().enumerate();
        let all = numbered
            .flat_map(|(number, block)| block.instrs.iter().enumerate().map(move |(at, instr)| (number, at, instr)));
        all.filter(|(number, at, _)| self.has(*number, *at)).map(|(_, _, instr)| instr)
    }

    /// Whether a step can lie between them.
    pub(super) fn has(&self, block: usize, at: usize) -> bool {
        // A loop comes back to the block of the acquisition, as far as to that; a loss before it comes from there.
        let starts = || self.acquired.iter().filter(|(other, _)| *other == block).map(|(_, start)| *start);
        let ends = || self.lost.iter().filter(|(other, _)| *other == block).map(|(_, end)| *end);
        let is_after = starts().any(|start| at >= start) || self.after[block] && starts().all(|start| at < start);
        let is_before = ends().any(|end| at <= end)
            || self.before[block] && (starts().next().is_none() || starts().any(|start| at >= start));
        is_after && (is_before || self.lost.is_empty())
    }
}

fn end_of(end: &Terminator) -> Option<Span> {
    match end {
        Terminator::Branch { span, .. } | Terminator::Switch { span, .. } | Terminator::Return { span, .. } => {
            Some(*span)
        }
        Terminator::Goto(_) | Terminator::Any(_) | Terminator::Unreachable => None,
    }
}

/// The blocks that can be come to from the ends of these, but not through `stops`: what is acquired anew is another object.
fn reached(from: &[Position], next: &[Vec<usize>], stops: &[Position]) -> Vec<bool> {
    let mut has = vec![false; next.len()];
    let mut work: Vec<usize> = from.iter().flat_map(|(block, _)| next[*block].iter().copied()).collect();
    while let Some(block) = work.pop() {
        let is_new = !std::mem::replace(&mut has[block], true);
        if is_new && stops.iter().all(|(stop, _)| *stop != block) {
            work.extend(&next[block]);
        }
    }
    has
}
