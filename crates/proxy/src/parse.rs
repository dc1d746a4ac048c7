//! Parses toxics on the command line, such as `upstream.latency:latency=100,jitter=20,toxicity=0.5`.

use serde_json::Value;

use crate::timing::Timing;
use crate::toxic::{Attributes, Kind, Stream, Toxic, ToxicError};

/// Parses `[STREAM.]TYPE[:KEY=VALUE[,KEY=VALUE…]]`. The keys `stream`, `toxicity`, `name` and those of a schedule are not
/// attributes.
///
/// # Errors
/// The text is invalid; the error is a message for the user.
pub fn parse_toxic(text: &str) -> Result<Toxic, String> {
    let (head, tail) = text.split_once(':').unwrap_or((text, ""));
    let (stream, kind) = match head.split_once('.') {
        Some((stream, kind)) => (Some(stream), kind),
        None => (None, head),
    };
    let mut attributes = attributes(tail)?;
    let stream = match (stream, take_text(&mut attributes, "stream")) {
        (Some(_), Some(_)) => return Err("the direction is given twice".to_owned()),
        (Some(stream), None) => stream.to_owned(),
        (None, stream) => stream.unwrap_or_else(|| "downstream".to_owned()),
    };
    let stream = Stream::parse(&stream)
        .map_err(|_| format!("unknown direction '{stream}'; the directions are upstream and downstream"))?;
    let name = take_text(&mut attributes, "name");
    let toxicity = take_toxicity(&mut attributes)?;
    let timing = take_timing(&mut attributes)?;
    let kind = new_kind(kind, &attributes)?;
    let toxic = Toxic::new(stream, kind);
    Ok(Toxic { name: name.unwrap_or(toxic.name), toxicity, timing, ..toxic })
}

fn attributes(text: &str) -> Result<Attributes, String> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| match pair.split_once('=') {
        // A value that is not JSON is a string.
        Some((key, value)) => {
            Ok((key.to_owned(), value.parse().unwrap_or_else(|_| Value::String(value.to_owned()))))
        }
        None => Err(format!("'{pair}' is not of the form KEY=VALUE")),
    });
    pairs.collect()
}

fn take_text(attributes: &mut Attributes, key: &str) -> Option<String> {
    attributes.remove(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn take_toxicity(attributes: &mut Attributes) -> Result<f64, String> {
    let Some(value) = attributes.remove("toxicity") else { return Ok(1.0) };
    value
        .as_f64()
        .filter(|toxicity| (0.0..=1.0).contains(toxicity))
        .ok_or_else(|| "toxicity must be a number from 0 to 1".to_owned())
}

fn take_timing(attributes: &mut Attributes) -> Result<Timing, String> {
    let given: Attributes = Timing::KEYS.into_iter().filter_map(|key| attributes.remove_entry(key)).collect();
    let timing: Timing = serde_json::from_value(Value::Object(given)).map_err(|error| error.to_string())?;
    timing.checked().map_err(|error| text_of(&error))
}

/// Returns the message of an error without the words that Toxiproxy puts before it.
fn text_of(error: &ToxicError) -> String {
    error.to_string().trim_start_matches("bad request body: ").to_owned()
}

fn new_kind(kind: &str, attributes: &Attributes) -> Result<Kind, String> {
    if !Kind::TYPES.contains(&kind) {
        return Err(format!("unknown toxic '{kind}'; the toxics are {}", Kind::TYPES.join(", ")));
    }
    let made = Kind::new(kind, attributes).map_err(|error| text_of(&error))?;
    let (_, known) = made.parts();
    match attributes.keys().find(|key| !known.contains_key(*key)) {
        Some(unknown) => {
            let known: Vec<&str> = known
                .keys()
                .map(String::as_str)
                .chain(["stream", "toxicity", "name"])
                .chain(Timing::KEYS)
                .collect();
            Err(format!("{kind} has no attribute '{unknown}'; it has {}", known.join(", ")))
        }
        None => Ok(made),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toxic_is_parsed_with_and_without_defaults() {
        let toxic = parse_toxic("latency:latency=100,jitter=20").unwrap();
        let latency = Kind::Latency { latency_ms: 100, jitter_ms: 20 };
        assert_eq!(toxic, Toxic::new(Stream::Downstream, latency.clone()));
        let prefixed = parse_toxic("upstream.latency:latency=100,jitter=20,toxicity=0.5,name=slow").unwrap();
        let named = Toxic { name: "slow".to_owned(), toxicity: 0.5, ..Toxic::new(Stream::Upstream, latency) };
        assert_eq!(prefixed, named);
        let attributed = parse_toxic("latency:stream=upstream,latency=100,jitter=20,toxicity=0.5,name=slow");
        assert_eq!(attributed.unwrap(), named);
        assert_eq!(parse_toxic("black_hole").unwrap(), Toxic::new(Stream::Downstream, Kind::BlackHole {}));
    }

    #[test]
    fn a_schedule_belongs_to_any_toxic() {
        let toxic = parse_toxic("down:from=1000,to=1500,every=5000,connections=3,round_trips=2").unwrap();
        let timing =
            Timing { from_ms: 1000, to_ms: 1500, every_ms: 5000, connections_max: 3, round_trips: 2 };
        assert_eq!(toxic, Toxic { timing, ..Toxic::new(Stream::Downstream, Kind::Down {}) });
    }

    #[test]
    fn errors_name_the_invalid_part() {
        for (text, part) in [
            ("slow", "unknown toxic 'slow'"),
            ("latency:latncy=1", "latency has no attribute 'latncy'; it has jitter, latency, stream"),
            ("latency:latency", "not of the form KEY=VALUE"),
            ("latency:latency=fast", "expected u64"),
            ("sideways.latency", "unknown direction 'sideways'"),
            ("upstream.latency:stream=upstream", "twice"),
            ("latency:toxicity=2", "from 0 to 1"),
            ("down:from=2,to=1", "to must be later than from"),
            ("down:every=1", "every needs to"),
            ("slicer", "average_size must be at least 1"),
        ] {
            let error = parse_toxic(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
