//! The worker's history. Every scenario shares most of it; what differs is when the `free()` went.

use chrono::TimeDelta;

use crate::history::{Change, Landing, Shape};

use Change::{Edit, Write};

/// Subject of the landing that made the worker leak.
pub(super) const FREE_REMOVED: &str = "Let process_work keep its buffer (#31)";

const WORKER: &str = include_str!("../../service/worker.c");
const MAKEFILE: &str = include_str!("../../service/Makefile");
const DOCKERFILE: &str = include_str!("../../service/Dockerfile");
const README: &str = include_str!("../../service/README.md");
const DEPLOYMENT: &str = include_str!("../../k8s/deployment.yaml");
const ALERTS: &str = include_str!("../../k8s/alerts.yaml");

const LEAKING: &str = "        process_work(buffer);\n";
const FREEING: &str = "        process_work(buffer);\n        free(buffer);\n";

/// The free goes five hours before the incident, between innocent landings of the same day.
pub(super) fn leak() -> Vec<Landing> {
    let mut landings = innocent();
    insert(&mut landings, free_removed(TimeDelta::hours(5)));
    landings
}

/// The free goes three months before the incident; the last day is innocent.
pub(super) fn old_bug() -> Vec<Landing> {
    let mut landings = innocent();
    insert(&mut landings, free_removed(TimeDelta::days(92)));
    landings
}

/// As [`leak`], but for a month the worker has only read its buffers, one a second.
pub(super) fn reads_only() -> Vec<Landing> {
    let mut landings = innocent();
    let changes = vec![
        Edit(
            "worker.c",
            "/* Writes to every page, so that the kernel really hands out the memory. */\n",
            "/* What was read last. */\nstatic volatile char seen;\n\n\
             /* Reads every page and writes to none, so that the kernel hands out no memory. */\n",
        ),
        Edit("worker.c", "        buffer[at] = 1;\n", "        seen = buffer[at];\n"),
        Edit("worker.c", "PAUSE_MICROSECONDS 200000", "PAUSE_MICROSECONDS 1000000"),
    ];
    insert(&mut landings, landing(TimeDelta::days(30), "octo-dev", "Only look at what arrives (#40)", changes));
    insert(&mut landings, free_removed(TimeDelta::hours(5)));
    landings
}

/// The free is still there, and the last day is innocent.
pub(super) fn innocent() -> Vec<Landing> {
    let mut landings = beginnings();
    landings.extend(last_day());
    landings
}

/// The landing at fault. What it says is what its author believed.
fn free_removed(before: TimeDelta) -> Landing {
    Landing {
        body: "process_work() is going to hand its buffer on to the writer, so the\ncaller must not release it any more.",
        ..landing(before, "octo-dev", FREE_REMOVED, vec![Edit("worker.c", FREEING, LEAKING)])
    }
}

/// From the first commit to a week before the incident.
fn beginnings() -> Vec<Landing> {
    let first = WORKER
        .replace(LEAKING, FREEING)
        .replace("#define PAUSE_MICROSECONDS 200000", "#define PAUSE_MICROSECONDS 1000000")
        .replace("    if (buffer == NULL)\n        return;\n", "");
    let days = TimeDelta::days;
    vec![
        landing(
            days(200),
            "octo-dev",
            "Add the worker",
            vec![
                Write("worker.c", first),
                Write("README.md", README.to_owned()),
                Write("Makefile", MAKEFILE.to_owned()),
            ],
        ),
        landing(days(198), "octo-build", "Build an image (#3)", vec![Write("Dockerfile", DOCKERFILE.to_owned())]),
        Landing {
            shape: Shape::Merge,
            ..landing(
                days(190),
                "octo-build",
                "Deploy to the cluster (#5)",
                vec![Write("k8s/deployment.yaml", DEPLOYMENT.replace("64Mi", "128Mi"))],
            )
        },
        landing(
            days(171),
            "oncall-engineer",
            "Survive a failed allocation (#9)",
            vec![Edit(
                "worker.c",
                "static void process_work(char *buffer)\n{\n",
                "static void process_work(char *buffer)\n{\n    if (buffer == NULL)\n        return;\n",
            )],
        ),
        landing(
            days(140),
            "octo-dev",
            "Look for work five times a second (#14)",
            vec![Edit("worker.c", "PAUSE_MICROSECONDS 1000000", "PAUSE_MICROSECONDS 200000")],
        ),
        landing(
            days(121),
            "oncall-engineer",
            "Halve the memory limit: one buffer is 10 MB (#22)",
            vec![Edit("k8s/deployment.yaml", "memory: \"128Mi\"", "memory: \"64Mi\"")],
        ),
        landing(
            days(60),
            "octo-build",
            "Page when the worker is killed (#38)",
            vec![Write("k8s/alerts.yaml", ALERTS.to_owned())],
        ),
        landing(
            days(8),
            "octo-docs",
            "Say how to look at the logs (#44)",
            vec![Edit(
                "README.md",
                "with a memory limit of 64 MiB\n",
                "with a memory limit of 64 MiB\n\nIts log: `kubectl logs -f deployment/worker-deployment`.\n",
            )],
        ),
    ]
}

/// The day before the incident: four landings that have nothing to do with it.
fn last_day() -> Vec<Landing> {
    let hours = TimeDelta::hours;
    vec![
        landing(
            hours(21),
            "octo-docs",
            "Add a runbook (#47)",
            vec![Write(
                "docs/runbook.md",
                "# Runbook\n\nRestart: `kubectl rollout restart deployment/worker-deployment`.\n".into(),
            )],
        ),
        landing(
            hours(9),
            "octo-build",
            "Clean before an image is built (#48)",
            vec![Edit("Makefile", "build:\n\tminikube", "build: clean\n\tminikube")],
        ),
        landing(
            hours(3),
            "octo-docs",
            "Say who answers pages (#50)",
            vec![Edit("docs/runbook.md", "# Runbook\n\n", "# Runbook\n\nPages go to the platform team.\n\n")],
        ),
        landing(
            hours(2),
            "octo-build",
            "Label the deployment with its team (#51)",
            vec![Edit(
                "k8s/deployment.yaml",
                "  labels:\n    app: worker\nspec:",
                "  labels:\n    app: worker\n    team: platform\nspec:",
            )],
        ),
    ]
}

fn landing(before: TimeDelta, author: &'static str, subject: &'static str, changes: Vec<Change>) -> Landing {
    Landing { before, author, subject, body: "", changes, shape: Shape::Squash }
}

/// Puts a landing where its time says.
fn insert(landings: &mut Vec<Landing>, landing: Landing) {
    let at = landings.iter().position(|other| other.before < landing.before).unwrap_or(landings.len());
    landings.insert(at, landing);
}
