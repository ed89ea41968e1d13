//! Regions, symbols and values, interned per function.

use crate::c::ir::{BinaryOp, VarId};
use crate::c::names::{Map, Name};

/// Index of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub u32);

/// Index of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub u32);

/// A place in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Region {
    /// A parameter, local or temporary.
    Var(VarId),
    /// A variable of file or program scope.
    Global(Name),
    /// What a pointer points to.
    Pointee(SymbolId),
    /// A member of a structure or union.
    Field(RegionId, Name),
    /// An element of an array other than the first, which is the array itself.
    Element(RegionId, Value),
    /// String literals.
    Text,
}

/// A value that is not known, but always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// What a place held on entry.
    Initial(RegionId),
    /// What a step of the function made: the step, which of its outputs, and a number that tells apart the results of
    /// one step in a loop.
    Made {
        /// The step's number in the function.
        site: u32,
        /// Which output: 0 the result, others by argument.
        part: u16,
        /// Which of several that are alive.
        nth: u8,
    },
    /// The outcome of an operator.
    Combined(BinaryOp, Value, Value),
    /// Whether a preprocessor condition holds.
    Configured(Name),
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// A number; the null pointer is 0.
    Int(i64),
    /// Unknown, but always the same.
    Symbol(SymbolId),
    /// The address of a place.
    Address(RegionId),
    /// A function.
    Code(Name),
    /// Nothing was ever put there.
    Undefined,
}

/// Where a place begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// In a local.
    Var(VarId),
    /// In a global.
    Global(Name),
    /// Behind a pointer.
    Pointee(SymbolId),
    /// In a literal.
    Text,
}

/// The regions and symbols of one function.
///
/// Locals, what symbols point to and what places held on entry are asked for at every step: they are found by number,
/// the others by hash.
#[derive(Debug, Default)]
pub struct Arena {
    regions: Vec<Region>,
    /// Where each region begins and how many selectors it has: asked far more often than regions are made.
    origins: Vec<(Root, u32)>,
    /// Whether a region has members or elements that anybody has named.
    has_parts: Vec<bool>,
    region_ids: Map<Region, RegionId>,
    symbols: Vec<Symbol>,
    symbol_ids: Map<Symbol, SymbolId>,
    of_vars: Numbered,
    of_pointees: Numbered,
    of_initials: Numbered,
}

/// Ids by the number of what they are made from.
#[derive(Debug, Default)]
struct Numbered(Vec<u32>);

impl Numbered {
    #[inline]
    fn get(&self, number: u32) -> Option<u32> {
        self.0.get(number as usize).copied().filter(|id| *id != u32::MAX)
    }

    fn set(&mut self, number: u32, id: u32) {
        let number = number as usize;
        if self.0.len() <= number {
            self.0.resize(number + 1, u32::MAX);
        }
        self.0[number] = id;
    }
}

impl Arena {
    /// The id of a region. The member that was stepped back from is where the step began.
    pub fn region(&mut self, region: Region) -> RegionId {
        if let Region::Field(base, member) = region
            && let Region::Pointee(symbol) = self.region_of(base)
            && let Symbol::Initial(place) = self.symbol_of(symbol)
            && let Region::Field(inner, outward) = self.region_of(place)
            && outward == member.outward()
        {
            return inner;
        }
        let known = match region {
            Region::Var(var) => self.of_vars.get(var.0).map(RegionId),
            Region::Pointee(symbol) => self.of_pointees.get(symbol.0).map(RegionId),
            _ => self.region_ids.get(&region).copied(),
        };
        if let Some(id) = known {
            return id;
        }
        let id = RegionId(self.regions.len() as u32);
        self.origins.push(self.origin(region));
        self.regions.push(region);
        self.has_parts.push(false);
        if let Region::Field(base, _) | Region::Element(base, _) = region {
            self.has_parts[base.0 as usize] = true;
        }
        match region {
            Region::Var(var) => self.of_vars.set(var.0, id.0),
            Region::Pointee(symbol) => self.of_pointees.set(symbol.0, id.0),
            _ => {
                self.region_ids.insert(region, id);
            }
        }
        id
    }

    /// The id of a symbol.
    pub fn symbol(&mut self, symbol: Symbol) -> SymbolId {
        let known = match symbol {
            Symbol::Initial(region) => self.of_initials.get(region.0).map(SymbolId),
            _ => self.symbol_ids.get(&symbol).copied(),
        };
        if let Some(id) = known {
            return id;
        }
        let id = SymbolId(self.symbols.len() as u32);
        self.symbols.push(symbol);
        match symbol {
            Symbol::Initial(region) => self.of_initials.set(region.0, id.0),
            _ => {
                self.symbol_ids.insert(symbol, id);
            }
        }
        id
    }

