//! Toxics as data: what is done to one direction of a connection, in Toxiproxy's terms.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::timing::Timing;

/// The attributes of a toxic by name, as JSON values.
pub(crate) type Attributes = Map<String, Value>;

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
    /// Parses a name.
    ///
    /// # Errors
    /// The name is neither `upstream` nor `downstream`.
    pub fn parse(name: &str) -> Result<Self, ToxicError> {
        match name {
            "upstream" => Ok(Self::Upstream),
            "downstream" => Ok(Self::Downstream),
            _ => Err(ToxicError::Stream),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// A fault in one direction of the connections of a proxy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Toxic {
    /// The name, which is unique in a proxy.
    pub name: String,
    /// The direction.
    pub stream: Stream,
    /// The fraction of connections to which it applies, from 0 to 1. It is drawn once for each connection.
    pub toxicity: f64,
    /// When it applies, and to which connections.
    #[serde(flatten)]
    pub timing: Timing,
    /// The kind with its attributes.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Toxic {
    /// Returns a toxic for all connections, with the default name of Toxiproxy.
    #[must_use]
    pub fn new(stream: Stream, kind: Kind) -> Self {
        Self {
            name: default_name(&kind.parts().0, stream),
            stream,
            toxicity: 1.0,
            timing: Timing::default(),
            kind,
        }
    }
}

/// Returns the default name of a toxic.
pub(crate) fn default_name(kind: &str, stream: Stream) -> String {
    format!("{kind}_{}", stream.name())
}

/// The kind of a toxic. The first nine are those of Toxiproxy, with its names and attributes. The default of each attribute is
/// 0 unless it is stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "attributes", rename_all = "snake_case")]
pub enum Kind {
    /// Delays all data, without limiting the throughput.
    Latency {
        /// The delay, in milliseconds.
        #[serde(default, rename = "latency")]
        latency_ms: u64,
        /// The variation of the delay in either direction, in milliseconds; drawn for each chunk.
        #[serde(default, rename = "jitter")]
        jitter_ms: u64,
    },
    /// Limits the rate.
    Bandwidth {
        /// The rate in kilobytes (1,000 bytes) per second; 0 holds back all data.
        #[serde(default, rename = "rate")]
        rate_kb_per_second: u64,
    },
    /// Delays the end of the stream, but not its data.
    SlowClose {
        /// The delay, in milliseconds.
        #[serde(default, rename = "delay")]
        delay_ms: u64,
    },
    /// Discards data and closes the connection after a time.
    Timeout {
        /// The time since the connection or the toxic began, whichever was later, in milliseconds; 0 means never.
        #[serde(default, rename = "timeout")]
        timeout_ms: u64,
    },
    /// Resets the connection at both ends.
    ResetPeer {
        /// The time since the connection or the toxic began, whichever was later, in milliseconds.
        #[serde(default, rename = "timeout")]
        timeout_ms: u64,
    },
    /// Cuts the stream into pieces that are sent separately.
    Slicer {
        /// The average length of a piece, in bytes; at least 1.
        #[serde(default, rename = "average_size")]
        average_size_bytes: u64,
        /// The variation of the length in either direction, in bytes.
        #[serde(default, rename = "size_variation")]
        size_variation_bytes: u64,
        /// The pause after each piece, in microseconds.
        #[serde(default, rename = "delay")]
        delay_us: u64,
    },
    /// Closes the connection after a number of bytes.
    LimitData {
        /// The number of bytes.
        #[serde(default, rename = "bytes")]
        bytes_max: u64,
    },
    /// Discards some chunks, in bursts if losses are correlated (the model of Gilbert, 1960, as Toxiproxy simplifies it).
    PacketLoss {
        /// The probability that a chunk is discarded, from 0 to 1; the default is 0.1.
        #[serde(default = "default_loss_rate")]
        loss_rate: f64,
        /// The probability that is added after a chunk that was discarded, from 0 to 1.
        #[serde(default)]
        correlation: f64,
    },
    /// Changes nothing.
    Noop {},
    /// Collects data for a time and sends it at once.
    Joining {
        /// The time since the first byte, in milliseconds.
        #[serde(default, rename = "delay")]
        delay_ms: u64,
    },
    /// Flips one bit in some bytes.
    Corruption {
        /// The probability for each byte, from 0 to 1.
        #[serde(default)]
        probability: f64,
    },
    /// Discards data and holds back the end of the stream, like a cut cable.
    BlackHole {},
    /// Closes open and new connections.
    Down {},
}

fn default_loss_rate() -> f64 {
    0.1
}

impl Kind {
    /// The values of `type`.
    pub const TYPES: [&str; 13] = [
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
        "packet_loss",
        "noop",
        "joining",
        "corruption",
        "black_hole",
        "down",
    ];

    /// Returns the kind of this type. Unknown attributes are ignored.
    ///
    /// # Errors
    /// The type is unknown, or an attribute has an invalid value.
    pub fn new(kind: &str, attributes: &Attributes) -> Result<Self, ToxicError> {
        if !Self::TYPES.contains(&kind) {
            return Err(ToxicError::Type);
        }
        let value = serde_json::json!({ "type": kind, "attributes": attributes });
        let kind: Self =
            serde_json::from_value(value).map_err(|error| ToxicError::Attributes(error.to_string()))?;
        kind.checked()
    }

    /// Returns the kind with other values for these attributes.
    ///
    /// # Errors
    /// An attribute has an invalid value.
    pub fn with(&self, changes: Attributes) -> Result<Self, ToxicError> {
        let (kind, mut attributes) = self.parts();
        attributes.extend(changes);
        Self::new(&kind, &attributes)
    }

    /// Returns the type and the attributes.
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
            Self::PacketLoss { loss_rate, correlation }
                if ![loss_rate, correlation].into_iter().all(|share| (0.0..=1.0).contains(share)) =>
            {
                "loss_rate and correlation must be from 0 to 1"
            }
            _ => return Ok(self),
        };
        Err(ToxicError::Attributes(problem.to_owned()))
    }
}

