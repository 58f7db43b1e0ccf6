//! Random numbers that a seed brings back (SplitMix64, Steele et al. 2014), and content made of them.

use std::time::Duration;

#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub(super) fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least + 1))
    }

    /// 32 hexadecimal digits.
    pub(super) fn key(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// Content that no other call makes.
    pub(super) fn content(&mut self, sizes: &[usize]) -> Content {
        let length = self.pick(sizes);
        Content { seed: self.next(), length }
    }
}

/// What somebody uploads: known by its seed, so that any number of versions cost no memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Content {
    seed: u64,
    pub(super) length: usize,
}

impl Content {
    pub(super) fn bytes(self) -> Vec<u8> {
        let mut random = Random::seeded(self.seed);
        let mut bytes = Vec::with_capacity(self.length + 8);
        while bytes.len() < self.length {
            bytes.extend(random.next().to_le_bytes());
        }
        bytes.truncate(self.length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_brings_the_same_numbers_back() {
        // The first numbers of the reference implementation for this seed.
        let mut random = Random::seeded(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let content = random.content(&[11]);
        assert_eq!((content.bytes().len(), content.bytes() == content.bytes()), (11, true));
    }
}
