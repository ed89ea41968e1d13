//! The repository as the rest of the program sees it, against real histories.

#[path = "repository/inverse.rs"]
mod inverse;
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "repository/stretch.rs"]
mod stretch;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use pagerduty_incident_responder::diagnose::further_back::{Deed, Lead, Origin};
use pagerduty_incident_responder::diagnose::suspects::StackPlace;
use pagerduty_incident_responder::failure::FailureKind;
use pagerduty_incident_responder::io::look_back;
use pagerduty_incident_responder::io::repository::{FileRead, LandingLimits, Remote, Repository};
use pagerduty_incident_responder::model::ids::{BranchName, CommitSha, RepositoryPath};
use pagerduty_incident_responder::model::landing::{Extent, Landing, Window};
use sandbox::{Sandbox, at};
use secrecy::SecretString;
use tempfile::TempDir;
use url::Url;

/// A day with everything that a landing can be: changed, renamed, executable, binary, oddly named, merged, retyped.
fn busy_day() -> Sandbox {
    let repo = Sandbox::new();
    repo.write("worker.c", "int main(void)\n{\n\treturn 0;\n}\n");
    repo.write("old name.txt", "one\ntwo\nthree\nfour\nfive\n");
    repo.write("link", "target\n");
    repo.write("README", "never changed\n");
    repo.commit(0, "Begin");
    repo.write("worker.c", "int main(void)\n{\n\treturn 1;\n}");
    repo.write("diff --git a\"b", "@@ -1 +1 @@\n\u{1}\n");
    repo.commit(10, "Answer with one (#7)\n\nBecause zero\nsays nothing.\n");
    repo.git(11, &["checkout", "--quiet", "-b", "side"]);
    repo.land(11, "side.c", "int side;\n", "Work on the side");
    repo.git(12, &["checkout", "--quiet", "main"]);
    repo.git(12, &["merge", "--quiet", "--no-ff", "-m", "Merge pull request #8 from octo-dev/side\n\nSide", "side"]);
    std::fs::rename(repo.path().join("old name.txt"), repo.path().join("new name.txt")).expect("renamed");
    std::fs::set_permissions(repo.path().join("new name.txt"), PermissionsExt::from_mode(0o755)).expect("executable");
    repo.write("logo.png", [0_u8, 1, 2, 255]);
    std::fs::remove_file(repo.path().join("link")).expect("removed");
    std::os::unix::fs::symlink("worker.c", repo.path().join("link")).expect("linked");
    repo.commit(13, "Move things");
    repo
}

fn day() -> Window {
    Window { from: at(1), until: at(24) }
}

/// A landing as text, without the ids that depend on git's version or the clock.
fn shown(landing: &Landing) -> String {
    let mut text = format!(
        "{} | {} | PR {:?} | {} parents\n",
        landing.subject,
        landing.author.email,
        landing.pull_request,
        landing.parents.len()
    );
    for change in &landing.changes {
        let mode = |mode: Option<_>| {
            mode.map_or("-".to_owned(), |m: pagerduty_incident_responder::model::landing::FileMode| {
                format!("{:o}", m.0)
            })
        };
        let from = change.old_path.as_ref().map(|path| format!(" from {path}")).unwrap_or_default();
        writeln!(
            text,
            "  {:?} {:?}{from} {} {} {:?}",
            change.status,
            change.path.as_str(),
            mode(change.old_mode),
            mode(change.new_mode),
            change.content
        )
        .expect("memory");
        for hunk in &change.hunks {
            writeln!(
                text,
                "    {},{} {},{} {:?}",
                hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines, hunk.text
            )
            .expect("memory");
        }
    }
    text
}

fn landings(repo: &Repository) -> Vec<Landing> {
    let head = repo.head(None).expect("a head");
    repo.landings(&head, day(), LandingLimits::default()).expect("landings").landings
}

