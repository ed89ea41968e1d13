//! Statements: blocks, loops, jumps, and what to do with the unreadable ones.

use super::expand::Expansion;
use super::{At, Lowerer};
use crate::c::ir::{BlockId, Expr, InstrKind, Terminator};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};

/// The places mentioned by one unreadable statement that are made unknown; more than this are rare and far apart.
const MAX_BLIND: usize = 64;

impl Lowerer<'_> {
    /// The statements of a function's body, in a scope of their own.
    pub(super) fn block_items(&mut self, body: At) {
        self.build.open_scope();
        let items = self.frames.children(body);
        self.items(&items);
        let brace = self.closing_brace(body);
        self.build.close_scope(brace);
    }

    fn closing_brace(&self, body: At) -> crate::c::syntax::Span {
        let span = self.frames.span(body);
        if self.frames.macro_of(body).is_some() {
            return span;
        }
        crate::c::syntax::Span { start: span.end.saturating_sub(1), end: span.end }
    }

    /// The replacement of a macro used as a statement. Its locals are its own, except for plain declarations.
    pub(super) fn macro_body(&mut self, body: At) {
        let items = self.frames.children(body);
        self.deeper(|lowerer| lowerer.items(&items));
    }

    /// Statements in a row. A macro that opens a loop (`FOREACH(x, list) { … }`) takes the block behind it, and one that is known
    /// to do so any statement.
    pub(super) fn items(&mut self, items: &[At]) {
        let mut rest = items;
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            if let Some(head) = self.loop_head(*first)
                && let Some((body, tail)) = tail.split_first()
                && (self.frames.node(*body).kind == Kind::CompoundStatement || self.takes_any(&head))
            {
                self.macro_loop(&head, *body);
                rest = tail;
                continue;
            }
            self.statement(*first);
            if self.is_torn_apart(*first)
                && let Some(torn_off) = tail.first()
            {
                self.blind_all(*torn_off);
            }
        }
    }

    /// Whether a statement that could not be read whole leaves a parenthesis open: its end is taken for another statement.
    fn is_torn_apart(&self, at: At) -> bool {
        let node = self.frames.node(at);
        if !node.damaged || !matches!(node.kind, Kind::Error | Kind::Declaration) {
            return false;
        }
        let text = self.frames.text(at);
        text.matches('(').count() > text.matches(')').count()
    }

    /// One statement, a little deeper.
    pub(super) fn statement(&mut self, at: At) {
        if self.deeper(|lowerer| lowerer.statement_here(at)).is_none() {
            self.blind_all(at);
        }
    }

    fn statement_here(&mut self, at: At) {
        let at = self.resolve(at);
        match self.frames.node(at).kind {
            Kind::CompoundStatement => self.block_items(at),
            Kind::ExpressionStatement => self.expression_statement(at),
            Kind::Declaration => self.local_declaration(at),
            Kind::IfStatement => self.if_statement(at),
            Kind::WhileStatement => self.while_statement(at),
            Kind::DoStatement => self.do_statement(at),
            Kind::ForStatement => self.for_statement(at),
            Kind::SwitchStatement => self.switch_statement(at),
            Kind::CaseStatement => self.case_statement(at),
            Kind::LabeledStatement => self.labeled_statement(at),
            Kind::AttributedStatement | Kind::LinkageSpecification | Kind::DeclarationList => {
                let items = self.frames.children(at);
                self.items(&items);
            }
            Kind::ReturnStatement => self.return_statement(at),
            Kind::GotoStatement => {
                let Some(label) = self.frames.child(at, Role::Label) else { return };
                let target = Name::of(self.frames.text(label));
                let target = self.build.label(target);
                self.build.end_path(Terminator::Goto(target));
            }
            Kind::BreakStatement => self.build.jump_break(self.frames.span(at)),
            Kind::ContinueStatement => self.build.jump_continue(self.frames.span(at)),
            Kind::PreprocIf | Kind::PreprocIfdef | Kind::PreprocElif | Kind::PreprocElifdef => self.preprocessor(at),
            // `LIST_ADD(const char *, item);` of a macro that the tree does not define is read as a type alone.
            Kind::Error | Kind::MacroTypeSpecifier => self.blind_all(at),
            // A function inside a function is a loop macro, or what a lost brace looks like: its body runs where it stands.
            Kind::FunctionDefinition => {
                if let Some(body) = self.frames.child(at, Role::Body) {
                    match self.loop_like_a_function(at) {
                        Some(head) => self.macro_loop(&head, body),
                        None => self.block_items(body),
                    }
                }
            }
            kind if is_expression(kind) => self.effect(at),
            _ => {}
        }
    }

    fn expression_statement(&mut self, at: At) {
        let children = self.frames.children(at);
        let is_torn = |child: &At| {
            let node = self.frames.node(*child);
            node.kind == Kind::CommaExpression && node.damaged
        };
        if children.iter().any(is_torn) {
            // The arguments of a macro that takes a type (`LIST_ADD(struct item, &list, item);`), torn off its name.
            return self.blind_all(at);
        }
        for child in children {
            if self.frames.node(child).kind == Kind::Error {
                self.blind_all(child);
                continue;
            }
            // A macro used as a statement keeps its statements.
            let resolved = self.resolve(child);
            match self.open_use(resolved) {
                Some(Expansion::Statements(body)) => self.macro_body(body),
                Some(Expansion::Expression(inner)) => self.effect(inner),
                Some(Expansion::List(_)) | None => self.effect(resolved),
            }
        }
    }

    fn if_statement(&mut self, at: At) {
        let span = self.frames.span(at);
        self.build.conditionals.push(span);
        let after = self.build.new_block();
        let mut current = at;
        // A chain of `else if` is as long as it likes: it is walked, not descended into.
        for _ in 0..10_000 {
            let (yes, no) = (self.build.new_block(), self.build.new_block());
            match self.frames.child(current, Role::Condition) {
                Some(condition) => self.condition(condition, yes, no, yes),
                None => self.build.end(Terminator::Any(Box::new([yes, no])), yes),
            }
            if let Some(consequence) = self.frames.child(current, Role::Consequence) {
                self.scoped(consequence);
            }
            self.build.goto(after, no);
            let alternative = self.frames.child(current, Role::Alternative);
            let alternative = alternative.and_then(|clause| {
                if self.frames.node(clause).kind == Kind::ElseClause {
                    self.frames.children(clause).into_iter().next_back()
                } else {
                    Some(clause)
                }
            });
            match alternative {
                Some(next) if self.frames.node(next).kind == Kind::IfStatement => current = next,
                Some(last) => {
                    self.scoped(last);
                    break;
                }
                None => break,
            }
        }
        self.build.goto(after, after);
    }

    /// A single statement is a scope of its own, like a block.
    fn scoped(&mut self, at: At) {
        if self.frames.node(at).kind == Kind::CompoundStatement {
            return self.statement(at);
        }
        let span = self.frames.span(at);
        self.build.open_scope();
        self.statement(at);
        self.build.close_scope(span);
    }

    fn while_statement(&mut self, at: At) {
        let (head, body, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        self.build.goto(head, head);
        match self.frames.child(at, Role::Condition) {
            Some(condition) => self.condition(condition, body, after, body),
            None => self.build.end(Terminator::Any(Box::new([body, after])), body),
        }
        self.loop_body(at, head, after);
        self.build.goto(head, after);
    }

    fn do_statement(&mut self, at: At) {
        let (body, check, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        self.build.goto(body, body);
        self.loop_body(at, check, after);
        self.build.goto(check, check);
        match self.frames.child(at, Role::Condition) {
            Some(condition) => self.condition(condition, body, after, after),
            None => self.build.end(Terminator::Any(Box::new([body, after])), after),
        }
    }

    fn for_statement(&mut self, at: At) {
        let (head, body) = (self.build.new_block(), self.build.new_block());
        let (step, after) = (self.build.new_block(), self.build.new_block());
        self.build.open_scope();
        if let Some(initializer) = self.frames.child(at, Role::Initializer) {
            self.statement(initializer);
        }
        self.build.goto(head, head);
        match self.frames.child(at, Role::Condition) {
            Some(condition) => self.condition(condition, body, after, body),
            None => self.build.goto(body, body),
        }
        self.loop_body(at, step, after);
        self.build.goto(step, step);
        if let Some(update) = self.frames.child(at, Role::Update) {
            self.effect(update);
        }
        self.build.goto(head, after);
        let brace = self.closing_brace(at);
        self.build.close_scope(brace);
    }

    fn loop_body(&mut self, at: At, continue_to: BlockId, break_to: BlockId) {
        self.build.enter(break_to, Some(continue_to));
        if let Some(body) = self.frames.child(at, Role::Body) {
            self.scoped(body);
        }
        self.build.exit(true);
    }

    fn switch_statement(&mut self, at: At) {
        let value = match self.frames.child(at, Role::Condition) {
            Some(condition) => self.value(condition),
            None => self.build.expr(Expr::Unknown),
        };
        let (dispatch, body, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        self.build.goto(dispatch, body);
        self.build.switches.push(Default::default());
        self.build.enter(after, None);
        if let Some(body) = self.frames.child(at, Role::Body) {
            self.statement(body);
        }
        self.build.exit(false);
        self.build.goto(after, after);
        let cases = self.build.switches.pop().unwrap_or_default();
        let span = self.frames.child(at, Role::Condition).map_or(self.frames.span(at), |c| self.frames.span(c));
        let default = cases.default.unwrap_or(after);
        self.build.set_end(dispatch, Terminator::Switch { span, value, cases: cases.list.into(), default });
    }

    fn case_statement(&mut self, at: At) {
        let block = self.build.new_block();
        self.build.goto(block, block);
        let value_at = self.frames.child(at, Role::Value);
        let value = value_at.map(|value| match self.frames.node(value).kind {
            Kind::Error => None,
            _ => Some(self.value(value)),
        });
        let is_default = value_at.is_none() && self.frames.text(at).trim_start().starts_with("default");
        if let Some(cases) = self.build.switches.last_mut() {
            match value {
                Some(value) => cases.list.push((value, block)),
                None if is_default => cases.default = Some(block),
                None => cases.list.push((None, block)),
            }
        }
        let items: Vec<At> =
            self.frames.children(at).into_iter().filter(|child| self.frames.node(*child).role != Role::Value).collect();
        self.items(&items);
    }

    fn labeled_statement(&mut self, at: At) {
        if let Some(label) = self.frames.child(at, Role::Label) {
            let name = Name::of(self.frames.text(label));
            let block = self.build.label(name);
            self.build.goto(block, block);
        }
        let items: Vec<At> =
            self.frames.children(at).into_iter().filter(|child| self.frames.node(*child).role != Role::Label).collect();
        self.items(&items);
    }

    fn return_statement(&mut self, at: At) {
        let span = self.frames.span(at);
        let inner = self.frames.children(at).into_iter().find(|child| self.frames.node(*child).kind != Kind::Error);
        let value = inner.map(|inner| self.value(inner));
        self.build.end_path(Terminator::Return { span, value });
    }

    /// `#if … #else … #endif` between statements: a choice that every use of the same condition shares.
    fn preprocessor(&mut self, at: At) {
        let kind = self.frames.node(at).kind;
        let head = match kind {
            Kind::PreprocIf | Kind::PreprocElif => self.frames.child(at, Role::Condition),
            _ => self.frames.child(at, Role::Name),
        };
        let text = self.frames.text(at).trim_start_matches('#').trim_start();
        let negated = text.starts_with("ifndef") || text.starts_with("elifndef");
        let condition_text = head.map(|head| self.frames.text(head).to_owned()).unwrap_or_default();
        let condition = self.configured(&condition_text, negated);
        let span = self.frames.span(at);
        let (yes, no, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        self.build.branch_on(span, condition, yes, no);
        let alternative = self.frames.child(at, Role::Alternative);
        let items: Vec<At> = self
            .frames
            .children(at)
            .into_iter()
            .filter(|child| Some(*child) != head && Some(*child) != alternative)
            .collect();
        self.items(&items);
        self.build.goto(after, no);
        match alternative {
            Some(other) if self.frames.node(other).kind == Kind::PreprocElse => {
                let items = self.frames.children(other);
                self.items(&items);
            }
            Some(other) => self.statement(other),
            None => {}
        }
        self.build.goto(after, after);
    }

    /// Makes everything that the errors below `at` mention unknown.
    pub(super) fn blind_errors(&mut self, at: At) {
        if !self.frames.node(at).damaged {
            return;
        }
        for child in self.frames.children(at) {
            if self.frames.node(child).kind == Kind::Error {
                self.blind_all(child);
            }
        }
    }

    /// Makes every variable that `at` mentions unknown.
    pub(super) fn blind_all(&mut self, at: At) {
        let tree = self.frames.tree(at);
        let mut places = Vec::new();
        let mut before = None;
        for node in tree.below(at.node).skip(1) {
            let here = self.frames.sibling(at, node);
            let is_name = matches!(self.frames.node(here).kind, Kind::Identifier | Kind::TypeIdentifier);
            if is_name && places.len() < MAX_BLIND {
                let name = Name::of(self.frames.text(here));
                match self.build.lookup(name) {
                    Some(var) => places.push(self.build.expr(Expr::Var(var))),
                    None => drop(self.facts.written.insert(self.global_name(name))),
                }
                self.facts.typed_members.extend(before.map(|before| (before, name)));
                before = Some(name);
            }
        }
        self.build.blind += 1;
        if !places.is_empty() {
            let span = self.frames.span(at);
            self.build.push(span, InstrKind::Blind(places.into()));
        }
    }
}

fn is_expression(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CallExpression
            | Kind::AssignmentExpression
            | Kind::UpdateExpression
            | Kind::CommaExpression
            | Kind::ParenthesizedExpression
            | Kind::ConditionalExpression
            | Kind::BinaryExpression
            | Kind::UnaryExpression
            | Kind::PointerExpression
            | Kind::CastExpression
            | Kind::AsmExpression
    )
}
