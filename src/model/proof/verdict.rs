//! From two measurements to a verdict. Pure, and the only place that decides.

use super::{Activity, End, Growth, Kind, Measured, Recipe, Verdict, growth};

/// A program that waits at least so often in half a run was doing something, be it to look for work.
const LEAST_WAITS: u64 = 2;
/// Less processor time than this in half a run is what a sleeping program needs.
const LEAST_CPU_MS: u64 = 20;
/// With fewer looks than this at half a run nobody can say how busy it was.
const LEAST_LOOKS: u64 = 3;
/// A patched program that grows so much faster than before is worse, not merely not fixed.
const MUCH_FASTER: f64 = 1.5;

/// What checkers of memory say where they do not see themselves in `/proc`.
const BLIND: [(&str, &str); 2] = [
    ("LeakSanitizer", "LeakSanitizer has encountered a fatal error"),
    ("valgrind", "Valgrind: FATAL: can't open /proc/self/maps"),
];

/// What is wrong with one run.
#[derive(Debug, Clone, PartialEq)]
enum Trouble {
    /// Memory ran out.
    OutOfMemory,
    /// Memory grows without end, by so much.
    Grows(Growth),
    /// A sanitizer complained.
    Sanitizer(String),
    /// It ended in a way in which a sound run does not end.
    Failed(String),
}

/// Decides what the two runs show, and why, as a clause.
pub fn decide(recipe: &Recipe, base: &Measured, patched: &Measured) -> (Verdict, String) {
    if let Some(undecidable) = before_comparing(base, patched) {
        return undecidable;
    }
    match (trouble(recipe, base), trouble(recipe, patched)) {
        (None, None) => clean_base(base, patched),
        (None, Some(after)) => (Verdict::Worse, format!("without the patch it is sound, with it {}", words(&after))),
        (Some(Trouble::Failed(before)), Some(Trouble::Failed(after))) if before == after => {
            (Verdict::NotRun, format!("already without the patch the program {before}, and memory is not why"))
        }
        (Some(before), None) => match halted(base, patched) {
            Some(how) => (Verdict::Worse, how),
            None => (
                Verdict::ReproducedAndFixed,
                format!("without the patch {}, with it {}", words(&before), sound(patched)),
            ),
        },
        (Some(before), Some(after)) => both(&before, &after, (base, patched)),
    }
}

/// What can be told without comparing: something had to be stopped, or could not look.
fn before_comparing(base: &Measured, patched: &Measured) -> Option<(Verdict, String)> {
    if let Some((name, _)) = BLIND.iter().find(|(_, complaint)| base.output.contains(complaint)) {
        let why = format!("{name} cannot work here: without a process namespace it does not see itself");
        return Some((Verdict::NotRun, why));
    }
    match (&base.end, &patched.end) {
        (End::Stopped(super::Stop::Cancelled), _) | (_, End::Stopped(super::Stop::Cancelled)) => {
            Some((Verdict::NotRun, "the run was cancelled".to_owned()))
        }
        (End::Stopped(stop), _) => {
            Some((Verdict::NotRun, format!("already without the patch it {} and was stopped", stop.words())))
        }
        (_, End::Stopped(stop)) => {
            Some((Verdict::Worse, format!("with the patch it {} and was stopped", stop.words())))
        }
        (_, End::StillRunning) if patched.activity.looks_second < LEAST_LOOKS => {
            Some((Verdict::NotRun, "the machine was too busy to watch how the patched program fares".to_owned()))
        }
        _ => None,
    }
}

fn clean_base(base: &Measured, patched: &Measured) -> (Verdict, String) {
    match halted(base, patched) {
        Some(how) => (Verdict::Worse, how),
        None => (Verdict::FixedButNotReproduced, "the fault showed on neither side in the time given".to_owned()),
    }
}

fn both(before: &Trouble, after: &Trouble, (base, patched): (&Measured, &Measured)) -> (Verdict, String) {
    let told = format!("without the patch {}, with it {}", words(before), words(after));
    let is_worse = match (before, after) {
        // A crash or an unexpected end instead of a leak is another fault, which the patch brought.
        (Trouble::Failed(_), Trouble::Failed(_)) => true,
        (_, Trouble::Failed(_)) => true,
        (Trouble::Sanitizer(before), Trouble::Sanitizer(after)) => before != after,
        (_, Trouble::Sanitizer(_)) => true,
        (Trouble::Grows(before), Trouble::Grows(after)) => after.fastest() > MUCH_FASTER * before.fastest(),
        (Trouble::Grows(_), Trouble::OutOfMemory) => true,
        (Trouble::OutOfMemory, Trouble::OutOfMemory) => patched.lasted_ms as f64 * MUCH_FASTER < base.lasted_ms as f64,
        _ => false,
    };
    (if is_worse { Verdict::Worse } else { Verdict::NotFixed }, told)
}

