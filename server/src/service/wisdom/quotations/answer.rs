//! What an outside source answers, in the forms that are common: an object, or an array of them.

use protocol::wisdom::frames::FRAME_BYTES_MAX;
use protocol::wisdom::messages::{QUOTE_BYTES_MAX, Quotation, Response, Source};
use serde_json::{Map, Value};

/// The longest name of an author, in bytes.
pub(super) const AUTHOR_BYTES_MAX: usize = 200;

/// How many objects of an array are looked at.
const OBJECTS_MAX: usize = 50;

/// Under what the text may stand.
const TEXT_KEYS: [&str; 6] = ["quote", "content", "q", "text", "quoteText", "body"];

/// Under what the author may stand.
const AUTHOR_KEYS: [&str; 4] = ["author", "a", "quoteAuthor", "name"];

/// Why what came is no quotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoQuotation {
    #[error("it is not JSON")]
    Json,
    #[error("it is neither an object nor an array of objects")]
    Form,
    #[error("no text stands where one is looked for")]
    NoText,
    #[error("its text is empty")]
    Empty,
    #[error("it has control characters")]
    Control,
    #[error("its text does not fit in {QUOTE_BYTES_MAX} bytes and a frame")]
    TooLong,
    #[error("its author has more than {AUTHOR_BYTES_MAX} bytes")]
    AuthorTooLong,
}

/// Reads the quotations of an answer, at least one. Of an array those count that are quotations.
///
/// # Errors
/// There is none; of an array it says what is wrong with the first.
pub(super) fn read(body: &[u8]) -> Result<Vec<Quotation>, NoQuotation> {
    match serde_json::from_slice(body).map_err(|_| NoQuotation::Json)? {
        Value::Object(object) => Ok(vec![quotation(&object)?]),
        Value::Array(values) => {
            let read = values.iter().take(OBJECTS_MAX).map(|value| match value {
                Value::Object(object) => quotation(object),
                _ => Err(NoQuotation::Form),
            });
            let (mut quotations, mut wrong) = (Vec::new(), None);
            for outcome in read {
                match outcome {
                    Ok(quotation) => quotations.push(quotation),
                    Err(error) => wrong = wrong.or(Some(error)),
                }
            }
            if quotations.is_empty() { Err(wrong.unwrap_or(NoQuotation::Form)) } else { Ok(quotations) }
        }
        _ => Err(NoQuotation::Form),
    }
}

/// Makes a quotation of a text and its author.
///
/// # Errors
/// It would be none that a client could be given.
pub(super) fn checked(quote: &str, author: &str, source: Source) -> Result<Quotation, NoQuotation> {
    let (quote, author) = (quote.trim(), author.trim());
    if quote.is_empty() {
        return Err(NoQuotation::Empty);
    }
    if quote.chars().chain(author.chars()).any(char::is_control) {
        return Err(NoQuotation::Control);
    }
    if quote.len() > QUOTE_BYTES_MAX {
        return Err(NoQuotation::TooLong);
    }
    if author.len() > AUTHOR_BYTES_MAX {
        return Err(NoQuotation::AuthorTooLong);
    }
    let author = if author.is_empty() { "unknown" } else { author };
    let mut quotation =
        Quotation { quote: quote.to_owned(), author: author.to_owned(), source: Source::Fallback };
    // As JSON a text can be twice as long; the name of the fallback is the longest.
    let mut frame = Vec::new();
    Response::Quote(quotation.clone()).encode(&mut frame);
    if frame.len() > FRAME_BYTES_MAX {
        return Err(NoQuotation::TooLong);
    }
    quotation.source = source;
    Ok(quotation)
}

