//! The findings for a person: excerpts of the source, and the fix.

use crate::c::report::Leak;
use crate::c::{Analysis, SourceFile};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The findings, one after the other, then the gaps.
pub(super) fn render(analysis: &Analysis, texts: &BTreeMap<&str, &SourceFile>) -> String {
    let mut out = String::new();
    for leak in &analysis.findings {
        if let Some(file) = texts.get(leak.file.as_str()) {
            out.push_str(&excerpt(leak, file));
            out.push_str("\n\n");
        }
        match &leak.fix {
            // Writing into a string cannot fail.
            Some(fix) => drop(writeln!(out, "Fix: {}.\n{}", fix.why, fix.diff)),
            None => drop(writeln!(out, "No fix: {}.\n", leak.no_fix_reason.as_deref().unwrap_or("none is safe"))),
        }
    }
    for gap in &analysis.gaps {
        let _ = writeln!(out, "Not looked at: {}, because {}.", gap.what, gap.why);
    }
    let fixes = analysis.findings.iter().filter(|leak| leak.fix.is_some()).count();
    let _ = writeln!(out, "{} findings, {fixes} with a fix.", analysis.findings.len());
    out
}

fn excerpt(leak: &Leak, file: &SourceFile) -> String {
    let limit = file.text.len();
    let range = |span: crate::c::syntax::Span| {
        let end = (span.end as usize).min(limit);
        (span.start as usize).min(end)..end
    };
    let title = format!("`{}` leaks in `{}`", leak.variable, leak.function);
    let last = leak.trace.last().map_or("lost here", |step| step.note.as_str());
    let snippet = Snippet::source(&*file.text)
        .path(&leak.file)
        .annotation(AnnotationKind::Primary.span(range(leak.acquired)).label("acquired here"))
        .annotation(AnnotationKind::Context.span(range(leak.lost)).label(last));
    let mut group = Level::WARNING.primary_title(&title).element(snippet);
    for reason in &leak.reasons {
        group = group.element(Level::NOTE.message(reason));
    }
    Renderer::plain().render(&[group])
}
