//! Numbered steps with the seconds since the start, so that a person sees where the time goes, and what failed in them.

use std::{process::Command, time::Instant};

use crate::{
    child::{self, Show},
    counts::Counts,
    recap::Excerpt,
    repo::{Outcome, Repo},
};

pub(crate) struct Steps {
    started: Instant,
    number: u32,
    failures: Vec<(String, Vec<String>)>,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), number: 0, failures: Vec::new() }
    }

    pub(crate) fn step(&mut self, title: &str) {
        self.number += 1;
        println!("[{}] {title} (at {} s)", self.number, self.started.elapsed().as_secs());
    }

    pub(crate) fn note(&self, text: &str) {
        println!("    {text} (at {} s)", self.started.elapsed().as_secs());
    }

    /// Runs a program of which the end is the verdict.
    pub(crate) fn check(&mut self, repo: &Repo, title: &str, command: &mut Command) -> Outcome<Counts> {
        let mut excerpt = Excerpt::default();
        let fine = child::watch(repo, title, command, Show::Pulse, |line| excerpt.hear(line))?;
        Ok(self.judge(title, fine, excerpt.lines()))
    }

    /// Runs a suite of tests and adds up what its runners say at the end.
    pub(crate) fn suite(&mut self, repo: &Repo, title: &str, command: &mut Command) -> Outcome<Counts> {
        let mut counts = Counts::default();
        let mut excerpt = Excerpt::default();
        let ended_well = child::watch(repo, title, command, Show::Lines, |line| {
            excerpt.hear(line);
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

    /// A chore of our own, which says in one sentence why it failed.
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

    /// Says all failures once more.
    pub(crate) fn recap(&self) {
        for (title, lines) in &self.failures {
            println!("FAILED: {title}");
            for line in lines {
                println!("    | {line}");
            }
        }
    }
}
