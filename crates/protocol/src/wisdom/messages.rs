//! Messages: each payload is one JSON object that contains each known key at most once.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use super::codes::{Code, Refusal};
use super::frames::{self, Kind, Malformed};
use super::token::{TOKEN_BYTES, Token, from_base64url, to_base64url};

/// The maximum length of a quotation, in bytes.
pub const QUOTE_BYTES_MAX: usize = 2048;

/// The name of the only supported algorithm.
pub const ALGORITHM: &str = "sha256-lz";

/// A message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Requests a challenge.
    Challenge,
    /// Submits a solution.
    Solution(Solution),
}

/// A challenge with the counter that solves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The token of the challenge.
    pub token: [u8; TOKEN_BYTES],
    /// The counter.
    pub counter: u64,
}

/// A message from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Issues a challenge.
    Challenge(Challenge),
    /// Returns a quotation.
    Quote(Quotation),
    /// Reports an error.
    Error(Refusal),
}

/// A challenge: its token, and fields that repeat values of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The token.
    pub token: [u8; TOKEN_BYTES],
    /// The name of the algorithm.
    pub algorithm: String,
    /// The number of zero bits that a proof requires.
    pub difficulty: u8,
    /// The time of issue, in milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// The time from which the challenge can no longer be solved, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// A quotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotation {
    /// The text, at most [`QUOTE_BYTES_MAX`] bytes.
    pub quote: String,
    /// The author.
    pub author: String,
    /// The source from which the server obtained it.
    pub source: Source,
}

/// The source of a quotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An external source, queried for this client.
    Api,
    /// An external source, queried for an earlier client.
    Cache,
    /// The quotations that are built into the server.
    Fallback,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 3] = [Self::Api, Self::Cache, Self::Fallback];

    /// Returns the name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Cache => "cache",
            Self::Fallback => "fallback",
        }
    }
}

/// `CHALLENGE_REQUEST`: its fields are ignored.
#[derive(Serialize, Deserialize)]
struct ChallengeRequestObject {}

#[derive(Serialize, Deserialize)]
struct SolutionObject<'a> {
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow)]
    counter: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct ChallengeObject<'a> {
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow)]
    alg: Cow<'a, str>,
    difficulty: u8,
    issued_at_ms: u64,
    expires_at_ms: u64,
}

impl Request {
    /// Decodes a frame that a client sent.
    ///
    /// # Errors
    /// Returns the reason why the frame is invalid.
    pub fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        match frames::parse(frame)? {
            (Kind::ChallengeRequest, payload) => {
                object::<ChallengeRequestObject>(payload, "the payload is not one JSON object")?;
                Ok(Self::Challenge)
            }
            (Kind::Solution, payload) => {
                let SolutionObject { challenge, counter } = object(
                    payload,
                    "the payload is not one JSON object with the strings challenge and counter",
                )?;
                Ok(Self::Solution(Solution {
                    token: from_base64url(&challenge)
                        .ok_or(Malformed::Payload("the challenge is not 64 bytes of canonical base64url"))?,
                    counter: counter_of(&counter)
                        .ok_or(Malformed::Payload("the counter is not 16 lower-case hexadecimal digits"))?,
                }))
            }
            (kind, _) => Err(Malformed::Direction(kind)),
        }
    }

    /// Appends the request as a frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Challenge => write(Kind::ChallengeRequest, &ChallengeRequestObject {}, out),
            Self::Solution(Solution { token, counter }) => {
                let challenge = to_base64url(token).into();
                let counter = format!("{counter:016x}").into();
                write(Kind::Solution, &SolutionObject { challenge, counter }, out);
            }
        }
    }
}

