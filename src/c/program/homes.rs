//! Where files lie and which headers they include: of several bodies of one name, a file means the one that is nearer.

use crate::c::ir::FileId;
use crate::c::names::{Name, Set};

/// Where one file lies, and what it includes.
#[derive(Debug, Default)]
pub(in crate::c) struct Home {
    /// Its folder.
    folder: Name,
    /// Its name without the extension.
    stem: Name,
    /// The headers of the project that it includes, without folders and extensions.
    includes: Set<Name>,
}

impl Home {
    /// The home of a file with a text.
    pub(in crate::c) fn new(path: &str, text: &str) -> Home {
        let (folder, _) = path.rsplit_once('/').unwrap_or_default();
        Home {
            folder: Name::of(folder),
            stem: Name::of(stem(path)),
            includes: text.lines().filter_map(included).collect(),
        }
    }
}

/// A file's name without folders and extension.
fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// The header that a line includes between quotes.
fn included(line: &str) -> Option<Name> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?;
    let (path, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(Name::of(stem(path)))
}

/// How near a file is to another that uses it: best where it includes the header of the same name, then in the same folder.
pub(super) fn nearness(homes: &[Home], user: FileId, used: FileId) -> u8 {
    let (Some(user), Some(used)) = (homes.get(user.0 as usize), homes.get(used.0 as usize)) else { return 0 };
    match (user.includes.contains(&used.stem), user.folder == used.folder) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_nearest_to_those_whose_headers_it_includes() {
        let user = Home::new("src/user.c", "#include <list.h>\n # include \"lib/one-list.h\"\n");
        let homes = [user, Home::new("lib/one-list.c", ""), Home::new("src/list.c", ""), Home::new("lib/list.c", "")];
        let near = [1, 2, 3].map(|used| nearness(&homes, FileId(0), FileId(used)));
        assert_eq!(near, [2, 1, 0]);
        assert_eq!(nearness(&homes, FileId(0), FileId(9)), 0);
    }
}
