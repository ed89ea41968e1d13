//! The domain: what the engine can say about a program at one point of one path.
//!
//! A [`Region`] is a place in memory, a [`Symbol`] a value that is not known but always the same, a [`Value`] what a
//! place holds. Regions and symbols are interned in an [`Arena`], so that they compare by number. Places that were
//! never written read as the symbol of their initial value, which gives access paths for free: what `p->next` held on
//! entry is `Initial(Field(Pointee(Initial(Var(p))), next))`.

mod arena;
mod fact;
mod state;

pub use arena::{Arena, Region, RegionId, Root, Symbol, SymbolId, Value};
pub use fact::Fact;
pub use state::{Loss, LossKind, Object, Standing, State, Step, Trace, Via};
