//! What held the object, as the file writes it.

use super::{Decided, FileView};
use crate::c::syntax::{Kind, Role};
use crate::c::walk::{FoundLoss, HANDED_ON, Site};

/// The place an acquisition goes to: the left side of the assignment, the declared name, the argument that is filled;
/// else the last place that held it. Of a structure that is filled it is the member, unless the structure is released
/// as a whole.
pub(super) fn variable(view: &FileView, decided: &Decided, loss: &FoundLoss) -> Option<String> {
    let assigned = assigned(view, &decided.site);
    let holder = loss.loss.holder.as_ref();
    let as_a_whole = decided.releaser.as_ref().is_some_and(|releaser| !releaser.members.is_empty());
    let is_member = |holder: &&String| {
        let rest = assigned.as_ref().and_then(|whole| holder.strip_prefix(whole.as_str()));
        decided.site.part > 0 && !as_a_whole && rest.is_some_and(|rest| rest.starts_with(['.', '-']))
    };
    holder.filter(is_member).cloned().or(assigned).or_else(|| holder.cloned())
}

/// The place an acquisition is assigned to in the source.
pub(super) fn assigned(view: &FileView, site: &Site) -> Option<String> {
    if site.part >= HANDED_ON {
        return None;
    }
    let tree = &view.syntax;
    let path = tree.path_to(site.span);
    if site.part > 0 {
        let call = path.iter().rev().find(|at| tree.node(**at).kind == Kind::CallExpression)?;
        let list = tree.child(*call, Role::Arguments)?;
        let argument = tree.children(list).nth(usize::from(site.part) - 1)?;
        return tree.slice(argument).trim().strip_prefix('&').map(tidy);
    }
    for at in path.iter().rev() {
        let node = tree.node(*at);
        match node.kind {
            Kind::AssignmentExpression => {
                return tree.child(*at, Role::Left).map(|left| tidy(tree.slice(left)));
            }
            Kind::InitDeclarator => {
                let mut declarator = tree.child(*at, Role::Declarator)?;
                while let Some(inner) = tree.child(declarator, Role::Declarator) {
                    declarator = inner;
                }
                return Some(tidy(tree.slice(declarator).trim_start_matches('*')));
            }
            Kind::CallExpression if node.span != site.span => return None,
            Kind::ExpressionStatement | Kind::CompoundStatement | Kind::Declaration => return None,
            _ => {}
        }
    }
    None
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
