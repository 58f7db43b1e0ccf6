//! Words that a reader has to guess at stay out of comments, documents, messages and names.

use super::{problem::Problem, table, tree::Tree};

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, text) in &tree.texts {
        let allowed = |word: &str| {
            table::WORD_EXCEPTIONS.iter().any(|(place, words)| file.starts_with(place) && words.contains(&word))
        };
        for word in found(file).into_iter().filter(|word| !allowed(word)) {
            problems.push(Problem::at(file, 1, format!("\"{word}\" is a banned word, and part of the file's name")));
        }
        if !contains_any(&text.to_lowercase()) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in found(line).into_iter().filter(|word| !allowed(word)) {
                problems.push(Problem::at(file, number + 1, format!("\"{word}\" is a banned word")));
            }
        }
    }
    problems
}

/// A quick look at a whole file: most are clean.
fn contains_any(lower: &str) -> bool {
    table::WORDS.iter().chain(table::PHRASES).any(|banned| lower.contains(banned))
}

/// The banned words and phrases of a line.
fn found(line: &str) -> Vec<&'static str> {
    let words = words(line);
    let lower = line.to_lowercase();
    let single = table::WORDS.iter().copied().filter(|banned| words.iter().any(|word| word == banned));
    let phrases = table::PHRASES.iter().copied().filter(|phrase| lower.contains(phrase));
    single.chain(phrases).collect()
}

/// In lower case; the parts of `snake_case` and `CamelCase` names count as words.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in line.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        after_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::{Tree, check, words};

    fn sentences(file: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(file, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn banned_words_are_refused_in_comments_messages_documents_and_names() {
        for text in
            ["/// Nobody reads it.", "\"nobody is there\"", "Ask nobody.", "fn told_nobody()", "struct NobodyHome;"]
        {
            assert!(sentences("a.rs", text).iter().any(|sentence| sentence.contains("\"nobody\"")), "{text}");
        }
        assert_eq!(sentences("a.md", "Once\nThe same, but slower."), ["a.md:2: \"the same,\" is a banned word"]);
    }

    #[test]
    fn a_banned_word_in_the_name_of_a_file_is_refused() {
        assert_eq!(sentences("a/nobody_home.rs", "").len(), 1);
    }

    #[test]
    fn other_words_that_contain_a_banned_one_are_accepted() {
        assert_eq!(sentences("a.md", "Indeed, the same file."), Vec::<String>::new());
        assert_eq!(words("aNameOf_things HTTPServer"), ["a", "name", "of", "things", "httpserver"]);
    }
}
