//! A toxic as data: what is done to the bytes of one direction, in the words of Toxiproxy.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The attributes of a toxic by their names, as JSON has them.
pub type Attributes = Map<String, Value>;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// From the client to the service.
    Upstream,
    /// From the service to the client.
    Downstream,
}

impl Stream {
    /// The direction of this name.
    ///
    /// # Errors
    /// There are two, `upstream` and `downstream`.
    pub fn parse(name: &str) -> Result<Self, ToxicError> {
        match name {
            "upstream" => Ok(Self::Upstream),
            "downstream" => Ok(Self::Downstream),
            _ => Err(ToxicError::Stream),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// What is done to one direction of the connections of a proxy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Toxic {
    /// What it is called; no other toxic of the proxy has this name.
    pub name: String,
    /// The direction.
    pub stream: Stream,
    /// The part of all connections that it is applied to, from 0 to 1. It is drawn once for each.
    pub toxicity: f64,
    /// What it does.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Toxic {
    /// A toxic for all connections, with the name that Toxiproxy would give it.
    #[must_use]
    pub fn new(stream: Stream, kind: Kind) -> Self {
        Self { name: default_name(&kind.parts().0, stream), stream, toxicity: 1.0, kind }
    }
}

/// The name of a toxic that was given none.
pub(super) fn default_name(kind: &str, stream: Stream) -> String {
    format!("{kind}_{}", stream.name())
}

/// What a toxic does. The first seven are those of Toxiproxy, with its names and attributes; each attribute is 0 where
/// none is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "attributes", rename_all = "snake_case")]
pub enum Kind {
    /// Everything arrives later. It is a delay and no limit of the throughput.
    Latency {
        /// How much later, in milliseconds.
        #[serde(default, rename = "latency")]
        latency_ms: u64,
        /// How many milliseconds more or less, drawn for each chunk.
        #[serde(default, rename = "jitter")]
        jitter_ms: u64,
    },
    /// Bytes are let through at a rate.
    Bandwidth {
        /// In kilobytes (1,000 bytes) a second; at 0 nothing gets through.
        #[serde(default, rename = "rate")]
        rate_kb_per_second: u64,
    },
    /// The end of the stream arrives later, its bytes do not.
    SlowClose {
        /// How much later, in milliseconds.
        #[serde(default, rename = "delay")]
        delay_ms: u64,
    },
    /// Bytes are thrown away, and after a time the connection is closed.
    Timeout {
        /// The time since the connection or the toxic began, whichever was later, in milliseconds; with 0 it stays open.
        #[serde(default, rename = "timeout")]
        timeout_ms: u64,
    },
    /// The connection is reset, at both its ends.
    ResetPeer {
        /// When, since the connection or the toxic began, whichever was later, in milliseconds.
        #[serde(default, rename = "timeout")]
        timeout_ms: u64,
    },
    /// The stream is cut into pieces, each sent on its own.
    Slicer {
        /// How long a piece is on average, in bytes; at least 1.
        #[serde(default, rename = "average_size")]
        average_size_bytes: u64,
        /// How many bytes more or less.
        #[serde(default, rename = "size_variation")]
        size_variation_bytes: u64,
        /// The pause after each piece, in microseconds.
        #[serde(default, rename = "delay")]
        delay_us: u64,
    },
    /// The connection is closed after so many bytes.
    LimitData {
        /// How many.
        #[serde(default, rename = "bytes")]
        bytes_max: u64,
    },
    /// Bytes are collected for a time, and sent on at once.
    Joining {
        /// The time since the first of them, in milliseconds.
        #[serde(default, rename = "delay")]
        delay_ms: u64,
    },
    /// Bits are flipped: in some bytes one each.
    Corruption {
        /// The chance of each byte, from 0 to 1.
        #[serde(default)]
        probability: f64,
    },
    /// Nothing gets through, not even the end of the stream: as if a cable had been cut.
    BlackHole {},
    /// Connections are closed, and new ones as soon as they are open.
    Down {},
}

impl Kind {
    /// What `type` can be.
    pub const TYPES: [&str; 11] = [
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
        "joining",
        "corruption",
        "black_hole",
        "down",
    ];

    /// The kind of this type. Attributes that it does not know are ignored.
    ///
    /// # Errors
    /// There is no such type, or an attribute has a value that cannot be.
    pub fn new(kind: &str, attributes: &Attributes) -> Result<Self, ToxicError> {
        if !Self::TYPES.contains(&kind) {
            return Err(ToxicError::Type);
        }
        let value = serde_json::json!({ "type": kind, "attributes": attributes });
        let kind: Self =
            serde_json::from_value(value).map_err(|error| ToxicError::Attributes(error.to_string()))?;
        kind.checked()
    }

    /// The same with other values for these attributes.
    ///
    /// # Errors
    /// An attribute has a value that cannot be.
    pub fn with(&self, changes: Attributes) -> Result<Self, ToxicError> {
        let (kind, mut attributes) = self.parts();
        attributes.extend(changes);
        Self::new(&kind, &attributes)
    }

    /// Its type and its attributes.
    #[must_use]
    pub fn parts(&self) -> (String, Attributes) {
        let Ok(Value::Object(mut parts)) = serde_json::to_value(self) else { return Default::default() };
        match (parts.remove("type"), parts.remove("attributes")) {
            (Some(Value::String(kind)), Some(Value::Object(attributes))) => (kind, attributes),
            _ => Default::default(),
        }
    }

    fn checked(self) -> Result<Self, ToxicError> {
        let problem = match &self {
            Self::Slicer { average_size_bytes: 0, .. } => "average_size must be at least 1",
            Self::Corruption { probability } if !(0.0..=1.0).contains(probability) => {
                "probability must be from 0 to 1"
            }
            _ => return Ok(self),
        };
        Err(ToxicError::Attributes(problem.to_owned()))
    }
}

/// Why there can be no such toxic. The words are Toxiproxy's, which clients may look at.
#[derive(Debug, thiserror::Error)]
pub enum ToxicError {
    /// An unknown type.
    #[error("invalid toxic type")]
    Type,
    /// An unknown direction.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// An attribute with a value that cannot be.
    #[error("bad request body: {0}")]
    Attributes(String),
    /// The name is taken.
    #[error("toxic already exists")]
    Exists,
    /// No toxic has this name.
    #[error("toxic not found")]
    NotFound,
    /// The proxy has as many as it may have.
    #[error("a proxy has at most {max} toxics")]
    TooMany {
        /// How many that are.
        max: usize,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(value: Value) -> Attributes {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_type_can_be_made_and_says_its_name() {
        for name in Kind::TYPES {
            let kind = Kind::new(name, &attributes(json!({ "average_size": 1 }))).unwrap();
            assert_eq!(kind.parts().0, name);
        }
    }

    #[test]
    fn attributes_are_zero_where_not_given_and_changed_one_by_one() {
        let latency = Kind::new("latency", &attributes(json!({ "latency": 100, "stray": true }))).unwrap();
        assert_eq!(latency, Kind::Latency { latency_ms: 100, jitter_ms: 0 });
        let changed = latency.with(attributes(json!({ "jitter": 5 }))).unwrap();
        assert_eq!(changed, Kind::Latency { latency_ms: 100, jitter_ms: 5 });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (kind, given) in [
            ("latency", json!({ "latency": "slow" })),
            ("latency", json!({ "latency": -1 })),
            ("slicer", json!({})),
            ("corruption", json!({ "probability": 1.5 })),
            ("no_such_toxic", json!({})),
        ] {
            assert!(Kind::new(kind, &attributes(given)).is_err(), "{kind}");
        }
    }

    #[test]
    fn the_json_is_that_of_toxiproxy() {
        let kind = Kind::Latency { latency_ms: 1, jitter_ms: 2 };
        let toxic = serde_json::to_value(Toxic::new(Stream::Downstream, kind)).unwrap();
        let expected = json!({ "name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1.0,
            "attributes": { "latency": 1, "jitter": 2 } });
        assert_eq!(toxic, expected);
    }
}
