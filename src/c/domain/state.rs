//! One path's view: what places hold, what is known of symbols, who owns which object.

use super::{Fact, RegionId, SymbolId, Value};
use crate::c::ir::BlockId;
use crate::c::names::Name;
use crate::c::syntax::Span;
use std::rc::Rc;

/// Whether an object is still this function's to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// Acquired and not given away.
    Held,
    /// Released, where.
    Released(Span),
    /// Others may hold or release it: nothing can be said.
    Shared,
    /// On the stack: it must not be released.
    Automatic,
    /// Already told as lost.
    Lost,
}

/// A call that an object was handed to whose callee is unknown: it may have kept the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Via {
    /// The callee.
    pub callee: Name,
    /// The number of the argument.
    pub argument: u16,
    /// The number of the call in its function.
    pub at: u32,
}

/// An object and who owns it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Whose it is.
    pub standing: Standing,
    /// The acquisition, as an index into the function's list; `None` for what the function was given.
    pub site: Option<u32>,
    /// Unknown callees that saw it.
    pub seen_by: Vec<Via>,
}

/// How an object was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossKind {
    /// The function ended.
    Exit,
    /// The last pointer to it was overwritten.
    Overwrite,
    /// `p = realloc(p, …)` failed and overwrote the last pointer.
    Reallocation,
    /// The variable that held it went out of scope.
    Scope,
    /// The structure that held it was released.
    Container,
}

/// A loss that becomes a finding if the path ends in an ordinary way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Loss {
    /// The acquisition.
    pub site: u32,
    /// How.
    pub kind: LossKind,
    /// Where.
    pub span: Span,
    /// The last place that held the object, as it is written in C, where it can be written.
    pub holder: Option<String>,
    /// Unknown callees that saw the object.
    pub seen_by: Vec<Via>,
}

/// One decision on a path.
#[derive(Debug)]
pub struct Step {
    /// The condition.
    pub span: Span,
    /// Whether it held.
    pub taken: bool,
    /// What came before.
    pub before: Trace,
}

/// The decisions of a path, last first.
pub type Trace = Option<Rc<Step>>;

/// A path's view. Two paths with equal views are walked on as one.
#[derive(Debug, Default)]
pub struct State {
    /// What places hold, by region.
    pub store: Vec<(RegionId, Value)>,
    /// What is known of symbols.
    pub facts: Vec<(SymbolId, Fact)>,
    /// The objects.
    pub objects: Vec<(SymbolId, Object)>,
    /// How often each loop's head was entered.
    pub loops: Vec<(BlockId, u8)>,
    /// Losses so far, as indices into the walk's list: views are copied and compared all the time.
    pub losses: Vec<u32>,
    /// How the path came here; not part of the view.
    pub trace: Trace,
}

/// Entries that a copied list has room for: a view is copied where paths part, and each side then learns something.
const ROOM: usize = 4;

fn roomy<T: Clone>(list: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(list.len() + ROOM);
    copy.extend_from_slice(list);
    copy
}

impl Clone for State {
    fn clone(&self) -> State {
        State {
            store: roomy(&self.store),
            facts: roomy(&self.facts),
            objects: self.objects.clone(),
            loops: self.loops.clone(),
            losses: self.losses.clone(),
            trace: self.trace.clone(),
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        // What tells views apart soonest comes first: they mostly hold the same and know different things.
        self.store.len() == other.store.len()
            && self.objects.len() == other.objects.len()
            && self.losses == other.losses
            && self.loops == other.loops
            && self.facts == other.facts
            && self.objects == other.objects
            && self.store == other.store
    }
}

fn find<K: Ord + Copy, V>(list: &[(K, V)], key: K) -> Result<usize, usize> {
    list.binary_search_by_key(&key, |(k, _)| *k)
}

fn set<K: Ord + Copy, V>(list: &mut Vec<(K, V)>, key: K, value: V) {
    match find(list, key) {
        Ok(at) => list[at].1 = value,
        Err(at) => list.insert(at, (key, value)),
    }
}

impl State {
    /// What a place was last given.
    pub fn binding(&self, region: RegionId) -> Option<Value> {
        find(&self.store, region).ok().map(|at| self.store[at].1)
    }

    /// Gives a place a value.
    pub fn bind(&mut self, region: RegionId, value: Value) {
        set(&mut self.store, region, value);
    }

    /// Forgets what a place holds.
    pub fn unbind(&mut self, region: RegionId) {
        if let Ok(at) = find(&self.store, region) {
            self.store.remove(at);
        }
    }

    /// What is known of a symbol.
    pub fn fact(&self, symbol: SymbolId) -> Fact {
        find(&self.facts, symbol).map_or(Fact::ANY, |at| self.facts[at].1)
    }

    /// Adds to what is known of a symbol; false if it cannot be.
    #[must_use]
    pub fn learn(&mut self, symbol: SymbolId, fact: Fact) -> bool {
        match self.fact(symbol).meet(fact) {
            Some(Fact::ANY) => true,
            Some(fact) => {
                set(&mut self.facts, symbol, fact);
                true
            }
            None => false,
        }
    }

    /// Forgets what is known of a symbol.
    pub fn forget(&mut self, symbol: SymbolId) {
        if let Ok(at) = find(&self.facts, symbol) {
            self.facts.remove(at);
        }
    }

    /// The object behind a symbol.
    pub fn object(&self, symbol: SymbolId) -> Option<&Object> {
        find(&self.objects, symbol).ok().map(|at| &self.objects[at].1)
    }

    /// The object behind a symbol, to change.
    pub fn object_mut(&mut self, symbol: SymbolId) -> Option<&mut Object> {
        find(&self.objects, symbol).ok().map(|at| &mut self.objects[at].1)
    }

    /// Sets the object behind a symbol.
    pub fn set_object(&mut self, symbol: SymbolId, object: Object) {
        set(&mut self.objects, symbol, object);
    }

    /// Forgets the object behind a symbol.
    pub fn drop_object(&mut self, symbol: SymbolId) {
        if let Ok(at) = find(&self.objects, symbol) {
            self.objects.remove(at);
        }
    }

    /// Whether the object behind a symbol is held.
    pub fn is_held(&self, symbol: SymbolId) -> bool {
        self.object(symbol).is_some_and(|object| object.standing == Standing::Held)
    }

    /// Whether anything was released that this function acquired.
    pub fn has_released(&self) -> bool {
        let is_released = |object: &Object| object.site.is_some() && matches!(object.standing, Standing::Released(_));
        self.objects.iter().any(|(_, object)| is_released(object))
    }

    /// Adds a decision to the trace.
    pub fn step(&mut self, span: Span, taken: bool) {
        self.trace = Some(Rc::new(Step { span, taken, before: self.trace.take() }));
    }
}