/// The reason why a toxic is rejected. The messages are Toxiproxy's, because clients may compare them.
#[derive(Debug, thiserror::Error)]
pub enum ToxicError {
    /// The type is unknown.
    #[error("invalid toxic type")]
    Type,
    /// The direction is unknown.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// An attribute has an invalid value.
    #[error("bad request body: {0}")]
    Attributes(String),
    /// The name is taken.
    #[error("toxic already exists")]
    Exists,
    /// No toxic has this name.
    #[error("toxic not found")]
    NotFound,
    /// The proxy has the maximum number of toxics.
    #[error("a proxy has at most {max} toxics")]
    TooMany {
        /// The maximum.
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
    fn every_type_has_a_kind_with_its_name() {
        for name in Kind::TYPES {
            let kind = Kind::new(name, &attributes(json!({ "average_size": 1 }))).unwrap();
            assert_eq!(kind.parts().0, name);
        }
    }

    #[test]
    fn attributes_default_to_zero_and_change_one_by_one() {
        let latency = Kind::new("latency", &attributes(json!({ "latency": 100, "stray": true }))).unwrap();
        assert_eq!(latency, Kind::Latency { latency_ms: 100, jitter_ms: 0 });
        let changed = latency.with(attributes(json!({ "jitter": 5 }))).unwrap();
        assert_eq!(changed, Kind::Latency { latency_ms: 100, jitter_ms: 5 });
    }

    #[test]
    fn invalid_attributes_are_rejected() {
        for (kind, given) in [
            ("latency", json!({ "latency": "slow" })),
            ("latency", json!({ "latency": -1 })),
            ("slicer", json!({})),
            ("corruption", json!({ "probability": 1.5 })),
            ("packet_loss", json!({ "loss_rate": 1.5 })),
            ("packet_loss", json!({ "correlation": -0.5 })),
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
