//! The answers of outside sources in their common forms: a JSON object, or an array of objects.

use protocol::wisdom::frames::FRAME_BYTES_MAX;
use protocol::wisdom::messages::{QUOTE_BYTES_MAX, Quotation, Response, Source};
use serde_json::{Map, Value};

/// Longest name of an author, in bytes.
pub(super) const AUTHOR_BYTES_MAX: usize = 200;

/// Objects of an array that are read; further ones are ignored.
const OBJECTS_MAX: usize = 50;

/// The keys of the text, in the order of preference.
const TEXT_KEYS: [&str; 6] = ["quote", "content", "q", "text", "quoteText", "body"];

/// The keys of the author, in the order of preference.
const AUTHOR_KEYS: [&str; 4] = ["author", "a", "quoteAuthor", "name"];

/// The reason why an answer contains no quotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidAnswer {
    #[error("its answer is not JSON")]
    Json,
    #[error("its answer is neither an object nor an array of objects")]
    Form,
    #[error("its answer has none of the known keys for a text")]
    NoText,
    #[error("the text in its answer is empty")]
    Empty,
    #[error("its answer contains control characters")]
    Control,
    #[error("the text in its answer exceeds {QUOTE_BYTES_MAX} bytes or a frame")]
    TooLong,
    #[error("the author in its answer exceeds {AUTHOR_BYTES_MAX} bytes")]
    AuthorTooLong,
}

/// Reads the quotations of an answer; there is at least one. Invalid objects of an array are skipped.
///
/// # Errors
/// Fails if there is no quotation. For an array the error is that of its first object.
pub(super) fn read(body: &[u8]) -> Result<Vec<Quotation>, InvalidAnswer> {
    match serde_json::from_slice(body).map_err(|_| InvalidAnswer::Json)? {
        Value::Object(object) => Ok(vec![quotation(&object)?]),
        Value::Array(values) => {
            let read = values.iter().take(OBJECTS_MAX).map(|value| match value {
                Value::Object(object) => quotation(object),
                _ => Err(InvalidAnswer::Form),
            });
            let (mut quotations, mut first_error) = (Vec::new(), None);
            for outcome in read {
                match outcome {
                    Ok(quotation) => quotations.push(quotation),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            if quotations.is_empty() {
                Err(first_error.unwrap_or(InvalidAnswer::Form))
            } else {
                Ok(quotations)
            }
        }
        _ => Err(InvalidAnswer::Form),
    }
}

/// Creates a quotation from a text and its author.
///
/// # Errors
/// Fails if the quotation cannot be sent to clients.
pub(super) fn checked(quote: &str, author: &str, source: Source) -> Result<Quotation, InvalidAnswer> {
    let (quote, author) = (quote.trim(), author.trim());
    if quote.is_empty() {
        return Err(InvalidAnswer::Empty);
    }
    if quote.chars().chain(author.chars()).any(char::is_control) {
        return Err(InvalidAnswer::Control);
    }
    if quote.len() > QUOTE_BYTES_MAX {
        return Err(InvalidAnswer::TooLong);
    }
    if author.len() > AUTHOR_BYTES_MAX {
        return Err(InvalidAnswer::AuthorTooLong);
    }
    let author = if author.is_empty() { "unknown" } else { author };
    let mut quotation =
        Quotation { quote: quote.to_owned(), author: author.to_owned(), source: Source::Fallback };
    // Escapes can double the length of a text in JSON. The fallback has the longest source name.
    let mut frame = Vec::new();
    Response::Quote(quotation.clone()).encode(&mut frame);
    if frame.len() > FRAME_BYTES_MAX {
        return Err(InvalidAnswer::TooLong);
    }
    quotation.source = source;
    Ok(quotation)
}

fn quotation(object: &Map<String, Value>) -> Result<Quotation, InvalidAnswer> {
    let value_of = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key)?.as_str());
    let quote = value_of(&TEXT_KEYS).ok_or(InvalidAnswer::NoText)?;
    checked(quote, value_of(&AUTHOR_KEYS).unwrap_or_default(), Source::Api)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(body: &str) -> Vec<(String, String)> {
        read(body.as_bytes()).unwrap().into_iter().map(|read| (read.quote, read.author)).collect()
    }

    fn error(body: &str) -> InvalidAnswer {
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
    fn invalid_objects_of_an_array_are_skipped() {
        let body = r#"[1,{"text":""},{"text":"one"},{"author":"A"},{"text":"two"}]"#;
        let quotes: Vec<_> = texts(body).into_iter().map(|(quote, _)| quote).collect();
        assert_eq!(quotes, ["one", "two"]);
        assert_eq!(error(r#"[{"text":""},1]"#), InvalidAnswer::Empty);
        let many = format!("[{}]", vec![r#"{"text":"Q"}"#; 1_000].join(","));
        assert_eq!(texts(&many).len(), OBJECTS_MAX);
    }

    #[test]
    fn each_invalid_answer_has_its_error() {
        assert_eq!(error("<html>"), InvalidAnswer::Json);
        assert_eq!(error(r#"{"quote":"Q""#), InvalidAnswer::Json);
        assert_eq!(error(&"[".repeat(60_000)), InvalidAnswer::Json);
        for body in ["\"Q\"", "[]", "[[]]", "null", "7"] {
            assert_eq!(error(body), InvalidAnswer::Form, "{body}");
        }
        for body in ["{}", r#"{"quote":7}"#, r#"{"quotes":"Q"}"#] {
            assert_eq!(error(body), InvalidAnswer::NoText, "{body}");
        }
        assert_eq!(error(r#"{"quote":" \n "}"#), InvalidAnswer::Empty);
        for body in
            [r#"{"quote":"Q\u0007"}"#, r#"{"quote":"Q\u009b1m"}"#, r#"{"quote":"Q","author":"A\u0000"}"#]
        {
            assert_eq!(error(body), InvalidAnswer::Control, "{body}");
        }
        let author = |bytes: usize| format!(r#"{{"quote":"Q","author":"{}"}}"#, "x".repeat(bytes));
        assert_eq!(error(&author(AUTHOR_BYTES_MAX + 1)), InvalidAnswer::AuthorTooLong);
        assert_eq!(texts(&author(AUTHOR_BYTES_MAX)).len(), 1);
    }

    proptest! {
        #[test]
        fn every_accepted_quotation_can_be_sent(quote in "\\PC{0,40}[\"\\\\é]{0,1600}.{0,40}", author in ".{0,60}") {
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
    fn a_quotation_with_escapes_fits_in_a_frame() {
        let of = |text: String| checked(&text, "", Source::Api).map(|quotation| quotation.quote.len());
        assert_eq!(of("x".repeat(QUOTE_BYTES_MAX)), Ok(QUOTE_BYTES_MAX));
        assert_eq!(of("x".repeat(QUOTE_BYTES_MAX + 1)), Err(InvalidAnswer::TooLong));
        assert_eq!(of("\"".repeat(QUOTE_BYTES_MAX)), Err(InvalidAnswer::TooLong));
    }
}
