//! The collection that the server has with it, so that whoever has done the work gets a quotation in any case.

use protocol::wisdom::messages::{Quotation, Source};

use super::answer;

/// A quotation a line: the text, the author and the work between bars. Lines with `#` say where they are from.
const TEXT: &str = include_str!("embedded.txt");

/// All of them, in the order of the file. A test holds that there are some and that each can be given.
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
    fn each_line_is_a_quotation_with_its_author_and_work() {
        let lines: Vec<_> = lines().collect();
        assert!(lines.len() >= 50, "{}", lines.len());
        for parts in &lines {
            assert!(parts.iter().all(|part| !part.is_empty() && !part.contains('|')), "{parts:?}");
            assert!(parts[0].len() <= 400, "short, so that a frame is: {parts:?}");
        }
        let texts: BTreeSet<&str> = lines.iter().map(|parts| parts[0]).collect();
        assert_eq!(texts.len(), lines.len(), "one stands there twice");
        let collection = collection();
        assert_eq!(collection.len(), lines.len(), "one could not be given");
        assert!(collection.iter().all(|quotation| quotation.source == Source::Fallback));
    }
}
