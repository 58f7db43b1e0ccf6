//! The entry point of the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    frontend::app::mount();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is a web page: build it with `trunk build`, or let `cargo xtask run` do it");
}
