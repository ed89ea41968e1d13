//! What other files want to know of a file.

use super::declarations::Declared;
use super::targets::Listed;
use super::{At, Lowerer};
use crate::c::ir::{Expr, ExprId, Linkage, Shape};
use crate::c::knowledge::is_loud;
use crate::c::names::{Name, Set};
use crate::c::program::homes::Home;
use crate::c::syntax::{Kind, Role};
use crate::c::types::{Structure, Type};

/// What other files want to know of a file.
#[derive(Debug, Default)]
pub struct FileFacts {
    /// Enumerators and `const` globals with their value.
    pub constants: Vec<(Name, i64)>,
    /// Definitions of global variables with their initial value, where that is a number.
    pub globals: Vec<(Name, Option<i64>, Linkage)>,
    /// Functions that are declared.
    pub declared: Vec<Name>,
    /// Globals that are written or whose address is taken.
    pub written: Set<Name>,
    /// A field or variable, and a function that is stored in it.
    pub targets: Vec<(Name, Name)>,
    /// What may be functions that a list puts into a structure without naming its members.
    pub listed: Vec<Listed>,
    /// A function and the number of a parameter that its prototype declares as a pointer to const.
    pub borrowed: Vec<(Name, u32)>,
    /// What functions give, by their declarations.
    pub results: Vec<(Name, Type)>,
    /// Functions declared never to return.
    pub noreturn: Vec<Name>,
    /// Fields of unions that are read as one: each list shares storage.
    pub unions: Vec<Vec<Name>>,
    /// The file's static variables.
    pub statics: Set<Name>,
    /// Where the file lies.
    pub(in crate::c) home: Home,
    /// Fields of structures.
    pub struct_fields: Set<Name>,
    /// Definitions of structures and unions.
    pub structures: Vec<Structure>,
    /// Aliases of types.
    pub aliases: Vec<(Name, Type)>,
    /// Aliases that only a macro may declare.
    pub guessed_aliases: Vec<(Name, Type)>,
    /// Functions that macros give another name, and that name.
    pub renamed: Vec<(Name, Name)>,
    /// The names that are given to types, and whether to an array's.
    pub named_types: Vec<(Name, Shape)>,
    /// The types of variables of file or program scope.
    pub global_types: Vec<(Name, Type)>,
    /// Members that are reached by their offset, or by statements that belong to no body.
    pub offsets: Set<Name>,
    /// What may be a structure and a member of it, given to a macro side by side.
    pub typed_members: Set<(Name, Name)>,
}

