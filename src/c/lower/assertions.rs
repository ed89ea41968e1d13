//! Assertions end the path where they fail.

use super::{At, Lowerer};
use crate::c::ir::{BinaryOp, Expr, ExprId, Terminator};
use crate::c::knowledge::assertions::Claim;
use crate::c::names::Name;

impl Lowerer<'_> {
    /// Goes on only where an assertion holds, if a call is one that ends the path; else the call is worth what it asks.
    pub(super) fn assertion(&mut self, at: At, name: &str, arguments: &[At]) -> Option<ExprId> {
        let claim = self.frames.macros.claim(Name::of(name))?;
        let first = *arguments.first()?;
        let other = if claim.compares() { Some(*arguments.get(1)?) } else { None };
        if claim == Claim::Nothing {
            return Some(self.value(first));
        }
        let (yes, no) = (self.build.new_block(), self.build.new_block());
        let (then, otherwise) = if claim.denies() { (no, yes) } else { (yes, no) };
        match other {
            None => self.condition(first, then, otherwise, no),
            Some(other) => {
                let (left, right) = (self.value(first), self.value(other));
                let equal = self.build.expr(Expr::Binary(BinaryOp::Equal, left, right));
                self.build.branch_on(self.frames.span(at), equal, then, otherwise);
                self.build.go_on(no);
            }
        }
        self.build.end(Terminator::Unreachable, yes);
        Some(self.unknown())
    }
}
