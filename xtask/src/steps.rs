//! The numbered steps of a command, with what each took and what failed in it.

use std::{
    process::{self, Command},
    time::Instant,
};

use crate::{
    child::{self, Show},
    counts::Counts,
    recap::Excerpt,
    repo::{Outcome, Repo},
    stop,
};

pub(crate) struct Steps {
    started: Instant,
    /// Titles, and when each began.
    steps: Vec<(String, Instant)>,
    failures: Vec<(String, Vec<String>)>,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), steps: Vec::new(), failures: Vec::new() }
    }

    pub(crate) fn step(&mut self, title: &str) {
        self.steps.push((title.to_owned(), Instant::now()));
        println!("[{}] {title} (at {} s)", self.steps.len(), self.started.elapsed().as_secs());
    }

    pub(crate) fn note(&self, text: &str) {
        println!("    {text} (at {} s)", self.started.elapsed().as_secs());
    }

    /// Runs a program whose exit code is the result.
    pub(crate) fn check(&mut self, repo: &Repo, title: &str, command: &mut Command) -> Outcome<Counts> {
        let mut excerpt = Excerpt::default();
        let fine = child::watch(repo, title, command, Show::Pulse, |line| excerpt.push(line))?;
        Ok(self.judge(title, fine, excerpt.lines()))
    }

    /// Runs a suite of tests and adds up the closing lines of its runners.
    pub(crate) fn suite(&mut self, repo: &Repo, title: &str, command: &mut Command) -> Outcome<Counts> {
        let mut counts = Counts::default();
        let mut excerpt = Excerpt::default();
        let ended_well = child::watch(repo, title, command, Show::Lines, |line| {
            excerpt.push(line);
            if let Some(more) = Counts::parse(line) {
                counts += more;
            }
        })?;
        let counts = counts.judged(ended_well);
        if counts.failed > 0 {
            self.failures.push((title.to_owned(), excerpt.lines()));
        }
        Ok(counts)
    }

    /// Counts the outcome of a check that runs in this process.
    pub(crate) fn verdict(&mut self, title: &str, outcome: Outcome<()>) -> Counts {
        let words = outcome.err().map(|failure| failure.to_string());
        if let Some(words) = &words {
            println!("    {words}");
        }
        self.judge(title, words.is_none(), words.into_iter().collect())
    }

    fn judge(&mut self, title: &str, fine: bool, words: Vec<String>) -> Counts {
        println!("    {title}: {}", if fine { "ok" } else { "FAILED" });
        if fine {
            return Counts::PASS;
        }
        self.failures.push((title.to_owned(), words));
        Counts::FAIL
    }

    /// Prints what each step took, the failures again, and last the line with the result of all tests; ends the process
    /// with exit code 1 if one failed.
    pub(crate) fn close(&self, outcome: Outcome<Counts>) -> Outcome<()> {
        stop::or_go_on();
        let counts = outcome.unwrap_or_else(|failure| {
            eprintln!("xtask: {failure}");
            Counts::FAIL
        });
        self.print_times();
        self.print_failures();
        if counts.skipped > 0 {
            println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
        } else {
            println!("{} passed, {} failed", counts.passed, counts.failed);
        }
        if counts.failed > 0 { process::exit(1) } else { Ok(()) }
    }

    fn print_times(&self) {
        let now = Instant::now();
        let ends = self.steps.iter().skip(1).map(|(_, began)| *began).chain([now]);
        for ((title, began), end) in self.steps.iter().zip(ends) {
            println!("{:>6} s  {title}", (end - *began).as_secs());
        }
        println!("{:>6} s  in all", (now - self.started).as_secs());
    }

    fn print_failures(&self) {
        for (title, lines) in &self.failures {
            println!("FAILED: {title}");
            for line in lines {
                println!("    | {line}");
            }
        }
    }
}
