//! Who hears every event of a run beside its judge: the terminal of somebody who debugs, and the history on disk.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::rc::Rc;

use crate::drive::Ending;
use crate::history::{Event, Header, What, Writer};
use crate::report::transcript::write_event;

/// The listeners of a run; clones are the same listeners.
#[derive(Clone, Debug, Default)]
pub struct Listening(Rc<Listeners>);

#[derive(Debug, Default)]
struct Listeners {
    is_debug: bool,
    recorder: RefCell<Option<Writer<File>>>,
    /// Why the history on disk is not whole.
    failed: RefCell<Option<io::Error>>,
    last_ns: std::cell::Cell<u64>,
}

impl Listening {
    /// Every event goes to standard error, if that is wanted, and into a file, if there is one.
    #[must_use]
    pub fn new(is_debug: bool, file: Option<File>) -> Self {
        let (recorder, failed) = match file.map(Writer::new).transpose() {
            Ok(recorder) => (recorder, None),
            Err(error) => (None, Some(error)),
        };
        let (recorder, failed) = (RefCell::new(recorder), RefCell::new(failed));
        Self(Rc::new(Listeners { is_debug, recorder, failed, ..Listeners::default() }))
    }

    /// Whether every event is shown.
    #[must_use]
    pub fn is_debug(&self) -> bool {
        self.0.is_debug
    }

    /// A part of the run begins: a workload, or cases side by side.
    pub fn begin(&self, header: &Header) {
        self.record(|recorder| recorder.begin(header));
    }

    /// Something happened.
    pub fn hear(&self, event: &Event<'_>) {
        if self.0.is_debug {
            // Somebody who closes standard error wants to see no more.
            let _ = write_event(&mut io::stderr(), event);
        }
        self.0.last_ns.set(event.at_ns);
        self.record(|recorder| recorder.write(event));
    }

    /// The part is over.
    pub fn end(&self, ending: Ending) {
        let at_ns = self.0.last_ns.get();
        let event = Event { at_ns, client: 0, connection: 0, event: What::RunEnded(ending) };
        self.record(|recorder| recorder.write(&event));
    }

    /// Brings the history to the disk.
    ///
    /// # Errors
    /// It is not whole, for this reason.
    pub fn finish(&self) -> io::Result<()> {
        if let Some(recorder) = self.0.recorder.take() {
            recorder.finish()?;
        }
        self.0.failed.take().map_or(Ok(()), Err)
    }

    fn record(&self, write: impl FnOnce(&mut Writer<File>) -> io::Result<()>) {
        let mut recorder = self.0.recorder.borrow_mut();
        if let Some(writer) = recorder.as_mut()
            && let Err(error) = write(writer)
        {
            *recorder = None;
            self.0.failed.replace(Some(error));
        }
    }
}
