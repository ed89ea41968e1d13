//! Line numbers.

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub struct Lines(Vec<u32>);

impl Lines {
    /// The lines of `text`.
    pub fn of(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1);
        Lines(std::iter::once(0).chain(ends).collect())
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: u32) -> u32 {
        self.0.partition_point(|start| *start <= at) as u32
    }

    /// The first byte of a line.
    pub fn start(&self, line: u32) -> u32 {
        self.0.get(line.saturating_sub(1) as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6].map(|at| lines.line(at)), [1, 1, 2, 2, 3, 4]);
        assert_eq!(lines.start(4), 6);
    }
}
