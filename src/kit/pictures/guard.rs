//! The last bound on a decoder: a file that ends once too much was used up for it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use crate::kit::system;

/// Processor time that one image may take. The largest photographs take a second.
const MAX_TIME: Duration = Duration::from_secs(8);

/// Memory that the rest of the server may begin to use meanwhile.
const OTHERS: u64 = 64 << 20;

/// Memory is asked for so seldom, in reads of the file: a question is a file of its own.
const READS_PER_QUESTION: u32 = 4;

/// A file that fails to be read once decoding it has taken more time or memory than any image needs. Every format reads
/// its file bit by bit as it decodes; what is computed before, such as the number of scans, only has to be right for
/// well-meant files.
pub(super) struct Guarded {
    file: File,
    until: Duration,
    max_resident: u64,
    reads: u32,
    /// The bound was passed.
    pub is_exceeded: bool,
}

impl Guarded {
    /// Time and memory count from now on, on this thread.
    pub fn new(file: File, memory: u64) -> Self {
        let max_resident = system::resident_bytes().saturating_add(memory).saturating_add(OTHERS);
        Self { file, until: system::thread_time() + MAX_TIME, max_resident, reads: 0, is_exceeded: false }
    }
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads = self.reads.wrapping_add(1);
        let is_too_large =
            self.reads.is_multiple_of(READS_PER_QUESTION) && system::resident_bytes() > self.max_resident;
        if self.is_exceeded || is_too_large || system::thread_time() > self.until {
            self.is_exceeded = true;
            return Err(io::Error::other("the image takes too much time or memory"));
        }
        self.file.read(buffer)
    }
}

impl Seek for Guarded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
