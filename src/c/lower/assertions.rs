//! Assertions end the path where they fail.

use super::{At, Lowerer};
use crate::c::ir::{BinaryOp, Expr, ExprId, Terminator};
use crate::c::knowledge::assertions::Claim;
use crate::c::names::Name;

impl Lowerer<'_> {
    /// Goes on only where an assertion holds, if a call is one that ends the path; else the call is worth what it asks.
    pub(super) fn assertion(&mut self, at: At, name: &str, arguments: &[At]) -> Option<ExprId> {
        let claim =
            self.frames.macros.claim(Name::of(name)).filter(|claim| arguments.len() > usize::from(claim.compares()))?;
        if let (Claim::Nothing, [first, ..]) = (claim, arguments) {
            return Some(self.value(*first));
        }
        let (yes, no) = (self.build.new_block(), self.build.new_block());
        match (claim, arguments) {
            (Claim::Holds, [first, ..]) => self.condition(*first, yes, no, no),
            (Claim::Fails, [first, ..]) => self.condition(*first, no, yes, no),
            (_, [left, right, ..]) => {
                let (left, right) = (self.value(*left), self.value(*right));
                let equal = self.build.expr(Expr::Binary(BinaryOp::Equal, left, right));
                let (then, otherwise) = if claim == Claim::Equal { (yes, no) } else { (no, yes) };
                self.build.branch_on(self.frames.span(at), equal, then, otherwise);
                self.build.go_on(no);
            }
            _ => return None,
        }
        self.build.end(Terminator::Unreachable, yes);
        Some(self.unknown())
    }
}
