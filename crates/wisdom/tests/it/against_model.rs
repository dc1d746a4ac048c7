//! The service against the model: each reply to any request, split at any byte, is one that the model accepts.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::{Challenge, Response};
use protocol::wisdom::model::Model;
use protocol::wisdom::token::{Token, to_base64url};
use protocol::{Framing, Next};
use server::clock::MonotonicClock;
use server::service::Service;
use wisdom::service::{ChallengeSettings, Range, WisdomService, quotations};

use super::client::{REQUEST, counter, frame, solution};
use super::expiry::settings;

/// A step of a client.
#[derive(Clone, Debug)]
enum Step {
    /// Opens a connection.
    Open,
    /// Requests a challenge.
    Request,
    /// Solves a received challenge, correctly or not.
    Solve { challenge: usize, is_valid: bool },
    /// Solves a challenge that the server did not issue.
    Forge { bit: usize },
    /// Sends a frame of any type with any payload.
    Send { kind: u8, payload: Vec<u8> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Open),
        3 => Just(Step::Request),
        4 => (any::<usize>(), prop::bool::weighted(0.7))
            .prop_map(|(challenge, is_valid)| Step::Solve { challenge, is_valid }),
        1 => (0..512_usize).prop_map(|bit| Step::Forge { bit }),
        1 => (0..8_u8, vec(any::<u8>(), 0..20)).prop_map(|(kind, payload)| Step::Send { kind, payload }),
    ];
    vec(step, 1..40)
}

/// The frame of a step; none if the step sends nothing.
fn frame_of(step: &Step, received: &[Challenge]) -> Option<Vec<u8>> {
    match step {
        Step::Open => None,
        Step::Request => Some(REQUEST.to_vec()),
        Step::Solve { challenge, is_valid } => {
            let challenge = received.get(challenge % received.len().max(1))?;
            let needed = u32::from(challenge.difficulty);
            let counter = counter(&challenge.token, |bits| (bits >= needed) == *is_valid);
            Some(solution(&to_base64url(&challenge.token), counter))
        }
        Step::Forge { bit } => {
            let mut token = received.first()?.token;
            token[bit / 8] ^= 1 << (bit % 8);
            let needed = u32::from(Token::read(&token).difficulty);
            // More work would take too long.
            let counter = if needed <= 8 { counter(&token, |bits| bits >= needed) } else { 0 };
            Some(solution(&to_base64url(&token), counter))
        }
        Step::Send { kind, payload } => Some(frame(*kind, payload)),
    }
}

/// All frames of `replies`, which are complete.
fn responses(mut replies: &[u8]) -> Vec<Response> {
    let mut found = Vec::new();
    while !replies.is_empty() {
        let mut frames = Frames::new(FRAME_BYTES_MAX);
        let (taken, Next::Frame(frame)) = frames.next(replies) else {
            panic!("an incomplete reply: {replies:?}")
        };
        found.push(Response::decode(frame).expect("a valid response"));
        replies = &replies[taken..];
    }
    found
}

proptest! {
    #[test]
    fn each_reply_is_accepted_by_the_model(steps in steps(), cut in 1..200_usize) {
        let challenges = ChallengeSettings { difficulty: Range { base: 2, min: 2, max: 2 }, ..settings() };
        let service = WisdomService::new(challenges, quotations::Settings::default(), MonotonicClock)
            .expect("the service starts");
        let peer = [127, 0, 0, 1].into();
        let (mut model, mut received) = (Model::default(), Vec::new());
        let mut session = service.open_session(peer);
        for step in steps {
            let Some(frame) = frame_of(&step, &received) else {
                session = service.open_session(peer);
                continue;
            };
            let (mut replies, mut requests, mut is_closed) = (Vec::new(), 0, false);
            for part in frame.chunks(cut) {
                let answered = service.answer(&mut session, part, &mut replies);
                requests += answered.requests;
                is_closed |= answered.closes_connection;
                if is_closed {
                    break;
                }
            }
            let responses = responses(&replies);
            prop_assert_eq!((responses.len(), requests), (1, 1), "{:?}", step);
            prop_assert!(model.accept(&frame, &responses[0]).is_ok(), "{:?} after {:?}", responses[0], step);
            match &responses[0] {
                Response::Challenge(challenge) => received.push(challenge.clone()),
                Response::Quote(_) => prop_assert!(is_closed),
                Response::Error(_) => {}
            }
            if is_closed {
                session = service.open_session(peer);
            }
        }
    }
}
