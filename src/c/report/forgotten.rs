//! Telling of a member that a destructor forgets.

use super::{Confidence, FileView, Fix, Leak, Recurrence, TraceStep};
use crate::c::Tree as SourceTree;
use crate::c::destructors::{self, Forgotten};
use crate::c::ir::{Expr, InstrKind};
use crate::c::names::Name;
use crate::c::program::FunctionId;
use crate::c::syntax::Span;
use crate::repair::release::member;
use crate::repair::verify::Before;

/// The finding; `None` where the structure's holder cannot be written.
pub(super) fn tell(
    tree: &SourceTree,
    view: &FileView,
    (id, before): (FunctionId, &Before),
    forgotten: &Forgotten,
) -> Option<Leak> {
    let function = tree.program.functions.get(id.0 as usize)?;
    let holder = holder(tree, view, id, forgotten)?;
    let path = forgotten.path.iter().map(|name| tree.program.text(*name)).collect::<Vec<_>>().join(".");
    let variable = format!("{holder}->{path}");
    let giver = tree.program.functions.get(forgotten.gift.function.0 as usize)?;
    let is_here = giver.file == function.file;
    let dies = view.lines.line(forgotten.dies.start);
    // A line of another file would be read as one of this file.
    let line = if is_here { view.lines.line(forgotten.gift.span.start) } else { dies };
    let (fix, no_fix_reason) = match releaser(tree, id, forgotten) {
        Some(releaser) => match member::repair(tree, view, (id, before), forgotten, releaser, (&holder, &variable)) {
            Ok(fix) => (Some(fix), None),
            Err(reason) => (None, Some(reason)),
        },
        None => (None::<Fix>, Some("it is not known what releases it".to_owned())),
    };
    let source = tree.program.text(forgotten.gift.source);
    let reasons = vec![
        format!("every function of the tree gives `{path}` memory of its own (such as `{source}`) or null"),
        format!("no function takes that memory from `{path}`"),
    ];
    Some(Leak {
        file: view.path.to_owned(),
        function: tree.program.text(function.name).to_owned(),
        variable,
        line,
        lost_at: dies,
        acquired: if is_here { forgotten.gift.span } else { forgotten.dies },
        lost: forgotten.dies,
        confidence: Confidence::Medium,
        reasons,
        recurrence: Recurrence::Once,
        trace: trace(tree, view, forgotten, &path, is_here),
        fix,
        no_fix_reason,
    })
}

fn trace(tree: &SourceTree, view: &FileView, forgotten: &Forgotten, path: &str, is_here: bool) -> Vec<TraceStep> {
    let giver = forgotten.gift.function;
    let source = tree.program.text(forgotten.gift.source);
    let by = tree.program.functions.get(giver.0 as usize).map_or("?", |function| tree.program.text(function.name));
    let dies = view.lines.line(forgotten.dies.start);
    let (line, place) = match tree.file_of(giver) {
        Some(file) if !is_here => {
            let there = super::Lines::of(&file.text).line(forgotten.gift.span.start);
            (dies, format!(" ({}:{there})", file.path))
        }
        _ => (view.lines.line(forgotten.gift.span.start), String::new()),
    };
    let mut steps = vec![TraceStep {
        line,
        note: format!("`{by}` gives `{path}` what `{source}` makes, which must be released{place}"),
    }];
    for sibling in forgotten.siblings.iter().take(3) {
        let (field, by) = (tree.program.text(sibling.member.field), tree.program.text(sibling.by));
        steps.push(TraceStep {
            line: view.lines.line(sibling.span.start),
            note: format!("`{field}` beside it is released with `{by}`"),
        });
    }
    steps.push(TraceStep {
        line: dies,
        note: format!("the structure is of no more use, and `{path}` was never released"),
    });
    steps
}

/// What releases it: what does so elsewhere, what releases such structures, what releases such memory.
fn releaser(tree: &SourceTree, id: FunctionId, forgotten: &Forgotten) -> Option<Name> {
    let gift = &forgotten.gift;
    if forgotten.by_address {
        return Some(gift.release);
    }
    if let Some(by) = forgotten.replaced_with {
        return Some(by);
    }
    if is_array(tree, forgotten) {
        return Some(gift.release);
    }
    let function = tree.program.functions.get(id.0 as usize)?;
    let fields = forgotten.member.owner.map(|owner| tree.program.types.fields(owner.name, function.file));
    let declared = fields?.iter().find(|(name, _)| *name == forgotten.member.field).map(|(_, declared)| *declared);
    let typed = declared.and_then(|declared| destructors::release_of_type(tree.known(), declared, function.file));
    let seen = tree
        .evidence
        .release_of(gift.source, gift.part)
        .filter(|(how, _, _)| how.1.is_empty())
        .map(|(how, _, _)| how.0);
    typed.or(seen).or_else(|| like_siblings(tree, id, forgotten)).or(Some(gift.release))
}

/// Whether the member is given memory for several things, which no function for one of them releases.
fn is_array(tree: &SourceTree, forgotten: &Forgotten) -> bool {
    let gift = &forgotten.gift;
    let Some(giver) = tree.program.functions.get(gift.function.0 as usize) else { return false };
    let mut instrs = giver.instrs();
    instrs.any(|instr| match &instr.kind {
        InstrKind::Call { spelled, args, .. } if *spelled == gift.source && gift.span.contains(instr.span) => {
            tree.program.text(gift.source).ends_with("calloc")
                && args.first().is_some_and(|count| giver.expr(*count) != Expr::Int(1))
        }
        _ => false,
    })
}

/// What releases most of the other members of the same type, where plain memory is to be released: a project that has a
/// function of its own for that wants it called.
fn like_siblings(tree: &SourceTree, id: FunctionId, forgotten: &Forgotten) -> Option<Name> {
    let program = &tree.program;
    let file = program.functions.get(id.0 as usize)?.file;
    let owner = forgotten.member.owner.filter(|_| program.is_plain_release(forgotten.gift.release, file))?;
    let declared = |field: Name| program.types.fields(owner.name, file).iter().find(|(name, _)| *name == field);
    let wanted = declared(forgotten.member.field)?.1;
    let alike = forgotten.siblings.iter().filter(|one| {
        !one.by_address && declared(one.member.field).is_some_and(|(_, other)| *other == wanted && other.is_number)
    });
    let by: Vec<Name> = alike.map(|one| one.by).collect();
    let count = |name: Name| by.iter().filter(|other| **other == name).count();
    by.iter().copied().max_by_key(|name| (count(*name), *name)).filter(|name| count(*name) > 1)
}

/// What leads to the structure, as the file writes it.
fn holder(tree: &SourceTree, view: &FileView, id: FunctionId, forgotten: &Forgotten) -> Option<String> {
    let function = tree.program.functions.get(id.0 as usize)?;
    if let Expr::Var(var) = function.expr(forgotten.holder) {
        return function.var(var).map(|var| tree.program.text(var.name).to_owned()).filter(|text| text != "?");
    }
    argument(view, forgotten.dies)
}

/// The only argument of a call, without casts.
fn argument(view: &FileView, call: Span) -> Option<String> {
    let text = view.text.get(call.start as usize..call.end as usize)?.trim_end_matches(';').trim_end();
    let inner = text.split_once('(')?.1.strip_suffix(')')?.trim();
    let plain = inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '>'));
    plain.then(|| inner.to_owned())
}
