//! What only the types of the whole tree tell about an expression that one file can be read in two ways.

use super::{Name, Types};
use crate::c::ir::{BinaryOp, Callee, Expr, ExprId, Function, InstrKind};

impl Types {
    /// Reads a function again where a type was taken for a value. `is_function` tells which names are functions as well.
    pub fn settle(&self, function: &mut Function, is_function: impl Fn(Name) -> bool) {
        self.find_casts(function);
        self.find_casts_like_calls(function, is_function);
        self.let_arrays_decay(function);
        self.type_results(function);
    }

    /// What takes the result of a call has the type that the callee is declared with.
    fn type_results(&self, function: &mut Function) {
        let Function { blocks, vars, .. } = function;
        for instr in blocks.iter().flat_map(|block| &block.instrs) {
            let InstrKind::Call { into, callee: Callee::Named(name), .. } = &instr.kind else { continue };
            let given = self.results.get(name).copied().flatten();
            if let Some((var, given)) = vars.get_mut(into.0 as usize).filter(|var| var.temporary).zip(given) {
                var.declared = given;
            }
        }
    }

    /// `(text_t)&place` and `(text_t)*pointer` are casts, and no calculations with something called `text_t`.
    fn find_casts(&self, function: &mut Function) {
        for at in 0..function.exprs.len() {
            let Expr::Binary(op, left, right) = function.exprs[at] else { continue };
            if !matches!(function.expr(left), Expr::Global(name) if self.names.contains(&name)) {
                continue;
            }
            function.exprs[at] = match op {
                BinaryOp::And => Expr::AddressOf(right),
                BinaryOp::Multiply => Expr::Deref(right),
                _ => Expr::Derived(right),
            };
        }
    }

    /// `(text_t)(value)` is a cast, and no call.
    fn find_casts_like_calls(&self, function: &mut Function, is_function: impl Fn(Name) -> bool) {
        let exprs = &mut function.exprs;
        for instr in function.blocks.iter_mut().flat_map(|block| &mut block.instrs) {
            let InstrKind::Call { into, callee: Callee::Named(name), args, .. } = &instr.kind else { continue };
            if let [value] = args[..]
                && self.names.contains(name)
                && !is_function(*name)
            {
                let to = ExprId(exprs.len() as u32);
                exprs.push(Expr::Var(*into));
                instr.kind = InstrKind::Assign { to, from: value };
            }
        }
    }

    /// Where a pointer points to an array, what it points to is worth what the pointer is worth: with `typedef char line[80]`,
    /// `*text` is the same address as `text` that is declared as `line *`.
    fn let_arrays_decay(&self, function: &mut Function) {
        if self.arrays.is_empty() {
            return;
        }
        let leads_to_array = |function: &Function, pointer| match function.expr(pointer) {
            Expr::Var(var) => function
                .var(var)
                .is_some_and(|var| var.declared.pointers == 1 && self.arrays.contains(&var.declared.name)),
            _ => false,
        };
        for at in 0..function.exprs.len() {
            if let Expr::Deref(pointer) = function.exprs[at]
                && leads_to_array(function, pointer)
            {
                function.exprs[at] = function.expr(pointer);
            }
        }
    }
}
