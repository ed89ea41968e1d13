//! Memory over time, before and after a patch: as Mermaid, which GitHub draws by itself, and as SVG for an artefact.

use std::fmt::Write as _;

use super::escape::{Language, Markdown, code_block};
use crate::model::proof::{Measured, Proof, Sample, growth};

/// At most so many points are drawn in one Mermaid chart: beyond that, its lines are slow to draw and no clearer.
const MOST_POINTS: usize = 60;
/// One unit of the vertical axis, in bytes.
const MEGABYTE: f64 = 1e6;

/// What is drawn of every moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Resident,
    /// Where resident memory stays flat while ever more is allocated.
    Allocated,
}

impl Quantity {
    fn of(proof: &Proof) -> Quantity {
        let before = proof.base.as_ref().map(growth);
        match before {
            Some(growth) if growth.resident.is_none() && growth.data.is_some() => Quantity::Allocated,
            _ => Quantity::Resident,
        }
    }

    fn read(self, sample: &Sample) -> u64 {
        match self {
            Quantity::Resident => sample.resident,
            Quantity::Allocated => sample.data,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Quantity::Resident => "resident memory",
            Quantity::Allocated => "allocated memory (VmData)",
        }
    }
}

/// What both charts have in common.
struct Frame {
    quantity: Quantity,
    /// The limit, in bytes; it holds resident memory only.
    limit: Option<u64>,
    /// The end of the vertical axis, in bytes.
    top: f64,
}

impl Frame {
    fn of(proof: &Proof) -> Option<Frame> {
        let quantity = Quantity::of(proof);
        let limit = proof.recipe.as_ref().map(|recipe| recipe.memory_limit);
        let limit = limit.filter(|_| quantity == Quantity::Resident);
        let runs = [&proof.base, &proof.patched].into_iter().flatten();
        let highest = runs.flat_map(|run| &run.samples).map(|sample| quantity.read(sample)).max()?;
        Some(Frame { quantity, limit, top: highest.max(limit.unwrap_or(0)) as f64 * 1.1 })
    }
}

/// One chart before and one after, since Mermaid's have no legend; nothing where nothing was measured.
pub fn mermaid(proof: &Proof) -> Markdown {
    let Some(frame) = Frame::of(proof) else { return Markdown::default() };
    let charts = [("before", &proof.base), ("after", &proof.patched)].map(|(title, run)| {
        let run = run.as_ref().filter(|run| run.samples.len() > 1);
        run.map_or_else(Markdown::default, |run| code_block(&mermaid_text(&frame, title, run), Language::Mermaid, 20))
    });
    charts.into_iter().collect()
}

fn mermaid_text(frame: &Frame, title: &str, run: &Measured) -> String {
    let points = resample(&run.samples, frame.quantity);
    let list = |values: &[f64]| values.iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(", ");
    let (from, until) = (0.0, run.samples.last().map_or(0, |sample| sample.at_ms) as f64 / 1000.0);
    let limit = frame
        .limit
        .map_or(String::new(), |limit| format!("    line [{}]\n", list(&vec![limit as f64 / MEGABYTE; points.len()])));
    let against = if limit.is_empty() { "" } else { ", and its limit" };
    format!(
        "xychart-beta\n    title \"{title} the fix: {}{against}\"\n    x-axis \"seconds\" {from} --> {until:.1}\n    \
         y-axis \"MB\" 0 --> {:.0}\n    line [{}]\n{limit}",
        frame.quantity.words(),
        (frame.top / MEGABYTE).ceil().max(1.0),
        list(&points),
    )
}

/// The highest value of each of at most [`MOST_POINTS`] equal spans of time, in megabytes; a span without a sample keeps
/// the value before it.
fn resample(samples: &[Sample], quantity: Quantity) -> Vec<f64> {
    let count = samples.len().min(MOST_POINTS);
    let last = samples.last().map_or(0, |sample| sample.at_ms);
    let span = |at_ms: u64| {
        let index = u128::from(at_ms) * count as u128 / (u128::from(last) + 1);
        usize::try_from(index).unwrap_or(usize::MAX).min(count.saturating_sub(1))
    };
    let mut highest: Vec<Option<u64>> = vec![None; count];
    for sample in samples {
        if let Some(slot) = highest.get_mut(span(sample.at_ms)) {
            *slot = Some(slot.unwrap_or(0).max(quantity.read(sample)));
        }
    }
    let first = samples.first().map_or(0, |sample| quantity.read(sample));
    let filled = highest.into_iter().scan(first, |known, slot| {
        *known = slot.unwrap_or(*known);
        Some(*known as f64 / MEGABYTE)
    });
    filled.collect()
}

/// Width and height of the drawing, and the place of its axes, in pixels.
const SIZE: (f64, f64) = (720.0, 360.0);
const LEFT: f64 = 60.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 310.0;