/// What is wrong with a run; memory is asked first, since it is what incidents of this kind are about.
fn trouble(recipe: &Recipe, run: &Measured) -> Option<Trouble> {
    if run.end == End::OutOfMemory {
        return Some(Trouble::OutOfMemory);
    }
    if let Some(report) = run.sanitizer.first() {
        return Some(Trouble::Sanitizer(report.clone()));
    }
    if let Some(how) = unexpected_end(recipe, run) {
        return Some(Trouble::Failed(how));
    }
    let growth = growth(run);
    (recipe.kind == Kind::Service && growth.is_growing()).then_some(Trouble::Grows(growth))
}

fn unexpected_end(recipe: &Recipe, run: &Measured) -> Option<String> {
    match run.end {
        End::Exited(code) if code != recipe.expected_exit => Some(format!("ended with exit code {code}")),
        End::Signalled(signal) => Some(format!("was ended by signal {signal}")),
        End::StillRunning if recipe.kind == Kind::Test => Some("did not end in its time".to_owned()),
        _ => None,
    }
}

/// Whether the patched program has stopped working although it runs: it neither waits nor works any more while the base
/// did, or it burns a processor while the base did not.
fn halted(base: &Measured, patched: &Measured) -> Option<String> {
    if patched.end != End::StillRunning {
        return None;
    }
    let (before, after) = (base.activity, patched.activity);
    let was_busy = before.waits_second >= LEAST_WAITS || before.cpu_second_ms >= LEAST_CPU_MS;
    let is_idle = after.cpu_second_ms < LEAST_CPU_MS && after.ready_second * 2 < after.looks_second;
    if was_busy && is_idle && after.waits_second < LEAST_WAITS {
        return Some("with the patch it stands still: it neither works nor looks for work any more".to_owned());
    }
    // Nine of ten, since the kernel may be caught while it handles an interrupt or a page of the program.
    let is_always_ready = |activity: Activity| activity.ready_second * 10 >= activity.looks_second * 9;
    let spins_now = is_always_ready(after) && after.waits_second < LEAST_WAITS;
    let waited = before.waits_second >= LEAST_WAITS && !is_always_ready(before);
    (spins_now && waited)
        .then(|| "with the patch it goes round in circles: it keeps a processor busy and never waits".to_owned())
}

fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::OutOfMemory => "memory ran out".to_owned(),
        Trouble::Grows(Growth { resident: Some(rate), .. }) => format!("memory grows by {}", per_second(*rate)),
        Trouble::Grows(growth) => format!(
            "allocated memory (VmData) grows by {} although it is never written to",
            per_second(growth.fastest())
        ),
        Trouble::Sanitizer(report) => format!("a sanitizer reports {report}"),
        Trouble::Failed(how) => format!("the program {how}"),
    }
}

fn sound(run: &Measured) -> String {
    let megabytes = run.peak_resident as f64 / 1e6;
    match run.end {
        End::StillRunning => format!("memory stays below {megabytes:.1} MB"),
        _ => format!("it ends as it should, with at most {megabytes:.1} MB"),
    }
}

