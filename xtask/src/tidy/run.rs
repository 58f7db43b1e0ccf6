//! Reads the tree, applies every rule, and reports.

use super::{cycles, decoding, documents, files, imports, problem::Problem, rows, tree::Tree, unreached, words};
use crate::repo::{Failure, Outcome, Repo};

/// # Errors
/// Every violation, one a line.
pub(crate) fn tidy(repo: &Repo) -> Outcome<()> {
    let problems = problems(repo)?;
    if problems.is_empty() {
        return Ok(());
    }
    let lines: String = problems.iter().map(|problem| format!("\n    {problem}")).collect();
    Err(Failure(format!("tidy found {} violation(s){lines}", problems.len())))
}

fn problems(repo: &Repo) -> Outcome<Vec<Problem>> {
    let tree = Tree::read(repo)?;
    let mut problems = files::check_first_lines(&tree);
    problems.extend(files::check_sizes(repo));
    problems.extend(imports::check(&tree));
    problems.extend(cycles::check(&tree));
    problems.extend(unreached::check(&tree.sources));
    problems.extend(rows::check(&tree));
    problems.extend(decoding::check(&tree));
    problems.extend(documents::check(&tree));
    problems.extend(words::check(&tree));
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::{Repo, problems};

    #[test]
    fn the_tree_is_tidy() {
        let found: Vec<String> = problems(&Repo::here()).unwrap().iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
