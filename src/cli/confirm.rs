//! What is asked before data goes.

use std::io::{BufRead, IsTerminal, Write};

use super::{Context, serve};

/// Lets pass who typed the site's name on a terminal or gave `--yes`, unless a server uses the
/// data folder.
///
/// # Errors
/// One line: what stands in the way.
pub fn destruction(context: &Context, what: &str, yes: bool) -> Result<(), String> {
    let config = &context.loaded.config;
    if serve::is_in_use(&config.data_dir) {
        return Err(format!("a server uses {}: stop it first", config.data_dir.display()));
    }
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(format!("this {what}: add --yes to say that you mean it"));
    }
    let typed = ask(&format!("This {what}. Type the site's name ({}) to go on: ", config.site_name))?;
    if typed == config.site_name { Ok(()) } else { Err("not the site's name: nothing was changed".into()) }
}

/// Asks for one line on the terminal.
///
/// # Errors
/// When nobody answers.
pub fn ask(question: &str) -> Result<String, String> {
    print!("{question}");
    std::io::stdout().flush().map_err(|e| e.to_string())?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).map_err(|e| e.to_string())?;
    if read == 0 { Err("no answer".into()) } else { Ok(line.trim().to_owned()) }
}
