//! Quotations for a proof of work, WOW/1: a client asks for a challenge, finds a counter whose hash begins with enough
//! zero bits, and gets a quotation for it, once.
//!
//! A request goes through these files as it goes over the wire: [`frames`] cuts the stream, [`messages`] reads what a
//! frame says, [`token`] says whether the challenge is the server's own, [`proof`] whether the work was done.

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

/// The protocol that clause ids such as `W01` speak of; docs/WISDOM.md lists the clauses.
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
