//! The tree as a whole: who is who, who calls whom, what is constant.

mod guesses;
pub(in crate::c) mod homes;
mod named_members;
pub(in crate::c) mod positions;
mod unions;

use super::ir::{Callee, Expr, FileId, Function, InstrKind, Linkage};
use super::knowledge::{
    Deed, Knowledge, constants, errno, is_of_an_error_table, sounds_like_a_question, sounds_like_release,
};
use super::lower::{Listed, LoweredFile};
use super::names::{Map, Name, NameTable, Set};
use super::types::Types;

/// Index of a function in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// More candidates than this for one function pointer say nothing.
const MAX_TARGETS: usize = 1;

/// Everything known of the tree before paths are walked.
#[derive(Debug)]
pub struct Program {
    /// All bodies, by file and position.
    pub functions: Vec<Function>,
    /// The texts of names.
    pub names: NameTable,
    /// Functions whose bodies are not in the tree.
    pub knowledge: Knowledge,
    /// The declared types.
    pub types: Types,
    /// The members of all structures.
    pub members: Set<Name>,
    /// The names of the numbers of errors: more than 0, whatever the system says they are.
    pub error_numbers: Set<Name>,
    /// The names of numbers from tables of errors, which may be less than 0, and are never 0.
    error_tables: Set<Name>,
    /// Members that are reached by their offset somewhere.
    pub offsets: Set<Name>,
    /// Functions without a body that are called with several arguments.
    called_with_several: Set<Name>,
    by_name: Map<Name, Vec<FunctionId>>,
    constants: Map<Name, Option<i64>>,
    /// What common libraries mean by names that the tree does not give a value.
    library_constants: Map<Name, i64>,
    targets: Map<Name, Vec<Name>>,
    /// Pointers of file or program scope, and the function that a call of one reaches.
    called: Map<Name, Name>,
    borrowed: Set<(Name, u32)>,
    noreturn: Set<Name>,
    canonical: Map<Name, Name>,
    statics: Vec<Set<Name>>,
    homes: Vec<homes::Home>,
    guesses: Set<(Name, u16)>,
}