impl Response {
    /// Decodes a frame that a server sent.
    ///
    /// # Errors
    /// Returns the reason why the frame is invalid.
    pub fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        match frames::parse(frame)? {
            (Kind::Challenge, payload) => {
                let ChallengeObject { challenge, alg, difficulty, issued_at_ms, expires_at_ms } =
                    object(payload, "the payload is not one JSON object with the fields of a challenge")?;
                let token = from_base64url(&challenge)
                    .ok_or(Malformed::Payload("the challenge is not 64 bytes of canonical base64url"))?;
                let algorithm = alg.into_owned();
                Ok(Self::Challenge(Challenge { token, algorithm, difficulty, issued_at_ms, expires_at_ms }))
            }
            (Kind::Quote, payload) => {
                let quotation: Quotation =
                    object(payload, "the payload is not one JSON object with the fields of a quotation")?;
                if quotation.quote.len() > QUOTE_BYTES_MAX {
                    return Err(Malformed::Payload("the quotation has more than 2048 bytes"));
                }
                Ok(Self::Quote(quotation))
            }
            (Kind::Error, payload) => {
                object(payload, "the payload is not one JSON object with the fields of an error")
                    .map(Self::Error)
            }
            (kind, _) => Err(Malformed::Direction(kind)),
        }
    }

    /// Appends the response as a frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Challenge(challenge) => {
                let object = ChallengeObject {
                    challenge: to_base64url(&challenge.token).into(),
                    alg: (&challenge.algorithm).into(),
                    difficulty: challenge.difficulty,
                    issued_at_ms: challenge.issued_at_ms,
                    expires_at_ms: challenge.expires_at_ms,
                };
                write(Kind::Challenge, &object, out);
            }
            Self::Quote(quotation) => write(Kind::Quote, quotation, out),
            Self::Error(refusal) => write(Kind::Error, refusal, out),
        }
    }
}

impl Challenge {
    /// Creates a challenge whose fields have the values of its token.
    #[must_use]
    pub fn of(token: &Token) -> Self {
        Self {
            token: token.bytes(),
            algorithm: ALGORITHM.to_owned(),
            difficulty: token.difficulty,
            issued_at_ms: token.issued_ms,
            expires_at_ms: token.expires_ms(),
        }
    }

    /// Returns the name of the first field whose value differs from the token, if there is one.
    #[must_use]
    pub fn disagreement(&self) -> Option<&'static str> {
        let token = Token::read(&self.token);
        let fields = [
            ("version", token.version == super::token::VERSION),
            ("alg", token.algorithm == super::token::ALGORITHM && self.algorithm == ALGORITHM),
            ("difficulty", token.difficulty == self.difficulty),
            ("issued_at_ms", token.issued_ms == self.issued_at_ms),
            ("expires_at_ms", token.expires_ms() == self.expires_at_ms),
        ];
        fields.into_iter().find(|(_, agrees)| !agrees).map(|(field, _)| field)
    }
}

/// Parses an object. The JSON parser would also accept an array of the values, so the first byte is checked before.
fn object<'a, T: Deserialize<'a>>(payload: &'a [u8], wrong: &'static str) -> Result<T, Malformed> {
    const SPACE: &[u8] = b" \t\r\n";
    let first = payload.iter().find(|byte| !SPACE.contains(byte));
    if first != Some(&b'{') {
        return Err(Malformed::Payload(wrong));
    }
    // The parser does not validate strings that it ignores, so the encoding is checked before.
    let text = std::str::from_utf8(payload).map_err(|_| Malformed::Payload("the payload is not UTF-8"))?;
    serde_json::from_str(text).map_err(|_| Malformed::Payload(wrong))
}

fn write(kind: Kind, object: &impl Serialize, out: &mut Vec<u8>) {
    let payload = serde_json::to_vec(object).expect("objects of texts and numbers can be written");
    frames::write(kind, &payload, out);
}

