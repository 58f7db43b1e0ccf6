//! What failed, said once more at the very end: of a long run, often only the last lines are still at hand. Pure.

use std::collections::VecDeque;

const LINES_MAX: usize = 80;
const AFTER: usize = 6;
const TAIL: usize = 15;

/// Of all that a program prints, what a person would look for once it failed: the lines that name a failure with
/// those after them, or the last ones where none does.
#[derive(Default)]
pub(crate) struct Excerpt {
    named: Vec<String>,
    /// How many lines still belong to the last that named one.
    wanted: usize,
    tail: VecDeque<String>,
}

impl Excerpt {
    pub(crate) fn hear(&mut self, line: &str) {
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

/// As cargo's test runner, the compiler, rustfmt and Playwright word it.
fn names_a_failure(line: &str) -> bool {
    let line = line.trim_start();
    ["error:", "error[", "Error:", "Diff in ", "✘ "].iter().any(|start| line.starts_with(start))
        || line.ends_with("FAILED")
        || line.contains("panicked at ")
        || line.contains("SUMMARY: ")
}

#[cfg(test)]
mod tests {
    use super::{AFTER, Excerpt, LINES_MAX, TAIL};

    fn heard<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut excerpt = Excerpt::default();
        lines.into_iter().for_each(|line| excerpt.hear(line));
        excerpt.lines()
    }

    #[test]
    fn what_names_a_failure_is_kept_with_what_follows_it() {
        let mut output = vec!["test a ... ok"; 100];
        output[50] = "test uploads::b ... FAILED";
        let kept = heard(output);
        assert_eq!(kept.len(), 1 + AFTER);
        assert_eq!(kept[0], "test uploads::b ... FAILED");
    }

    #[test]
    fn each_runner_s_way_to_name_it_is_known() {
        for line in [
            "thread 'x' panicked at src/lib.rs:3:5:",
            "error[E0308]: mismatched types",
            "error: test failed, to rerun pass `-p backend --lib`",
            "  ✘  12 tests/find.spec.ts:9:1 › one finds (3.1s)",
            "    Error: expect(locator).toBeVisible() failed",
            "Diff in /a/b.rs:1:",
            "SUMMARY: libFuzzer: deadly signal",
        ] {
            assert_eq!(heard(["before", line, "after"]), [line, "after"]);
        }
    }

    #[test]
    fn where_nothing_is_named_the_last_lines_tell() {
        let lines: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(heard(lines.iter().map(String::as_str)), lines[100 - TAIL..]);
    }

    #[test]
    fn no_output_is_too_long() {
        assert_eq!(heard(vec!["error: again"; 10_000]).len(), LINES_MAX);
    }
}
