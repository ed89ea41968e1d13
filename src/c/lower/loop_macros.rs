//! Loops whose head is a macro: `FOREACH(x, list) { … }`. The grammar does not know them, so they are told by the shape
//! that its recovery gives them.

use super::{At, Lowerer};
use crate::c::ir::{Expr, InstrKind, Terminator};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};

/// The head of such a loop.
pub(super) struct LoopHead {
    /// Where it stands.
    at: At,
    name: Name,
    arguments: Vec<At>,
}

impl Lowerer<'_> {
    /// Whether such a head takes whatever statement follows it: its replacement is that of a loop.
    pub(super) fn takes_any(&self, head: &LoopHead) -> bool {
        self.frames.is_loop_head(head.name)
    }

    /// A call without a semicolon: the parser invents one, or makes an error of the call where a block ends the list.
    pub(super) fn loop_head(&self, statement: At) -> Option<LoopHead> {
        let node = self.frames.node(statement);
        let is_head = node.kind == Kind::Error || (node.kind == Kind::ExpressionStatement && node.missing);
        let parts = if is_head { self.frames.children(statement) } else { Vec::new() };
        let call = match parts.as_slice() {
            [call] if self.frames.node(*call).kind == Kind::CallExpression => *call,
            _ => return None,
        };
        let name = Name::of(self.frames.text(self.frames.child(call, Role::Function)?));
        let arguments = self.frames.child(call, Role::Arguments).map(|list| self.frames.items(list));
        Some(LoopHead { at: call, name, arguments: arguments.unwrap_or_default() })
    }

    /// `FOREACH(x) { … }` with one name is read as a function of the type FOREACH that is called `(x)`.
    pub(super) fn loop_like_a_function(&self, definition: At) -> Option<LoopHead> {
        let declarator = self.frames.child(definition, Role::Declarator)?;
        if self.frames.node(declarator).kind != Kind::ParenthesizedDeclarator {
            return None;
        }
        let name = Name::of(self.frames.text(self.frames.child(definition, Role::Type)?));
        Some(LoopHead { at: declarator, name, arguments: self.frames.children(declarator) })
    }

    /// A loop whose head is a macro. What the head does is unknown: the arguments it assigns are whatever they are.
    pub(super) fn macro_loop(&mut self, found: &LoopHead, body: At) {
        if self.frames.runs_once(found.name) {
            return self.walked_once(body);
        }
        let (head, inside, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        let span = self.frames.span(found.at);
        for argument in &found.arguments {
            let value = self.value(*argument);
            self.build.push(span, InstrKind::Use(value));
        }
        self.build.goto(head, head);
        for argument in self.loop_variables(found) {
            let place = self.value(argument);
            if let Expr::Var(_) = self.build.get(place) {
                let unknown = self.build.expr(Expr::Unknown);
                self.build.assign(span, place, unknown);
            }
        }
        self.build.end(Terminator::Any(Box::new([inside, after])), inside);
        self.build.enter(after, Some(head));
        self.statement(body);
        self.build.exit(true);
        self.build.goto(head, after);
    }

    /// A block that a macro makes the body of a loop of one round, so that `break` leaves it (`with_lock(&lock) { … }`).
    fn walked_once(&mut self, body: At) {
        let after = self.build.new_block();
        self.build.enter(after, Some(after));
        self.statement(body);
        self.build.exit(true);
        self.build.goto(after, after);
    }

    /// The arguments that a loop macro assigns: those its replacement assigns, else all plain names but the last word
    /// on what is walked, which is by custom an expression or the argument that has a value already.
    fn loop_variables(&self, head: &LoopHead) -> Vec<At> {
        let plain = |at: &At| self.frames.node(self.resolve(*at)).kind == Kind::Identifier;
        let assigned = self.frames.assigned_parameters(head.name);
        head.arguments
            .iter()
            .enumerate()
            .filter(|(number, at)| plain(at) && assigned.as_ref().is_none_or(|list| list.contains(number)))
            .filter(|(number, _)| assigned.is_some() || *number == 0 || *number == 2)
            .map(|(_, at)| *at)
            .collect()
    }
}
