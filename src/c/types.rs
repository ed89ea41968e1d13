//! Declared types, as far as members need them: which structure an expression leads to.
//!
//! C's types are read by name only. A cast is ignored, a name that is not declared in the tree has no type, and a
//! structure that two files define differently is one of each file's own.

mod readings;

use super::ir::{BinaryOp, Expr, ExprId, FileId, Function, Shape};
use super::names::{Map, Name, Set};

/// Aliases of aliases followed; a longer chain is a cycle or no C.
const MAX_ALIASES: u32 = 8;

/// A declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Type {
    /// The name of the structure, union or alias; `Name(0)` for what has no members.
    pub name: Name,
    /// How many pointers or dimensions lead to it.
    pub pointers: u8,
    /// Whether it is named by its tag (`struct list`) and not by an alias, which may hide a pointer.
    pub is_tag: bool,
    /// Whether it is declared as const.
    pub is_const: bool,
    /// Whether it is a number that no pointer is put into: anything but `long`, and what is as wide by its name.
    pub is_number: bool,
    /// Whether it is an array, which lies where it is declared.
    pub is_array: bool,
}

impl Type {
    /// What is true of both of two types.
    fn common(self, other: Type) -> Option<Type> {
        let alike = (self.pointers, self.is_array) == (other.pointers, other.is_array);
        let same = self.name == other.name;
        alike.then_some(Type {
            name: if same { self.name } else { Name(0) },
            is_tag: same && self.is_tag,
            is_const: self.is_const && other.is_const,
            is_number: self.is_number && other.is_number,
            ..self
        })
    }

    /// Whether it is an array of numbers, such as a text.
    pub fn is_text(self) -> bool {
        self.is_array && self.is_number && self.pointers == 1
    }
}

/// A structure's or union's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Its tag, or the alias of one without a tag.
    pub name: Name,
    /// Its members.
    pub fields: Vec<(Name, Type)>,
    /// Whether a header defines it.
    pub in_header: bool,
    /// Whether its members share their storage.
    pub is_union: bool,
}

/// A structure as its own: by name, and by file where files disagree on what the name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// The structure's name.
    pub name: Name,
    /// The only file that means this one.
    pub home: Option<FileId>,
}

/// A member of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// The structure; `None` where its type is not known.
    pub owner: Option<Owner>,
    /// The member's name.
    pub field: Name,
}

/// All structures of one name.
#[derive(Debug)]
struct Definitions {
    all: Vec<(FileId, Structure)>,
    /// Whether all have the same members.
    agree: bool,
}

/// The types that the tree declares.
#[derive(Debug, Default)]
pub struct Types {
    structures: Map<Name, Definitions>,
    aliases: Map<Name, Type>,
    /// Aliases for names that nothing else declares.
    guessed_aliases: Map<Name, Type>,
    /// The aliases of arrays.
    arrays: Set<Name>,
    /// What something is declared with that is no tag, and so is a type wherever it is mentioned.
    names: Set<Name>,
    globals: Map<Name, Type>,
    /// What functions give; `None` where declarations disagree.
    results: Map<Name, Option<Type>>,
    /// The members by name, and whether every structure with one has an array there.
    members: Map<Name, bool>,
    /// The members by name, and whether every structure with one has an array of numbers there.
    texts: Map<Name, bool>,
}

impl Types {
    /// Takes over what one file declares.
    pub fn absorb(
        &mut self,
        file: FileId,
        structures: Vec<Structure>,
        aliases: Vec<(Name, Type)>,
        globals: Vec<(Name, Type)>,
    ) {
        for structure in structures {
            let declared = structure.fields.iter().map(|(_, declared)| declared);
            self.names.extend(declared.filter(|declared| is_named(declared)).map(|declared| declared.name));
            for (name, declared) in &structure.fields {
                *self.members.entry(*name).or_insert(true) &= declared.is_array;
                *self.texts.entry(*name).or_insert(true) &= declared.is_text();
            }
            let known =
                self.structures.entry(structure.name).or_insert_with(|| Definitions { all: Vec::new(), agree: true });
            known.agree &= known.all.first().is_none_or(|(_, first)| first.fields == structure.fields);
            known.all.push((file, structure));
        }
        for (name, meant) in aliases {
            self.aliases.entry(name).or_insert(meant);
        }
        for (name, declared) in globals {
            let known = self.globals.entry(name).or_insert(declared);
            // Of several declarations one may say a pointer (`extern int *list;`): the array is what is there.
            known.is_array |= declared.is_array;
        }
    }