impl Program {
    /// Puts the files together, in the order of their ids.
    pub fn new(files: Vec<LoweredFile>, knowledge: Knowledge) -> Program {
        let mut program = Program {
            functions: Vec::new(),
            names: NameTable::default(),
            knowledge,
            types: Types::default(),
            members: Set::default(),
            error_numbers: errno::names(),
            error_tables: Set::default(),
            offsets: Set::default(),
            called_with_several: Set::default(),
            by_name: Map::default(),
            constants: Map::default(),
            library_constants: constants::values(),
            targets: Map::default(),
            called: Map::default(),
            borrowed: Set::default(),
            noreturn: Set::default(),
            canonical: Map::default(),
            statics: Vec::new(),
            homes: Vec::new(),
            guesses: Set::default(),
        };
        let written: Set<Name> = files.iter().flat_map(|file| file.facts.written.iter().copied()).collect();
        let is_whole = is_whole(&files, &program.knowledge);
        let struct_fields: Set<Name> = files.iter().flat_map(|file| file.facts.struct_fields.iter().copied()).collect();
        let renamed: Map<(FileId, Name), Name> = (0u32..)
            .zip(&files)
            .flat_map(|(file, one)| one.facts.renamed.iter().map(move |(own, other)| ((FileId(file), *own), *other)))
            .collect();
        let typed_members: Vec<(Name, Name)> =
            files.iter().flat_map(|file| file.facts.typed_members.iter().copied()).collect();
        let listed: Vec<(FileId, Listed)> = (0u32..)
            .zip(&files)
            .flat_map(|(file, one)| one.facts.listed.iter().map(move |listed| (FileId(file), *listed)))
            .collect();
        for (number, file) in files.into_iter().enumerate() {
            let is_constant = |name, linkage| !written.contains(&name) && (is_whole || linkage == Linkage::File);
            program.absorb(FileId(number as u32), file, is_constant, &struct_fields);
        }
        program.members = struct_fields;
        let of_tables = program.names.all().filter(|(_, text)| is_of_an_error_table(text));
        program.error_tables = of_tables.map(|(name, _)| name).collect();
        // Every kind of socket address begins with its family, whatever the member is called (POSIX, <sys/socket.h>).
        for family in ["sin_family", "sin6_family", "sun_family", "ss_family", "sll_family", "nl_family"] {
            program.canonical.insert(Name::of(family), Name::of("sa_family"));
        }
        for (number, function) in program.functions.iter().enumerate().filter(|(_, one)| !stands_for_a_macro(one)) {
            let other = renamed.get(&(function.file, function.name)).copied();
            for name in std::iter::once(function.name).chain(other) {
                program.by_name.entry(name).or_default().push(FunctionId(number as u32));
            }
        }
        let defined: Set<Name> = program
            .functions
            .iter()
            .filter(|f| f.linkage == Linkage::Program && !f.is_stub())
            .map(|f| f.name)
            .collect();
        program.knowledge.yield_to(|name| defined.contains(&name));
        let listed: Vec<(Name, Name)> =
            listed.into_iter().filter_map(|(file, one)| program.member_of(file, one)).collect();
        for (field, function) in listed {
            program.targets.entry(field).or_default().push(function);
        }
        for list in program.targets.values_mut() {
            list.sort();
            list.dedup();
        }
        let pointers = program.targets.keys().filter(|place| program.types.has_global(**place));
        program.called = pointers.filter_map(|place| Some((*place, program.target_of(*place)?))).collect();
        let mut functions = std::mem::take(&mut program.functions);
        functions.iter_mut().for_each(|function| program.settle(function));
        program.functions = functions;
        program.guesses = program.functions.iter().flat_map(|function| guesses::guesses(&program, function)).collect();
        let named = program.functions.iter().flat_map(|one| named_members::named_members(&program, one));
        let typed =
            typed_members.iter().filter(|(owner, _)| program.types.is_structure(*owner)).map(|(_, member)| *member);
        let named: Vec<Name> = named.chain(typed).collect();
        program.offsets.extend(named);
        program.called_with_several =
            program.functions.iter().flat_map(|one| program.calls_with_several(one)).collect();
        program
    }

    /// The functions without a body at hand that a function calls with several arguments.
    fn calls_with_several(&self, function: &Function) -> impl Iterator<Item = Name> {
        let several = function.instrs().filter_map(|instr| match &instr.kind {
            InstrKind::Call { callee: Callee::Named(name), args, .. } if args.len() > 1 => Some(*name),
            _ => None,
        });
        several.filter(|name| self.resolve(*name, function.file).is_none())
    }

    /// Whether a function takes one argument. Of one without a body the calls tell.
    pub fn takes_one(&self, name: Name, file: FileId) -> bool {
        match self.resolve(name, file) {
            Some(body) => self.functions[body.0 as usize].parameters == 1,
            None => !self.called_with_several.contains(&name),
        }
    }

    /// Reads a function again where only the whole tree tells a type from a value.
    pub fn settle(&self, function: &mut Function) {
        let is_function = |name| self.is_known(name);
        for instr in function.blocks.iter_mut().flat_map(|block| &mut block.instrs) {
            let InstrKind::Call { callee: Callee::Named(name), spelled, .. } = &mut instr.kind else { continue };
            if is_function(*name) {
                continue;
            }
            if let Some(target) = self.called.get(name) {
                *name = *target;
            } else if self.defines(*spelled) {
                // A macro may stand for a function that only another configuration has.
                *name = *spelled;
            }
        }
        self.types.settle(function, is_function);
        positions::settle(self, function);
        function.shared = unions::shared(self, function);
    }