#[test]
fn landings_carry_their_whole_difference() {
    let sandbox = busy_day();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let text: String = landings(&repo).iter().map(shown).collect();
    insta::assert_snapshot!(text, @r#"
    Move things | octo-dev@example.com | PR None | 1 parents
      TypeChanged "link" 100644 120000 Text
        1,1 0,0 "-target\n"
        0,0 1,1 "+worker.c\n"
      Added "logo.png" - 100644 Binary
      Renamed "new name.txt" from old name.txt 100644 100755 Text
    Merge pull request #8 from octo-dev/side | octo-dev@example.com | PR Some(8) | 2 parents
      Added "side.c" - 100644 Text
        0,0 1,1 "+int side;\n"
    Answer with one (#7) | octo-dev@example.com | PR Some(7) | 1 parents
      Added "diff --git a\"b" - 100644 Text
        0,0 1,2 "+@@ -1 +1 @@\n+\u{1}\n"
      Modified "worker.c" 100644 100644 Text
        1,4 1,4 " int main(void)\n {\n-\treturn 0;\n-}\n+\treturn 1;\n+}\n"
    "#);
}

#[test]
fn a_private_clone_sees_the_same_in_few_processes() {
    let sandbox = busy_day();
    let folder = TempDir::new().expect("a folder");
    let repo = cloned(&sandbox, &folder);
    let head = repo.head(None).expect("a head");
    let commits: Vec<CommitSha> = repo.stretch(&head, day(), None, None).expect("a stretch").landings;
    repo.prefetch(&head, &commits, |file| file.path.as_str().ends_with(".c")).expect("prefetched");
    let read = repo.landings_of(&commits, LandingLimits::default()).expect("landings").landings;
    assert_eq!(read, landings(&Repository::open(sandbox.path()).expect("it opens")));
    let read = repo.read_files(&head, &[RepositoryPath::new("worker.c")], 1000).expect("read");
    assert_eq!(read[0].1, FileRead::Bytes(b"int main(void)\n{\n\treturn 1;\n}".to_vec()));
    // version, clone, cat-file, rev-list, rev-list for the tip, ls-tree, listing, fetch, log
    assert_eq!(repo.processes(), 9);
    assert_eq!(missing_objects(&folder), 1, "only the blob that nobody asked for is not here");
}

/// How many objects of the clone's history are not in the clone.
fn missing_objects(folder: &TempDir) -> usize {
    let output = std::process::Command::new("git")
        .arg("--git-dir")
        .arg(folder.path().join("repository.git"))
        .args(["rev-list", "--objects", "--missing=print", "HEAD"])
        .output()
        .expect("git");
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with('?')).count()
}

fn cloned(sandbox: &Sandbox, folder: &TempDir) -> Repository {
    let address = Url::from_file_path(sandbox.path()).expect("an address");
    let remote = Remote { address, branch: Some(BranchName::new("main")), token: None };
    Repository::clone_from(&remote, folder.path()).expect("cloned")
}

#[test]
fn a_foreign_configuration_changes_nothing_and_nothing_is_written() {
    let sandbox = busy_day();
    let plain: String = landings(&Repository::open(sandbox.path()).expect("it opens")).iter().map(shown).collect();
    for (key, value) in [
        ("diff.external", "false"),
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.context", "0"),
        ("diff.renames", "false"),
        ("diff.suppressBlankEmpty", "true"),
        ("diff.algorithm", "patience"),
        ("log.showSignature", "true"),
        ("log.date", "relative"),
        ("format.pretty", "oneline"),
        ("core.quotePath", "false"),
        ("i18n.logOutputEncoding", "latin1"),
    ] {
        sandbox.git(0, &["config", key, value]);
    }
    let before = listing(sandbox.path());
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let decorated: String = landings(&repo).iter().map(shown).collect();
    assert_eq!(plain, decorated);
    repo.files(&repo.head(None).expect("a head")).expect("listed");
    assert_eq!(before, listing(sandbox.path()), "the folder was only read");
}

/// Every file below a folder with its size and time of change.
fn listing(folder: &std::path::Path) -> Vec<(std::path::PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let meta = entry.metadata().expect("metadata");
        if meta.is_dir() {
            found.extend(listing(&entry.path()));
        } else {
            found.push((entry.path(), meta.len(), meta.modified().expect("a time")));
        }
    }
    found.sort();
    found
}

#[test]
fn nothing_outside_of_the_window_or_the_branch_is_read() {
    let sandbox = busy_day();
    let head = sandbox.git(0, &["rev-parse", "main"]).trim().to_owned();
    sandbox.git(14, &["checkout", "--quiet", "-b", "elsewhere"]);
    let stray = sandbox.land(14, "stray.c", "int stray;\n", "Stray");
    sandbox.git(14, &["checkout", "--quiet", "main"]);
    let future = sandbox.land(30, "worker.c", "fixed\n", &format!("Repair\n\nFixes: {head}"));
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let subjects: Vec<String> = landings(&repo).into_iter().map(|landing| landing.subject).collect();
    assert_eq!(subjects, ["Move things", "Merge pull request #8 from octo-dev/side", "Answer with one (#7)"]);

    let unknown = CommitSha::new("0123456789012345678901234567890123456789");
    let named = [CommitSha::new(head), stray.clone(), future.clone(), unknown.clone()];
    let mut seen = Vec::new();
    let tip = repo.head(None).expect("a head");
    let gaps = repo
        .named_landings(&tip, &named, at(24), LandingLimits::default(), |landing| seen.push(landing.subject))
        .expect("read");
    assert_eq!(seen, ["Move things", "Stray"], "what is named is read, but never the future");
    let why: Vec<&str> = gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "it is later than the incident",
            "the repository does not have it",
            "the branch does not reach it; it is ranked because it was named"
        ]
    );
}

