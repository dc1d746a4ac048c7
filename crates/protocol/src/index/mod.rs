//! The package index: requests `<command>|<package>|<dependencies>\n` with the replies `OK`, `FAIL` and `ERROR`.
//!
//! A server keeps an index of packages and their dependencies. A package can be indexed only while all its
//! dependencies are indexed, and removed only while no other indexed package depends on it.

pub mod clauses;
pub mod model;
pub mod wire;

use crate::{Lines, Protocol, Unacceptable};
use model::Model;
use wire::{Malformed, Reply, Request};

/// The protocol of the package index. docs/PROTOCOL.md lists its clauses.
#[derive(Clone, Copy, Debug)]
pub struct Index;

impl Protocol for Index {
    type Framing = Lines;
    type Request<'a> = Request<'a>;
    type Response = Reply;
    type Malformed = Malformed;
    type Model = Model;

    fn framing(frame_bytes_max: usize) -> Lines {
        Lines::new(frame_bytes_max)
    }

    fn decode_request(frame: &[u8]) -> Result<Request<'_>, Malformed> {
        Request::decode(frame)
    }

    fn encode_request(request: &Request<'_>, out: &mut Vec<u8>) {
        request.encode(out);
    }

    fn decode_response(frame: &[u8]) -> Result<Reply, Malformed> {
        Reply::decode(frame)
    }

    fn encode_response(response: &Reply, out: &mut Vec<u8>) {
        out.extend_from_slice(response.line());
    }

    fn accept(model: &mut Model, request: &[u8], response: &Reply) -> Result<(), Unacceptable<Reply>> {
        let mut after = model.clone();
        let expected = after.answer(request);
        if expected != *response {
            return Err(Unacceptable { expected });
        }
        *model = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_advances_the_model_only_for_an_expected_reply() {
        let mut model = Model::default();
        let wrong = Index::accept(&mut model, b"INDEX|a|", &Reply::Fail);
        assert_eq!(wrong, Err(Unacceptable { expected: Reply::Ok }));
        assert_eq!(model, Model::default());
        assert_eq!(Index::accept(&mut model, b"INDEX|a|", &Reply::Ok), Ok(()));
        assert_eq!(Index::accept(&mut model, b"QUERY|a|", &Reply::Ok), Ok(()));
    }

    #[test]
    fn encoding_reverses_decoding() {
        for line in ["INDEX|cloog|gmp,isl,pkg-config", "REMOVE|cloog|", "QUERY|cloog|ignored"] {
            let mut out = Vec::new();
            Index::encode_request(&Index::decode_request(line.as_bytes()).unwrap(), &mut out);
            assert_eq!(out, format!("{line}\n").as_bytes());
        }
        for reply in ["OK", "FAIL", "ERROR"] {
            let mut out = Vec::new();
            Index::encode_response(&Index::decode_response(reply.as_bytes()).unwrap(), &mut out);
            assert_eq!(out, format!("{reply}\n").as_bytes());
        }
    }
}
