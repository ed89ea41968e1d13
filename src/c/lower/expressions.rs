//! Expressions: calls become instructions, short circuits become branches.

use super::declarations::{fold, parse_number};
use super::expand::Expansion;
use super::{At, Lowerer};
use crate::c::ir::{BinaryOp, BlockId, Callee, Expr, ExprId, InstrKind, Terminator};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};

/// Wrappers that hand on their first argument and only advise the compiler.
const TRANSPARENT: &[&str] = &[
    "likely",
    "unlikely",
    "__builtin_expect",
    "G_LIKELY",
    "G_UNLIKELY",
    "LIKELY",
    "UNLIKELY",
    "__predict_true",
    "__predict_false",
];

impl Lowerer<'_> {
    /// The value, or place, of an expression; its effects are emitted.
    pub(super) fn value(&mut self, at: At) -> ExprId {
        self.deeper(|lowerer| lowerer.value_here(at)).unwrap_or_else(|| self.unknown())
    }

    pub(super) fn unknown(&mut self) -> ExprId {
        self.build.expr(Expr::Unknown)
    }

    fn int(&mut self, value: i64) -> ExprId {
        self.build.expr(Expr::Int(value))
    }

    pub(super) fn part(&mut self, at: At, role: Role) -> ExprId {
        match self.frames.child(at, role) {
            Some(child) => self.value(child),
            None => self.unknown(),
        }
    }

    fn value_here(&mut self, at: At) -> ExprId {
        let at = self.resolve(at);
        match self.frames.node(at).kind {
            Kind::Identifier => self.identifier(at),
            Kind::NumberLiteral | Kind::CharLiteral | Kind::True | Kind::False | Kind::Null => {
                let expr = self.constant(at).map_or(Expr::Unknown, Expr::Int);
                self.build.expr(expr)
            }
            Kind::StringLiteral | Kind::ConcatenatedString => {
                let expr = if self.frames.text(at).contains('%') { Expr::Format } else { Expr::Text };
                self.build.expr(expr)
            }
            Kind::ParenthesizedExpression => self.parenthesized(at),
            Kind::CastExpression => self.cast(at),
            Kind::ExtensionExpression => match self.frames.children(at).into_iter().next_back() {
                Some(inner) => self.value(inner),
                None => self.unknown(),
            },
            Kind::FieldExpression => self.field(at),
            Kind::SubscriptExpression => {
                let base = self.part(at, Role::Argument);
                let index = self.part(at, Role::Index);
                self.build.expr(Expr::Index(base, index))
            }
            Kind::PointerExpression => {
                let inner = self.part(at, Role::Argument);
                if self.operator(at) != Some("&") {
                    return self.build.expr(Expr::Deref(inner));
                }
                self.note_write(inner);
                self.build.expr(Expr::AddressOf(inner))
            }
            Kind::UnaryExpression => self.unary(at),
            Kind::BinaryExpression => self.binary(at),
            Kind::ConditionalExpression => self.conditional(at),
            Kind::CommaExpression => {
                if let Some(left) = self.frames.child(at, Role::Left) {
                    self.effect(left);
                }
                self.part(at, Role::Right)
            }
            Kind::AssignmentExpression => self.assignment(at),
            Kind::UpdateExpression => self.update(at, Wanted::Value),
            Kind::CallExpression => self.call(at),
            Kind::CompoundLiteral => self.compound_literal(at),
            // Their operands are not evaluated. What one is worth is not known, but it is always the same.
            Kind::SizeofExpression | Kind::AlignofExpression | Kind::OffsetofExpression => {
                self.offset(at);
                let name = self.size_name(at);
                self.note_offset(at, name);
                self.build.expr(Expr::Size(name))
            }
            Kind::AsmExpression | Kind::Error => {
                self.blind_all(at);
                self.unknown()
            }
            _ => self.unknown(),
        }
    }

    /// A name that equal sizes share: the text of the expression, and of the macro's use that it came from.
    fn size_name(&self, at: At) -> Name {
        let own = Name::of(self.frames.text(at));
        let span = self.frames.span(at);
        let used = self.frames.tree(At { frame: 0, node: 0 });
        let used = used.text.get(span.start as usize..span.end as usize).unwrap_or("");
        own.within(Name::of(used))
    }

    /// An expression whose value nobody wants.
    pub(super) fn effect(&mut self, at: At) {
        let at = self.resolve(at);
        if self.frames.node(at).kind == Kind::UpdateExpression {
            self.update(at, Wanted::Nothing);
            return;
        }
        let value = self.value(at);
        if !matches!(self.build.get(value), Expr::Int(_) | Expr::Unknown | Expr::Text | Expr::Format) {
            let span = self.frames.span(at);
            self.build.push(span, InstrKind::Use(value));
        }
    }

    fn identifier(&mut self, at: At) -> ExprId {
        let name = self.intern(at);
        if let Some(var) = self.build.lookup(name) {
            return self.build.expr(Expr::Var(var));
        }
        if let Some(full) = self.build.static_name(name) {
            return self.build.expr(Expr::Global(full));
        }
        if name == Name::of("_") {
            // What was put in the place of something that is not read.
            return self.unknown();
        }
        match self.frames.open(name, at, None) {
            Some(Expansion::Expression(inner)) => return self.value(inner),
            Some(Expansion::Statements(_) | Expansion::List(_)) => return self.unknown(),
            None => {}
        }
        let full = self.global_name(name);
        self.build.expr(Expr::Global(full))
    }

    fn parenthesized(&mut self, at: At) -> ExprId {
        let children = self.frames.children(at);
        let Some(inner) = children.into_iter().next_back() else { return self.unknown() };
        if self.frames.node(inner).kind == Kind::CompoundStatement {
            return self.statement_expression(inner);
        }
        self.value(inner)
    }

    /// `({ …; value; })`
    fn statement_expression(&mut self, body: At) -> ExprId {
        let items = self.frames.children(body);
        let span = self.frames.span(body);
        self.build.open_scope();
        let mut result = None;
        if let Some((last, before)) = items.split_last() {
            self.items(before);
            let inner = (self.frames.node(*last).kind == Kind::ExpressionStatement)
                .then(|| self.frames.children(*last).into_iter().next())
                .flatten();
            match inner {
                Some(inner) => {
                    let value = self.value(inner);
                    let var = self.build.temporary();
                    let place = self.build.expr(Expr::Var(var));
                    self.build.assign(span, place, value);
                    result = Some(place);
                }
                None => self.items(&[*last]),
            }
        }
        self.build.close_scope(span);
        result.unwrap_or_else(|| self.unknown())
    }

    pub(super) fn operator(&self, at: At) -> Option<&str> {
        self.frames.child(at, Role::Operator).map(|operator| self.frames.text(operator))
    }

    fn unary(&mut self, at: At) -> ExprId {
        let inner = self.part(at, Role::Argument);
        let folded = self.build.get(inner);
        let expr = match (self.operator(at), folded) {
            (Some("!"), Expr::Int(value)) => Expr::Int(i64::from(value == 0)),
            (Some("!"), _) => Expr::Not(inner),
            (Some("-"), Expr::Int(value)) => value.checked_neg().map_or(Expr::Unknown, Expr::Int),
            (Some("-"), Expr::Var(_) | Expr::Global(_) | Expr::Field(..) | Expr::Deref(_) | Expr::Index(..)) => {
                let nothing = self.build.expr(Expr::Int(0));
                Expr::Binary(BinaryOp::Subtract, nothing, inner)
            }
            (Some("~"), Expr::Int(value)) => Expr::Int(!value),
            (Some("+"), _) => return inner,
            _ => Expr::Derived(inner),
        };
        self.build.expr(expr)
    }

    fn binary(&mut self, at: At) -> ExprId {
        let operator = self.operator(at).unwrap_or("").to_owned();
        if operator == "&&" || operator == "||" {
            return self.truth(at);
        }
        let left = self.part(at, Role::Left);
        let right = self.part(at, Role::Right);
        if operator == "&" && matches!(self.build.get(left), Expr::Global(_)) {
            // `(text_t)&place`: whether that is a cast, only the whole tree tells.
            self.note_write(right);
        }
        if operator == "-"
            && let Some(container) = self.stepped_back(at, left, right)
        {
            return container;
        }
        if operator == "+" && self.is_checked(left, right) {
            return left;
        }
        self.combine(&operator, left, right)
    }

    /// `left operator right`, folded where both are numbers.
    fn combine(&mut self, operator: &str, left: ExprId, right: ExprId) -> ExprId {
        if let (Expr::Int(a), Expr::Int(b)) = (self.build.get(left), self.build.get(right))
            && let Some(value) = fold(operator, a, b)
        {
            return self.int(value);
        }
        let (op, a, b, negated) = match operator {
            "==" => (BinaryOp::Equal, left, right, false),
            "!=" => (BinaryOp::Equal, left, right, true),
            "<" => (BinaryOp::Less, left, right, false),
            ">" => (BinaryOp::Less, right, left, false),
            "<=" => (BinaryOp::Less, right, left, true),
            ">=" => (BinaryOp::Less, left, right, true),
            "+" => (BinaryOp::Add, left, right, false),
            "-" => (BinaryOp::Subtract, left, right, false),
            "*" => (BinaryOp::Multiply, left, right, false),
            "&" => (BinaryOp::And, left, right, false),
            "|" => (BinaryOp::Or, left, right, false),
            other => (BinaryOp::Other(Name::of(other)), left, right, false),
        };
        let value = self.build.expr(Expr::Binary(op, a, b));
        if negated { self.build.expr(Expr::Not(value)) } else { value }
    }

    /// A short circuit whose value is wanted: 1 or 0 in a temporary.
    fn truth(&mut self, at: At) -> ExprId {
        let (yes, no, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        let var = self.build.temporary();
        let place = self.build.expr(Expr::Var(var));
        let span = self.frames.span(at);
        self.condition(at, yes, no, yes);
        let one = self.int(1);
        self.build.assign(span, place, one);
        self.build.goto(after, no);
        let zero = self.int(0);
        self.build.assign(span, place, zero);
        self.build.goto(after, after);
        place
    }

    fn conditional(&mut self, at: At) -> ExprId {
        let Some(condition) = self.frames.child(at, Role::Condition) else { return self.unknown() };
        let (yes, no, after) = (self.build.new_block(), self.build.new_block(), self.build.new_block());
        let var = self.build.temporary();
        let place = self.build.expr(Expr::Var(var));
        let span = self.frames.span(at);
        // `a ?: b` has no consequence: the condition's own value is it.
        let short = match self.frames.child(at, Role::Consequence) {
            Some(_) => None,
            None => Some(self.value(condition)),
        };
        match short {
            Some(value) => self.branch(span, value, yes, no, yes),
            None => self.condition(condition, yes, no, yes),
        }
        let first = match short {
            Some(value) => value,
            None => self.part(at, Role::Consequence),
        };
        self.build.assign(span, place, first);
        self.build.goto(after, no);
        let second = self.part(at, Role::Alternative);
        self.build.assign(span, place, second);
        self.build.goto(after, after);
        place
    }

    fn assignment(&mut self, at: At) -> ExprId {
        let (Some(left), Some(right)) = (self.frames.child(at, Role::Left), self.frames.child(at, Role::Right)) else {
            return self.unknown();
        };
        let span = self.frames.span(at);
        let operator = self.operator(at).unwrap_or("=").to_owned();
        if self.frames.node(self.resolve(right)).kind == Kind::InitializerList {
            let to = self.value(left);
            self.initializer(right, to, crate::c::ir::Shape::Plain);
            return to;
        }
        let from = self.value(right);
        let to = self.value(left);
        let from = match operator.strip_suffix('=') {
            Some("") | None => from,
            Some(compound) => self.combine(compound, to, from),
        };
        self.note_write(to);
        if let Some(place) = self.stored_name(to) {
            self.possible_target(place, right);
        }
        self.build.assign(span, to, from);
        to
    }

    /// The field or variable that an assignment stores into, as function pointers are looked up.
    fn stored_name(&self, to: ExprId) -> Option<Name> {
        match self.build.get(to) {
            Expr::Field(_, field) => Some(field),
            Expr::Global(name) => Some(name),
            _ => None,
        }
    }

    fn update(&mut self, at: At, wanted: Wanted) -> ExprId {
        let Some(argument) = self.frames.child(at, Role::Argument) else { return self.unknown() };
        let place = self.value(argument);
        let span = self.frames.span(at);
        self.note_write(place);
        let text = self.frames.text(at).trim();
        let (decrement, postfix) = (text.contains("--"), text.ends_with("++") || text.ends_with("--"));
        let before = (postfix && wanted == Wanted::Value).then(|| {
            let var = self.build.temporary();
            let copy = self.build.expr(Expr::Var(var));
            self.build.assign(span, copy, place);
            copy
        });
        let one = self.int(1);
        let op = if decrement { BinaryOp::Subtract } else { BinaryOp::Add };
        let after = self.build.expr(Expr::Binary(op, place, one));
        self.build.assign(span, place, after);
        before.unwrap_or(place)
    }

    fn compound_literal(&mut self, at: At) -> ExprId {
        let Some(list) = self.frames.child(at, Role::Value) else { return self.unknown() };
        let var = self.build.temporary();
        let place = self.build.expr(Expr::Var(var));
        self.initializer(list, place, crate::c::ir::Shape::Plain);
        place
    }

    fn call(&mut self, at: At) -> ExprId {
        match self.open_call(at) {
            Some(Expansion::Expression(inner)) => {
                return self.value(inner);
            }
            Some(Expansion::Statements(body)) => {
                self.macro_body(body);
                return self.unknown();
            }
            Some(Expansion::List(_)) => return self.unknown(),
            None => self.note_typed_members(at),
        }
        let Some(function) = self.frames.child(at, Role::Function) else { return self.unknown() };
        let list = self.frames.child(at, Role::Arguments);
        let arguments: Vec<At> = list.map(|list| self.frames.items(list)).unwrap_or_default();
        if let [only] = arguments.as_slice()
            && is_type_of_a_value(self.frames.text(function))
        {
            return self.value(*only);
        }
        let function = self.resolve(function);
        let span = self.frames.span(at);
        if self.frames.node(function).kind == Kind::Identifier {
            let text = self.frames.text(function).to_owned();
            if let Some(value) = self.special_call(at, &text, &arguments) {
                return value;
            }
            if let Some(container) = self.container_by_name(&text, &arguments) {
                return container;
            }
        }
        let mut args = Vec::with_capacity(arguments.len());
        for argument in arguments {
            if self.frames.node(argument).kind != Kind::Error {
                args.push(self.value(argument));
            }
        }
        self.note_given_to_macro(function, &args);
        let (callee, plain) = self.callee(function);
        let spelled = self.frames.macro_of(at).unwrap_or(plain);
        self.build.call(span, callee, spelled, args)
    }

    fn callee(&mut self, function: At) -> (Callee, Name) {
        if self.frames.node(function).kind == Kind::Identifier {
            let name = self.intern(function);
            if self.build.lookup(name).is_none() && !self.statics.contains(&name) {
                let meant = self.frames.alias(name).map(str::to_owned);
                let meant = meant.map_or(name, |meant| self.names.intern(&meant));
                return (Callee::Named(meant), name);
            }
        }
        let value = self.value(function);
        match self.build.get(value) {
            Expr::Global(name) => (Callee::Named(name), name),
            Expr::Field(_, name) => (Callee::Through(value), name),
            _ => (Callee::Through(value), Name::of("")),
        }
    }

    /// Calls that are language rather than library: they change control flow or their argument's name.
    fn special_call(&mut self, at: At, name: &str, arguments: &[At]) -> Option<ExprId> {
        let span = self.frames.span(at);
        match name {
            _ if TRANSPARENT.contains(&name) => Some(self.value(*arguments.first()?)),
            "__builtin_unreachable" | "g_assert_not_reached" | "g_return_if_reached" => {
                self.build.end_path(Terminator::Unreachable);
                Some(self.unknown())
            }
            "va_arg" | "__builtin_constant_p" | "defined" => Some(self.unknown()),
            "g_steal_pointer" => {
                let pointer = self.value(*arguments.first()?);
                let var = self.build.temporary();
                let stolen = self.build.expr(Expr::Var(var));
                let place = match self.build.get(pointer) {
                    Expr::AddressOf(place) => place,
                    _ => self.build.expr(Expr::Deref(pointer)),
                };
                self.build.assign(span, stolen, place);
                let zero = self.int(0);
                self.build.assign(span, place, zero);
                Some(stolen)
            }
            "g_clear_pointer" => {
                let [pointer, function] = arguments else { return None };
                let pointer = self.value(*pointer);
                let place = match self.build.get(pointer) {
                    Expr::AddressOf(place) => place,
                    _ => self.build.expr(Expr::Deref(pointer)),
                };
                let function = self.resolve(*function);
                let (callee, spelled) = self.callee(function);
                self.build.call(span, callee, spelled, vec![place]);
                let zero = self.int(0);
                self.build.assign(span, place, zero);
                Some(self.unknown())
            }
            _ => self.assertion(at, name, arguments),
        }
    }

    /// Branches on an expression; goes on in `next`.
    pub(super) fn condition(&mut self, at: At, yes: BlockId, no: BlockId, next: BlockId) {
        if self.deeper(|lowerer| lowerer.condition_here(at, yes, no, next)).is_none() {
            self.build.end(Terminator::Any(Box::new([yes, no])), next);
        }
    }

    fn condition_here(&mut self, at: At, yes: BlockId, no: BlockId, next: BlockId) {
        let at = self.resolve(at);
        let span = self.frames.span(at);
        match self.frames.node(at).kind {
            Kind::ParenthesizedExpression => {
                let inner = self.frames.children(at).into_iter().next_back();
                match inner.filter(|inner| self.frames.node(*inner).kind != Kind::CompoundStatement) {
                    Some(inner) => self.condition(inner, yes, no, next),
                    None => {
                        let value = self.value(at);
                        self.branch(span, value, yes, no, next);
                    }
                }
            }
            Kind::UnaryExpression if self.operator(at) == Some("!") => {
                if let Some(inner) = self.frames.child(at, Role::Argument) {
                    return self.condition(inner, no, yes, next);
                }
                self.build.end(Terminator::Any(Box::new([yes, no])), next);
            }
            Kind::BinaryExpression if matches!(self.operator(at), Some("&&" | "||")) => {
                let both = self.operator(at) == Some("&&");
                let (Some(left), Some(right)) = (self.frames.child(at, Role::Left), self.frames.child(at, Role::Right))
                else {
                    return self.build.end(Terminator::Any(Box::new([yes, no])), next);
                };
                let middle = self.build.new_block();
                if both {
                    self.condition(left, middle, no, middle);
                } else {
                    self.condition(left, yes, middle, middle);
                }
                self.condition(right, yes, no, next);
            }
            Kind::CommaExpression => {
                if let Some(left) = self.frames.child(at, Role::Left) {
                    self.effect(left);
                }
                match self.frames.child(at, Role::Right) {
                    Some(right) => self.condition(right, yes, no, next),
                    None => self.build.end(Terminator::Any(Box::new([yes, no])), next),
                }
            }
            Kind::CallExpression => {
                if let Some(Expansion::Expression(inner)) = self.open_call(at) {
                    return self.condition(inner, yes, no, next);
                }
                let value = self.value(at);
                self.branch(span, value, yes, no, next);
            }
            _ => {
                let value = self.value(at);
                self.branch(span, value, yes, no, next);
            }
        }
    }

    /// Branches on a value; goes on in `next`.
    pub(super) fn branch(
        &mut self,
        span: crate::c::syntax::Span,
        value: ExprId,
        yes: BlockId,
        no: BlockId,
        next: BlockId,
    ) {
        self.build.branch_on(span, value, yes, no);
        self.build.go_on(next);
    }

    /// The condition of a preprocessor branch.
    pub(super) fn configured(&mut self, text: &str, negated: bool) -> ExprId {
        let mut text = text.trim();
        let mut negated = negated;
        while let Some(rest) = text.strip_prefix('!') {
            text = rest.trim();
            negated = !negated;
        }
        if let Some(rest) = text.strip_prefix("defined") {
            let rest = rest.trim();
            let inner = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest).trim();
            if inner.chars().all(|c| c.is_alphanumeric() || c == '_') {
                text = inner;
            }
        }
        if let Some(value) = parse_number(text) {
            return self.int(i64::from((value != 0) != negated));
        }
        let value = match comparison(text) {
            Some((name, operator, number)) => {
                let name = self.build.expr(Expr::Configured(Name::of(name)));
                let number = self.int(number);
                // `a > b` is `b < a`, and the others are one of these turned round.
                let (op, left, right) = match operator {
                    "<" | ">=" => (BinaryOp::Less, name, number),
                    ">" | "<=" => (BinaryOp::Less, number, name),
                    _ => (BinaryOp::Equal, name, number),
                };
                negated ^= matches!(operator, ">=" | "<=" | "!=");
                self.build.expr(Expr::Binary(op, left, right))
            }
            None => self.build.expr(Expr::Configured(Name::of(text))),
        };
        if negated { self.build.expr(Expr::Not(value)) } else { value }
    }
}

/// The parts of `NAME < 3`, with any operator that compares.
fn comparison(text: &str) -> Option<(&str, &str, i64)> {
    let text = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text).trim();
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let operators = ["==", "!=", "<=", ">=", "<", ">"];
    let (name, operator, number) = operators.iter().find_map(|operator| {
        let (name, number) = text.split_once(operator)?;
        Some((name.trim(), *operator, number.trim()))
    })?;
    (word(name) && !name.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| parse_number(number).map(|number| (name, operator, number)))?
}

/// Whether the value of an update is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Value,
    Nothing,
}

/// Whether what seems to be called is a cast to the type of a value: `(typeof(a))(b)`, which the grammar takes for a call.
fn is_type_of_a_value(text: &str) -> bool {
    let inner = text.trim().trim_start_matches('(').trim_start();
    let named = ["typeof", "__typeof__", "__typeof"].iter().find_map(|word| inner.strip_prefix(word));
    text.starts_with('(') && named.is_some_and(|rest| rest.trim_start().starts_with('('))
}