#[test]
fn limits_are_told() {
    let sandbox = busy_day();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let head = repo.head(None).expect("a head");
    let few = LandingLimits { landings: 1, ..LandingLimits::default() };
    let read = repo.landings(&head, day(), few).expect("read");
    assert_eq!((read.landings.len(), read.gaps.len()), (1, 1));
    let short = LandingLimits { bytes_each: 20, ..LandingLimits::default() };
    let read = repo.landings(&head, day(), short).expect("read");
    assert_eq!(read.landings[2].extent, Extent::Cut);
    assert_eq!(read.landings[2].changes.len(), 2, "every changed path is still named");
    assert!(read.gaps.iter().any(|gap| gap.why.contains("larger than the limit")));
}

#[test]
fn a_shallow_end_is_not_a_landing_that_wrote_the_whole_tree() {
    let sandbox = busy_day();
    let folder = TempDir::new().expect("a folder");
    let address = Url::from_file_path(sandbox.path()).expect("an address");
    sandbox.git(0, &["clone", "--quiet", "--depth=1", address.as_str(), folder.path().to_str().expect("text")]);
    let repo = Repository::open(folder.path()).expect("it opens");
    let landings = landings(&repo);
    assert_eq!(landings.len(), 1);
    assert_eq!((landings[0].extent, landings[0].changes.len()), (Extent::Unknown, 0));
}

#[test]
fn a_file_tells_who_wrote_its_lines_and_when_a_text_went() {
    let sandbox = Sandbox::new();
    let first = sandbox.land(0, "worker.c", "use(buffer);\nfree(buffer);\n", "Begin");
    let second = sandbox.land(5, "worker.c", "use(buffer);\n", "Tidy up");
    let third = sandbox.land(9, "worker.c", "// note\nuse(buffer);\n", "Explain");
    for folder in [None, Some(TempDir::new().expect("a folder"))] {
        let repo = match &folder {
            None => Repository::open(sandbox.path()).expect("it opens"),
            Some(folder) => cloned(&sandbox, folder),
        };
        let path = RepositoryPath::new("worker.c");
        let history = repo.file_history(&third, &path, 10).expect("a history");
        assert_eq!(history.gap, None);
        let found = repo.pickaxe(&history, "free(buffer)").expect("searched");
        assert_eq!(found.iter().map(|it| &it.revision.commit).collect::<Vec<_>>(), [&second, &first]);
        let lines = repo.blame(&third, &history, (1, 2)).expect("blamed");
        assert_eq!(lines.iter().map(|l| l.commit.as_ref()).collect::<Vec<_>>(), [Some(&third), Some(&first)]);

        let short = repo.file_history(&third, &path, 2).expect("a history");
        assert!(short.gap.is_some() && short.revisions.len() == 2);
        let lines = repo.blame(&third, &short, (2, 2)).expect("blamed");
        assert_eq!((lines[0].line, &lines[0].commit), (2, &None), "older than what was looked at");
        assert!(
            repo.is_ancestor(&first, &third).expect("compared") && !repo.is_ancestor(&third, &first).expect("compared")
        );
        assert_eq!(repo.newest_commit_by(&third, "octo-dev@example.com").expect("searched"), Some(third.clone()));
        assert_eq!(repo.newest_commit_by(&third, "nobody@example.com").expect("searched"), None);
    }
}

#[test]
fn contents_are_read_as_they_are() {
    let sandbox = busy_day();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let head = repo.head(Some(&BranchName::new("main"))).expect("a head");
    let paths = ["logo.png", "absent", "link", "new name.txt"].map(RepositoryPath::new);
    let read: Vec<FileRead> =
        repo.read_files(&head, &paths, 10).expect("read").into_iter().map(|(_, read)| read).collect();
    assert_eq!(
        read,
        [FileRead::Bytes(vec![0, 1, 2, 255]), FileRead::Absent, FileRead::NotAFile, FileRead::TooLarge(24)]
    );
}

