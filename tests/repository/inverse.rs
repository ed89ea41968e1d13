//! The inverse of a landing against `git revert`: the same tree, or a conflict for both.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pagerduty_incident_responder::io::repository::Repository;
use pagerduty_incident_responder::model::ids::CommitSha;
use pagerduty_incident_responder::model::rollback::{Inverse, InverseChange};
use tempfile::TempDir;

use super::sandbox::Sandbox;

/// What taking a landing back gives.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Tree(String),
    Conflict,
}

/// A clone with a work tree, in which `git revert` is tried and undone.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn of(repository: &Path, head: &CommitSha) -> Desk {
        let desk = Desk { folder: TempDir::new().expect("a folder") };
        let source = repository.display().to_string();
        desk.run(&["clone", "--quiet", "--shared", "--no-checkout", &source, "."], b"");
        desk.run(&["checkout", "--quiet", "--detach", head.as_str()], b"");
        desk
    }

    fn try_run(&self, arguments: &[&str], input: &[u8], index: Option<&str>) -> Output {
        use std::io::Write as _;
        let mut command = Command::new("git");
        command
            .current_dir(self.folder.path())
            .args(["-c", "user.name=octo-dev", "-c", "user.email=octo-dev@example.com"])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.mergeConflict=false"])
            .args(arguments)
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_EDITOR", "true")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.envs(index.map(|index| ("GIT_INDEX_FILE", index)));
        let mut child = command.spawn().expect("git starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("written");
        child.wait_with_output().expect("git ends")
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.try_run(arguments, input, None);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What git's own command makes of it.
    fn revert(&self, landing: &CommitSha, head: &CommitSha) -> Taken {
        let parents = self.run(&["rev-list", "--parents", "-1", landing.as_str()], b"");
        let mut arguments = vec!["revert", "--no-edit", "--no-commit"];
        if parents.split(' ').count() > 2 {
            arguments.extend(["-m", "1"]);
        }
        arguments.push(landing.as_str());
        let output = self.try_run(&arguments, b"", None);
        let taken = if output.status.success() {
            Taken::Tree(self.run(&["write-tree"], b""))
        } else {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("could not revert") || said.contains("after resolving"), "{landing}: {said}");
            Taken::Conflict
        };
        self.try_run(&["revert", "--quit"], b"", None);
        self.run(&["reset", "--quiet", "--hard", head.as_str()], b"");
        self.run(&["clean", "--quiet", "-ffdx"], b"");
        taken
    }

    /// The head's tree with the changes of an inverse.
    fn apply(&self, changes: &[InverseChange], head: &CommitSha) -> String {
        let index = self.folder.path().join(".git/other-index").display().to_string();
        let in_index = |arguments: &[&str], input: &[u8]| {
            let output = self.try_run(arguments, input, Some(&index));
            assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        in_index(&["read-tree", head.as_str()], b"");
        let mut list = String::new();
        for change in changes.iter().filter(|change| change.after.is_none()) {
            list += &format!("0 {}\t{}\0", "0".repeat(40), change.path);
        }
        for change in changes {
            if let Some(file) = &change.after {
                let blob = in_index(&["hash-object", "-w", "--stdin"], &file.contents);
                list += &format!("{:o} {blob}\t{}\0", file.mode.0, change.path);
            }
        }
        in_index(&["update-index", "-z", "--index-info"], list.as_bytes());
        in_index(&["write-tree"], b"")
    }

    fn ours(&self, repo: &Repository, landing: &CommitSha, head: &CommitSha) -> Taken {
        match repo.inverse(landing, head).expect("git runs") {
            Inverse::Clean(changes) => Taken::Tree(self.apply(&changes, head)),
            Inverse::Conflicts(paths) => {
                assert!(!paths.is_empty());
                Taken::Conflict
            }
            Inverse::Unknown(why) => panic!("{landing}: {why}"),
        }
    }
}

fn lines(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// Landings of every kind, and a head at which some of them can be taken back and some cannot.
fn history() -> (Sandbox, Vec<CommitSha>, CommitSha) {
    let repo = Sandbox::new();
    let long = lines(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]);
    repo.write("main.txt", &long);
    repo.write("moved.txt", lines(&["one", "two", "three", "four", "five", "six"]));
    repo.write("run.sh", "echo one\n");
    repo.write("gone.txt", "here\n");
    repo.write("union.log", "first\n");
    repo.write(".gitattributes", "*.log merge=union\n");
    repo.commit(0, "Begin");
    let mut landings = vec![
        repo.land(1, "main.txt", &long.replace("b\n", "B\n"), "Change a line"),
        repo.land(2, "new.txt", "new\n", "Add a file"),
    ];
    std::fs::remove_file(repo.path().join("gone.txt")).expect("removed");
    landings.push(repo.commit(3, "Remove a file"));
    std::fs::set_permissions(repo.path().join("run.sh"), PermissionsExt::from_mode(0o755)).expect("executable");
    landings.push(repo.commit(4, "Make it run"));
    std::os::unix::fs::symlink("main.txt", repo.path().join("link")).expect("linked");
    landings.push(repo.commit(5, "Add a link"));
    repo.git(6, &["checkout", "--quiet", "-b", "side"]);
    repo.land(6, "side/a.txt", "a\n", "One half");
    repo.land(7, "main.txt", &long.replace("b\n", "B\n").replace("k\n", "K\n"), "Other half");
    repo.git(8, &["checkout", "--quiet", "main"]);
    repo.land(8, "union.log", "first\nsecond\n", "Log");
    repo.git(9, &["merge", "--quiet", "--no-ff", "-m", "Merge pull request #9 from octo-dev/side", "side"]);
    landings.push(CommitSha::new(repo.git(9, &["rev-parse", "HEAD"]).trim()));
    landings.push(repo.land(10, "moved.txt", &lines(&["one", "2", "three", "four", "five", "six"]), "Before the move"));
    std::fs::create_dir_all(repo.path().join("deep")).expect("a folder");
    std::fs::rename(repo.path().join("moved.txt"), repo.path().join("deep/moved.txt")).expect("moved");
    landings.push(repo.commit(11, "Move a file"));
    landings.push(repo.land(12, "union.log", "first\nsecond\nthird\n", "Log more"));
    repo.write("binary", [0_u8, 1, 2]);
    landings.push(repo.commit(13, "Add bytes"));
    landings.push(repo.land(14, "main.txt", &long.replace("b\n", "BB\n").replace("k\n", "K\n"), "Change it again"));
    std::fs::remove_file(repo.path().join("link")).expect("removed");
    landings.push(repo.land(15, "link", "a file now\n", "Turn the link into a file"));
    landings.push(repo.land(16, "union.log", "first\nsecond\nthird\nfourth\n", "Log still more"));
    let head = landings.last().expect("landings").clone();
    (repo, landings, head)
}

#[test]
fn the_inverse_is_what_git_revert_gives() {
    let (sandbox, landings, head) = history();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let desk = Desk::of(sandbox.path(), &head);
    let mut conflicts = 0;
    for landing in &landings {
        let subject = sandbox.git(20, &["log", "-1", "--format=%s", landing.as_str()]);
        let (theirs, ours) = (desk.revert(landing, &head), desk.ours(&repo, landing, &head));
        assert_eq!(ours, theirs, "{subject}");
        conflicts += u32::from(ours == Taken::Conflict);
    }
    assert!((1..landings.len() as u32 - 5).contains(&conflicts), "{conflicts} conflicts");
    assert!(sandbox.git(20, &["status", "--porcelain"]).is_empty(), "the folder was only read");
}

#[test]
fn a_private_copy_gives_the_same_inverses() {
    let (sandbox, landings, head) = history();
    let folder = TempDir::new().expect("a folder");
    let (open, copy) = (Repository::open(sandbox.path()).expect("it opens"), super::cloned(&sandbox, &folder));
    for landing in &landings {
        let ours = copy.inverse(landing, &head).expect("git runs");
        assert_eq!(ours, open.inverse(landing, &head).expect("git runs"), "{landing}");
        assert!(!matches!(ours, Inverse::Unknown(_)), "{ours:?}");
    }
}

#[test]
fn nothing_is_taken_back_before_the_first_commit() {
    let sandbox = Sandbox::new();
    let first = sandbox.land(0, "a", "a\n", "Begin");
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let expected = Inverse::Unknown("nothing was there before the first commit".to_owned());
    assert_eq!(repo.inverse(&first, &first).expect("git runs"), expected);
}

#[test]
fn later_landings_on_the_same_files_and_reverts_are_found() {
    let (sandbox, landings, head) = history();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let later = repo.later(&landings[0], &head).expect("git runs");
    let subjects: Vec<&str> = later.on_same_files.iter().map(|(landing, _)| landing.subject.as_str()).collect();
    assert_eq!(subjects, ["Change it again", "Merge pull request #9 from octo-dev/side"]);
    assert!(later.reverts.is_empty() && !later.cut);
    sandbox.git(20, &["revert", "--no-edit", landings[1].as_str()]);
    let head = CommitSha::new(sandbox.git(20, &["rev-parse", "HEAD"]).trim());
    let later = repo.later(&landings[1], &head).expect("git runs");
    assert_eq!(later.reverts.len(), 1);
    assert_eq!(later.on_same_files.len(), 1, "a revert is a change of the same files as well");
}

/// Compares with `git revert` on a public history. `REVERT_REPOSITORY` names the clone, `REVERT_LANDINGS` how many landings
/// (200), and each is taken back at the landing `REVERT_DISTANCE` later (20).
#[test]
#[allow(clippy::print_stdout, reason = "the figures are what the test is run for")]
#[ignore = "it needs a large repository, which REVERT_REPOSITORY names"]
fn the_inverse_is_what_git_revert_gives_on_a_public_history() {
    let Some(path) = std::env::var_os("REVERT_REPOSITORY") else { return };
    let number =
        |name: &str, default: usize| std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(default);
    let (count, distance) = (number("REVERT_LANDINGS", 200), number("REVERT_DISTANCE", 20));
    let path = Path::new(&path);
    let repo = Repository::open(path).expect("it opens");
    let tip = repo.head(None).expect("a head");
    let desk = Desk::of(path, &tip);
    let most = format!("--max-count={}", count + distance);
    let listed = desk.run(&["rev-list", "--first-parent", &most, tip.as_str()], b"");
    let line: Vec<CommitSha> = listed.lines().map(CommitSha::new).collect();
    let (mut clean, mut conflicts, mut differing, mut merges) = (0, 0, Vec::new(), 0);
    for (landing, head) in line.iter().skip(distance).zip(&line) {
        desk.run(&["reset", "--quiet", "--hard", head.as_str()], b"");
        let (theirs, ours) = (desk.revert(landing, head), desk.ours(&repo, landing, head));
        merges += usize::from(desk.run(&["rev-list", "--parents", "-1", landing.as_str()], b"").split(' ').count() > 2);
        match &ours {
            Taken::Tree(_) => clean += 1,
            Taken::Conflict => conflicts += 1,
        }
        if ours != theirs {
            differing.push((landing.clone(), head.clone(), ours, theirs));
        }
    }
    println!("{clean} clean, {conflicts} conflicts, {merges} of them merges, {} differing", differing.len());
    assert!(differing.is_empty(), "{differing:#?}");
}
