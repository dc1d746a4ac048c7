//! The sequential specification: which challenges have brought their quotation, and which replies that allows.
//!
//! It knows neither keys nor time, so it accepts what depends on them, and insists on the rest: a quotation is for
//! enough work, and once.

use std::collections::BTreeSet;

use super::messages::{Code, Request, Response, Solution};
use super::proof;
use super::token::Token;

/// The nonces of the challenges that have brought their quotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    spent: BTreeSet<[u8; 16]>,
}

impl Model {
    /// Takes one step.
    ///
    /// # Errors
    /// The reply is not allowed; brings one that would have been.
    pub fn accept(&mut self, request: &[u8], response: &Response) -> Result<(), Response> {
        let solution = match Request::decode(request) {
            Err(malformed) => return one_of(&[malformed.code()], response),
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
        if !is_paid(&solution) {
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

/// Whether the work was done that the token asks for.
fn is_paid(solution: &Solution) -> bool {
    let difficulty = Token::read(&solution.token).difficulty;
    proof::zero_bits(&solution.token, solution.counter) >= difficulty.into()
}

/// Allows an error with one of these codes, or with one that a server may always give.
fn one_of(codes: &[Code], response: &Response) -> Result<(), Response> {
    match response {
        Response::Error(refusal) if codes.contains(&refusal.code) || refusal.code.is_excuse() => Ok(()),
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

    fn solution(nonce: u8, difficulty: u8, is_paid: bool) -> Vec<u8> {
        let mut token = Token::read(&[nonce; 64]);
        token.difficulty = difficulty;
        let token = token.bytes();
        let bits = |counter: u64| Search::new(&token).zero_bits(counter);
        let counter = (0..10_000).find(|&counter| (bits(counter) >= difficulty.into()) == is_paid).unwrap();
        encoded(&Request::Solution(Solution { token, counter }))
    }

    fn quote() -> Response {
        Response::Quote(Quotation { quote: "q".into(), author: "a".into(), source: Source::Fallback })
    }

    fn refused(code: Code) -> Response {
        Response::Error(code.into())
    }

    #[test]
    fn w25_a_challenge_brings_one_quotation() {
        let mut model = Model::default();
        let paid = solution(1, 6, true);
        assert_eq!(model.accept(&paid, &quote()), Ok(()));
        assert_eq!(model.accept(&paid, &quote()), Err(refused(Code::Replayed)));
        assert_eq!(model.accept(&paid, &refused(Code::Replayed)), Ok(()));
        assert_eq!(model.accept(&solution(2, 6, true), &quote()), Ok(()));
        assert_eq!(
            model.accept(&solution(3, 6, true), &refused(Code::Replayed)),
            Err(refused(Code::InvalidSignature))
        );
    }

    #[test]
    fn w21_without_the_work_there_is_no_quotation() {
        let mut model = Model::default();
        let unpaid = solution(1, 6, false);
        assert_eq!(model.accept(&unpaid, &quote()), Err(refused(Code::InsufficientWork)));
        assert_eq!(model.accept(&unpaid, &refused(Code::InsufficientWork)), Ok(()));
        assert_eq!(
            model.accept(&unpaid, &refused(Code::MalformedFrame)),
            Err(refused(Code::InsufficientWork))
        );
        assert_eq!(model, Model::default());
    }

    #[test]
    fn a_request_brings_a_challenge_that_agrees_with_itself() {
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
