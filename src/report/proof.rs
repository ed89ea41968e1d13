//! What was run before and after a patch, and what was measured: the verdict, a table, charts, and how to repeat it.

use super::chart;
use super::escape::{Language, Markdown, code_block, code_span, details, inline, table};
use crate::markdown;
use crate::model::proof::{
    End, Kind, LimitSource, Limiter, Made, Measured, Origin, Proof, Recipe, Sample, Verdict, WallState, growth,
};

/// So many of the last lines of an output are shown.
const MOST_LINES: usize = 20;

/// The whole section, without its heading.
pub fn section(proof: &Proof) -> Markdown {
    let mut text = markdown!["**", capital(proof.verdict), "**: ", inline(&proof.why, 600), ".\n\n"];
    if proof.made == Made::InAnotherJob {
        text.push(
            "Run in a job of its own, without secrets; the verdict is decided here from what that job measured.\n\n",
        );
    }
    if proof.base.is_none() && proof.patched.is_none() {
        return text;
    }
    text.push(measurements(proof));
    text.push(chart::mermaid(proof));
    text.push(printed(proof));
    text.push(details("How it was run, and how to repeat it", how(proof)));
    text
}

/// One line for the list of what was tested.
pub fn line(proof: &Proof) -> Markdown {
    match proof.verdict {
        Verdict::NotRun => markdown!["- Not run: ", inline(&proof.why, 400), ".\n"],
        verdict => markdown!["- Run before and after: ", verdict.words(), ", ", inline(&proof.why, 400), ".\n"],
    }
}

fn capital(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::ReproducedAndFixed => "Reproduced and fixed",
        Verdict::FixedButNotReproduced => "Fixed but not reproduced",
        Verdict::NotFixed => "Not fixed",
        Verdict::Worse => "Worse",
        Verdict::NotRun => "Not run",
    }
}