fn counter_of(text: &str) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 16 || !text.bytes().all(is_digit) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, payload: impl AsRef<[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        frames::write(kind, payload.as_ref(), &mut out);
        out
    }

    fn code(kind: Kind, payload: impl AsRef<[u8]>) -> Code {
        Request::decode(&frame(kind, payload)).unwrap_err().into()
    }

    #[test]
    fn encoding_reverses_decoding_of_requests() {
        let solution = Request::Solution(Solution { token: [0xfa; TOKEN_BYTES], counter: 0xdead_beef });
        for request in [Request::Challenge, solution] {
            let mut out = Vec::new();
            request.encode(&mut out);
            assert_eq!(Request::decode(&out), Ok(request));
        }
        let mut out = Vec::new();
        Request::Challenge.encode(&mut out);
        assert_eq!(out, b"WW\x01\x01\0\0\0\x02{}");
    }

    #[test]
    fn encoding_reverses_decoding_of_responses() {
        let token = Token::read(&[1; TOKEN_BYTES]);
        let quote = Quotation { quote: "q".into(), author: "a".into(), source: Source::Cache };
        let busy = Refusal { retry_after_ms: Some(5), ..Code::ServerBusy.into() };
        for response in
            [Response::Challenge(Challenge::of(&token)), Response::Quote(quote), Response::Error(busy)]
        {
            let mut out = Vec::new();
            response.encode(&mut out);
            assert_eq!(Response::decode(&out), Ok(response));
        }
        let mut out = Vec::new();
        Response::Error(Code::Timeout.into()).encode(&mut out);
        let text = r#"{"code":"TIMEOUT","message":"a time limit expired","retryable":true}"#;
        assert_eq!(out, frame(Kind::Error, text));
    }

    #[test]
    fn w10_to_w12_a_payload_is_one_object_with_each_known_key_at_most_once() {
        for payload in
            [&b""[..], b"[]", b"null", b"{} {}", b"{}x", b"{", b"\xff", b"{\"x\":\"\xff\"}", b"\"{}\""]
        {
            assert_eq!(code(Kind::ChallengeRequest, payload), Code::InvalidPayload, "{payload:?}");
        }
        let token = to_base64url(&[0; TOKEN_BYTES]);
        let good = format!(r#"{{"challenge":"{token}","counter":"0000000000000000"}}"#);
        assert!(Request::decode(&frame(Kind::Solution, &good)).is_ok());
        let twice = good.replace('}', r#","counter":"0000000000000000"}"#);
        let array = format!(r#"["{token}","0000000000000000"]"#);
        for payload in [twice, array, good.replace("counter", "count")] {
            assert_eq!(code(Kind::Solution, &payload), Code::InvalidPayload, "{payload}");
        }
        let more = good.replace('}', r#","more":{"challenge":1},"more":2}"#);
        assert!(Request::decode(&frame(Kind::Solution, more)).is_ok());
    }

    #[test]
    fn w13_an_unknown_field_may_be_nested_deep() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(1500), "]".repeat(1500));
        assert_eq!(Request::decode(&frame(Kind::ChallengeRequest, deep)), Ok(Request::Challenge));
    }

    #[test]
    fn w14_messages_of_a_server_are_invalid_from_a_client() {
        for kind in [Kind::Challenge, Kind::Quote, Kind::Error] {
            assert_eq!(code(kind, "{}"), Code::UnexpectedMessage);
            assert_eq!(code(kind, ""), Code::UnexpectedMessage);
        }
    }

    #[test]
    fn w19_and_w20_challenge_and_counter_have_one_canonical_form() {
        let token = to_base64url(&[0; TOKEN_BYTES]);
        let solution = |challenge: &str, counter: &str| {
            code(Kind::Solution, format!(r#"{{"challenge":"{challenge}","counter":{counter}}}"#))
        };
        for counter in [
            "0",
            "\"000000000000000\"",
            "\"000000000000000A\"",
            "\"+00000000000000f\"",
            "\"00000000000000000\"",
        ] {
            assert_eq!(solution(&token, counter), Code::InvalidPayload, "{counter}");
        }
        for challenge in [&token[..85], &format!("{token}=="), &to_base64url(&[0; 65])] {
            assert_eq!(solution(challenge, "\"0000000000000000\""), Code::InvalidPayload, "{challenge}");
        }
    }

    #[test]
    fn w01_a_challenge_that_disagrees_with_its_token_is_recognized() {
        let token = Token { version: 1, algorithm: 1, ..Token::read(&[1; TOKEN_BYTES]) };
        let challenge = Challenge::of(&token);
        assert_eq!(challenge.disagreement(), None);
        let easier = Challenge { difficulty: 0, ..challenge.clone() };
        assert_eq!(easier.disagreement(), Some("difficulty"));
        let longer = Challenge { expires_at_ms: challenge.expires_at_ms + 1, ..challenge };
        assert_eq!(longer.disagreement(), Some("expires_at_ms"));
    }

    #[test]
    fn a_quotation_beyond_the_limit_is_invalid() {
        let text =
            |bytes: usize| format!(r#"{{"quote":"{}","author":"a","source":"api"}}"#, "x".repeat(bytes));
        assert!(Response::decode(&frame(Kind::Quote, text(QUOTE_BYTES_MAX))).is_ok());
        assert!(Response::decode(&frame(Kind::Quote, text(QUOTE_BYTES_MAX + 1))).is_err());
    }
}