#[test]
fn a_token_reaches_its_server_and_nobody_else() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/owner/name.git", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        // Git asks once with the header and, being refused, once more with what the silent prompt gave.
        let mut requests = listener.incoming().take(2).map(|stream| {
            let mut stream = stream.expect("a request");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).expect("a request");
            let refusal =
                "401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\nConnection: close";
            write!(stream, "HTTP/1.1 {refusal}\r\n\r\n").expect("an answer");
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (requests.next().expect("a request"), requests.next().is_some())
    });
    let folder = TempDir::new().expect("a folder");
    let token = SecretString::from("ghs_secret".to_owned());
    let remote = Remote { address: Url::parse(&address).expect("an address"), branch: None, token: Some(token) };
    assert!(!format!("{remote:?}").contains("ghs_secret"));
    let failure = Repository::clone_from(&remote, folder.path()).err().expect("refused");
    let (request, _) = server.join().expect("a request");
    assert!(request.contains("Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hzX3NlY3JldA=="), "{request}");
    assert_eq!(failure.kind, FailureKind::Peer);
    assert!(failure.remedy.contains("contents: read"), "{failure}");
    assert!(!failure.to_string().contains("secret"));
}

#[test]
fn refusals_say_what_to_do() {
    let folder = TempDir::new().expect("a folder");
    let refused = |address: &str| {
        let remote = Remote { address: Url::parse(address).expect("an address"), branch: None, token: None };
        Repository::clone_from(&remote, folder.path()).err().expect("refused")
    };
    assert_eq!(refused("https://user:pass@example.com/x").kind, FailureKind::Configuration);
    assert_eq!(refused("ssh://example.com/x").kind, FailureKind::Configuration);
    assert_eq!(refused("file:///does/not/exist").kind, FailureKind::Peer);
    let failure = Repository::open(folder.path()).err().expect("refused");
    assert!(failure.problem.ends_with("is not a git repository"), "{failure}");

    let sandbox = busy_day();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    for branch in ["absent", "-x", "a..b", "a:b", ""] {
        let failure = repo.head(Some(&BranchName::new(branch))).expect_err("no such branch");
        assert!(failure.problem.contains("no branch"), "{failure}");
    }
    let option = CommitSha::new("--output=/tmp/x");
    assert_eq!(repo.files(&option).expect_err("refused").kind, FailureKind::Configuration);
}

#[test]
fn a_line_on_the_stack_leads_to_who_wrote_it_long_ago_but_never_to_the_future() {
    let sandbox = Sandbox::new();
    let wrote = sandbox.land(0, "worker/process.py", "def process(job):\n    return job[\"retries\"]\n", "Begin");
    let longer =
        sandbox.land(5, "worker/process.py", "def process(job):\n    return job[\"retries\"]\n\nx = 1\n", "Longer");
    sandbox.land(90, "web/index.html", "<h1>Jobs</h1>\n", "Add a page");
    sandbox.land(101, "worker/process.py", "def process(job):\n    return job.get(\"retries\")\n", "Repair");
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let head = repo.head(None).expect("a head");
    let place = |line| StackPlace { file: RepositoryPath::new("worker/process.py"), line };
    let tip = |hours| {
        let window = Window::before(at(hours), 24);
        repo.stretch(&head, window, None, None).expect("a stretch").tip
    };
    let lead = Lead { places: vec![place(2), place(4), place(99)], names: vec!["retries".to_owned()] };
    let (origins, gaps) = look_back::origins(&repo, &tip(100).expect("a tip"), &lead);
    let commits: Vec<&CommitSha> = origins.iter().map(|origin| &origin.landing.commit).collect();
    assert_eq!(commits, [&wrote, &longer]);
    assert!(gaps.len() == 1 && gaps[0].what.contains("line 99"), "{gaps:?}");
    assert_eq!(tip(-1), None, "the branch was not there yet");
}

#[test]
fn a_name_that_is_gone_leads_to_who_took_the_last_of_it_out() {
    let sandbox = Sandbox::new();
    sandbox.land(
        0,
        "process.py",
        "def parse(row):
    return row
parse(1)
late(2)
",
        "Begin",
    );
    sandbox.land(
        1,
        "process.py",
        "def parse(row):
    return row
late(2)
",
        "Use it once less",
    );
    let gone = sandbox.land(
        2,
        "process.py",
        "late(2)
",
        "Drop it",
    );
    sandbox.land(
        3,
        "process.py",
        "late(3)
",
        "Later",
    );
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let place = StackPlace { file: RepositoryPath::new("process.py"), line: 1 };
    let names = ["parse", "late", "never"].map(str::to_owned).to_vec();
    let lead = Lead { places: vec![place], names };
    let (origins, gaps) = look_back::origins(&repo, &repo.head(None).expect("a head"), &lead);
    let took = |origin: &Origin| matches!(&origin.deed, Deed::TookOut { name, left: 0 } if name == "parse");
    let removals: Vec<&CommitSha> = origins.iter().filter(|it| took(it)).map(|it| &it.landing.commit).collect();
    assert_eq!((removals, origins.len()), (vec![&gone], 2), "{origins:?}");
    assert!(gaps.is_empty(), "{gaps:?}");
}
