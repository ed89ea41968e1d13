//! What speaks against a release though no path shows it: locks that go with a stream, storage that need not be from the
//! heap, and rounds of a loop that are not walked.

use super::layout::is_loop;
use super::reach::has_word;
use crate::c::Tree as SourceTree;
use crate::c::ir::{BinaryOp, Callee, Expr, ExprId, Function, InstrKind, Shape};
use crate::c::knowledge::{Deed, sounds_like_release};
use crate::c::names::Name;
use crate::c::program::FunctionId;
use crate::c::report::{Candidate, FileView};
use crate::c::summary::{Effect, Selector, Spec};
use crate::c::syntax::{Kind, Span};
use crate::c::walk::Site;
use crate::model::edit::Edit;

/// What speaks against releasing `holder` with `release` anywhere in the function.
pub(super) fn none(
    tree: &SourceTree,
    view: &FileView,
    candidate: &Candidate,
    (release, holder): (Name, &str),
) -> Result<(), String> {
    let function = &tree.program.functions[candidate.function.0 as usize];
    let site = &candidate.decided.site;
    let source = tree.program.text(site.source);
    hands_on_no_jump(view, function.span)?;
    has_no_bare_loop(tree, view, function.span)?;
    holds_no_lock(tree, function, source, holder)?;
    lends_no_part(tree, function, release, holder)?;
    lends_no_code(function, source, holder)?;
    is_not_looked_into(function, holder)?;
    waits_for_no_flag(view, function.span, holder)?;
    was_not_grown_elsewhere(tree, function, site)?;
    has_no_hooks(tree, function, site, release)?;
    is_given_no_text(function, site, holder)?;
    moves_none_like_it(tree, function, candidate.variable)?;
    is_from_the_heap(function, holder)
}