    fn absorb(
        &mut self,
        id: FileId,
        file: LoweredFile,
        is_constant: impl Fn(Name, Linkage) -> bool,
        struct_fields: &Set<Name>,
    ) {
        file.functions.iter().for_each(|function| self.types.absorb_variables(function));
        self.functions.extend(file.functions);
        self.names.absorb(file.names);
        self.statics.push(file.facts.statics);
        self.homes.push(file.facts.home);
        self.types.absorb(id, file.facts.structures, file.facts.aliases, file.facts.global_types);
        self.types.absorb_guessed_aliases(file.facts.guessed_aliases);
        self.types.absorb_results(file.facts.results);
        self.types.absorb_names(&file.facts.named_types);
        self.offsets.extend(file.facts.offsets);
        for (name, value) in file.facts.constants {
            self.constant(name, Some(value));
        }
        for (name, value, linkage) in file.facts.globals {
            self.constant(name, value.filter(|_| is_constant(name, linkage)));
        }
        for (place, function) in file.facts.targets {
            self.targets.entry(place).or_default().push(function);
        }
        self.borrowed.extend(file.facts.borrowed);
        self.noreturn.extend(file.facts.noreturn);
        for union in file.facts.unions {
            // A name that structures use as well says nothing about a place it appears in.
            let mut own = union.into_iter().filter(|field| !struct_fields.contains(field));
            if let Some(first) = own.next() {
                for field in own {
                    self.canonical.entry(field).or_insert(first);
                }
            }
        }
    }

    /// Two definitions that disagree make no constant.
    fn constant(&mut self, name: Name, value: Option<i64>) {
        let known = self.constants.entry(name).or_insert(value);
        if *known != value {
            *known = None;
        }
    }

    /// The body that a name means in a file: the file's own, else the program's if there is one. Of several, the nearest, and
    /// of those the longest: the others are another program's, or there for another system, or stand in for it in a test, as
    /// does an own one that only fails.
    pub fn resolve(&self, name: Name, file: FileId) -> Option<FunctionId> {
        let all = self.by_name.get(&name)?;
        let fails = |id: &FunctionId| all.len() > 1 && self.functions[id.0 as usize].only_fails();
        let own = all.iter().find(|id| self.functions[id.0 as usize].file == file && !fails(id));
        let public = |id: &&FunctionId| self.functions[id.0 as usize].linkage == Linkage::Program;
        let order = |id: &&FunctionId| {
            let body = &self.functions[id.0 as usize];
            (homes::nearness(&self.homes, file, body.file), body.blocks.len())
        };
        own.or_else(|| all.iter().filter(public).rev().max_by_key(order)).copied()
    }

    /// The same; where the file sees no body, the first of another file that may be included into it.
    pub fn resolve_anywhere(&self, name: Name, file: FileId) -> Option<&Function> {
        let id = self.resolve(name, file).or_else(|| self.bodies(name).first().copied())?;
        self.functions.get(id.0 as usize)
    }

    /// The static variables of a file.
    pub fn statics_of(&self, file: FileId) -> &Set<Name> {
        static NONE: std::sync::OnceLock<Set<Name>> = std::sync::OnceLock::new();
        self.statics.get(file.0 as usize).unwrap_or_else(|| NONE.get_or_init(Set::default))
    }

    /// Whether somewhere in the tree an output of a function (0 its result, else an argument's number plus 1) is put
    /// where something is released from.
    pub fn may_give(&self, source: Name, part: u16) -> bool {
        self.guesses.contains(&(source, part))
    }

    /// The bodies of that name in all files.
    pub fn bodies(&self, name: Name) -> &[FunctionId] {
        self.by_name.get(&name).map_or(&[], |all| all)
    }

    /// What is known of a function as `file` calls it. A file that has a static function with a library's name means
    /// that one.
    pub fn deed(&self, name: Name, file: FileId) -> Option<Deed> {
        let deed = self.knowledge.of(name)?;
        let is_own = || self.bodies(name).iter().any(|id| self.functions[id.0 as usize].file == file);
        (!(self.knowledge.yields(name) && is_own())).then_some(deed)
    }

