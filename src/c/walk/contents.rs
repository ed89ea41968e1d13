//! What lies inside which object or local, for the walks that follow pointers from one to the next.

use crate::c::domain::{Arena, RegionId, Root, State, SymbolId, Value};
use crate::c::ir::VarId;

/// Questions answered by looking through the whole store, before it is worth bringing it into order.
const SCANS: u32 = 3;

/// The bindings of a view by where they begin. The view must not change meanwhile.
pub(super) struct Contents<'v> {
    arena: &'v Arena,
    store: &'v [(RegionId, Value)],
    asked: u32,
    /// The positions of the bindings, by root; made when it pays.
    sorted: Vec<(u64, u32)>,
}

impl<'v> Contents<'v> {
    pub(super) fn of(arena: &'v Arena, view: &'v State) -> Contents<'v> {
        Contents { arena, store: &view.store, asked: 0, sorted: Vec::new() }
    }

    /// Calls `visit` for every binding that begins at `root`, in the order of the store.
    pub(super) fn each(&mut self, root: Root, visit: &mut impl FnMut(RegionId, Value)) {
        if matches!(root, Root::Pointee(symbol) if !self.arena.is_followed(symbol)) {
            return;
        }
        self.asked += 1;
        if self.asked <= SCANS {
            for (region, value) in self.store.iter().filter(|(region, _)| self.arena.root(*region) == root) {
                visit(*region, *value);
            }
            return;
        }
        if self.asked == SCANS + 1 {
            let keyed = self.store.iter().enumerate();
            self.sorted =
                keyed.filter_map(|(at, (region, _))| Some((key(self.arena.root(*region))?, at as u32))).collect();
            self.sorted.sort_unstable();
        }
        let Some(wanted) = key(root) else { return };
        let first = self.sorted.partition_point(|(key, _)| *key < wanted);
        for (_, at) in self.sorted[first..].iter().take_while(|(key, _)| *key == wanted) {
            let (region, value) = self.store[*at as usize];
            visit(region, value);
        }
    }
}

/// A number for what bindings are looked up by: objects and locals.
fn key(root: Root) -> Option<u64> {
    match root {
        Root::Pointee(symbol) => Some(u64::from(symbol.0)),
        Root::Var(var) => Some(1 << 32 | u64::from(var.0)),
        Root::Global(_) | Root::Text => None,
    }
}

/// The objects met so far, in the order in which they were met.
pub(super) struct Met {
    order: Vec<SymbolId>,
    words: Vec<u64>,
    /// The locals that were met, where they are told.
    pub(super) locals: Vec<VarId>,
}

impl Met {
    /// None of an arena's objects yet.
    pub(super) fn none(arena: &Arena) -> Met {
        Met { order: Vec::new(), words: vec![0; arena.symbols() / 64 + 1], locals: Vec::new() }
    }

    /// Adds an object; false if it was met before.
    pub(super) fn add(&mut self, symbol: SymbolId) -> bool {
        let (word, bit) = (symbol.0 as usize / 64, 1u64 << (symbol.0 % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if self.words[word] & bit != 0 {
            return false;
        }
        self.words[word] |= bit;
        self.order.push(symbol);
        true
    }

    /// Whether an object was met.
    pub(super) fn has(&self, symbol: SymbolId) -> bool {
        self.words.get(symbol.0 as usize / 64).is_some_and(|word| word & 1 << (symbol.0 % 64) != 0)
    }

    /// The objects in the order in which they were met.
    pub(super) fn in_order(self) -> Vec<SymbolId> {
        self.order
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.order.iter().copied()
    }
}