impl Lowerer<'_> {
    /// Collects the facts of everything outside function bodies.
    pub(super) fn top_level(&mut self, frame: u32) {
        let (mut node, mut body) = (1, None);
        let end = self.frames.node(At { frame, node: 0 }).next;
        while node < end {
            let at = At { frame, node };
            let here = self.frames.node(at);
            node += 1;
            match here.kind {
                Kind::FunctionDefinition => body = self.frames.child(at, Role::Body),
                // Bodies are lowered later; their own types are rarely of interest.
                Kind::CompoundStatement if body == Some(at) => node = here.next,
                Kind::AssignmentExpression => self.note_write_outside(at, Role::Left),
                Kind::UpdateExpression | Kind::PointerExpression => self.note_write_outside(at, Role::Argument),
                Kind::Declaration => self.global_declaration(at),
                Kind::EnumeratorList => self.enumerators(at),
                Kind::UnionSpecifier => {
                    self.union_fields(at);
                    self.structure(at, None);
                }
                Kind::StructSpecifier => {
                    self.struct_fields(at);
                    self.structure(at, None);
                }
                Kind::TypeDefinition => self.alias(at),
                Kind::OffsetofExpression => self.offset(at),
                Kind::FieldExpression => self.stray_member(at),
                Kind::InitializerPair => self.designated_function(at),
                _ => {}
            }
        }
    }

    fn global_declaration(&mut self, declaration: At) {
        let is_static = self.has_storage_class(declaration, "static");
        let is_extern = self.has_storage_class(declaration, "extern");
        let children = self.frames.children(declaration);
        let qualified = |lowerer: &Self, at: &At| {
            lowerer.frames.node(*at).kind == Kind::TypeQualifier && lowerer.frames.text(*at) == "const"
        };
        let is_const = children.iter().any(|at| qualified(self, at));
        for child in &children {
            if self.frames.node(*child).role != Role::Declarator {
                continue;
            }
            let Some(declared) = self.declared(*child) else { continue };
            let name = self.intern(declared.text);
            if declared.parameters.is_some() {
                self.prototype(declaration, name, &declared);
                continue;
            }
            if is_static {
                self.statics.insert(name);
            }
            let full = self.global_name(name);
            let type_of = self.declared_type(declaration, &declared);
            self.facts.global_types.push((full, type_of));
            if is_extern {
                continue;
            }
            let initial = self.frames.child(*child, Role::Value);
            let known = match initial {
                // The name of an array is its address.
                _ if declared.shape == Shape::Array => None,
                Some(value) => self.constant(value),
                None => (!declared.is_pointer || is_static).then_some(0),
            };
            if is_const
                && !declared.is_pointer
                && let Some(value) = known
            {
                self.facts.constants.push((full, value));
            } else {
                let linkage = if is_static { Linkage::File } else { Linkage::Program };
                self.facts.globals.push((full, known, linkage));
            }
            if let Some(value) = initial {
                self.possible_target(full, value);
                self.listed_targets(type_of, value);
            }
        }
    }

    /// The name under which a file-scope variable is known in the tree.
    pub(super) fn global_name(&self, name: Name) -> Name {
        if self.statics.contains(&name) { name.within(self.file_name) } else { name }
    }

    fn enumerators(&mut self, list: At) {
        let mut next = Some(0i64);
        for item in self.frames.children(list) {
            let Some(name) = self.frames.child(item, Role::Name) else { continue };
            let name = self.intern(name);
            if let Some(value) = self.frames.child(item, Role::Value) {
                next = self.constant(value);
            }
            if let Some(value) = next {
                self.facts.constants.push((name, value));
            }
            next = next.and_then(|value| value.checked_add(1));
        }
    }

    fn field_names(&mut self, specifier: At) -> Vec<Name> {
        let Some(body) = self.frames.child(specifier, Role::Body) else { return Vec::new() };
        let mut names = Vec::new();
        for field in self.frames.children(body) {
            for child in self.frames.children(field) {
                if self.frames.node(child).role == Role::Declarator
                    && let Some(declared) = self.declared(child)
                {
                    names.push(self.intern(declared.text));
                }
            }
        }
        names
    }

    fn union_fields(&mut self, specifier: At) {
        let names = self.field_names(specifier);
        if names.len() > 1 {
            self.facts.unions.push(names);
        }
    }

    fn struct_fields(&mut self, specifier: At) {
        let names = self.field_names(specifier);
        self.facts.struct_fields.extend(names);
    }

    /// Notes the member that a statement reaches which belongs to no body: a macro opens the function around it
    /// (`CALLBACK(stop, bool, struct server *this) { loop_free(this->loop); }`), and what it does is out of sight.
    fn stray_member(&mut self, at: At) {
        if let Some(member) = self.frames.child(at, Role::Field) {
            let name = Name::of(self.frames.text(member));
            self.facts.offsets.insert(name);
        }
    }

    /// Notes what a prototype promises: parameters that point to const, and that it never returns.
    pub(super) fn prototype(&mut self, declaration: At, name: Name, declared: &Declared) {
        let head = self.frames.text(declaration);
        let head = &head[..head.find('{').unwrap_or(head.len()).min(head.len())];
        self.facts.declared.push(name);
        let lower = head.to_ascii_lowercase();
        if lower.contains("noreturn") || lower.contains("no_return") {
            self.facts.noreturn.push(name);
        }
        self.facts.results.push((name, self.result_type(declaration, declared)));
        let Some(list) = declared.parameters else { return };
        let items = self.frames.children(list);
        for (number, item) in items.into_iter().enumerate() {
            let is_const = self
                .frames
                .children(item)
                .iter()
                .any(|at| self.frames.node(*at).kind == Kind::TypeQualifier && self.frames.text(*at) == "const");
            let pointers = self.frames.text(item).matches('*').count();
            if is_const && pointers == 1 {
                self.facts.borrowed.push((name, number as u32));
            }
        }
    }

    /// The same for a statement that belongs to no body: a macro opens the function around it (`BEGIN_LOAD x = 1; END_LOAD`). And
    /// for the address of a global that an initial value holds: `{ "verbose", no_argument, &verbose, 1 }`.
    fn note_write_outside(&mut self, at: At, side: Role) {
        let mut place = self.frames.child(at, side);
        while let Some(here) = place {
            if self.frames.node(here).kind == Kind::Identifier {
                let name = self.intern(here);
                self.facts.written.insert(self.global_name(name));
                return;
            }
            place = self.frames.child(here, Role::Argument);
        }
    }

    /// What a macro that is defined nowhere is given by its name, it may give another value.
    pub(super) fn note_given_to_macro(&mut self, callee: At, args: &[ExprId]) {
        let is_macro = self.frames.node(callee).kind == Kind::Identifier && is_loud(self.frames.text(callee));
        let globals = args.iter().filter(|_| is_macro).filter_map(|arg| match self.build.get(*arg) {
            Expr::Global(name) => Some(name),
            _ => None,
        });
        self.facts.written.extend(globals);
    }

    /// Notes that the global at the root of `to` is written.
    pub(super) fn note_write(&mut self, to: ExprId) {
        let mut at = to;
        for _ in 0..16 {
            match self.build.get(at) {
                Expr::Global(name) => {
                    self.facts.written.insert(name);
                    return;
                }
                Expr::Field(base, _) | Expr::Index(base, _) => at = base,
                _ => return,
            }
        }
    }
}
