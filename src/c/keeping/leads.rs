//! What the variables of a function lead to.

use super::Keeper;
use crate::c::ir::{BinaryOp, Callee, Expr, ExprId, Function, InstrKind, Shape, VarId, Variable};
use crate::c::knowledge::Deed;
use crate::c::members::Known;
use crate::c::types::{Type, Types};

/// How a value leads to the memory that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Lead {
    /// It is the pointer, or points into the memory.
    pub(super) to: bool,
    /// It is the address of something that holds the pointer, or such an address.
    pub(super) around: bool,
}

impl Lead {
    pub(super) const NONE: Lead = Lead { to: false, around: false };
    pub(super) const TO: Lead = Lead { to: true, around: false };
    pub(super) const AROUND: Lead = Lead { to: false, around: true };
    pub(super) const BOTH: Lead = Lead { to: true, around: true };

    pub(super) fn any(self) -> bool {
        self.to || self.around
    }

    pub(super) fn or(self, other: Lead) -> Lead {
        Lead { to: self.to || other.to, around: self.around || other.around }
    }
}

/// What a place is a part of.
pub(super) enum Root {
    /// A local.
    Local(VarId),
    /// What a pointer points to.
    Behind(ExprId),
    /// An element of what a pointer points to, or of an array that is a member.
    Element(ExprId),
    /// What is not the function's.
    Elsewhere,
}

pub(super) fn root(function: &Function, place: ExprId) -> Root {
    match function.expr(place) {
        Expr::Var(var) => Root::Local(var),
        Expr::Field(base, _) => root(function, base),
        Expr::Deref(pointer) => Root::Behind(pointer),
        Expr::Index(base, _) => match function.expr(base) {
            Expr::Var(var) if function.var(var).is_some_and(|var| var.shape == Shape::Array) => Root::Local(var),
            Expr::Index(..) => root(function, base),
            Expr::Field(..) => Root::Element(base),
            _ => Root::Behind(base),
        },
        _ => Root::Elsewhere,
    }
}

/// Whose memory a pointer may point into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Owners {
    /// Locals, what they were given to point to by the caller, and what was made for them.
    vars: Vec<VarId>,
    /// Anybody else's.
    others: bool,
}

impl Owners {
    fn only(var: VarId) -> Owners {
        Owners { vars: vec![var], others: false }
    }

    fn anybody() -> Owners {
        Owners { vars: Vec::new(), others: true }
    }

    fn add(&mut self, other: &Owners) {
        self.others |= other.others;
        for var in &other.vars {
            if !self.vars.contains(var) {
                self.vars.push(*var);
            }
        }
    }
}

/// What the variables of a function lead to, and whose memory they point into.
#[derive(Clone)]
pub(super) struct Leads<'a> {
    pub(super) function: &'a Function,
    types: &'a Types,
    leads: Vec<Lead>,
    owners: Vec<Owners>,
    /// The parameters that lead to memory which may hold the pointer.
    pub(super) filled: Vec<u32>,
}

impl PartialEq for Leads<'_> {
    fn eq(&self, other: &Leads) -> bool {
        self.leads == other.leads && self.filled == other.filled
    }
}