    /// Whether a function is known to release plain memory, as `free` and `g_free` do.
    pub fn is_plain_release(&self, name: Name, file: FileId) -> bool {
        matches!(self.deed(name, file), Some(Deed::Release { deep: false, .. }))
    }

    /// Whether a function releases what it is given, by what is known of it or else by its name. What its body shows is
    /// not asked: that takes a walk.
    pub fn sounds_like_release(&self, name: Name, file: FileId) -> bool {
        match self.deed(name, file) {
            Some(deed) => matches!(deed, Deed::Release { .. }),
            None => sounds_like_release(self.text(name)),
        }
    }

    /// Whether any body in the tree has this name.
    pub fn defines(&self, name: Name) -> bool {
        self.by_name.contains_key(&name)
    }

    /// The value of a name of file scope that never changes.
    pub fn constant_of(&self, name: Name) -> Option<i64> {
        match self.constants.get(&name) {
            Some(value) => *value,
            None => self.library_constants.get(&name).copied(),
        }
    }

    /// The member that a list gives a function, if it is one. A list that is longer than the structure is written for
    /// several configurations, and its positions tell nothing.
    fn member_of(&self, file: FileId, listed: Listed) -> Option<(Name, Name)> {
        let (owner, pointers) = self.types.owner(listed.structure, file)?;
        let fields = self.types.fields(owner.name, file);
        let (number, count) = listed.position;
        let is_plain = pointers == 0 && count <= fields.len() && self.is_known(listed.name);
        is_plain.then(|| fields.get(number).map(|(field, _)| (*field, listed.name)))?
    }

    /// Whether a name is a function's whose body is in the tree or of which the knowledge tells.
    fn is_known(&self, name: Name) -> bool {
        self.defines(name) || self.knowledge.of(name).is_some()
    }

    /// Whether a name is the number of an error, of which nobody here tells the value.
    pub fn is_never_zero(&self, name: Name) -> bool {
        self.error_numbers.contains(&name) || self.error_tables.contains(&name)
    }

    /// The only function that a field or variable is ever given; of several forms of one operation on memory the shortest.
    pub fn target_of(&self, place: Name) -> Option<Name> {
        let all = self.targets.get(&place)?;
        let mut known = all.iter().copied().filter(|name| self.is_known(*name));
        if all.len() <= MAX_TARGETS {
            return known.next();
        }
        let length = |name: &Name| self.bodies(*name).iter().map(|id| self.functions[id.0 as usize].exprs.len()).sum();
        known.min_by_key(|name| -> (usize, Name) { (length(name), *name) }).filter(|_| self.manage_memory_alike(all))
    }

    /// Whether a name is a variable's of file scope that holds functions of the tree, and a call that spells it is one of
    /// what it holds.
    pub fn is_pointer_to_code(&self, name: Name) -> bool {
        self.called.contains_key(&name)
    }

    /// Whether functions are the same operation on memory in several forms by their names, of which one counts for instance
    /// what is in use. What somebody puts there that is no function here (`hooks.release = release`) is one more form.
    fn manage_memory_alike(&self, all: &[Name]) -> bool {
        let mut known = all.iter().filter(|name| self.is_known(**name));
        let first = known.next().and_then(|name| self.operation_on_memory(*name));
        first.is_some() && known.all(|name| self.operation_on_memory(*name) == first)
    }