fn quotation(object: &Map<String, Value>) -> Result<Quotation, NoQuotation> {
    let under = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key)?.as_str());
    let quote = under(&TEXT_KEYS).ok_or(NoQuotation::NoText)?;
    checked(quote, under(&AUTHOR_KEYS).unwrap_or_default(), Source::Api)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(body: &str) -> Vec<(String, String)> {
        read(body.as_bytes()).unwrap().into_iter().map(|read| (read.quote, read.author)).collect()
    }

    fn wrong(body: &str) -> NoQuotation {
        read(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn common_forms_are_read() {
        for body in [
            r#"{"quote":"Q","author":"A"}"#,
            r#"{"_id":"1","content":"Q","author":"A","tags":[]}"#,
            r#"[{"q":"Q","a":"A","h":"<b>Q</b>"}]"#,
            r#"{"quoteText":" Q ","quoteAuthor":"A\n"}"#,
            r#"{"body":"Q","name":"A"}"#,
            r#"[{"text":"Q","author":"A"}]"#,
        ] {
            assert_eq!(texts(body), [("Q".to_owned(), "A".to_owned())], "{body}");
        }
        for body in [r#"{"text":"Q"}"#, r#"{"text":"Q","author":null}"#, r#"{"text":"Q","author":" "}"#] {
            assert_eq!(texts(body), [("Q".to_owned(), "unknown".to_owned())], "{body}");
        }
    }

    #[test]
    fn of_an_array_those_count_that_are_quotations() {
        let body = r#"[1,{"text":""},{"text":"one"},{"author":"A"},{"text":"two"}]"#;
        let quotes: Vec<_> = texts(body).into_iter().map(|(quote, _)| quote).collect();
        assert_eq!(quotes, ["one", "two"]);
        assert_eq!(wrong(r#"[{"text":""},1]"#), NoQuotation::Empty);
        let many = format!("[{}]", vec![r#"{"text":"Q"}"#; 1_000].join(","));
        assert_eq!(texts(&many).len(), OBJECTS_MAX);
    }

    #[test]
    fn what_is_no_quotation_says_why() {
        assert_eq!(wrong("<html>"), NoQuotation::Json);
        assert_eq!(wrong(r#"{"quote":"Q""#), NoQuotation::Json);
        assert_eq!(wrong(&"[".repeat(60_000)), NoQuotation::Json);
        for body in ["\"Q\"", "[]", "[[]]", "null", "7"] {
            assert_eq!(wrong(body), NoQuotation::Form, "{body}");
        }
        for body in ["{}", r#"{"quote":7}"#, r#"{"quotes":"Q"}"#] {
            assert_eq!(wrong(body), NoQuotation::NoText, "{body}");
        }
        assert_eq!(wrong(r#"{"quote":" \n "}"#), NoQuotation::Empty);
        for body in
            [r#"{"quote":"Q\u0007"}"#, r#"{"quote":"Q\u009b1m"}"#, r#"{"quote":"Q","author":"A\u0000"}"#]
        {
            assert_eq!(wrong(body), NoQuotation::Control, "{body}");
        }
        let author = |bytes: usize| format!(r#"{{"quote":"Q","author":"{}"}}"#, "x".repeat(bytes));
        assert_eq!(wrong(&author(AUTHOR_BYTES_MAX + 1)), NoQuotation::AuthorTooLong);
        assert_eq!(texts(&author(AUTHOR_BYTES_MAX)).len(), 1);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_can_be_sent(quote in "\\PC{0,40}[\"\\\\é]{0,1600}.{0,40}", author in ".{0,60}") {
            let body = serde_json::to_vec(&serde_json::json!({ "quote": quote, "author": author })).unwrap();
            if let Ok(read) = read(&body) {
                let mut frame = Vec::new();
                let response = Response::Quote(read[0].clone());
                response.encode(&mut frame);
                prop_assert_eq!(Response::decode(&frame), Ok(response));
            }
        }
    }

    #[test]
    fn a_quotation_fits_in_a_frame_also_as_json() {
        let of = |text: String| checked(&text, "", Source::Api).map(|quotation| quotation.quote.len());
        assert_eq!(of("x".repeat(QUOTE_BYTES_MAX)), Ok(QUOTE_BYTES_MAX));
        assert_eq!(of("x".repeat(QUOTE_BYTES_MAX + 1)), Err(NoQuotation::TooLong));
        assert_eq!(of("\"".repeat(QUOTE_BYTES_MAX)), Err(NoQuotation::TooLong));
    }
}