    /// How many regions and symbols there are.
    pub fn size(&self) -> usize {
        self.regions.len() + self.symbols.len()
    }

    /// How many symbols there are.
    pub fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// The region behind an id.
    #[inline]
    pub fn region_of(&self, id: RegionId) -> Region {
        self.regions.get(id.0 as usize).copied().unwrap_or(Region::Text)
    }

    /// The symbol behind an id.
    #[inline]
    pub fn symbol_of(&self, id: SymbolId) -> Symbol {
        self.symbols.get(id.0 as usize).copied().unwrap_or(Symbol::Made { site: u32::MAX, part: 0, nth: 0 })
    }

    /// The region that `id` is a direct part of.
    #[inline]
    pub fn parent(&self, id: RegionId) -> Option<RegionId> {
        match self.region_of(id) {
            Region::Field(base, _) | Region::Element(base, _) => Some(base),
            _ => None,
        }
    }

    /// Where a new region begins, and how many selectors it has.
    fn origin(&self, region: Region) -> (Root, u32) {
        match region {
            Region::Var(var) => (Root::Var(var), 0),
            Region::Global(name) => (Root::Global(name), 0),
            Region::Text => (Root::Text, 0),
            Region::Field(base, _) | Region::Element(base, _) => (self.root(base), self.depth(base) + 1),
            Region::Pointee(symbol) => match self.symbol_of(symbol) {
                Symbol::Initial(base) => (Root::Pointee(symbol), self.depth(base) + 1),
                _ => (Root::Pointee(symbol), 1),
            },
        }
    }

    /// Where a region begins.
    #[inline]
    pub fn root(&self, id: RegionId) -> Root {
        self.origins.get(id.0 as usize).map_or(Root::Text, |(root, _)| *root)
    }

    /// Whether a place lies behind a pointer, or behind what was found there on entry, and so on.
    pub fn hangs_below(&self, region: RegionId, pointer: SymbolId) -> bool {
        let mut at = region;
        while let Root::Pointee(symbol) = self.root(at) {
            if symbol == pointer {
                return true;
            }
            match self.symbol_of(symbol) {
                Symbol::Initial(base) => at = base,
                _ => return false,
            }
        }
        false
    }

    /// Whether `inner` is `outer` or a part of it.
    #[inline]
    pub fn within(&self, inner: RegionId, outer: RegionId) -> bool {
        if !self.has_parts(outer) {
            return inner == outer;
        }
        let mut at = Some(inner);
        while let Some(here) = at {
            if here == outer {
                return true;
            }
            at = self.parent(here);
        }
        false
    }

    /// Whether any region lies within this one. Where none does, nobody needs to look for one.
    #[inline]
    pub fn has_parts(&self, id: RegionId) -> bool {
        self.has_parts.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// Whether anybody has looked behind a pointer. Where nobody did, nothing can hang below it.
    #[inline]
    pub fn is_followed(&self, symbol: SymbolId) -> bool {
        self.of_pointees.get(symbol.0).is_some()
    }

    /// How many selectors a region has.
    #[inline]
    pub fn depth(&self, id: RegionId) -> u32 {
        self.origins.get(id.0 as usize).map_or(0, |(_, depth)| *depth)
    }

    /// What a value points to.
    pub fn pointee(&mut self, value: Value) -> Option<RegionId> {
        match value {
            Value::Symbol(symbol) => Some(self.region(Region::Pointee(symbol))),
            Value::Address(region) => Some(region),
            Value::Int(_) | Value::Code(_) | Value::Undefined => None,
        }
    }

    /// The address of a place.
    #[inline]
    pub fn address(&self, region: RegionId) -> Value {
        match self.region_of(region) {
            Region::Pointee(symbol) => Value::Symbol(symbol),
            _ => Value::Address(region),
        }
    }

    /// The structure that a place leads back to, if it is the step back from a member of it.
    pub fn around(&self, region: RegionId) -> Option<RegionId> {
        let Region::Field(inner, outward) = self.region_of(region) else { return None };
        match self.region_of(inner) {
            Region::Field(base, member) if member.outward() == outward => Some(base),
            _ => None,
        }
    }

    /// The element of an array; the first is the array itself.
    pub fn element(&mut self, base: RegionId, index: Value) -> RegionId {
        match index {
            Value::Int(0) => base,
            _ => self.region(Region::Element(base, index)),
        }
    }

    /// The object that a value points to or into.
    #[inline]
    pub fn target(&self, value: Value) -> Option<SymbolId> {
        match value {
            Value::Symbol(symbol) => Some(symbol),
            Value::Address(region) => match self.root(region) {
                Root::Pointee(symbol) => Some(symbol),
                _ => None,
            },
            _ => None,
        }
    }
}
