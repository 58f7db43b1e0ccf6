//! File content that is known by a seed, so that any number of expected versions costs no memory.

use crate::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Content {
    seed: u64,
    pub(crate) length: usize,
}

impl Content {
    /// New content of one of the lengths.
    pub(crate) fn random(random: &mut Random, lengths: &[usize]) -> Self {
        let length = random.pick(lengths);
        Self { seed: random.next(), length }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
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
    use super::{Content, Random};

    #[test]
    fn content_yields_equal_bytes_each_time() {
        let content = Content::random(&mut Random::seeded(1), &[11]);
        assert_eq!((content.bytes().len(), content.bytes() == content.bytes()), (11, true));
    }
}
