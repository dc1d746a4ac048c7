//! WOW/1, quotations for a proof of work: a client requests a challenge, finds a counter whose hash begins with
//! enough zero bits, and receives one quotation for it.
//!
//! The modules follow a request: [`frames`] splits the stream, [`messages`] decodes a frame, [`token`] verifies that
//! the server issued the challenge, and [`proof`] verifies the work.

pub mod clauses;
mod codes;
pub mod frames;
pub mod messages;
pub mod model;
pub mod proof;
pub mod token;

use crate::{Protocol, Unacceptable};
use frames::{Frames, Malformed};
use messages::{Request, Response};
use model::Model;

/// The protocol WOW/1. docs/WISDOM.md lists its clauses.
#[derive(Clone, Copy, Debug)]
pub struct Wisdom;

impl Protocol for Wisdom {
    type Framing = Frames;
    type Request<'a> = Request;
    type Response = Response;
    type Malformed = Malformed;
    type Model = Model;

    fn framing(frame_bytes_max: usize) -> Frames {
        Frames::new(frame_bytes_max)
    }

    fn decode_request(frame: &[u8]) -> Result<Request, Malformed> {
        Request::decode(frame)
    }

    fn encode_request(request: &Request, out: &mut Vec<u8>) {
        request.encode(out);
    }

    fn decode_response(frame: &[u8]) -> Result<Response, Malformed> {
        Response::decode(frame)
    }

    fn encode_response(response: &Response, out: &mut Vec<u8>) {
        response.encode(out);
    }

    fn accept(model: &mut Model, request: &[u8], response: &Response) -> Result<(), Unacceptable<Response>> {
        model.accept(request, response).map_err(|expected| Unacceptable { expected })
    }
}
