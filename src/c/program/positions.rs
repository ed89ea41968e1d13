//! What a list puts into a structure by position (`struct point corner = { left, &top };`), once the whole tree tells which
//! member stands there.

use std::sync::OnceLock;

use super::Program;
use crate::c::ir::{Expr, ExprId, Function, Instr, InstrKind};
use crate::c::names::{Map, Name, Set};
use crate::c::types::Type;

/// Members beyond this many are not told by their position: all have the name of the first of them.
const MAX_POSITIONS: usize = 64;

/// The name that stands for the member at a position until its structure is known.
pub(in crate::c) fn name_of(position: usize) -> String {
    format!("[{}]", position.min(MAX_POSITIONS))
}

/// The position that a name stands for.
fn position(name: Name) -> Option<usize> {
    static POSITIONS: OnceLock<Map<Name, usize>> = OnceLock::new();
    let all = || (0..=MAX_POSITIONS).map(|position| (Name::of(&name_of(position)), position)).collect();
    POSITIONS.get_or_init(all).get(&name).copied()
}

/// Puts the members' names where lists give positions. Where a structure is not known, or a list is longer than it, what is
/// put there is out of sight, and nothing tells which of its members are zero.
pub(super) fn settle(program: &Program, function: &mut Function) {
    let mut unknown: Set<ExprId> = Set::default();
    let mut structures: Set<ExprId> = Set::default();
    for number in 0..function.exprs.len() {
        let id = ExprId(number as u32);
        let Expr::Field(structure, name) = function.expr(id) else { continue };
        let Some(position) = position(name) else { continue };
        match member_at(program, function, structure, position) {
            Some(member) => function.exprs[number] = Expr::Field(structure, member),
            None => {
                unknown.insert(id);
                structures.insert(structure);
            }
        }
    }
    if unknown.is_empty() {
        return;
    }
    let Function { blocks, exprs, .. } = function;
    for block in blocks {
        let instrs = std::mem::take(&mut block.instrs);
        for mut instr in instrs {
            match &mut instr.kind {
                InstrKind::Assign { to, from } if structures.contains(to) && exprs[from.0 as usize] == Expr::Int(0) => {
                    *from = ExprId(exprs.len() as u32);
                    exprs.push(Expr::Unknown);
                }
                InstrKind::Assign { to, from } if unknown.contains(to) => {
                    let (span, from) = (instr.span, *from);
                    let value = exprs[from.0 as usize];
                    if !matches!(value, Expr::Int(_) | Expr::Text) {
                        block.instrs.push(Instr { span, kind: InstrKind::Blind(Box::new([from])) });
                    }
                    // `{ "verbose", 'v', &verbose }`: whoever is given the table may write there.
                    if !matches!(value, Expr::AddressOf(_)) {
                        continue;
                    }
                }
                _ => {}
            }
            block.instrs.push(instr);
        }
    }
}

/// The member at a position of a structure. Where a member before it holds members of its own and was given no list, its
/// members may have been written out among the others.
fn member_at(program: &Program, function: &Function, structure: ExprId, position: usize) -> Option<Name> {
    let types = &program.types;
    let (owner, pointers) = types.owner(types.of(function, structure)?, function.file)?;
    let fields = types.fields(owner.name, function.file);
    let (member, _) = fields.get(position).filter(|_| pointers == 0 && position < MAX_POSITIONS)?;
    let is_given = |(at, (name, _)): (usize, &(Name, Type))| {
        let place = Name::of(&name_of(at));
        function
            .exprs
            .iter()
            .any(|expr| matches!(expr, Expr::Field(base, own) if *base == structure && (own == name || *own == place)))
    };
    let holds_several = |declared: Type| {
        declared.is_array || types.owner(declared, function.file).is_some_and(|(_, pointers)| pointers == 0)
    };
    let before = fields.iter().take(position).enumerate();
    let mut several = before.filter(|(_, (_, declared))| holds_several(*declared));
    several.all(is_given).then_some(*member)
}
