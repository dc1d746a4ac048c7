//! The sequential specification of WOW/1: the spent challenges, and the replies that they permit.
//!
//! The model has no keys and no clock, so it accepts every reply that depends on them. It requires the rest: a
//! quotation needs sufficient work, and a challenge yields one quotation.

use std::collections::BTreeSet;

use super::messages::{Code, Request, Response, Solution};
use super::proof;
use super::token::Token;

/// The nonces of the challenges that have yielded their quotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    spent: BTreeSet<[u8; 16]>,
}

impl Model {
    /// Applies one request with its reply.
    ///
    /// # Errors
    /// If the reply is not allowed, returns one that is allowed. The model remains unchanged.
    pub fn accept(&mut self, request: &[u8], response: &Response) -> Result<(), Response> {
        let solution = match Request::decode(request) {
            Err(malformed) => return one_of(&[malformed.into()], response),
            Ok(Request::Challenge) => {
                return match response {
                    Response::Challenge(challenge) if challenge.disagreement().is_none() => Ok(()),
                    _ => one_of(&[Code::UnexpectedMessage], response),
                };
            }
            Ok(Request::Solution(solution)) => solution,
        };
        let nonce = Token::read(&solution.token).nonce;
        let is_spent = self.spent.contains(&nonce);
        if !is_sufficient(&solution) {
            return one_of(
                &[
                    Code::InsufficientWork,
                    Code::TooManyAttempts,
                    Code::InvalidSignature,
                    Code::ChallengeExpired,
                ],
                response,
            );
        }
        match response {
            Response::Quote(_) if !is_spent => {
                self.spent.insert(nonce);
                Ok(())
            }
            _ if is_spent => {
                one_of(&[Code::Replayed, Code::InvalidSignature, Code::ChallengeExpired], response)
            }
            _ => one_of(&[Code::InvalidSignature, Code::ChallengeExpired], response),
        }
    }
}

/// Returns whether the solution meets the difficulty of its token.
fn is_sufficient(solution: &Solution) -> bool {
    let difficulty = Token::read(&solution.token).difficulty;
    proof::zero_bits(&solution.token, solution.counter) >= difficulty.into()
}

/// Accepts an error with one of these codes, or with a code that is always allowed.
fn one_of(codes: &[Code], response: &Response) -> Result<(), Response> {
    match response {
        Response::Error(refusal) if codes.contains(&refusal.code) || refusal.code.is_always_allowed() => {
            Ok(())
        }
        _ => Err(Response::Error(codes[0].into())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Challenge, Quotation, Source};
    use super::super::proof::Search;
    use super::*;

    fn encoded(request: &Request) -> Vec<u8> {
        let mut frame = Vec::new();
        request.encode(&mut frame);
        frame
    }

    fn solution(nonce: u8, difficulty: u8, is_sufficient: bool) -> Vec<u8> {
        let mut token = Token::read(&[nonce; 64]);
        token.difficulty = difficulty;
        let token = token.bytes();
        let bits = |counter: u64| Search::new(&token).zero_bits(counter);
        let counter =
            (0..10_000).find(|&counter| (bits(counter) >= difficulty.into()) == is_sufficient).unwrap();
        encoded(&Request::Solution(Solution { token, counter }))
    }

    fn quote() -> Response {
        Response::Quote(Quotation { quote: "q".into(), author: "a".into(), source: Source::Fallback })
    }

    fn refused(code: Code) -> Response {
        Response::Error(code.into())
    }

    #[test]
    fn w25_a_challenge_yields_one_quotation() {
        let mut model = Model::default();
        let sufficient = solution(1, 6, true);
        assert_eq!(model.accept(&sufficient, &quote()), Ok(()));
        assert_eq!(model.accept(&sufficient, &quote()), Err(refused(Code::Replayed)));
        assert_eq!(model.accept(&sufficient, &refused(Code::Replayed)), Ok(()));
        assert_eq!(model.accept(&solution(2, 6, true), &quote()), Ok(()));
        assert_eq!(
            model.accept(&solution(3, 6, true), &refused(Code::Replayed)),
            Err(refused(Code::InvalidSignature))
        );
    }

    #[test]
    fn w21_insufficient_work_yields_no_quotation() {
        let mut model = Model::default();
        let insufficient = solution(1, 6, false);
        assert_eq!(model.accept(&insufficient, &quote()), Err(refused(Code::InsufficientWork)));
        assert_eq!(model.accept(&insufficient, &refused(Code::InsufficientWork)), Ok(()));
        assert_eq!(
            model.accept(&insufficient, &refused(Code::MalformedFrame)),
            Err(refused(Code::InsufficientWork))
        );
        assert_eq!(model, Model::default());
    }

    #[test]
    fn a_request_yields_a_challenge_that_agrees_with_its_token() {
        let mut model = Model::default();
        let request = encoded(&Request::Challenge);
        let mut token = Token::read(&[1; 64]);
        (token.version, token.algorithm) = (1, 1);
        let challenge = Challenge::of(&token);
        assert_eq!(model.accept(&request, &Response::Challenge(challenge.clone())), Ok(()));
        let contradicting = Challenge { difficulty: 0, ..challenge };
        assert!(model.accept(&request, &Response::Challenge(contradicting)).is_err());
        assert_eq!(model.accept(&request, &refused(Code::ServerBusy)), Ok(()));
        assert_eq!(model.accept(b"XX", &refused(Code::MalformedFrame)), Ok(()));
        assert!(model.accept(b"XX", &quote()).is_err());
    }
}