    /// Takes over what functions give by their declarations.
    pub fn absorb_results(&mut self, results: Vec<(Name, Type)>) {
        for (function, given) in results {
            let known = self.results.entry(function).or_insert(Some(given));
            if known.is_some_and(|known| (known.name, known.pointers) != (given.name, given.pointers)) {
                *known = None;
            }
        }
    }

    /// Takes over aliases that count where nothing else declares the name.
    pub fn absorb_guessed_aliases(&mut self, aliases: Vec<(Name, Type)>) {
        for (name, meant) in aliases {
            self.guessed_aliases.entry(name).or_insert(meant);
        }
    }

    /// Whether a name of file scope is an array's, and so the address of memory that is there.
    pub fn is_array(&self, name: Name) -> bool {
        self.globals.get(&name).is_some_and(|declared| declared.is_array)
    }

    /// Whether a name is a structure's, perhaps by way of aliases.
    pub fn is_structure(&self, name: Name) -> bool {
        self.structures.contains_key(&self.followed(Type { name, ..Type::default() }).name)
    }

    /// Whether the tree declares something of this name at file scope.
    pub fn has_global(&self, name: Name) -> bool {
        self.globals.contains_key(&name)
    }

    /// Whether an expression is a member that is an array, which lies in its structure: by the type of that or, where it is not
    /// known, since every structure with a member of that name has an array there and none of that name is `given` a value.
    pub fn is_array_member(&self, function: &Function, id: ExprId, given: &Set<Name>) -> bool {
        let Expr::Field(_, member) = function.expr(id) else { return false };
        let known = self.of(function, id).map(|declared| declared.is_array);
        known.or_else(|| self.members.get(&member).map(|all| *all && !given.contains(&member))).unwrap_or(false)
    }

    /// Whether every structure with a member of that name has an array of numbers there, such as a text: whoever is given it
    /// finds no pointer in it.
    pub fn is_text_member(&self, name: Name) -> bool {
        self.texts.get(&name).copied().unwrap_or(false)
    }

    /// Whether a type is a number that no pointer is put into, as far as the tree declares it.
    pub fn is_number(&self, declared: Type) -> bool {
        let declared = self.followed(declared);
        declared.pointers == 0 && declared.is_number
    }

    /// Takes over the types that a function's variables are declared with.
    pub fn absorb_variables(&mut self, function: &Function) {
        let declared = function.vars.iter().map(|var| var.declared);
        self.names.extend(declared.filter(is_named).map(|declared| declared.name));
    }

    /// Takes over the names that are given to types.
    pub fn absorb_names(&mut self, names: &[(Name, Shape)]) {
        self.names.extend(names.iter().map(|(name, _)| *name));
        self.arrays.extend(names.iter().filter(|(_, shape)| *shape == Shape::Array).map(|(name, _)| *name));
    }

    /// The structure that a type leads to, with aliases followed.
    pub fn owner(&self, declared: Type, file: FileId) -> Option<(Owner, u8)> {
        let declared = self.followed(declared);
        self.find(declared.name, file).map(|(owner, _)| (owner, declared.pointers))
    }

    /// Whether what takes a pointer of one type (`wanted`) may be handed one of another, each as its file declares it. Who
    /// takes anything, or a number, or is handed what may be anything, says nothing.
    pub fn may_be_handed(&self, (wanted, there): (Type, FileId), (own, here): (Type, FileId)) -> bool {
        let (wanted, own) = (self.followed(wanted), self.followed(own));
        if wanted.name == Name(0) || wanted.is_number || wanted.pointers != 1 {
            return true;
        }
        match (self.owner(wanted, there), self.owner(own, here)) {
            (Some((wanted, _)), Some((own, _))) => wanted.name == own.name,
            _ if own.name == Name(0) => !own.is_number,
            _ => wanted.name == own.name,
        }
    }

    /// Whether the members of a structure share their storage.
    pub fn is_union(&self, owner: Owner) -> bool {
        let all = self.structures.get(&owner.name).map_or(&[][..], |known| &known.all);
        all.iter().any(|(_, structure)| structure.is_union)
    }

    /// The members of a structure as `file` sees them.
    pub fn fields(&self, name: Name, file: FileId) -> &[(Name, Type)] {
        self.find(name, file).map_or(&[], |(_, structure)| &structure.fields)
    }

