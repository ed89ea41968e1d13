//! Declarators: names, shapes and parameter lists.

use super::{At, Lowerer};
use crate::c::ir::{Expr, Release, Shape};
use crate::c::names::Name;
use crate::c::program::positions;
use crate::c::syntax::{Kind, Role};
use crate::c::types::Type;

/// What a declarator declares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared {
    /// Where the name stands.
    pub(super) text: At,
    /// The name.
    pub(super) name: Name,
    /// The parameter list, if it declares a function.
    pub(super) parameters: Option<At>,
    /// Whether there is a `*`.
    pub(super) is_pointer: bool,
    /// How many pointers and dimensions lead from the name to what stands before it.
    pub(super) pointers: u8,
    /// Array or not.
    pub(super) shape: Shape,
}

impl Lowerer<'_> {
    /// Reads a declarator from the outside in.
    pub(super) fn declared(&self, declarator: At) -> Option<Declared> {
        let (mut at, mut parameters, mut is_pointer, mut shape) = (declarator, None, false, Shape::Plain);
        let mut pointers = 0u8;
        for _ in 0..32 {
            at = self.resolve(at);
            match self.frames.node(at).kind {
                Kind::Identifier | Kind::FieldIdentifier | Kind::TypeIdentifier => {
                    let name = Name::of(self.frames.text(at));
                    return Some(Declared { text: at, name, parameters, is_pointer, pointers, shape });
                }
                Kind::PointerDeclarator => {
                    // `(*name)(…)`: what the parentheses hold is a pointer to a function, not a function.
                    if parameters.is_some() && shape == Shape::Plain && !is_pointer {
                        parameters = None;
                    }
                    is_pointer = true;
                    pointers = pointers.saturating_add(1);
                    shape = Shape::Plain;
                }
                Kind::ArrayDeclarator => {
                    pointers = pointers.saturating_add(1);
                    shape = Shape::Array;
                }
                Kind::FunctionDeclarator => {
                    parameters = self.frames.child(at, Role::Parameters);
                    // A pointer outside belongs to the returned type.
                    is_pointer = false;
                }
                _ => {}
            }
            let inner = self.frames.child(at, Role::Declarator).or_else(|| {
                self.frames.children(at).into_iter().find(|child| {
                    matches!(
                        self.frames.node(*child).kind,
                        Kind::Identifier
                            | Kind::TypeIdentifier
                            | Kind::FieldIdentifier
                            | Kind::PointerDeclarator
                            | Kind::ArrayDeclarator
                            | Kind::FunctionDeclarator
                            | Kind::ParenthesizedDeclarator
                    )
                })
            });
            at = inner?;
        }
        None
    }

    /// The parameters' names and types. For the old style the list holds names only.
    pub(super) fn parameters(&mut self, list: At, _definition: At) -> Vec<(Name, Type)> {
        let mut names = Vec::new();
        for item in self.frames.children(list) {
            match self.frames.node(item).kind {
                Kind::ParameterDeclaration => {
                    let declared = self.frames.child(item, Role::Declarator).and_then(|at| self.declared(at));
                    match declared {
                        Some(declared) => {
                            let type_of = self.declared_type(item, &declared);
                            names.push((self.intern(declared.text), type_of));
                        }
                        None if self.frames.text(item).trim() == "void" => {}
                        None => names.push((Name::of(""), Type::default())),
                    }
                }
                Kind::Identifier => names.push((self.intern(item), Type::default())),
                _ => {}
            }
        }
        names
    }

    /// Whether a declaration carries the storage class.
    pub(super) fn has_storage_class(&self, declaration: At, class: &str) -> bool {
        self.frames
            .children(declaration)
            .iter()
            .any(|at| self.frames.node(*at).kind == Kind::StorageClass && self.frames.text(*at) == class)
    }

    /// The value of a constant expression of literals, if it is one.
    pub(super) fn constant(&mut self, at: At) -> Option<i64> {
        let at = self.resolve(at);
        match self.frames.node(at).kind {
            Kind::NumberLiteral => parse_number(self.frames.text(at)),
            Kind::CharLiteral => parse_character(self.frames.text(at)),
            Kind::Null | Kind::False => Some(0),
            Kind::True => Some(1),
            Kind::ParenthesizedExpression | Kind::CastExpression => {
                let inner = self.frames.child(at, Role::Value);
                let inner = inner.or_else(|| self.frames.children(at).into_iter().next_back())?;
                self.deeper(|lowerer| lowerer.constant(inner))?
            }
            Kind::UnaryExpression if self.frames.text(at).starts_with('-') => {
                let inner = self.frames.child(at, Role::Argument)?;
                self.deeper(|lowerer| lowerer.constant(inner))??.checked_neg()
            }
            Kind::Identifier => {
                let name = self.intern(at);
                if let Some(super::expand::Expansion::Expression(inner)) = self.frames.open(name, at, None) {
                    return self.deeper(|lowerer| lowerer.constant(inner))?;
                }
                self.facts.constants.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value)
            }
            Kind::BinaryExpression => {
                let left = self.frames.child(at, Role::Left)?;
                let right = self.frames.child(at, Role::Right)?;
                let operator = self.frames.child(at, Role::Operator)?;
                let a = self.deeper(|lowerer| lowerer.constant(left))??;
                let b = self.deeper(|lowerer| lowerer.constant(right))??;
                fold(self.frames.text(operator), a, b)
            }
            _ => None,
        }
    }

    /// A declaration inside a function.
    pub(super) fn local_declaration(&mut self, declaration: At) {
        let text = self.frames.text(declaration);
        let head = text.get(..text.find('=').unwrap_or(text.len())).unwrap_or(text);
        let automatic = self.has_storage_class(declaration, "auto")
            || ["g_auto", "cleanup", "__free("].iter().any(|word| head.contains(word));
        let release = if automatic { Release::Automatic } else { Release::Manual };
        let is_static = self.has_storage_class(declaration, "static");
        let is_extern = self.has_storage_class(declaration, "extern");
        for child in self.frames.children(declaration) {
            if self.frames.node(child).role != Role::Declarator {
                continue;
            }
            let Some(declared) = self.declared(child) else { continue };
            if declared.parameters.is_some() {
                // What looks like a prototype may be the use of a macro that takes types: `LIST_ADD(struct item, item);`.
                self.blind_all(declaration);
            }
            if declared.parameters.is_some() || is_extern {
                continue;
            }
            let name = self.intern(declared.text);
            let value = self.frames.child(child, Role::Value);
            if is_static {
                let type_of = self.declared_type(declaration, &declared);
                self.static_local(name, type_of, value);
            } else {
                let type_of = self.declared_type(declaration, &declared);
                self.local(child, name, (type_of, declared.shape), release, value);
            }
        }
        self.blind_errors(declaration);
    }

    /// A static local is a global with a private name. Its initial value is set before the function ever runs.
    fn static_local(&mut self, name: Name, declared: Type, value: Option<At>) {
        let full = name.within(self.build.function_name()).within(self.file_name);
        let full = self.build.static_local(name, full);
        let known = match value {
            _ if declared.is_array => None,
            Some(value) => self.constant(value),
            None => Some(0),
        };
        self.facts.globals.push((full, known, crate::c::ir::Linkage::File));
        self.facts.global_types.push((full, declared));
    }

    fn local(&mut self, at: At, name: Name, (declared, shape): (Type, Shape), release: Release, value: Option<At>) {
        let span = self.frames.span(at);
        // The initial value is read before the name comes into scope: `char *copy = data; char *data = copy;`.
        let aggregate = value.and_then(|value| self.list(value));
        let from = match (value, aggregate) {
            (Some(value), None) => Some(self.value(value)),
            _ => None,
        };
        let var = self.build.declare(name, declared, shape, release);
        self.build.push(span, crate::c::ir::InstrKind::Declare(var));
        let to = self.build.expr(Expr::Var(var));
        if let Some(from) = from {
            self.build.assign(span, to, from);
        }
        if let Some(value) = value.filter(|_| shape == Shape::Plain) {
            self.possible_target(name.within(self.build.function_name()), value);
        }
        if let Some(list) = aggregate {
            self.listed_targets(declared, list);
            self.initializer(list, to, shape);
        }
    }

    /// The `{ … }` that an initial value is, or that the macro it is written as stands for.
    fn list(&mut self, value: At) -> Option<At> {
        let at = self.resolve(value);
        match self.frames.node(at).kind {
            Kind::InitializerList => return Some(at),
            Kind::Identifier | Kind::CallExpression => {}
            _ => return None,
        }
        let name = self.frames.child(at, Role::Function).unwrap_or(at);
        if !self.frames.is_list(Name::of(self.frames.text(name))) {
            return None;
        }
        match self.open_use(at)? {
            super::expand::Expansion::List(list) => Some(list),
            super::expand::Expansion::Expression(inner) => self.deeper(|lowerer| lowerer.list(inner))?,
            super::expand::Expansion::Statements(_) => None,
        }
    }

    /// `{ … }`: everything that is not named is zero.
    pub(super) fn initializer(&mut self, list: At, to: crate::c::ir::ExprId, shape: Shape) {
        let span = self.frames.span(list);
        let zero = self.build.expr(Expr::Int(0));
        self.build.assign(span, to, zero);
        for (number, item) in self.frames.items(list).into_iter().enumerate() {
            let kind = self.frames.node(item).kind;
            let (place, value) = match kind {
                Kind::InitializerPair => {
                    let Some(value) = self.frames.child(item, Role::Value) else { continue };
                    (self.designated(item, to), value)
                }
                _ if shape == Shape::Array => {
                    let index = self.build.expr(Expr::Int(number as i64));
                    (self.build.expr(Expr::Index(to, index)), item)
                }
                _ if self.constant(item) == Some(0) => continue,
                _ => (self.position(to, number), item),
            };
            if let Some(list) = self.list(value) {
                self.deeper(|lowerer| lowerer.initializer(list, place, Shape::Plain));
            } else {
                if let (Expr::Field(_, field), Kind::InitializerPair) = (self.build.get(place), kind) {
                    self.possible_target(field, value);
                }
                let from = self.value(value);
                self.build.assign(span, place, from);
            }
        }
    }

    /// The member at a position of a structure whose layout only the whole tree tells.
    fn position(&mut self, structure: crate::c::ir::ExprId, number: usize) -> crate::c::ir::ExprId {
        let name = self.names.intern(&positions::name_of(number));
        self.build.expr(Expr::Field(structure, name))
    }

    fn designated(&mut self, pair: At, to: crate::c::ir::ExprId) -> crate::c::ir::ExprId {
        let mut place = to;
        for child in self.frames.children(pair) {
            match self.frames.node(child).kind {
                Kind::FieldDesignator => {
                    let Some(field) = self.frames.children(child).into_iter().next_back() else { continue };
                    let field = self.intern(field);
                    place = self.build.expr(Expr::Field(place, field));
                }
                Kind::SubscriptDesignator => {
                    let index = match self.frames.children(child).into_iter().next() {
                        Some(index) => self.value(index),
                        None => self.build.expr(Expr::Unknown),
                    };
                    place = self.build.expr(Expr::Index(place, index));
                }
                _ => {}
            }
        }
        place
    }
}

