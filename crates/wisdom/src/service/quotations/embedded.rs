//! The embedded collection, which guarantees a quotation for each solved challenge.

use protocol::wisdom::messages::{Quotation, Source};

use super::answer;

/// One quotation per line: text, author and work, separated by bars. Lines with `#` are comments.
const TEXT: &str = include_str!("embedded.txt");

/// All quotations, in the order of the file. A test checks that there are some and that each can be sent.
pub(super) fn collection() -> Vec<Quotation> {
    lines().filter_map(|[quote, author, _]| answer::checked(quote, author, Source::Fallback).ok()).collect()
}

fn lines() -> impl Iterator<Item = [&'static str; 3]> {
    let parts = |line: &'static str| {
        let mut parts = line.splitn(3, '|').map(str::trim);
        [(); 3].map(|()| parts.next().unwrap_or_default())
    };
    TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(parts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_line_has_a_text_an_author_and_a_work() {
        let lines: Vec<_> = lines().collect();
        assert!(lines.len() >= 50, "{}", lines.len());
        for parts in &lines {
            assert!(parts.iter().all(|part| !part.is_empty() && !part.contains('|')), "{parts:?}");
            assert!(parts[0].len() <= 400, "the text is too long: {parts:?}");
        }
        let texts: BTreeSet<&str> = lines.iter().map(|parts| parts[0]).collect();
        assert_eq!(texts.len(), lines.len(), "a text occurs twice");
        let collection = collection();
        assert_eq!(collection.len(), lines.len(), "a quotation cannot be sent");
        assert!(collection.iter().all(|quotation| quotation.source == Source::Fallback));
    }
}
