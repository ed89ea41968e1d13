//! A result that is made with what is to be released (`return parse(text);`): it waits in a variable meanwhile.

use super::declared::declarator;
use super::layout::{Layout, Statement};
use super::reach::has_word;
use crate::c::report::FileView;
use crate::c::syntax::{Kind, Role, Span};
use crate::model::edit::Edit;

/// How projects call the variable for a function's result, the most usual first.
const NAMES: &[&str] = &["ret", "rc", "result", "res", "retval", "rv", "err", "error", "status"];

/// Puts the value of the `return` at `statement`, if it mentions `word`, into a variable, runs `statements`, and returns the
/// variable: one that the function has for its result, or a new one of the function's type.
pub(super) fn through_variable(
    view: &FileView,
    layout: &Layout,
    function: Span,
    (statement, word): (Span, &str),
    statements: &[Statement],
) -> Option<Vec<Edit>> {
    let syntax = &view.syntax;
    let value = value(view, statement).filter(|value| has_word(syntax.slice(*value), word))?;
    let whole = syntax.path_to(statement).into_iter().find(|node| syntax.node(*node).span == function)?;
    let body = syntax.child(whole, Role::Body)?;
    let result = type_of_result(view, whole)?;
    let own = NAMES.iter().find(|name| is_declared(view, body, &result, name));
    let name = match own {
        Some(name) => (*name).to_owned(),
        None => NAMES.iter().find(|name| !has_word(syntax.slice(whole), name)).map(|name| (*name).to_owned())?,
    };
    let (first, value) = (syntax.node(syntax.children(body).next()?).span.start, syntax.node(value).span);
    // The value itself stays as it is written, so that what it does is not taken for something new.
    let head = if own.is_none() && first == statement.start { &*result } else { "" };
    let before = Edit::replace(statement.start as usize, value.start as usize, format!("{head}{name} = "));
    let mut edits = vec![before, Edit::replace(value.end as usize, statement.end as usize, ";")];
    if own.is_none() && first != statement.start {
        edits.extend(layout.declared(first, format!("{result}{name}"))?);
    }
    let all: Vec<Statement> = statements.iter().cloned().chain([format!("return {name}").into()]).collect();
    edits.extend(layout.after(statement, &all)?);
    Some(edits)
}

/// What a `return` gives, without the parentheses around it.
fn value(view: &FileView, statement: Span) -> Option<u32> {
    let syntax = &view.syntax;
    let path = syntax.path_to(statement);
    let is_return = |node: u32| syntax.node(node).kind == Kind::ReturnStatement && syntax.node(node).span == statement;
    let at = path.iter().position(|node| is_return(*node))?;
    // What is the only statement of an `if` has no room for more.
    let is_in_block = |node: &u32| matches!(syntax.node(*node).kind, Kind::CompoundStatement | Kind::CaseStatement);
    path.get(at.checked_sub(1)?).filter(|parent| is_in_block(parent))?;
    let mut value = syntax.children(*path.get(at)?).next()?;
    while syntax.node(value).kind == Kind::ParenthesizedExpression {
        value = syntax.children(value).next()?;
    }
    (!syntax.node(value).damaged).then_some(value)
}

/// The type of a function's result as a declaration of one begins: `int `. Not of one that gives a pointer, which may lead into
/// what is to be released, nor where a word stands before the type that may be no part of it (`API int`).
fn type_of_result(view: &FileView, function: u32) -> Option<String> {
    let syntax = &view.syntax;
    let named = syntax.child(function, Role::Type)?;
    let declarator = syntax.child(function, Role::Declarator)?;
    let is_plain = syntax.node(declarator).kind == Kind::FunctionDeclarator
        && syntax.child(declarator, Role::Declarator).is_some_and(|name| syntax.node(name).kind == Kind::Identifier)
        && !matches!(syntax.node(named).kind, Kind::StructSpecifier | Kind::UnionSpecifier | Kind::EnumSpecifier);
    let (start, end) = (syntax.node(function).span.start, syntax.node(declarator).span.start);
    let head = view.text.get(start as usize..end as usize)?;
    let words = || head.split_whitespace().filter(|word| !matches!(*word, "static" | "inline" | "extern"));
    (is_plain && words().eq(syntax.slice(named).split_whitespace())).then(|| format!("{} ", syntax.slice(named)))
}

/// Whether a block declares a variable of a type under a name, and it may be given another value.
fn is_declared(view: &FileView, block: u32, wanted: &str, name: &str) -> bool {
    let syntax = &view.syntax;
    let declarations = syntax.children(block).filter(|child| syntax.node(*child).kind == Kind::Declaration);
    declarations.filter(|declaration| !syntax.node(*declaration).damaged).any(|declaration| {
        let Some(named) = syntax.child(declaration, Role::Type) else { return false };
        let named = format!("{} ", syntax.slice(named));
        let before = syntax.slice(declaration).split(['=', ';']).next().unwrap_or("");
        let is_plain = declarator(view, declaration, name).is_some_and(|(declarator, own)| {
            let declared = syntax.node(declarator);
            // `ret` or `ret = 0`, and not `*ret` or `ret[2]`.
            declared.span == own
                || declared.kind == Kind::InitDeclarator
                    && syntax.child(declarator, Role::Declarator).is_some_and(|inner| syntax.node(inner).span == own)
        });
        named == wanted && !has_word(before, "static") && !has_word(before, "const") && is_plain
    })
}
