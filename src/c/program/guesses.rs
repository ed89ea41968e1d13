//! Which unknown functions may hand out something that must be released: those whose output is put into a place from
//! which, in the same function, something is released. A quick look without paths, so that the walk need not follow
//! every number that an unknown function returns.

use super::Program;
use crate::c::ir::{Callee, Expr, ExprId, Function, InstrKind, VarId};
use crate::c::names::{Map, Name, Set};

/// The outputs of functions that `function` puts where it releases from.
pub(super) fn guesses(program: &Program, function: &Function) -> Vec<(Name, u16)> {
    let released = released_places(program, function);
    if released.is_empty() {
        return Vec::new();
    }
    let mut results: Map<VarId, Name> = Map::default();
    let mut found = Vec::new();
    for instr in function.instrs() {
        match &instr.kind {
            InstrKind::Call { into, spelled, callee, args } => {
                if !function.is_named(*callee, *spelled) {
                    // A macro around it is no source: others stand in the same one.
                    continue;
                }
                results.insert(*into, *spelled);
                for (number, arg) in args.iter().enumerate() {
                    if let Expr::AddressOf(place) = function.expr(*arg)
                        && released.contains(&shape(function, place))
                    {
                        found.push((*spelled, number as u16 + 1));
                    }
                }
            }
            InstrKind::Assign { to, from } => {
                if let Expr::Var(var) = function.expr(*from)
                    && let Some(source) = results.get(&var).copied()
                {
                    if released.contains(&shape(function, *to)) && !is_structure(program, function, *to) {
                        found.push((source, 0));
                    }
                    // A temporary may hand the result on.
                    if let Expr::Var(next) = function.expr(*to)
                        && function.var(next).is_some_and(|var| var.temporary)
                    {
                        results.insert(next, source);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn released_places(program: &Program, function: &Function) -> Set<u64> {
    let mut places = Set::default();
    for instr in function.instrs() {
        let InstrKind::Call { callee: Callee::Named(name), args, .. } = &instr.kind else { continue };
        let releases = program.sounds_like_release(*name, function.file);
        if !releases {
            continue;
        }
        for arg in args {
            let place = match function.expr(*arg) {
                Expr::AddressOf(place) => place,
                _ => *arg,
            };
            places.insert(shape(function, place));
        }
    }
    places
}

/// Whether a place is a structure itself, so that what is put there is no pointer: `struct map map = EMPTY(&map);`.
fn is_structure(program: &Program, function: &Function, place: ExprId) -> bool {
    let declared = program.types.of(function, place);
    declared.is_some_and(|declared| declared.pointers == 0 && declared.is_tag)
}

/// A number that equal expressions share.
fn shape(function: &Function, expr: ExprId) -> u64 {
    let mut hash = 0u64;
    let mut mix = |value: u64| hash = (hash.rotate_left(7) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    function.walk(expr, &mut |inner| match inner {
        Expr::Var(var) => mix(u64::from(var.0) << 8 | 1),
        Expr::Global(name) => mix(name.0 ^ 2),
        Expr::Field(_, name) => mix(name.0 ^ 3),
        Expr::Deref(_) => mix(4),
        Expr::Index(..) => mix(5),
        Expr::AddressOf(_) => mix(6),
        Expr::Int(value) => mix(value as u64 ^ 7),
        _ => mix(8),
    });
    hash
}