fn measurements(proof: &Proof) -> Markdown {
    let limit = proof.recipe.as_ref().map_or(0, |recipe| recipe.memory_limit);
    type Cell = fn(&Measured, u64) -> Markdown;
    let rows: [(&'static str, Cell); 7] = [
        ("End", |run, limit| end(run, limit)),
        ("Ran for", |run, _| seconds(run.lasted_ms as f64 / 1000.0)),
        ("Peak of resident memory", |run, _| megabytes(run.peak_resident as f64)),
        ("Growth of resident memory", |run, _| rate(growth(run).resident)),
        ("Peak of allocated memory (VmData)", |run, _| megabytes(run.peak_data as f64)),
        ("Growth of allocated memory", |run, _| rate(growth(run).data)),
        ("Time to the limit", time_to_limit),
    ];
    let shown = |run: Option<&Measured>, cell: Cell| match run {
        Some(run) if matches!(run.end, End::NotBuilt(_)) => "did not build".into(),
        Some(run) => cell(run, limit),
        None => "not run".into(),
    };
    let cells = rows.into_iter().map(|(name, cell)| {
        let both = [proof.base.as_ref(), proof.patched.as_ref()].map(|run| shown(run, cell));
        std::iter::once(name.into()).chain(both).collect::<Vec<Markdown>>()
    });
    let mut cells: Vec<Vec<Markdown>> = cells.collect();
    let reports = [&proof.base, &proof.patched].map(|run| run.as_ref().map_or(Vec::new(), |run| run.sanitizer.clone()));
    if reports.iter().any(|report| !report.is_empty()) {
        let both =
            reports.map(|report| if report.is_empty() { "none".into() } else { inline(&report.join(", "), 200) });
        cells.push(std::iter::once("Sanitizer".into()).chain(both).collect());
    }
    table(&["", "Before", "After"], cells)
}

fn end(run: &Measured, limit: u64) -> Markdown {
    match (&run.end, &run.limiter) {
        (End::NotBuilt(_), _) => "did not build".into(),
        (End::Exited(code), _) => inline(&format!("ended with exit code {code}"), 40),
        (End::Signalled(signal), _) => inline(&format!("ended by signal {signal}"), 40),
        (End::OutOfMemory, Limiter::Kernel { oom_kill }) => {
            markdown!["killed by the kernel at ", inline(&bytes(limit), 40), " (oom_kill ", *oom_kill, ")"]
        }
        (End::OutOfMemory, Limiter::Watch) => markdown!["stopped at ", inline(&bytes(limit), 40)],
        (End::StillRunning, _) => "still running when its time was over".into(),
        (End::Stopped(stop), _) => markdown!["stopped, since it ", stop.words()],
    }
}

/// When memory reached the limit, or would at this rate.
fn time_to_limit(run: &Measured, limit: u64) -> Markdown {
    if run.end == End::OutOfMemory {
        return seconds(run.lasted_ms as f64 / 1000.0);
    }
    match (growth(run).resident, run.samples.last()) {
        (Some(rate), Some(Sample { at_ms, resident, .. })) if rate > 0.0 => {
            let left = limit.saturating_sub(*resident) as f64 / rate;
            markdown![seconds(*at_ms as f64 / 1000.0 + left), " at this rate"]
        }
        _ => "never, as measured".into(),
    }
}

fn rate(rate: Option<f64>) -> Markdown {
    rate.map_or("none".into(), |rate| markdown![megabytes(rate), " a second"])
}

fn megabytes(bytes: f64) -> Markdown {
    markdown![decimal(bytes / 1e6), " MB"]
}

fn seconds(seconds: f64) -> Markdown {
    markdown![decimal(seconds), " s"]
}

/// A number with one digit after its point. Made of numbers, so that nothing in it needs to be escaped.
fn decimal(number: f64) -> Markdown {
    let tenths = (number.max(0.0) * 10.0).round() as u64;
    markdown![tenths / 10, ".", tenths % 10]
}

/// A limit as people write it: `64 MiB`; in bytes where it is no whole number of them.
pub(super) fn bytes(limit: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.into_iter().find(|(unit, _)| limit > 0 && limit.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{limit} bytes"), |(unit, name)| format!("{} {name}", limit / unit))
}

/// What was printed by a side that shows why the patch is not offered, or why nothing can be said.
fn printed(proof: &Proof) -> Markdown {
    let told = match proof.verdict {
        Verdict::ReproducedAndFixed | Verdict::FixedButNotReproduced => None,
        _ => proof.patched.as_ref().or(proof.base.as_ref()),
    };
    let output = told.map(|run| match &run.end {
        End::NotBuilt(output) => output.as_str(),
        _ => run.output.as_str(),
    });
    match output.map(str::trim).filter(|output| !output.is_empty()) {
        Some(output) => {
            let lines: Vec<&str> = output.lines().collect();
            let last = lines.get(lines.len().saturating_sub(MOST_LINES)..).unwrap_or_default().join("\n");
            markdown!["The last of what it printed:\n\n", code_block(&last, Language::Text, MOST_LINES)]
        }
        None => Markdown::default(),
    }
}

/// The commands, the limit and the walls.
fn how(proof: &Proof) -> Markdown {
    let mut text = Markdown::default();
    if let Some(recipe) = &proof.recipe {
        text.push(match recipe.origin {
            Origin::Configured => "The configuration file says what to run.",
            Origin::SingleMain => "Found by itself: one C program.",
            Origin::Makefile => "Found by itself: a Makefile beside one C program.",
            Origin::OwnCheck => "Found by itself: the Makefile's own check.",
        });
        text.push(markdown![" Without and with the patch, side by side:\n\n"]);
        text.push(code_block(&commands(recipe).join("\n"), Language::Console, 20));
        text.push(markdown!["Memory limit: ", inline(&bytes(recipe.memory_limit), 40), ", "]);
        text.push(match &recipe.limit_from {
            LimitSource::Configured => "as the configuration file says".into(),
            LimitSource::Manifest(path) => markdown!["from ", code_span(path)],
            LimitSource::Chosen => "chosen, since nobody says".into(),
        });
        text.push(match proof.base.as_ref().map(|run| &run.limiter) {
            Some(Limiter::Kernel { .. }) => ", held by a memory group of the kernel.\n\n",
            _ => ", watched by the runner, since no memory group can be made here.\n\n",
        });
    }
    text.push("In force, each tried from inside before anything was built:\n\n");
    for one in &proof.protections {
        let state = match &one.state {
            WallState::Held => "held".into(),
            WallState::Open(what) => markdown!["open, it could ", inline(what, 120)],
        };
        text.push(markdown!["- ", one.wall.words(), ": ", inline(&one.means, 120), " (", state, ")\n"]);
    }
    text
}

/// What a person types to repeat it, on either side.
pub fn commands(recipe: &Recipe) -> Vec<String> {
    let folder = (!recipe.folder.is_empty()).then(|| format!("cd '{}'", recipe.folder.replace('\'', r"'\''")));
    let run = recipe.run.replace('\'', r"'\''");
    let limited = format!(
        "timeout {} systemd-run --user --scope -p MemoryMax={} -p MemorySwapMax=0 sh -c '{run}'",
        recipe.seconds, recipe.memory_limit
    );
    let expected = match recipe.kind {
        Kind::Test => Some(format!("echo $?  # {} in a sound run", recipe.expected_exit)),
        Kind::Service => None,
    };
    [folder, recipe.build.clone(), Some(limited), expected].into_iter().flatten().collect()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::model::proof::{Activity, Protection, Wall};

    fn recipe() -> Recipe {
        Recipe {
            origin: Origin::SingleMain,
            folder: "src/worker".to_owned(),
            build: Some("cc -O0 -g -o proof-program worker.c -lm -lpthread".to_owned()),
            run: "exec ./proof-program".to_owned(),
            kind: Kind::Service,
            seconds: 10,
            memory_limit: 64 << 20,
            limit_from: LimitSource::Manifest("k8s/deployment.yaml".to_owned()),
            expected_exit: 0,
        }
    }

    fn run(end: End, lasted_ms: u64, resident: u64, data: u64) -> Measured {
        let sample = |at_ms| Sample {
            at_ms,
            resident: 1_000_000 + at_ms * resident / 1000,
            data: 1_000_000 + at_ms * data / 1000,
        };
        let samples: Vec<Sample> = (0..=lasted_ms).step_by(10).map(sample).collect();
        let last = samples.last().copied().expect("there is one");
        Measured {
            end,
            lasted_ms,
            peak_resident: last.resident,
            peak_data: last.data,
            limiter: Limiter::Kernel { oom_kill: u64::from(resident > 0) },
            samples,
            sanitizer: Vec::new(),
            activity: Activity {
                cpu_first_ms: 30,
                cpu_second_ms: 30,
                waits_second: 10,
                looks_second: 50,
                ready_second: 0,
            },
            output: "a line\n".to_owned(),
        }
    }

    fn with_walls(proof: Proof) -> Proof {
        let wall = Protection { wall: Wall::Files, state: WallState::Held, means: "Landlock".to_owned() };
        Proof { protections: vec![wall], ..proof }
    }

    /// A leak that is killed, and its fix.
    pub(in crate::report) fn reproduced() -> Proof {
        let base = run(End::OutOfMemory, 1320, 50_000_000, 50_000_000);
        with_walls(Proof::of_runs(recipe(), base, run(End::StillRunning, 4000, 0, 0)))
    }

    /// Memory that is allocated and only read, and its fix.
    pub(in crate::report) fn only_reads() -> Proof {
        let base = run(End::StillRunning, 10_000, 0, 10_000_000);
        with_walls(Proof::of_runs(recipe(), base, run(End::StillRunning, 10_000, 0, 0)))
    }

    /// A patch with which the program grows as before.
    pub(in crate::report) fn not_fixed() -> Proof {
        let killed = || run(End::OutOfMemory, 1320, 50_000_000, 50_000_000);
        with_walls(Proof::of_runs(recipe(), killed(), killed()))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    /// The section without its charts.
    fn told(proof: &Proof) -> String {
        let text = section(proof).to_string();
        let parts: Vec<&str> = text.split("```mermaid").collect();
        let (first, charts) = parts.split_first().expect("a text has a beginning");
        let rest = charts.last().and_then(|part| part.split_once("```\n")).map_or("", |(_, rest)| rest);
        format!("{first}{rest}")
    }

    #[test]
    fn a_fault_and_its_fix() {
        insta::assert_snapshot!(told(&reproduced()), @r"
        **Reproduced and fixed**: without the patch memory ran out, with it memory stays below 1.0 MB.

        |  | Before | After |
        | --- | --- | --- |
        | End | killed by the kernel at 64 MiB (oom_kill 1) | still running when its time was over |
        | Ran for | 1.3 s | 4.0 s |
        | Peak of resident memory | 67.0 MB | 1.0 MB |
        | Growth of resident memory | 50.0 MB a second | none |
        | Peak of allocated memory (VmData) | 67.0 MB | 1.0 MB |
        | Growth of allocated memory | 50.0 MB a second | none |
        | Time to the limit | 1.3 s | never, as measured |



        <details>
        <summary>How it was run, and how to repeat it</summary>

        Found by itself: one C program. Without and with the patch, side by side:

        ```console
        cd 'src/worker'
        cc -O0 -g -o proof-program worker.c -lm -lpthread
        timeout 10 systemd-run --user --scope -p MemoryMax=67108864 -p MemorySwapMax=0 sh -c 'exec ./proof-program'
        ```

        Memory limit: 64 MiB, from `k8s/deployment.yaml`, held by a memory group of the kernel.

        In force, each tried from inside before anything was built:

        - files: Landlock (held)

        </details>
        ");
    }

    #[test]
    fn memory_that_is_only_read() {
        let text = told(&only_reads());
        assert!(text.contains("**Reproduced and fixed**"), "{text}");
        assert!(text.contains("| Growth of allocated memory | 10.0 MB a second | none |"), "{text}");
    }

    #[test]
    fn a_patch_that_does_not_fix_shows_what_was_printed() {
        let text = told(&not_fixed());
        assert!(text.contains("**Not fixed**") && text.contains("a line"), "{text}");
    }

    #[test]
    fn what_was_not_run_says_why_and_nothing_else() {
        insta::assert_snapshot!(told(&Proof::not_run("there is no C compiler here")), @"**Not run**: there is no C compiler here.");
    }
}
