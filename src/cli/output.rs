//! Data on stdout, and what it means when stdout is gone.

use std::io;
use std::io::Write;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;

/// Writes all of it to stdout.
///
/// # Errors
/// As [`ended`] says.
pub fn print(data: &[u8]) -> Result<Exit, CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => ended(&error),
    }
}

/// How a command ends when stdout refuses its data. A reader that has seen enough (`| head`) is
/// no failure.
///
/// # Errors
/// `Exit::Io` for anything else, such as a full disk.
pub fn ended(error: &io::Error) -> Result<Exit, CliError> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(Exit::Done);
    }
    let hint = "free space, or write the output elsewhere";
    Err(CliError::new(Exit::Io, format!("cannot write to stdout: {error}"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        assert_eq!(ended(&io::ErrorKind::BrokenPipe.into()), Ok(Exit::Done));
        let full = ended(&io::ErrorKind::StorageFull.into());
        assert_eq!(full.map_err(|error| error.exit), Err(Exit::Io));
    }
}
