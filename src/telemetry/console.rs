//! Lines to stderr that never wait for whoever reads it.
//!
//! A pipe or terminal is opened once more through `/proc`, which gives a handle of its own whose
//! non-blocking mode no other process shares. A file does not block; a socket (a service
//! manager's journal) cannot be opened again and may hold up telemetry, and nobody else.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const STDERR: &str = "/proc/self/fd/2";

/// Where lines for people go.
pub struct Console {
    out: Box<dyn Write + Send>,
    lost: u64,
}

impl Console {
    /// The stderr of this process.
    pub fn stderr() -> Console {
        Console::through(Path::new(STDERR), Box::new(io::stderr()))
    }
    /// The pipe or terminal at `path` without waiting; `otherwise` when it is neither, or cannot
    /// be opened again.
    pub fn through(path: &Path, otherwise: Box<dyn Write + Send>) -> Console {
        let out = match without_waiting(path) {
            Ok(Some(file)) => Box::new(file),
            // Another kind of file, or not ours to open: the handle that exists still works.
            Ok(None) | Err(_) => otherwise,
        };
        Console { out, lost: 0 }
    }
    /// Writes a line that ends in a newline, or counts it as lost. Keeps trying with the next:
    /// who did not read may read again.
    pub fn write(&mut self, line: &str) {
        if self.write_whole(line.as_bytes()).is_err() {
            self.lost += 1;
        }
    }
    /// Lines that could not be written, so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// A pipe takes a line of less than 4,096 bytes whole or not at all, a terminal maybe a part.
    fn write_whole(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// `None` for what is neither pipe nor terminal.
fn without_waiting(path: &Path) -> io::Result<Option<fs::File>> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_fifo() && !kind.is_char_device() {
        return Ok(None);
    }
    // A terminal that is opened must not become the one that controls this process.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().write(true).custom_flags(flags).open(path).map(Some)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    use super::*;

    fn line(number: usize) -> String {
        format!("{number:0>200}\n")
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_up_nothing_and_each_line_is_whole_or_counted() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
        // Without the handle of its own the first write to the full pipe would wait for ever.
        let mut console = Console::through(Path::new(&path), Box::new(writer));
        (0..10_000).for_each(|number| console.write(&line(number)));
        let written = 10_000 - console.lost() as usize;
        assert!(console.lost() > 0 && written > 100, "{written} written");

        let mut seen = vec![0; written * line(0).len()];
        reader.read_exact(&mut seen).expect("what was written");
        let expected: String = (0..written).map(line).collect();
        assert_eq!(String::from_utf8(seen).expect("text"), expected);

        let lost = console.lost();
        console.write("back\n");
        assert_eq!(console.lost(), lost, "read again, written again");
    }

    #[test]
    fn a_reader_that_went_away_costs_lines_only() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let mut console = Console::through(Path::new("/nowhere"), Box::new(writer));
        console.write("a\n");
        console.write("b\n");
        assert_eq!(console.lost(), 2);
    }
}
