//! The declaration of what holds the memory: a pointer that is null until it is given something can be released on
//! every path.

use super::layout::{Layout, is_loop};
use super::reach::has_word;
use crate::c::report::FileView;
use crate::c::syntax::{Kind, Role, Span};
use crate::model::edit::Edit;

/// Makes the pointer `name` null where it is declared: the last declaration before `site`, in a block around it, that
/// gives it no value.
pub(super) fn as_null(view: &FileView, name: &str, site: Span) -> Option<Edit> {
    let own = declared(view, name, site)?;
    let node = view.syntax.node(own.declarator);
    (node.kind == Kind::PointerDeclarator).then(|| Edit::insert(node.span.end as usize, " = NULL".to_owned()))
}

/// Moves the declaration of the pointer `name` to the beginning of the function, null until it is given something: what a
/// block declares is out of reach where a jump leads out of it. Only from a block that is entered once, and for a name
/// that stands for nothing else in the function.
pub(super) fn hoisted(view: &FileView, layout: &Layout, function: Span, name: &str, site: Span) -> Option<Vec<Edit>> {
    let syntax = &view.syntax;
    let own = declared(view, name, site)?;
    let path = syntax.path_to(site);
    let whole = *path.iter().find(|node| syntax.node(**node).span == function)?;
    let body = syntax.child(whole, Role::Body)?;
    let block = syntax.node(own.block).span;
    let around = path.iter().take_while(|node| **node <= own.block);
    let is_loop = around.clone().any(|node| is_loop(syntax.node(*node).kind))
        || around.clone().zip(around.skip(1)).any(|(parent, node)| layout.is_loop_body(*parent, *node));
    let text = |from: u32, to: u32| view.text.get(from as usize..to as usize);
    let is_elsewhere =
        has_word(text(function.start, block.start)?, name) || has_word(text(block.end, function.end)?, name);
    let is_alone = syntax.below(own.block).filter(|node| declarator(view, *node, name).is_some()).count() == 1;
    if own.block == body || is_elsewhere || !is_alone || is_loop {
        return None;
    }
    let declaration = syntax.node(own.declaration).span;
    let value = syntax.child(own.declarator, Role::Value);
    let pointer = if value.is_some() { syntax.child(own.declarator, Role::Declarator)? } else { own.declarator };
    let pointer = syntax.node(pointer);
    let specifiers = text(declaration.start, pointer.span.start)?;
    let declarators = syntax.children(own.declaration).filter(|child| syntax.node(*child).role == Role::Declarator);
    if pointer.kind != Kind::PointerDeclarator || declarators.count() != 1 || has_word(specifiers, "static") {
        return None;
    }
    let first = syntax.node(syntax.children(body).next()?).span;
    let moved = format!("{specifiers}{} = NULL", text(pointer.span.start, pointer.span.end)?);
    let mut edits = layout.before(first.start, &[moved.into()])?;
    let given = value.filter(|value| !matches!(syntax.slice(*value), "NULL" | "0"));
    edits.push(match given {
        Some(_) => Edit::replace(declaration.start as usize, own.name.start as usize, ""),
        None => layout.without(declaration)?,
    });
    Some(edits)
}

/// Whether a local is declared as a pointer to what it may not change: a compiler complains where it is released as it is.
pub(super) fn points_to_const(view: &FileView, name: &str, site: Span) -> bool {
    let head = head(view, name, site).and_then(|head| head.split_once('*'));
    head.is_some_and(|(specifiers, pointer)| has_word(specifiers, "const") && !pointer.contains('*'))
}

/// Whether a local is declared as a pointer to characters.
pub(super) fn points_to_text(view: &FileView, name: &str, site: Span) -> bool {
    let head = head(view, name, site).and_then(|head| head.split_once('*'));
    head.is_some_and(|(specifiers, _)| has_word(specifiers, "char"))
}

/// What stands before the name of a local in its declaration.
fn head<'a>(view: &'a FileView, name: &str, site: Span) -> Option<&'a str> {
    let own = declared(view, name, site)?;
    let start = view.syntax.node(own.declaration).span.start;
    view.text.get(start as usize..own.name.start as usize)
}

/// Where a pointer is declared.
struct Declared {
    /// The block.
    block: u32,
    declaration: u32,
    declarator: u32,
    /// The name in it.
    name: Span,
}

/// The last declaration of `name` before `site`, in a block around it.
fn declared(view: &FileView, name: &str, site: Span) -> Option<Declared> {
    let syntax = &view.syntax;
    let blocks = syntax.path_to(site).into_iter().rev();
    let mut blocks = blocks.filter(|node| syntax.node(*node).kind == Kind::CompoundStatement);
    blocks.find_map(|block| {
        let mut before = syntax.children(block).filter(|child| syntax.node(*child).span.start <= site.start);
        before.find_map(|declaration| {
            let (declarator, name) = declarator(view, declaration, name)?;
            Some(Declared { block, declaration, declarator, name })
        })
    })
}

/// The declarator of `name` in a declaration, and where the name stands in it.
pub(super) fn declarator(view: &FileView, declaration: u32, name: &str) -> Option<(u32, Span)> {
    let syntax = &view.syntax;
    if syntax.node(declaration).kind != Kind::Declaration {
        return None;
    }
    let mut declarators = syntax.children(declaration).filter(|child| syntax.node(*child).role == Role::Declarator);
    declarators.find_map(|declarator| {
        let mut at = declarator;
        while let Some(inner) = syntax.child(at, Role::Declarator) {
            at = inner;
        }
        let is_it = syntax.node(at).kind == Kind::Identifier && syntax.slice(at) == name;
        is_it.then(|| (declarator, syntax.node(at).span))
    })
}
