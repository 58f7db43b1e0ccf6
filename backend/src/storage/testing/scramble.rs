//! A pseudo-random function, so that a seed always gives the same faults.

/// The mixing step of SplitMix64: each input bit flips half of the output bits.
pub(super) fn scramble(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