    /// Which operation on memory a function is by its name.
    fn operation_on_memory(&self, name: Name) -> Option<&'static str> {
        const WORDS: &[&str] = &["realloc", "calloc", "malloc", "zalloc", "alloc", "strdup", "free"];
        let text = self.text(name).to_ascii_lowercase();
        WORDS.iter().copied().find(|word| text.contains(word))
    }

    /// Whether a function's name says that it gives memory.
    pub fn is_allocator_by_name(&self, name: Name) -> bool {
        self.operation_on_memory(name).is_some_and(|word| word != "free")
    }

    /// Whether a prototype promises not to write through a parameter.
    pub fn takes_const(&self, function: Name, parameter: u32) -> bool {
        self.borrowed.contains(&(function, parameter))
    }

    /// Whether an unknown function only looks at what an argument points to, by its prototype or its name.
    pub fn leaves_alone(&self, function: Name, parameter: u32) -> bool {
        let name = self.text(function);
        // What protobuf-c generates for each message works on the message alone.
        let is_generated =
            ["__init", "__pack", "__pack_to_buffer", "__get_packed_size"].iter().any(|end| name.ends_with(end));
        self.takes_const(function, parameter) || sounds_like_a_question(name) || is_generated && parameter == 0
    }

    /// Whether a prototype promises never to return.
    pub fn never_returns(&self, function: Name) -> bool {
        self.noreturn.contains(&function)
    }

    /// The field that stands for all that share its storage.
    pub fn canonical_field(&self, field: Name) -> Name {
        self.canonical.get(&field).copied().unwrap_or(field)
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        match self.names.text(name) {
            "?" => self.knowledge.names().text(name),
            text => text,
        }
    }

    /// The functions of the tree that a function calls, each once, in order of first mention.
    pub fn callees(&self, function: &Function) -> Vec<FunctionId> {
        let mut found = Vec::new();
        for instr in function.instrs() {
            let InstrKind::Call { callee, .. } = &instr.kind else { continue };
            let name = match callee {
                Callee::Named(name) => Some(*name),
                Callee::Through(expr) => self.pointer_target(function, *expr),
            };
            if let Some(id) = name.and_then(|name| self.resolve(name, function.file))
                && !found.contains(&id)
            {
                found.push(id);
            }
        }
        found
    }

    /// The only function that a call through an expression can reach, as far as the tree shows.
    pub fn pointer_target(&self, function: &Function, callee: super::ir::ExprId) -> Option<Name> {
        match function.expr(callee) {
            Expr::Field(_, field) => self.target_of(field),
            Expr::Global(name) => self.target_of(name),
            Expr::Deref(inner) => self.pointer_target(function, inner),
            Expr::Var(var) => self.target_of(function.var(var)?.name.within(function.name)),
            _ => None,
        }
    }
}

/// Whether every function that the files declare and call has its body in one of them. Where not, there are sources of another
/// kind (a grammar, C++), and a global that none of these files writes may be written there.
fn is_whole(files: &[LoweredFile], knowledge: &Knowledge) -> bool {
    let declared: Set<Name> = files.iter().flat_map(|file| file.facts.declared.iter().copied()).collect();
    let defined: Set<Name> = files.iter().flat_map(|file| &file.functions).map(|function| function.name).collect();
    let is_missing = |kind: &InstrKind| match kind {
        InstrKind::Call { callee: Callee::Named(name), .. } => {
            declared.contains(name) && !defined.contains(name) && knowledge.of(*name).is_none()
        }
        _ => false,
    };
    !files
        .iter()
        .flat_map(|file| &file.functions)
        .any(|function| function.instrs().any(|instr| is_missing(&instr.kind)))
}

/// Whether a function does nothing but call itself, as it seems: `int (f)(int a) { return f(a); }`, where `f` is a macro that
/// is not understood. Its body says nothing of what it does.
fn stands_for_a_macro(function: &Function) -> bool {
    let branches = function.blocks.iter().any(|block| block.end.successors().len() > 1);
    let calls_itself = |kind: &InstrKind| matches!(kind, InstrKind::Call { callee: Callee::Named(name), .. } if *name == function.name);
    !branches && function.instrs().any(|instr| calls_itself(&instr.kind))
}

/// The order in which functions are walked: callees before callers.
#[derive(Debug, Default)]
pub struct Order {
    /// Groups of mutually recursive functions, in levels that depend only on earlier levels.
    pub levels: Vec<Vec<Vec<FunctionId>>>,
    /// The level of each function.
    level_of: Vec<u32>,
    /// The group of each function.
    group_of: Vec<u32>,
}

