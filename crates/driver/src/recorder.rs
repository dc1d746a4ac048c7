//! The recorder of a run: passes each event to an observer and writes it to a history file.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::rc::Rc;
use std::{fmt, io};

use crate::history::{Ending, Event, EventKind, Header, Writer};

/// A function that sees every event as it happens, such as a live transcript.
pub type Observer = Box<dyn Fn(&Event<'_>)>;

/// Records the events of a run. Clones share one file and one observer.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Rc<Shared>);

#[derive(Default)]
struct Shared {
    observer: Option<Observer>,
    writer: RefCell<Option<Writer<File>>>,
    /// The reason for which the history file is incomplete.
    failure: RefCell<Option<io::Error>>,
    last_ns: Cell<u64>,
}

impl Recorder {
    /// Returns a recorder that calls `observer` for every event and writes the events to `file`.
    #[must_use]
    pub fn new(observer: Option<Observer>, file: Option<File>) -> Self {
        let writer = RefCell::new(file.map(Writer::new));
        Self(Rc::new(Shared { observer, writer, failure: RefCell::new(None), last_ns: Cell::new(0) }))
    }

    /// Begins a part of the history: a workload, or a batch of cases.
    pub fn begin(&self, header: &Header) {
        self.write(|writer| writer.begin(header));
    }

    /// Records an event.
    pub fn record(&self, event: &Event<'_>) {
        if let Some(observer) = &self.0.observer {
            observer(event);
        }
        self.0.last_ns.set(event.at_ns);
        self.write(|writer| writer.write(event));
    }

    /// Ends the current part of the history.
    pub fn end(&self, ending: Ending) {
        let at_ns = self.0.last_ns.get();
        let event = Event { at_ns, client: 0, connection: 0, event: EventKind::RunEnded(ending) };
        self.write(|writer| writer.write(&event));
    }

    /// Writes the rest of the history to disk.
    ///
    /// # Errors
    /// Returns the error because of which the history file is incomplete.
    pub fn finish(&self) -> io::Result<()> {
        if let Some(writer) = self.0.writer.take() {
            writer.finish()?;
        }
        self.0.failure.take().map_or(Ok(()), Err)
    }

    fn write(&self, write: impl FnOnce(&mut Writer<File>) -> io::Result<()>) {
        let mut writer = self.0.writer.borrow_mut();
        if let Some(open) = writer.as_mut()
            && let Err(error) = write(open)
        {
            *writer = None;
            self.0.failure.replace(Some(error));
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("last_ns", &self.last_ns).finish_non_exhaustive()
    }
}