    /// The type of a structure's member as `file` sees it; where it may mean one of several structures, what they have in
    /// common.
    fn field(&self, structure: Name, field: Name, file: FileId) -> Option<Type> {
        let among = |fields: &[(Name, Type)]| fields.iter().find(|(name, _)| *name == field).map(|(_, found)| *found);
        if let Some((_, found)) = self.find(structure, file) {
            return among(&found.fields);
        }
        let all = self.structures.get(&structure)?.all.iter();
        let all: Option<Vec<Type>> = all.map(|(_, structure)| among(&structure.fields)).collect();
        all?.into_iter().map(Some).reduce(|one, other| one?.common(other?))?
    }

    fn followed(&self, mut declared: Type) -> Type {
        for _ in 0..MAX_ALIASES {
            if self.structures.contains_key(&declared.name) {
                break;
            }
            let meant = self.aliases.get(&declared.name).or_else(|| self.guessed_aliases.get(&declared.name));
            let Some(meant) = meant else { break };
            declared = Type {
                name: meant.name,
                pointers: declared.pointers.saturating_add(meant.pointers),
                is_tag: meant.is_tag,
                is_const: declared.is_const || meant.is_const,
                is_number: meant.is_number,
                is_array: declared.is_array || meant.is_array && declared.pointers == 0,
            };
        }
        declared
    }

    fn find(&self, name: Name, file: FileId) -> Option<(Owner, &Structure)> {
        let Definitions { all, agree } = self.structures.get(&name)?;
        if *agree {
            return all.first().map(|(_, first)| (Owner { name, home: None }, first));
        }
        let own = all.iter().find(|(home, _)| *home == file).map(|(_, structure)| structure);
        if let Some(own) = own {
            let home = (!own.in_header).then_some(file);
            return Some((Owner { name, home }, own));
        }
        let mut headers = all.iter().filter(|(_, structure)| structure.in_header);
        match (headers.next(), headers.next()) {
            (Some((_, only)), None) => Some((Owner { name, home: None }, only)),
            _ => None,
        }
    }

    /// The declared type of an expression, or the type that it is cast to.
    pub fn of(&self, function: &Function, id: ExprId) -> Option<Type> {
        if let Some(cast) = function.casts.get(&id) {
            return Some(*cast);
        }
        match function.expr(id) {
            Expr::Var(var) => function.var(var).map(|var| var.declared).filter(|known| known.name != Name(0)),
            Expr::Global(name) => self.globals.get(&name).copied(),
            Expr::Field(base, field) => {
                let base = self.followed(self.of(function, base)?);
                (base.pointers == 0).then(|| self.field(base.name, field, function.file)).flatten()
            }
            Expr::Deref(inner) | Expr::Index(inner, _) => {
                let inner = self.followed(self.of(function, inner)?);
                Some(Type { pointers: inner.pointers.checked_sub(1)?, is_array: false, ..inner })
            }
            Expr::AddressOf(inner) => {
                let inner = self.of(function, inner)?;
                Some(Type { pointers: inner.pointers.saturating_add(1), is_array: false, ..inner })
            }
            Expr::Binary(BinaryOp::Add | BinaryOp::Subtract, pointer, _) => self.of(function, pointer),
            _ => None,
        }
    }

    /// The declared type of what is written as a variable and members behind it: `text`, `box->name`, `box.inner->name`.
    pub fn of_holder(&self, function: &Function, holder: &str) -> Option<Type> {
        let mut words = holder.split("->").flat_map(|part| part.split('.'));
        let root = Name::of(words.next()?);
        let mut declared = function.vars.iter().find(|var| var.name == root)?.declared;
        for word in words {
            let (owner, _) = self.owner(declared, function.file)?;
            let fields = self.fields(owner.name, function.file);
            declared = fields.iter().find(|(name, _)| *name == Name::of(word))?.1;
        }
        Some(declared)
    }

    /// The member that an expression denotes, if it denotes one.
    pub fn member(&self, function: &Function, id: ExprId) -> Option<Member> {
        let Expr::Field(base, field) = function.expr(id) else { return None };
        let owner = self.of(function, base).and_then(|declared| self.owner(declared, function.file));
        let owner = owner.filter(|(owner, pointers)| {
            *pointers == 0 && self.fields(owner.name, function.file).iter().any(|(name, _)| *name == field)
        });
        Some(Member { owner: owner.map(|(owner, _)| owner), field })
    }
}

/// Whether a type is known by a name that is no tag.
fn is_named(declared: &Type) -> bool {
    !declared.is_tag && declared.name != Name(0)
}
