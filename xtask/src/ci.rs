//! `ci`: whether a change may land. All of `check`, fuzzing, every test, and crashes, speed and load in small.

use crate::{
    bench, check,
    compiler::Compiler,
    counts::Counts,
    fuzz,
    repo::{Outcome, Repo},
    steps::Steps,
    test, tools,
};

/// Operations that the crash step interrupts: enough to notice a broken recovery.
const CRASHES: &str = "20";
/// For all fuzz targets at once: two minutes of work on two cores.
const FUZZ_SECONDS: u32 = 60;

pub(crate) fn ci(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let outcome = everything(repo, &mut steps);
    steps.close(outcome)
}

fn everything(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let browser = test::set_up(repo, steps, vec![tools::cargo_deny()], Compiler::Clippy)?;
    let mut total = check::lints(repo, steps)?;
    // With a warning, clippy compiles nothing that the tests could run.
    let compiler = if total.failed == 0 { Compiler::Clippy } else { Compiler::Rustc };
    total += check::all_but_lints(repo, steps)?;
    total += fuzzing(repo, steps)?;
    total += test::all(repo, steps, &browser, compiler)?;
    total += measurements(repo, steps)?;
    Ok(total)
}

fn fuzzing(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    steps.step("Building the fuzz targets");
    let mut total = steps.check(repo, "building the fuzz targets", &mut fuzz::build(repo)?)?;
    steps.step(&format!("Fuzzing for {FUZZ_SECONDS} s"));
    for (label, outcome) in fuzz::run(repo, FUZZ_SECONDS)? {
        total += steps.verdict(&label, outcome);
    }
    Ok(total)
}

/// With both programs that the host tests built: a few crashes, then speed and load in small. The last two check that
/// everything works, and every bound that is not one of speed.
fn measurements(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let mut total = Counts::default();
    if !cfg!(target_os = "linux") {
        return Ok(Counts { skipped: 3, ..total });
    }
    let program = repo.target("debug/passerelle").to_string_lossy().into_owned();
    for (title, name, option) in [
        ("crash", "crash", &["--count", CRASHES][..]),
        ("bench --quick", "speed", &["--quick"]),
        ("load --quick", "load", &["--quick"]),
    ] {
        steps.step(title);
        let arguments = [option, &["--program", &program]].concat();
        total += steps.check(repo, title, &mut bench::built(repo, name, &arguments))?;
    }
    Ok(total)
}
