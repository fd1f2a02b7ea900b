//! Children that are watched, and steps that fail.

use std::process::Command;

use anyhow::bail;

use super::{Keep, cargo_path, step, watch};

#[test]
fn keeps_the_chosen_stream_and_the_exit_status() {
    let (status, said) = watch(Command::new(cargo_path()).arg("--version"), Keep::Stdout).unwrap();
    assert!(status.success() && said.starts_with("cargo "), "{said}");
    let (status, said) = watch(Command::new(cargo_path()).arg("no-such-command-here"), Keep::Stderr).unwrap();
    assert!(!status.success() && said.contains("no-such-command-here"), "{said}");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let refused = watch(&mut Command::new("no-such-program-here"), Keep::Stdout).unwrap_err();
    assert!(refused.to_string().contains("no-such-program-here did not start"), "{refused}");
}

#[test]
fn a_step_that_errs_has_failed() {
    assert!(step("passes", || Ok(true)));
    assert!(!step("fails", || Ok(false)));
    assert!(!step("cannot run", || bail!("its tool is missing")));
}
