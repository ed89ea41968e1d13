//! Places as they are written in the source.

use super::Walk;
use crate::c::domain::{Region, RegionId, State, Symbol, SymbolId, Value};
use crate::c::ir::{Expr, ExprId, Shape, VarId};
use crate::c::names::Name;

impl Walk<'_> {
    /// A place as it is written in C, if it can be written.
    pub(super) fn text_of(&self, view: &State, region: RegionId) -> Option<String> {
        self.text_within(view, region, 6)
    }

    fn text_within(&self, view: &State, region: RegionId, depth: u32) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        match self.arena.region_of(region) {
            Region::Var(var) => {
                // An array and its first element are one place.
                let is_array = self.function.var(var).is_some_and(|var| var.shape == Shape::Array);
                Some(format!("{}{}", self.variable(var)?, if is_array { "[0]" } else { "" }))
            }
            Region::Global(name) => Some(self.program.text(name).to_owned()).filter(|text| text != "?"),
            Region::Field(base, field) => {
                let field = self.member_text(field);
                match self.arena.region_of(base) {
                    Region::Pointee(pointer) => Some(format!("{}->{field}", self.pointer_text(view, pointer, depth)?)),
                    _ => Some(format!("{}.{field}", self.text_within(view, base, depth)?)),
                }
            }
            Region::Element(base, Value::Int(index)) => match self.arena.region_of(base) {
                Region::Pointee(pointer) => Some(format!("{}[{index}]", self.pointer_text(view, pointer, depth)?)),
                Region::Var(array) => Some(format!("{}[{index}]", self.variable(array)?)),
                _ => Some(format!("{}[{index}]", self.text_within(view, base, depth)?)),
            },
            Region::Pointee(pointer) => Some(format!("*{}", self.pointer_text(view, pointer, depth)?)),
            Region::Element(..) | Region::Text => None,
        }
    }

    /// A member; of those that share their storage, the first one that the function takes for a pointer.
    fn member_text(&self, field: Name) -> &str {
        let function = self.function;
        if function.shared.is_empty() {
            return self.program.text(field);
        }
        let named = |id: ExprId| match function.expr(id) {
            Expr::Field(_, name) if name == field || function.shared.get(&id) == Some(&field) => Some(name),
            _ => None,
        };
        let is_pointer = |id| self.program.types.of(function, id).is_some_and(|declared| declared.pointers > 0);
        let mut all = (0..function.exprs.len() as u32).map(ExprId);
        let pointer = all.find_map(|id| named(id).filter(|_| is_pointer(id)));
        self.program.text(pointer.unwrap_or(field))
    }

    /// A variable that the file names.
    fn variable(&self, var: VarId) -> Option<String> {
        let var = self.function.var(var).filter(|var| !var.temporary)?;
        Some(self.program.text(var.name).to_owned()).filter(|text| !text.is_empty() && text != "?")
    }

    /// A place that holds a pointer.
    fn pointer_text(&self, view: &State, pointer: SymbolId, depth: u32) -> Option<String> {
        if let Symbol::Initial(region) = self.arena.symbol_of(pointer) {
            return self.text_within(view, region, depth);
        }
        self.holder(view, pointer, depth)
    }

    /// The simplest place that holds a pointer to an object.
    pub(super) fn holder(&self, view: &State, symbol: SymbolId, depth: u32) -> Option<String> {
        let holders = view.store.iter().filter(|(_, value)| *value == Value::Symbol(symbol));
        let texts = holders.filter_map(|(region, _)| self.text_within(view, *region, depth));
        texts.min_by_key(|text| (text.len(), text.clone()))
    }
}
