//! Members that share their storage, by the types that lead to them: a name alone may be another structure's as well.

use super::Program;
use crate::c::ir::{Expr, ExprId, Function};
use crate::c::names::{Map, Name};

/// The members of unions in a function's expressions, each with the one that stands for all of its union.
pub(super) fn shared(program: &Program, function: &Function) -> Map<ExprId, Name> {
    let mut shared = Map::default();
    for (number, expr) in function.exprs.iter().enumerate() {
        let id = ExprId(number as u32);
        let Expr::Field(_, field) = *expr else { continue };
        let owner = program.types.member(function, id).and_then(|member| member.owner);
        let Some(owner) = owner.filter(|owner| program.types.is_union(*owner)) else { continue };
        let fields = program.types.fields(owner.name, function.file);
        // Who does not know the type goes by the name, where that is no structure's.
        let by_name = fields.iter().find(|(name, _)| !program.members.contains(name));
        let Some((first, _)) = by_name.or(fields.first()) else { continue };
        if *first != field {
            shared.insert(id, *first);
        }
    }
    shared
}
