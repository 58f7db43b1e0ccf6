//! `wasm-bindgen` as trunk calls it, over the library that the bundler uses. Trunk's development loop then needs no other
//! build of wasm-bindgen.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lexopt::{Arg, Parser, ValueExt};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut bindgen = Bindgen::new();
    let (mut input, mut out) = (None, None);
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("version") => {
                println!("wasm-bindgen {}", wasm_bindgen_shared::version());
                return Ok(());
            }
            Arg::Long("target") => match parser.value()?.string()?.as_str() {
                "web" => _ = bindgen.web(true)?,
                "no-modules" => _ = bindgen.no_modules(true)?,
                other => bail!("target `{other}`: trunk loads the page's programs as `web` or `no-modules`"),
            },
            Arg::Long("out-dir") => out = Some(PathBuf::from(parser.value()?)),
            Arg::Long("out-name") => _ = bindgen.out_name(&parser.value()?.string()?),
            Arg::Long("keep-debug") => _ = bindgen.keep_debug(true),
            Arg::Long("no-demangle") => _ = bindgen.demangle(false),
            Arg::Long("no-typescript") => _ = bindgen.typescript(false),
            Arg::Value(path) if input.is_none() => input = Some(PathBuf::from(path)),
            other => return Err(other.unexpected().into()),
        }
    }
    let (Some(input), Some(out)) = (input, out) else { bail!("usage: wasm-bindgen --target=… --out-dir=… INPUT") };
    bindgen.input_path(&input).generate(out).with_context(|| input.display().to_string())
}
