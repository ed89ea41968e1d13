//! The declaration of what holds the memory: a pointer that is null until it is given something can be released on
//! every path.

use crate::c::report::FileView;
use crate::c::syntax::{Kind, Role, Span};
use crate::model::edit::Edit;

/// Makes the pointer `name` null where it is declared: the last declaration before `site`, in a block around it, that
/// gives it no value.
pub(super) fn as_null(view: &FileView, name: &str, site: Span) -> Option<Edit> {
    let syntax = &view.syntax;
    let blocks = syntax.path_to(site).into_iter().rev();
    let blocks = blocks.filter(|node| syntax.node(*node).kind == Kind::CompoundStatement);
    let mut declarations = blocks.flat_map(|block| syntax.children(block)).filter(|child| {
        let node = syntax.node(*child);
        node.kind == Kind::Declaration && node.span.end <= site.start
    });
    declarations.find_map(|declaration| {
        let mut declarators = syntax.children(declaration).filter(|child| syntax.node(*child).role == Role::Declarator);
        let own = declarators.find(|declarator| declared_name(view, *declarator) == Some(name))?;
        let node = syntax.node(own);
        (node.kind == Kind::PointerDeclarator).then(|| Edit::insert(node.span.end as usize, " = NULL".to_owned()))
    })
}

/// The name that a declarator declares.
fn declared_name<'a>(view: &'a FileView, declarator: u32) -> Option<&'a str> {
    let syntax = &view.syntax;
    let mut at = declarator;
    while let Some(inner) = syntax.child(at, Role::Declarator) {
        at = inner;
    }
    (syntax.node(at).kind == Kind::Identifier).then(|| syntax.slice(at))
}
