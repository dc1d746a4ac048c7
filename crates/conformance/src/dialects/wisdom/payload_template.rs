//! What a client of WOW/1 says that depends on what it was told: solutions, right ones and wrong ones.
//!
//! `{solution}` in the bytes of a case stands for a SOLUTION of the challenge that came last. Words behind it make it another:
//!
//! | word | what is other |
//! | --- | --- |
//! | a number | the challenge: the one that came so many after the first |
//! | `next` | the challenge: the oldest one that was not solved by this word yet |
//! | `ahead` | nothing is said: all challenges that came are solved, for later |
//! | `forged` | the token: made up, another one each time, with any counter |
//! | `more` | the counter: three bits more than asked for |
//! | `less` | the counter: exactly one bit less |
//! | `none` | the counter: no zero bit |
//! | `other` | the counter: the second one that is enough |
//! | `flip` | the token: its next bit is flipped, and the counter solves what comes of it |
//! | `flip=N` | the same with this bit |
//! | `number`, `upper`, `short`, `long` | the form of the counter: a JSON number, upper case, 15 digits, 17 digits |
//! | `spare`, `padded`, `cut`, `wide` | the form of the token: bits that have to be zero, padding, 63 bytes, 65 bytes |
//! | `twice`, `array`, `behind`, `beside` | the object: a key twice, an array, bytes behind it, unknown keys beside |
//! | `head`, `rest` | the frame: its first half, its second half |

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::wisdom::messages::Response;
use protocol::wisdom::proof::Search;
use protocol::wisdom::token::{TOKEN_BYTES, Token};

use crate::dialect::PayloadTemplate;
use driver::moves::Slot;

/// What a place begins with.
const PLACE: &[u8] = b"{solution";

/// A flipped token that asks for more than this is sent with any counter: nobody could solve it.
const FLIPPED_BITS_MAX: u8 = 18;

/// No challenge of a right server takes more counters than this.
const COUNTERS_MAX: u64 = 1 << 34;

/// A client of one case.
#[derive(Debug, Default)]
pub(crate) struct Speaker {
    /// The challenges, in the order in which they came.
    tokens: Vec<[u8; TOKEN_BYTES]>,
    /// The bit that is flipped next.
    next_bit: usize,
    /// The challenge that is solved next in turn.
    next_token: usize,
    /// How many tokens were made up.
    forged: u64,
    /// The counters that were found, for a crowd that sends the same, and for those that were found ahead.
    found: BTreeMap<Sought, u64>,
}

/// What a counter is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sought {
    token: [u8; TOKEN_BYTES],
    bits: Bits,
    /// Whether its hex digits have to hold a letter.
    has_letter: bool,
}

/// How many zero bits a counter has to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bits {
    AtLeast(u32),
    Exactly(u32),
    /// At least so many, and the second counter that does.
    AtLeastAgain(u32),
}

impl PayloadTemplate for Speaker {
    fn fill(&mut self, _: Slot, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(begin) = rest.windows(PLACE.len()).position(|window| window == PLACE) {
            let Some(length) = rest[begin..].iter().position(|&byte| byte == b'}') else { break };
            out.extend_from_slice(&rest[..begin]);
            let words = String::from_utf8_lossy(&rest[begin + PLACE.len()..begin + length]).into_owned();
            out.extend(self.solution(&words));
            rest = &rest[begin + length + 1..];
        }
        out.extend_from_slice(rest);
    }

    fn note(&mut self, _: Slot, reply: &[u8]) {
        if let Ok(Response::Challenge(challenge)) = Response::decode(reply) {
            self.tokens.push(challenge.token);
        }
    }
}