impl Order {
    /// Whether what a callee does is known when a caller is walked, once the callee was walked at all: it lies on an
    /// earlier level, or came first in the same group. A function that is reached through a pointer may lie anywhere,
    /// and whether it is known must not depend on what happens to be walked first.
    pub fn is_before(&self, callee: FunctionId, caller: FunctionId) -> bool {
        let (callee, caller) = (callee.0 as usize, caller.0 as usize);
        let earlier = self.level_of.get(callee) < self.level_of.get(caller);
        earlier || self.group_of.get(callee) == self.group_of.get(caller)
    }
}

/// The order that follows from who calls whom.
pub fn order(calls: &[Vec<FunctionId>]) -> Order {
    let groups = strongly_connected(calls);
    let mut group_of = vec![0usize; calls.len()];
    for (number, group) in groups.iter().enumerate() {
        for id in group {
            group_of[id.0 as usize] = number;
        }
    }
    // Groups come out callees first, so every callee's level is known.
    let mut levels_of_groups = vec![0usize; groups.len()];
    let mut level_of = vec![0u32; calls.len()];
    let mut levels: Vec<Vec<Vec<FunctionId>>> = Vec::new();
    for (number, group) in groups.into_iter().enumerate() {
        let callees = group.iter().flat_map(|id| &calls[id.0 as usize]).map(|id| group_of[id.0 as usize]);
        let level =
            callees.filter(|other| *other != number).map(|other| levels_of_groups[other] + 1).max().unwrap_or(0);
        levels_of_groups[number] = level;
        for id in &group {
            level_of[id.0 as usize] = level as u32;
        }
        if levels.len() <= level {
            levels.resize_with(level + 1, Vec::new);
        }
        levels[level].push(group);
    }
    Order { levels, level_of, group_of: group_of.into_iter().map(|group| group as u32).collect() }
}

/// Tarjan's algorithm, without recursion: the call graph of a large tree is deep. Within a group each function comes
/// after those that it calls, but for the calls that close a circle.
fn strongly_connected(calls: &[Vec<FunctionId>]) -> Vec<Vec<FunctionId>> {
    const UNSEEN: u32 = u32::MAX;
    let count = calls.len();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0u32; count]);
    let (mut on_stack, mut stack) = (vec![false; count], Vec::new());
    let (mut next, mut groups) = (0u32, Vec::new());
    let mut left = vec![0u32; count];
    let mut leaves = 0u32;
    for start in 0..count {
        if index[start] != UNSEEN {
            continue;
        }
        let mut work = vec![(start, 0usize)];
        while let Some((node, position)) = work.pop() {
            if position == 0 {
                index[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(callee) = calls[node].get(position) {
                let callee = callee.0 as usize;
                work.push((node, position + 1));
                if index[callee] == UNSEEN {
                    work.push((callee, 0));
                } else if on_stack[callee] {
                    low[node] = low[node].min(index[callee]);
                }
                continue;
            }
            left[node] = leaves;
            leaves += 1;
            if low[node] == index[node] {
                let mut group = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    group.push(FunctionId(member as u32));
                    if member == node {
                        break;
                    }
                }
                group.sort_by_key(|id| left[id.0 as usize]);
                groups.push(group);
            }
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callees_come_before_callers_and_cycles_stay_together() {
        let id = FunctionId;
        // 0 -> 1 -> 2 -> 1, 3 alone, 4 -> 0.
        let calls = vec![vec![id(1)], vec![id(2)], vec![id(1)], vec![], vec![id(0)]];
        let order = order(&calls);
        assert_eq!(order.levels, [vec![vec![id(2), id(1)], vec![id(3)]], vec![vec![id(0)]], vec![vec![id(4)]]]);
        assert!(order.is_before(id(2), id(0)) && order.is_before(id(2), id(1)));
        assert!(!order.is_before(id(3), id(1)) && !order.is_before(id(0), id(1)));
    }
}