/// Refuses where a macro is handed a statement that jumps (`CHECK(p != NULL, ret = -1; goto fail)`): it is read as if it stood
/// by itself, and what follows as if nobody came there.
fn hands_on_no_jump(view: &FileView, function: Span) -> Result<(), String> {
    let text = without_literals(view, function);
    // What is open, and whether each is the head of a loop, which has semicolons of its own.
    let mut open: Vec<(char, bool)> = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => open.push((c, text[..at].trim_end().ends_with("for"))),
            ')' if open.last().is_some_and(|(opened, _)| *opened == '(') => drop(open.pop()),
            // What the preprocessor's branches leave open ends with the block.
            '}' => while open.pop().is_some_and(|(opened, _)| opened != '{') {},
            ';' if open.last() == Some(&('(', false)) => {
                let next = text[at + 1..].trim_start();
                let word = next.split(|c: char| !c.is_alphanumeric()).next();
                if matches!(word, Some("goto" | "return" | "break" | "continue")) {
                    return Err("a macro is handed a jump, which cannot be followed".to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses where a macro without parentheses opens a loop: its rounds are not walked one by one.
fn has_no_bare_loop(tree: &SourceTree, view: &FileView, function: Span) -> Result<(), String> {
    let text = view.text.get(function.start as usize..function.end as usize).unwrap_or("");
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    match words.find(|word| tree.macros.is_bare_loop(word)) {
        Some(word) => Err(format!("`{word}` opens a loop that cannot be followed")),
        None => Ok(()),
    }
}

/// A function's text with blanks in the place of texts, characters and remarks.
fn without_literals(view: &FileView, function: Span) -> String {
    let syntax = &view.syntax;
    let own = syntax.path_to(function).into_iter().find(|at| syntax.node(*at).span == function);
    let below = own.into_iter().flat_map(|own| syntax.below(own)).map(|at| syntax.node(at));
    let literals = below.filter(|node| matches!(node.kind, Kind::StringLiteral | Kind::CharLiteral));
    let mut text = view.text.get(function.start as usize..function.end as usize).unwrap_or("").to_owned();
    let blank = |text: &mut String, start: usize, end: usize| {
        if text.get(start..end).is_some() {
            text.replace_range(start..end, &" ".repeat(end - start));
        }
    };
    for span in literals.map(|node| node.span) {
        blank(&mut text, (span.start - function.start) as usize, (span.end - function.start) as usize);
    }
    for (opens, ends) in [("/*", "*/"), ("//", "\n")] {
        while let Some(start) = text.find(opens) {
            let end = text[start..].find(ends).map_or(text.len(), |length| start + length + ends.len());
            blank(&mut text, start, end);
        }
    }
    text
}

/// Refuses what a call fills that the function also gives a text of its own: where the call fails, that may still be there.
fn is_given_no_text(function: &Function, site: &Site, holder: &str) -> Result<(), String> {
    let is_given = |kind: &InstrKind| match kind {
        InstrKind::Assign { to, from } => is_named(function, *to, holder) && function.expr(*from) == Expr::Text,
        _ => false,
    };
    let is_given = site.part > 0 && function.instrs().any(|instr| is_given(&instr.kind));
    if is_given { Err("elsewhere it is given a text that is not on the heap".to_owned()) } else { Ok(()) }
}

/// Refuses a member of an array's element where the function moves such a member by another name: it may be the same one.
fn moves_none_like_it(tree: &SourceTree, function: &Function, holder: &str) -> Result<(), String> {
    let Some((array, member)) = holder.rsplit_once("].").filter(|(array, _)| array.contains('[')) else {
        return Ok(());
    };
    let member = Name::of(member);
    let is_alike = |id: ExprId| matches!(function.expr(id), Expr::Field(_, name) if name == member);
    let moves = |kind: &InstrKind| match kind {
        InstrKind::Assign { to, from } => {
            is_alike(*to) && matches!(function.expr(*from), Expr::Binary(BinaryOp::Add, old, _) if is_alike(old))
        }
        _ => false,
    };
    let is_moved = function.instrs().any(|instr| moves(&instr.kind));
    let name = tree.program.text(member);
    if is_moved { Err(format!("a `{name}` is moved here, which may be that of `{array}]`")) } else { Ok(()) }
}

/// Refuses what was made larger in a place that still holds the old address: where it grew without moving, that is the same
/// one, and whoever looks there has it as well.
fn was_not_grown_elsewhere(tree: &SourceTree, function: &Function, site: &Site) -> Result<(), String> {
    let grows = |name: Name| match tree.program.deed(name, function.file) {
        Some(deed) => matches!(deed, Deed::Reallocate { .. }),
        None => tree.known().summary(name, function).is_some_and(|summary| {
            summary.outcomes.iter().any(|outcome| outcome.releases(0) && matches!(outcome.returns, Spec::Fresh(_)))
        }),
    };
    let is_elsewhere = |id: ExprId| match function.expr(id) {
        Expr::Field(..) | Expr::Deref(_) | Expr::Global(_) => true,
        // The caller has it.
        Expr::Var(var) => var.0 < function.parameters,
        _ => false,
    };
    let is_grown = function.instrs().filter(|instr| instr.span == site.span).any(|instr| match &instr.kind {
        InstrKind::Call { callee: Callee::Named(name), args, .. } => {
            args.first().is_some_and(|old| is_elsewhere(*old)) && grows(*name)
        }
        _ => false,
    });
    if is_grown { Err("what it was made of may be the same memory, and is held elsewhere".to_owned()) } else { Ok(()) }
}

/// Functions that are looked through for a call by a pointer.
const MAX_BODIES: usize = 200;

/// Refuses to hand to a library's release what comes by way of a function pointer: somebody may have put another allocator
/// there. Unless the tree itself does so.
fn has_no_hooks(tree: &SourceTree, function: &Function, site: &Site, release: Name) -> Result<(), String> {
    let does_so = || {
        let evidence = tree.evidence.release_of(site.source, site.part);
        evidence.is_some_and(|((name, members), _, _)| *name == release && members.is_empty())
    };
    let is_hooked = tree.program.is_plain_release(release, function.file)
        && goes_through_a_pointer(tree, function, site.source)
        && !does_so();
    if is_hooked { Err("its allocator can be exchanged, and what releases it is not known".to_owned()) } else { Ok(()) }
}

/// Whether a function acquires memory by a function pointer, or what it calls does.
fn goes_through_a_pointer(tree: &SourceTree, caller: &Function, callee: Name) -> bool {
    let program = &tree.program;
    let mut open: Vec<FunctionId> = program.resolve(callee, caller.file).into_iter().collect();
    let mut at = 0;
    while let Some(body) = open.get(at).map(|id| &program.functions[id.0 as usize]) {
        let acquires = |name: Name| {
            matches!(program.deed(name, body.file), Some(Deed::Acquire { .. })) || program.is_allocator_by_name(name)
        };
        let is_through = body.instrs().any(|instr| match &instr.kind {
            InstrKind::Call { callee: Callee::Through(place), .. } => {
                program.pointer_target(body, *place).is_some_and(acquires)
            }
            InstrKind::Call { callee: Callee::Named(name), spelled, .. } => {
                program.is_pointer_to_code(*spelled) && acquires(*name)
            }
            _ => false,
        });
        if is_through {
            return true;
        }
        let more = program.callees(body).into_iter().filter(|id| !open.contains(id));
        let more: Vec<FunctionId> = more.take(MAX_BODIES.saturating_sub(open.len())).collect();
        open.extend(more);
        at += 1;
    }
    false
}

/// Refuses where closing a stream gives up a lock on its file: POSIX lets go of those of `fcntl` with the first descriptor
/// that is closed.
fn holds_no_lock(tree: &SourceTree, function: &Function, source: &str, holder: &str) -> Result<(), String> {
    const STREAMS: &[&str] = &["fopen", "fopen64", "freopen", "fdopen"];
    if !STREAMS.contains(&source) {
        return Ok(());
    }
    let is_stream = |id: &ExprId| is_named(function, *id, holder);
    let is_lock = |name: Name| {
        let mut parts = tree.program.text(name).split('_');
        parts.any(|part| matches!(part, "lock" | "flock" | "lockf" | "fcntl"))
    };
    let numbers: Vec<Expr> = calls(function)
        .filter(|(name, _, args)| *name == Name::of("fileno") && args.first().is_some_and(is_stream))
        .map(|(_, into, _)| into)
        .collect();
    let locks = calls(function).any(|(name, _, args)| {
        is_lock(name) && args.iter().any(|arg| is_stream(arg) || numbers.contains(&function.expr(*arg)))
    });
    if locks { Err("closing it gives up the lock on its file".to_owned()) } else { Ok(()) }
}

/// Refuses to close a library that a symbol was taken from: what came of that may be in use longer.
fn lends_no_code(function: &Function, source: &str, holder: &str) -> Result<(), String> {
    let is_lent = source == "dlopen"
        && calls(function).any(|(name, _, args)| {
            name == Name::of("dlsym") && args.first().is_some_and(|arg| is_named(function, *arg, holder))
        });
    if is_lent { Err("what was looked up in the library may be in use longer".to_owned()) } else { Ok(()) }
}

/// Refuses where something that it leads to was put elsewhere (`cache->base = values[0]`) and the release takes that along.
fn lends_no_part(tree: &SourceTree, function: &Function, release: Name, holder: &str) -> Result<(), String> {
    if tree.program.is_plain_release(release, function.file) {
        return Ok(());
    }
    let is_pointer = |id: ExprId| tree.program.types.of(function, id).is_some_and(|declared| declared.pointers > 0);
    let points_to_pointers = |id: ExprId| match function.expr(id) {
        Expr::Var(var) => function.var(var).is_some_and(|var| var.declared.pointers > 1),
        _ => false,
    };
    let is_part = |id: ExprId| match function.expr(id) {
        Expr::Index(whole, _) => is_named(function, whole, holder) && points_to_pointers(whole),
        Expr::Field(whole, _) => {
            matches!(function.expr(whole), Expr::Deref(pointer) if is_named(function, pointer, holder))
                && is_pointer(id)
        }
        _ => false,
    };
    let is_elsewhere = |id: ExprId| match function.expr(id) {
        Expr::Global(_) => true,
        Expr::Field(whole, _) => match function.expr(whole) {
            Expr::Deref(pointer) => !is_named(function, pointer, holder),
            whole => matches!(whole, Expr::Global(_)),
        },
        _ => false,
    };
    let lends = function
        .instrs()
        .any(|instr| matches!(instr.kind, InstrKind::Assign { to, from } if is_part(from) && is_elsewhere(to)));
    if lends { Err("something that it leads to was put elsewhere".to_owned()) } else { Ok(()) }
}

/// Refuses where the address of what holds it was put elsewhere (`draw->context = &images;`): whoever is called
/// later may look into it.
fn is_not_looked_into(function: &Function, holder: &str) -> Result<(), String> {
    let whole = |mut place: ExprId| {
        while let Expr::Field(around, _) = function.expr(place) {
            place = around;
        }
        place
    };
    let leads_there = |id: ExprId| match function.expr(id) {
        Expr::AddressOf(place) => is_named(function, whole(place), holder),
        _ => false,
    };
    let is_elsewhere = |id: ExprId| matches!(function.expr(whole(id)), Expr::Global(_) | Expr::Deref(_));
    let is_led_to = function
        .instrs()
        .any(|instr| matches!(instr.kind, InstrKind::Assign { to, from } if leads_there(from) && is_elsewhere(to)));
    if is_led_to { Err(format!("the address of `{holder}` was put where others may use it")) } else { Ok(()) }
}

/// Refuses where the function releases it only if a flag says so: `if (must_free) free(text);`
fn waits_for_no_flag(view: &FileView, function: Span, holder: &str) -> Result<(), String> {
    let text = view.text.get(function.start as usize..function.end as usize).unwrap_or("");
    let conditions = text.match_indices("if").filter_map(|(at, _)| {
        let (flag, then) = text[at + 2..].trim_start().strip_prefix('(')?.split_once(')')?;
        let call = then.trim_start().trim_start_matches('{').split([';', '}']).next()?;
        Some((flag.trim(), call))
    });
    let is_flag = |flag: &str| {
        let lower = flag.to_ascii_lowercase();
        lower.chars().all(|c| c.is_alphanumeric() || c == '_')
            && flag != holder
            && lower.split('_').any(|part| matches!(part, "free" | "owned" | "allocated" | "alloced" | "dofree"))
    };
    let releases = |call: &str| {
        call.split_once('(').is_some_and(|(by, args)| sounds_like_release(by.trim()) && has_word(args, holder))
    };
    let mut flagged = conditions.filter(|(flag, call)| is_flag(flag) && releases(call));
    match flagged.next() {
        Some((flag, _)) => Err(format!("elsewhere it is released only if `{flag}` says so")),
        None => Ok(()),
    }
}

/// Refuses where the function asks whether a pointer is the address of something that it has itself: then only what is not
/// may be released.
fn is_from_the_heap(function: &Function, holder: &str) -> Result<(), String> {
    let is_storage = |id: ExprId| match function.expr(id) {
        Expr::AddressOf(_) => true,
        Expr::Var(var) => function.var(var).is_some_and(|var| var.shape == Shape::Array),
        _ => false,
    };
    let is_asked = function.exprs.iter().any(|expr| match expr {
        Expr::Binary(BinaryOp::Equal, a, b) => {
            is_named(function, *a, holder) && is_storage(*b) || is_named(function, *b, holder) && is_storage(*a)
        }
        _ => false,
    });
    if is_asked { Err("elsewhere it is asked whether it is storage of its own".to_owned()) } else { Ok(()) }
}

/// Whether an edit empties a structure in a loop that goes on with it: what `release` leaves there is not null, and a later
/// round may release it again.
pub(super) fn leaves_it_to_the_next_round(
    tree: &SourceTree,
    view: &FileView,
    (release, word): (Name, &str),
    edits: &[Edit],
) -> bool {
    let leaves = || {
        let summary = tree.program.resolve(release, view.file).and_then(|id| tree.known().summaries().get(id));
        summary.is_none_or(|summary| {
            summary.outcomes.iter().any(|outcome| {
                outcome.effects.iter().any(|effect| match effect {
                    Effect::Release(path) if path.selectors.first() == Some(&Selector::Deref) => {
                        !outcome.effects.iter().any(|other| {
                            matches!(other, Effect::Write(to, _)
                                if to.base == path.base && path.selectors.starts_with(&to.selectors))
                        })
                    }
                    _ => false,
                })
            })
        })
    };
    let leaves_the_loop = |edit: &Edit| {
        let rest = view.text.get(edit.end..).unwrap_or("");
        let block = rest.split('}').next().unwrap_or("");
        ["return", "goto", "break"].iter().any(|jump| has_word(block, jump))
    };
    let is_emptied = |edit: &&Edit| edit.text.contains(&format!("(&{word}")) && !leaves_the_loop(edit);
    let goes_on = |edit: &Edit| {
        let start = edit.start as u32;
        let path = view.syntax.path_to(Span { start: start.saturating_sub(1), end: start });
        let mut loops = path.into_iter().filter(|at| is_loop(view.syntax.node(*at).kind));
        loops.any(|at| !is_declared_in(view, at, word))
    };
    let mut emptied = edits.iter().filter(is_emptied);
    emptied.any(goes_on) && leaves()
}

fn is_declared_in(view: &FileView, node: u32, word: &str) -> bool {
    view.syntax.below(node).any(|at| {
        let declares = |text: &str| has_word(text.split('=').next().unwrap_or(text), word);
        view.syntax.node(at).kind == Kind::Declaration && declares(view.syntax.slice(at))
    })
}

fn is_named(function: &Function, id: ExprId, name: &str) -> bool {
    let Expr::Var(var) = function.expr(id) else { return false };
    function.var(var).is_some_and(|var| var.name == Name::of(name))
}

/// The calls of functions by name: what takes the result, and the arguments.
fn calls(function: &Function) -> impl Iterator<Item = (Name, Expr, &[ExprId])> {
    function.instrs().filter_map(|instr| match &instr.kind {
        InstrKind::Call { into, callee: Callee::Named(name), args, .. } => Some((*name, Expr::Var(*into), &**args)),
        _ => None,
    })
}