impl Speaker {
    fn solution(&mut self, words: &str) -> Vec<u8> {
        let has = |word: &str| words.split(' ').any(|other| other == word);
        if has("ahead") {
            self.solve_all();
            return Vec::new();
        }
        let mut number = words.split(' ').find_map(|word| word.parse::<usize>().ok());
        if has("next") {
            number = Some(self.next_token);
            self.next_token += 1;
        }
        let token = number.map_or(self.tokens.last(), |number| self.tokens.get(number));
        // Without a challenge there is nothing to solve; that none came is found wrong already.
        let mut token = token.copied().unwrap_or([0; TOKEN_BYTES]);
        if has("forged") {
            self.forged += 1;
            token = forged(self.forged);
        }
        if let Some(bit) = self.bit_to_flip(words) {
            token[bit / 8] ^= 0x80 >> (bit % 8);
        }
        let difficulty = u32::from(Token::read(&token).difficulty);
        let bits = match difficulty {
            _ if has("more") => Bits::AtLeast(difficulty + 3),
            _ if has("less") => Bits::Exactly(difficulty.saturating_sub(1)),
            _ if has("none") => Bits::Exactly(0),
            _ if has("other") => Bits::AtLeastAgain(difficulty),
            _ if has("forged") => Bits::AtLeast(0),
            _ if words.contains("flip") && difficulty > FLIPPED_BITS_MAX.into() => Bits::AtLeast(0),
            _ => Bits::AtLeast(difficulty),
        };
        let counter = self.counter(Sought { token, bits, has_letter: has("upper") });
        let challenge = match () {
            () if has("spare") => with_spare_bits(&URL_SAFE_NO_PAD.encode(token)),
            () if has("padded") => URL_SAFE_NO_PAD.encode(token) + "==",
            () if has("cut") => URL_SAFE_NO_PAD.encode(&token[..63]),
            () if has("wide") => URL_SAFE_NO_PAD.encode([&token[..], &[0]].concat()),
            () => URL_SAFE_NO_PAD.encode(token),
        };
        let counter = match () {
            () if has("number") => format!("{counter}"),
            () if has("upper") => format!("\"{counter:016X}\""),
            () if has("short") => format!("\"{counter:015x}\""),
            () if has("long") => format!("\"{counter:017x}\""),
            () => format!("\"{counter:016x}\""),
        };
        let payload = match () {
            () if has("twice") => {
                format!(r#"{{"challenge":"{challenge}","counter":{counter},"counter":{counter}}}"#)
            }
            () if has("array") => format!(r#"["{challenge}",{counter}]"#),
            () if has("behind") => format!(r#"{{"challenge":"{challenge}","counter":{counter}}} {{}}"#),
            () if has("beside") => {
                format!(r#"{{"a":1,"challenge":"{challenge}","b":[{{}}],"counter":{counter},"a":null}}"#)
            }
            () => format!(r#"{{"challenge":"{challenge}","counter":{counter}}}"#),
        };
        let frame = frame(3, payload.as_bytes());
        let half = frame.len() / 2;
        match () {
            () if has("head") => frame[..half].to_vec(),
            () if has("rest") => frame[half..].to_vec(),
            () => frame,
        }
    }

    fn solve_all(&mut self) {
        for token in self.tokens.clone() {
            let bits = Bits::AtLeast(Token::read(&token).difficulty.into());
            let _ = self.counter(Sought { token, bits, has_letter: false });
        }
    }

    fn bit_to_flip(&mut self, words: &str) -> Option<usize> {
        for word in words.split(' ') {
            if let Some(number) = word.strip_prefix("flip=") {
                return number.parse().ok();
            }
            if word == "flip" {
                self.next_bit += 1;
                return Some((self.next_bit - 1) % (8 * TOKEN_BYTES));
            }
        }
        None
    }

    fn counter(&mut self, sought: Sought) -> u64 {
        if let Some(counter) = self.found.get(&sought) {
            return *counter;
        }
        let mut search = Search::new(&sought.token);
        let mut fits = |counter: &u64| {
            let bits = search.zero_bits(*counter);
            let is_enough = match sought.bits {
                Bits::AtLeast(least) | Bits::AtLeastAgain(least) => bits >= least,
                Bits::Exactly(wanted) => bits == wanted,
            };
            is_enough && (!sought.has_letter || format!("{counter:x}").bytes().any(|digit| digit > b'9'))
        };
        let passed_over = usize::from(matches!(sought.bits, Bits::AtLeastAgain(_)));
        let counter = (0..COUNTERS_MAX).filter(|counter| fits(counter)).nth(passed_over).unwrap_or(0);
        self.found.insert(sought, counter);
        counter
    }
}

/// A token that looks like one, and that nobody has signed.
fn forged(number: u64) -> [u8; TOKEN_BYTES] {
    let mut token = Token::read(&[0x5a; TOKEN_BYTES]);
    (token.version, token.algorithm, token.difficulty, token.key_id) = (1, 1, 1, 1);
    // In the year 2100, so that nobody takes it for one that has expired.
    (token.issued_ms, token.ttl_ms) = (4_102_444_800_000, 60_000);
    token.nonce[..8].copy_from_slice(&number.to_be_bytes());
    token.bytes()
}

/// The same 64 bytes with another last character: its four lowest bits are no part of them, and have to be zero.
fn with_spare_bits(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.find(last).unwrap_or(0);
    format!("{head}{}", &ALPHABET[value + 1..value + 2])
}

/// A frame of this type. Written out here, so that what a server reads was not written by what reads it.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&[b'W', b'W', 1, kind][..], &length.to_be_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use protocol::wisdom::messages::{Challenge, Request, Solution};
    use protocol::wisdom::proof::zero_bits;

    use super::*;

    fn told() -> (Speaker, [u8; TOKEN_BYTES]) {
        let mut token = Token::read(&[3; TOKEN_BYTES]);
        (token.version, token.algorithm, token.difficulty) = (1, 1, 6);
        let mut reply = Vec::new();
        Response::Challenge(Challenge::of(&token)).encode(&mut reply);
        let mut speaker = Speaker::default();
        speaker.note(0, &reply);
        (speaker, token.bytes())
    }

    fn said(speaker: &mut Speaker, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        speaker.fill(0, bytes, &mut out);
        out
    }

    fn solution(speaker: &mut Speaker, bytes: &[u8]) -> Option<Solution> {
        match Request::decode(&said(speaker, bytes)) {
            Ok(Request::Solution(solution)) => Some(solution),
            _ => None,
        }
    }

    #[test]
    fn the_counters_bring_the_bits_that_they_are_to() {
        let (mut speaker, token) = told();
        let mut bits = |place: &[u8]| {
            let solution = solution(&mut speaker, place).unwrap();
            assert_eq!(solution.token, token);
            (solution.counter, zero_bits(&token, solution.counter))
        };
        let (first, enough) = bits(b"{solution}");
        assert!(enough >= 6);
        assert!(bits(b"{solution more}").1 >= 9);
        assert_eq!(bits(b"{solution 0 less}").1, 5);
        assert_eq!(bits(b"{solution none}").1, 0);
        let (second, enough) = bits(b"{solution other}");
        assert!(enough >= 6 && second > first);
    }

    #[test]
    fn each_bit_is_flipped_in_turn_and_what_comes_of_it_is_solved() {
        let (mut speaker, token) = told();
        for bit in 0..8 * TOKEN_BYTES {
            let solution = solution(&mut speaker, b"{solution flip}").unwrap();
            let flipped: u32 =
                solution.token.iter().zip(&token).map(|(one, other)| (one ^ other).count_ones()).sum();
            assert_eq!(flipped, 1, "bit {bit}");
            let difficulty = solution.token[2];
            if difficulty <= FLIPPED_BITS_MAX {
                assert!(zero_bits(&solution.token, solution.counter) >= difficulty.into(), "bit {bit}");
            }
        }
    }

    #[test]
    fn challenges_are_solved_in_turn_and_ahead_and_forged_ones_are_others() {
        let (mut speaker, first) = told();
        let mut token = Token::read(&first);
        token.nonce[0] = 1;
        let mut reply = Vec::new();
        Response::Challenge(Challenge::of(&token)).encode(&mut reply);
        speaker.note(7, &reply);
        assert_eq!(said(&mut speaker, b"{solution ahead}"), b"");
        assert_eq!(speaker.found.len(), 2);
        for token in [first, token.bytes()] {
            let solution = solution(&mut speaker, b"{solution next}").unwrap();
            assert_eq!(solution.token, token);
            assert!(zero_bits(&token, solution.counter) >= 6);
        }
        let forged: Vec<Solution> =
            (0..2).map(|_| solution(&mut speaker, b"{solution forged}").unwrap()).collect();
        assert!(forged[0].token != forged[1].token && forged[0].token != first);
    }

    #[test]
    fn wrong_forms_are_wrong() {
        let (mut speaker, _) = told();
        for word in
            ["number", "upper", "short", "long", "spare", "padded", "cut", "wide", "twice", "array", "behind"]
        {
            let place = format!("{{solution {word}}}");
            assert_eq!(solution(&mut speaker, place.as_bytes()), None, "{word}");
        }
        assert!(solution(&mut speaker, b"{solution beside}").is_some());
    }

    #[test]
    fn two_halves_are_one_and_what_is_around_stays() {
        let (mut speaker, _) = told();
        let whole = said(&mut speaker, b"{solution}");
        assert_eq!(said(&mut speaker, b"{solution head}{solution rest}"), whole);
        assert_eq!(said(&mut speaker, b"a{}b"), b"a{}b");
    }
}
