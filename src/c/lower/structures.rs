//! Definitions of structures, and the types that declarations name.

use super::declarations::Declared;
use super::{At, Lowerer};
use crate::c::ir::{ExprId, Shape};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};
use crate::c::types::{Structure, Type};

impl Lowerer<'_> {
    /// The type that a declaration gives a declarator; a function has none.
    pub(super) fn declared_type(&self, declaration: At, declared: &Declared) -> Type {
        if declared.parameters.is_some() {
            return Type::default();
        }
        self.type_before(declaration, declared.pointers, declared.shape)
    }

    /// What is cast is worth the same; only as the pointer to a structure the type tells something.
    pub(super) fn cast(&mut self, at: At) -> ExprId {
        let value = self.part(at, Role::Value);
        match self.frames.child(at, Role::Type).and_then(|to| self.cast_type(to)) {
            Some(to) => self.build.cast(value, to),
            None => value,
        }
    }

    /// The type that a cast names, if it is a pointer to something with a name.
    fn cast_type(&self, descriptor: At) -> Option<Type> {
        let text = self.frames.text(descriptor);
        let pointers = u8::try_from(text.matches('*').count()).ok()?;
        let (name, is_tag) = self.specified(descriptor).filter(|_| pointers > 0 && !text.contains(['(', '[']))?;
        let (name, is_tag) = self.type_argument(descriptor).unwrap_or((name, is_tag));
        Some(Type { name, pointers, is_tag, ..Type::default() })
    }

    /// The type that a macro is told, where the name of one is its parameter's.
    fn type_argument(&self, descriptor: At) -> Option<(Name, bool)> {
        let at = self.frames.child(descriptor, Role::Type)?;
        let argument = self.frames.argument(at, Name::of(self.frames.text(at)))?;
        let mut words = self.frames.text(argument).split_whitespace();
        match (words.next()?, words.next(), words.next()) {
            (tag @ ("struct" | "union"), Some(name), None) if tag != name => Some((Name::of(name), true)),
            (name, None, None) => Some((Name::of(name), false)),
            _ => None,
        }
    }

    /// The type of what a function gives.
    pub(super) fn result_type(&self, declaration: At, declared: &Declared) -> Type {
        self.type_before(declaration, declared.pointers, Shape::Plain)
    }

    fn type_before(&self, declaration: At, pointers: u8, shape: Shape) -> Type {
        let (is_const, is_number) = (self.is_const(declaration), self.is_number(declaration));
        let is_array = shape == Shape::Array;
        if let Some((name, hidden)) = self.automatic(declaration) {
            return Type { name, pointers: pointers.saturating_add(hidden), is_const, is_array, ..Type::default() };
        }
        let (name, is_tag) = self.specified(declaration).unwrap_or_default();
        Type { name, pointers, is_tag, is_const, is_number, is_array }
    }

    /// The type that `g_autoptr(Box)` or `g_auto(Box)` stands for, and how many pointers it hides (GLib's documentation,
    /// "Automatic Cleanup").
    fn automatic(&self, declaration: At) -> Option<(Name, u8)> {
        let at = self.frames.child(declaration, Role::Type)?;
        if self.frames.node(at).kind != Kind::MacroTypeSpecifier {
            return None;
        }
        let (by, inner) = self.frames.text(at).strip_suffix(')')?.split_once('(')?;
        let hidden = match by.trim_end() {
            "g_autoptr" => 1,
            "g_auto" => 0,
            _ => return None,
        };
        Some((Name::of(inner.trim()), hidden))
    }

    /// Whether the type that a declaration begins with is a number that no pointer is put into.
    fn is_number(&self, declaration: At) -> bool {
        const WORDS: &[&str] = &[
            "char", "short", "int", "signed", "unsigned", "bool", "_Bool", "float", "double", "size_t", "ssize_t",
            "int8_t", "int16_t", "int32_t", "uint8_t", "uint16_t", "uint32_t",
        ];
        let specifier = self.frames.child(declaration, Role::Type);
        specifier.is_some_and(|at| {
            self.frames.node(at).kind == Kind::EnumSpecifier
                || self.frames.text(at).split_whitespace().all(|word| WORDS.contains(&word))
        })
    }

    /// Whether the type that a declaration begins with is const.
    pub(super) fn is_const(&self, declaration: At) -> bool {
        let children = self.frames.children(declaration);
        let mut qualifiers = children.iter().filter(|at| self.frames.node(**at).kind == Kind::TypeQualifier);
        qualifiers.any(|at| self.frames.text(*at) == "const")
    }

    /// The name of the type that a declaration begins with, and whether it is a tag.
    fn specified(&self, declaration: At) -> Option<(Name, bool)> {
        let at = self.frames.child(declaration, Role::Type)?;
        match self.frames.node(at).kind {
            Kind::TypeIdentifier => Some((Name::of(self.frames.text(at)), false)),
            Kind::StructSpecifier | Kind::UnionSpecifier => {
                self.frames.child(at, Role::Name).map(|name| (Name::of(self.frames.text(name)), true))
            }
            _ => None,
        }
    }

    /// Notes a definition, under its tag or, where it has none, under `name`.
    pub(super) fn structure(&mut self, specifier: At, name: Option<Name>) {
        let tag = self.frames.child(specifier, Role::Name).map(|name| Name::of(self.frames.text(name)));
        let Some(name) = tag.or(name) else { return };
        let Some(body) = self.frames.child(specifier, Role::Body) else { return };
        self.declared_by_macro(specifier, name);
        let mut fields = Vec::new();
        self.fields_of(body, name, &mut fields);
        let (in_header, is_union) = (self.is_header, self.frames.node(specifier).kind == Kind::UnionSpecifier);
        self.facts.structures.push(Structure { name, fields, in_header, is_union });
    }

    /// `G_DECLARE_FINAL_TYPE(Box, box, …)` says `typedef struct _Box Box;`, as the documentation of GObject has it, and the tree
    /// only defines `struct _Box`.
    fn declared_by_macro(&mut self, specifier: At, name: Name) {
        let Some(tag) = self.frames.child(specifier, Role::Name) else { return };
        let plain =
            self.frames.text(tag).strip_prefix('_').filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        if let Some(plain) = plain {
            let meant = Type { name, is_tag: true, ..Type::default() };
            self.facts.guessed_aliases.push((Name::of(plain), meant));
        }
    }

    fn fields_of(&mut self, list: At, owner: Name, fields: &mut Vec<(Name, Type)>) {
        for item in self.frames.children(list) {
            match self.frames.node(item).kind {
                Kind::FieldDeclaration => self.field_of(item, owner, fields),
                Kind::PreprocIf | Kind::PreprocIfdef | Kind::PreprocElse | Kind::PreprocElif | Kind::PreprocElifdef => {
                    self.deeper(|lowerer| lowerer.fields_of(item, owner, fields));
                }
                _ => {}
            }
        }
    }

    fn field_of(&mut self, field: At, owner: Name, fields: &mut Vec<(Name, Type)>) {
        let nested = self.frames.child(field, Role::Type).filter(|at| {
            matches!(self.frames.node(*at).kind, Kind::StructSpecifier | Kind::UnionSpecifier)
                && self.frames.child(*at, Role::Name).is_none()
        });
        let declarators: Vec<Declared> = self
            .frames
            .children(field)
            .into_iter()
            .filter(|child| self.frames.node(*child).role == Role::Declarator)
            .filter_map(|child| self.declared(child))
            .collect();
        if declarators.is_empty() {
            // The members of a nameless structure are the outer one's.
            if let Some(body) = nested.and_then(|at| self.frames.child(at, Role::Body)) {
                self.deeper(|lowerer| lowerer.fields_of(body, owner, fields));
            }
            return;
        }
        for declared in declarators {
            let name = self.intern(declared.text);
            let mut type_of = self.declared_type(field, &declared);
            if let Some(nested) = nested {
                type_of.name = name.within(owner);
                self.deeper(|lowerer| lowerer.structure(nested, Some(type_of.name)));
            }
            fields.push((name, type_of));
        }
    }

    /// Notes `typedef … name;`.
    pub(super) fn alias(&mut self, definition: At) {
        for child in self.frames.children(definition) {
            if self.frames.node(child).role != Role::Declarator {
                continue;
            }
            let Some(declared) = self.declared(child) else { continue };
            let specifier = self.frames.child(definition, Role::Type);
            let (meant, is_tag) = match self.specified(definition) {
                Some(named) => named,
                None => {
                    if let Some(specifier) = specifier {
                        self.structure(specifier, Some(declared.name));
                    }
                    (declared.name, false)
                }
            };
            self.facts.named_types.push((declared.name, declared.shape));
            let (is_const, is_number) = (self.is_const(definition), self.is_number(definition));
            let meant = if is_number { Name(0) } else { meant };
            let is_array = declared.shape == Shape::Array;
            let meant = Type { name: meant, pointers: declared.pointers, is_tag, is_const, is_number, is_array };
            if meant.name != declared.name && declared.parameters.is_none() {
                self.facts.aliases.push((declared.name, meant));
            }
        }
    }

    /// Notes the member of `offsetof(type, member)`.
    pub(super) fn offset(&mut self, at: At) {
        if let Some(member) = self.frames.child(at, Role::Member) {
            let name = Name::of(self.frames.text(member));
            // Within a macro it is mostly a parameter.
            let argument = self.frames.argument(member, name);
            let name = argument.map_or(name, |argument| Name::of(self.frames.text(argument)));
            self.facts.offsets.insert(name);
        }
    }

    /// Notes what may be a structure and its member among the arguments of a macro: `DEFINE_PROPERTY(class, Box, label)`.
    /// A designator behind it (`label, .is_empty = TRUE`) is no C there, and read as a member of `label`.
    pub(super) fn note_typed_members(&mut self, call: At) {
        let list = self.frames.child(call, Role::Arguments);
        let arguments = list.map(|list| self.frames.children(list)).unwrap_or_default();
        let name = |at: At| {
            let is_name = matches!(self.frames.node(at).kind, Kind::Identifier | Kind::TypeIdentifier);
            let name = Name::of(self.frames.text(at));
            (is_name && self.build.lookup(name).is_none()).then_some(name)
        };
        let first_word = |mut at: At| {
            while let Some(first) = self.frames.children(at).first().copied() {
                at = first;
            }
            at
        };
        let pairs = arguments.windows(2).filter_map(|pair| Some((name(pair[0])?, name(first_word(pair[1]))?)));
        let pairs: Vec<(Name, Name)> = pairs.collect();
        self.facts.typed_members.extend(pairs);
    }
}
