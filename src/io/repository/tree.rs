//! The files of one commit: their list and their contents.

use std::collections::HashMap;
use std::sync::Arc;

use super::objects::Object;
use super::{Repository, checked};
use crate::failure::Failure;
use crate::model::ids::{CommitSha, RepositoryPath};
use crate::model::landing::FileMode;

/// How many bytes the list of files may have. The largest public trees have about 400,000 files and list in 60 MB.
const LIST_LIMIT: u64 = 256 << 20;

/// A path in a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Where it is.
    pub path: RepositoryPath,
    /// Plain file, executable, symbolic link or submodule.
    pub mode: FileMode,
    /// The id of its content.
    pub blob: String,
}

/// What reading one path gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRead {
    /// Its content.
    Bytes(Vec<u8>),
    /// The commit has no such path.
    Absent,
    /// It is a symbolic link or a submodule, and has no content of its own.
    NotAFile,
    /// It is larger than asked for; its size in bytes.
    TooLarge(u64),
    /// The clone lacks its content.
    Unavailable,
}

impl Repository {
    /// Every path of the commit, sorted as git sorts. Read once per commit.
    pub fn files(&self, commit: &CommitSha) -> Result<Arc<Vec<TreeFile>>, Failure> {
        if let Some(files) = self.state().trees.get(commit) {
            return Ok(Arc::clone(files));
        }
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", checked(commit)?];
        let listed = self.git.output("list the files of a commit", arguments, None, LIST_LIMIT)?;
        let files = Arc::new(String::from_utf8_lossy(&listed).split_terminator('\0').filter_map(entry).collect());
        self.state().trees.insert(commit.clone(), Arc::clone(&files));
        Ok(files)
    }

    /// The contents of the given paths at the commit, in the given order. Files larger than `limit` bytes are not read.
    ///
    /// In a private clone, contents that are not here yet are fetched in one request.
    pub fn read_files(
        &self,
        commit: &CommitSha,
        paths: &[RepositoryPath],
        limit: u64,
    ) -> Result<Vec<(RepositoryPath, FileRead)>, Failure> {
        let files = self.files(commit)?;
        let by_path: HashMap<&str, &TreeFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
        let found: Vec<Option<&TreeFile>> = paths.iter().map(|path| by_path.get(path.as_str()).copied()).collect();
        let readable: Vec<&str> =
            found.iter().flatten().filter(|file| file.mode.is_file()).map(|file| file.blob.as_str()).collect();
        self.fetch_blobs(readable.iter().copied())?;
        let mut objects = self.read_objects(&readable, limit)?.into_iter();
        let read = found.into_iter().map(|file| match file {
            None => FileRead::Absent,
            Some(file) if !file.mode.is_file() => FileRead::NotAFile,
            Some(_) => match objects.next() {
                Some(Object::Found { bytes, .. }) => FileRead::Bytes(bytes),
                Some(Object::TooLarge { bytes }) => FileRead::TooLarge(bytes),
                Some(Object::Missing) | None => FileRead::Unavailable,
            },
        });
        Ok(paths.iter().cloned().zip(read).collect())
    }
}

/// `MODE TYPE ID` tab `PATH`.
fn entry(line: &str) -> Option<TreeFile> {
    let (meta, path) = line.split_once('\t')?;
    let mut words = meta.split_ascii_whitespace();
    let (mode, _type, blob) = (words.next()?, words.next()?, words.next()?);
    let mode = FileMode(u32::from_str_radix(mode, 8).ok()?);
    Some(TreeFile { path: RepositoryPath::new(path), mode, blob: blob.to_owned() })
}
