//! The service against the model: whatever clients send, however it is cut, each reply is one that the specification
//! allows.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::{Challenge, Response};
use protocol::wisdom::model::Model;
use protocol::wisdom::token::{Token, to_base64url};
use protocol::{Framing, Next};
use server::clock::MonotonicClock;
use server::service::Service;
use server::service::wisdom::{Range, Settings, WisdomService};

use super::client::{REQUEST, counter, frame, solution};
use super::expiry::settings;

/// What a client does next.
#[derive(Clone, Debug)]
enum Step {
    /// It opens a connection.
    Open,
    /// It asks.
    Ask,
    /// It solves one of the challenges that were given, rightly or not.
    Solve { challenge: usize, is_right: bool },
    /// It solves a challenge that nobody gave.
    Forge { bit: usize },
    /// It sends a frame of any type with any payload.
    Say { kind: u8, payload: Vec<u8> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Open),
        3 => Just(Step::Ask),
        4 => (any::<usize>(), prop::bool::weighted(0.7))
            .prop_map(|(challenge, is_right)| Step::Solve { challenge, is_right }),
        1 => (0..512_usize).prop_map(|bit| Step::Forge { bit }),
        1 => (0..8_u8, vec(any::<u8>(), 0..20)).prop_map(|(kind, payload)| Step::Say { kind, payload }),
    ];
    vec(step, 1..40)
}

/// The frame of a step; nothing for what is not one.
fn frame_of(step: &Step, given: &[Challenge]) -> Option<Vec<u8>> {
    match step {
        Step::Open => None,
        Step::Ask => Some(REQUEST.to_vec()),
        Step::Solve { challenge, is_right } => {
            let challenge = given.get(challenge % given.len().max(1))?;
            let needed = u32::from(challenge.difficulty);
            let counter = counter(&challenge.token, |bits| (bits >= needed) == *is_right);
            Some(solution(&to_base64url(&challenge.token), counter))
        }
        Step::Forge { bit } => {
            let mut token = given.first()?.token;
            token[bit / 8] ^= 1 << (bit % 8);
            let needed = u32::from(Token::read(&token).difficulty);
            // Beyond this nobody can do the work.
            let counter = if needed <= 8 { counter(&token, |bits| bits >= needed) } else { 0 };
            Some(solution(&to_base64url(&token), counter))
        }
        Step::Say { kind, payload } => Some(frame(*kind, payload)),
    }
}

/// All frames of `replies`, which are whole.
fn responses(mut replies: &[u8]) -> Vec<Response> {
    let mut found = Vec::new();
    while !replies.is_empty() {
        let mut frames = Frames::new(FRAME_BYTES_MAX);
        let (taken, Next::Frame(frame)) = frames.next(replies) else { panic!("half a reply: {replies:?}") };
        found.push(Response::decode(frame).expect("a server's frame"));
        replies = &replies[taken..];
    }
    found
}

proptest! {
    #[test]
    fn each_reply_is_allowed(steps in steps(), cut in 1..200_usize) {
        let settings = Settings { difficulty: Range { base: 2, min: 2, max: 2 }, ..settings() };
        let service = WisdomService::new(settings, MonotonicClock).expect("it starts");
        let peer = [127, 0, 0, 1].into();
        let (mut model, mut given) = (Model::default(), Vec::new());
        let mut session = service.open_session(peer);
        for step in steps {
            let Some(frame) = frame_of(&step, &given) else {
                session = service.open_session(peer);
                continue;
            };
            let (mut replies, mut requests, mut is_over) = (Vec::new(), 0, false);
            for part in frame.chunks(cut) {
                let answered = service.answer(&mut session, part, &mut replies);
                requests += answered.requests;
                is_over |= answered.is_over;
                if is_over {
                    break;
                }
            }
            let responses = responses(&replies);
            prop_assert_eq!((responses.len(), requests), (1, 1), "{:?}", step);
            prop_assert!(model.accept(&frame, &responses[0]).is_ok(), "{:?} after {:?}", responses[0], step);
            match &responses[0] {
                Response::Challenge(challenge) => given.push(challenge.clone()),
                Response::Quote(_) => prop_assert!(is_over),
                Response::Error(_) => {}
            }
            if is_over {
                session = service.open_session(peer);
            }
        }
    }
}
