//! Error codes of WOW/1.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::frames::Malformed;

/// The error that a client receives in place of a quotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The error in words.
    pub message: Cow<'static, str>,
    /// Whether a repeated attempt can succeed.
    pub retryable: bool,
    /// The time to wait before a repeated attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

macro_rules! codes {
    ($($code:ident $name:literal $retryable:literal $message:literal;)+) => {
        /// An error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $message] #[serde(rename = $name)] $code,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// Returns the name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)+ }
            }

            /// Returns whether a repeated attempt can succeed: with the same challenge, with another one, or at
            /// another time.
            #[must_use]
            const fn is_retryable(self) -> bool {
                match self { $(Self::$code => $retryable,)+ }
            }

            const fn message(self) -> &'static str {
                match self { $(Self::$code => $message,)+ }
            }
        }
    };
}

codes! {
    MalformedFrame "MALFORMED_FRAME" false "the frame does not begin with WW";
    UnsupportedVersion "UNSUPPORTED_VERSION" false "only version 1 is supported";
    FrameTooLarge "FRAME_TOO_LARGE" false "the payload is longer than 4096 bytes";
    UnknownType "UNKNOWN_TYPE" false "the type of the frame is unknown";
    InvalidPayload "INVALID_PAYLOAD" false "the payload is not one JSON object with the fields of its type";
    UnexpectedMessage "UNEXPECTED_MESSAGE" false "the message is not allowed at this point";
    InvalidSignature "INVALID_SIGNATURE" true "this server has not issued the challenge to this address";
    ChallengeExpired "CHALLENGE_EXPIRED" true "the challenge has expired; request another";
    InsufficientWork "INSUFFICIENT_WORK" true "the hash has too few zero bits";
    TooManyAttempts "TOO_MANY_ATTEMPTS" false "three solutions had too few zero bits";
    Replayed "REPLAYED" true "the challenge has already yielded a quotation; request another";
    RateLimited "RATE_LIMITED" true "too many requests from this address";
    ServerBusy "SERVER_BUSY" true "the server is busy";
    ShuttingDown "SHUTTING_DOWN" true "the server is shutting down";
    Timeout "TIMEOUT" true "a time limit expired";
    Internal "INTERNAL" true "the server failed internally";
}

impl Code {
    /// Returns whether a server may send this code in place of any reply: it reports the state of the server or the
    /// rate of requests, and not a property of the request.
    #[must_use]
    pub const fn is_always_allowed(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::ServerBusy | Self::ShuttingDown | Self::Timeout | Self::Internal
        )
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        let message = Cow::Borrowed(code.message());
        Self { code, message, retryable: code.is_retryable(), retry_after_ms: None }
    }
}

/// The code with which a server answers a malformed frame.
impl From<Malformed> for Code {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Magic => Self::MalformedFrame,
            Malformed::Version(_) => Self::UnsupportedVersion,
            Malformed::Kind(_) => Self::UnknownType,
            Malformed::TooLong => Self::FrameTooLarge,
            Malformed::Direction(_) => Self::UnexpectedMessage,
            Malformed::Payload(_) => Self::InvalidPayload,
        }
    }
}
