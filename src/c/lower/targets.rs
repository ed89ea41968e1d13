//! The functions that variables and members may hold.

use super::{At, Lowerer};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};
use crate::c::types::Type;

/// Casts, parentheses and choices around the name of a function are looked through this deep.
const MAX_TARGET_DEPTH: u32 = 8;

/// A name that a list puts into a structure by its position: `{ "open", open_box }`.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// What the structure is declared with.
    pub structure: Type,
    /// Which member it is, from 0, of how many that the list gives.
    pub position: (usize, usize),
    /// The name.
    pub name: Name,
}

impl Lowerer<'_> {
    /// Notes `.field = function` of an initialiser.
    pub(super) fn designated_function(&mut self, pair: At) {
        let (Some(designator), Some(value)) =
            (self.frames.child(pair, Role::Designator), self.frames.child(pair, Role::Value))
        else {
            return;
        };
        let Some(field) = self.frames.children(designator).into_iter().last() else { return };
        let field = self.intern(field);
        self.possible_target(field, value);
    }

    /// Notes that `place` may hold the functions that `value` names.
    pub(super) fn possible_target(&mut self, place: Name, value: At) {
        let named = self.named_in(value);
        self.facts.targets.extend(named.into_iter().map(|name| (place, name)));
    }

    /// Notes the names that a list puts into a structure, or the lists within one into an array of structures. A list that
    /// names a member tells positions no more.
    pub(super) fn listed_targets(&mut self, structure: Type, list: At) {
        if self.frames.node(list).kind != Kind::InitializerList {
            return;
        }
        let items = self.frames.items(list);
        if structure.is_array {
            let inner = Type { is_array: false, ..structure };
            items.into_iter().for_each(|item| self.listed_targets(inner, item));
            return;
        }
        let names_members = items.iter().any(|item| self.frames.node(*item).kind == Kind::InitializerPair);
        if structure.name == Name(0) || names_members {
            return;
        }
        let count = items.len();
        for (number, item) in items.into_iter().enumerate() {
            let named = self.named_in(item);
            let listed = named.into_iter().map(|name| Listed { structure, position: (number, count), name });
            self.facts.listed.extend(listed);
        }
    }

    /// The names that a value may be: `f`, `&f`, `(type) f`, `wanted ? f : g`.
    fn named_in(&mut self, value: At) -> Vec<Name> {
        let mut names = Vec::new();
        let mut open = vec![(value, 0)];
        while let Some((value, depth)) = open.pop() {
            let value = self.resolve(value);
            let inside: &[Role] = match self.frames.node(value).kind {
                Kind::Identifier => {
                    names.push(self.intern(value));
                    continue;
                }
                Kind::ConditionalExpression => &[Role::Consequence, Role::Alternative],
                Kind::CastExpression => &[Role::Value],
                Kind::PointerExpression => &[Role::Argument],
                Kind::ParenthesizedExpression => &[Role::Plain],
                _ => continue,
            };
            if depth < MAX_TARGET_DEPTH {
                let children = inside.iter().filter_map(|role| self.frames.child(value, *role));
                open.extend(children.map(|child| (child, depth + 1)));
            }
        }
        names
    }
}
