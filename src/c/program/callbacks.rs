//! Which arguments of unknown functions go with a function that they are given as well: `watch(fd, on_data, item)` may hand the
//! item to `on_data` long after it returned.

use super::Program;
use crate::c::ir::{Callee, Expr, Function, InstrKind};
use crate::c::names::Name;

/// The callees, and the numbers of the arguments right behind one that is a function of the tree.
pub(super) fn given_with_callbacks(program: &Program, function: &Function) -> Vec<(Name, u16)> {
    let mut found = Vec::new();
    for instr in function.instrs() {
        let InstrKind::Call { callee: Callee::Named(name), args, .. } = &instr.kind else { continue };
        if args.len() < 2 || program.defines(*name) {
            continue;
        }
        let is_function = |arg| match function.expr(arg) {
            Expr::Global(given) => program.defines(given),
            Expr::AddressOf(place) => matches!(function.expr(place), Expr::Global(given) if program.defines(given)),
            _ => false,
        };
        let behind = args.iter().enumerate().skip(1).filter(|(number, _)| is_function(args[number - 1]));
        found.extend(behind.map(|(number, _)| (*name, number as u16)));
    }
    found
}
