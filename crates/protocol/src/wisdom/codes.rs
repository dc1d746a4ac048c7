//! What can be wrong, and how a server says so.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::frames::Malformed;

/// Why a client gets no quotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind.
    pub code: Code,
    /// The same in words.
    pub message: Cow<'static, str>,
    /// Whether trying again can help.
    pub retryable: bool,
    /// How long to wait before that, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

macro_rules! codes {
    ($($code:ident $name:literal $retryable:literal $message:literal;)+) => {
        /// What can be wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $message] #[serde(rename = $name)] $code,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// Its name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)+ }
            }

            /// Whether trying again can help: with the same challenge, another one, or at another time.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$code => $retryable,)+ }
            }

            const fn message(self) -> &'static str {
                match self { $(Self::$code => $message,)+ }
            }
        }
    };
}

codes! {
    MalformedFrame "MALFORMED_FRAME" false "a frame begins with WW";
    UnsupportedVersion "UNSUPPORTED_VERSION" false "only version 1 is spoken";
    FrameTooLarge "FRAME_TOO_LARGE" false "a payload has at most 4096 bytes";
    UnknownType "UNKNOWN_TYPE" false "a frame's type is 1 to 5";
    InvalidPayload "INVALID_PAYLOAD" false "a payload is one JSON object with the fields of its type";
    UnexpectedMessage "UNEXPECTED_MESSAGE" false "this message has no place here";
    InvalidSignature "INVALID_SIGNATURE" true "the challenge is not one that this server gave to this address";
    ChallengeExpired "CHALLENGE_EXPIRED" true "the challenge has expired; ask for another";
    InsufficientWork "INSUFFICIENT_WORK" true "the hash has too few zero bits";
    TooManyAttempts "TOO_MANY_ATTEMPTS" false "three solutions were wrong";
    Replayed "REPLAYED" true "the challenge has brought its quotation already; ask for another";
    RateLimited "RATE_LIMITED" true "too many requests from this address";
    ServerBusy "SERVER_BUSY" true "the server is busy";
    ShuttingDown "SHUTTING_DOWN" true "the server is shutting down";
    Timeout "TIMEOUT" true "it took too long";
    Internal "INTERNAL" true "the server failed";
}

impl Code {
    /// Whether a server may say it instead of whatever is wanted: it is about the server, or about how much is asked of it.
    #[must_use]
    pub const fn is_excuse(self) -> bool {
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

impl Malformed {
    /// The code that a server answers it with.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Magic => Code::MalformedFrame,
            Self::Version(_) => Code::UnsupportedVersion,
            Self::Kind(_) => Code::UnknownType,
            Self::TooLong => Code::FrameTooLarge,
            Self::Direction(_) => Code::UnexpectedMessage,
            Self::Payload(_) => Code::InvalidPayload,
        }
    }
}