fn per_second(bytes: f64) -> String {
    format!("{:.1} MB a second", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSource, Limiter, Origin, Sample, Stop};
    use super::*;

    const MB: u64 = 1_000_000;

    fn recipe(kind: Kind) -> Recipe {
        Recipe {
            origin: Origin::SingleMain,
            folder: String::new(),
            build: None,
            run: "./worker".to_owned(),
            kind,
            seconds: 10,
            memory_limit: 64 << 20,
            limit_from: LimitSource::Chosen,
            expected_exit: 0,
        }
    }

    /// A run whose resident and allocated memory have these rates per second, in bytes.
    fn run(end: End, seconds: u64, resident: u64, data: u64) -> Measured {
        let sample = |index: u64| {
            let at_ms = index * 50;
            Sample { at_ms, resident: 2 * MB + resident * at_ms / 1000, data: 3 * MB + data * at_ms / 1000 }
        };
        let samples: Vec<Sample> = (0..seconds * 20).map(sample).collect();
        Measured {
            end,
            lasted_ms: seconds * 1000,
            peak_resident: samples.iter().map(|sample| sample.resident).max().unwrap_or(0),
            peak_data: samples.iter().map(|sample| sample.data).max().unwrap_or(0),
            limiter: Limiter::Kernel { oom_kill: 0 },
            samples,
            sanitizer: Vec::new(),
            activity: Activity {
                cpu_first_ms: 30,
                cpu_second_ms: 30,
                waits_second: 10,
                looks_second: 50,
                ready_second: 5,
            },
            output: String::new(),
        }
    }

    fn told(kind: Kind, base: &Measured, patched: &Measured) -> String {
        let (verdict, why) = decide(&recipe(kind), base, patched);
        format!("{verdict}: {why}")
    }

    fn service(base: &Measured, patched: &Measured) -> String {
        told(Kind::Service, base, patched)
    }

    fn sound_run() -> Measured {
        run(End::StillRunning, 4, 0, 0)
    }

    /// A run that never waits, on a machine where it must share the processors.
    fn spinning(cpu_second_ms: u64) -> Activity {
        Activity { cpu_first_ms: cpu_second_ms, cpu_second_ms, waits_second: 0, looks_second: 50, ready_second: 50 }
    }

    fn killed(seconds: u64) -> Measured {
        run(End::OutOfMemory, seconds, 50 * MB, 50 * MB)
    }

    #[test]
    fn a_leak_and_its_fix() {
        insta::assert_snapshot!(service(&killed(2), &sound_run()), @"reproduced and fixed: without the patch memory ran out, with it memory stays below 2.0 MB");
        let slow = run(End::StillRunning, 10, 3 * MB, 3 * MB);
        insta::assert_snapshot!(service(&slow, &sound_run()), @"reproduced and fixed: without the patch memory grows by 3.0 MB a second, with it memory stays below 2.0 MB");
    }

    #[test]
    fn memory_that_is_only_read_leaks_as_well() {
        let base = run(End::StillRunning, 10, 0, 10 * MB);
        insta::assert_snapshot!(service(&base, &sound_run()), @"reproduced and fixed: without the patch allocated memory (VmData) grows by 10.0 MB a second although it is never written to, with it memory stays below 2.0 MB");
    }

    #[test]
    fn patches_that_do_not_help() {
        let patched = [killed(2), killed(1), run(End::StillRunning, 10, 5 * MB, 5 * MB)];
        insta::assert_snapshot!(patched.map(|patched| service(&killed(2), &patched)).join("\n"), @"
        not fixed: without the patch memory ran out, with it memory ran out
        worse: without the patch memory ran out, with it memory ran out
        not fixed: without the patch memory ran out, with it memory grows by 5.0 MB a second
        ");
    }

    #[test]
    fn patches_that_break() {
        let with = |end: End| Measured { end, ..sound_run() };
        let patched = [
            with(End::Signalled(11)),
            with(End::Exited(1)),
            with(End::Stopped(Stop::Disk)),
            with(End::Stopped(Stop::Processes)),
            Measured { sanitizer: vec!["AddressSanitizer: heap-use-after-free".to_owned()], ..sound_run() },
            Measured { activity: Activity { looks_second: 50, ..Activity::default() }, ..sound_run() },
            Measured { activity: spinning(1990), ..sound_run() },
            Measured { activity: spinning(10), ..sound_run() },
        ];
        insta::assert_snapshot!(patched.map(|patched| service(&killed(2), &patched)).join("\n"), @"
        worse: without the patch memory ran out, with it the program was ended by signal 11
        worse: without the patch memory ran out, with it the program ended with exit code 1
        worse: with the patch it wrote too much into its folder and was stopped
        worse: with the patch it started too many processes and was stopped
        worse: without the patch memory ran out, with it a sanitizer reports AddressSanitizer: heap-use-after-free
        worse: with the patch it stands still: it neither works nor looks for work any more
        worse: with the patch it goes round in circles: it keeps a processor busy and never waits
        worse: with the patch it goes round in circles: it keeps a processor busy and never waits
        ");
    }

    #[test]
    fn what_says_nothing_of_the_patch() {
        let with = |end: End| Measured { end, ..sound_run() };
        let told = [
            service(&sound_run(), &sound_run()),
            service(&sound_run(), &killed(2)),
            service(&with(End::Exited(2)), &with(End::Exited(2))),
            service(&with(End::Stopped(Stop::Output)), &sound_run()),
            service(&with(End::Stopped(Stop::Cancelled)), &sound_run()),
            service(&killed(2), &Measured { activity: Activity::default(), ..sound_run() }),
            service(&Measured { output: format!("==3=={}.\n", BLIND[0].1), ..with(End::Exited(23)) }, &sound_run()),
            service(
                &Measured { output: format!("--4:0: aspacem {}\n", BLIND[1].1), ..with(End::Exited(1)) },
                &sound_run(),
            ),
        ];
        insta::assert_snapshot!(told.join("\n"), @"
        fixed but not reproduced: the fault showed on neither side in the time given
        worse: without the patch it is sound, with it memory ran out
        not run: already without the patch the program ended with exit code 2, and memory is not why
        not run: already without the patch it printed too much and was stopped
        not run: the run was cancelled
        not run: the machine was too busy to watch how the patched program fares
        not run: LeakSanitizer cannot work here: without a process namespace it does not see itself
        not run: valgrind cannot work here: without a process namespace it does not see itself
        ");
    }

    #[test]
    fn tests_are_judged_by_their_end() {
        let with = |end: End| Measured { end, ..run(End::StillRunning, 4, 20 * MB, 0) };
        let told = [
            told(Kind::Test, &with(End::Exited(1)), &with(End::Exited(0))),
            told(Kind::Test, &with(End::Exited(0)), &with(End::Exited(0))),
            told(Kind::Test, &with(End::Exited(1)), &with(End::StillRunning)),
        ];
        insta::assert_snapshot!(told.join("\n"), @"
        reproduced and fixed: without the patch the program ended with exit code 1, with it it ends as it should, with at most 81.0 MB
        fixed but not reproduced: the fault showed on neither side in the time given
        worse: without the patch the program ended with exit code 1, with it the program did not end in its time
        ");
    }
}
