//! `aitrading config seal`: turns a secret into a text that only this directory can open.

use crate::{
    cli,
    exit::{Exit, Failure},
    layout::Layout,
    print,
    vault::sealed::Sealed,
};
use aitrading_env::Env;
use std::io::{IsTerminal, Read, Write};

const BYTES_MAX: u64 = 64 * 1024;

/// Reads the secret from standard input: on the command line every process could read it.
pub(crate) fn run(env: &Env, out: &mut dyn Write, input: &mut dyn Read, args: &cli::ConfigSeal) -> Result<(), Failure> {
    let layout = Layout::new(&args.data_dir);
    if !layout.is_initialised(env)? {
        let dir = layout.root().display();
        let text = format!("{dir} is not prepared; run `aitrading init --data-dir {dir}` first");
        return Err(Failure::new(Exit::Config, text));
    }
    if std::io::stdin().is_terminal() {
        // The hint is for people; standard output holds the sealed text alone.
        writeln!(
            std::io::stderr(),
            "reading the secret: type it, Enter, then Ctrl-D (it is shown; a file or a pipe is safer)"
        )
        .unwrap_or(());
    }
    let secret = bounded(input)?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    let sealed = Sealed::open(env, &layout.keys())?.seal(env, &args.key, secret)?;
    print(out, format_args!("{sealed}"))
}

#[expect(clippy::disallowed_methods, reason = "this is the bounded read")]
fn bounded(input: &mut dyn Read) -> Result<String, Failure> {
    let mut secret = String::new();
    let read = input.take(BYTES_MAX).read_to_string(&mut secret);
    read.map_err(|e| Failure::new(Exit::Data, format!("the secret on standard input is not text: {e}")))?;
    Ok(secret)
}
