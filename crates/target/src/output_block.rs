//! A block of a target's output: nobody reads its standard output and standard error, and their pipes are full.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;

/// What the pipes are filled with: empty lines, which no message shows.
const FILLING: &[u8] = &[b'\n'; 4096];

/// The capacity of a pipe, in bytes, beyond which something else reads it.
const CAPACITY_BYTES_MAX: usize = 1 << 20;

/// The writing ends of full pipes.
#[derive(Debug)]
pub(crate) struct OutputBlock {
    pipes: Vec<File>,
}

impl OutputBlock {
    /// Fills the pipes with these reading ends, which nobody reads from now on. Returns `None` if that is not possible.
    pub(crate) fn begin(ends: &[OwnedFd]) -> Option<Self> {
        let mut pipes = Vec::new();
        for end in ends {
            let mut pipe = writing_end(end)?;
            let mut written = 0;
            while let Some(count) = write(&mut pipe, FILLING) {
                written += count;
                if written > CAPACITY_BYTES_MAX {
                    return None;
                }
            }
            // A pipe has room for less than a page.
            while write(&mut pipe, b"\n").is_some() {}
            pipes.push(pipe);
        }
        (!pipes.is_empty()).then_some(Self { pipes })
    }

    /// Returns whether the pipes are still full, so that whoever wrote to them was blocked.
    pub(crate) fn end(mut self) -> bool {
        self.pipes.iter_mut().all(|pipe| write(pipe, b"\n").is_none())
    }
}

/// Opens the pipe with this reading end for writing, as proc(5) describes. Other systems than Linux have no such path.
fn writing_end(end: &OwnedFd) -> Option<File> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
    let path = format!("/proc/self/fd/{}", end.as_raw_fd());
    File::options().write(true).custom_flags(nonblocking).open(path).ok()
}

/// Writes some of these bytes; `None` if the pipe is full.
fn write(pipe: &mut File, bytes: &[u8]) -> Option<usize> {
    match pipe.write(bytes) {
        Ok(count @ 1..) => Some(count),
        Err(error) if error.kind() == ErrorKind::Interrupted => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_full_pipe_blocks_its_writer_until_it_is_read() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let ends = [OwnedFd::from(reader.try_clone().unwrap())];
        let block = OutputBlock::begin(&ends).unwrap();
        assert!(block.end());

        let block = OutputBlock::begin(&ends).unwrap();
        let written = std::thread::spawn(move || writer.write(b"x").unwrap());
        // Reading makes room, so that the block has not lasted.
        reader.read_exact(&mut [0; 8192]).unwrap();
        assert_eq!(written.join().unwrap(), 1);
        assert!(!block.end());
    }
}