/// Both curves in one drawing; `None` where nothing was measured. It holds numbers and words of ours alone.
pub fn svg(proof: &Proof) -> Option<String> {
    let frame = Frame::of(proof)?;
    let runs = [("before the fix", "#cf222e", &proof.base), ("with the fix", "#1a7f37", &proof.patched)];
    let ends = runs.iter().filter_map(|(_, _, run)| run.as_ref()?.samples.last());
    let seconds = ends.map(|sample| sample.at_ms as f64 / 1000.0).fold(0.1, f64::max);
    let x = |at_ms: u64| LEFT + (at_ms as f64 / 1000.0) / seconds * (RIGHT - LEFT);
    let y = |bytes: u64| BOTTOM - bytes as f64 / frame.top * (BOTTOM - TOP);
    let mut body = axes(&frame, seconds);
    if let Some(limit) = frame.limit {
        let at = y(limit);
        line(&mut body, (LEFT, at), (RIGHT, at), "#6e7781\" stroke-dasharray=\"6 4");
        text(&mut body, (RIGHT, at - 6.0), "end", &format!("limit {}", super::proof::bytes(limit)));
    }
    for (index, (name, colour, run)) in runs.iter().enumerate() {
        let Some(run) = run.as_ref().filter(|run| !run.samples.is_empty()) else { continue };
        let points =
            run.samples.iter().map(|sample| format!("{:.1},{:.1}", x(sample.at_ms), y(frame.quantity.read(sample))));
        let points: Vec<String> = points.collect();
        let _ = writeln!(
            body,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/>"#,
            points.join(" ")
        );
        let at = (LEFT + 150.0 * index as f64, 350.0);
        line(&mut body, at, (at.0 + 20.0, at.1), colour);
        text(&mut body, (at.0 + 26.0, at.1 + 4.0), "start", name);
    }
    let (width, height) = SIZE;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    ))
}

fn axes(frame: &Frame, seconds: f64) -> String {
    const STEPS: u32 = 5;
    let mut body = String::new();
    text(&mut body, (LEFT, 22.0), "start", &format!("{} in MB, over seconds", frame.quantity.words()));
    for step in 0..=STEPS {
        let part = f64::from(step) / f64::from(STEPS);
        let (x, y) = (LEFT + part * (RIGHT - LEFT), BOTTOM - part * (BOTTOM - TOP));
        line(&mut body, (LEFT, y), (RIGHT, y), "#d0d7de");
        text(&mut body, (LEFT - 8.0, y + 4.0), "end", &format!("{:.0}", part * frame.top / MEGABYTE));
        text(&mut body, (x, BOTTOM + 18.0), "middle", &format!("{:.1}", part * seconds));
    }
    body
}

// Writing to a `String` cannot fail.
fn line(body: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str) {
    let _ = writeln!(body, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{stroke}"/>"#);
}

fn text(body: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let _ = writeln!(body, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#);
}

#[cfg(test)]
mod tests {
    use super::super::proof::testing::{only_reads, reproduced};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn before_and_after_are_drawn_against_the_limit() {
        let text = mermaid(&reproduced()).to_string();
        let titles: Vec<&str> = text.lines().filter(|line| line.contains("title") || line.contains("axis")).collect();
        insta::assert_snapshot!(titles.join("\n"), @r#"
            title "before the fix: resident memory, and its limit"
            x-axis "seconds" 0 --> 1.3
            y-axis "MB" 0 --> 74
            title "after the fix: resident memory, and its limit"
            x-axis "seconds" 0 --> 4.0
            y-axis "MB" 0 --> 74
        "#);
        assert_eq!(text.matches("```mermaid").count(), 2);
        for line in text.lines().filter(|line| line.trim_start().starts_with("line [")) {
            assert!(line.matches(',').count() < MOST_POINTS, "{line}");
        }
    }

    #[test]
    fn memory_that_is_only_read_is_drawn_as_it_is_allocated() {
        let text = mermaid(&only_reads()).to_string();
        assert!(text.contains("before the fix: allocated memory (VmData)\""), "{text}");
    }

    #[test]
    fn a_proof_that_was_not_run_has_no_chart() {
        let proof = Proof::not_run("nothing is here");
        assert!(mermaid(&proof).is_empty());
        assert_eq!(svg(&proof), None);
    }

    #[test]
    fn the_drawing_has_both_curves_and_the_limit() {
        let drawing = svg(&reproduced()).expect("it was measured");
        assert_eq!(drawing.matches("<polyline").count(), 2);
        assert!(drawing.contains("limit 64 MiB") && drawing.contains("with the fix"), "{drawing}");
        assert_eq!(drawing.matches('<').count(), drawing.matches('>').count());
    }

    proptest! {
        #[test]
        fn points_are_few_and_keep_the_peak(values in proptest::collection::vec((0_u64..20_000, 0_u64..1_000_000_000), 1..300)) {
            let mut samples: Vec<Sample> =
                values.iter().map(|(at_ms, resident)| Sample { at_ms: *at_ms, resident: *resident, data: 0 }).collect();
            samples.sort_by_key(|sample| sample.at_ms);
            let points = resample(&samples, Quantity::Resident);
            prop_assert!(points.len() <= MOST_POINTS);
            let highest = samples.iter().map(|sample| sample.resident).max().unwrap_or(0) as f64 / MEGABYTE;
            prop_assert!((points.iter().copied().fold(0.0, f64::max) - highest).abs() < 1e-6);
        }
    }
}
