//! Counts of tests, read from the closing lines of test runners. Pure.

use std::ops::AddAssign;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    pub(crate) const PASS: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAIL: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(crate) const SKIP: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// Reads cargo's `test result: ok. 3 passed; 0 failed; …` and the plain `word: 3 passed, 0 failed`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let plain = without_colours(line);
        let text = plain.trim();
        let text = match text.strip_prefix("test result: ") {
            Some(rest) => rest.split_once(". ")?.1,
            None => text.split_once(": ").filter(|(word, _)| !word.contains(' ')).map_or(text, |(_, rest)| rest),
        };
        let mut counts = Self::default();
        let mut seen_passed = false;
        for part in text.split([',', ';']) {
            let (number, word) = part.trim().split_once(' ')?;
            let Ok(number) = number.parse::<u64>() else { break };
            match word {
                "passed" => (counts.passed, seen_passed) = (number, true),
                "failed" => counts.failed = number,
                "ignored" | "skipped" => counts.skipped = number,
                _ => {}
            }
        }
        seen_passed.then_some(counts)
    }

    /// The result of a whole suite. A suite that counted nothing, or that failed without naming a test, counts as one failure.
    pub(crate) fn judged(self, ended_well: bool) -> Self {
        let silent = self.passed == 0 && self.failed == 0;
        let unexplained = !ended_well && self.failed == 0;
        if silent || unexplained { Self { failed: self.failed + 1, ..self } } else { self }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // An escape sequence ends at its first letter.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn check(line: &str, expected: Option<(u64, u64, u64)>) {
        let counts = expected.map(|(passed, failed, skipped)| Counts { passed, failed, skipped });
        assert_eq!(Counts::parse(line), counts, "{line}");
    }

    #[test]
    fn closing_lines_are_parsed() {
        check("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s", {
            Some((12, 0, 1))
        });
        check("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured", Some((1, 2, 0)));
        check("test result: \u{1b}[32mok\u{1b}[0m. 3 passed; 0 failed; 0 ignored", Some((3, 0, 0)));
        check("e2e: 4 passed, 1 failed, 2 skipped", Some((4, 1, 2)));
        check("7 passed, 0 failed", Some((7, 0, 0)));
    }

    #[test]
    fn other_lines_are_ignored() {
        for line in ["", "running 3 tests", "test a ... ok", "warning: 3 passed through", "3 files, 0 failed", "passed"]
        {
            check(line, None);
        }
    }

    #[test]
    fn a_silent_suite_and_an_unexplained_failure_count_as_failures() {
        assert_eq!(Counts::default().judged(true), Counts::FAIL);
        assert_eq!(Counts::PASS.judged(false), Counts { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(Counts::FAIL.judged(false), Counts::FAIL);
        assert_eq!(Counts::PASS.judged(true), Counts::PASS);
    }
}
