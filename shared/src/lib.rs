//! Types that cross a boundary.
