//! `aitrading config check`: the same check that `up` runs, and nothing else.

use crate::{
    cli, config,
    config::Flags,
    exit::{Exit, Failure},
    layout::Layout,
    print,
};
use aitrading_config::Environment;
use aitrading_env::Env;
use std::io::Write;

/// Lists every problem.
pub(crate) fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::ConfigCheck,
) -> Result<(), Failure> {
    let in_directory = args.data_dir.as_ref().map(|dir| Layout::new(dir).config());
    let Some(file) = args.file.clone().or(in_directory) else {
        return Err(Failure::new(Exit::Config, "name a directory with --data-dir or a file with --file"));
    };
    match config::load(env, &file, variables, &Flags::default()) {
        Ok(_) if args.json => print(out, format_args!("{}", serde_json::json!({"valid": true, "violations": []}))),
        Ok(_) => print(out, format_args!("{} is valid", file.display())),
        Err(violations) if args.json => {
            let rows: Vec<_> = violations
                .0
                .iter()
                .map(|v| serde_json::json!({"key": v.key, "value": v.value, "cause": v.cause, "cure": v.cure}))
                .collect();
            print(out, format_args!("{}", serde_json::json!({"valid": false, "violations": rows})))?;
            Err(Failure::new(Exit::Config, "the configuration is not valid"))
        }
        Err(violations) => Err(config::refused(violations)),
    }
}
