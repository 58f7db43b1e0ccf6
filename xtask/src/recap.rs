//! The lines of a program's output that explain a failure, for the summary at the end of a long run. Pure.

use std::collections::VecDeque;

const LINES_MAX: usize = 80;
const AFTER: usize = 6;
const TAIL: usize = 15;

/// The lines that name a failure with those after them, or the last lines where none does.
#[derive(Default)]
pub(crate) struct Excerpt {
    named: Vec<String>,
    /// How many more lines are kept after the last one that named a failure.
    wanted: usize,
    tail: VecDeque<String>,
}

impl Excerpt {
    pub(crate) fn push(&mut self, line: &str) {
        if names_a_failure(line) {
            self.wanted = AFTER + 1;
        }
        if self.wanted > 0 && self.named.len() < LINES_MAX {
            self.wanted -= 1;
            self.named.push(line.to_owned());
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }

    pub(crate) fn lines(self) -> Vec<String> {
        if self.named.is_empty() { self.tail.into() } else { self.named }
    }
}

/// In the words of cargo's test runner, the compiler, rustfmt, Playwright, libFuzzer and `bench`.
fn names_a_failure(line: &str) -> bool {
    let line = line.trim_start();
    ["error:", "error[", "Error:", "Diff in ", "✘ "].iter().any(|start| line.starts_with(start))
        || line.ends_with("FAILED")
        || line.contains("panicked at ")
        || line.contains("SUMMARY: ")
        || line.contains(": NOT MET")
}

#[cfg(test)]
mod tests {
    use super::{AFTER, Excerpt, LINES_MAX, TAIL};

    fn excerpt<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut kept = Excerpt::default();
        lines.into_iter().for_each(|line| kept.push(line));
        kept.lines()
    }

    #[test]
    fn a_line_that_names_a_failure_is_kept_with_those_after_it() {
        let mut output = vec!["test a ... ok"; 100];
        output[50] = "test uploads::b ... FAILED";
        let kept = excerpt(output);
        assert_eq!(kept.len(), 1 + AFTER);
        assert_eq!(kept[0], "test uploads::b ... FAILED");
    }

    #[test]
    fn failures_of_each_runner_are_recognised() {
        for line in [
            "thread 'x' panicked at src/lib.rs:3:5:",
            "error[E0308]: mismatched types",
            "error: test failed, to rerun pass `-p backend --lib`",
            "  ✘  12 tests/find.spec.ts:9:1 › one finds (3.1s)",
            "    Error: expect(locator).toBeVisible() failed",
            "Diff in /a/b.rs:1:",
            "SUMMARY: libFuzzer: deadly signal",
        ] {
            assert_eq!(excerpt(["before", line, "after"]), [line, "after"]);
        }
    }

    #[test]
    fn without_such_a_line_the_last_ones_are_kept() {
        let lines: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(excerpt(lines.iter().map(String::as_str)), lines[100 - TAIL..]);
    }

    #[test]
    fn an_excerpt_is_bounded() {
        assert_eq!(excerpt(vec!["error: again"; 10_000]).len(), LINES_MAX);
    }
}
