//! Shell completions and manual pages, generated from the definitions of the command line.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;

/// The completion script of a shell.
pub fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "arb", &mut script);
    script
}

/// The manual page of a command in roff; of the program when `words` is empty.
///
/// # Errors
/// `Exit::Usage` when there is no such command.
pub fn manual(mut command: Command, words: &[String]) -> Result<Vec<u8>, CliError> {
    command.build();
    for word in words {
        let Some(inner) = command.find_subcommand(word) else {
            let message = format!("`{word}` is no command of {}", command.get_name());
            let hint = "`arb --help` lists the commands";
            return Err(CliError::new(Exit::Usage, message, hint));
        };
        command = inner.clone();
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| {
        let hint = "report it: a page is rendered into memory";
        CliError::new(Exit::Internal, format!("manual page: {error}"), hint)
    })?;
    Ok(page)
}
