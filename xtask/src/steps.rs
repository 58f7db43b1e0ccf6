//! Numbered steps with the seconds since the start, so that a person sees where the time goes.

use std::time::Instant;

pub(crate) struct Steps {
    started: Instant,
    number: u32,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), number: 0 }
    }

    pub(crate) fn step(&mut self, title: &str) {
        self.number += 1;
        println!("[{}] {title} (at {} s)", self.number, self.started.elapsed().as_secs());
    }

    pub(crate) fn note(&self, text: &str) {
        println!("    {text} (at {} s)", self.started.elapsed().as_secs());
    }
}
