//! Members that macros are told by their bare names, as in `DEFINE_PROPERTY(class, struct box, label)`: what such a macro does
//! with the member cannot be seen.

use super::Program;
use crate::c::ir::{Expr, Function, InstrKind};
use crate::c::names::Name;

/// The arguments of calls that are names of members and of nothing else.
pub(super) fn named_members(program: &Program, function: &Function) -> Vec<Name> {
    let args = function.instrs().flat_map(|instr| match &instr.kind {
        InstrKind::Call { args, .. } => &args[..],
        _ => &[],
    });
    let names = args.filter_map(|arg| match function.expr(*arg) {
        Expr::Global(name) => Some(name),
        _ => None,
    });
    let is_only_a_member = |name: &Name| {
        program.members.contains(name)
            && !program.defines(*name)
            && !program.types.has_global(*name)
            && program.constant_of(*name).is_none()
    };
    names.filter(is_only_a_member).collect()
}