impl<'a> Leads<'a> {
    /// Nothing leads to the memory yet.
    pub(super) fn of(known: Known<'a>, function: &'a Function) -> Leads<'a> {
        let mut owners = vec![Owners::default(); function.vars.len()];
        for (number, own) in owners.iter_mut().enumerate().take(function.parameters as usize) {
            *own = Owners::only(VarId(number as u32));
        }
        let leads = vec![Lead::NONE; function.vars.len()];
        let types = &known.program.types;
        let mut leads = Leads { function, types, leads, owners, filled: Vec::new() };
        leads.find_owners(known);
        leads
    }

    /// Follows assignments until no variable can point into any more memory.
    fn find_owners(&mut self, known: Known) {
        let function = self.function;
        loop {
            let before = self.owners.clone();
            for instr in function.instrs() {
                match &instr.kind {
                    InstrKind::Assign { to, from } => {
                        if let Root::Local(var) = root(function, *to) {
                            let owners = self.owners_of(*from);
                            self.owners[var.0 as usize].add(&owners);
                        }
                    }
                    InstrKind::Call { into, callee, .. } => {
                        let is_made = matches!(callee, Callee::Named(name) if matches!(known.program.deed(*name, function.file), Some(Deed::Acquire { .. })));
                        let owners = if is_made { Owners::only(*into) } else { Owners::anybody() };
                        self.owners[into.0 as usize].add(&owners);
                    }
                    _ => {}
                }
            }
            if self.owners == before {
                break;
            }
        }
    }

    /// Whose memory a value may point into.
    fn owners_of(&self, value: ExprId) -> Owners {
        let function = self.function;
        match function.expr(value) {
            Expr::Var(var) if function.var(var).is_some_and(|var| var.shape == Shape::Array) => Owners::only(var),
            Expr::Var(var) => self.owners.get(var.0 as usize).cloned().unwrap_or_default(),
            Expr::Field(..) | Expr::Deref(_) | Expr::Index(..) => match root(function, value) {
                Root::Local(var) => self.owners.get(var.0 as usize).cloned().unwrap_or_default(),
                Root::Behind(pointer) | Root::Element(pointer) => self.owners_of(pointer),
                Root::Elsewhere => Owners::anybody(),
            },
            Expr::AddressOf(place) => match root(function, place) {
                Root::Local(var) => Owners::only(var),
                Root::Behind(pointer) | Root::Element(pointer) => self.owners_of(pointer),
                Root::Elsewhere => Owners::anybody(),
            },
            Expr::Binary(BinaryOp::Add | BinaryOp::Subtract | BinaryOp::And | BinaryOp::Or, a, b) => {
                let mut owners = self.owners_of(a);
                owners.add(&self.owners_of(b));
                owners
            }
            Expr::Derived(inner) | Expr::Container(inner, _) => self.owners_of(inner),
            Expr::Global(_) | Expr::Unknown => Owners::anybody(),
            _ => Owners::default(),
        }
    }

    /// What the value of an expression leads to.
    pub(super) fn lead(&self, id: ExprId) -> Lead {
        let function = self.function;
        match function.expr(id) {
            Expr::Var(var) => self.of_var(var),
            Expr::Field(..) | Expr::Deref(_) | Expr::Index(..) => match root(function, id) {
                Root::Local(_) if self.is_text(id) => Lead::NONE,
                Root::Local(var) => self.of_var(var),
                Root::Behind(pointer) | Root::Element(pointer) => {
                    let is_number = || self.types.of(function, id).is_some_and(|known| self.types.is_number(known));
                    if self.lead(pointer).around && !is_number() { Lead::BOTH } else { Lead::NONE }
                }
                Root::Elsewhere => Lead::NONE,
            },
            Expr::AddressOf(place) => match root(function, place) {
                Root::Local(var) if self.of_var(var).any() => Lead::AROUND,
                Root::Behind(pointer) => self.lead(pointer),
                Root::Element(pointer) => self.of_element(pointer),
                Root::Local(_) | Root::Elsewhere => Lead::NONE,
            },
            Expr::Binary(BinaryOp::Add | BinaryOp::Subtract | BinaryOp::And | BinaryOp::Or, a, b) => {
                self.lead(a).or(self.lead(b))
            }
            Expr::Derived(inner) | Expr::Container(inner, _) => self.lead(inner),
            _ => Lead::NONE,
        }
    }

    /// Whether a place is a member that is an array of numbers: what lies in it leads nowhere.
    fn is_text(&self, place: ExprId) -> bool {
        self.types.of(self.function, place).is_some_and(Type::is_text)
            && matches!(self.function.expr(place), Expr::Field(..))
    }

    /// What the address of an element leads to, of what a member points to or of the member itself.
    fn of_element(&self, member: ExprId) -> Lead {
        let within = match root(self.function, member) {
            Root::Behind(pointer) | Root::Element(pointer) => self.lead(pointer),
            Root::Local(_) | Root::Elsewhere => Lead::NONE,
        };
        self.lead(member).or(within)
    }

    fn of_var(&self, var: VarId) -> Lead {
        self.leads.get(var.0 as usize).copied().unwrap_or_default()
    }

    /// The variables that are, or hold, a pointer to the memory.
    pub(super) fn leading(&self) -> Vec<VarId> {
        let numbered = (0u32..).map(VarId).zip(&self.leads);
        numbered.filter(|(_, lead)| lead.to).map(|(var, _)| var).collect()
    }

    /// Whether a place is a pointer by itself, as far as its declaration says.
    pub(super) fn is_pointer(&self, place: ExprId) -> bool {
        matches!(self.function.expr(place), Expr::Var(var) if self.is_pointer_var(var))
    }

    fn is_pointer_var(&self, var: VarId) -> bool {
        let is_pointer = |var: &Variable| var.temporary || var.declared.pointers > 0;
        self.function.var(var).is_some_and(|var| var.shape == Shape::Plain && is_pointer(var))
    }

    /// A variable leads to the memory, too.
    pub(super) fn add(&mut self, var: VarId, lead: Lead) {
        let is_number =
            self.function.var(var).is_some_and(|var| var.shape == Shape::Plain && self.types.is_number(var.declared));
        if let Some(own) = self.leads.get_mut(var.0 as usize).filter(|_| !is_number) {
            *own = own.or(lead);
        }
    }

    pub(super) fn assign(&mut self, to: ExprId, from: ExprId) -> Result<(), Keeper> {
        let lead = self.lead(from);
        if lead.any() { self.put(to, lead) } else { Ok(()) }
    }

    /// Puts what leads to the memory into a place.
    pub(super) fn put(&mut self, place: ExprId, lead: Lead) -> Result<(), Keeper> {
        match root(self.function, place) {
            Root::Local(var) => {
                let is_whole = matches!(self.function.expr(place), Expr::Var(_));
                self.add(var, if is_whole { lead } else { Lead::BOTH });
                Ok(())
            }
            Root::Element(pointer) if self.of_element(pointer) == Lead::TO => Ok(()),
            Root::Behind(pointer) | Root::Element(pointer) => self.put_behind(pointer),
            Root::Elsewhere => Err(Keeper::Place),
        }
    }

    /// Puts what leads to the memory where a pointer points to.
    pub(super) fn put_behind(&mut self, pointer: ExprId) -> Result<(), Keeper> {
        // What leads to itself is kept by nobody.
        if self.lead(pointer) == Lead::TO {
            return Ok(());
        }
        let owners = self.owners_of(pointer);
        // What the memory itself leads to may be anybody's.
        let is_led_to = owners.vars.iter().any(|var| self.of_var(*var) == Lead::TO);
        if owners.others || owners.vars.is_empty() || is_led_to {
            return Err(Keeper::Place);
        }
        for var in owners.vars {
            self.add(var, if self.is_pointer_var(var) { Lead::AROUND } else { Lead::BOTH });
            if var.0 < self.function.parameters && !self.filled.contains(&var.0) {
                self.filled.push(var.0);
            }
        }
        Ok(())
    }
}
