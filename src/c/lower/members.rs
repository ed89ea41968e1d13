//! Members of structures, as they are named after `.` and `->`.

use super::{At, Lowerer};
use crate::c::ir::{Expr, ExprId};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};

impl Lowerer<'_> {
    pub(super) fn field(&mut self, at: At) -> ExprId {
        let base = self.part(at, Role::Argument);
        let Some(field) = self.frames.child(at, Role::Field) else { return self.unknown() };
        let base = self.followed(at, base);
        self.member(base, field)
    }

    /// What the operator at `at` takes a member of: `base`, or what it points to.
    fn followed(&mut self, at: At, base: ExprId) -> ExprId {
        match self.operator(at) {
            Some("->") => self.build.expr(Expr::Deref(base)),
            _ => base,
        }
    }

    /// A member of a structure, as it is named after `.`; the parameter of a macro stands for all of `list[0].name`.
    fn member(&mut self, base: ExprId, named: At) -> ExprId {
        let named = match self.frames.argument(named, Name::of(self.frames.text(named))) {
            Some(argument) => self.resolve(argument),
            None => named,
        };
        match (self.frames.node(named).kind, self.frames.child(named, Role::Argument)) {
            (Kind::FieldExpression, Some(outer)) => {
                let outer = self.member(base, outer);
                let Some(inner) = self.frames.child(named, Role::Field) else { return outer };
                let outer = self.followed(named, outer);
                self.member(outer, inner)
            }
            (Kind::SubscriptExpression, Some(outer)) => {
                let outer = self.member(base, outer);
                let index = self.part(named, Role::Index);
                self.build.expr(Expr::Index(outer, index))
            }
            _ => {
                let name = self.intern(named);
                self.build.expr(Expr::Field(base, name))
            }
        }
    }
}