/// The value of an operator on two numbers, if C defines it and it fits.
pub(crate) fn fold(operator: &str, a: i64, b: i64) -> Option<i64> {
    Some(match operator {
        "+" => a.checked_add(b)?,
        "-" => a.checked_sub(b)?,
        "*" => a.checked_mul(b)?,
        "/" => a.checked_div(b)?,
        "%" => a.checked_rem(b)?,
        "<<" => a.checked_shl(u32::try_from(b).ok()?)?,
        ">>" => a.checked_shr(u32::try_from(b).ok()?)?,
        "&" => a & b,
        "|" => a | b,
        "^" => a ^ b,
        _ => return None,
    })
}

/// The value of an integer literal of any base, with its suffix. A floating literal has none.
pub(crate) fn parse_number(text: &str) -> Option<i64> {
    let text = text.trim_end_matches(['u', 'U', 'l', 'L']);
    let parsed = if let Some(hex) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).or_else(|_| u64::from_str_radix(hex, 16).map(|value| value as i64))
    } else if let Some(binary) = text.strip_prefix("0b").or(text.strip_prefix("0B")) {
        i64::from_str_radix(binary, 2)
    } else if text.len() > 1 && text.starts_with('0') {
        i64::from_str_radix(text, 8)
    } else {
        text.parse()
    };
    parsed.ok()
}

fn parse_character(text: &str) -> Option<i64> {
    let inner = text.trim_start_matches(['L', 'u', 'U']).strip_prefix('\'')?.strip_suffix('\'')?;
    let mut letters = inner.chars();
    match (letters.next()?, letters.next()) {
        ('\\', Some('0')) => Some(0),
        ('\\', Some('n')) => Some(10),
        ('\\', _) => None,
        (letter, None) => Some(i64::from(u32::from(letter))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_base() {
        let read = ["10", "0x1F", "017", "0b11", "5LL", "3UL", "0", "1.5", "0xFFFFFFFFFFFFFFFF"].map(parse_number);
        assert_eq!(read, [Some(10), Some(31), Some(15), Some(3), Some(5), Some(3), Some(0), None, Some(-1)]);
        assert_eq!(fold("/", 1, 0), None);
        assert_eq!(fold("+", i64::MAX, 1), None);
        assert_eq!(parse_character("'h'"), Some(104));
    }
}
